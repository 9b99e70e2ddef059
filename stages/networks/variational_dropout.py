"""Dropout that drops the same numbers at every word of a text, and dropout of whole words.

Source: Y. Gal and Z. Ghahramani, "A Theoretically Grounded Application of Dropout in Recurrent
Neural Networks", NIPS 2016, arXiv:1512.05287.
"""

import torch
from torch import Tensor, nn


class VariationalDropout(nn.Module):
    """Zero a share of the numbers of each text in training, the same at each of its places.

    Args:
        share: of the numbers, from 0 to below 1.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, vectors: Tensor) -> Tensor:
        """Turn vectors (B, T, N) into vectors whose mean is the same, (B, T, N)."""
        if not self.training or not self.share:
            return vectors
        kept = draw_kept((len(vectors), 1, vectors.shape[2]), self.share, vectors)
        return vectors * kept


def draw_kept(shape: tuple[int, ...], share: float, like: Tensor) -> Tensor:
    """Draw factors: 0 for the share that is dropped, and what keeps the mean for the others.

    Args:
        shape: of what is returned.
        share: of 0s, below 1.
        like: a tensor on the device wanted.
    """
    return torch.empty(shape, device=like.device).bernoulli_(1 - share) / (1 - share)
