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

from stages.measures.ngrams import number_ngrams

Statistic = Callable[[np.ndarray], float]


def known_words(texts: Sequence[str], training: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Count the words that occur in the training text.

    The share is from 0 to 1; higher is better, up to real held-out text's own value: a generator
    that learnt its words from the training text has no others, unless it spells them itself.

    Args:
        texts: what the source wrote, N texts.
        training: the real texts that generators learnt from.

    Returns:
        Known words and all words of each text, (N,) float64 each.
    """
    return copied_ngrams(texts, training, order=1)


def copied_ngrams(
    texts: Sequence[str], training: Sequence[str], order: int
) -> tuple[np.ndarray, np.ndarray]:
    """Count the n-grams that stand word for word in one training text.

    The share is from 0 to 1. Best is real held-out text's: far above it the source recites.

    Args:
        texts: what the source wrote, N texts.
        training: the real texts that generators learnt from.
        order: length of an n-gram in words.

    Returns:
        Copied n-grams and all n-grams of each text, (N,) float64 each; 0 and 0 for a text that is
        shorter than one n-gram.
    """
    ngrams = number_ngrams([*texts, *training], order)[-1]
    own = ngrams.texts < len(texts)
    in_training = np.zeros(ngrams.kinds, bool)
    in_training[ngrams.ids[~own]] = True
    copied = np.bincount(ngrams.texts[own], in_training[ngrams.ids[own]], len(texts))
    return copied, np.bincount(ngrams.texts[own], minlength=len(texts)).astype(np.float64)


def copied_lines(texts: Sequence[str], training: Sequence[str]) -> np.ndarray:
    """Say which texts are a training text word for word.

    Their share is from 0 to 1. Best is real held-out text's: short lines recur in real text too.

    Args:
        texts: what the source wrote, N texts.
        training: the real texts that generators learnt from.

    Returns:
        1 for a copy, 0 for a line of the source's own, (N,) float64.
    """
    known = set(training)
    return np.array([text in known for text in texts], np.float64)


def empty_lines(texts: Sequence[str]) -> np.ndarray:
    """Say which texts have no word.

    Their share is from 0 to 1. Lower is better: real text has none.

    Returns:
        1 for a text without words, 0 for another, (N,) float64.
    """
    return np.array([not text.split() for text in texts], np.float64)


def distinct_ngrams(texts: Sequence[str], order: int) -> Statistic:
    """Return distinct-n: different n-grams over all n-grams of the chosen texts.

    From 0 (nothing said, or one n-gram for ever) to 1 (none comes twice). Best is real text's: a
    lower value means repetition, a higher one words strewn at random. It falls as texts get more
    or longer, so only equally many texts compare. Li et al. count unigrams and bigrams so, over
    all words said; we divide by the number of n-grams, so that 1 can be reached at every order.

    Args:
        texts: what the source wrote, N texts.
        order: length of an n-gram in words.

    Returns:
        The measure as a function of the indices of the chosen texts, int64 of any number; a text
        that is chosen twice repeats itself.
    """
    ngrams = number_ngrams(texts, order)[-1]
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

    From 1 over the number of texts (one for ever) to 1 (none comes twice). Best is real text's,
    which is close to 1; all empty lines are one text. It falls as texts get more.

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
