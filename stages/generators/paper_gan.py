"""The paper's GAN: noise to the vectors of all words at once, then words by an embedding.

Source: M. Beneš, "Generating text using LSTM GAN in PyTorch", 2021, section "Method"; departures
from it stand in data/README.md.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import psutil
import torch
from torch import Tensor, nn
from torch.optim import Adam

from stages.corpus.corpus import Corpus
from stages.corpus.errors import UserError
from stages.corpus.settings import NetworkSettings, Size
from stages.embeddings.protocol import Embedding, EmbeddingName, load_copy
from stages.embeddings.vectors import embed_by_place
from stages.generators.folder import load_about, load_network, save_folder
from stages.generators.protocol import GeneratorAbout, Step, check_request
from stages.judges.vector_judge import VectorJudge
from stages.networks.size import count_parameters, unallocated
from stages.networks.vector_discriminator import VectorDiscriminator
from stages.networks.vector_generator import VectorGenerator, draw_noise
from stages.training.adversarial import update

BATCH = 500  # texts generated at a time


class PaperGanSettings(NetworkSettings):
    """The shape of both networks, and their training.

    Attributes:
        noise: the generator's input: `normal` (mean 0, deviation 1) or `uniform` (from -1 to 1).
    """

    noise: Literal["normal", "uniform"]


class _About(GeneratorAbout):
    settings: PaperGanSettings
    max_length: Size
    embedding: EmbeddingName
    width: Size


class PaperGan:
    """A generator and a discriminator of the vectors of one embedding.

    Args:
        embedding: from texts to vectors and back.
        settings: of both networks.
        max_length: T, tokens a text.
        device: where both networks live.
    """

    Settings: ClassVar = PaperGanSettings
    conditional: ClassVar = False
    tempered: ClassVar = False
    prefixed: ClassVar = False
    likelihood: ClassVar = "none"
    chooses: ClassVar = False
    latent: ClassVar = False
    stops_early: ClassVar = False
    fingerprint: str | None = None

    def __init__(
        self, embedding: Embedding, settings: PaperGanSettings, max_length: int, device: str
    ) -> None:
        self.embedding = embedding
        self.settings = settings
        self.max_length = max_length
        self.device = device
        self.networks = nn.ModuleDict(make_networks(embedding.width, settings, max_length))
        self.networks.to(device)
        self.epoch = 0  # passes made

    @cached_property
    def optimizers(self) -> dict[str, Adam]:
        """Of each network, made when training asks for them; see `PlateauModel.optimizer`."""
        return {
            name: Adam(network.parameters(), self.settings.learning_rate, fused=True)
            for name, network in self.networks.items()
        }

    @classmethod
    def build(
        cls,
        corpus: Corpus,
        settings: PaperGanSettings,
        *,
        seed: int,
        device: str,
        embedding: Embedding,
        start: Path,
        encoder: str | None = None,
    ) -> Self:
        """Make an untrained GAN; it starts from noise, and no epoch of it is judged.

        So `start` holds nothing, and `encoder` is for the modern one.

        Raises:
            UserError: its training cannot fit in the memory that is free.
        """
        check_memory(embedding.width, settings, corpus.max_length, device)
        gan = cls(embedding, settings, corpus.max_length, device)
        gan.fingerprint = corpus.fingerprint
        return gan

    def count_steps(self, corpus: Corpus) -> int:
        """Return how many updates `train` makes."""
        return self.settings.epochs * math.ceil(len(corpus.train) / self.settings.batch_size)

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Train both networks against each other; the losses are in nats."""
        texts = corpus.texts(corpus.train, self.max_length)
        tokens = self.embedding.tokenize(texts, self.max_length)
        embed = embed_by_place("real texts", self.embedding, tokens)
        batches = math.ceil(len(texts) / self.settings.batch_size)
        self.networks.train()
        while self.epoch < self.settings.epochs:
            order = torch.randperm(len(texts)).split(self.settings.batch_size)
            for batch, places in enumerate(order, start=1):
                real = embed(places)  # (B, T, E)
                noise = self._draw_noise(len(places))  # (B, T, E)
                losses = update(*self.networks.values(), real, noise, *self.optimizers.values())
                step = self.epoch * batches + batch
                is_last = batch == batches
                named = dict(zip(self.networks, losses, strict=True))
                self.epoch += is_last
                yield Step(step, self.epoch + (not is_last), named, ends_epoch=is_last)
        self.networks.eval()

    def _draw_noise(self, count: int, random: torch.Generator | None = None) -> Tensor:
        generator = self.networks["generator"]
        return draw_noise(self.settings.noise, count, generator, random=random)

    @torch.no_grad()
    def make_vectors(self, count: int, seed: int) -> Iterator[Tensor]:
        """Yield the vectors (B, T, E) of `count` texts in batches; same seed, same vectors."""
        random = torch.Generator().manual_seed(seed)
        for first in range(0, count, BATCH):
            noise = self._draw_noise(min(BATCH, count - first), random)
            yield self.networks["generator"](noise)

    def generate(
        self,
        count: int,
        seed: int,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        labels: Sequence[str] | None = None,
        prefix: str = "",
    ) -> Iterator[list[str]]:
        """Yield texts; see `protocol.Generator`."""
        check_request(self, temperature=temperature, top_p=top_p, labels=labels, prefix=prefix)
        for vectors in self.make_vectors(count, seed):
            yield self.embedding.decode(vectors)

    @property
    def judge(self) -> VectorJudge:
        """The discriminator as a judge of texts."""
        return VectorJudge(self.networks["discriminator"], self.embedding, self.max_length)

    def judge_own(self, count: int, seed: int) -> np.ndarray:
        """Return the discriminator's logits (count,) of its own generator's vectors.

        The paper judges the vectors, before they become words.
        """
        made = self.make_vectors(count, seed)
        return np.concatenate([self.judge.judge_vectors(vectors) for vectors in made])

    def log_likelihood(self, texts: Sequence[str]) -> np.ndarray:
        """Not to be had: a GAN of vectors has no likelihood."""
        raise UserError("PaperGan: it writes vectors, so it has no likelihood of texts")

    def describe(self) -> dict[str, float]:
        """Count the weights of both networks."""
        return {
            f"{name}_parameters": count_parameters(network)
            for name, network in self.networks.items()
        }

    def state_dict(self) -> dict[str, Any]:
        """Return weights, both optimizers' states and the passes made."""
        optimizers = {name: each.state_dict() for name, each in self.optimizers.items()}
        training = {"optimizers": optimizers, "epoch": self.epoch}
        return {"weights": self.networks.state_dict(), "training": training}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take weights and, where they are given, what resuming needs."""
        self.networks.load_state_dict(state["weights"])
        if "training" in state:
            for name, optimizer in self.optimizers.items():
                optimizer.load_state_dict(state["training"]["optimizers"][name])
            self.epoch = state["training"]["epoch"]

    def save(self, folder: Path) -> None:
        """Write both networks and the embedding; see `protocol.Generator`."""
        about = {
            "corpus": self.fingerprint,
            "settings": self.settings.model_dump(),
            "max_length": self.max_length,
            "embedding": self.embedding.name,
            "width": self.embedding.width,
        }
        save_folder(folder, "paper_gan", about, self.networks.state_dict())
        self.embedding.save(folder / "embedding")

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Read what `save` wrote, in evaluation mode."""
        about = load_about(folder, _About)
        shape = about.width, about.settings, about.max_length
        weights = load_network(
            folder, lambda: nn.ModuleDict(make_networks(*shape)), about.settings.num_layers
        )
        copy, width = folder / "embedding", about.width
        embedding = load_copy(about.embedding, copy, device, width=width, fingerprint=about.corpus)
        gan = cls(embedding, about.settings, about.max_length, device)
        gan.fingerprint = about.corpus
        gan.networks.load_state_dict(weights)
        gan.networks.eval()
        return gan


def make_networks(width: int, settings: PaperGanSettings, max_length: int) -> dict[str, nn.Module]:
    """Make both networks for vectors of E = `width` numbers."""
    shape = width, max_length, settings.hidden_size, settings.num_layers
    return {
        "generator": VectorGenerator(*shape),
        "discriminator": VectorDiscriminator(*shape, settings.dropout),
    }


def check_memory(width: int, settings: PaperGanSettings, max_length: int, device: str) -> None:
    """Refuse a GAN whose training cannot fit in the memory that is free.

    Counted are the weights, their gradients and Adam's two running means, float32 each; what one
    batch needs comes on top.

    Args:
        width: E, numbers a token.
        settings: the shape of both networks, which are not allocated.
        max_length: T, tokens a text.
        device: where it would be trained.

    Raises:
        UserError: it does not fit; names its size, what is free, and what makes it smaller.
    """
    with unallocated():
        networks = make_networks(width, settings, max_length)
        parameters = sum(map(count_parameters, networks.values()))
    needed = 4 * 4 * parameters
    free = torch.cuda.mem_get_info()[0] if device == "cuda" else psutil.virtual_memory().available
    if needed > free:
        raise UserError(
            f"the GAN needs {needed / 1e9:.1f} GB to train ({parameters:,} weights: width "
            f"{width}, max_length {max_length}, hidden_size {settings.hidden_size}), and "
            f"{free / 1e9:.1f} GB are free on {device}; lower gan.max_length, gan.hidden_size or "
            "the embedding's vector_size"
        )
