"""A trigram model of texts, for forward and reverse perplexity.

Source: interpolated Kneser-Ney smoothing with one fixed discount. R. Kneser and H. Ney, "Improved
Backing-off for M-gram Language Modeling", ICASSP 1995, doi:10.1109/ICASSP.1995.479394, as
interpolated by S. Chen and J. Goodman, "An Empirical Study of Smoothing Techniques for Language
Modeling", Computer Speech and Language 1999, doi:10.1006/csla.1999.0128. Reverse perplexity:
J. Zhao et al., "Adversarially Regularized Autoencoders", ICML 2018, arXiv:1706.04223.

With c counting trigrams, N(·v w) the different words before "v w" and T the different words after
a history, a dot standing for the sum over it:

    P(w | u v) = (c(u v w) - D) / c(u v ·) + D T(u v) / c(u v ·) P(w | v)
    P(w | v)   = (N(·v w) - D) / N(·v ·)   + D T(v) / N(·v ·)    P(w)
    P(w)       = (N(·w) - D) / N(··)       + D T / N(··)         1 / V

The first term is 0 for what was never seen, and an unseen history leaves the word to the next
line. Two marks of the start precede each text and one of the end is predicted after it, so an
empty text is one event. The V predicted things are the words of real text, the end, and one unknown
word for all others. The uniform last line keeps every probability above 0.

We deviate from the papers in two ways. The discount D is 0.75 at each order (as measured by K.
Church and W. Gale 1991, doi:10.1016/0885-2308(91)90016-J) instead of being estimated from how many
n-grams come once and twice: a source that repeats itself has none of these, and all sources are to
be measured with one rule. And the unigrams are interpolated too.

Forward perplexity: the model of real training text reads a source; finite, from 1 up. Best is real
held-out text's: below it the source keeps to what is frequent. A source cannot hide in the unknown
word, which real text never uses and which is therefore dear.
Reverse perplexity: the model of a source reads real held-out text; from 1 up, lower is better, at
best that of equally much real text. A source that misses words or phrases pays here.
Of either, only values with the same vocabulary compare, and reverse ones for equally many texts.
"""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple, Self

import numpy as np

END, START, UNKNOWN = range(3)
DISCOUNT = 0.75


class Level(NamedTuple):
    """The n-grams of one order, each as one number: its history's number times base plus the word.

    Attributes:
        ngrams: numbers of the n-grams, (M,) int64, rising.
        counts: how often each was counted, (M,) int64.
        histories: numbers of the histories, (H,) int64, rising.
        totals: sum of the counts after each history, (H,) int64.
        kinds: different words after each history, (H,) int64.
    """

    ngrams: np.ndarray
    counts: np.ndarray
    histories: np.ndarray
    totals: np.ndarray
    kinds: np.ndarray


def vocabulary_of(*corpora: Sequence[str]) -> list[str]:
    """Return the different words of all corpora, in order of first appearance."""
    return list(dict.fromkeys(word for texts in corpora for text in texts for word in text.split()))


class TrigramModel:
    """Probabilities of a text's next word after the two before it."""

    def __init__(self, numbers: dict[str, int], levels: list[Level]) -> None:
        """Hold the number of each word, from UNKNOWN + 1, and the levels, longest n-grams first."""
        self.numbers = numbers
        self.levels = levels

    @classmethod
    def fit(cls, texts: Sequence[str], vocabulary: Sequence[str]) -> Self:
        """Count the trigrams of texts.

        Args:
            texts: words joined by one space, one text or more; a text may be empty.
            vocabulary: the different words that are told apart, the same for all models that are
                to be compared.
        """
        model = cls({word: number for number, word in enumerate(vocabulary, UNKNOWN + 1)}, [])
        first, second, word, _ = model._events(texts)
        ngrams, counts = np.unique(
            (first * model.base + second) * model.base + word, return_counts=True
        )
        model.levels.append(_level(ngrams, counts, model.base))
        for order in (2, 1):
            # Each different longer n-gram counts once for the n-gram at its end.
            ngrams, counts = np.unique(ngrams % model.base**order, return_counts=True)
            model.levels.append(_level(ngrams, counts, model.base))
        return model

    @property
    def base(self) -> int:
        """How many numbers there are: END, START, UNKNOWN and the words."""
        return len(self.numbers) + 3

    def surprise(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return how surprising each text is; the perplexity is exp(sum of nats / sum of events).

        Args:
            texts: words joined by one space, N texts; a text may be empty.

        Returns:
            Negative log-likelihood of each text, in nats, (N,) float64, above 0; and how many
            things were predicted, its words and its end, (N,) float64, 1 or more.
        """
        first, second, word, owners = self._events(texts)
        nats = -np.log(self.probability(first, second, word))
        events = np.bincount(owners, minlength=len(texts)).astype(np.float64)
        return np.bincount(owners, nats, len(texts)), events

    def probability(self, first: np.ndarray, second: np.ndarray, word: np.ndarray) -> np.ndarray:
        """Return the probability of each word, or END, after the two words before it.

        Args:
            first: numbers of the words two before, (M,) int64; START before the text.
            second: numbers of the words before, (M,) int64.
            word: numbers of the words, (M,) int64; never START.

        Returns:
            P(word | first second), (M,) float64, between 0 and 1.
        """
        histories = [first * self.base + second, second, np.zeros_like(second)]
        # START is never predicted.
        probability = np.full(len(word), 1 / (self.base - 1))
        for level, history in zip(reversed(self.levels), reversed(histories), strict=True):
            place, is_known = _find(history, level.histories)
            total, kinds = level.totals[place], level.kinds[place]
            ngram, is_seen = _find(history * self.base + word, level.ngrams)
            seen = np.where(is_seen, level.counts[ngram] - DISCOUNT, 0)
            smoothed = (seen + DISCOUNT * kinds * probability) / total
            probability = np.where(is_known, smoothed, probability)
        return probability

    def _events(self, texts: Sequence[str]) -> tuple[np.ndarray, ...]:
        """Return two words before, word, and index of the text, of each event, (M,) int64 each."""
        numbers = self.numbers
        rows = [[numbers.get(word, UNKNOWN) for word in text.split()] for text in texts]
        sizes = np.array([len(row) + 1 for row in rows])
        padded = chain.from_iterable((START, START, *row, END) for row in rows)
        line = np.fromiter(padded, np.int64, int(sizes.sum()) + 2 * len(rows))
        events = np.flatnonzero(line != START)
        return (
            line[events - 2],
            line[events - 1],
            line[events],
            np.repeat(np.arange(len(rows)), sizes),
        )


def _level(ngrams: np.ndarray, counts: np.ndarray, base: int) -> Level:
    """Add up the counts after each history."""
    histories, starts, kinds = np.unique(ngrams // base, return_index=True, return_counts=True)
    return Level(ngrams, counts, histories, np.add.reduceat(counts, starts), kinds)


def _find(numbers: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a place of each number among known ones, (M,), and whether it stands there, (M,)."""
    places = np.minimum(np.searchsorted(known, numbers), len(known) - 1)
    return places, known[places] == numbers
