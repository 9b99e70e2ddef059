"""Stage fetch: bring the raw tables into data/raw, from Mendeley or a folder.

The sample has a stage of its own, `invent`, so that another seed downloads nothing again.
"""

import hashlib
import shutil
import sys
from pathlib import Path

from stages.corpus.errors import UserError
from stages.fetching.download import download_files
from stages.fetching.known_files import FILE_PATTERN, KNOWN_FILES
from stages.pipeline.files import replacing
from stages.pipeline.parameters import load_params
from stages.pipeline.stage import run_stage

OUTPUT = Path("data/raw")
# Outside data/raw, which DVC empties before each run: a second try resumes what is here.
PARTIAL_DOWNLOADS = Path(".download")


def main() -> None:
    source = load_params("fetch").fetch.source
    with replacing(OUTPUT) as folder:
        folder.mkdir()
        (folder / "source.txt").write_text(f"{source}\n", encoding="utf-8")
        if source == "mendeley":
            download_files(folder, PARTIAL_DOWNLOADS)
        elif source != "sample":
            for warning in copy_folder(Path(source), folder):
                print(f"warning: {warning}", file=sys.stderr)


def copy_folder(source: Path, folder: Path) -> list[str]:
    """Copy every raw table of one folder into another.

    Args:
        source: holds at least one file named `*_parsed_dataset.csv`; `~` is the home folder.
        folder: takes the copies under the same names.

    Returns:
        A line for each file that has a published name but not the published content.

    Raises:
        UserError: the source is no folder, or holds no such file.
    """
    source = source.expanduser()
    if not source.is_dir():
        raise UserError(
            f"fetch.source: no folder {source}; expected sample, mendeley, "
            f"or a folder that holds {FILE_PATTERN}"
        )
    paths = sorted(path for path in source.glob(FILE_PATTERN) if path.is_file())
    if not paths:
        raise UserError(
            f"fetch.source: no {FILE_PATTERN} in {source}; put at least one CSV file with the "
            "columns Text and oh_label there, or set fetch.source to sample"
        )
    warnings = []
    for path in paths:
        shutil.copyfile(path, folder / path.name)
        known = KNOWN_FILES.get(path.name)
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if known and found != known.sha256:
            warnings.append(
                f"{path}: not the published file (sha256 {known.sha256} expected, {found} found); "
                "used as it is"
            )
    return warnings


if __name__ == "__main__":
    run_stage(main)
