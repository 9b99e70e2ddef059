"""What every embedding does, and where to find each by name."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

from torch import Tensor

from stages.corpus.corpus import Corpus
from stages.corpus.errors import UserError

CLASSES = {"scalar": "ScalarEmbedding", "word2vec": "Word2VecEmbedding", "bert": "BertEmbedding"}


class Embedding(Protocol):
    """Text to vectors and back.

    A text is words joined by one space. Training holds `tokens` of the whole corpus and embeds
    them batch by batch, as the vectors of all texts need not fit in memory.

    Attributes:
        name: by which it is found.
        width: E, numbers a token.
        vocabulary_size: distinct tokens that `decode` can give.
    """

    name: ClassVar[str]
    width: int
    vocabulary_size: int

    @classmethod
    def build(cls, corpus: Corpus, settings: Any, *, seed: int, device: str) -> Self:
        """Fit it on the training split.

        Args:
            corpus: only its training split is read.
            settings: an instance of the module's `Settings`.
            seed: of what is random.
            device: where its vectors live.
        """
        ...

    def tokenize(self, texts: Sequence[str], length: int | None = None) -> Tensor:
        """Turn texts into token ids (B, T), int32, on the embedding's device.

        T is `length`, to which longer texts are cropped, or the longest text's; after the end
        stands 0, the id of not-a-word.
        """
        ...

    def embed(self, tokens: Tensor) -> Tensor:
        """Turn token ids (B, T) into vectors (B, T, E), float32, on the embedding's device."""
        ...

    def encode(self, texts: Sequence[str], length: int | None = None) -> Tensor:
        """Turn texts into vectors (B, T, E), float32: `embed(tokenize(…))`."""
        ...

    def decode(self, vectors: Tensor) -> list[str]:
        """Turn vectors (B, T, E) into B texts, each cut at its first not-a-word."""
        ...

    def out_of_vocabulary(self, texts: Sequence[str]) -> float:
        """Return the share of the texts' tokens that `decode` cannot give, from 0 to 1."""
        ...

    def save(self, folder: Path) -> None:
        """Write the embedding into a new folder."""
        ...

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Read what `save` wrote."""
        ...


def find_embedding(name: str) -> type[Embedding]:
    """Return the class of an embedding.

    Raises:
        UserError: there is no embedding of that name.
    """
    if name not in CLASSES:
        raise UserError(f"embedding {name}: unknown; expected one of {', '.join(CLASSES)}")
    return getattr(import_module(f"stages.embeddings.{name}"), CLASSES[name])


def load_embedding(name: str, folder: str | Path, device: str) -> Embedding:
    """Load the embedding `name` from the folder it was saved to; its vectors live on `device`.

    Raises:
        UserError: there is no embedding of that name.
    """
    return find_embedding(name).load(Path(folder), device)
