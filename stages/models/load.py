"""A trained GAN of either recipe, from its file."""

import json
from pathlib import Path

from safetensors import safe_open

from stages.models.gan import Gan
from stages.models.language_gan import LanguageGan

CLASSES = {"paper": Gan, "modern": LanguageGan}


def load_gan(path: str | Path, device: str) -> Gan | LanguageGan:
    """Read what `Gan.save` or `LanguageGan.save` wrote, in evaluation mode."""
    with safe_open(path, "pt") as file:
        recipe = json.loads(file.metadata()["about"])["recipe"]
    return CLASSES[recipe].load(path, device)
