"""The paper's recipe of the stage train_gan."""

import math
from statistics import fmean
from types import SimpleNamespace

from tqdm import tqdm

from stages.corpus.corpus import Corpus
from stages.embeddings.protocol import Embedding
from stages.embeddings.vectors import embed_by_place
from stages.models.gan import Gan, GanSettings
from stages.training.adversarial import train
from stages.training.memory import check_memory, count_parameters
from stages.training.step import Step, follow


def train_gan(
    name: str, params: SimpleNamespace, corpus: Corpus, embedding: Embedding, device: str
) -> tuple[Gan, list[Step], dict[str, float]]:
    """Train both networks from nothing; return them, their losses and their metrics."""
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
    with tqdm(desc=f"gan {name} on {device}", total=total, unit="step") as progress:
        steps = follow(updates, progress)
    last = [step for step in steps if step.epoch == params.gan.epochs]
    values = {
        "steps": len(steps),
        "generator_parameters": count_parameters(gan.generator),
        "discriminator_parameters": count_parameters(gan.discriminator),
        "generator_loss": fmean(step.generator for step in last),
        "discriminator_loss": fmean(step.discriminator for step in last),
    }
    return gan, steps, values
