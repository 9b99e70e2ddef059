"""The texts of one source as a discriminator reads them, made once and looked up by place."""

from collections.abc import Iterator

import torch
from torch import Tensor

from stages.embeddings.piece_table import lengths_of
from stages.embeddings.protocol import Embedding
from stages.embeddings.vectors import embed_by_place
from stages.training.discriminator import Texts

BATCH = 250  # texts read at a time where nothing is learnt


class Stock:
    """Texts in the vectors of an embedding.

    Args:
        name: of the source, for the progress bar.
        embedding: a frozen embedding.
        tokens: the texts (N, T), as the embedding's `tokenize` gives them.
    """

    def __init__(self, name: str, embedding: Embedding, tokens: Tensor) -> None:
        self.lengths = lengths_of(tokens)  # (N,)
        self._embed = embed_by_place(name, embedding, tokens)

    def at(self, places: Tensor) -> Texts:
        """Return the texts at places (B,), int64, from 0 to N - 1."""
        return Texts(self._embed(places), self.lengths[places.to(self.lengths.device)])

    def batches(self) -> Iterator[Texts]:
        """Yield all texts in their order."""
        for places in torch.arange(len(self.lengths)).split(BATCH):
            yield self.at(places)

    def draw(self, count: int) -> Texts:
        """Draw as many texts, with replacement, by PyTorch's own random numbers."""
        return self.at(torch.randint(len(self.lengths), (count,)))
