"""The generator: noise to the vectors of one text, all words at once.

Source: M. Beneš, "Generating text using LSTM GAN in PyTorch", 2021, section "Method"; adversarial
networks: I. Goodfellow et al., "Generative Adversarial Networks", 2014, arXiv:1406.2661.
"""

import torch
from torch import Tensor, nn

from stages.networks.portable import Linear


class VectorGenerator(nn.Module):
    """LSTM layers whose whole output feeds one dense layer.

    The dense layer takes `hidden_size * max_length` numbers to `width * max_length`, so its size
    grows with the square of `max_length`.

    Args:
        width: E, numbers a word.
        max_length: T, words a text.
        hidden_size: H, of each LSTM layer.
        num_layers: of the LSTM.
    """

    def __init__(self, width: int, max_length: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        self.width = width
        self.max_length = max_length
        self.lstm = nn.LSTM(width, hidden_size, num_layers, batch_first=True)
        self.head = Linear(hidden_size * max_length, width * max_length)

    def forward(self, noise: Tensor) -> Tensor:
        """Turn noise (B, T, E) into the vectors (B, T, E) of B texts, float32, unbounded."""
        hidden, _ = self.lstm(noise)  # (B, T, H)
        vectors = self.head(hidden.flatten(1))  # (B, T * E)
        return vectors.unflatten(1, (self.max_length, self.width))  # (B, T, E)


def draw_noise(
    kind: str,
    count: int,
    generator: VectorGenerator,
    *,
    random: torch.Generator | None = None,
) -> Tensor:
    """Draw the generator's input.

    Args:
        kind: `normal` (mean 0, deviation 1) or `uniform` (from -1 to 1).
        count: B, texts to be made.
        generator: the network the noise is for; gives shape and device.
        random: source of randomness on the CPU, so that CUDA sees the same noise; None takes
            PyTorch's own.

    Returns:
        Noise (B, T, E), float32.
    """
    shape = (count, generator.max_length, generator.width)
    if kind == "normal":
        noise = torch.randn(shape, generator=random)
    elif kind == "uniform":
        noise = torch.rand(shape, generator=random) * 2 - 1
    else:
        raise ValueError(f"noise is {kind!r}; allowed: normal, uniform")
    return noise.to(generator.head.weight.device)
