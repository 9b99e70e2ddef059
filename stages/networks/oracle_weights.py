"""The weights of an LSTM oracle as an .npz of plain arrays, which may come from anyone.

Of the gates the arrays are named `input`, `forget`, `output` and `candidate`: `W_` multiplies the
word that is read, `U_` the state, `b_` is added. What the file claims is compared with what it
holds, and that with what is expected, before anything is allocated; a pickle is never read.
"""

import math
import zipfile
from pathlib import Path

import numpy as np
import psutil

from stages.corpus.errors import UserError

GATES = ("input", "forget", "candidate", "output")  # as PyTorch's LSTM has them
EMBEDDING, OUT, BIAS = "embedding", "W_vocabulary", "b_vocabulary"
SHAPES = {
    EMBEDDING: ("vocabulary", "width"),
    **{f"W_{gate}": ("width", "hidden size") for gate in GATES},
    **{f"U_{gate}": ("hidden size", "hidden size") for gate in GATES},
    **{f"b_{gate}": ("hidden size",) for gate in GATES},
    OUT: ("hidden size", "vocabulary"),
    BIAS: ("vocabulary",),
}

Arrays = dict[str, np.ndarray]


def find_weights(
    file: str | None, vocabulary: int, width: int, hidden_size: int, seed: int
) -> Arrays:
    """Read the weights of an oracle of these sizes, or draw them where no file is named.

    Raises:
        UserError: see `load_weights`, or the file's oracle has other sizes.
    """
    if file is None:
        return draw_weights(vocabulary, width, hidden_size, seed)
    arrays = load_weights(Path(file).expanduser())
    shapes = shapes_of(vocabulary, width, hidden_size)
    if {name: array.shape for name, array in arrays.items()} != shapes:
        (found, width), hidden_size = arrays[EMBEDDING].shape, len(arrays[OUT])
        raise UserError(
            f"{file}: an oracle of a vocabulary of {found}, a width of {width} and a hidden_size "
            f"of {hidden_size}; set oracle.vocabulary, oracle.width and oracle.hidden_size to these"
        )
    return arrays


def shapes_of(vocabulary: int, width: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array of an oracle."""
    sizes = {"vocabulary": vocabulary, "width": width, "hidden size": hidden_size}
    return {name: tuple(sizes[size] for size in shape) for name, shape in SHAPES.items()}


def draw_weights(vocabulary: int, width: int, hidden_size: int, seed: int) -> Arrays:
    """Draw all weights and biases from a normal distribution of mean 0 and deviation 1."""
    random = np.random.default_rng(seed)
    return {
        name: random.standard_normal(shape).astype(np.float32)
        for name, shape in shapes_of(vocabulary, width, hidden_size).items()
    }


def save_weights(path: Path, arrays: Arrays) -> None:
    """Write an oracle's arrays; the same bytes for the same arrays."""
    np.savez(path, **{name: arrays[name] for name in SHAPES})


def load_weights(path: Path) -> Arrays:
    """Read an oracle's arrays, float32, by the names and of the shapes of `SHAPES`.

    Raises:
        UserError: there is no such file, it is damaged, or it holds something else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_claims(path, archive)
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: np.ascontiguousarray(file[name], np.float32) for name in SHAPES}
    except FileNotFoundError:
        place = "" if path.is_absolute() else f", looked for as {path.absolute()}"
        raise _refuse(path, f"no such file{place}") from None
    except IsADirectoryError:
        raise _refuse(path, "a folder") from None
    except UserError:
        raise
    # zipfile, zlib and NumPy each have errors of their own for damaged bytes.
    except Exception as error:
        raise _refuse(path, " ".join(str(error).split())[:100] or type(error).__name__) from None
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise _refuse(path, f"{name} has numbers that are not finite")
    return arrays


def _refuse(path: Path, found: str) -> UserError:
    return UserError(
        f"{path}: {found}; expected the weights of an LSTM oracle, an .npz of float32 arrays as "
        "data/README.md names them"
    )


def _check_claims(path: Path, archive: zipfile.ZipFile) -> None:
    """Compare names, types, shapes and sizes with each other and with the memory that is free."""
    claimed = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    for wrong, what in ((SHAPES.keys() - claimed, "missing"), (claimed.keys() - SHAPES, "unknown")):
        if wrong:
            raise _refuse(path, f"the array {min(wrong)[:40]!r} is {what}")
    size, free = sum(info.file_size for info in claimed.values()), psutil.virtual_memory().available
    if size > free:
        raise _refuse(path, f"{size / 1e9:.1f} GB, and {free / 1e9:.1f} GB of memory are free")
    sizes: dict[str, int] = {}
    for name, names in SHAPES.items():
        with archive.open(claimed[name]) as member:
            if np.lib.format.read_magic(member) != (1, 0):
                raise _refuse(path, f"{name} is of another format")
            shape, _, dtype = np.lib.format.read_array_header_1_0(member)
            held = claimed[name].file_size - member.tell()
        if dtype != np.float32:
            raise _refuse(path, f"{name} is {dtype}")
        wanted = names if len(names) != len(shape) else ()
        for number, of in zip(shape, names, strict=False):
            if sizes.setdefault(of, number) != number or not number:
                wanted = names
        if wanted or 4 * math.prod(shape) != held:
            told = ", ".join(f"{of} {sizes[of]}" if of in sizes else of for of in names)
            raise _refuse(path, f"{name} has the shape {shape}, not ({told})")
