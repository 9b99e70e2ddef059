"""Parameters in, seeds, results out whole or not at all: the only reader of params.yaml."""

import csv
import ctypes
import inspect
import json
import math
import os
import random
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.errors import UserError
from stages.parameters import check_parameters

# What training a GAN reads of params.yaml; {} is the name of its embedding.
GAN_PARAMS = (
    "seed",
    "device",
    "gan",
    "recipes",
    "markov.start",
    "embedding.{}.gan",
)


def run_stage(main: Callable[..., None]) -> None:
    """Run a stage on the command line's arguments; a user's mistake is one line, status 1."""
    given = sys.argv[1:]
    keep_freed_memory()
    try:
        _check_arguments(main, given)
        main(*given)
    except UserError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        # An output of an earlier stage that is not there, or a disk that is full or read-only.
        reason = " ".join(str(error).split())
        sys.exit(f"error: {reason}; where a result of the pipeline is missing, run `dvc repro`")
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        sys.exit(
            "error: out of memory; lower gan.max_length, a hidden_size or a batch_size "
            "(of gan, recipes or language_model), or set device to cpu where the GPU is full"
        )
    except KeyboardInterrupt:
        sys.exit("error: interrupted; what was finished before stays as it was")


def _is_out_of_memory(error: MemoryError | RuntimeError) -> bool:
    # On a CPU PyTorch has no class for it.
    full = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, MemoryError) or any(text in str(error) for text in full)


def keep_freed_memory() -> None:
    """Let glibc keep the memory of a large tensor for the next one; elsewhere, do nothing.

    By default it gives blocks of some size back to the system, which hands each out again page by
    page: on a CPU an eighth to a fifth of a GAN's training. The numbers are mallopt(3)'s.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    # M_MMAP_THRESHOLD: bytes from which a block is the system's own; glibc before 2.35 refuses more
    # than the second.
    if mallopt is not None and (mallopt(-3, 2**30) or mallopt(-3, 2**25)):
        mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD: free bytes from which some go back


def _check_arguments(main: Callable[..., None], given: list[str]) -> None:
    wanted = inspect.signature(main)
    try:
        wanted.bind(*given)
    except TypeError:
        module = f"stages.{Path(sys.argv[0]).stem}"
        usage = " ".join([module, *map(str.upper, wanted.parameters)])
        found = " ".join(given) or "none"
        raise UserError(f"arguments: expected `python -m {usage}`, found {found}") from None


def load_params(*paths: str) -> SimpleNamespace:
    """Load the named parts of params.yaml, after checking the whole file.

    A stage asks for exactly what its `params:` list in dvc.yaml declares, so that it cannot read
    a value DVC does not watch.

    Args:
        paths: dotted keys, such as `seed`, `gan` or `embedding.bert`.

    Returns:
        Nested namespaces that hold nothing but the named parts.

    Raises:
        UserError: the file is missing or malformed, a key or value is not allowed, or a path names
            nothing in it, as one made of a mistaken command line does.
    """
    try:
        values = YAML(typ="safe").load(Path("params.yaml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"params.yaml: not found in {Path.cwd().name}/; run stages from the repository's root"
        ) from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise UserError("params.yaml: not valid YAML: " + " ".join(str(error).split())) from None
    check_parameters(values)
    wanted: dict[str, Any] = {}
    for path in paths:
        *parents, last = path.split(".")
        source, target = values, wanted
        try:
            for key in parents:
                source, target = source[key], target.setdefault(key, {})
            target[last] = source[last]
        except KeyError as error:
            found, known = error.args[0], ", ".join(source)
            raise UserError(f"params.yaml: {path}: {found!r} is none of {known}") from None
    return _namespace(wanted)


def load_gan_params(embedding: str) -> SimpleNamespace:
    """Load what training a GAN takes, with `gan` settled for one embedding.

    The embedding's own overrides are laid over `gan`, and what is then null is its recipe's.
    """
    params = load_params(*(path.format(embedding) for path in GAN_PARAMS))
    gan = {**vars(params.gan), **vars(getattr(params.embedding, embedding).gan)}
    recipe = vars(getattr(params.recipes, gan["recipe"]))
    params.gan = SimpleNamespace(
        **{key: recipe[key] if value is None else value for key, value in gan.items()}
    )
    return params


def _namespace(value: Any) -> Any:
    if isinstance(value, Mapping):
        return SimpleNamespace(**{key: _namespace(part) for key, part in value.items()})
    return value


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and PyTorch, and ask PyTorch for deterministic algorithms only."""
    # cuBLAS reads it once, before CUDA starts; without it an LSTM on CUDA is not reproducible.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)


def pick_device(name: str) -> str:
    """Turn `auto` into `cuda` where there is a CUDA device, and into `cpu` elsewhere.

    Raises:
        UserError: `cuda` is asked for and PyTorch sees none.
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError(
            "params.yaml: device is 'cuda', but PyTorch finds no CUDA device; "
            "set device to auto or cpu"
        )
    return name


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path` that takes its place on success and goes on failure.

    Args:
        path: the file or folder to write, whole or not at all; its parent is made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield temporary
        # A file must never take the place of a folder with all that is in it.
        if temporary.is_dir() and path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        temporary.replace(path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        temporary.unlink(missing_ok=True)


def read_lines(path: str | Path) -> list[str]:
    """Read a text file of one text a line; only a line feed ends a line."""
    content = Path(path).read_bytes().decode("utf-8")
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
    """Write metrics/<stage>[-<item>].json, nested under the stage and the item."""
    name = stage if item is None else f"{stage}-{item}"
    write_json(f"metrics/{name}.json", {stage: values if item is None else {item: values}})


def _rounded(value: Any) -> Any:
    # Six significant digits: more than any of these numbers is known to, and easy to read.
    if isinstance(value, Mapping):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, float) and math.isfinite(value):
        return float(f"{value:.6g}")
    return value
