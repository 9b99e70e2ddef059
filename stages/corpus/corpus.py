"""The tokenized corpus: word ids of three splits, and the words they stand for."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stages.corpus.errors import UserError

_PARTS = ("tokens", "offsets", "labels")
SPLITS = ("train", "validation", "test")
_FEWEST = (2, 2, 1)  # texts of each: of one there is no spread, nor words to tell apart


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

    def padded(self, max_length: int) -> np.ndarray:
        """Return the word ids of all texts, cropped or padded with 0, (N, max_length) int64."""
        kept = np.minimum(self.lengths, max_length)
        rows = np.repeat(np.arange(len(self)), kept)
        places = np.arange(kept.sum()) - np.repeat(np.cumsum(kept) - kept, kept)
        ids = np.zeros((len(self), max_length), dtype=np.int64)
        ids[rows, places] = self.tokens[self.offsets[rows] + places]
        return ids

    def of_label(self, label: int) -> "Split":
        """Return the texts of one label."""
        chosen = np.flatnonzero(self.labels == label)
        texts = [self[place] for place in chosen]
        offsets = np.concatenate([[0], np.cumsum(self.lengths[chosen])])
        tokens = np.concatenate(texts) if texts else self.tokens[:0]
        return Split(tokens, offsets, self.labels[chosen])


@dataclass(frozen=True, eq=False)
class Corpus:
    """Three splits over one list of words.

    Attributes:
        words: words[i] is the word of id i. words[0] is "", for a word out of the vocabulary and
            for what is no word; then come the training split's words in order of first
            appearance, ids 1 to vocabulary_size; then the words of the other splits alone, which
            models take as out of the vocabulary and which only serve to write texts back.
        vocabulary_size: distinct words of the training split.
        train: what embeddings and models learn from; in the order of the texts given, like all.
        validation: what chooses among epochs and sets thresholds.
        test: what nothing but the measures sees.
        max_length: words at which generated texts are cropped; None crops none.
    """

    words: list[str]
    vocabulary_size: int
    train: Split
    validation: Split
    test: Split
    max_length: int | None = None

    @property
    def labels(self) -> list[int]:
        """The labels that training texts have, rising."""
        return np.unique(self.train.labels).tolist()

    def of_label(self, label: int) -> "Corpus":
        """Return the texts of one label, under the same ids of words."""
        splits = {name: getattr(self, name).of_label(label) for name in SPLITS}
        return replace(self, **splits)

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
        for name in SPLITS:
            split = getattr(self, name)
            for part in _PARTS:
                np.save(folder / f"{name}-{part}.npy", getattr(split, part), allow_pickle=False)
        # Bytes, so that no platform turns "\n" into something else.
        (folder / "words.txt").write_bytes("\n".join(self.words).encode())
        sizes = {name: len(getattr(self, name)) for name in SPLITS}
        sizes["vocabulary_size"] = self.vocabulary_size
        (folder / "corpus.json").write_bytes(json.dumps(sizes, indent=2).encode() + b"\n")


def load_corpus(folder: Path | str, max_length: int | None = None) -> Corpus:
    """Read the corpus that `Corpus.save` wrote.

    Args:
        folder: where it is.
        max_length: words at which generated texts are cropped.

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
        return Corpus(words, sizes["vocabulary_size"], *map(load_split, SPLITS), max_length)
    except FileNotFoundError as error:
        raise UserError(
            f"{folder}: no {Path(error.filename).name} there; run the stage prepare first "
            "(dvc repro prepare)"
        ) from error


def build_corpus(
    texts: list[list[str]],
    labels: Sequence[int],
    test_share: float,
    validation_share: float,
    seed: int,
) -> Corpus:
    """Split texts into three and turn their words into ids.

    Args:
        texts: the words of each text.
        labels: one label a text, 0 or 1.
        test_share: share of each label's texts that becomes the test split, in (0, 1); what comes
            out is within one text of it for each label.
        validation_share: likewise for the validation split; both together below 1. Of few texts the
            label with more of them gives one or two beyond its share, so that there are two.
        seed: of the draw. The test split does not depend on the validation split's share.

    Raises:
        UserError: a split would have too few texts.
    """
    labels = np.asarray(labels, dtype=np.int8)
    drawn = _draw_splits(labels, test_share, validation_share, seed)
    ids = {"": 0}
    splits, sizes = [], []
    for name in SPLITS:
        splits.append(_number_words(texts, labels, drawn[name], ids))
        sizes.append(len(ids) - 1)
    return Corpus(list(ids), sizes[0], *splits)


def _draw_splits(
    labels: np.ndarray, test_share: float, validation_share: float, seed: int
) -> dict[str, np.ndarray]:
    """Draw the places of each split's texts, (N,) int64, stratified by label."""
    generator = np.random.default_rng(seed)
    split_of = np.full(len(labels), SPLITS.index("train"))
    counts = [int((labels == label).sum()) for label in (0, 1)]
    validating = [round(validation_share * count) for count in counts]
    validating[counts.index(max(counts))] += max(_FEWEST[1] - sum(validating), 0)
    for label in (0, 1):
        of_label = generator.permutation(np.flatnonzero(labels == label))
        tested = round(test_share * len(of_label))
        split_of[of_label[:tested]] = SPLITS.index("test")
        split_of[of_label[tested : tested + validating[label]]] = SPLITS.index("validation")
    drawn = {name: np.flatnonzero(split_of == place) for place, name in enumerate(SPLITS)}
    for name, fewest in zip(SPLITS, _FEWEST, strict=True):
        if len(drawn[name]) < fewest:
            raise UserError(
                f"{len(labels)} texts ({int(labels.sum())} with label 1), a prepare.test_share of "
                f"{test_share} and a prepare.validation_share of {validation_share} leave "
                f"{len(drawn[name])} to the {name} split, which needs {fewest}; give more texts or "
                "change the shares"
            )
    return drawn


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
