"""A language model led by what a discriminator finds in the text so far: the generator of LeakGAN.

Source: J. Guo et al., "Long Text Generation via Adversarial Training with Leaked Information", AAAI
2018, arXiv:1709.08624, and its code CR-Gjx/LeakGAN. We differ in that the sum of goals has that of
the beginning itself as its last, so that each leads the c words that it is set for, and none has to
be made up for the first word: in the paper each comes a word later, in the code the sum of c goals
stands still for c words. And a text may end: END is a word like the others.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, pad

from stages.networks.leaked_features import begin, features_of, leak
from stages.networks.lstm_language_model import END, State, run_layers
from stages.networks.plain_language_model import SPREAD, FullSoftmax, PlainLanguageModel
from stages.networks.portable import Linear, multiply
from stages.networks.text_discriminator import TextDiscriminator


class BilinearSoftmax(FullSoftmax):
    """P(word | hidden, direction): K numbers a word, made of what is hidden, times the direction.

    Args:
        vocabulary_size: V, words.
        width: W, numbers a word of the vectors that are read.
        hidden_size: H, numbers that the worker hides.
        goal_size: K, numbers of a direction.
    """

    def __init__(self, vocabulary_size: int, width: int, hidden_size: int, goal_size: int) -> None:
        super().__init__(vocabulary_size, width, hidden_size * goal_size)
        self.bias = nn.Parameter(torch.zeros(vocabulary_size, goal_size))
        self.sharpening = 1.0  # of logits; only while texts are written or told how likely they are

    def head(self, hidden: Tensor) -> Tensor:
        """Return the logits of all words, (N, V), of hidden and direction side by side (N, H+K)."""
        size = self.bias.shape[1]
        hidden, direction = hidden[:, :-size], hidden[:, -size:]
        products = (hidden.unsqueeze(2) * direction.unsqueeze(1)).flatten(1)  # (N, H * K)
        logits = multiply(products, self.weight.T) + multiply(direction, self.bias.T)
        return logits if self.sharpening == 1 else self.sharpening * logits


class Led(NamedTuple):
    """What is made of whole texts of T places.

    Attributes:
        hidden: what their words are predicted from, (B, T, H + K).
        goals: of the beginnings before each word, of length 1, (B, T, F).
        features: of these beginnings and of the whole, (B, T + 1, F); without gradient.
    """

    hidden: Tensor
    goals: Tensor
    features: Tensor


class LeakedLanguageModel(PlainLanguageModel):
    """P(text) as the product of P(word | words before it), by a manager and a worker.

    The manager, an LSTM, reads the features that the discriminator finds in the text so far and
    sets a goal: a direction of length 1 in which these should change. The worker, an LSTM too,
    reads words, and predicts the next by a bilinear form of what it hides and of the sum of the
    last goals, brought to few numbers and to length 1. The worker does not teach the manager.

    Args:
        vocabulary_size: V, as are the next four, of the worker; see the parent.
        width: W.
        hidden_size: H, of each LSTM.
        num_layers: of the worker.
        dropout: of the worker.
        discriminator: whose features are read; it learns elsewhere, and is in evaluation mode
            whatever mode the network is in.
        goal_size: K, numbers that the sum of goals is brought to.
        horizon: c, how many goals are summed up, and how many words each looks ahead.
        has_unknown: see the parent.
    """

    def __init__(
        self,
        vocabulary_size: int,
        width: int,
        hidden_size: int,
        num_layers: int,
        dropout: float,
        discriminator: TextDiscriminator,
        goal_size: int,
        horizon: int,
        has_unknown: bool = False,
    ) -> None:
        super().__init__(vocabulary_size, width, hidden_size, num_layers, dropout, has_unknown)
        self.horizon = horizon
        features = discriminator.num_features
        self.softmax = BilinearSoftmax(vocabulary_size, width, hidden_size, goal_size)
        self.projection = Linear(features, goal_size, bias=False)
        self.manager = nn.LSTM(features, hidden_size, batch_first=True)
        self.aim = Linear(hidden_size, features)
        for part in (self.softmax, self.projection, self.manager, self.aim):
            for weight in part.parameters():
                nn.init.normal_(weight, std=SPREAD)
        nn.init.zeros_(self.manager.bias_hh_l0).requires_grad_(False)
        self.discriminator = discriminator.eval()

    def train(self, mode: bool = True) -> Self:
        """Set the mode of all but the discriminator, whose features have no dropout."""
        super().train(mode)
        self.discriminator.eval()
        return self

    def read(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Turn tokens (B, T) into what the next words are predicted from; see the parent.

        The state is the worker's layers', then the manager's, what the discriminator has found, and
        the last goals, (1, B, c - 1, K).
        """
        worker, (manager, found, last) = None, (None, None, None)
        if state is not None:
            worker, (manager, found, (last,)) = state[:-3], state[-3:]
        features, found = self._find(tokens, found)
        goals, manager = self._set_goals(features, manager)
        directions, last = self._sum_up(goals, last)
        vectors = self.dropout(self._embed(tokens))
        hidden, worker = run_layers(self.lstm, self.dropout, vectors, worker)
        return torch.cat([hidden, directions], 2), [*worker, manager, found, (last,)]

    def lead(self, texts: Tensor) -> Led:
        """Read whole texts (B, T), int64, END after the last word."""
        before = pad(texts, (1, 0), value=END)  # (B, T + 1)
        features, _ = self._find(before, None)
        goals, _ = self._set_goals(features[:, :-1], None)
        vectors = self.dropout(self._embed(before[:, :-1]))
        hidden, _ = run_layers(self.lstm, self.dropout, vectors, None)
        return Led(torch.cat([hidden, self._sum_up(goals, None)[0]], 2), goals, features)

    def _find(self, tokens: Tensor, found: tuple | None) -> tuple[Tensor, tuple]:
        """Return the features after each token, (B, T, F); the END that a text begins with is none.

        Args:
            tokens: (B, T).
            found: before them; None at the beginning.
        """
        if found is not None:
            return leak(self.discriminator, tokens, found)
        found = begin(self.discriminator, len(tokens))
        features = features_of(self.discriminator, found[1].transpose(0, 1))  # (B, 1, F)
        if tokens.shape[1] > 1:
            more, found = leak(self.discriminator, tokens[:, 1:], found)
            features = torch.cat([features, more], 1)
        return features, found

    def _set_goals(
        self, features: Tensor, state: tuple[Tensor, ...] | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Turn features (B, T, F) into goals of length 1, (B, T, F), and the manager's state."""
        hidden, state = self.manager(features, state)
        # Its square root is the C library's, which is the nearest number on any processor.
        return normalize(self.aim(hidden), dim=2), state

    def _sum_up(self, goals: Tensor, last: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the direction of the sum of the last c goals at each place, (B, T, K).

        Args:
            goals: (B, T, F); no gradient reaches them.
            last: the c - 1 goals before them, brought to K numbers, (1, B, c - 1, K); None of none.

        Returns:
            Directions of length 1, and the last c - 1 goals.
        """
        goals = self.projection(goals.detach())  # (B, T, K)
        length, before = goals.shape[1], self.horizon - 1
        last = goals.new_zeros(1, len(goals), before, goals.shape[2]) if last is None else last
        goals = torch.cat([last[0], goals], 1)
        sums = sum(goals[:, at : at + length] for at in range(self.horizon))
        return normalize(sums, dim=2), goals[None, :, length:]

    @contextmanager
    def sharpened(self, factor: float) -> Iterator[None]:
        """Multiply logits by a factor until the context is left."""
        self.softmax.sharpening = factor
        try:
            yield
        finally:
            self.softmax.sharpening = 1.0
