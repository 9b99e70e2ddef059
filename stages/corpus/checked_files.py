"""Files that may be damaged or crafted: read whole and sound, or refused in one line.

What a file claims is compared with what is expected of it, and its size with the memory that is
free, before anything of that size is allocated.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from reprlib import repr as shorten
from typing import Annotated, Any, TypeVar

import numpy as np
import psutil
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open

from stages.corpus.errors import UserError
from stages.corpus.settings import Section

FORMAT = 1  # of all folders of models and of the corpus; another number is not read
MOST_TEXT = 2**28  # bytes of a file of JSON or words: 300,000 words are 3 MB
TYPES = {"BOOL": "bool", "I32": "int32", "I64": "int64", "F32": "float32", "F64": "float64"}

Fingerprint = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
# By name, the types that are allowed and the shape; a size that is a text stands for any number,
# the same wherever it stands.
Expected = Mapping[str, tuple[str, Sequence[int | str]]]


def check_words(words: list[str], *, distinct: bool = True) -> list[str]:
    """Return words that are distinct, not empty and without white space.

    Raises:
        ValueError: they are not.
    """
    if " ".join(words).split() != words:
        raise ValueError("expected words without white space, none of them empty")
    if distinct and len({*words}) < len(words):
        raise ValueError("expected distinct words")
    return words


def check_words_after_end(words: list[str], *, distinct: bool = True) -> list[str]:
    """Return words, as above, after a first one that is empty and stands for the end."""
    if words[0]:
        raise ValueError("expected an empty text as the first word")
    check_words(words[1:], distinct=distinct)
    return words


Words = Annotated[list[str], Field(min_length=1), AfterValidator(check_words)]
WordsAfterEnd = Annotated[list[str], Field(min_length=2), AfterValidator(check_words_after_end)]
# Pieces of words: one that begins a word may stand inside another too.
PiecesAfterEnd = Annotated[
    list[str], Field(min_length=2), AfterValidator(partial(check_words_after_end, distinct=False))
]


class About(Section):
    """What each folder of a model says of what made it.

    Attributes:
        format: of the folder.
        versions: of the libraries, by name.
        corpus: the fingerprint of the corpus that it was fitted on; None where that is not known.
    """

    format: int
    versions: dict[str, str]
    corpus: Fingerprint | None


_Kind = TypeVar("_Kind", bound=Section)
_OBJECT = TypeAdapter(dict[str, Any])


def damaged(path: Path, reason: str, remedy: str = "dvc repro") -> UserError:
    """Return the error of a file that cannot be what the pipeline has written."""
    return UserError(f"{path}: {reason}; it is damaged or not the pipeline's: run `{remedy}`")


def write_about(path: Path, libraries: Sequence[str], content: Mapping[str, Any]) -> None:
    """Write what a model says of itself, with the format and the versions of libraries.

    Of a version only the part that is the same on any machine: 2.13.0 of 2.13.0+cpu.
    """
    versions = {name: version(name).split("+")[0] for name in libraries}
    write_json(path, {**content, "versions": versions})


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON with the number of the format."""
    path.write_bytes(_OBJECT.dump_json({"format": FORMAT, **content}, indent=1) + b"\n")


def read_json(path: Path, kind: type[_Kind], remedy: str = "dvc repro") -> _Kind:
    """Read what `write_json` or `write_about` wrote.

    Raises:
        UserError: it is no JSON, of another format, or not what `kind` asks for.
    """
    content = read_bytes(path, MOST_TEXT, remedy)
    try:
        values = _OBJECT.validate_json(content)
    except ValidationError as error:
        raise damaged(path, _explain(error), remedy) from None
    found = values.get("format")
    if type(found) is not int or found != FORMAT:
        raise UserError(
            f"{path}: found the format {shorten(found)}, expected {FORMAT}, which this version of "
            f"the code writes: run `{remedy}`"
        )
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise damaged(path, _explain(error), remedy) from None


def _explain(error: ValidationError) -> str:
    """Say the first mistake in one line."""
    first = error.errors(include_url=False)[0]
    place = "".join(f"{part}: " for part in [".".join(map(str, first["loc"]))] if part)
    shown = "" if first["type"] == "missing" else f", found {shorten(first['input'])}"
    return " ".join(f"{place}{first['msg']}{shown}".split())


def read_bytes(path: Path, most: int, remedy: str = "dvc repro") -> bytes:
    """Read a file of at most so many bytes."""
    size = path.stat().st_size
    if size > most:
        raise damaged(path, f"{size:,} bytes, expected at most {most:,}", remedy)
    return path.read_bytes()


def read_lines(path: Path, remedy: str = "dvc repro") -> list[str]:
    """Read lines of UTF-8; only a line feed ends a line, and a last one begins an empty line."""
    try:
        # splitlines() would also cut at other control characters.
        return read_bytes(path, MOST_TEXT, remedy).decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise damaged(path, f"expected UTF-8, {error}", remedy) from None


def read_array(path: Path, dtype: str, remedy: str = "dvc repro") -> np.ndarray:
    """Read an .npy file of one dimension and of one type of numbers, never a pickle.

    Raises:
        UserError: it holds something else, or claims more than it holds.
    """
    try:
        # Maps the file, whose size must be what its header claims; allocates nothing.
        mapped = np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError:
        raise
    except Exception as error:  # NumPy's reader of headers raises whatever Python's parser does
        reason = " ".join(str(error).split())[:100]
        raise damaged(path, f"expected an array of {dtype} ({reason})", remedy) from None
    if mapped.dtype != np.dtype(dtype) or mapped.ndim != 1:
        found = f"{mapped.dtype} of the shape {mapped.shape}"
        raise damaged(path, f"expected {dtype} in one dimension, found {found}", remedy)
    _check_memory(path, remedy)
    return np.array(mapped)


def read_tensors(path: Path, expected: Expected) -> dict[str, np.ndarray]:
    """Read a .safetensors file of arrays that are known beforehand.

    Raises:
        UserError: names, types or shapes are others, or a number is not finite.
    """
    try:
        with safe_open(path, "np") as file:
            _compare_names(path, file.keys(), expected)
            sizes: dict[str, int] = {}
            for name, (types, shape) in expected.items():
                part = file.get_slice(name)
                _compare_array(path, name, part.get_dtype(), part.get_shape(), types, shape, sizes)
            _check_memory(path)
            arrays = {name: file.get_tensor(name) for name in expected}
    except SafetensorError as error:
        raise damaged(path, f"expected a .safetensors file, {error}") from None
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise damaged(path, f"{name}: expected finite numbers")
    return arrays


def count_tensors(path: Path) -> int:
    """Return how many arrays a .safetensors file holds, by its header.

    Raises:
        UserError: it is no such file.
    """
    try:
        with safe_open(path, "np") as file:
            return len(file.keys())
    except SafetensorError as error:
        raise damaged(path, f"expected a .safetensors file, {error}") from None


def _compare_names(path: Path, found: Iterable[str], expected: Expected) -> None:
    found = {*found}
    for wrong, what in ((expected.keys() - found, "missing"), (found - expected.keys(), "unknown")):
        if wrong:
            raise damaged(path, f"the array {shorten(min(wrong))} is {what}")


def _compare_array(
    path: Path,
    name: str,
    found_type: str,
    found_shape: list[int],
    types: str,
    shape: Sequence[int | str],
    sizes: dict[str, int],
) -> None:
    """Compare an array's type and shape with what is expected; `sizes` takes what is any number."""
    found_type = TYPES.get(found_type, found_type)
    fits = found_type in types.split() and len(found_shape) == len(shape)
    if fits:
        for size, wanted in zip(found_shape, shape, strict=True):
            if isinstance(wanted, str):
                wanted = sizes.setdefault(wanted, size)
            fits &= size == wanted
    if not fits:
        wanted = ", ".join(str(sizes.get(size, size)) for size in shape)
        raise damaged(
            path,
            f"{name}: expected {' or '.join(types.split())} of the shape ({wanted}), found "
            f"{found_type} of the shape ({', '.join(map(str, found_shape))})",
        )


def _check_memory(path: Path, remedy: str = "dvc repro") -> None:
    size, free = path.stat().st_size, psutil.virtual_memory().available
    if size > free:
        reason = f"{size / 1e9:.1f} GB, and {free / 1e9:.1f} GB of memory are free"
        raise damaged(path, reason, remedy)


def is_plain_name(name: str) -> bool:
    """Say whether a name is lower-case letters, digits and underscores: no path, no package."""
    return re.fullmatch("[a-z][a-z0-9_]*", name) is not None
