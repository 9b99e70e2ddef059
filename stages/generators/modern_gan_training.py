"""How the modern GAN learns: its discriminator alone, then both networks from each other."""

import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam

from stages.corpus.corpus import Corpus
from stages.corpus.seeds import derive_seed
from stages.embeddings.piece_table import PieceTable, lengths_of
from stages.embeddings.protocol import Embedding
from stages.generators.modern_gan_settings import ModernGanSettings
from stages.generators.protocol import Step
from stages.generators.word_model import LikelihoodModel
from stages.measures.frechet import Gaussian, fit_gaussian, frechet_distance
from stages.measures.sentence_vectors import SentenceEncoder
from stages.networks.cores import all_cores
from stages.networks.lstm_language_model import NextWordModel, copy_frozen
from stages.training.discriminator import Texts, generator_loss, update_discriminator
from stages.training.lone_discriminator import LoneDiscriminator
from stages.training.policy_gradient import advantages, divergence, update_generator
from stages.training.stock import Stock

CHECKED = 1000  # texts of the generator that each epoch is judged by


class ModernGanTraining:
    """The passes of the discriminator alone, then those of both networks.

    Args:
        networks: `generator`, the writer's, and `discriminator`, both on the device.
        writer: the model to start from.
        embedding: through which the discriminator reads.
        settings: of the training.
        device: where both networks live.
        encoder: the BERT by whose sentence vectors an epoch is judged; see `SentenceEncoder`.
    """

    def __init__(
        self,
        networks: nn.ModuleDict,
        writer: LikelihoodModel,
        embedding: Embedding,
        settings: ModernGanSettings,
        device: str,
        encoder: str,
    ) -> None:
        self.networks = networks
        self.writer = writer
        self.max_length = writer.max_length
        self.embedding = embedding
        self.settings = settings
        self.device = device
        self.encoder = encoder
        self.lone = LoneDiscriminator(
            networks["discriminator"],
            settings.batch_size,
            settings.learning_rate,
            settings.warm_up,
            settings.objective,
        )
        self.start: NextWordModel | None = None  # the generator as it was, for the penalty
        self.steps = 0  # updates made
        self.epoch = 0  # passes in which both networks have learnt
        self.seed = 0  # of the texts by which an epoch is judged
        self.own = settings.generator  # the source of fakes that the generator is before it learns
        self.fakes: dict[str, list[str]] = {}  # texts by source

    @cached_property
    def optimizer(self) -> Adam:
        """The generator's, made when training asks for it; see `PlateauModel.optimizer`."""
        rate = self.settings.generator_learning_rate
        return Adam(self.networks["generator"].parameters(), rate, fused=True)

    def begin(self, fakes: Mapping[str, list[str]], seed: int) -> None:
        """Take what it learns from, before any update.

        Args:
            fakes: texts by source; those beyond as many as there are training texts are only for
                the loss on unseen ones.
            seed: of the texts by which an epoch is judged.
        """
        self.fakes, self.seed = dict(fakes), seed
        if self.settings.divergence_weight:
            self.start = copy_frozen(self.networks["generator"])

    def count_steps(self, corpus: Corpus) -> int:
        """Return how many updates `train` makes at most; see `protocol.Generator`."""
        alone = self.lone.passes if self.lone.is_over else self.lone.most
        passes = alone + self.settings.epochs
        return passes * math.ceil(len(corpus.train) / self.settings.batch_size)

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Make the passes that are left; see `ModernGan.train`."""
        settings, words = self.settings, self.writer.number(corpus, corpus.train)

        def stock(name: str, texts: Sequence[str]) -> Stock:
            return Stock(name, self.embedding, self.embedding.tokenize(texts, self.max_length))

        real = stock("real texts", corpus.texts(corpus.train, self.max_length))
        fakes = {name: stock(name, texts[: len(words)]) for name, texts in self.fakes.items()}
        unseen = (
            self.fakes[self.own][len(words) :],
            corpus.texts(corpus.validation, self.max_length),
        )
        held_out = None
        if all(unseen):
            held_out = stock("unseen real texts", unseen[1]), stock("unseen fakes", unseen[0])
        distance = None
        if settings.epochs and len(corpus.validation) > 1:
            distance = self._distance_to(unseen[1])
        others = [fakes[name] for name in settings.fakes]
        for losses, ends_pass in self.lone.warm_up(real, [fakes[self.own], *others], held_out):
            self.steps += 1
            judged = distance() if distance and ends_pass and self.lone.is_over else None
            yield Step(self.steps, 0, losses._asdict(), judged, ends_epoch=ends_pass)
        self.networks.train()
        if self.epoch < settings.epochs:
            pieces = PieceTable(self.embedding, self.writer.words, self.max_length)
        while self.epoch < settings.epochs:
            step = yield from self._pass(real, others, words, pieces)
            self.epoch += 1
            yield step._replace(validation=distance() if distance else None, ends_epoch=True)
        self.networks.eval()

    def _pass(
        self, real: Stock, sources: list[Stock], words: Tensor, pieces: PieceTable
    ) -> Generator[Step, None, Step]:
        """Let both make a pass; yield all steps but the last, which is returned."""
        self.lone.set_rate()
        order = torch.randperm(len(real.lengths)).split(self.settings.batch_size)
        for number, places in enumerate(order, start=1):
            others = [source.draw(len(places)) for source in sources]
            losses = self._update(real.at(places), others, words[places], pieces)
            self.steps += 1
            step = Step(self.steps, self.epoch + 1, losses)
            if number < len(order):
                yield step
        return step

    def _update(
        self, real: Texts, fakes: list[Texts], real_words: Tensor, pieces: PieceTable
    ) -> dict[str, float]:
        """Update both networks.

        Args:
            real: real texts as the discriminator reads them.
            fakes: one batch a source, beside those that the generator is to write.
            real_words: the same real texts as the generator writes them, (B, T), int64.
            pieces: from the generator's words to the embedding's tokens.

        Returns:
            generator: the mean of -log D of its texts, in nats, before its update; discriminator:
            the loss of real texts and fakes before its update.
        """
        settings = self.settings
        generator, discriminator = self.networks["generator"], self.networks["discriminator"]
        words = generator.sample(len(real_words), self.max_length)  # (B, T)
        tokens, ends = pieces.tokenize(words)
        own = Texts(self.embedding.embed(tokens), lengths_of(tokens))
        losses = update_discriminator(
            discriminator, real, [own, *fakes], settings.objective, self.lone.optimizer
        )
        logits = self._judge(own)
        gained = advantages(
            settings.method, logits, own.lengths, ends, words, settings.discount
        )  # (B, T)
        if self.start is not None:
            gained = gained - settings.divergence_weight * divergence(generator, self.start, words)
        update_generator(
            generator,
            words,
            gained,
            real_words.to(words.device),
            settings.likelihood_weight,
            self.optimizer,
        )
        return {
            "generator": generator_loss(logits, own.lengths),
            "discriminator": losses.discriminator,
        }

    @torch.no_grad()
    def _judge(self, own: Texts) -> Tensor:
        """Return the logits (B, T' + 1) of real against the generator's texts."""
        discriminator = self.networks["discriminator"].eval()
        logits = discriminator(*own)[..., 0]
        discriminator.train()
        return logits

    def _distance_to(self, held_out: list[str]) -> Callable[[], float]:
        """Give the measure of an epoch: Frechet distance to the validation texts."""
        encoder = SentenceEncoder(self.device, self.encoder)
        seed = derive_seed(self.seed, "check")

        def fit(texts: list[str]) -> Gaussian:
            with all_cores() as pool:
                return fit_gaussian(encoder.encode(texts, pool))

        real = fit(held_out)

        def distance() -> float:
            texts = [text for batch in self.writer.generate(CHECKED, seed) for text in batch]
            return frechet_distance(real, fit(texts))

        return distance

    def state_dict(self) -> dict[str, Any]:
        """Return what resuming needs beside the networks' weights."""
        return {
            "generator_optimizer": self.optimizer.state_dict(),
            "lone": self.lone.state_dict(),
            "made": [self.steps, self.epoch],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what `state_dict` returned."""
        self.optimizer.load_state_dict(state["generator_optimizer"])
        self.lone.load_state_dict(state["lone"])
        self.steps, self.epoch = state["made"]
