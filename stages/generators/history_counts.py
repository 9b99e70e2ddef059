"""How often each word follows each history of a Markov chain: counted, sharpened and looked up."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np
from scipy import sparse

from stages.corpus.errors import UserError

END = 0  # in place of a next word: the text ends here; word ids start at 1


class HistoryCounts(NamedTuple):
    """What followed every history of 1 to `order` words that was seen, as sparse matrices.

    Attributes:
        keys: for each length n from 1 to `order`, the sorted keys (N,), int64, of the distinct
            histories. The key of a history is `row * (V + 1) + word`, where `row` is the place of
            the history without its last word among those of length n - 1, and 0 for n = 1.
        counts: for each length, how often each word followed each history, sparse (N, V + 1),
            int64; column `END` is the end of the text.
        starts: how often each word began a text, (V + 1,), int64.
    """

    keys: list[np.ndarray]
    counts: list[sparse.csr_array]
    starts: np.ndarray

    def sharpen(self, power: int) -> Self:
        """Raise all counts to a power.

        Raises:
            UserError: their sum would be beyond int64.
        """
        for counts in (*(each.data for each in self.counts), self.starts):
            if (counts.astype(np.float64) ** power).sum() >= 2**62:
                raise UserError(
                    f"params.yaml: markov.sharpening is {power}, and a count of "
                    f"{counts.max():,} to that power is too large; lower it"
                )
        sharpened = [
            sparse.csr_array((each.data**power, each.indices, each.indptr), shape=each.shape)
            for each in self.counts
        ]
        return self._replace(counts=sharpened, starts=self.starts**power)

    def find(self, windows: np.ndarray) -> np.ndarray:
        """Find the rows (B,) of histories (B, n) among those of length n; -1 for the unseen."""
        rows = np.zeros(len(windows), dtype=np.int64)
        seen = np.ones(len(windows), dtype=bool)
        for keys, words in zip(self.keys, windows.T, strict=False):
            if not len(keys):  # no training text has so many words
                return np.full(len(windows), -1)
            wanted = rows * len(self.starts) + words
            rows = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
            seen &= keys[rows] == wanted
        return np.where(seen, rows, -1)

    def transition(self, history: Sequence[int]) -> np.ndarray:
        """Return the probabilities (V + 1,) of the next word after a history of 1 to order words.

        Raises:
            KeyError: the history was not seen in training.
        """
        window = np.asarray(history, dtype=np.int64)[None]
        row = self.find(window)[0]
        counts = self.counts[window.shape[1] - 1]
        if row < 0:
            raise KeyError(f"history {list(history)} was not seen in training")
        following = counts[[row]].toarray()[0]
        return following / following.sum()

    def probabilities(self, windows: np.ndarray) -> np.ndarray:
        """Return P(last | the others) of windows (B, n + 1) of ids, (B,); an unknown id is -1."""
        known = (windows >= 0).all(1)
        windows = np.where(windows < 0, END, windows)
        history, word = windows[:, :-1], windows[:, -1]
        counts = self.counts[history.shape[1] - 1]
        if not counts.nnz:  # no training text has so many words
            return np.zeros(len(windows))
        rows = self.find(history)
        seen = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
        codes = seen * counts.shape[1] + counts.indices  # rising
        wanted = rows * counts.shape[1] + word
        places = np.searchsorted(codes, wanted).clip(max=len(codes) - 1)
        known &= (rows >= 0) & (codes[places] == wanted)
        totals = np.bincount(seen, counts.data)
        return np.where(known, counts.data[places] / totals[rows], 0)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return arrays by name, of which `from_arrays` makes the same."""
        arrays = {"starts": self.starts}
        for length, (keys, counts) in enumerate(zip(self.keys, self.counts, strict=True), start=1):
            arrays[f"keys_{length}"] = keys
            arrays[f"data_{length}"] = counts.data
            arrays[f"indices_{length}"] = counts.indices
            arrays[f"indptr_{length}"] = counts.indptr
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """Take what `to_arrays` returned; see `history_checks`."""
        starts, all_keys, all_counts = arrays["starts"], [], []
        for length in range(1, sum(name.startswith("keys_") for name in arrays) + 1):
            all_keys.append(arrays[f"keys_{length}"])
            parts = tuple(arrays[f"{part}_{length}"] for part in ("data", "indices", "indptr"))
            shape = (len(all_keys[-1]), len(starts))
            all_counts.append(sparse.csr_array(parts, shape=shape))
        return cls(all_keys, all_counts, starts)


def count_histories(
    sequences: Sequence[Sequence[int]], vocabulary_size: int, order: int, max_length: int
) -> HistoryCounts:
    """Count the transitions of texts.

    Args:
        sequences: word ids of each text, one or more a text; from 1 to V, or above V where a
            word is unknown.
        vocabulary_size: V.
        order: words of the longest history.
        max_length: words at which texts are cropped.

    Raises:
        ValueError: there is no text, one without a word, or no known word.
    """
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
    if not lengths.size or not lengths.all():
        raise ValueError("a Markov chain needs one text or more, and none without a word")
    words = np.concatenate([np.asarray(sequence, dtype=np.int64) for sequence in sequences])
    known = words <= vocabulary_size
    if not known.any():
        raise ValueError("a Markov chain needs a word that it knows")
    ends = np.cumsum(lengths)
    first = ends - lengths
    here = np.arange(len(words))
    begins = np.repeat(first, lengths)
    # Known words before each, back to the text's beginning or to an unknown word; of that, -1.
    place = here - np.maximum.accumulate(np.where(known, begins, here + 1))
    following = np.append(words[1:], END)
    # Where all texts have so many words, as an oracle's, nothing shows that one can end before.
    can_end = (lengths != max_length).any()
    following[ends - 1] = END if can_end else vocabulary_size + 1

    keys, counts = [], []
    rows = np.zeros(len(words), dtype=np.int64)
    for length in range(1, order + 1):
        last = np.flatnonzero(place >= length - 1)  # where a history of this length ends
        before = rows[last - 1] if length > 1 else 0
        unique, found = np.unique(before * (vocabulary_size + 1) + words[last], return_inverse=True)
        shape = (len(unique), vocabulary_size + 1)
        keys.append(unique)
        counts.append(_count(found, following[last], shape))
        rows = np.zeros(len(words), dtype=np.int64)
        rows[last] = found
    starts = np.bincount(words[first[known[first]]], minlength=vocabulary_size + 1)
    if not starts.any():
        starts[keys[0]] = 1
    return HistoryCounts(keys, counts, starts)


def _count(rows: np.ndarray, words: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
    """Count how often each word, or END, follows each history.

    A history that unknown words alone follow is followed by END.

    Args:
        rows: of each event, its history (N,).
        words: of each event, what follows (N,); words beyond the columns are not counted.
        shape: histories, and known words with the end.
    """
    known = words < shape[1]
    rest = np.flatnonzero(np.bincount(rows[known], minlength=shape[0]) == 0)
    rows = np.concatenate([rows[known], rest])
    words = np.concatenate([words[known], np.full(len(rest), END)])
    ones = np.ones(len(rows), dtype=np.int64)
    return sparse.coo_array((ones, (rows, words)), shape=shape).tocsr()
