"""The raw files of a folder, merged; it is told how they were read and what was dropped."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Literal

from tqdm import tqdm

from stages.corpus.errors import UserError
from stages.fetching.delimited import Column, Rows
from stages.fetching.label_values import (
    LabelValue,
    find_unused,
    name_label,
    say_counts,
    say_label,
    say_rows,
)
from stages.fetching.merging import NO_LABEL_GIVEN, Merged, merge_files
from stages.fetching.raw_files import Reading, read_raw_file

LINES = 20  # at most, about single files of one kind
USUAL_LABEL = "oh_label"  # fetch.label as it comes, the paper's; files without it have no labels

Tell = Callable[[str], None]


def read_folder(
    folder: Path,
    reading: Reading,
    mapping: Mapping[LabelValue, Literal[0, 1]] | None,
    tell: Tell,
) -> Merged:
    """Read and merge all files of a folder; tell how they were read, and what was dropped.

    Args:
        folder: of raw files; hidden ones are none.
        reading: how they are read.
        mapping: of labels to 0 or 1; see `choose_classes`.
        tell: takes one line at a time.

    Raises:
        UserError: there is no file, one cannot be read, none has the column of labels that the
            user has named, or none has a row that can be used.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")
    if not paths:
        raise UserError(f"{folder}: expected files, found none; run the stage fetch first")
    files = {}
    for path in tqdm(paths, "read", unit="file", disable=len(paths) < LINES):
        name = path.relative_to(folder).as_posix()
        files[name] = read_raw_file(path, name, reading)
    _check_label(files, reading.label)
    _tell_some(
        [f"{name}: {say_rows(file.read)}{_list(file.notes)}" for name, file in files.items()], tell
    )
    _tell_some(
        [f"warning: {warning}" for file in files.values() for warning in file.warnings], tell
    )
    merged = merge_files(files, mapping)
    dropped = [
        f"dropped: {reason}: {say_rows(count)} of {name}"
        + (" (fetch.label=null keeps them)" if reason == NO_LABEL_GIVEN else "")
        for (reason, name), count in merged.dropped.most_common()
    ]
    _tell_some(dropped, tell)
    if merged.labels and (mapping or merged.label_names != ("0", "1")):
        tell(f"labels: {say_counts(merged.labels)}")
    unused = [say_label(name_label(label)) for label in find_unused(merged.labels, mapping or {})]
    _tell_some(
        [f"warning: prepare.labels names {label}, which no row has" for label in unused], tell
    )
    if not merged.counts["rows"]:
        found = "is empty" if len(files) == 1 else "are empty"
        raise UserError(f"{folder}: expected texts, but {', '.join([*files][:LINES])} {found}")
    if merged.comments.empty:
        raise UserError(
            f"{folder}: none of {merged.counts['rows']:,} rows of {len(files):,} files has a text"
            " and a label that can be used; see above, and set fetch.text, fetch.label or "
            "prepare.labels"
        )
    return merged


def _check_label(files: Mapping[str, Rows], label: Column | None) -> None:
    """Refuse a column of labels that no file has, unless it is the one that nobody need name."""
    without = [file for file in files.values() if file.lacks_label]
    labelled = any(named is not None for file in files.values() for _, named in file.rows)
    if without and not labelled and label != USUAL_LABEL:
        found = dict.fromkeys(file.lacks_label for file in without)
        raise UserError(
            f"params.yaml: fetch.label is {label}, but no file has that; found: "
            f"{shorten('; '.join(found), 200, placeholder=' …')}; set it to a name among these, or "
            "to null for texts without labels"
        )


def _list(notes: Sequence[str]) -> str:
    return "".join(f", {note}" for note in notes)


def _tell_some(lines: Sequence[str], tell: Tell) -> None:
    for line in lines[:LINES]:
        tell(line)
    if len(lines) > LINES:
        tell(f"and {len(lines) - LINES:,} more such lines")
