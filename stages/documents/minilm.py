"""Texts as the sentence vectors of a pretrained BERT, which learns nothing here.

Source: N. Reimers and I. Gurevych, "Sentence-BERT: Sentence Embeddings using Siamese
BERT-Networks", EMNLP 2019, arXiv:1908.10084; see measures/sentence_vectors.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np

from stages.corpus.checked_files import read_json
from stages.corpus.corpus import Corpus
from stages.corpus.settings import Bert, Section
from stages.documents.protocol import ABOUT, DocumentAbout, save_document_model
from stages.generators.protocol import Step
from stages.measures.sentence_vectors import SentenceEncoder
from stages.networks.cores import all_cores

SETTING = "documents.minilm.model"


class Settings(Section):
    """Which BERT reads the texts.

    Attributes:
        model: MiniLM, a folder, or the name of a BERT on the Hugging Face hub.
    """

    model: Bert


class _About(DocumentAbout):
    model: Literal["minilm"]
    settings: Settings


class Minilm:
    """Vectors (N, 384) of length 1, or as wide as another BERT's; see `protocol.DocumentModel`.

    Args:
        settings: which BERT.
        device: where it runs.
        setting: what names the BERT, for messages.
    """

    Settings: ClassVar = Settings
    stops_early: ClassVar = False
    fingerprint: str | None = None

    def __init__(self, settings: Settings, device: str, setting: str = SETTING) -> None:
        self.settings = settings
        self.encoder = SentenceEncoder(device, settings.model, setting)
        self.done = False

    @classmethod
    def build(cls, corpus: Corpus, settings: Settings, *, seed: int, device: str) -> Self:
        """Load the BERT."""
        model = cls(settings, device)
        model.fingerprint = corpus.fingerprint
        return model

    def count_steps(self, corpus: Corpus) -> int:
        """Return the one step of `train`."""
        return 1

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Refuse texts that the BERT cannot read; there is nothing to learn."""
        if not self.done:
            self.encoder.check(corpus.texts(corpus.train), "the training texts")
            self.done = True
            yield Step(1, 1, {}, ends_epoch=True)

    def knows(self, texts: Sequence[str]) -> np.ndarray:
        """Say which texts have a word, (N,) bool."""
        return np.array([bool(text) for text in texts], bool)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return the vector of each text, (N, width) float32; zeros of an empty text."""
        if not texts:
            return np.zeros((0, self.describe()["width"]), np.float32)
        with all_cores() as pool:
            vectors = self.encoder.encode([*texts], pool)
        vectors[~self.knows(texts)] = 0
        return vectors

    def describe(self) -> dict[str, float]:
        """Return the width of vectors."""
        return {"width": self.encoder.bert.config.hidden_size}

    def state_dict(self) -> dict[str, Any]:
        """Return no weights: the BERT's are not saved."""
        return {"weights": {}, "training": {"done": self.done}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take whether the texts have been read."""
        self.done = state.get("training", {}).get("done", self.done)

    def save(self, folder: Path) -> None:
        """Write the BERT's name into a new folder, not the BERT."""
        about = {"corpus": self.fingerprint, "settings": self.settings.model_dump()}
        save_document_model(folder, "minilm", about, {})

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Read what `save` wrote, and the BERT that it names."""
        about = read_json(folder / ABOUT, _About)
        model = cls(about.settings, device, f"{folder / ABOUT}: settings.model")
        model.fingerprint = about.corpus
        return model
