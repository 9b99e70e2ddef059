"""Stage train_gan: train one generator and one discriminator against each other."""

import csv

from stages.corpus.corpus import load_corpus
from stages.embeddings.protocol import load_embedding
from stages.experiment import (
    load_gan_params,
    pick_device,
    replacing,
    run_stage,
    seed_everything,
    write_metrics,
)
from stages.training.step import Step


def main(name: str) -> None:
    params = load_gan_params(name)
    if params.gan.recipe == "paper":
        from stages.train_gan_paper import train_gan
    else:
        from stages.train_gan_modern import train_gan
    seed_everything(params.seed)
    device = pick_device(params.device)
    corpus = load_corpus("data/corpus")
    embedding = load_embedding(name, f"data/embeddings/{name}", device)
    gan, steps, values = train_gan(name, params, corpus, embedding, device)
    with replacing(f"data/models/gan-{name}.safetensors") as path:
        gan.save(path)
    write_curve(f"plots/train_gan-{name}.csv", steps)
    write_metrics("train_gan", values, name)


def write_curve(path: str, steps: list[Step]) -> None:
    """Write both losses of each update as CSV."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Step._fields)
        for step in steps:
            losses = (f"{step.generator:.6g}", f"{step.discriminator:.6g}")
            writer.writerow((step.step, step.epoch, *losses))


if __name__ == "__main__":
    run_stage(main)
