"""Artefacts in and out: a file or a folder appears whole or not at all."""

import csv
import json
import math
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import Any

from stages.corpus.errors import UserError


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path` that takes its place on success and goes on failure.

    What a process that was killed has left there goes too.

    Args:
        path: the file or folder to write, whole or not at all; its parent is made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{escape(path.name)}.*.partial"):
        if not _is_running(left.name.split(".")[-2]):
            _remove(left)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    earlier = path.with_name(f".{path.name}.earlier.{os.getpid()}.partial")
    try:
        yield temporary
        # A file must never take the place of a folder with all that is in it.
        if temporary.is_dir() and path.is_dir() and not path.is_symlink():
            path.rename(earlier)
        temporary.replace(path)
    finally:
        if earlier.exists() and not path.exists():
            earlier.rename(path)
        _remove(temporary)
        _remove(earlier)


def _is_running(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def read_lines(path: str | Path) -> list[str]:
    """Read what `write_lines` wrote, one text a line; only a line feed ends a line.

    Raises:
        UserError: it is no UTF-8.
    """
    try:
        content = Path(path).read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: no UTF-8 text (byte {error.start}); it is damaged or not the pipeline's: "
            "`dvc repro` writes it anew"
        ) from None
    return content.removesuffix("\n").split("\n") if content else []


def write_lines(path: str | Path, lines: Iterable[str]) -> None:
    """Write one text a line, UTF-8."""
    with replacing(path) as temporary:
        temporary.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8"))


def write_csv(path: str | Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table as CSV, UTF-8, one line feed after each row."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_json(path: str | Path, values: Mapping[str, Any]) -> None:
    """Write nested numbers as JSON.

    Raises:
        ValueError: a number is not finite.
    """
    content = json.dumps(_rounded(values), indent=2, allow_nan=False) + "\n"
    with replacing(path) as temporary:
        temporary.write_text(content, encoding="utf-8", newline="\n")


def write_metrics(stage: str, values: Mapping[str, Any], item: str | None = None) -> None:
    """Write metrics/<stage>.json or metrics/<stage>/<item>.json, nested under stage and item."""
    if item is None:
        write_json(f"metrics/{stage}.json", {stage: values})
    else:
        write_json(f"metrics/{stage}/{item}.json", {stage: {item: values}})


def _rounded(value: Any) -> Any:
    # Six significant digits: more than any of these numbers is known to, and easy to read.
    if isinstance(value, Mapping):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, float) and math.isfinite(value):
        return float(f"{value:.6g}")
    return value
