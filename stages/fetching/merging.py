"""Merging the rows of raw files into distinct texts, each row that is dropped counted."""

from collections import Counter
from collections.abc import Mapping
from typing import Literal, NamedTuple

import pandas as pd
from ftfy import fix_encoding

from stages.corpus.corpus import NO_LABEL
from stages.corpus.errors import UserError
from stages.fetching.delimited import Rows
from stages.fetching.known_files import source_of
from stages.fetching.label_values import LabelValue, choose_classes, say_label

NO_TEXT, NO_LABEL_GIVEN = "no text", "no label"


class Merged(NamedTuple):
    """Distinct texts, and what became of the rows they came from.

    Attributes:
        comments: columns text, label (int8, a place in `label_names`, or `NO_LABEL`) and source,
            in order of first appearance, the files taken in the order of their names.
        label_names: the classes; none where no file has labels.
        labels: rows by the name of their label.
        counts: "rows" read, "dropped", "duplicates" beyond the first row of each distinct text,
            "relabelled" texts that came with more than one label, "mended" rows whose text was
            UTF-8 taken for another encoding.
        dropped: rows by reason and file.
    """

    comments: pd.DataFrame
    label_names: tuple[str, ...]
    labels: dict[str, int]
    counts: dict[str, int]
    dropped: Counter[tuple[str, str]]


def merge_files(
    files: Mapping[str, Rows], mapping: Mapping[LabelValue, Literal[0, 1]] | None = None
) -> Merged:
    """Merge raw files into one row a distinct text.

    Where one file has labels, rows without one are dropped. Where the rows of a text have several,
    it takes the last in the order of classes: 1 where any says 1. Text in which UTF-8 was read as
    another encoding ("cafÃ©") is mended where that is certain, by ftfy.

    Source: R. Speer, "ftfy", 2019, doi:10.5281/zenodo.2591652.

    Args:
        files: what `read_raw_file` gave for each name.
        mapping: of labels to 0 or 1; see `choose_classes`.

    Raises:
        UserError: labels are not as the mapping says, or too many.
    """
    dropped = Counter(
        {(reason, name): count for name in files for reason, count in files[name].dropped.items()}
    )
    parts = [
        pd.DataFrame(files[name].rows, columns=["text", "label"], dtype=object).assign(file=name)
        for name in sorted(files)
    ]
    rows = pd.concat(parts, ignore_index=True)

    def drop(which: pd.Series, reasons: str | pd.Series) -> None:
        nonlocal rows
        gone = rows[which]
        reasons = reasons[which] if isinstance(reasons, pd.Series) else [reasons] * len(gone)
        dropped.update(zip(reasons, gone["file"], strict=True))
        rows = rows[~which]

    is_labelled = bool(rows["label"].notna().any())
    drop(rows["text"].str.strip() == "", NO_TEXT)
    label_names: tuple[str, ...] = ()
    labels: dict[str, int] = {}
    if is_labelled:
        drop(rows["label"].isna() | (rows["label"] == ""), NO_LABEL_GIVEN)
        labels = rows["label"].value_counts(sort=False).to_dict()
    elif mapping is not None:
        raise UserError(
            "params.yaml: prepare.labels is set, but no file has a column of labels; set "
            "fetch.label to its name, or prepare.labels to null"
        )
    if labels:
        label_names, class_of = choose_classes(labels, mapping)
        drop(~rows["label"].isin(class_of), "label " + rows["label"].map(say_label))
        rows["label"] = rows["label"].map(class_of)
    rows["label"] = rows["label"].fillna(NO_LABEL).astype("int8")

    texts = rows["text"].map(lambda text: text if text.isascii() else fix_encoding(text))
    mended = int((texts != rows["text"]).sum())
    rows["text"] = texts
    codes, _ = pd.factorize(rows["text"])
    # Codes number the distinct texts in order of first appearance, as do the rows kept below.
    spread = rows["label"].groupby(codes).agg(["min", "max"])
    comments = rows[~rows["text"].duplicated()].reset_index(drop=True)
    comments["label"] = spread["max"].astype("int8")
    comments["source"] = comments["file"].map(source_of)
    counts = {
        "rows": sum(file.read for file in files.values()),
        "dropped": dropped.total(),
        "duplicates": len(rows) - len(comments),
        "relabelled": int((spread["min"] != spread["max"]).sum()),
        "mended": mended,
    }
    return Merged(comments[["text", "label", "source"]], label_names, labels, counts, dropped)
