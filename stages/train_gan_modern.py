"""The modern recipe of the stage train_gan: from the language model on, by rewards."""

import math
from collections.abc import Callable
from itertools import islice
from statistics import fmean
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from stages.corpus.corpus import Corpus
from stages.embeddings.piece_table import PieceTable, lengths_of
from stages.embeddings.protocol import Embedding
from stages.embeddings.vectors import embed_by_place
from stages.measures.frechet import fit_gaussian, frechet_distance
from stages.measures.sentence_vectors import SentenceEncoder
from stages.models.language_gan import LanguageGan, LanguageGanSettings
from stages.models.language_model import LanguageModel
from stages.models.markov_chain import MarkovChain
from stages.seeds import derive_seed
from stages.training.best import Best
from stages.training.language_gan import Data, Method, Texts, train
from stages.training.memory import count_parameters
from stages.training.step import Step, follow

CHECKED = 1000  # texts of the generator that each epoch is judged by


def train_gan(
    name: str, params: SimpleNamespace, corpus: Corpus, embedding: Embedding, device: str
) -> tuple[LanguageGan, list[Step], dict[str, float]]:
    """Train the language model against a discriminator; return both, their losses and metrics.

    The epoch kept is the one at which the generator's own texts, not chosen by the discriminator,
    have the least Frechet distance of sentence vectors to the validation texts, which neither
    network learns from.
    """
    settings, length = params.gan, params.gan.max_length
    generator = LanguageModel.load("data/models/language_model.safetensors", device)
    shape = LanguageGanSettings(
        width=embedding.width,
        max_length=length,
        hidden_size=settings.hidden_size,
        num_layers=settings.num_layers,
        dropout=settings.dropout,
        token_dropout=settings.token_dropout,
        sources=1 + len(settings.fakes),
        bounded=settings.objective == "wasserstein",
    )
    learnt = corpus.texts(corpus.train, length)
    held_out = corpus.texts(corpus.validation, length)

    def draw_from(source: str) -> Callable[[int], Texts]:
        """Give the function from a number to as many fakes, out of as many as there are real."""
        texts = write_fakes(source, len(learnt), params, corpus, generator)
        fakes = look_up(f"{name}: {source}", embedding, texts, length)
        return lambda count: fakes(torch.randint(len(texts), (count,)))

    # The language model is the generator as it begins.
    own = settings.warm_up > 0 or "language_model" in settings.fakes
    early = draw_from("language_model") if own else None
    data = Data(
        words=generator.tokenize(learnt, length),
        real=look_up(f"{name}: real", embedding, learnt, length),
        early=early,
        others=[
            early if source == "language_model" else draw_from(source) for source in settings.fakes
        ],
        pieces=PieceTable(embedding, generator.words, length),
        embed=embedding.embed,
    )
    method = Method(
        name=settings.method,
        objective=settings.objective,
        discount=settings.discount,
        likelihood_weight=settings.likelihood_weight,
        generator_learning_rate=settings.generator_learning_rate,
        learning_rate=settings.learning_rate,
    )
    gan = LanguageGan(shape, generator).to(device)
    updates = train(
        gan,
        data,
        method,
        warm_up=settings.warm_up,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
    )
    distance = distance_to(held_out, params.seed, length, device)
    best, steps = Best(gan), []
    per_epoch = math.ceil(len(learnt) / settings.batch_size)
    total = (settings.warm_up + settings.epochs) * per_epoch
    with tqdm(desc=f"gan {name} on {device}", total=total, unit="step") as progress:
        for epoch in range(1 - settings.warm_up, settings.epochs + 1):
            steps += follow(islice(updates, per_epoch), progress)
            if epoch > 0:
                best.offer(distance(generator), epoch)
    best.restore()
    kept = [step for step in steps if step.epoch == best.epoch]
    values = {
        "steps": len(steps),
        "generator_parameters": count_parameters(gan.generator),
        "discriminator_parameters": count_parameters(gan.discriminator),
        "generator_loss": fmean(step.generator for step in kept),
        "discriminator_loss": fmean(step.discriminator for step in kept),
        "best_epoch": best.epoch,
        "validation_frechet": best.value,
    }
    return gan, steps, values


def write_fakes(
    source: str, count: int, params: SimpleNamespace, corpus: Corpus, generator: LanguageModel
) -> list[str]:
    """Let the language model, or the chain, write texts for the discriminator to learn from.

    None of them is what the stage sample draws, whose random numbers are others.
    """
    length = params.gan.max_length
    seed = derive_seed(params.seed, "fakes")
    if source == "language_model":
        return [text for batch in generator.generate(count, length, seed) for text in batch]
    chain = MarkovChain.load("data/models/markov.safetensors")
    texts = chain.sample(count, length, np.random.default_rng(seed), params.markov.start)
    return [" ".join(corpus.words[word] for word in text) for text in texts]


def look_up(
    name: str, embedding: Embedding, texts: list[str], length: int
) -> Callable[[Tensor], Texts]:
    """Give the function from places among the texts to what a discriminator reads of them."""
    tokens = embedding.tokenize(texts, length)
    lengths = lengths_of(tokens)
    vectors = embed_by_place(name, embedding, tokens)
    return lambda places: Texts(vectors(places), lengths[places.to(lengths.device)])


def distance_to(
    held_out: list[str], seed: int, length: int, device: str
) -> Callable[[LanguageModel], float]:
    """Give the measure that picks the epoch: Frechet distance to the validation texts."""
    encoder = SentenceEncoder(device)
    real = fit_gaussian(encoder.encode(held_out))

    def distance(generator: LanguageModel) -> float:
        written = generator.generate(CHECKED, length, derive_seed(seed, "check"))
        texts = [text for batch in written for text in batch]
        return frechet_distance(real, fit_gaussian(encoder.encode(texts)))

    return distance
