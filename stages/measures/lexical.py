"""Measures that count words, n-grams and lines: vocabulary, variety, copying, length.

Each function returns what an interval over resampled texts needs: values per text (the measure is
their mean), numerators and denominators per text (the measure is the ratio of their sums, 0 where
nothing was said), or a function of the indices of the chosen texts. Words are what stands between
spaces, compared as they are written.

Sources: distinct-n: J. Li et al., "A Diversity-Promoting Objective Function for Neural Conversation
Models", NAACL 2016, arXiv:1510.03055. Wasserstein distance: S. Vallender, "Calculation of the
Wasserstein Distance between Probability Distributions on the Line", 1974, doi:10.1137/1118101. The
others are plain shares.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import wasserstein_distance

from stages.measures.ngrams import UNKNOWN, tabulate

Statistic = Callable[[np.ndarray], float]


class KnownText:
    """The lines and n-grams of real training text, counted once.

    Args:
        texts: the real texts that generators learnt from, words joined by one space.
        max_order: the longest n-gram that is asked for, in words.
    """

    def __init__(self, texts: Sequence[str], max_order: int) -> None:
        self.lines = set(texts)
        self.ngrams, _ = tabulate(texts, max_order)


def known_words(texts: Sequence[str], training: KnownText) -> tuple[np.ndarray, np.ndarray]:
    """Count the words that occur in the training text.

    The share is from 0 to 1; higher is better, up to the value of held-out real text. Only a
    generator that spells words from pieces can write words that the training text lacks.

    Args:
        texts: what the source wrote, N texts.
        training: what generators learnt from.

    Returns:
        Known words and all words of each text, (N,) float64 each.
    """
    return copied_ngrams(texts, training, order=1)


def copied_ngrams(
    texts: Sequence[str], training: KnownText, order: int
) -> tuple[np.ndarray, np.ndarray]:
    """Count the n-grams that stand word for word in one training text.

    The share is from 0 to 1. The best value is that of held-out real text; far above it, the source
    copies its training text.

    Args:
        texts: what the source wrote, N texts.
        training: what generators learnt from.
        order: length of an n-gram in words, at most the training text's `max_order`.

    Returns:
        Copied n-grams and all n-grams of each text, (N,) float64 each; 0 and 0 for a text that is
        shorter than one n-gram.
    """
    ngrams = training.ngrams.find(texts)[order - 1]
    copied = np.bincount(ngrams.texts, ngrams.ids != UNKNOWN, len(texts))
    return copied, np.bincount(ngrams.texts, minlength=len(texts)).astype(np.float64)


def copied_lines(texts: Sequence[str], training: KnownText) -> np.ndarray:
    """Say which texts are a training text word for word.

    Their share is from 0 to 1. Best is real held-out text's: short lines recur in real text too.

    Args:
        texts: what the source wrote, N texts.
        training: what generators learnt from.

    Returns:
        1 for a copy, 0 for a line of the source's own, (N,) float64.
    """
    return np.array([text in training.lines for text in texts], np.float64)


def empty_lines(texts: Sequence[str]) -> np.ndarray:
    """Say which texts have no word.

    Their share is from 0 to 1. Lower is better: real text has none.

    Returns:
        1 for a text without words, 0 for another, (N,) float64.
    """
    return np.array([not text.split() for text in texts], np.float64)


def distinct_ngrams(texts: Sequence[str], order: int) -> Statistic:
    """Return distinct-n: different n-grams over all n-grams of the chosen texts.

    From 0 (no n-gram, or the same one again and again) to 1 (no n-gram occurs twice). The best
    value is real text's: a lower one means repetition, a higher one words in random order. It falls
    with the number and the length of texts, so only equally many texts compare. Li et al. divide
    the number of different unigrams or bigrams by the number of words; we divide by the number of
    n-grams, so that 1 can be reached at every order.

    Args:
        texts: what the source wrote, N texts.
        order: length of an n-gram in words.

    Returns:
        The measure as a function of the indices of the chosen texts, int64 of any number; a text
        that is chosen twice repeats itself.
    """
    ngrams = tabulate(texts, order)[1][-1]
    sizes = np.bincount(ngrams.texts, minlength=len(texts))

    def statistic(indices: np.ndarray) -> float:
        chosen = np.zeros(len(texts), bool)
        chosen[indices] = True
        seen = np.zeros(ngrams.kinds, bool)
        seen[ngrams.ids[chosen[ngrams.texts]]] = True
        total = sizes[indices].sum()
        return float(seen.sum() / total) if total else 0.0

    return statistic


def distinct_lines(texts: Sequence[str]) -> Statistic:
    """Return the share of different texts among the chosen ones.

    From 1 over the number of texts (all the same) to 1 (no text occurs twice). The best value is
    real text's, which is close to 1; all empty lines are one text. It falls with the number of
    texts.

    Args:
        texts: what the source wrote, N texts.

    Returns:
        The measure as a function of the indices of the chosen texts, int64, one or more; a text
        that is chosen twice repeats itself.
    """
    ids = np.unique(np.array(texts, dtype=object), return_inverse=True)[1]
    return lambda indices: len(np.unique(ids[indices])) / len(indices)


def length_distance(texts: Sequence[str], reference: Sequence[str]) -> Statistic:
    """Return how far the lengths of the chosen texts are from real ones.

    Wasserstein-1 distance of the two distributions of lengths: by how many words a text would have
    to grow or shrink, on average, to turn the one into the other. From 0 (the same) up; lower is
    better, and real text's own value shows the noise.

    Args:
        texts: what the source wrote, N texts.
        reference: real held-out texts, one or more.

    Returns:
        The measure, in words, as a function of the indices of the chosen texts, int64, one or more.
    """
    lengths, real = (np.array([len(text.split()) for text in side]) for side in (texts, reference))
    return lambda indices: float(wasserstein_distance(lengths[indices], real))
