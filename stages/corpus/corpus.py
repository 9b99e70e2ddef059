"""The tokenized corpus: word ids of a training and a test split, and the words they stand for."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.errors import UserError

_PARTS = ("tokens", "offsets", "labels")


@dataclass(frozen=True, eq=False)
class Split:
    """The token sequences of one split, of any length each, end to end in one array.

    Attributes:
        tokens: (number of tokens,) int32, word ids.
        offsets: (N + 1,) int64; text i is tokens[offsets[i]:offsets[i + 1]].
        labels: (N,) int8, 0 or 1.
    """

    tokens: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> np.ndarray:
        """Return the word ids of one text, a (T,) int32 view."""
        return self.tokens[self.offsets[:-1][index] : self.offsets[1:][index]]

    @property
    def lengths(self) -> np.ndarray:
        """Words of each text, (N,) int64."""
        return np.diff(self.offsets)


@dataclass(frozen=True, eq=False)
class Corpus:
    """Both splits over one list of words.

    Attributes:
        words: words[i] is the word of id i. words[0] is "", for a word out of the vocabulary and
            for what is no word; then come the training split's words in order of first
            appearance, ids 1 to vocabulary_size; then the words of the test split alone, which
            models take as out of the vocabulary and which only serve to write test texts back.
        vocabulary_size: distinct words of the training split.
        train: the training split, in the order of the texts given.
        test: the test split, in the order of the texts given.
    """

    words: list[str]
    vocabulary_size: int
    train: Split
    test: Split

    def texts(self, split: Split, max_length: int | None = None) -> list[str]:
        """Write a split's texts back.

        Args:
            split: one of the corpus's splits.
            max_length: words to keep of each text; None keeps all.

        Returns:
            One string a text, its words joined by one space.
        """
        word_of = self.words.__getitem__
        return [" ".join(map(word_of, tokens[:max_length].tolist())) for tokens in split]

    def save(self, folder: Path | str) -> None:
        """Write the corpus into a folder, which is made where it is missing."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("train", "test"):
            split = getattr(self, name)
            for part in _PARTS:
                np.save(folder / f"{name}-{part}.npy", getattr(split, part), allow_pickle=False)
        # Bytes, so that no platform turns "\n" into something else.
        (folder / "words.txt").write_bytes("\n".join(self.words).encode())
        sizes = {
            "test": len(self.test),
            "train": len(self.train),
            "vocabulary_size": self.vocabulary_size,
        }
        (folder / "corpus.json").write_bytes(json.dumps(sizes, indent=2).encode() + b"\n")


def load_corpus(folder: Path | str) -> Corpus:
    """Read the corpus that `Corpus.save` wrote.

    Raises:
        UserError: a file of the corpus is missing.
    """
    folder = Path(folder)

    def load_split(name: str) -> Split:
        paths = (folder / f"{name}-{part}.npy" for part in _PARTS)
        return Split(*(np.load(path, allow_pickle=False) for path in paths))

    try:
        sizes = json.loads((folder / "corpus.json").read_bytes())
        # Split by "\n" alone: splitlines() would also cut at other control characters.
        words = (folder / "words.txt").read_bytes().decode().split("\n")
        return Corpus(words, sizes["vocabulary_size"], load_split("train"), load_split("test"))
    except FileNotFoundError as error:
        raise UserError(
            f"{folder}: no {Path(error.filename).name} there; run the stage prepare first "
            "(dvc repro prepare)"
        ) from error


def draw_validation(count: int, share: float, seed: int) -> np.ndarray:
    """Draw which training texts choose among epochs instead of being learnt from.

    Args:
        count: N, training texts.
        share: of them, in (0, 1); two at least are drawn, and one at least is not.
        seed: of the draw.

    Returns:
        Whether each is drawn, (N,) bool.

    Raises:
        UserError: there are fewer than three.
    """
    if count < 3:
        raise UserError(
            f"the training split has {count} texts and needs 3, as 2 of them choose among epochs "
            "(language_model.validation_share); give more texts or lower prepare.test_share"
        )
    size = min(max(round(share * count), 2), count - 1)
    drawn = np.zeros(count, dtype=bool)
    drawn[np.random.default_rng(seed).permutation(count)[:size]] = True
    return drawn


def build_corpus(
    texts: list[list[str]], labels: Sequence[int], test_share: float, seed: int
) -> Corpus:
    """Split texts into training and test and turn their words into ids.

    Args:
        texts: the words of each text.
        labels: one label a text, 0 or 1.
        test_share: share of each label's texts that becomes the test split, in (0, 1); what comes
            out is within one text of it for each label.
        seed: of the draw of the test texts.

    Raises:
        UserError: one of the two splits would be empty.
    """
    labels = np.asarray(labels, dtype=np.int8)
    is_test = _draw_test(labels, test_share, seed)
    ids = {"": 0}
    train = _number_words(texts, labels, np.flatnonzero(~is_test), ids)
    vocabulary_size = len(ids) - 1
    test = _number_words(texts, labels, np.flatnonzero(is_test), ids)
    return Corpus(list(ids), vocabulary_size, train, test)


def _draw_test(labels: np.ndarray, test_share: float, seed: int) -> np.ndarray:
    """Draw which texts are the test split: (N,) bool, stratified by label."""
    generator = np.random.default_rng(seed)
    is_test = np.zeros(len(labels), dtype=bool)
    for label in (0, 1):
        of_label = np.flatnonzero(labels == label)
        count = round(test_share * len(of_label))
        is_test[generator.permutation(of_label)[:count]] = True
    # Of a single training text there is nothing to tell its words apart by.
    for name, size, fewest in (("test", is_test.sum(), 1), ("training", (~is_test).sum(), 2)):
        if size < fewest:
            raise UserError(
                f"{len(labels)} texts ({int(labels.sum())} with label 1) and a prepare.test_share "
                f"of {test_share} leave {size} to the {name} split, which needs {fewest}; give "
                "more texts or change prepare.test_share"
            )
    return is_test


def _number_words(
    texts: list[list[str]], labels: np.ndarray, chosen: Iterable[int], ids: dict[str, int]
) -> Split:
    """Make a split of the chosen texts; words that `ids` lacks are appended to it."""
    tokens, lengths = [], []
    for index in chosen:
        words = texts[index]
        lengths.append(len(words))
        # setdefault evaluates its default for each word, before the word itself may be added.
        tokens.extend([ids.setdefault(word, len(ids)) for word in words])
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    return Split(np.array(tokens, dtype=np.int32), offsets, labels[chosen])
