"""An LSTM that reads a text into a code and an LSTM that writes texts from codes.

Source: S. R. Bowman et al., "Generating Sentences from a Continuous Space", CoNLL 2016,
arXiv:1511.06349. The code is given to the decoder as its first state and again beside each word, as
in Z. Yang et al., "Improved Variational Autoencoders for Text Modeling using Dilated
Convolutions", ICML 2017, arXiv:1702.08139. We differ in that both LSTMs share the vectors of words,
by which the decoder predicts too, and that a dropped word is a vector of zeros, not a word of its
own.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from stages.networks.conditioned_language_model import ConditionedLanguageModel
from stages.networks.lstm_language_model import written
from stages.networks.portable import Linear


class CodeDecoder(ConditionedLanguageModel):
    """P(text | code), word by word, some of which it does not read in training.

    Args:
        vocabulary_size: as those that follow, of `ConditionedLanguageModel`.
        word_dropout: share of the words before, of each text its own, that are not read in
            training: without them only the code can tell.
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
        word_dropout: float,
    ) -> None:
        shape = vocabulary_size, width, hidden_size, num_layers, dropout, has_unknown
        super().__init__(*shape, code_size=code_size)
        self.word_dropout = word_dropout

    def _embed(self, tokens: Tensor) -> Tensor:
        """Look up vectors (B, T, W); in training some are 0."""
        vectors = self.softmax.vectors(tokens)
        if not self.training or not self.word_dropout:
            return vectors
        kept = torch.empty(tokens.shape, device=tokens.device).bernoulli_(1 - self.word_dropout)
        return vectors * kept.unsqueeze(2)


class LstmSentenceVae(nn.Module):
    """q(code | text), a normal distribution, and P(text | code).

    Args:
        vocabulary_size: V, as those that follow, of `CodeDecoder`; both LSTMs have the same shape.
    """

    def __init__(
        self,
        vocabulary_size: int,
        width: int,
        hidden_size: int,
        num_layers: int,
        dropout: float,
        has_unknown: bool = False,
        *,
        code_size: int,
        word_dropout: float,
    ) -> None:
        super().__init__()
        self.code_size = code_size
        self.encoder = nn.LSTM(width, hidden_size, num_layers, batch_first=True)
        self.posterior = Linear(hidden_size, 2 * code_size)
        self.decoder = CodeDecoder(
            vocabulary_size,
            width,
            hidden_size,
            num_layers,
            dropout,
            has_unknown,
            code_size=code_size,
            word_dropout=word_dropout,
        )

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.decoder.device

    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of q(code | text), (B, Z) each.

        Args:
            tokens: texts (B, T), int64, END after the last word.
        """
        hidden, _ = self.encoder(self.decoder.softmax.vectors(tokens))  # (B, T, H)
        last = written(tokens).sum(1) - 1  # (B,), where the end stands, or the last word kept
        of_text = hidden[torch.arange(len(tokens), device=tokens.device), last]  # (B, H)
        mean, log_variance = self.posterior(of_text).chunk(2, 1)
        return mean, log_variance

    def log_likelihood(self, codes: Tensor, tokens: Tensor, *, as_drawn: bool = False) -> Tensor:
        """Return log P(text | code) of each text, (B,), float64, in nats, its end included.

        Args:
            codes: (B, Z).
            tokens: (B, T), int64, END after the last word.
            as_drawn: whether P is that by which texts are drawn, none of which is empty or has an
                unknown word; or that which is learnt.
        """
        mask = written(tokens)
        drawn = mask if as_drawn else None
        words, ends = self.decoder.log_likelihoods(tokens, mask, drawn, self.decoder.begin(codes))
        values = words.new_zeros(mask.shape, dtype=torch.float64)
        total = values.masked_scatter(mask, words.double()).sum(1)
        if as_drawn:
            empty = values.masked_scatter(mask, ends.double())[:, 0]
            total = total - torch.log1p(-empty.exp())
        return total

    @torch.no_grad()
    def sample(
        self,
        codes: Tensor,
        max_length: int,
        random: torch.Generator | None = None,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        prefix: Sequence[int] = (),
    ) -> Tensor:
        """Draw a text from each code (B, Z); see `LstmLanguageModel.sample`."""
        return self.decoder.sample(
            len(codes),
            max_length,
            random,
            temperature=temperature,
            top_p=top_p,
            prefix=prefix,
            state=self.decoder.begin(codes.to(self.device)),
        )
