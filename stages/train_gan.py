"""Stage train_gan: train one generator and one discriminator against each other."""

from stages.corpus.corpus import load_corpus
from stages.embeddings.protocol import load_embedding
from stages.experiment import (
    load_gan_params,
    pick_device,
    replacing,
    run_stage,
    seed_everything,
    write_csv,
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
    rows = (
        (step.step, step.epoch, f"{step.generator:.6g}", f"{step.discriminator:.6g}")
        for step in steps
    )
    write_csv(path, Step._fields, rows)


if __name__ == "__main__":
    run_stage(main)
