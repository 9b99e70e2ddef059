"""An LSTM language model that is told something of the text at each of its words.

Source: a code that is the LSTM's first state and again read beside each word as in Z. Yang et al.,
"Improved Variational Autoencoders for Text Modeling using Dilated Convolutions", ICML 2017,
arXiv:1702.08139; a label as such a code, a number a label of which one is 1, after M. Mirza and
S. Osindero, "Conditional Generative Adversarial Nets", 2014, arXiv:1411.1784.
"""

from typing import Any

import torch
from torch import Tensor, nn

from stages.networks.lstm_language_model import LstmLanguageModel, State
from stages.networks.portable import Linear


class ConditionedLanguageModel(LstmLanguageModel):
    """P(text | code), word by word; what it carries on is the LSTM's state, then the code.

    Args:
        vocabulary_size: as those that follow, of `LstmLanguageModel`.
        code_size: Z, numbers of a code.
    """

    def __init__(
        self,
        vocabulary_size: int,
        width: int,
        hidden_size: int,
        num_layers: int,
        dropout: float,
        has_unknown: bool,
        *,
        code_size: int,
    ) -> None:
        super().__init__(vocabulary_size, width, hidden_size, num_layers, dropout, has_unknown)
        self.lstm[0] = nn.LSTM(width + code_size, hidden_size, batch_first=True)
        self.first_state = Linear(code_size, num_layers * hidden_size)

    def begin(self, codes: Tensor) -> State:
        """Return the state that texts of the codes (B, Z) begin in."""
        cells = self.first_state(codes).chunk(len(self.lstm), 1)  # of each layer (B, H)
        layers = [(torch.tanh(cell).unsqueeze(0), cell.contiguous().unsqueeze(0)) for cell in cells]
        return [*layers, (codes.unsqueeze(0),)]

    def read(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Turn tokens (B, T) into what the next words are predicted from; see the parent.

        Args:
            tokens: ids, int64; a text begins with END.
            state: of `begin`, or that after the tokens before.
        """
        *layers, carried = state
        code = carried[0].squeeze(0).unsqueeze(1).expand(-1, tokens.shape[1], -1)  # (B, T, Z)
        vectors = self.dropout(self._embed(tokens))  # (B, T, W)
        hidden, after = self._run(torch.cat([vectors, code], 2), layers)
        return hidden, [*after, carried]


class LabelledLanguageModel(ConditionedLanguageModel):
    """P(text | label): the code is a number a label, of which one is 1.

    The label is read beside each word, and besides moves what the words are predicted from, so that
    a label's words are likelier throughout.

    Args:
        vocabulary_size: as all that follow, of `ConditionedLanguageModel`.
    """

    def __init__(self, vocabulary_size: int, width: int, *shape: Any, code_size: int) -> None:
        super().__init__(vocabulary_size, width, *shape, code_size=code_size)
        self.leaning = Linear(code_size, width, bias=False)

    def read(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Turn tokens (B, T) into what the next words are predicted from; see the parent."""
        hidden, after = super().read(tokens, state)
        return hidden + self.leaning(after[-1][0].squeeze(0)).unsqueeze(1), after
