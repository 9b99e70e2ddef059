"""Stage fetch: bring the raw files into data/raw, from Mendeley, or a file or folder of the user's.

The sample and the oracle's texts have stages of their own, `invent` and `oracle`, so that another
seed downloads nothing again.
"""

import hashlib
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from stages.corpus.errors import UserError
from stages.fetching.download import download_files
from stages.fetching.forms import FORMS, form_of
from stages.fetching.known_files import KNOWN_FILES
from stages.pipeline.files import replacing
from stages.pipeline.parameters import load_params
from stages.pipeline.stage import run_stage

OUTPUT = Path("data/raw")
SOURCE = ".source"  # a hidden file there, which says where the others are from
# Outside data/raw, which DVC empties before each run: a second try resumes what is here.
PARTIAL_DOWNLOADS = Path(".download")
FORMS_READ = f"{', '.join(FORMS)}, or these packed as .gz"


def main() -> None:
    source = load_params("fetch.source").fetch.source
    with replacing(OUTPUT) as folder:
        folder.mkdir()
        (folder / SOURCE).write_text(f"{source}\n", encoding="utf-8")
        if source == "mendeley":
            download_files(folder, PARTIAL_DOWNLOADS)
        elif source not in ("sample", "oracle"):
            for warning in copy_source(Path(source).expanduser(), folder):
                print(f"warning: {warning}", file=sys.stderr)


def copy_source(source: Path, folder: Path) -> list[str]:
    """Copy a file, or all files of a folder that can be read, into another folder.

    Args:
        source: a file of any name, or a folder; of its own folders too, but for hidden ones.
        folder: takes the copies under the same names.

    Returns:
        A line for each file that has a published name but not the published content, and one about
        files that were passed over.

    Raises:
        UserError: there is no such file or folder, or no file in it that can be read.
    """
    if source.is_file():
        # Hidden files there are the pipeline's own.
        shutil.copyfile(source, folder / source.name.removeprefix("."))
        return _compare([source])
    if not source.is_dir():
        raise UserError(
            f"fetch.source: no file or folder {source}; expected sample, mendeley, oracle, or the "
            f"path of a file or folder{_explain_place(source)}"
        )
    found = sorted(
        path
        for path in source.rglob("*")
        if path.is_file() and not any(part[0] == "." for part in path.relative_to(source).parts)
    )
    read = [path for path in found if form_of(path.name)]
    passed_over = [path.relative_to(source).as_posix() for path in found if not form_of(path.name)]
    if not read:
        raise UserError(
            f"fetch.source: no file to read in {source} ({_list(passed_over) or 'it is empty'}); "
            f"expected {FORMS_READ}"
        )
    for path in read:
        copy = folder / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    warnings = _compare(read)
    if passed_over:
        warnings.append(f"{source}: passed over {_list(passed_over)}; read are {FORMS_READ}")
    return warnings


def _explain_place(source: Path) -> str:
    """Say where a relative path was looked for, which for some experiments is elsewhere."""
    if source.is_absolute():
        return ""
    here = Path.cwd()
    # `dvc exp run --temp` and `--queue` run in .dvc/tmp/exps/ of the repository.
    for parent in here.parents:
        if parent.name == ".dvc":
            return (
                "; this experiment runs in a copy of the repository, where only what git knows is "
                f"seen: give the full path, such as {parent.parent / source}"
            )
    return f"; looked for as {here / source}"


def _list(names: list[str]) -> str:
    """Name some files."""
    shown = 5
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more:,} more" if more > 0 else "")


def _compare(paths: Iterable[Path]) -> list[str]:
    """Find files that have a published name but not the published content."""
    warnings = []
    for path in paths:
        known = KNOWN_FILES.get(path.name)
        if known is None:
            continue
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != known.sha256:
            warnings.append(
                f"{path}: not the published file (sha256 {known.sha256} expected, {found} found); "
                "used as it is"
            )
    return warnings


if __name__ == "__main__":
    run_stage(main)
