"""What generators share that draw one word after another: words, passes, texts and their folder."""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import torch
from pydantic import AfterValidator
from torch import Tensor, nn

from stages.corpus.checked_files import WordsAfterEnd
from stages.corpus.corpus import UNKNOWN, Corpus, Split
from stages.corpus.settings import Count, NetworkSettings, Share, Size
from stages.generators.folder import load_about, load_network, save_folder
from stages.generators.plateau_model import PlateauModel
from stages.generators.protocol import (
    GeneratorAbout,
    Step,
    check_request,
    check_vocabulary,
    not_learnt,
)
from stages.networks.drawing import draw_batches
from stages.networks.size import count_parameters
from stages.training.likelihood import log_likelihood, negative_log_likelihood, train_epoch

BATCH = 250  # texts that a core writes at a time; another number, other texts
# Dropout up to so many words of training text; each doubling takes a tenth off, down to the least.
MOST_DROPOUT, MANY_WORDS, LEAST_DROPOUT = 0.5, 300_000, 0.1


class WordModelSettings(NetworkSettings):
    """The shape of the network, and its training.

    Attributes:
        width: numbers a word.
        dropout: null fits it to the corpus; see `fit_dropout`.
        epochs: passes at most; training ends where validation has stopped falling.
        patience: passes that have not helped after which the learning rate falls; see `Plateau`.
    """

    width: Size
    dropout: Share | None
    patience: Count


def _check_unknown(words: list[str]) -> list[str]:
    if UNKNOWN in words and (words[1] != UNKNOWN or len(words) == 2):
        raise ValueError(f"expected {UNKNOWN} before all other words")
    return words


LearntWords = Annotated[WordsAfterEnd, AfterValidator(_check_unknown)]


def check_fitted(settings: WordModelSettings) -> WordModelSettings:
    """Return the settings of a model that has learnt.

    Raises:
        ValueError: they do not say by which dropout.
    """
    if settings.dropout is None:
        raise ValueError("expected the dropout that it learnt with, found null")
    return settings


class WordModelAbout(GeneratorAbout):
    """What about.json of such a generator says; each adds its `settings`."""

    max_length: Size
    words: LearntWords


class WordModel(PlateauModel):
    """A generator by a network over words; see `protocol.Generator`.

    Each kind says its network (`make_network`), how it learns (`_learn`, `_validate`) and how it
    draws (`_draw`).

    Args:
        words: words[0] is "", the end; then comes `UNKNOWN` where rare words were left out, which
            is learnt but never written; the others by falling frequency.
        settings: of the network and its training; dropout a number.
        max_length: words at which texts are cropped.
        device: where the network lives.
    """

    About: ClassVar[type[WordModelAbout]]
    conditional: ClassVar = False
    tempered: ClassVar = True
    prefixed: ClassVar = True
    chooses: ClassVar = False
    stops_early: ClassVar = True
    fingerprint: str | None = None

    def __init__(
        self, words: Sequence[str], settings: WordModelSettings, max_length: int, device: str
    ) -> None:
        self.words = list(words)
        self.ids = {word: number for number, word in enumerate(words)}  # of those it writes
        self.unknown = self.ids.pop(UNKNOWN, None)
        self.max_length = max_length
        super().__init__(self.make_network(words, settings, max_length).to(device), settings)

    @staticmethod
    def make_network(words: Sequence[str], settings: Any, max_length: int) -> nn.Module:
        """Make the network for words, the end and the unknown one among them."""
        raise NotImplementedError

    def _learn(self, tokens: Tensor, first: int, per_epoch: int) -> Iterator[dict[str, float]]:
        """Make one pass over texts (N, T), yielding each update's losses in nats a word.

        Args:
            tokens: the training texts.
            first: updates made in earlier passes.
            per_epoch: updates of a pass.
        """
        raise NotImplementedError

    def _validate(self, tokens: Tensor) -> float:
        """Return what an epoch is judged by on texts (N, T), in nats a word."""
        raise NotImplementedError

    def _draw(
        self,
        count: int,
        random: torch.Generator,
        *,
        temperature: float,
        top_p: float,
        prefix: Sequence[int],
    ) -> Tensor:
        """Draw texts (count, T), int64; END after a text's last word."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        """Of its module."""
        return type(self).__module__.rpartition(".")[2]

    @classmethod
    def build(cls, corpus: Corpus, settings: Any, *, seed: int, device: str) -> Self:
        """Make an untrained model of the training texts' words; see `protocol.Generator`."""
        words, settings = fit_to(corpus, settings)
        model = cls(words, settings, corpus.max_length, device)
        model.fingerprint = corpus.fingerprint
        return model

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Learn from whole texts; an epoch's validation is in nats a word, as its loss is."""
        learnt, held_out = (
            self.number(corpus, split) for split in (corpus.train, corpus.validation)
        )
        learn, validate = partial(self._learn, learnt), partial(self._validate, held_out)
        yield from self._make_passes(corpus, learn, validate)

    def number(self, corpus: Corpus, split: Split) -> Tensor:
        """Turn a split's texts into the network's ids (N, T), int64, on the CPU.

        Words that are not the model's become the unknown word; where it has none, they are left
        out, and what comes after them moves up.
        """
        other = self.unknown or 0
        numbers = np.array([self.ids.get(word, other) for word in corpus.words])
        known = numbers[split.tokens] > 0
        kept = np.concatenate([[0], np.cumsum(known)])
        ids = numbers[split.tokens[known]].astype(np.int32)
        texts = Split(ids, kept[split.offsets], split.labels)
        return torch.from_numpy(texts.padded(self.max_length))

    def tokenize(self, texts: Sequence[str]) -> Tensor:
        """Turn texts of the model's own words into its ids (N, T), int64, on the CPU.

        Raises:
            KeyError: a word is not among the model's.
        """
        tokens = torch.zeros((len(texts), self.max_length), dtype=torch.int64)
        for row, text in enumerate(texts):
            places = [self.ids[word] for word in text.split()[: self.max_length]]
            tokens[row, : len(places)] = torch.tensor(places, dtype=torch.int64)
        return tokens

    def write(self, tokens: Tensor) -> list[str]:
        """Turn ids (N, T) into texts, words joined by one space."""
        return [" ".join(self.words[token] for token in row if token) for row in tokens.tolist()]

    def knows(self, text: str) -> bool:
        """Say whether a text, as far as it is not cropped, has words, all of them the model's."""
        words = text.split()[: self.max_length]
        return bool(words) and all(map(self.ids.get, words))

    def check_words(self, text: str, what: str) -> None:
        """Refuse a text with a word that the model has not learnt.

        Raises:
            UserError: names what it is, and the word.
        """
        for word in text.split():
            if not self.ids.get(word):
                raise not_learnt(what, self.name, "word", word)

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
        self.check_words(prefix, "prefix")
        beginning = [self.ids[word] for word in prefix.split()]

        def draw(first: int, size: int, random: torch.Generator) -> list[str]:
            options = {"temperature": temperature, "top_p": top_p, "prefix": beginning}
            return self.write(self._draw(size, random, **options))

        yield from draw_batches(draw, count, BATCH, seed, self.network)

    def about(self) -> dict[str, Any]:
        """Return what stands beside the weights in its folder."""
        return {
            "settings": self.settings.model_dump(),
            "corpus": self.fingerprint,
            "max_length": self.max_length,
            "words": self.words,
        }

    def save(self, folder: Path) -> None:
        """Write the model, its words included; see `protocol.Generator`."""
        save_folder(folder, self.name, self.about(), self.network.state_dict())

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Read what `save` wrote, in evaluation mode."""
        about = load_about(folder, cls.About)
        words, settings = about.words, about.settings
        max_length = about.max_length
        weights = load_network(
            folder, lambda: cls.make_network(words, settings, max_length), settings.num_layers
        )
        model = cls(words, settings, max_length, device)
        model.fingerprint = about.corpus
        model.network.load_state_dict(weights)
        model.network.eval()
        return model


class LikelihoodModel(WordModel):
    """A word model that is a `NextWordModel` and nothing else, and learns by likelihood alone.

    Each kind says its network.

    Attributes:
        Learnt: the type of its settings once nothing in them is left to the corpus.
    """

    Learnt: ClassVar[Any]
    likelihood: ClassVar = "exact"
    latent: ClassVar = False

    def _learn(self, tokens: Tensor, first: int, per_epoch: int) -> Iterator[dict[str, float]]:
        losses = train_epoch(
            self.network,
            tokens,
            self.optimizer,
            batch_size=self.settings.batch_size,
            learning_rate=self.settings.learning_rate * self.plateau.share,
            first=first,
        )
        return ({"loss": loss} for loss in losses)

    def _validate(self, tokens: Tensor) -> float:
        return negative_log_likelihood(self.network, tokens)

    def _draw(self, count: int, random: torch.Generator, **options: Any) -> Tensor:
        return self.network.sample(count, self.max_length, random, **options)

    def log_likelihood(self, texts: Sequence[str]) -> np.ndarray:
        """Return log P of each text (N,), in nats; -inf without words, or where one is unknown."""
        return self._log_likelihood_by(self.network, texts)

    def _log_likelihood_by(
        self, network: nn.Module, texts: Sequence[str], codes: Tensor | None = None
    ) -> np.ndarray:
        """Do so by a network; codes (N + 1, Z), an empty text's first, where it takes codes."""
        known = [*map(self.knows, texts)]
        tokens = self.tokenize(
            ["", *(text if is_known else "" for text, is_known in zip(texts, known, strict=True))]
        )
        empty, *values = log_likelihood(network.eval(), tokens, as_drawn=True, codes=codes).numpy()
        # `generate` writes no empty text, so the probability of one goes to all others.
        return np.where(known, np.array(values) - np.log1p(-np.exp(empty)), -np.inf)

    def describe(self) -> dict[str, float]:
        """Count the words that it writes and the weights; say the dropout it learnt with."""
        return {
            "words": len(self.ids) - 1,
            "parameters": count_parameters(self.network),
            "dropout": self.settings.dropout,
        }


def fit_to(corpus: Corpus, settings: Any) -> tuple[list[str], Any]:
    """Return the words that a model learns from a corpus, and its settings with their dropout.

    Args:
        corpus: gives the words, the end, which is "", and the unknown one among them.
        settings: `dropout` null fits it to the corpus.

    Raises:
        UserError: no text has a word of the vocabulary.
    """
    places = rank_words(corpus)
    check_vocabulary(corpus, np.array(places))
    if settings.dropout is None:
        read = np.minimum(corpus.train.lengths, corpus.max_length)
        fitted = fit_dropout(int(read.sum()))
        settings = settings.model_copy(update={"dropout": fitted})
    return [corpus.words[place] for place in places], settings


def fit_dropout(words: int) -> float:
    """Return the dropout for so many words of training text: the more, the less.

    From 0.5 for up to 300,000 words down to 0.1 for 4.8 million and more.
    """
    doublings = math.log2(max(words, MANY_WORDS) / MANY_WORDS)
    return max(round(MOST_DROPOUT - doublings / 10, 3), LEAST_DROPOUT)


def rank_words(corpus: Corpus) -> list[int]:
    """List 0 and the ids of the cropped training texts' words by falling frequency.

    The unknown word comes before all others, so that it is always in the head of the softmax.
    """
    ids = corpus.learnable(corpus.train).padded(corpus.max_length)
    counts = np.bincount(ids.ravel(), minlength=corpus.vocabulary_size + 1)
    counts[0] = 0
    if corpus.has_unknown:
        counts[corpus.vocabulary_size] *= ids.size + 1  # still 0 where it does not come
    ranked = np.argsort(-counts, kind="stable")  # equal ones by first appearance
    return [0, *ranked[counts[ranked] > 0].tolist()]
