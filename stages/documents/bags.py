"""Bags of words: how often each of some words is in a text, and how much that says.

Source: G. Salton and C. Buckley, "Term-weighting approaches in automatic text retrieval",
Information Processing & Management 1988, doi:10.1016/0306-4573(88)90021-0.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Self

import numpy as np
from scipy.sparse import csr_array


class Bags:
    """The words that are counted; all others are nothing.

    Args:
        words: V of them.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = list(words)
        self._ids = {word: place for place, word in enumerate(self.words)}

    @classmethod
    def fit(cls, texts: Sequence[str], vocabulary: int) -> Self:
        """Take the most frequent words of texts, of equal ones those that came first.

        Args:
            texts: words joined by one space.
            vocabulary: words at most.
        """
        counts = Counter(chain.from_iterable(text.split() for text in texts))
        return cls([word for word, _ in counts.most_common(vocabulary)])

    def count(self, texts: Sequence[str]) -> csr_array:
        """Count words, (N, V) float64; a text without any that is known is a row of zeros."""
        rows = [[self._ids[word] for word in text.split() if word in self._ids] for text in texts]
        places = np.fromiter(chain.from_iterable(rows), np.int64)
        owners = np.repeat(np.arange(len(rows)), [*map(len, rows)])
        shape = len(rows), len(self.words)
        return csr_array((np.ones(len(places)), (owners, places)), shape=shape)


def measure_rarity(counts: csr_array) -> np.ndarray:
    """Return each word's inverse document frequency, ln(N / texts that have it), (V,) float64.

    A word that all texts have weighs nothing, and so does one that none has.
    """
    texts = np.bincount(counts.indices, minlength=counts.shape[1])
    return np.log(counts.shape[0] / np.where(texts, texts, counts.shape[0]))


def weigh(counts: csr_array, rarity: np.ndarray) -> csr_array:
    """Weigh words by log TF-IDF, (1 + ln count) * rarity, in rows of length 1.

    Args:
        counts: of `Bags.count`, (N, V).
        rarity: of each word, (V,).

    Returns:
        (N, V) float64; a row without a word that weighs something is zeros.
    """
    weighed = counts.copy()
    weighed.data = (1 + np.log(counts.data)) * rarity[counts.indices]
    lengths = np.sqrt(weighed.power(2).sum(1))
    owners = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    weighed.data /= np.where(lengths, lengths, 1)[owners]
    return weighed
