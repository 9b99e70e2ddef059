"""Raw CSV tables of labelled comments: reading one, and merging several into distinct texts."""

import csv
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

import pandas as pd
from pandas.errors import EmptyDataError, ParserError

from stages.corpus.errors import UserError
from stages.fetching.known_files import source_of

_COLUMNS = {"Text": "text", "oh_label": "label"}
_LABELS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}


def read_table(path: Path | str) -> pd.DataFrame:
    """Read the texts and labels of one CSV file.

    Args:
        path: a CSV file in UTF-8 with a header; only its columns Text and oh_label are used.

    Returns:
        Columns text and label, both strings as they stand in the file, "" where there is none.

    Raises:
        UserError: the file cannot be read as such a table.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: expected a CSV file, found: {error.strerror}") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The error counts from behind a byte order mark where there is one, which no line is.
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(
            f"{path}: expected UTF-8, found byte 0x{error.object[error.start]:02x} in line {line}; "
            "save the file as UTF-8"
        ) from error
    try:
        # Without keep_default_na=False the comments "NA" and "null" would be taken for missing.
        table = pd.read_csv(StringIO(text), dtype=str, keep_default_na=False)
    except EmptyDataError as error:
        raise UserError(f"{path}: expected {_expected()}, found an empty file") from error
    except ParserError as error:
        raise UserError(
            f"{path}: expected a well-formed CSV file, found: {_line(error)}"
        ) from error
    if missing := [name for name in _COLUMNS if name not in table.columns]:
        found = _line(", ".join(map(str, table.columns)))
        raise UserError(
            f"{path}: expected {_expected()}, found no {' and no '.join(missing)} among: {found}"
        )
    header = next(csv.reader(StringIO(text)), [])
    if doubled := [name for name in _COLUMNS if header.count(name) > 1]:
        raise UserError(f"{path}: expected one column {doubled[0]}, found several")
    # pandas takes the first column for an index when every row is one field longer than the header.
    if not isinstance(table.index, pd.RangeIndex):
        raise UserError(
            f"{path}: expected as many fields in a row as in the header, found more; "
            "give each column a name"
        )
    return table[list(_COLUMNS)].rename(columns=_COLUMNS)


def _expected() -> str:
    return f"a CSV file with a header naming {' and '.join(_COLUMNS)}"


def _line(message: object) -> str:
    """Put a message on one line of bounded length."""
    line = " ".join(str(message).split())
    return line if len(line) <= 120 else line[:117] + "..."


def is_usable(table: pd.DataFrame) -> pd.Series:
    """Tell which rows of a raw table have a text and a label that is 0 or 1."""
    return (table["text"].str.strip() != "") & table["label"].str.strip().isin(_LABELS)


def merge_tables(tables: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame, dict[str, int]]:
    """Merge raw tables into one row a distinct text.

    A text's label is 1 if any of its rows says 1; its source is that of its first row, the files
    taken in the order of their names.

    Args:
        tables: what `read_table` gave for each file name.

    Returns:
        The merged table with the columns text, label (int8, 0 or 1) and source, in order of first
        appearance, and the counts: "rows" read, "dropped" for want of a text or of a label that
        is 0 or 1, "duplicates" beyond the first row of each distinct text, and "relabelled", the
        texts that came with both labels.
    """
    rows = pd.concat(
        [tables[name].assign(source=source_of(name)) for name in sorted(tables)], ignore_index=True
    )
    kept = rows[is_usable(rows)].reset_index(drop=True)
    kept["label"] = kept["label"].str.strip().map(_LABELS).astype("int8")
    codes, _ = pd.factorize(kept["text"])
    # Codes number the distinct texts in order of first appearance, as do the rows kept below.
    spread = kept["label"].groupby(codes).agg(["min", "max"])
    merged = kept[~kept["text"].duplicated()].reset_index(drop=True)
    merged["label"] = spread["max"]
    counts = {
        "rows": len(rows),
        "dropped": len(rows) - len(kept),
        "duplicates": len(kept) - len(merged),
        "relabelled": int((spread["min"] != spread["max"]).sum()),
    }
    return merged[["text", "label", "source"]], counts
