"""Convolutions that read a text into a code, and others, with an LSTM on top, that write from it.

Source: S. Semeniuta, A. Severyn and E. Barth, "A Hybrid Convolutional Variational Autoencoder for
Text Generation", EMNLP 2017, arXiv:1702.02390. We differ in that the LSTM has no layer norm and
predicts by the vectors that it reads by, behind a dense layer, as the character LSTM does.
"""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from stages.networks.convolutions import Double, Halve
from stages.networks.lstm_language_model import END, LstmLanguageModel, State, written
from stages.networks.portable import Linear


class Shape(NamedTuple):
    """Of the network.

    Attributes:
        length: L, characters a text at most, a multiple of 2 ** (number of convolutions).
        width: numbers a character.
        channels: of each convolution of the encoder, the last of which see the most of a text.
        features: numbers a place that the deconvolutions hand to the LSTM.
        hidden_size: of the LSTM layers.
        num_layers: LSTM layers.
        code_size: Z, numbers of a code.
    """

    length: int
    width: int
    channels: tuple[int, ...]
    features: int
    hidden_size: int
    num_layers: int
    code_size: int


class FeatureDecoder(LstmLanguageModel):
    """P(character | characters before it, features of its place).

    What it carries on is the LSTM's state, then the features of the places to come.
    """

    def __init__(self, vocabulary_size: int, shape: Shape, dropout: float) -> None:
        sizes = shape.width, shape.hidden_size, shape.num_layers
        super().__init__(vocabulary_size, *sizes, dropout)
        self.word_dropout = 0.0
        read = shape.width + shape.features
        self.lstm[0] = nn.LSTM(read, shape.hidden_size, batch_first=True)

    def begin(self, features: Tensor) -> State:
        """Return the state that texts of the features (B, L, F) begin in."""
        size = (1, len(features), self.lstm[0].hidden_size)
        empty = features.new_zeros(size)
        return [*((empty, empty) for _ in self.lstm), (features.unsqueeze(0),)]

    def read(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Turn tokens (B, T) into what the next characters are predicted from; see the parent."""
        *layers, (features,) = state
        count = tokens.shape[1]
        vectors = self.dropout(self._embed(tokens))  # (B, T, W)
        hidden, after = self._run(torch.cat([vectors, features[0, :, :count]], 2), layers)
        return hidden, [*after, (features[:, :, count:],)]


class HybridSentenceVae(nn.Module):
    """q(code | text), a normal distribution, and P(text | code).

    Args:
        vocabulary_size: V, characters, the end and the unknown one among them.
        shape: sizes.
        dropout: of the LSTM; see `LstmLanguageModel`.
        space: the space's id, after which no text ends: an end there says that it was cropped.
    """

    def __init__(self, vocabulary_size: int, shape: Shape, dropout: float, space: int) -> None:
        super().__init__()
        self.shape, self.space = shape, space
        self.code_size = shape.code_size
        self.vectors = nn.Embedding(vocabulary_size, shape.width)
        channels = shape.channels
        self.convolutions = nn.Sequential(
            *(Halve(*each) for each in zip((shape.width, *channels[:-1]), channels, strict=True))
        )
        self.places = shape.length // 2 ** len(channels)
        self.posterior = Linear(self.places * channels[-1], 2 * shape.code_size)
        self.spread = Linear(shape.code_size, self.places * channels[-1])
        falling = (*channels[::-1], shape.features)
        self.deconvolutions = nn.Sequential(*(Double(*each) for each in pairwise(falling)))
        self.auxiliary = Linear(shape.features, vocabulary_size)
        self.decoder = FeatureDecoder(vocabulary_size, shape, dropout)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.decoder.device

    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of q(code | text), (B, Z) each.

        Args:
            tokens: texts (B, T), int64, T at most L, END after the last character.
        """
        padded = pad(tokens, (0, self.shape.length - tokens.shape[1]), value=END)
        places = self.convolutions(self.vectors(padded))  # (B, places, channels)
        mean, log_variance = self.posterior(places.flatten(1)).chunk(2, 1)
        return mean, log_variance

    def features(self, codes: Tensor) -> Tensor:
        """Turn codes (B, Z) into what each place of their texts is written from, (B, L, F)."""
        spread = self.spread(codes).view(len(codes), self.places, -1)
        return self.deconvolutions(spread)

    def counted(self, tokens: Tensor) -> Tensor:
        """Say which places of texts (B, T) count: each character, and the end unless cropped."""
        before = pad(tokens[:, :-1], (1, 0), value=END)
        return written(tokens) & ~((tokens == END) & (before == self.space))

    def log_likelihood(self, codes: Tensor, tokens: Tensor, *, as_drawn: bool = False) -> Tensor:
        """Return log P(text | code) of each text, (B,), float64, in nats, its end included.

        That which is learnt, by which impossible texts have a share; `HybridVae` knows the other.

        Raises:
            NotImplementedError: that by which texts are drawn is asked for.
        """
        if as_drawn:
            raise NotImplementedError("HybridVae._log_likelihood knows by what texts are drawn")
        return self._of_features(self.features(codes), tokens)

    def log_likelihoods(self, codes: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return log P, and the same by the deconvolutions alone, (B,) each, float64, in nats.

        The latter is what the auxiliary loss is of: each character from its features, without
        those before it, which only the code can tell.
        """
        features, mask = self.features(codes), self.counted(tokens)
        logits = self.auxiliary(features[:, : tokens.shape[1]][mask])  # (N, V)
        alone = -cross_entropy(logits, tokens[mask], reduction="none")
        return self._of_features(features, tokens), _sum(alone, mask)

    def _of_features(self, features: Tensor, tokens: Tensor) -> Tensor:
        mask = self.counted(tokens)
        values, _ = self.decoder.log_likelihoods(tokens, mask, None, self.decoder.begin(features))
        return _sum(values, mask)


def _sum(values: Tensor, mask: Tensor) -> Tensor:
    """Sum values (N,) of the places that a mask (B, T) picks, of each text, (B,), float64."""
    found = values.new_zeros(mask.shape, dtype=torch.float64)
    return found.masked_scatter(mask, values.double()).sum(1)
