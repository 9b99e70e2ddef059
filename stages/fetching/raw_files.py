"""Raw files of any form: the texts and labels of one of them."""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from stages.fetching.decoding import UTF_8, Decoded, read_decoded
from stages.fetching.delimited import Column, Rows, has_header, read_delimited
from stages.fetching.forms import form_of, is_tabbed
from stages.fetching.json_rows import read_json

FOLDER = "folder"  # as a label: the name of the folder in which a file of plain text lies
_BLANK_LINES = re.compile(r"\n[^\S\n]*\n")
_OBJECT = re.compile(r"\s*(\[\s*)?\{\s*[\"}]")  # JSON begins so, and a text in braces does not


class Reading(NamedTuple):
    """How raw files are read; see `fetch` in params.yaml.

    Attributes:
        text: name or number of the column of texts.
        label: likewise of labels; None where texts have none.
        encoding: of all files; None finds each file's own.
        unit: of plain text: each `line`, `block` between blank lines, or `file` is a text.
    """

    text: Column
    label: Column | None
    encoding: str | None = None
    unit: str = "line"


def read_raw_file(path: Path, name: str, reading: Reading) -> Rows:
    """Read the texts and labels of one file.

    Its name says its form. What is named like plain text, or like nothing known, is a table all the
    same where columns are numbered or a header names the texts' column.

    Args:
        path: of the file.
        name: of the file as the user knows it, for messages.
        reading: how.

    Raises:
        UserError: it cannot be read, or is not what its name or `reading` says.
    """
    decoded = read_decoded(path, reading.encoding)
    content, form = decoded.text, form_of(name)
    if form in ("text", None) and _OBJECT.match(content):
        form = "JSON"
    if form in ("text", None):
        is_table = isinstance(reading.text, int) or has_header(content, reading.text)
        form = "table" if is_table else "text"
    if form == "JSON":
        found = read_json(content, name, reading.text, reading.label)
    elif form == "table":
        tabbed = is_tabbed(name)
        found = read_delimited(content, name, reading.text, reading.label, tabbed=tabbed)
    else:
        label = Path(name).parent.name if reading.label == FOLDER else None
        rows = [(text, label) for text in _split_text(content, reading.unit)]
        lacks = "plain text, without columns" if reading.label not in (None, FOLDER) else ""
        found = Rows(rows, Counter(), [f"plain text by {reading.unit}"], [], lacks)
    warnings = found.warnings
    if decoded.broken:
        warnings = [f"{name}: {decoded.broken:,} broken bytes, each now U+FFFD", *warnings]
    return found._replace(notes=[*_note(decoded), *found.notes], warnings=warnings)


def _split_text(content: str, unit: str) -> list[str]:
    """Split plain text; what is blank is no text."""
    content = content.replace("\r\n", "\n")
    if "\n" not in content:
        content = content.replace("\r", "\n")
    if unit == "line":
        parts = content.split("\n")
    else:
        parts = _BLANK_LINES.split(content) if unit == "block" else [content]
    return [part for part in parts if part.strip()]


def _note(decoded: Decoded) -> list[str]:
    notes = ["packed by gzip"] if decoded.packed else []
    if decoded.encoding != UTF_8:
        notes.append(f"in {decoded.encoding}")
    if decoded.guessed:
        words = ", ".join(decoded.guessed)
        notes[-1] += f" (a guess, by which it reads {words}; fetch.encoding sets another)"
    return notes
