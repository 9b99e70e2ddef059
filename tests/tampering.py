"""Damages to saved folders, for the tests that each of them is refused in one line."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from stages.corpus.errors import UserError

GONE = object()  # in place of a value: the key goes


def is_refused(load: Callable[[], Any], match: str) -> None:
    """Assert that loading ends in one line that matches."""
    with pytest.raises(UserError, match=match) as caught:
        load()
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 1000
    assert "run `dvc repro" in message


def said(*keys: str, value: Any = GONE) -> Callable[[Path], None]:
    """Give the damage that sets a value of a file of JSON, by the keys that lead to it."""

    def damage(path: Path) -> None:
        about = json.loads(path.read_text("utf-8"))
        place = about
        for key in keys[:-1]:
            place = place[key]
        if value is GONE:
            del place[keys[-1]]
        else:
            place[keys[-1]] = value(place[keys[-1]]) if callable(value) else value
        path.write_text(json.dumps(about), "utf-8")

    return damage


def bytes_are(content: bytes | Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Give the damage that replaces the bytes of a file."""

    def damage(path: Path) -> None:
        path.write_bytes(content(path.read_bytes()) if callable(content) else content)

    return damage


def is_huge(path: Path) -> None:
    """Make a file of 10 TB that takes no room on the disk."""
    os.truncate(path, 10**13)


def arrays_are(change: Callable[[dict[str, np.ndarray]], Any]) -> Callable[[Path], None]:
    """Give the damage that changes the arrays of a .safetensors file, by name."""

    def damage(path: Path) -> None:
        arrays = {name: array.copy() for name, array in load_file(path).items()}
        change(arrays)
        save_file({name: np.ascontiguousarray(a) for name, a in arrays.items()}, path)

    return damage


def array_is(
    name: str | None, change: Callable[[np.ndarray], np.ndarray]
) -> Callable[[Path], None]:
    """Give the damage that changes one array; None takes the first of float or int numbers."""

    def damage(arrays: dict[str, np.ndarray]) -> None:
        chosen = name or min(key for key in arrays if arrays[key].ndim)
        arrays[chosen] = change(arrays[chosen])

    return arrays_are(damage)


def put(place: Any, value: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Give the change of an array that sets one number."""

    def change(array: np.ndarray) -> np.ndarray:
        array[place] = value
        return array

    return change


def header_claims(shape: list[int]) -> Callable[[Path], None]:
    """Give the damage of a .safetensors file whose header claims a shape that it does not hold."""

    def damage(path: Path) -> None:
        content = path.read_bytes()
        size = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + size])
        name = min(key for key in header if key != "__metadata__")
        header[name]["shape"] = shape
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + size :])

    return damage


def is_huge_and_sound(shape: list[int]) -> Callable[[Path], None]:
    """Give the damage that makes a .safetensors file of one huge array, as its header claims.

    It takes no room on the disk.
    """

    def damage(path: Path) -> None:
        size = 4 * int(np.prod(shape))
        part = {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}
        header = json.dumps({"table": part}).encode()
        path.write_bytes(len(header).to_bytes(8, "little") + header)
        os.truncate(path, 8 + len(header) + size)

    return damage


# Of any file of JSON: how it is damaged, and what the message says.
JSON = {
    "empty": (bytes_are(b""), "Invalid JSON: EOF"),
    "no JSON": (bytes_are(b"{'a': 1}"), "Invalid JSON"),
    "cut off": (bytes_are(lambda content: content[: len(content) // 2]), "Invalid JSON"),
    "a list": (bytes_are(b"[1]"), "should be an object, found"),
    "not UTF-8": (bytes_are(b'{"format": "\xff"}'), "Invalid JSON: invalid unicode"),
    "deep": (bytes_are(b"[" * 10**6), "recursion limit"),
    "a long number": (bytes_are(b'{"format": ' + b"9" * 10**5 + b"}"), "out of range"),
    "half a character": (bytes_are(b'{"format": "\\ud800"}'), "Invalid JSON"),
    "huge": (is_huge, "10,000,000,000,000 bytes, expected at most"),
    "a later format": (said("format", value=2), "found the format 2, expected 1"),
    "no format": (said("format"), "found the format None, expected 1"),
    "a format that is true": (said("format", value=True), "found the format True, expected 1"),
    "an unknown key": (lambda path: _add(path), "more: Extra inputs"),
}
# Of any .safetensors file.
TENSORS = {
    "empty": (bytes_are(b""), r"\.safetensors file, "),
    "text": (bytes_are(b"no tensors at all"), r"\.safetensors file, "),
    "cut off": (bytes_are(lambda content: content[:-1]), r"\.safetensors file, "),
    "half": (bytes_are(lambda content: content[: len(content) // 2]), r"\.safetensors file, "),
    "longer": (bytes_are(lambda content: content + b"\0"), r"\.safetensors file, "),
    "huge": (is_huge, r"\.safetensors file, "),
    "a huge header": (bytes_are((2**60).to_bytes(8, "little")), r"\.safetensors file, "),
    "a huge shape": (header_claims([10**12]), r"\.safetensors file, "),
    "an overflow": (header_claims([2**40, 2**40]), r"\.safetensors file, "),
    "none": (arrays_are(lambda arrays: arrays.clear()), "is missing|too few"),
    "one missing": (arrays_are(lambda arrays: arrays.pop(max(arrays))), "is missing"),
    "one more": (
        arrays_are(lambda arrays: arrays.update({"more": np.zeros(1)})),
        "'more' is unknown",
    ),
    "another type": (array_is(None, lambda array: array.astype(np.int16)), "found I16"),
    "a flat shape": (array_is(None, lambda array: array.reshape(1, -1)), "of the shape"),
    "more rows": (
        array_is(None, lambda array: np.concatenate([array, array])),
        "of the shape|one place more|begin and end|rising",
    ),
}


def _add(path: Path) -> None:
    about = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**about, "more": 1}), "utf-8")
