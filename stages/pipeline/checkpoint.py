"""Checkpoints: nested numbers and tensors as one .safetensors file, no pickle."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from stages.pipeline.files import replacing

_STRUCTURE = "structure"  # the tensor that holds all but tensors, as JSON
_TENSOR = "tensor"  # {"tensor": "12"} stands for tensor 12
_PAIRS = "pairs"  # a dict whose keys are no texts


def save_checkpoint(path: Path, state: Any) -> None:
    """Write nested dicts and lists of tensors, arrays, numbers, texts and None."""
    tensors: dict[str, torch.Tensor] = {}

    def encode(value: Any) -> Any:
        if hasattr(value, "dtype"):
            name = str(len(tensors))
            # A copy, as two names of one memory cannot be written.
            tensors[name] = torch.as_tensor(value).detach().cpu().contiguous().clone()
            return {_TENSOR: name}
        if isinstance(value, Mapping):
            return {_PAIRS: [[key, encode(part)] for key, part in value.items()]}
        if isinstance(value, list | tuple):
            return [encode(part) for part in value]
        return value

    # Among the tensors, as a header of more than 100 MB, which a million updates make, is refused.
    structure = json.dumps(encode(state)).encode()
    tensors[_STRUCTURE] = torch.frombuffer(bytearray(structure), dtype=torch.uint8)
    with replacing(path) as temporary:
        # `save_file` makes a temporary file of its own, which a kill would leave there.
        temporary.write_bytes(save(tensors))


def load_checkpoint(path: Path) -> Any:
    """Read what `save_checkpoint` wrote; arrays come back as tensors, tuples as lists.

    Raises:
        ValueError: the file is damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            structure = json.loads(file.get_tensor(_STRUCTURE).numpy().tobytes())

            def decode(value: Any) -> Any:
                if isinstance(value, dict):
                    if _TENSOR in value:
                        return file.get_tensor(value[_TENSOR])
                    return {key: decode(part) for key, part in value[_PAIRS]}
                return [decode(part) for part in value] if isinstance(value, list) else value

            return decode(structure)
    except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: no checkpoint that can be read ({error})") from None
