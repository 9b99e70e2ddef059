"""A hybrid variational autoencoder of texts: convolutions and an LSTM that write characters.

Source: S. Semeniuta, A. Severyn and E. Barth, "A Hybrid Convolutional Variational Autoencoder for
Text Generation", EMNLP 2017, arXiv:1702.02390. Convolutions read a text into a code; deconvolutions
write features of each place from it; an LSTM reads these and the characters before. An auxiliary
loss asks the deconvolutions to tell each character alone, so that the LSTM cannot make the code
useless. We differ in the LSTM (`hybrid_sentence_vae`), in sizes (`channels` is that of the last
three convolutions; the two before have a quarter and half of it, as theirs), and in that a text is
never longer than `max_characters`, which theirs are padded to.

Its numbers: as `lstm_vae`'s, by bounds only.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from stages.corpus.corpus import Corpus
from stages.corpus.settings import CountOrZero, Size, Weight
from stages.generators.protocol import Step
from stages.generators.spelling_model import (
    BATCH,
    PER_WORD,
    SpellingAbout,
    SpellingModel,
    SpellingSettings,
)
from stages.networks.hybrid_sentence_vae import FeatureDecoder, HybridSentenceVae, Shape
from stages.networks.lstm_language_model import END, State
from stages.networks.size import count_parameters
from stages.training.variational import anneal, draw_noise, read, summarise, thin, train_epoch

DRAWS = 50  # codes a text, of the importance-weighted bound
START = 0.001  # share of the weight of KL while it waits (theirs)
SHARES = (4, 2, 1, 1, 1)  # of the channels, by which those of each convolution are divided


class HybridVaeSettings(SpellingSettings):
    """The shape of the network, and its training.

    Attributes:
        code_size: Z, numbers of a code.
        convolutions: of the encoder; the decoder has as many.
        channels: of the last of them; those before have fewer.
        features: numbers a place that the deconvolutions hand to the LSTM.
        max_characters: at which texts are cropped.
        auxiliary_weight: of the loss by the deconvolutions alone, beside the reconstruction.
        kl_weight: of KL beside the reconstruction; 1 learns by the ELBO.
        delay: passes before which that weight is next to nothing.
        annealing: passes after these in which it rises.
    """

    code_size: Size
    convolutions: Annotated[int, Field(ge=1, le=len(SHARES))]
    channels: Annotated[int, Field(ge=4, le=8192)]
    features: Size
    max_characters: Size
    auxiliary_weight: Weight
    kl_weight: Weight
    delay: CountOrZero
    annealing: CountOrZero

    @model_validator(mode="after")
    def _check_length(self) -> Self:
        places = 2**self.convolutions
        if self.max_characters % places:
            raise ValueError(
                f"max_characters is {self.max_characters}; allowed: a multiple of {places}, as "
                f"each of {self.convolutions} convolutions halves it"
            )
        return self


class _About(SpellingAbout):
    settings: HybridVaeSettings


class HybridVae(SpellingModel):
    """P(text) as the mean of P(text | code) over codes of Z numbers from N(0, 1).

    What it is made of besides says `SpellingModel`.
    """

    Settings: ClassVar = HybridVaeSettings
    About: ClassVar = _About
    likelihood: ClassVar = "bound"
    latent: ClassVar = True

    held_out: Tensor | None = None  # the validation texts, once it has trained

    @staticmethod
    def make_network(
        characters: Sequence[str], settings: HybridVaeSettings, max_characters: int
    ) -> HybridSentenceVae:
        """Make the network for characters, the end and the unknown one among them."""
        first = len(SHARES) - settings.convolutions
        shape = Shape(
            length=max_characters,
            width=settings.width,
            channels=tuple(settings.channels // share for share in SHARES[first:]),
            features=settings.features,
            hidden_size=settings.hidden_size,
            num_layers=settings.num_layers,
            code_size=settings.code_size,
        )
        space = characters.index(" ")
        return HybridSentenceVae(len(characters), shape, settings.dropout, space)

    @classmethod
    def _most_characters(cls, longest: int, max_length: int, settings: HybridVaeSettings) -> int:
        places = 2**settings.convolutions
        needed = min(longest, PER_WORD * max_length, settings.max_characters)
        return -(-needed // places) * places

    @property
    def writer(self) -> FeatureDecoder:
        """The part of the network that writes one character after the other."""
        return self.network.decoder

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.network.device

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Learn from whole texts; losses and validations are in nats a word, its characters' sum.

        `auxiliary` is the loss by the deconvolutions alone, which no bound holds.
        """
        learnt, self.held_out = (
            self.number(corpus, part).tokens for part in (corpus.train, corpus.validation)
        )
        settings = self.settings

        def learn(first: int, per_epoch: int) -> Iterator[dict[str, float]]:
            waiting, rising = settings.delay * per_epoch, settings.annealing * per_epoch
            return train_epoch(
                self.network,
                learnt,
                self.optimizer,
                batch_size=settings.batch_size,
                learning_rate=settings.learning_rate * self.plateau.share,
                first=first,
                kl_weight=lambda step: (
                    settings.kl_weight * anneal(step, rising, waiting=waiting, start=START)
                ),
                auxiliary_weight=settings.auxiliary_weight,
                count_words=self._count_words,
            )

        yield from self._make_passes(corpus, learn, lambda: self._validate(self.held_out))

    def _is_settled(self) -> bool:
        return self.epoch >= self.settings.delay + self.settings.annealing

    def _count_words(self, tokens: Tensor) -> int:
        """Count the words and ends of texts (B, T), as a model of words would; 1 at least."""
        counted = tokens[self.network.counted(tokens)]
        words = (counted == self.space).sum() + 2 * (counted == END).sum()
        return max(int(words), 1)  # of texts cropped within their first words there is none

    def _validate(self, tokens: Tensor) -> float:
        """Return the ELBO's bound of -log P a word, whatever weight KL has in learning."""
        found = read(self.network, tokens, self._noise(1, len(tokens)))
        return float(-found.elbo.sum() / self._count_words(tokens))

    def _noise(self, draws: int, texts: int) -> Tensor:
        return draw_noise(draws, texts, self.settings.code_size)

    def _begin(self, count: int, random: torch.Generator) -> State:
        codes = torch.randn((count, self.settings.code_size), generator=random)
        return self._begin_by(codes)

    @torch.no_grad()
    def _begin_by(self, codes: Tensor) -> State:
        features = self.network.eval().features(codes.to(self.device))
        return self.writer.begin(features)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return the code of each text; see `protocol.Generator`."""
        for text in texts:
            self.check_characters(self._crop(text), f"text {text!r}")
        _, lines = self._spell_known(texts)
        tokens = self._spell(lines).tokens
        codes = read(self.network.eval(), tokens, self._noise(0, len(texts))).mean
        return codes.astype(np.float32)

    def decode(
        self, codes: np.ndarray, seed: int, *, temperature: float = 1.0, top_p: float = 1.0
    ) -> Iterator[list[str]]:
        """Yield a text of each code; see `protocol.Generator`."""
        random = torch.Generator().manual_seed(seed)
        options: dict[str, Any] = {"temperature": temperature, "top_p": top_p}
        for part in torch.from_numpy(np.ascontiguousarray(codes, np.float32)).split(BATCH):
            state = self._begin_by(part)
            yield self.write(self._sample(len(part), "", random, state, **options))

    def log_likelihood(self, texts: Sequence[str]) -> np.ndarray:
        """Return a lower bound of log P of each text (N,), in nats, by importance weights.

        All texts have the same noise, so that a text's bound depends on no other's. -inf without
        words, or of unknown characters. Cropped texts as `CharacterLstm.log_likelihood` has them.
        """
        self.network.eval()
        known, lines = self._spell_known(texts)
        values = np.full(len(texts), -np.inf)
        if known.any():
            found = read(_AsDrawn(self), self._spell(lines).tokens, self._noise(DRAWS, 1))
            values[known] = found.importance_bound
        return values

    def describe(self) -> dict[str, float]:
        """Count characters and weights, and say what it makes of some validation texts.

        The latter in nats a text where it has just trained; see `variational.summarise`.
        """
        values: dict[str, float] = {
            "characters": len(self.ids),
            "parameters": count_parameters(self.network),
        }
        if self.held_out is None or not len(self.held_out):
            return values
        texts = thin(self.held_out)
        noise = self._noise(DRAWS, len(texts))
        found = read(self.network.eval(), texts, noise)
        return values | summarise(found, noise[0].numpy())


class _AsDrawn:
    """The network of a `HybridVae`, with the probabilities by which it draws texts."""

    def __init__(self, model: HybridVae) -> None:
        self.model = model
        self.code_size, self.device = model.network.code_size, model.device
        self.encode = model.network.encode

    def log_likelihood(self, codes: Tensor, tokens: Tensor, *, as_drawn: bool = False) -> Tensor:
        """Return log P(text | code), (B,), float64, in nats."""
        values = self.model._log_likelihood(tokens, self.model._begin_by(codes))
        return values.to(self.device)
