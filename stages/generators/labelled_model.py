"""What generators of words share that take labels by themselves."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from scipy.special import logsumexp
from torch import Tensor

from stages.corpus.corpus import Corpus, Split
from stages.corpus.errors import UserError
from stages.generators.per_label import check_labels, draw_labels, label_shares
from stages.generators.protocol import check_request
from stages.generators.word_model import BATCH, WordModelSettings, fit_to
from stages.networks.drawing import draw_batches

FEWEST = 2  # labels: of one there is nothing to be told


class LabelledModel:
    """Labels of a `WordModel`, beside which it stands as a parent; see `protocol.Generator`.

    Each kind says how it draws texts of labels (`_draw_labelled`), and how likely it makes texts
    of one (`log_likelihood_given`).

    Args:
        words: as of `WordModel`, as are the others but `shares`.
        shares: of each label among the training texts, adding up to 1, by its name.
        settings: of the networks and their training; dropout a number.
        max_length: words at which texts are cropped.
        device: where the networks live.
    """

    conditional: ClassVar = True

    def __init__(
        self,
        words: Sequence[str],
        shares: Mapping[str, float],
        settings: WordModelSettings,
        max_length: int,
        device: str,
    ) -> None:
        self.shares = dict(shares)
        super().__init__(words, settings, max_length, device)

    @classmethod
    def build(cls, corpus: Corpus, settings: WordModelSettings, *, seed: int, device: str) -> Self:
        """Make an untrained model of the training texts' words and labels.

        Raises:
            UserError: the texts have fewer labels than two, or none of the vocabulary's words.
        """
        check_labelled(corpus)
        words, settings = fit_to(corpus, settings)
        model = cls(words, label_shares(corpus), settings, corpus.max_length, device)
        model.fingerprint = corpus.fingerprint
        return model

    def _draw_labelled(self, labels: Tensor, random: torch.Generator, **options: Any) -> Tensor:
        """Draw a text of each label, given by its place (B,); (B, T), int64."""
        raise NotImplementedError

    def log_likelihood_given(self, texts: Sequence[str], label: str) -> np.ndarray:
        """Return log P(text | label) of each text, (N,), in nats."""
        raise NotImplementedError

    @property
    def labels(self) -> list[str]:
        """The names of the labels that it has learnt."""
        return [*self.shares]

    def draw_labels(self, count: int, seed: int) -> list[str]:
        """Draw labels as the training texts have them; same seed, same labels."""
        return draw_labels(self.shares, count, seed)

    def place(self, labels: Sequence[str]) -> Tensor:
        """Turn labels into their places among those learnt, (N,), int64.

        Raises:
            UserError: a label is none of those learnt.
        """
        check_labels(labels, self.labels)
        places = {label: place for place, label in enumerate(self.shares)}
        return torch.tensor([places[label] for label in labels], dtype=torch.int64)

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
        """Yield texts, text i of labels[i]; None draws labels; see `protocol.Generator`."""
        check_request(self, temperature=temperature, top_p=top_p, labels=labels, prefix=prefix)
        self.check_words(prefix, "prefix")
        beginning = [self.ids[word] for word in prefix.split()]
        wanted = self.place(self.draw_labels(count, seed) if labels is None else labels)

        def draw(first: int, size: int, random: torch.Generator) -> list[str]:
            places = wanted[first : first + size]
            options = {"temperature": temperature, "top_p": top_p, "prefix": beginning}
            return self.write(self._draw_labelled(places, random, **options))

        yield from draw_batches(draw, len(wanted), BATCH, seed, self.network)

    def log_likelihood(self, texts: Sequence[str]) -> np.ndarray:
        """Return log P of each text (N,), in nats, whatever its label: the labels' mixture."""
        logs = [
            np.log(share) + self.log_likelihood_given(texts, label)
            for label, share in self.shares.items()
        ]
        return logsumexp(logs, axis=0)


def label_places(corpus: Corpus, split: Split) -> Tensor:
    """Return the place of each text's label among those that training texts have, (N,), int64."""
    places = {label: place for place, label in enumerate(corpus.labels)}
    return torch.tensor([places[label] for label in split.labels.tolist()], dtype=torch.int64)


def check_labelled(corpus: Corpus) -> None:
    """Refuse a corpus that has too few labels to learn from.

    Raises:
        UserError: says how many it has.
    """
    found = len(corpus.labels)
    if found < FEWEST:
        names = ", ".join(corpus.label_names[label] for label in corpus.labels)
        told = f"one label, {names}" if found else "no labels"
        raise UserError(
            f"{corpus.name}: its texts have {told}; a generator that takes labels learns from two "
            "or more: set fetch.label, or leave it out of generators"
        )
