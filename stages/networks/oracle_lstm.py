"""An LSTM with fixed weights that writes texts of one length, whose probabilities are all known.

Source: L. Yu et al., "SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient", AAAI
2017, arXiv:1609.05473, section "Synthetic Data Experiments", and their code (LantaoYu/SeqGAN,
target_lstm.py): an LSTM of one layer whose weights are drawn from a normal distribution of mean 0
and deviation 1. It begins with the word 0 read in a state of zeros, and nothing ends a text. Texts
of a generator are judged by how likely the oracle would have written them (NLL_oracle).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from stages.networks.lstm_language_model import draw_places
from stages.networks.oracle_weights import (
    BIAS,
    EMBEDDING,
    GATES,
    OUT,
    Arrays,
    draw_weights,
    load_weights,
)
from stages.networks.portable import Linear

START = 0  # the word that is read before a text's first
BATCH = 500  # texts at a time


class OracleLstm(nn.Module):
    """P(text) as the product of P(word | words before it), words 0 to V - 1.

    Args:
        arrays: the weights, as `oracle_weights` has them.
    """

    def __init__(self, arrays: Arrays) -> None:
        super().__init__()
        weights = {name: torch.from_numpy(array) for name, array in arrays.items()}
        self.vocabulary_size, width = weights[EMBEDDING].shape
        hidden_size = len(weights[OUT])
        self.embedding = nn.Embedding(self.vocabulary_size, width)
        self.lstm = nn.LSTM(width, hidden_size, batch_first=True)
        self.output = Linear(hidden_size, self.vocabulary_size)
        parts = {of: torch.cat([weights[f"{of}_{gate}"] for gate in GATES], dim=-1) for of in "WUb"}
        self.load_state_dict(
            {
                "embedding.weight": weights[EMBEDDING],
                "lstm.weight_ih_l0": parts["W"].T,
                "lstm.weight_hh_l0": parts["U"].T,
                "lstm.bias_ih_l0": parts["b"],
                "lstm.bias_hh_l0": torch.zeros_like(parts["b"]),
                "output.weight": weights[OUT].T,
                "output.bias": weights[BIAS],
            }
        )
        self.requires_grad_(False)

    @classmethod
    def draw(cls, vocabulary: int, width: int, hidden_size: int, seed: int) -> Self:
        """Make an oracle of random weights."""
        return cls(draw_weights(vocabulary, width, hidden_size, seed))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read an oracle from an .npz.

        Raises:
            UserError: see `oracle_weights.load_weights`.
        """
        return cls(load_weights(path))

    @torch.no_grad()
    def sample(self, count: int, length: int, random: torch.Generator | None = None) -> Tensor:
        """Draw texts.

        Args:
            count: N, texts to draw.
            length: T, words of each.
            random: source of randomness on the CPU; None takes PyTorch's own.

        Returns:
            Tokens (N, T), int64, from 0 to V - 1.
        """
        tokens = torch.empty((count, length), dtype=torch.int64)
        for batch in tokens.split(BATCH):
            word, state = torch.full((len(batch), 1), START), None
            for place in range(length):
                hidden, state = self.lstm(self.embedding(word), state)  # (B, 1, H)
                drawn = draw_places(self.output(hidden[:, 0]).softmax(1), random)  # (B,)
                batch[:, place] = drawn
                word = drawn.unsqueeze(1)
        return tokens

    @torch.no_grad()
    def log_likelihood(self, tokens: Tensor) -> Tensor:
        """Return log P (N,), float64, in nats, of texts (N, T) of words from 0 to V - 1, int64."""
        values = torch.zeros(len(tokens), dtype=torch.float64)
        for batch, total in zip(tokens.split(BATCH), values.split(BATCH), strict=True):
            before = nn.functional.pad(batch[:, :-1], (1, 0), value=START)  # (B, T)
            hidden, _ = self.lstm(self.embedding(before))  # (B, T, H)
            for place in range(batch.shape[1]):
                logs = self.output(hidden[:, place]).log_softmax(1)  # (B, V)
                total += logs.gather(1, batch[:, place, None])[:, 0]
        return values


def write_texts(tokens: Tensor) -> list[str]:
    """Turn tokens (N, T) into texts: `w17` is the word 17, words joined by one space."""
    return [" ".join(f"w{word}" for word in row) for row in tokens.tolist()]


def number_words(texts: Sequence[str], vocabulary: int) -> list[np.ndarray]:
    """Turn texts into tokens, int64, as many as each has words; -1 for what `write_texts` never
    writes.
    """
    ids = {f"w{word}": word for word in range(vocabulary)}
    return [np.array([ids.get(word, -1) for word in text.split()], np.int64) for text in texts]
