"""A generator's folder: its weights as .safetensors, and what else it needs as JSON."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from stages.generators.protocol import ABOUT

WEIGHTS = "weights.safetensors"


def save_folder(
    folder: Path, generator: str, about: Mapping[str, Any], weights: Mapping[str, Any]
) -> None:
    """Write a generator into a new folder.

    Args:
        folder: to make.
        generator: the name of its module, by which `protocol.load_generator` finds it.
        about: what it needs beside weights, of which JSON can be made.
        weights: arrays or tensors by name.
    """
    folder.mkdir()
    arrays = {name: to_array(value) for name, value in weights.items()}
    save_file(arrays, folder / WEIGHTS)
    content = json.dumps({"generator": generator, **about}, ensure_ascii=False, indent=1)
    (folder / ABOUT).write_bytes(content.encode("utf-8") + b"\n")


def load_folder(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read what `save_folder` wrote: what stands beside the weights, and the weights."""
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    return about, load_file(folder / WEIGHTS)


def to_tensors(weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Turn arrays by name into tensors."""
    import torch

    return {name: torch.from_numpy(array) for name, array in weights.items()}


def to_array(value: Any) -> np.ndarray:
    """Turn a tensor or an array into a contiguous array."""
    array = value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)
    return np.ascontiguousarray(array)
