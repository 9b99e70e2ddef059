"""Stage train_gan: train one generator and one discriminator against each other."""

import csv
import math
from collections.abc import Callable, Iterator
from statistics import fmean

import torch
from torch import Tensor
from tqdm import tqdm

from stages.corpus.corpus import load_corpus
from stages.embeddings.protocol import Embedding, load_embedding
from stages.errors import UserError
from stages.experiment import (
    load_gan_params,
    pick_device,
    replacing,
    run_stage,
    seed_everything,
    write_metrics,
)
from stages.models.gan import Gan, GanSettings
from stages.training.adversarial import Step, train
from stages.training.memory import check_memory, count_parameters

# Vectors of all texts are made once where they take no more bytes than this, else batch by batch. A
# fixed number, as the two round differently: free memory must not change what comes out.
VECTORS_KEPT = 2 * 10**9
BATCH = 500  # texts embedded at a time before training


def main(name: str) -> None:
    params = load_gan_params(name)
    seed_everything(params.seed)
    device = pick_device(params.device)
    corpus = load_corpus("data/corpus")
    embedding = load_embedding(name, f"data/embeddings/{name}", device)
    settings = GanSettings(
        width=embedding.width,
        max_length=params.gan.max_length,
        hidden_size=params.gan.hidden_size,
        num_layers=params.gan.num_layers,
        dropout=params.gan.dropout,
        noise=params.gan.noise,
    )
    check_memory(settings, device)
    gan = Gan(settings).to(device)
    texts = corpus.texts(corpus.train, params.gan.max_length)
    updates = train(
        gan,
        len(texts),
        embed_by_place(name, embedding, embedding.tokenize(texts, params.gan.max_length)),
        epochs=params.gan.epochs,
        batch_size=params.gan.batch_size,
        learning_rate=params.gan.learning_rate,
    )
    total = params.gan.epochs * math.ceil(len(texts) / params.gan.batch_size)
    steps = follow(updates, f"gan {name} on {device}", total)
    with replacing(f"data/models/gan-{name}.safetensors") as path:
        gan.save(path)
    write_curve(f"plots/train_gan-{name}.csv", steps)
    last = [step for step in steps if step.epoch == params.gan.epochs]
    values = {
        "steps": len(steps),
        "generator_parameters": count_parameters(gan.generator),
        "discriminator_parameters": count_parameters(gan.discriminator),
        "generator_loss": fmean(step.generator for step in last),
        "discriminator_loss": fmean(step.discriminator for step in last),
    }
    write_metrics("train_gan", values, name)


def embed_by_place(name: str, embedding: Embedding, tokens: Tensor) -> Callable[[Tensor], Tensor]:
    """Give the function from places among the texts to their vectors.

    Args:
        name: of the embedding, for the progress bar.
        embedding: a frozen embedding, so that each pass over the texts sees the same vectors.
        tokens: the texts (N, T), as the embedding's `tokenize` gives them.
    """
    if tokens.numel() * embedding.width * 4 > VECTORS_KEPT:
        return lambda places: embedding.embed(tokens[places.to(tokens.device)])
    batches = tqdm(tokens.split(BATCH), desc=f"{name} vectors", unit="batch")
    vectors = torch.cat([embedding.embed(batch) for batch in batches])  # (N, T, E)
    return lambda places: vectors[places.to(vectors.device)]


def follow(updates: Iterator[Step], description: str, total: int) -> list[Step]:
    """Run the updates to their end, with both losses on a progress bar.

    Raises:
        UserError: a loss is no longer finite.
    """
    steps = []
    with tqdm(updates, desc=description, total=total, unit="step") as progress:
        for step in progress:
            if not math.isfinite(step.generator + step.discriminator):
                raise UserError(
                    f"{description}: a loss is no longer finite at step {step.step}; "
                    "lower gan.learning_rate"
                )
            steps.append(step)
            progress.set_postfix(
                generator=f"{step.generator:.3f}", discriminator=f"{step.discriminator:.3f}"
            )
    return steps


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
