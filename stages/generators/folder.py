"""A generator's folder: its weights as .safetensors, and what else it needs as JSON."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from safetensors.numpy import save_file

from stages.corpus.checked_files import (
    Expected,
    count_tensors,
    damaged,
    read_json,
    read_tensors,
    write_about,
)
from stages.generators.protocol import ABOUT, GeneratorAbout

if TYPE_CHECKING:
    from torch import Tensor, nn

WEIGHTS = "weights.safetensors"
LIBRARIES = ("numpy", "scipy", "torch")  # that make generators

_Kind = TypeVar("_Kind", bound=GeneratorAbout)


def save_folder(
    folder: Path, generator: str, about: Mapping[str, Any], weights: Mapping[str, Any]
) -> None:
    """Write a generator into a new folder.

    Args:
        folder: to make.
        generator: the name of its module, by which `protocol.load_generator` finds it.
        about: what it needs beside weights, of which JSON can be made; `corpus` is the
            fingerprint of the corpus that it was built for.
        weights: arrays or tensors by name.
    """
    folder.mkdir()
    arrays = {name: to_array(value) for name, value in weights.items()}
    save_file(arrays, folder / WEIGHTS)
    write_about(folder / ABOUT, LIBRARIES, {"generator": generator, "corpus": None, **about})


def load_about(folder: Path, kind: type[_Kind]) -> _Kind:
    """Read what stands beside the weights.

    Args:
        folder: of `save_folder`.
        kind: what is expected there, each field with its type and range.

    Raises:
        UserError: something else is there.
    """
    return read_json(folder / ABOUT, kind)


def load_arrays(folder: Path, expected: Expected) -> dict[str, np.ndarray]:
    """Read the weights, which are finite and of the names, types and shapes that are expected.

    Raises:
        UserError: others are there.
    """
    return read_tensors(folder / WEIGHTS, expected)


def load_network(
    folder: Path, make: "Callable[[], nn.Module]", num_layers: int
) -> "dict[str, Tensor]":
    """Read the weights of a network, which is not allocated.

    Args:
        folder: of `save_folder`.
        make: how the network is made.
        num_layers: of its LSTM; an absurd number would take forever to make.

    Raises:
        UserError: other weights are there.
    """
    import torch

    from stages.networks.size import shapes_of

    path = folder / WEIGHTS
    tensors = count_tensors(path)
    if num_layers > tensors:
        raise damaged(path, f"{tensors} arrays, too few for a num_layers of {num_layers}")
    try:
        expected = shapes_of(lambda: make().state_dict())
    except RuntimeError as error:
        raise damaged(
            folder / ABOUT, f"a network of its settings cannot be made: {error}"
        ) from None
    arrays = load_arrays(folder, expected)
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def to_array(value: Any) -> np.ndarray:
    """Turn a tensor or an array into a contiguous array."""
    array = value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)
    return np.ascontiguousarray(array)
