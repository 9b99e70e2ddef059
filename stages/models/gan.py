"""A generator and a discriminator that belong together, in one file."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import torch
from safetensors import safe_open
from safetensors.torch import load_model, save_model
from torch import Tensor, nn

from stages.models.discriminator import Discriminator
from stages.models.generator import Generator, draw_noise

BATCH = 500  # texts generated at a time


@dataclass(frozen=True)
class GanSettings:
    """The shape of both networks, and the noise they were trained on.

    Attributes:
        width: E, numbers a token.
        max_length: T, tokens a text.
        hidden_size: H, of every LSTM layer.
        num_layers: LSTM layers of each network.
        dropout: of the discriminator.
        noise: `normal` or `uniform`.
    """

    width: int
    max_length: int
    hidden_size: int
    num_layers: int
    dropout: float
    noise: str


class Gan(nn.Module):
    """Both networks, as `settings` shape them."""

    def __init__(self, settings: GanSettings) -> None:
        super().__init__()
        self.settings = settings
        shape = (settings.width, settings.max_length, settings.hidden_size, settings.num_layers)
        self.generator = Generator(*shape)
        self.discriminator = Discriminator(*shape, settings.dropout)

    def draw_noise(self, count: int, random: torch.Generator | None = None) -> Tensor:
        """Draw the generator's input (B, T, E) for B = count texts; see `generator.draw_noise`."""
        return draw_noise(self.settings.noise, count, self.generator, random=random)

    @torch.no_grad()
    def generate(self, count: int, seed: int) -> Iterator[Tensor]:
        """Yield the vectors (B, T, E) of `count` texts in batches; same seed, same vectors."""
        random = torch.Generator().manual_seed(seed)
        for first in range(0, count, BATCH):
            yield self.generator(self.draw_noise(min(BATCH, count - first), random))

    def save(self, path: Path) -> None:
        """Write weights and settings to a .safetensors file."""
        about = {"recipe": "paper", "settings": asdict(self.settings)}
        # One entry: safetensors writes several in an order of chance.
        save_model(self, str(path), {"about": json.dumps(about)})

    @classmethod
    def load(cls, path: Path, device: str) -> Self:
        """Read what `save` wrote, in evaluation mode."""
        with safe_open(path, "pt") as file:
            settings = GanSettings(**json.loads(file.metadata()["about"])["settings"])
        gan = cls(settings).to(device)
        load_model(gan, str(path), device=device)
        return gan.eval()
