"""The scalar embedding: a word is its number in the order of the vocabulary.

Source: M. Beneš, "Generating text using LSTM GAN in PyTorch", 2021, section "Method". As there, 0
is the one placeholder, for padding and for words out of vocabulary; decoding ends a text at it. The
paper orders words by first appearance; for its proposal to order them by similarity see
`seriation.order_by_similarity`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal, Self

import torch
from torch import Tensor

from stages.corpus.checked_files import read_json
from stages.corpus.corpus import Corpus
from stages.corpus.settings import Count, Section
from stages.embeddings.protocol import ABOUT, EmbeddingAbout, save_about
from stages.embeddings.word_table import (
    join_words,
    read_words,
    tokenize_words,
    unknown_share,
    write_words,
)


class Settings(Section):
    """How words are numbered.

    Attributes:
        order: of the ids: `similarity` (neighbours are alike) or `appearance`, as in the paper.
    """

    order: Literal["similarity", "appearance"]


class _About(EmbeddingAbout):
    embedding: Literal["scalar"]
    settings: Settings | None
    vocabulary_size: Count


class ScalarEmbedding:
    """Words to their ids, as one float each; see `protocol.Embedding`.

    Args:
        words: the vocabulary; the first has id 1.
        device: where vectors live.
    """

    name: ClassVar = "scalar"
    width = 1
    settings: Settings | None = None
    fingerprint: str | None = None

    def __init__(self, words: Sequence[str], device: str = "cpu") -> None:
        self.words = ["", *words]
        self.device = device
        self.vocabulary_size = len(words)
        self._ids = {word: index for index, word in enumerate(self.words) if index}

    @classmethod
    def build(cls, corpus: Corpus, settings: Settings, *, seed: int, device: str) -> Self:
        """Number the training split's words; see `protocol.Embedding`."""
        words = corpus.known_words
        if settings.order == "similarity":
            from stages.embeddings.seriation import order_by_similarity

            texts = corpus.texts(corpus.learnable(corpus.train))
            words = order_by_similarity(texts, words, seed)
        embedding = cls(words, device)
        embedding.settings, embedding.fingerprint = settings, corpus.fingerprint
        return embedding

    def tokenize(self, texts: Sequence[str], length: int | None = None) -> Tensor:
        """Turn texts into word ids (B, T), int32; 0 for unknown words and after the end."""
        return tokenize_words(texts, self._ids, length).to(self.device)

    def embed(self, tokens: Tensor) -> Tensor:
        """Turn word ids (B, T) into vectors (B, T, 1), float32."""
        return tokens.to(self.device, torch.float32).unsqueeze(-1)

    def encode(self, texts: Sequence[str], length: int | None = None) -> Tensor:
        """Turn texts into vectors (B, T, 1), float32."""
        return self.embed(self.tokenize(texts, length))

    def decode(self, vectors: Tensor) -> list[str]:
        """Round vectors (B, T, 1) to the nearest id; a text ends at its first 0."""
        ids = vectors.squeeze(-1).round().clamp(0, len(self.words) - 1)
        return join_words(ids.long(), self.words)

    def out_of_vocabulary(self, texts: Sequence[str]) -> float:
        """Return the share of the texts' words outside the vocabulary, from 0 to 1."""
        return unknown_share(texts, self._ids)

    def save(self, folder: Path) -> None:
        """Write about.json and words.txt into a new folder."""
        about = {"vocabulary_size": self.vocabulary_size}
        save_about(folder, self, ["gensim", "numpy"], about)
        write_words(folder / "words.txt", self.words[1:])

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Read what `save` wrote."""
        about = read_json(folder / ABOUT, _About)
        embedding = cls(read_words(folder / "words.txt", about.vocabulary_size), device)
        embedding.settings, embedding.fingerprint = about.settings, about.corpus
        return embedding
