"""The records of delimited text: with quotes as CSV has them, or with quotes that go astray."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from stages.corpus.errors import UserError


class Record(NamedTuple):
    """One row: its fields, and where it stands.

    Attributes:
        fields: without the quotes around them.
        first: its first line, from 0.
        last: the line behind its last one.
    """

    fields: list[str]
    first: int
    last: int


class Layout(NamedTuple):
    """How a table is laid out.

    Attributes:
        separator: one sign.
        fields: how many a row should have.
        text: place of the texts' column.
        label: likewise of the labels', None where there is none.
        padded: whether blanks follow separators, after which a quote still opens a field.
    """

    separator: str
    fields: int
    text: int
    label: int | None
    padded: bool = False


@contextmanager
def any_length() -> Iterator[None]:
    """Let fields be longer than Python's csv expects, which keeps one limit for all readers."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def iterate_records(
    lines: Sequence[str],
    separator: str,
    *,
    quoting: bool = True,
    strict: bool = False,
    padded: bool = False,
) -> Iterator[Record]:
    """Yield the records that are not blank.

    Args:
        lines: of the table, without their ends.
        separator: between fields.
        quoting: whether quotes are CSV's; else they are plain signs.
        strict: whether nothing may follow a closing quote but a separator or a line's end.
        padded: see `Layout`.

    Raises:
        csv.Error: quotes are not as they should be, where that is strict.
    """
    reader = csv.reader(
        (f"{line}\n" for line in lines),
        delimiter=separator,
        quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE,
        strict=strict,
        skipinitialspace=padded,
    )
    first = 0
    for fields in reader:
        if any(map(str.strip, fields)):
            yield Record(fields, first, reader.line_num)
        first = reader.line_num


def read_records(
    lines: Sequence[str], name: str, layout: Layout
) -> tuple[list[Record], bool, list[str]]:
    """Read all records, with quotes, or without where more rows come out even then.

    Args:
        lines: of the table, without their ends.
        name: of the file, for messages.
        layout: of the table.

    Returns:
        The records, whether quotes were CSV's, and warnings of rows that a quote may have
        swallowed.

    Raises:
        UserError: a quote opens and never closes.
    """
    separator, padded = layout.separator, layout.padded
    strict = _read_strictly(lines, layout)
    if strict is not None and _count_even(strict, layout) == len(strict):
        mended, warnings = _mend(strict, lines, name, layout)
        return mended, True, warnings
    end = "end of the file"
    lenient = list(iterate_records([*lines, end], separator, padded=padded))
    last = lenient.pop()
    mended, warnings = _mend(lenient, lines, name, layout)
    plain = list(iterate_records(lines, separator, quoting=False, padded=padded))
    even, even_plain = _count_even(lenient, layout), _count_even(plain, layout)
    is_plain = even_plain > even and even_plain >= _count_even(mended, layout)
    if is_plain and not _closes_quotes(plain):
        return plain, False, []
    if last.fields != [end]:
        raise UserError(
            f"{name}: expected that each quote which opens a field closes, found one in line "
            f"{last.first + 1} that does not; close it, or write it twice"
        )
    return mended, True, warnings


def _mend(
    records: Sequence[Record], lines: Sequence[str], name: str, layout: Layout
) -> tuple[list[Record], list[str]]:
    """Find rows that a stray quote has swallowed, and take them apart where all its lines are rows.

    A row over several lines is suspected where its quotes do not close as they should, or where one
    of its lines by itself has all fields, and a label that other rows have too.

    Returns:
        The records, and a warning for each that was suspected.
    """
    labels = set()
    if layout.label is not None:
        even = [record for record in records if _is_even(record, layout)]
        labels = {record.fields[layout.label].strip() for record in even} - {""}

    def is_row(fields: Sequence[str]) -> bool:
        is_even = len(fields) == layout.fields
        return is_even and (layout.label is None or fields[layout.label].strip() in labels)

    kept, warnings = [], []
    for record in records:
        inner = lines[record.first : record.last]
        if len(inner) == 1:
            kept.append(record)
            continue
        is_sound = _read_strictly(inner, layout) is not None and _is_even(record, layout)
        apart = [line.split(layout.separator) for line in inner]
        # The last line of a text ends as a row does.
        swallowed = sum(is_row(_split(line, layout)) for line in inner[:-1])
        where = f"{name}: line {record.first + 1}: a quote there runs over {len(inner)} lines"
        if not is_sound and all(map(is_row, apart)):
            kept += [Record(fields, record.first, record.last) for fields in apart]
            warnings.append(f"{where} that are rows; read as {len(inner)} rows")
            continue
        kept.append(record)
        if swallowed and (layout.label is not None or not is_sound):
            warnings.append(
                f"{where}, of which {swallowed} look like rows; read as one row: if that is wrong, "
                "close the quote or write it twice"
            )
        elif not is_sound:
            warnings.append(f"{where} and does not close as it should; read as one row")
    return kept, warnings


def _read_strictly(lines: Sequence[str], layout: Layout) -> list[Record] | None:
    """Read records whose quotes are as they should be; None where they are not."""
    try:
        return list(iterate_records(lines, layout.separator, strict=True, padded=layout.padded))
    except csv.Error:
        return None


def _split(line: str, layout: Layout) -> list[str]:
    record = next(iterate_records([line], layout.separator, padded=layout.padded), None)
    return [] if record is None else record.fields


def _closes_quotes(records: Iterable[Record]) -> bool:
    """Tell whether of the fields that a quote begins more than half end in one."""
    opened = [field for record in records for field in record.fields if field[:1] == '"']
    return sum(len(field) > 1 and field[-1] == '"' for field in opened) > len(opened) / 2


def _count_even(records: Iterable[Record], layout: Layout) -> int:
    return sum(_is_even(record, layout) for record in records)


def _is_even(record: Record, layout: Layout) -> bool:
    return len(record.fields) == layout.fields
