"""The discriminator of the modern recipe: how real a text looks after each of its words.

Source: one verdict a word after C. de Masson d'Autume et al., "Training language GANs from
Scratch", 2019, arXiv:1905.09922; spectral normalisation after T. Miyato et al., "Spectral
Normalization for Generative Adversarial Networks", 2018, arXiv:1802.05957 (theirs bounds every
layer, ours the hidden layer of the head, and its last where it is to be bounded, as an LSTM's
output is bounded by itself and its memory would fade); waves for single numbers after M. Tancik et
al., "Fourier Features Let Networks Learn High Frequency Functions in Low Dimensional Domains",
2020, arXiv:2006.10739.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, pad
from torch.nn.utils.parametrizations import spectral_norm

from stages.networks.dropout import Dropout
from stages.networks.lstm_language_model import make_layers
from stages.networks.portable import Linear

PARTS = 4  # of a batch, by length
WAVES = 20  # of lengths 2, 4, … 2**20: neighbouring ids differ, and a million have room


class PrefixDiscriminator(nn.Module):
    """A causal LSTM with logits after each word and after the end of the text.

    There is one logit a source of fakes, as what gives the one away need not give away the other.
    With cross-entropy and as many real texts as fakes of each, it estimates log P(real) -
    log P(source) of what has been read so far. Padding comes after all that counts, so it is never
    seen; nor is anything later, unless the vectors themselves tell of it, as BERT's do.

    Args:
        width: E, numbers a token.
        hidden_size: H, of each LSTM layer and of the dense layers.
        num_layers: of the LSTM.
        dropout: share of numbers dropped in training, before and after the LSTM.
        token_dropout: share of tokens whose vector is zeroed in training, so that the unknown words
            of other texts are nothing new.
        sources: S, of fakes.
        bounded: whether, dropout aside, no two texts' logits may be further apart than 2 sqrt(2 H),
            as the objective `wasserstein` needs: the last layer too is spectrally normalised.
    """

    def __init__(
        self,
        width: int,
        hidden_size: int,
        num_layers: int,
        dropout: float,
        token_dropout: float,
        sources: int,
        bounded: bool = False,
    ) -> None:
        super().__init__()
        self.token_dropout = token_dropout
        self.waves = width == 1  # no dense layer can tell one number among thousands
        features = (2 * WAVES if self.waves else width) + 1  # one says that the text ends here
        self.front = nn.Sequential(
            Linear(features, hidden_size),
            nn.LeakyReLU(0.2),
            Linear(hidden_size, hidden_size),
            nn.LeakyReLU(0.2),
            Dropout(dropout),
        )
        self.lstm = make_layers(hidden_size, hidden_size, num_layers)
        self.between = Dropout(dropout)
        last = Linear(hidden_size, sources)
        self.head = nn.Sequential(
            Dropout(dropout),
            spectral_norm(Linear(2 * hidden_size, hidden_size)),
            nn.LeakyReLU(0.2),
            Dropout(dropout),
            spectral_norm(last) if bounded else last,
        )

    def forward(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """Turn texts into logits (B, T + 1, S), float32; above 0 means real so far.

        Args:
            vectors: (B, T, E), float32.
            lengths: (B,), int64, tokens of each text, from 0 to T.

        Returns:
            At place t < length the logit after t + 1 tokens, at place `length` that of the whole
            text; what comes after means nothing.
        """
        if self.training and self.token_dropout:
            # On the CPU, so that CUDA sees the same draw.
            kept = torch.rand(vectors.shape[:2]) >= self.token_dropout  # (B, T)
            vectors = vectors * kept.unsqueeze(2).to(vectors.device)
        if self.waves:
            vectors = spread(vectors)
        # Texts of like length together, so that little padding is computed.
        order = lengths.argsort(stable=True)
        parts = []
        for places in order.chunk(PARTS):
            longest = int(lengths[places[-1]])
            logits = self._read(vectors[places, :longest], lengths[places])
            parts.append(pad(logits, (0, 0, 0, vectors.shape[1] - longest)))
        return torch.cat(parts)[order.argsort()]

    def _read(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """Turn texts of like length into logits (B, T + 1, S)."""
        ends = one_hot(lengths, vectors.shape[1] + 1).bool()  # (B, T + 1)
        vectors = pad(vectors, (0, 0, 0, 1)).masked_fill(ends.unsqueeze(2), 0)
        hidden = self.front(torch.cat([vectors, ends.unsqueeze(2)], 2))
        for number, layer in enumerate(self.lstm):
            hidden, _ = layer(self.between(hidden) if number else hidden)
        # Of what has been read so far; a cumsum has no deterministic form on CUDA.
        places = hidden.shape[1]
        read = torch.ones(places, places, device=hidden.device).tril()  # (T + 1, T + 1)
        mean = read / read.sum(1, keepdim=True) @ hidden  # (B, T + 1, H)
        return self.head(torch.cat([hidden, mean], 2))  # (B, T + 1, S)


def combine(logits: Tensor) -> Tensor:
    """Turn logits (B, S) against each source into one against all of them, (B,).

    With the sources as likely as each other, log P(real) - log mean P(source) is
    -log mean exp(-logit of the source).
    """
    return math.log(logits.shape[1]) - torch.logsumexp(-logits, 1)


def verdicts(logits: Tensor, lengths: Tensor) -> Tensor:
    """Pick the logits (B, S) of the whole texts from those of `forward`, (B, T + 1, S)."""
    return logits[torch.arange(len(logits), device=logits.device), lengths]


def spread(numbers: Tensor) -> Tensor:
    """Spread numbers (B, T, 1) over sines and cosines of doubling lengths, (B, T, 2 * WAVES)."""
    lengths = 2.0 ** torch.arange(1, WAVES + 1, device=numbers.device)
    angles = 2 * math.pi * (numbers / lengths % 1)  # of large angles a float has few digits left
    return torch.cat([angles.sin(), angles.cos()], 2)
