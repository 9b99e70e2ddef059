"""The tokenized corpus: word ids of three splits, and the words they stand for."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from stages.corpus.checked_files import (
    Fingerprint,
    damaged,
    read_array,
    read_json,
    read_lines,
    write_json,
)
from stages.corpus.errors import UserError
from stages.corpus.settings import CountOrZero, Distinct, Section

_PARTS = {"tokens": "int32", "offsets": "int64", "labels": "int8"}
_REMEDY = "dvc repro prepare"
SPLITS = ("train", "validation", "test")
TEST_PLATFORMS = "test-platforms.txt"  # beside a corpus: where each test text comes from
UNKNOWN = "<unk>"  # no text holds it: the tokenizer makes three words of it
NO_LABEL = -1
MOST_LABELS = 20


@dataclass(frozen=True, eq=False)
class Split:
    """The token sequences of one split, of any length each, end to end in one array.

    Attributes:
        tokens: (number of tokens,) int32, word ids.
        offsets: (N + 1,) int64; text i is tokens[offsets[i]:offsets[i + 1]].
        labels: (N,) int8, each text's place among the corpus's labels, or `NO_LABEL`.
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
            for what is no word; then come the vocabulary's words in order of first appearance in
            the training split, ids 1 to vocabulary_size, of which the last is `UNKNOWN` where rare
            words were left out; then all other words, which models take as out of the vocabulary
            and which only serve to write texts back.
        vocabulary_size: words of the vocabulary.
        train: what embeddings and models learn from; in the order of the texts given, like all.
        validation: what chooses among epochs and sets thresholds.
        test: what nothing but the measures sees; empty where everything is learnt from.
        max_length: words at which generated texts are cropped; None crops none.
        fingerprint: 16 hexadecimal digits by which models tell what they were made from: of all
            words, texts and labels. The part of one label keeps that of the whole corpus.
        name: of its folder, for messages.
        label_names: of each label; none where texts have no labels.
    """

    words: list[str]
    vocabulary_size: int
    train: Split
    validation: Split
    test: Split
    max_length: int | None = None
    fingerprint: str = ""
    name: str = "the corpus"
    label_names: tuple[str, ...] = ("0", "1")

    def __post_init__(self) -> None:
        if not self.fingerprint:
            object.__setattr__(self, "fingerprint", self._digest())

    def _digest(self) -> str:
        parts = [str(self.vocabulary_size), *self.words, "", *self.label_names]
        digest = hashlib.sha256("\n".join(parts).encode())
        for name in SPLITS:
            for part, dtype in _PARTS.items():
                array = np.ascontiguousarray(getattr(getattr(self, name), part), dtype)
                digest.update(f"\n{name} {part} {len(array)}\n".encode())
                digest.update(array)
        return digest.hexdigest()[:16]

    def check_model(self, path: Path, fingerprint: str | None) -> None:
        """Refuse a model that was made from another corpus.

        Args:
            path: of the model.
            fingerprint: of the corpus that it was made from.

        Raises:
            UserError: names both, and their fingerprints.
        """
        if fingerprint != self.fingerprint:
            raise UserError(
                f"{path} was made from the corpus {fingerprint or '(unknown)'}, which is not "
                f"{self.name} ({self.fingerprint}): run `dvc repro`"
            )

    @property
    def labels(self) -> list[int]:
        """The labels that training texts have, rising."""
        labels = np.unique(self.train.labels)
        return labels[labels != NO_LABEL].tolist()

    @property
    def has_unknown(self) -> bool:
        """Whether rare words were left out, for which `UNKNOWN` stands."""
        return self.words[self.vocabulary_size] == UNKNOWN

    @property
    def known_words(self) -> list[str]:
        """The words that models may write: the vocabulary's, without `UNKNOWN`."""
        return self.words[1 : self.vocabulary_size + (not self.has_unknown)]

    def learnable(self, split: Split) -> Split:
        """Return a split as models learn it: `UNKNOWN` in place of words that were left out."""
        if not self.has_unknown:
            return split
        return replace(split, tokens=np.minimum(split.tokens, np.int32(self.vocabulary_size)))

    def name_labels(self, split: Split) -> list[str | None]:
        """Return the name of each text's label, None where it has none."""
        names = [*self.label_names, None]  # the last for NO_LABEL, which is -1
        return [names[label] for label in split.labels.tolist()]

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
        sizes |= {"vocabulary_size": self.vocabulary_size, "fingerprint": self.fingerprint}
        sizes |= {"labels": self.label_names}
        write_json(folder / "corpus.json", sizes)


class _About(Section):
    """What corpus.json says: texts of each split, words of the vocabulary, labels' names."""

    format: int
    train: CountOrZero
    validation: CountOrZero
    test: CountOrZero
    vocabulary_size: CountOrZero
    fingerprint: Fingerprint
    labels: Annotated[Distinct[str], Field(max_length=MOST_LABELS)]


def load_corpus(folder: Path | str, max_length: int | None = None) -> Corpus:
    """Read the corpus that `Corpus.save` wrote.

    Args:
        folder: where it is.
        max_length: words at which generated texts are cropped.

    Raises:
        UserError: a file of the corpus is missing or damaged, or they do not belong together.
    """
    folder = Path(folder)
    try:
        about = read_json(folder / "corpus.json", _About, _REMEDY)
        words = read_lines(folder / "words.txt", _REMEDY)
        if words[0] or len({*words}) < len(words) or about.vocabulary_size >= len(words):
            expected = f"an empty line, then {about.vocabulary_size} distinct words or more"
            raise damaged(folder / "words.txt", f"expected {expected}", _REMEDY)
        beyond = words[about.vocabulary_size] == UNKNOWN
        # A split's highest id.
        known = (len(words) - 1 if beyond else about.vocabulary_size, *[len(words) - 1] * 2)
        splits = [
            _load_split(folder, name, getattr(about, name), highest, len(about.labels))
            for name, highest in zip(SPLITS, known, strict=True)
        ]
    except FileNotFoundError as error:
        raise UserError(
            f"{folder}: no {Path(error.filename).name} there; run the stage prepare first "
            f"({_REMEDY})"
        ) from error
    corpus = Corpus(
        words,
        about.vocabulary_size,
        *splits,
        max_length,
        name=str(folder),
        label_names=tuple(about.labels),
    )
    if corpus.fingerprint != about.fingerprint:
        raise UserError(
            f"{folder}: its files do not belong together: corpus.json is of the corpus "
            f"{about.fingerprint}, the others are of {corpus.fingerprint}: run `{_REMEDY}`"
        )
    return corpus


def _load_split(folder: Path, name: str, texts: int, highest: int, labelled: int) -> Split:
    """Read one split of so many texts, whose ids are from 1 to the highest."""
    paths = {part: folder / f"{name}-{part}.npy" for part in _PARTS}
    split = Split(*(read_array(paths[part], dtype, _REMEDY) for part, dtype in _PARTS.items()))
    tokens, offsets, labels = split.tokens, split.offsets, split.labels
    known = range(labelled) if labelled else (NO_LABEL,)
    if len(labels) != texts or not np.isin(labels, known).all():
        expected = f"each from 0 to {labelled - 1}" if labelled else f"each {NO_LABEL}"
        raise damaged(paths["labels"], f"expected {texts} labels, {expected}", _REMEDY)
    # No difference of the two, which can overflow.
    is_rising = len(offsets) == texts + 1 and (offsets[1:] >= offsets[:-1]).all()
    if not is_rising or offsets[0] != 0 or offsets[-1] != len(tokens):
        expected = f"expected {texts + 1} offsets that rise from 0 to {len(tokens)}"
        raise damaged(paths["offsets"], expected, _REMEDY)
    if len(tokens) and (tokens.min() < 1 or tokens.max() > highest):
        raise damaged(paths["tokens"], f"expected ids from 1 to {highest}", _REMEDY)
    return split
