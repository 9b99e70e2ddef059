"""Texts as the mean of their words' vectors, which gensim learns from the training texts.

Source: T. Mikolov et al., "Efficient Estimation of Word Representations in Vector Space", 2013,
arXiv:1301.3781; the mean as a vector of a text: J. Wieting et al., "Towards Universal Paraphrastic
Sentence Embeddings", ICLR 2016, arXiv:1511.08198.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from stages.corpus.checked_files import Expected
from stages.corpus.settings import Count, Section, Size
from stages.documents.fitted_model import BagAbout, FittedModel
from stages.embeddings.word2vec import Word2VecEmbedding


class Settings(Section):
    """What gensim is told.

    Attributes:
        vocabulary: V, words at most that have a vector, the most frequent.
        width: numbers a word, and a text.
        window: words of context on either side.
        epochs: passes over the training split.
    """

    vocabulary: Size
    width: Size
    window: Count
    epochs: Count


class _About(BagAbout):
    model: Literal["word2vec"]
    settings: Settings


class Word2vec(FittedModel):
    """Vectors (N, width), the mean over a text's known words; see `protocol.DocumentModel`."""

    Settings: ClassVar = Settings
    name: ClassVar = "word2vec"
    About: ClassVar = _About

    def fit(self, texts: Sequence[str]) -> None:
        """Learn the words' vectors from the words around them."""
        settings = self.settings
        embedding = Word2VecEmbedding.fit(
            texts,
            self.bags.words,
            vector_size=settings.width,
            window=settings.window,
            epochs=settings.epochs,
            seed=self.seed,
        )
        self.arrays = {"table": embedding.table[1:].numpy()}

    def turn(self, texts: Sequence[str]) -> np.ndarray:
        """Take the mean of the vectors of each text's words."""
        counts = self.bags.count(texts)
        return (counts @ self.arrays["table"]) / np.maximum(counts.sum(1), 1)[:, None]

    @classmethod
    def expect(cls, settings: Settings, words: int) -> Expected:
        """Expect a vector a word."""
        return {"table": ("float32", (words, settings.width))}
