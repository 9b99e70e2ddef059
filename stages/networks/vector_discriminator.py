"""The discriminator: the vectors of one text to how real it looks.

Source: M. Beneš, "Generating text using LSTM GAN in PyTorch", 2021, section "Method". The sigmoid
of the paper's last layer is left to whoever reads the logits, as the loss does for precision.
"""

import torch
from torch import Tensor, nn

from stages.networks.portable import Linear


class VectorDiscriminator(nn.Module):
    """LSTM layers whose whole output feeds a hidden dense layer, then one output.

    Needs every text padded to `max_length`, as the dense layer sees each position.

    Args:
        width: E, numbers a word.
        max_length: T, words a text.
        hidden_size: H, of each LSTM layer and of the hidden dense layer.
        num_layers: of the LSTM.
        dropout: share of numbers dropped in training, after the LSTM and after the hidden layer.
    """

    def __init__(
        self, width: int, max_length: int, hidden_size: int, num_layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.lstm = nn.LSTM(width, hidden_size, num_layers, batch_first=True)
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            Linear(hidden_size * max_length, hidden_size),
            nn.ReLU(),
            nn.Dropout(dropout),
            Linear(hidden_size, 1),
        )

    def forward(self, vectors: Tensor) -> Tensor:
        """Turn vectors (B, T, E) into logits (B,), float32; above 0 means real."""
        hidden, _ = self.lstm(vectors)  # (B, T, H)
        return self.head(hidden.flatten(1)).squeeze(1)  # (B,)

    @torch.no_grad()
    def judge(self, vectors: Tensor) -> Tensor:
        """Return the logit (B,) of each text of vectors (B, T, E), as `forward`, for no training.

        Its sigmoid is the probability that the text is real.
        """
        return self(vectors)
