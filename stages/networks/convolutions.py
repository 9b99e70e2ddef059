"""Convolutions over the places of a text that halve or double their number.

Written as dense layers over shifted places, whose products are `portable`: PyTorch's own choose
their kernels by the processor.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, pad

from stages.networks.portable import Linear


class BatchNorm(nn.Module):
    """PyTorch's, over all places of all texts, without its count of updates.

    Source: S. Ioffe and C. Szegedy, "Batch Normalization", ICML 2015, arXiv:1502.03167.

    Args:
        size: numbers a place.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.bias = nn.Parameter(torch.zeros(size))
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("variance", torch.ones(size))

    def forward(self, places: Tensor) -> Tensor:
        """Normalise (B, L, size); where learning, by the numbers given, if there are several."""
        rows = places.flatten(0, 1)
        learns = self.training and len(rows) > 1
        normal = batch_norm(rows, self.mean, self.variance, self.weight, self.bias, training=learns)
        return normal.view_as(places)


class Halve(nn.Module):
    """A convolution of width 3, stride 2 and padding 1, batch norm and ReLU: L places to L / 2.

    Args:
        read: numbers a place that come in.
        written: numbers a place that go out.
    """

    def __init__(self, read: int, written: int) -> None:
        super().__init__()
        self.dense = Linear(3 * read, written)
        self.norm = BatchNorm(written)

    def forward(self, places: Tensor) -> Tensor:
        """Turn (B, L, read), L even, into (B, L / 2, written), each from its place and the next."""
        before = pad(places, (0, 0, 1, 0))[:, :-1:2]  # (B, L / 2, read), the place before
        near = torch.cat([before, places[:, ::2], places[:, 1::2]], 2)
        return self.norm(self.dense(near)).relu()


class Double(nn.Module):
    """A transposed convolution of width 3 and stride 2, batch norm and ReLU: L places to 2 L.

    Args:
        read: numbers a place that come in.
        written: numbers a place that go out.
    """

    def __init__(self, read: int, written: int) -> None:
        super().__init__()
        self.even = Linear(read, written)
        self.odd = Linear(2 * read, written)
        self.norm = BatchNorm(written)

    def forward(self, places: Tensor) -> Tensor:
        """Turn (B, L, read) into (B, 2 L, written): even places from one, odd ones from two."""
        after = pad(places, (0, 0, 0, 1))[:, 1:]
        both = torch.stack([self.even(places), self.odd(torch.cat([places, after], 2))], 2)
        return self.norm(both.flatten(1, 2)).relu()
