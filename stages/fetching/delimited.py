"""Tables of delimited text, as CSV and TSV files hold them in the wild."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from stages.corpus.errors import UserError
from stages.fetching.label_values import name_label
from stages.fetching.records import (
    Layout,
    Record,
    any_length,
    iterate_records,
    read_records,
)

SEPARATORS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
NO_SEPARATOR = "\x1f"  # of a table of one column, in whose texts a comma is a comma
HEADER_AGAIN = "the header again"
_SNIFFED = 200  # records by which the separator of a file without a header is found
# Excel's own first line, which names the separator.
_SEPARATOR_LINE = re.compile(r"sep=(.)\n")
# Up to the first line end outside quotes.
_FIRST_RECORD = re.compile(r'(?>(?:[^"\r\n]++|"[^"]*+")*)')

Column = int | str


class Rows(NamedTuple):
    """What a raw file holds.

    Attributes:
        rows: text and label of each row, "" where there is none; the label None where the file has
            no labels.
        dropped: rows that are not among them, by reason.
        notes: how it was read, where that is unusual, such as its separator.
        warnings: what may be wrong with it.
        lacks_label: what it has where it lacks the labels that were asked for; else "".
    """

    rows: list[tuple[str, str | None]]
    dropped: Counter[str]
    notes: list[str]
    warnings: list[str]
    lacks_label: str = ""

    @property
    def read(self) -> int:
        """Rows that the file has."""
        return len(self.rows) + self.dropped.total()


@any_length()
def read_delimited(
    content: str, name: str, text: Column, label: Column | None, *, tabbed: bool = False
) -> Rows:
    """Read the texts and labels of a table.

    The header's line end, LF, CR LF or CR, is taken for all lines; a CR elsewhere becomes a blank.
    The separator is the one by which the header names the column of texts. Quotes are CSV's, unless
    more rows come out even where they are plain signs, as in most TSV files.

    Args:
        content: of the file.
        name: of the file, for messages.
        text: the column of texts: its name in the header, in any case, or, where there is no
            header, its number from 1.
        label: the column of labels, likewise; None, or a name that the header lacks, where there
            is none.
        tabbed: whether the tab is the likeliest separator, not the comma.

    Raises:
        UserError: there is no such column, or a quote opens and never closes.
    """
    content, separator = _unify(content)
    lines = content.split("\n")
    if not content.strip():
        raise UserError(f"{name}: expected rows with the column {text}, found an empty file")
    likely = sorted(SEPARATORS, key="\t".__ne__) if tabbed else [*SEPARATORS]
    separators = [separator] if separator else likely
    if isinstance(text, int):
        layout, header = _number_columns(lines, name, separators, text, label), None
    else:
        layout, header = _name_columns(lines, name, separators, text, label)
    records, quoting, warnings = read_records(lines, name, layout)
    notes, lacks_label = [], ""
    if layout.separator not in (",", NO_SEPARATOR):
        notes.append(f"separated by {SEPARATORS.get(layout.separator, layout.separator)}")
    if not quoting:
        notes.append("quotes are plain signs")
    if header is None:
        notes.append("no header")
    elif label is not None and layout.label is None:
        lacks_label = f"the columns {say_names(header)}"
        notes.append(f"no column {label} among {say_names(header)}, so no labels")
    body = records[header is not None :]
    rows, dropped = _select(body, layout, header)
    warnings += _find_short(body, name, layout)
    return Rows(rows, dropped, notes, warnings, lacks_label)


@any_length()
def has_header(content: str, text: Column) -> bool:
    """Tell whether a file begins with a header of two columns or more that names the texts'."""
    lines = _unify(content)[0].split("\n")
    headers = (_read_header(lines, separator) for separator in SEPARATORS)
    return any(len(header) > 1 and _places(header, text) for header in headers)


def _unify(content: str) -> tuple[str, str | None]:
    """End lines in LF, and take off Excel's line about the separator; return it too."""
    # The mark of a file's beginning stands inside where files were joined.
    content = content.replace("\r\n", "\n").replace("\ufeff", "")
    ends_in_cr = content[_FIRST_RECORD.match(content).end() :][:1] == "\r"
    content = content.replace("\r", "\n" if ends_in_cr or "\n" not in content else " ")
    named = _SEPARATOR_LINE.match(content)
    return (content[named.end() :], named[1]) if named else (content, None)


def _name_columns(
    lines: Sequence[str], name: str, separators: Sequence[str], text: str, label: Column | None
) -> tuple[Layout, list[str]]:
    """Find the separator by which the header names the texts' column, and both columns' places."""
    headers = {separator: _read_header(lines, separator) for separator in separators}
    fits = [separator for separator in separators if _places(headers[separator], text)]
    if not fits:
        widest = max(separators, key=lambda sign: len(headers[sign]))
        found = say_names(headers[widest])
        if any(sign in found for sign in separators) and len(headers[widest]) == 1:
            found += ", in quotes that hide the separator"
        raise UserError(
            f"{name}: expected a header that names the column {text}, found (separated by "
            f"{SEPARATORS.get(widest, widest)}): {found}; set fetch.text to a name among these"
        )
    separator, header = fits[0], headers[fits[0]]
    places = {wanted: _places(header, wanted) for wanted in (text, label)}
    for wanted, found in places.items():
        if len(found) > 1:
            raise UserError(f"{name}: expected one column {wanted}, found {len(found)}")
    of_text, of_label = places[text][0], next(iter(places[label]), None)
    if of_text == of_label:
        raise UserError(f"{name}: fetch.text and fetch.label name one column, {text}")
    padded = _is_padded(lines, separator)
    separator = NO_SEPARATOR if len(header) == 1 else separator
    return Layout(separator, len(header), of_text, of_label, padded), header


def _read_header(lines: Sequence[str], separator: str) -> list[str]:
    """Return the fields of the first line that is not blank."""
    padded = _is_padded(lines, separator)
    record = next(iterate_records(lines, separator, padded=padded), None)
    return [] if record is None else record.fields


def _is_padded(lines: Sequence[str], separator: str) -> bool:
    record = next(iterate_records(lines, separator), None)
    return record is not None and any(field[:1] == " " for field in record.fields[1:])


def _places(header: Sequence[str], wanted: Column | None) -> list[int]:
    """Return where a name stands in a header; in other case where it does not stand as it is."""
    names = [field.strip() for field in header]
    exact = [place for place, name in enumerate(names) if name == wanted]
    return exact or [
        place for place, name in enumerate(names) if name.casefold() == str(wanted).casefold()
    ]


def _number_columns(
    lines: Sequence[str],
    name: str,
    separators: Sequence[str],
    text: int,
    label: Column | None,
) -> Layout:
    """Find the separator by which rows come out most even, and wide enough."""
    needed = max(text, label or 0)
    fits, widest = [], 0
    # Of equally even ones the comma last, which texts hold too.
    for rank, separator in enumerate(sorted(separators, key=",".__eq__)):
        sniffed = list(islice(iterate_records(lines, separator), _SNIFFED))
        if not sniffed:  # nothing but separators
            continue
        width, count = Counter(len(record.fields) for record in sniffed).most_common(1)[0]
        widest = max(widest, width)
        if width >= needed:
            fits.append((count / len(sniffed), width > 1, -rank, separator, width))
    if not fits:
        raise UserError(
            f"{name}: expected rows of {needed} columns or more, found {widest}; set fetch.text "
            "and fetch.label to the numbers of columns, or to their names where there is a header"
        )
    *_, separator, width = max(fits)
    return Layout(separator, width, text - 1, None if label is None else label - 1)


def _select(
    records: Iterable[Record], layout: Layout, header: Sequence[str] | None
) -> tuple[list[tuple[str, str | None]], Counter[str]]:
    """Take text and label of each record."""
    rows, dropped = [], Counter()
    for record in records:
        fields = record.fields
        if any(map(str.strip, fields[layout.fields :])):
            dropped[f"more than {layout.fields} fields"] += 1
        elif header is not None and fields == header:
            dropped[HEADER_AGAIN] += 1
        else:
            fields = [*fields, *[""] * (layout.fields - len(fields))]
            label = None if layout.label is None else name_label(fields[layout.label])
            rows.append((fields[layout.text], label))
    return rows, dropped


def _find_short(records: Iterable[Record], name: str, layout: Layout) -> list[str]:
    """Warn of rows with fewer fields than there should be, whose texts may be cut off."""
    short = [record.first for record in records if len(record.fields) < layout.fields]
    if not short:
        return []
    count = f"{len(short):,} row{' has' if len(short) == 1 else 's have'}"
    return [
        f"{name}: {count} fewer than {layout.fields} fields, the first in line {short[0] + 1}; a "
        "line end or separator inside a text needs quotes around it"
    ]


def say_names(names: Iterable[str]) -> str:
    """Put the names of columns or keys on one line of bounded length."""
    line = " ".join(", ".join(map(str.strip, names)).split())
    return line if len(line) <= 120 else f"{line[:117]}..."
