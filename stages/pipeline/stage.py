"""How a stage runs: its arguments, its mistakes in one line, its random numbers, its device."""

import ctypes
import errno
import inspect
import os
import random
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from stages.corpus.errors import Caution, UserError


def run_stage(main: Callable[..., None]) -> None:
    """Run a stage on the command line's arguments; a user's mistake is one line, status 1.

    A `Caution` of the modules below is one line too, on stderr.
    """
    given = sys.argv[1:]
    warnings.showwarning = _show
    keep_freed_memory()
    signal.signal(signal.SIGTERM, _stop)
    try:
        _check_arguments(main, given)
        main(*given)
    except UserError as error:
        sys.exit(f"error: {error}")
    except (OSError, SafetensorError) as error:
        sys.exit(f"error: {explain(error)}")
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        sys.exit(
            "error: out of memory; lower gan.max_length, a hidden_size or a batch_size "
            "(of gan, recipes or language_model), or set device to cpu where the GPU is full"
        )
    except KeyboardInterrupt:
        sys.exit(
            "error: interrupted; the stages before are done, and `dvc repro` goes on from there, a "
            "training from its last checkpoint if it has written one"
        )


def _show(message: Warning | str, category: type[Warning], *place: Any) -> None:
    line = f"warning: {message}\n"
    if not issubclass(category, Caution):
        line = warnings.formatwarning(message, category, *place[:2])
    sys.stderr.write(line)


def _stop(*_: object) -> None:
    # As after Ctrl-C: half-written files go.
    raise KeyboardInterrupt


def explain(error: OSError | SafetensorError) -> str:
    """Say in one line why a file could not be read or written, and what to do."""
    reason = " ".join(str(error).split())
    if getattr(error, "errno", None) in _FULL or any(text in reason for text in _FULL_WORDS):
        return f"{reason}; the disk is full: make room there, then run `dvc repro` again"
    if isinstance(error, PermissionError) or getattr(error, "errno", None) == errno.EROFS:
        return f"{reason}; expected a file or folder that may be written, or read"
    # An output of an earlier stage that is not there.
    return f"{reason}; where a result of the pipeline is missing, run `dvc repro`"


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# safetensors gives their words alone, and NumPy says how many of its numbers found room.
_FULL_WORDS = (*map(os.strerror, _FULL), "requested and")


def is_out_of_memory(error: MemoryError | RuntimeError) -> bool:
    """Say whether an error is that of a full memory; on a CPU PyTorch has no class for it."""
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


def seed_everything(seed: int, threads: int = 1) -> None:
    """Seed Python, NumPy and PyTorch, and ask PyTorch for deterministic algorithms only.

    Args:
        seed: of all that is random.
        threads: on which PyTorch calculates on a CPU; another number rounds differently.
    """
    # cuBLAS reads it once, before CUDA starts; without it an LSTM on CUDA is not reproducible.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    # An LSTM on CUDA would round to 10 bits what all else keeps in 24.
    torch.backends.cudnn.allow_tf32 = False
    # As use_deterministic_algorithms, which takes a second to import the compiler besides.
    torch.set_deterministic_debug_mode("error")
    # It also writes NaN into all memory it takes, a twelfth of the time, which only shows mistakes.
    torch.utils.deterministic.fill_uninitialized_memory = False


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
            "device is 'cuda', but PyTorch finds no CUDA device; set device to auto or cpu"
        )
    return name
