"""What every embedding does, and where to find each by name."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self

from torch import Tensor

from stages.corpus.checked_files import About, damaged, write_about
from stages.corpus.corpus import Corpus
from stages.corpus.errors import UserError
from stages.corpus.settings import Section

ABOUT, VECTORS = "about.json", "vectors.safetensors"  # in each embedding's folder
CLASSES = {"scalar": "ScalarEmbedding", "word2vec": "Word2VecEmbedding", "bert": "BertEmbedding"}
EmbeddingName = Literal[tuple(CLASSES)]


class Embedding(Protocol):
    """Text to vectors and back.

    A text is words joined by one space. Training holds `tokens` of the whole corpus and embeds
    them batch by batch, as the vectors of all texts need not fit in memory.

    Attributes:
        name: by which it is found.
        width: E, numbers a token.
        vocabulary_size: distinct tokens that `decode` can give.
        settings: by which it was built; None where it was not built from a corpus.
        fingerprint: of the corpus that it was built from, or None.
    """

    name: ClassVar[str]
    width: int
    vocabulary_size: int
    settings: Section | None
    fingerprint: str | None

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
        """Read what `save` wrote.

        Raises:
            UserError: it is damaged, or another embedding's.
        """
        ...


class EmbeddingAbout(About):
    """What about.json in each embedding's folder says; each adds its `settings` and more."""

    embedding: str


def save_about(
    folder: Path, embedding: Embedding, libraries: Sequence[str], more: Mapping[str, Any]
) -> None:
    """Make an embedding's folder, and write about.json into it.

    Args:
        folder: to make.
        embedding: whose it is.
        libraries: that made it.
        more: what the embedding adds.
    """
    folder.mkdir()
    made = {"settings": embedding.settings, "corpus": embedding.fingerprint}
    write_about(folder / ABOUT, libraries, {"embedding": embedding.name, **made, **more})


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
        UserError: there is no embedding of that name, or the folder holds another or damaged one.
    """
    return find_embedding(name).load(Path(folder), device)


def load_copy(
    name: str, folder: Path, device: str, *, width: int, fingerprint: str | None
) -> Embedding:
    """Load the embedding that lies in the folder of a GAN.

    Args:
        name: of the embedding that the GAN was trained with.
        folder: of the copy.
        device: where its vectors live.
        width: E, numbers a token that the GAN's networks read.
        fingerprint: of the corpus that the GAN was built for.

    Raises:
        UserError: it does not fit the GAN.
    """
    embedding = load_embedding(name, folder, device)
    if embedding.width != width:
        gan = folder.parent
        raise damaged(folder, f"{embedding.width} numbers a token, but {gan} reads {width}")
    if embedding.fingerprint not in (None, fingerprint):
        raise damaged(
            folder,
            f"made from the corpus {embedding.fingerprint}, but {folder.parent} from "
            f"{fingerprint or '(unknown)'}",
        )
    return embedding
