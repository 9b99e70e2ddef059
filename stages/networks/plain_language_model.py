"""The plain LSTM language model of the literature's text GANs: reading and predicting apart.

Source: L. Yu et al., "SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient", AAAI
2017, arXiv:1609.05473, whose generator and whose oracle are such networks. We differ in that a text
may end: END is a word like the others.
"""

import torch
from torch import Tensor, nn

from stages.networks.lstm_language_model import (
    END,
    NextWordModel,
    State,
    make_layers,
    run_layers,
)
from stages.networks.portable import multiply
from stages.networks.variational_dropout import VariationalDropout

SPREAD = 0.1  # standard deviation of each weight at first
ROWS = 256  # words drawn at a time: their probabilities stay in the processor's cache


class FullSoftmax(nn.Module):
    """P(word | hidden) over all words at once, by vectors of its own, beside those that are read.

    It answers as `TiedSoftmax` does that has no group of rare words.

    Args:
        vocabulary_size: V, words.
        width: W, numbers a word of the vectors that are read.
        hidden_size: H, numbers that words are predicted from.
    """

    group_bias: Tensor

    def __init__(self, vocabulary_size: int, width: int, hidden_size: int) -> None:
        super().__init__()
        self.cutoffs = [vocabulary_size]
        self.vectors = nn.Embedding(vocabulary_size, width)
        self.weight = nn.Parameter(torch.zeros(vocabulary_size, hidden_size))
        self.bias = nn.Parameter(torch.zeros(vocabulary_size))
        self.register_buffer("group_bias", torch.zeros(0), persistent=False)

    def head(self, hidden: Tensor) -> Tensor:
        """Return the logits of all words, (N, V), of hidden (N, H)."""
        return multiply(hidden, self.weight.T, self.bias)

    def log_probabilities(self, hidden: Tensor) -> Tensor:
        """Return log P of every word, (N, V), in nats."""
        return self.head(hidden).log_softmax(1)

    def log_likelihoods(
        self, hidden: Tensor, words: Tensor, impossible: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return log P (N,), in nats, of one word each, and of the first word of all, (N,).

        Args:
            hidden: (N, H).
            words: (N,), int64.
            impossible: (N, V), bool: words that have no probability; None of none.
        """
        logits = self.head(hidden)
        if impossible is not None:
            logits = logits.masked_fill(impossible, -torch.inf)
        values = logits.log_softmax(1)
        return values.gather(1, words.unsqueeze(1)).squeeze(1), values[:, END]


class PlainLanguageModel(NextWordModel):
    """P(text) as the product of P(word | words before it), the end of the text among the words.

    Each weight begins as a draw from N(0, 0.1).

    Args:
        vocabulary_size: V, words, END first, then `UNKNOWN` where there is one.
        width: W, numbers a word of the vectors that it reads.
        hidden_size: H, of every LSTM layer.
        num_layers: LSTM layers.
        dropout: share of numbers dropped in training, before and after each LSTM layer.
        has_unknown: whether the word `UNKNOWN` is one that is read and learnt, but never drawn.
    """

    def __init__(
        self,
        vocabulary_size: int,
        width: int,
        hidden_size: int,
        num_layers: int,
        dropout: float,
        has_unknown: bool = False,
    ) -> None:
        super().__init__()
        self.has_unknown = has_unknown
        self.word_dropout = 0.0
        self.dropout = VariationalDropout(dropout)
        self.lstm = make_layers(width, hidden_size, num_layers)
        self.softmax = FullSoftmax(vocabulary_size, width, hidden_size)
        for weight in self.parameters():
            nn.init.normal_(weight, std=SPREAD)
        for layer in self.lstm:  # PyTorch adds two biases where one is meant
            nn.init.zeros_(layer.bias_hh_l0).requires_grad_(False)

    def read(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Turn tokens (B, T) into what the next words are predicted from; see the parent."""
        return run_layers(self.lstm, self.dropout, self.dropout(self._embed(tokens)), state)

    def _draw_by_parts(
        self, hidden: Tensor, is_first: bool, random: torch.Generator | None, temperature: float
    ) -> Tensor:
        drawn = []
        for rows in hidden.split(ROWS if hidden.device.type == "cpu" else 32 * ROWS):
            logits = self.softmax.head(rows)
            if temperature != 1:
                logits = logits / temperature
            if is_first or self.has_unknown:
                self._exclude(logits, is_first)
            drawn.append(draw_in_two(logits.softmax(1), random))
        return torch.cat(drawn) if drawn else hidden.new_zeros(0, dtype=torch.int64)

    def draw_next(self, hidden: Tensor, random: torch.Generator | None = None) -> Tensor:
        """Draw words (B,), int64, that come after others, from what they are predicted from.

        Args:
            hidden: (B, H), of `read`.
            random: source of randomness on the CPU; None takes PyTorch's own.
        """
        return self._draw_by_parts(hidden, False, random, 1.0)


def draw_in_two(probabilities: Tensor, random: torch.Generator | None) -> Tensor:
    """Draw a place (B,), int64, from each row of probabilities (B, V), which need not sum to 1.

    First one of about sqrt(V) neighbourhoods is drawn, then a place in it, each by inverting a
    running sum on the CPU, so that of V numbers only these two parts are added up one by one.
    """
    count = probabilities.shape[1]
    size = max(1, int(count**0.5))
    whole = count // size * size
    sums = probabilities[:, :whole].unflatten(1, (-1, size)).sum(2)  # (B, V / size)
    if whole < count:
        sums = torch.cat([sums, probabilities[:, whole:].sum(1, keepdim=True)], 1)
    running = sums.cpu().cumsum(1, dtype=torch.float64)
    drawn = torch.rand((len(running), 1), generator=random, dtype=torch.float64) * running[:, -1:]
    part = torch.searchsorted(running, drawn, right=True)  # (B, 1)
    drawn = drawn - (running.gather(1, part) - sums.cpu().gather(1, part))
    places = (part * size + torch.arange(size)).to(probabilities.device)  # (B, size)
    inside = probabilities.gather(1, places.clamp(max=count - 1)) * (places < count)
    running = inside.cpu().cumsum(1, dtype=torch.float64)
    # The sums of a part in two orders differ in their last bits: stay inside it.
    drawn = torch.minimum(drawn.clamp(min=0), running[:, -1:] * (1 - 1e-12))
    within = torch.searchsorted(running, drawn, right=True)
    return (part * size + within).squeeze(1).to(probabilities.device)
