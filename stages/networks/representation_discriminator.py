"""A discriminator that reads a text by several representations, each of which gives a logit.

Source: W. Nie, N. Narodytska and A. Patel, "RelGAN: Relational Generative Adversarial Networks for
Text Generation", ICLR 2019; convolutions over words after Y. Kim, "Convolutional Neural Networks
for Sentence Classification", EMNLP 2014, arXiv:1408.5882; the highway layer by R. K. Srivastava,
K. Greff and J. Schmidhuber, "Highway Networks", 2015, arXiv:1505.00387.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from stages.networks.portable import Linear, multiply

BLOCK = 64  # rows convolved at a time on a CPU, so that all their places stay in its cache


class RepresentationDiscriminator(nn.Module):
    """Logits of a text: the higher, the more real.

    Args:
        vocabulary_size: V, words, the end among them.
        representations: R, of each text.
        representation_width: E, numbers a word in each.
        widths: of the convolutions, in words.
        filters: F, of each width.
        hidden_size: H, of the layer before the logits.
        dropout: share of the numbers behind the highway layer that are dropped in training.
    """

    def __init__(
        self,
        vocabulary_size: int,
        representations: int,
        representation_width: int,
        widths: Sequence[int],
        filters: int,
        hidden_size: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.representations, self.widths = representations, widths
        self.vectors = nn.Embedding(vocabulary_size, representations * representation_width)
        self.convolutions = nn.ModuleList(
            MaxConvolution(representation_width, width, filters) for width in widths
        )
        size = len(widths) * filters
        self.highway = Linear(size, 2 * size, bias=False)  # its values and its gates
        self.dropout = nn.Dropout(dropout)
        self.hidden = Linear(size, hidden_size)
        self.logit = Linear(hidden_size, 1)
        nn.init.normal_(self.vectors.weight, std=vocabulary_size**-0.5)
        for layer in (self.highway, self.hidden, self.logit):
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
        for layer in (self.hidden, self.logit):
            nn.init.zeros_(layer.bias)

    def embed(self, tokens: Tensor) -> Tensor:
        """Turn tokens (B, T) into what `forward` reads: as `embed_soft` of their one-hot."""
        return self.vectors(tokens)

    def embed_soft(self, texts: Tensor) -> Tensor:
        """Turn soft texts (B, T, V), float32, into what `forward` reads, (B, T, R * E)."""
        rows = multiply(texts.flatten(0, 1), self.vectors.weight)
        return rows.view(*texts.shape[:2], -1)

    def forward(self, vectors: Tensor) -> Tensor:
        """Return logits (B, R) of texts (B, T, R * E)."""
        texts = vectors.unflatten(2, (self.representations, -1))  # (B, T, R, E)
        rows = texts.transpose(1, 2).flatten(0, 1)  # (B * R, T, E)
        rows = pad(rows, (0, 0, 0, max(max(self.widths) - rows.shape[1], 0)))
        features = torch.cat([layer(rows) for layer in self.convolutions], 1).relu()
        values, gates = self.highway(features).chunk(2, 1)
        gates = gates.sigmoid()
        features = gates * values.relu() + (1 - gates) * features
        logits = self.logit(self.hidden(self.dropout(features)))  # (B * R, 1)
        return logits.view(-1, self.representations)


class MaxConvolution(nn.Module):
    """A convolution over the places of rows, and the largest value of each filter.

    Args:
        read: E, numbers a place.
        width: K, places that a filter reads.
        filters: F.
    """

    def __init__(self, read: int, width: int, filters: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width * read, filters))
        nn.init.normal_(self.weight, std=(2 / (width * read)) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(filters))

    def forward(self, rows: Tensor) -> Tensor:
        """Turn rows (N, T, E) into the largest value of each filter, (N, F)."""
        return _LargestWindow.apply(rows, self.weight) + self.bias


class _LargestWindow(torch.autograd.Function):
    """The largest product of each column of weights (K * E, F) with the windows of (N, T, E).

    Only the places of the largest are kept: all products at once would not fit into a CPU's cache,
    and the gradient needs no others. Of equal ones the first counts.
    """

    @staticmethod
    def forward(context: Any, rows: Tensor, weight: Tensor) -> Tensor:
        read = rows.shape[2]
        flat = rows.reshape(len(rows), -1)  # (N, T * E)
        largest, places = [], []
        for block in flat.split(BLOCK if flat.device.type == "cpu" else len(flat)):
            windows = block.unfold(1, len(weight), read)  # (N, T - K + 1, K * E)
            products = multiply(windows.reshape(-1, len(weight)), weight)
            products = products.view(*windows.shape[:2], -1)  # (N, T - K + 1, F)
            best = products.amax(1)
            # The first place of the best: no argmax, which is many times as slow along this axis.
            falling = torch.arange(windows.shape[1], 0, -1, device=flat.device).view(-1, 1)
            first = ((products == best.unsqueeze(1)) * falling.float()).amax(1)
            largest.append(best)
            places.append(windows.shape[1] - first)
        context.save_for_backward(flat, weight, torch.cat(places).long() * read)
        context.shape = rows.shape
        return torch.cat(largest)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        flat, weight, starts = context.saved_tensors  # (N, T * E), (K * E, F), (N, F)
        of_rows, of_weight = context.needs_input_grad
        rows = torch.zeros_like(flat) if of_rows else None
        sums = []
        for number, row in enumerate(weight):
            places = starts + number
            if of_rows:
                rows.scatter_add_(1, places, gradient * row)
            if of_weight:
                sums.append((gradient * flat.gather(1, places)).sum(0))
        return rows.view(context.shape) if of_rows else None, torch.stack(sums) if sums else None
