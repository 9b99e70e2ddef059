"""A plain softmax over words: vectors to read by, and a dense layer to predict by."""

import torch
from torch import Tensor, nn

from stages.networks.portable import Linear


class FullSoftmax(nn.Module):
    """As `TiedSoftmax` seen from outside, without groups of rare words and without the tie.

    Args:
        vocabulary_size: V, words.
        width: W, numbers a word that are read.
        hidden_size: H, numbers from which the next word is predicted.
    """

    def __init__(self, vocabulary_size: int, width: int, hidden_size: int) -> None:
        super().__init__()
        self.cutoffs = [vocabulary_size]
        self.vectors = nn.Embedding(vocabulary_size, width)
        nn.init.normal_(self.vectors.weight, std=0.1)
        self.dense = Linear(hidden_size, vocabulary_size)
        nn.init.zeros_(self.dense.bias)
        self.register_buffer("group_bias", torch.zeros(0), persistent=False)

    @property
    def bias(self) -> Tensor:
        """Of each word, (V,)."""
        return self.dense.bias

    def head(self, hidden: Tensor) -> Tensor:
        """Return the logits (N, V) of all words from hidden (N, H)."""
        return self.dense(hidden)

    def log_probabilities(self, hidden: Tensor) -> Tensor:
        """Return log P of every word, (N, V), in nats."""
        return self.dense(hidden).log_softmax(1)

    def log_likelihoods(
        self, hidden: Tensor, words: Tensor, impossible: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return log P (N,), in nats, of one word each, and of the first word of all, (N,).

        Args:
            hidden: (N, H).
            words: (N,), int64.
            impossible: (N, V), bool: words that have no probability; None of none.
        """
        logits = self.dense(hidden)
        if impossible is not None:
            logits = logits.masked_fill(impossible, -torch.inf)
        logs = logits.log_softmax(1)
        return logs.gather(1, words.unsqueeze(1)).squeeze(1), logs[:, 0]
