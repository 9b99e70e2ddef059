"""BLEU and Self-BLEU of every text against all references at once, exactly.

Sources: K. Papineni et al., "BLEU: a Method for Automatic Evaluation of Machine Translation", ACL
2002, doi:10.3115/1073083.1073135; Self-BLEU: Y. Zhu et al., "Texygen: A Benchmarking Platform for
Text Generation Models", SIGIR 2018, arXiv:1802.01886.

As in Texygen, and to the last digit as in nltk's `sentence_bleu`: BLEU-n weighs the precisions of
1-grams to n-grams equally, clips each n-gram's count at its highest count in one reference, adds
0.1 to a count of 0 (Chen and Cherry 2014, doi:10.3115/v1/W14-3346, method 1; none where not even a
word matches: the score is 0), and punishes brevity by the reference closest in length, the shorter
of two. A score is the mean of sentence scores. Both grow with the number of references and depend
on the tokens: only equal numbers of references, of texts split alike, compare.

The real-text row of Texygen's table for its Image COCO captions, BLEU-2..5 .737 .515 .333 .212 and
Self-BLEU-2..5 .894 .747 .575 .417, comes out to within the noise of a sample of 1,000, about .006,
where lower-case words are split at spaces with each full stop and comma a word of its own; BLEU
scores training captions against all test captions, and Self-BLEU training captions against all
other training captions, not only those of the sample.
"""

from collections.abc import Sequence

import numpy as np

from stages.measures.ngrams import UNKNOWN, Ngrams, tabulate

ORDERS = (2, 3, 4, 5)

# Chen and Cherry's epsilon, nltk's default.
_COUNT_OF_NOTHING = 0.1


class References:
    """What texts are measured against, counted once.

    Attributes:
        table: n-grams of the references.
        highest: highest count in one reference of each n-gram, (kinds,) int64, by order from 1.
        lengths: different numbers of words of a reference, int64, rising.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        """Count the n-grams of `texts`, one or more, words joined by one space."""
        self.table, orders = tabulate(texts, ORDERS[-1])
        self.highest = []
        for ngrams in orders:
            _, ids, counts = _count_by_text(ngrams)
            self.highest.append(np.zeros(ngrams.kinds, np.int64))
            np.maximum.at(self.highest[-1], ids, counts)
        self.lengths = np.unique(_lengths(texts))


def bleu(hypotheses: Sequence[str], references: References) -> np.ndarray:
    """Score each hypothesis by the n-grams it shares with any of the references.

    Higher is more like the references, up to 1; above real text's own value it means that the
    source keeps to frequent phrases.

    Args:
        hypotheses: N texts, words joined by one space.
        references: texts to be measured against.

    Returns:
        BLEU-2 to BLEU-5 of each hypothesis, (N, 4) float64, from 0 to 1.
    """
    matches = np.zeros((ORDERS[-1], len(hypotheses)))
    found = references.table.find(hypotheses)
    for row, ngrams, highest in zip(matches, found, references.highest, strict=True):
        owners, ids, counts = _count_by_text(ngrams)
        row[:] = np.bincount(owners, np.minimum(counts, highest[ids]), len(hypotheses))
    lengths = _lengths(hypotheses)
    return _scores(matches, lengths, _closest(lengths, references.lengths))


def self_bleu(texts: Sequence[str], hypotheses: np.ndarray) -> np.ndarray:
    """Score texts of a source by the n-grams they share with any other text of that source.

    Lower is more diverse; the best value is real text's. At 1 all n-grams of each text occur in
    other texts; a value far below real text's means words in random order.

    Args:
        texts: what the source wrote, two texts or more; all of them are references.
        hypotheses: indices of the N texts to be scored, int64. A text is never its own reference,
            but another one that reads the same is.

    Returns:
        Self-BLEU-2 to Self-BLEU-5 of each hypothesis, (N, 4) float64, from 0 to 1.
    """
    matches = np.zeros((ORDERS[-1], len(texts)))
    for row, ngrams in zip(matches, tabulate(texts, ORDERS[-1])[1], strict=True):
        owners, ids, counts = _count_by_text(ngrams)
        # A text's count, clipped at the highest of all others, is clipped at the second highest of
        # all: only the text that holds the highest count alone has more than that.
        clipped = np.minimum(counts, _second_highest(ids, counts, ngrams.kinds)[ids])
        row[:] = np.bincount(owners, clipped, len(texts))
    lengths = _lengths(texts)
    closest = _closest_of_others(lengths)
    return _scores(matches, lengths, closest)[hypotheses]


def _count_by_text(ngrams: Ngrams) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return text, number and count of each known n-gram that is in a text, (K,) int64 each."""
    is_known = ngrams.ids != UNKNOWN
    codes = (ngrams.texts * ngrams.kinds + ngrams.ids)[is_known]
    codes, counts = np.unique(codes, return_counts=True)
    owners, ids = np.divmod(codes, max(ngrams.kinds, 1))
    return owners, ids, counts


def _second_highest(ids: np.ndarray, counts: np.ndarray, kinds: int) -> np.ndarray:
    """Return the second highest count of each n-gram, (kinds,) int64, 0 where one text has it."""
    falling = np.lexsort((-counts, ids))
    num_texts = np.bincount(ids, minlength=kinds)
    shared = num_texts > 1
    first = np.cumsum(num_texts) - num_texts
    second = np.zeros(kinds, np.int64)
    second[shared] = counts[falling][first[shared] + 1]
    return second


def _lengths(texts: Sequence[str]) -> np.ndarray:
    return np.array([len(text.split()) for text in texts], np.int64)


def _closest(lengths: np.ndarray, available: np.ndarray) -> np.ndarray:
    """Return the available length next to each length, the shorter of two; `available` rises."""
    above = np.searchsorted(available, lengths)
    longer = available[np.minimum(above, len(available) - 1)]
    shorter = available[np.maximum(above - 1, 0)]
    return np.where(abs(longer - lengths) < abs(shorter - lengths), longer, shorter)


def _closest_of_others(lengths: np.ndarray) -> np.ndarray:
    """Return, for each text, the length of another text that is closest to its own, (N,)."""
    available, places, num_texts = np.unique(lengths, return_inverse=True, return_counts=True)
    closest = available.copy()
    for place in np.flatnonzero(num_texts == 1):
        closest[place] = _closest(available[place], np.delete(available, place))
    return closest[places]


def _scores(matches: np.ndarray, lengths: np.ndarray, closest: np.ndarray) -> np.ndarray:
    """Join matched n-grams of order 1 to 5, (5, N), and lengths, (N,), to BLEU-2..5, (N, 4)."""
    orders = np.arange(1, ORDERS[-1] + 1)[:, None]
    # A text shorter than n counts as one n-gram without a match, as in nltk.
    totals = np.maximum(lengths - orders + 1, 1)
    precisions = np.where(matches > 0, matches, _COUNT_OF_NOTHING) / totals
    means = np.cumsum(np.log(precisions), axis=0) / orders
    # Not above 1: a text longer than its closest reference is not punished.
    brevity = np.exp(np.minimum(1 - closest / np.maximum(lengths, 1), 0))
    scores = np.where(matches[0] > 0, np.exp(means) * brevity, 0)
    return scores[1:].T
