"""What every encoder of documents does, and how to find each by its name."""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from pydantic import BaseModel
from safetensors.numpy import save_file

from stages.corpus.checked_files import About, read_json, write_about
from stages.corpus.corpus import Corpus
from stages.corpus.errors import UserError
from stages.generators.folder import to_array
from stages.generators.protocol import Step

ABOUT, WEIGHTS = "about.json", "weights.safetensors"
LIBRARIES = ("gensim", "numpy", "scipy", "torch")
MODELS = ("tfidf", "lsa", "autoencoder", "adversarial", "word2vec", "minilm")


class DocumentModel(Protocol):
    """An encoder of documents: from texts to vectors in which like content is a small angle.

    The trainer of generators trains it, so it trains, resumes and is saved as they are. A text is
    words joined by one space.

    Attributes:
        Settings: its section of params.yaml, under `documents`.
        stops_early: whether training may end before `count_steps` updates.
        settings: an instance of `Settings`.
        fingerprint: of the corpus that it was built for; None where there was none.
    """

    Settings: ClassVar[type[BaseModel]]
    stops_early: ClassVar[bool]
    settings: BaseModel
    fingerprint: str | None

    @classmethod
    def build(cls, corpus: Corpus, settings: Any, *, seed: int, device: str) -> Self:
        """Make an untrained encoder for a corpus; its seed is of random numbers of its own."""
        ...

    def count_steps(self, corpus: Corpus) -> int:
        """Return how many updates `train` makes."""
        ...

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Learn from the training split, yielding each update's losses; see `Generator.train`."""
        ...

    def knows(self, texts: Sequence[str]) -> np.ndarray:
        """Say which texts have a word that it knows, (N,) bool."""
        ...

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return the vector of each text, (N, width) float32; zeros where it knows no word."""
        ...

    def describe(self) -> dict[str, float]:
        """Return its size in whole numbers, for the metrics."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return `weights`, all that encoding needs, and `training`, what resuming needs too."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what `state_dict` returned; `training` may be left out."""
        ...

    def save(self, folder: Path) -> None:
        """Write the encoder, its words included, into a new folder."""
        ...

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Read what `save` wrote.

        Raises:
            UserError: it is damaged, or not what `save` writes.
        """
        ...


class DocumentAbout(About):
    """What about.json in each encoder's folder says; each encoder adds its own.

    Attributes:
        model: its name, one of `MODELS`.
    """

    model: str


class _Named(DocumentAbout, extra="ignore"):
    pass


def find_document_model(name: str) -> type[DocumentModel]:
    """Return the class of an encoder: module `some_name` holds `SomeName`.

    Raises:
        UserError: there is none of this name.
    """
    if name not in MODELS:
        raise UserError(f"document model {name!r}: expected one of {', '.join(MODELS)}")
    return getattr(import_module(f"stages.documents.{name}"), name.capitalize())


def load_document_model(folder: Path | str, device: str) -> DocumentModel:
    """Load whatever encoder a folder holds.

    Raises:
        UserError: it is damaged, or not what an encoder has written.
    """
    folder = Path(folder)
    return find_document_model(read_json(folder / ABOUT, _Named).model).load(folder, device)


def save_document_model(
    folder: Path, name: str, about: Mapping[str, Any], weights: Mapping[str, Any]
) -> None:
    """Write an encoder into a new folder.

    Args:
        folder: to make.
        name: of the encoder.
        about: what it needs beside weights, of which JSON can be made, `corpus` among it.
        weights: arrays or tensors by name; of none there is no file.
    """
    folder.mkdir()
    if weights:
        save_file({key: to_array(value) for key, value in weights.items()}, folder / WEIGHTS)
    write_about(folder / ABOUT, LIBRARIES, {"model": name, **about})
