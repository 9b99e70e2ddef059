"""What every embedding does, and where to find each by name."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, Self

from torch import Tensor

from stages.errors import UserError

CLASSES = {"scalar": "ScalarEmbedding", "word2vec": "Word2VecEmbedding", "bert": "BertEmbedding"}


class Embedding(Protocol):
    """Text to vectors and back.

    A text is words joined by one space. Training holds `tokens` of the whole corpus and embeds
    them batch by batch, as the vectors of all texts need not fit in memory.

    Attributes:
        width: E, numbers a token.
        vocabulary_size: distinct tokens that `decode` can give.
    """

    width: int
    vocabulary_size: int

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


def load_embedding(name: str, folder: str | Path, device: str) -> Embedding:
    """Load the embedding `name` from the folder it was saved to; its vectors live on `device`.

    Raises:
        UserError: there is no embedding of that name.
    """
    if name not in CLASSES:
        raise UserError(f"embedding {name}: unknown; expected one of {', '.join(CLASSES)}")
    module = import_module(f"stages.embeddings.{name}")
    return getattr(module, CLASSES[name]).load(Path(folder), device)
