"""A Markov chain over words, on a sparse transition matrix.

Source: M. Beneš, "Generating text using LSTM GAN in PyTorch", 2021, section "Method": the next word
is drawn by how often it followed in training. We add the end of a text as a state, so that lengths
come out by themselves, orders above 1, and the choice of the first word.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file
from scipy import sparse

END = 0  # in place of a next word: the text ends here; word ids start at 1


class MarkovChain:
    """Next-word counts after every history of 1 to `order` words seen in training.

    A text's first words have fewer than `order` words before them; what follows them is drawn by
    the shorter histories, counted over the whole training split. So every history that sampling
    reaches has been seen, whatever the first word.

    Attributes:
        order: longest history in words.
        keys: for each length n from 1 to `order`, the sorted keys (N,), int64, of the distinct
            histories. The key of a history is `row * (V + 1) + word`, where `row` is the place of
            the history without its last word among those of length n - 1, and 0 for n = 1.
        counts: for each length, how often each word followed each history, sparse (N, V + 1),
            int64; column `END` is the end of the text.
        starts: how often each word began a text, (V + 1,), int64.
    """

    def __init__(
        self, keys: list[np.ndarray], counts: list[sparse.csr_array], starts: np.ndarray
    ) -> None:
        self.order = len(keys)
        self.keys = keys
        self.counts = counts
        self.starts = starts

    @classmethod
    def fit(
        cls, sequences: Sequence[Sequence[int]], vocabulary_size: int, order: int = 1
    ) -> "MarkovChain":
        """Count the transitions of the training texts.

        Args:
            sequences: word ids of each text, from 1 to `vocabulary_size`, one or more a text.
            vocabulary_size: V, distinct words.
            order: longest history in words, at least 1.

        Raises:
            ValueError: there is no text, or one without a word.
        """
        lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
        if not lengths.size or not lengths.all():
            raise ValueError("a Markov chain needs one text or more, and none without a word")
        words = np.concatenate([np.asarray(sequence, dtype=np.int64) for sequence in sequences])
        ends = np.cumsum(lengths)
        first = ends - lengths
        place = np.arange(len(words)) - np.repeat(first, lengths)
        following = np.append(words[1:], END)
        following[ends - 1] = END

        keys, counts = [], []
        rows = np.zeros(len(words), dtype=np.int64)
        for length in range(1, order + 1):
            last = np.flatnonzero(place >= length - 1)  # where a history of this length ends
            before = rows[last - 1] if length > 1 else 0
            unique, found = np.unique(
                before * (vocabulary_size + 1) + words[last], return_inverse=True
            )
            ones = np.ones(len(last), dtype=np.int64)
            shape = (len(unique), vocabulary_size + 1)
            keys.append(unique)
            counts.append(sparse.coo_array((ones, (found, following[last])), shape=shape).tocsr())
            rows = np.zeros(len(words), dtype=np.int64)
            rows[last] = found
        return cls(keys, counts, np.bincount(words[first], minlength=vocabulary_size + 1))

    @property
    def num_states(self) -> int:
        """Distinct histories of full order."""
        return len(self.keys[-1])

    @property
    def num_transitions(self) -> int:
        """Distinct pairs of a history of full order and the word, or the end, after it."""
        return self.counts[-1].nnz

    def transition(self, history: Sequence[int]) -> np.ndarray:
        """Return the probabilities (V + 1,) of the next word after a history of 1 to order words.

        Raises:
            KeyError: the history was not seen in training.
        """
        window = np.asarray(history, dtype=np.int64)[None]
        row = self._rows(window)[0]
        counts = self.counts[window.shape[1] - 1]
        if row < 0:
            raise KeyError(f"history {list(history)} was not seen in training")
        following = counts[[row]].toarray()[0]
        return following / following.sum()

    def _rows(self, windows: np.ndarray) -> np.ndarray:
        """Find the rows (B,) of histories (B, n) among those of length n; -1 for the unseen."""
        rows = np.zeros(len(windows), dtype=np.int64)
        seen = np.ones(len(windows), dtype=bool)
        for keys, words in zip(self.keys, windows.T, strict=False):
            wanted = rows * len(self.starts) + words
            rows = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
            seen &= keys[rows] == wanted
        return np.where(seen, rows, -1)

    def sample(
        self, count: int, max_length: int, random: np.random.Generator, start: str = "uniform"
    ) -> list[list[int]]:
        """Draw texts.

        Args:
            count: texts to draw.
            max_length: words at which a text is cropped.
            random: source of randomness.
            start: the first word: `uniform` over the words of the training texts, or `empirical`,
                by how often each began a text.

        Returns:
            Word ids of each text, 1 to `max_length` of them.
        """
        if start == "uniform":
            first = random.choice(self.keys[0], count)
        elif start == "empirical":
            total = np.cumsum(self.starts)
            first = np.searchsorted(total, random.integers(0, total[-1], count), side="right")
        else:
            raise ValueError(f"start is {start!r}; allowed: uniform, empirical")

        texts = np.full((count, max_length), END, dtype=np.int64)
        texts[:, 0] = first
        # The running sums of all counts of one matrix: a row's counts lie between two of them.
        sums = [np.concatenate([[0], np.cumsum(counts.data)]) for counts in self.counts]
        active = np.arange(count)
        for column in range(1, max_length):
            length = min(column, self.order)
            counts, running = self.counts[length - 1], sums[length - 1]
            rows = self._rows(texts[active, column - length : column])
            low, high = running[counts.indptr[rows]], running[counts.indptr[rows + 1]]
            drawn = np.searchsorted(running, random.integers(low, high), side="right") - 1
            texts[active, column] = counts.indices[drawn]
            active = active[texts[active, column] != END]
        return [text[text != END].tolist() for text in texts]

    def save(self, path: Path) -> None:
        """Write the chain to a .safetensors file."""
        arrays = {"starts": self.starts}
        for length, (keys, counts) in enumerate(zip(self.keys, self.counts, strict=True), start=1):
            arrays[f"keys_{length}"] = keys
            arrays[f"data_{length}"] = counts.data
            arrays[f"indices_{length}"] = counts.indices
            arrays[f"indptr_{length}"] = counts.indptr
        save_file(arrays, path)

    @classmethod
    def load(cls, path: Path) -> "MarkovChain":
        """Read a chain that `save` wrote."""
        arrays = load_file(path)
        starts = arrays["starts"]
        keys, counts = [], []
        for length in range(1, sum(name.startswith("keys_") for name in arrays) + 1):
            keys.append(arrays[f"keys_{length}"])
            parts = tuple(arrays[f"{part}_{length}"] for part in ("data", "indices", "indptr"))
            counts.append(sparse.csr_array(parts, shape=(len(keys[-1]), len(starts))))
        return cls(keys, counts, starts)
