"""The word2vec embedding: a word is a short vector learnt from the words around it.

Source: T. Mikolov et al., "Efficient Estimation of Word Representations in Vector Space", 2013,
arXiv:1301.3781, as implemented by gensim; words out of vocabulary by string distance after
M. Beneš, "Generating text using LSTM GAN in PyTorch", 2021. We fit the vectors on the training
split instead of taking pretrained ones, and let the not-a-word token end each training text, so
that it has a vector like any word.

Where rare words were left out of the vocabulary, one unknown word stands for them in the texts that
the vectors are fitted on, so that their neighbours do not become each other's. It gets no vector
itself: decoding would write it, and by such a vector a discriminator would know real text.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Literal, Self

import torch
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from stages.corpus.checked_files import read_json, read_tensors
from stages.corpus.corpus import Corpus
from stages.corpus.settings import Count, Section
from stages.embeddings.protocol import ABOUT, VECTORS, EmbeddingAbout, save_about
from stages.embeddings.word_table import (
    join_words,
    nearest_rows,
    read_words,
    tokenize_words,
    unknown_share,
    write_words,
)

END = "<not-a-word>"
LEARNING_RATE = 0.025  # gensim's default


class Settings(Section):
    """What gensim is told.

    Attributes:
        vector_size: E, numbers a word.
        window: words of context on either side.
        epochs: passes over the training split.
    """

    vector_size: Count
    window: Count
    epochs: Count


class _About(EmbeddingAbout):
    embedding: Literal["word2vec"]
    settings: Settings | None
    vocabulary_size: Count


class Word2VecEmbedding:
    """Words to gensim's vectors; see `protocol.Embedding`.

    A word out of vocabulary takes the vector of the closest word by rapidfuzz's ratio, the first
    in the vocabulary where several are equally close.

    Args:
        words: the vocabulary; the first has id 1.
        table: vectors (V + 1, E), float32; row 0 is not-a-word.
        device: where vectors live.
    """

    name: ClassVar = "word2vec"
    settings: Settings | None = None
    fingerprint: str | None = None

    def __init__(self, words: Sequence[str], table: Tensor, device: str = "cpu") -> None:
        self.words = ["", *words]
        self.table = table.to(device)
        self.width = table.shape[1]
        self.vocabulary_size = len(words)
        self._ids = {word: index for index, word in enumerate(self.words) if index}

    @classmethod
    def build(cls, corpus: Corpus, settings: Settings, *, seed: int, device: str) -> Self:
        """Fit the vectors on the training split; see `protocol.Embedding`."""
        texts, words = corpus.texts(corpus.learnable(corpus.train)), corpus.known_words
        embedding = cls.fit(texts, words, **settings.model_dump(), seed=seed, device=device)
        embedding.settings, embedding.fingerprint = settings, corpus.fingerprint
        return embedding

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        words: Sequence[str],
        *,
        vector_size: int,
        window: int,
        epochs: int,
        seed: int,
        learning_rate: float = LEARNING_RATE,
        called: str = "word2vec",
        device: str = "cpu",
    ) -> Self:
        """Fit the vectors on the training texts.

        Args:
            texts: words joined by one space.
            words: those that get a vector, each in `texts`.
            vector_size: E, numbers a word.
            window: words of context on either side.
            epochs: passes over the texts.
            seed: of gensim's random numbers; one worker thread keeps their order.
            learning_rate: at the first word; it falls along a line to 0.0001 at the last.
            called: what the progress bar is called.
            device: where vectors live.
        """
        from gensim.models import Word2Vec

        # Before the passes gensim reads the texts once for their words.
        total = (1 + epochs) * len(texts)
        with tqdm(desc=f"{called} passes", total=total, unit="text") as progress:
            model = Word2Vec(
                _Sentences(texts, progress),
                vector_size=vector_size,
                window=window,
                min_count=1,
                workers=1,
                seed=seed,
                epochs=epochs,
                alpha=learning_rate,
            )
        table = torch.from_numpy(model.wv[[END, *words]].copy())  # (V + 1, E)
        return cls(words, table, device)

    def tokenize(self, texts: Sequence[str], length: int | None = None) -> Tensor:
        """Turn texts into word ids (B, T), int32; unknown words become their closest word."""
        unknown = {word for text in texts for word in text.split()[:length]} - self._ids.keys()
        ids = self._ids | dict(self._closest(sorted(unknown)))
        return tokenize_words(texts, ids, length).to(self.table.device)

    def _closest(self, unknown: Sequence[str]) -> Iterable[tuple[str, int]]:
        from rapidfuzz.fuzz import ratio
        from rapidfuzz.process import cdist

        # 256 words against 300,000 of a large vocabulary are 300 MB of scores.
        for first in range(0, len(unknown), 256):
            queries = unknown[first : first + 256]
            scores = cdist(queries, self.words[1:], scorer=ratio, workers=-1)
            yield from zip(queries, (scores.argmax(1) + 1).tolist(), strict=True)

    def embed(self, tokens: Tensor) -> Tensor:
        """Turn word ids (B, T) into vectors (B, T, E), float32."""
        return self.table[tokens.to(self.table.device).long()]

    def encode(self, texts: Sequence[str], length: int | None = None) -> Tensor:
        """Turn texts into vectors (B, T, E), float32."""
        return self.embed(self.tokenize(texts, length))

    def decode(self, vectors: Tensor) -> list[str]:
        """Turn vectors (B, T, E) into the words nearest by cosine, up to the first not-a-word."""
        rows = nearest_rows(vectors.to(self.table.device), self.table, cosine=True)
        return join_words(rows, self.words)

    def out_of_vocabulary(self, texts: Sequence[str]) -> float:
        """Return the share of the texts' words outside the vocabulary, from 0 to 1."""
        return unknown_share(texts, self._ids)

    def save(self, folder: Path) -> None:
        """Write about.json, words.txt and vectors.safetensors into a new folder."""
        about = {"vocabulary_size": self.vocabulary_size}
        save_about(folder, self, ["gensim", "numpy"], about)
        write_words(folder / "words.txt", self.words[1:])
        save_file({"table": self.table.cpu()}, folder / VECTORS)

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Read what `save` wrote."""
        about = read_json(folder / ABOUT, _About)
        words = read_words(folder / "words.txt", about.vocabulary_size)
        width = "E" if about.settings is None else about.settings.vector_size
        arrays = read_tensors(folder / VECTORS, {"table": ("float32", (len(words) + 1, width))})
        embedding = cls(words, torch.from_numpy(arrays["table"]), device)
        embedding.settings, embedding.fingerprint = about.settings, about.corpus
        return embedding


class _Sentences:
    """The words of each text, its end among them; each pass over them moves a progress bar.

    Args:
        texts: words joined by one space.
        progress: of all passes together, counted in texts.
    """

    def __init__(self, texts: Sequence[str], progress: tqdm) -> None:
        self.texts = texts
        self.progress = progress

    def __iter__(self) -> Iterator[list[str]]:
        # Split anew at each pass: the words of ten million need no gigabyte then.
        for text in self.texts:
            yield [*text.split(), END]
            self.progress.update()
