"""The modern recipe's generator and discriminator, in one file."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from safetensors import safe_open
from safetensors.torch import load_model, save_model
from torch import nn

from stages.models.language_model import LanguageModel, LanguageModelSettings
from stages.models.prefix_discriminator import PrefixDiscriminator


@dataclass(frozen=True)
class LanguageGanSettings:
    """The shape of the discriminator, and how long texts may be.

    Attributes:
        width: E, numbers a token of the embedding.
        max_length: T, tokens a text, of the generator and of the discriminator.
        hidden_size: H, of the discriminator's layers.
        num_layers: LSTM layers of the discriminator.
        dropout: of the discriminator.
        token_dropout: of the discriminator.
        sources: S, of fakes that the discriminator learns to know; the generator is the first.
        bounded: whether the discriminator's logits are.
    """

    width: int
    max_length: int
    hidden_size: int
    num_layers: int
    dropout: float
    token_dropout: float
    sources: int
    bounded: bool = False


class LanguageGan(nn.Module):
    """A language model and the discriminator that reads it through an embedding.

    Args:
        settings: of the discriminator.
        generator: the language model to start from.
    """

    def __init__(self, settings: LanguageGanSettings, generator: LanguageModel) -> None:
        super().__init__()
        self.settings = settings
        self.generator = generator
        self.discriminator = PrefixDiscriminator(
            settings.width,
            settings.hidden_size,
            settings.num_layers,
            settings.dropout,
            settings.token_dropout,
            settings.sources,
            settings.bounded,
        )

    def save(self, path: Path) -> None:
        """Write weights, settings and words to a .safetensors file."""
        about = {
            "recipe": "modern",
            "settings": asdict(self.settings),
            "generator": asdict(self.generator.settings),
            "words": self.generator.words,
        }
        # One entry: safetensors writes several in an order of chance.
        save_model(self, str(path), {"about": json.dumps(about)})

    @classmethod
    def load(cls, path: str | Path, device: str) -> Self:
        """Read what `save` wrote, in evaluation mode."""
        with safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["about"])
        shape = LanguageModelSettings(**about["generator"])
        generator = LanguageModel(about["words"], shape)
        gan = cls(LanguageGanSettings(**about["settings"]), generator).to(device)
        load_model(gan, str(path), device=device)
        return gan.eval()
