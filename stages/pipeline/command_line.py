"""What the command lines for people share: their mistakes, and the text files that they name."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from stages.corpus.errors import UserError
from stages.pipeline.stage import is_out_of_memory, run_stage


class Parser(argparse.ArgumentParser):
    """A parser that tells a mistake in one line, as the stages do."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"arguments: {message}; `{self.prog} --help` tells what is expected")


def run_command(main: Callable[..., None]) -> None:
    """Run a command that is no stage, as `run_stage` does, but without its advice about stages."""

    def run(*arguments: str) -> None:
        try:
            main(*arguments)
        except KeyboardInterrupt:
            raise UserError("interrupted") from None
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            raise UserError(
                "out of memory; ask for fewer texts, or for --device cpu where the GPU is full"
            ) from None

    run_stage(run)


def check_writable(option: str, path: str) -> None:
    """Refuse an unwritable file before the work; its folder is made where it is missing.

    Args:
        option: by which it was given, for the message.
        path: of the file.

    Raises:
        UserError: `path` is no name of a file, or nothing can be written there.
    """
    if not path or Path(path).is_dir():
        raise UserError(f"{option}: {path or 'nothing'} is no file; expected the name of one")
    folder = Path(path).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{option}: {path}: {error.strerror.lower()}") from None
    if not os.access(folder, os.W_OK):
        raise UserError(f"{option}: {path}: no permission to write into {folder}")


def read_texts(path: str) -> list[str]:
    """Read a file of one text a line, each as words joined by one space; - is standard input.

    Raises:
        UserError: it cannot be read, or is no UTF-8.
    """
    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        lines = content.decode("utf-8").removesuffix("\n").split("\n") if content else []
    except OSError as error:
        raise UserError(f"{path}: {error.strerror.lower()}") from None
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: no UTF-8 text (byte {error.start}); save the file as UTF-8"
        ) from None
    if lines:
        lines[0] = lines[0].removeprefix("\ufeff")  # some editors' mark of UTF-8
    return [" ".join(line.split()) for line in lines]


def print_lines(lines: Sequence[str]) -> bool:
    """Write lines to standard output, UTF-8; say whether somebody reads them to the end.

    Raises:
        UserError: nothing can be written there.
    """
    try:
        # Not sys.stdout.buffer: under PYTHONUNBUFFERED it may write a part and say nothing.
        with open(sys.stdout.fileno(), "wb", closefd=False) as file:
            file.write("".join(f"{line}\n" for line in lines).encode())
    except BrokenPipeError:
        return False
    except OSError as error:
        raise UserError(f"standard output: {error.strerror.lower()}") from None
    return True
