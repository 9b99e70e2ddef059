"""Encoders that are fitted in one step, without a network of their own."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from stages.corpus.checked_files import Expected, Words, read_json, read_tensors
from stages.corpus.corpus import Corpus
from stages.documents.bags import Bags
from stages.documents.protocol import ABOUT, WEIGHTS, DocumentAbout, save_document_model
from stages.generators.protocol import Step


class FittedModel:
    """An encoder of bags of words by arrays; see `protocol.DocumentModel`.

    A subclass says what `fit` learns, which `arrays` it keeps, and how counts become vectors.

    Args:
        bags: the words that it knows.
        settings: of the subclass.

    Attributes:
        arrays: by name, (V, …) or (…,); none before `fit`.
        width: numbers of a vector; 0 before `fit`.
    """

    name: ClassVar[str]
    About: ClassVar[type[DocumentAbout]]
    stops_early: ClassVar = False
    fingerprint: str | None = None

    def __init__(self, bags: Bags, settings: Any) -> None:
        self.bags, self.settings = bags, settings
        self.arrays: dict[str, np.ndarray] = {}
        self.seed = 0

    @classmethod
    def build(cls, corpus: Corpus, settings: Any, *, seed: int, device: str) -> Self:
        """Take the training split's most frequent words."""
        model = cls(Bags.fit(corpus.texts(corpus.train), settings.vocabulary), settings)
        model.fingerprint, model.seed = corpus.fingerprint, seed
        return model

    def count_steps(self, corpus: Corpus) -> int:
        """Return the one step of `train`."""
        return 1

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Learn from the training split; there is no loss to tell."""
        if not self.arrays:
            self.fit(corpus.texts(corpus.train))
            yield Step(1, 1, {}, ends_epoch=True)

    def fit(self, texts: Sequence[str]) -> None:
        """Learn `arrays` from texts."""
        raise NotImplementedError

    def turn(self, texts: Sequence[str]) -> np.ndarray:
        """Turn texts into vectors (N, width)."""
        raise NotImplementedError

    @classmethod
    def expect(cls, settings: Any, words: int) -> Expected:
        """Say which arrays there are, of so many words; see `checked_files.read_tensors`."""
        raise NotImplementedError

    def knows(self, texts: Sequence[str]) -> np.ndarray:
        """Say which texts have a word of the vocabulary, (N,) bool."""
        return np.diff(self.bags.count(texts).indptr) > 0

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return the vector of each text, (N, width) float32; zeros where it knows no word."""
        return np.ascontiguousarray(self.turn(texts), np.float32)

    def describe(self) -> dict[str, float]:
        """Return the width of vectors, and the words that count."""
        return {"width": self.encode([""]).shape[1], "vocabulary": len(self.bags.words)}

    def state_dict(self) -> dict[str, Any]:
        """Return the arrays; nothing else is needed."""
        return {"weights": dict(self.arrays), "training": {}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the arrays."""
        self.arrays = {name: np.asarray(array) for name, array in state["weights"].items()}

    def save(self, folder: Path) -> None:
        """Write the encoder into a new folder."""
        about = {
            "corpus": self.fingerprint,
            "settings": self.settings.model_dump(),
            "words": self.bags.words,
        }
        save_document_model(folder, self.name, about, self.arrays)

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Read what `save` wrote."""
        about = read_json(folder / ABOUT, cls.About)
        model = cls(Bags(about.words), about.settings)
        model.fingerprint = about.corpus
        model.arrays = read_tensors(folder / WEIGHTS, cls.expect(about.settings, len(about.words)))
        return model


class BagAbout(DocumentAbout):
    """What about.json of an encoder of bags says.

    Attributes:
        words: that it knows.
    """

    words: Words
