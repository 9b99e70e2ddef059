"""Texts as their words, weighed by log TF-IDF: the baseline of all encoders; see bags.py."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from stages.corpus.checked_files import Expected
from stages.corpus.settings import Section, Size
from stages.documents.bags import measure_rarity, weigh
from stages.documents.fitted_model import BagAbout, FittedModel


class Settings(Section):
    """Which words count.

    Attributes:
        vocabulary: V, words at most, the most frequent; also the width of the vectors.
    """

    vocabulary: Size


class _About(BagAbout):
    model: Literal["tfidf"]
    settings: Settings


class Tfidf(FittedModel):
    """Vectors (N, V) of length 1; see `protocol.DocumentModel`."""

    Settings: ClassVar = Settings
    name: ClassVar = "tfidf"
    About: ClassVar = _About

    def fit(self, texts: Sequence[str]) -> None:
        """Count in how many texts each word is."""
        self.arrays = {"rarity": measure_rarity(self.bags.count(texts))}

    def turn(self, texts: Sequence[str]) -> np.ndarray:
        """Weigh the words of texts."""
        weights = weigh(self.bags.count(texts), self.arrays["rarity"])
        return weights.astype(np.float32).toarray()

    @classmethod
    def expect(cls, settings: Settings, words: int) -> Expected:
        """Expect a rarity a word."""
        return {"rarity": ("float64", (words,))}
