"""Labels as raw files have them, and the classes that are made of them."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Literal

from stages.corpus.corpus import MOST_LABELS
from stages.corpus.errors import UserError

# 1.0, +1 and 1 are one label; 01 and 1e0 are others, as codes may be.
_NUMBER = re.compile(r"([+-]?)(0|[1-9][0-9]*)(?:\.([0-9]*))?")
_SHOWN = 12  # values of a column that a message names
_LONGEST = 40  # characters of a value that it repeats
# What measures and parameters call other things by, where they name labels.
_TAKEN = ("balanced", "as_real")

LabelValue = int | float | bool | str


def name_label(value: LabelValue) -> str:
    """Name a label: a number in its shortest form, a text without white space around it."""
    text = " ".join(str(value).encode("utf-8", "replace").decode().split())
    number = _NUMBER.fullmatch(text)
    if number is None:
        return text
    sign, whole, decimals = number.groups(default="")
    short = f"{whole}.{decimals}".rstrip("0").rstrip(".") if decimals else whole
    return short if sign != "-" or short == "0" else f"-{short}"


def choose_classes(
    counts: Mapping[str, int], mapping: Mapping[LabelValue, Literal[0, 1]] | None
) -> tuple[tuple[str, ...], dict[str, int]]:
    """Make classes of the labels found.

    Args:
        counts: rows by the name of their label, without those that have none.
        mapping: of labels to 0 or 1, those it lacks are dropped; None makes each label a class.

    Returns:
        The name of each class, and the class of each label, by its place among these.

    Raises:
        UserError: there are too many labels, one of a name that is taken, or none that the mapping
            names.
    """
    if mapping is None:
        if len(counts) > MOST_LABELS:
            raise UserError(
                f"the label column has {len(counts):,} values ({say_counts(counts)}); at most "
                f"{MOST_LABELS} can be classes: set prepare.labels to a mapping of those wanted to "
                "0 or 1, or fetch.label to null for texts without labels"
            )
        if taken := [label for label in _TAKEN if label in counts]:
            raise UserError(
                f"a label is called {taken[0]}, which the pipeline calls something else; set "
                "prepare.labels to a mapping of the labels wanted to 0 or 1"
            )
        classes = sorted(counts, key=_rank)
        return tuple(classes), {label: place for place, label in enumerate(classes)}
    wanted: dict[str, int] = {}
    for label, place in mapping.items():
        for name in _spell(label):
            if wanted.setdefault(name, place) != place:
                raise UserError(
                    f"params.yaml: prepare.labels maps the label {name} to 0 and to 1; expected one"
                )
    if not wanted.keys() & counts.keys():
        raise UserError(
            f"params.yaml: prepare.labels names {', '.join(map(str, mapping))}, but the labels "
            f"found are {say_counts(counts)}; name these, or set it to null to keep them as classes"
        )
    return ("0", "1"), wanted


def find_unused(
    counts: Mapping[str, int], mapping: Mapping[LabelValue, Literal[0, 1]]
) -> list[LabelValue]:
    """Return the labels of a mapping that no row has; see `choose_classes`."""
    return [label for label in mapping if counts.keys().isdisjoint(_spell(label))]


def _spell(label: LabelValue) -> list[str]:
    """Return the names that a label of a mapping may have in a file."""
    if not isinstance(label, bool):
        return [name_label(label)]
    # YAML reads True and true alike, so that the file's own way of writing is unknown.
    return [str(label), str(label).lower(), str(label).upper()]


def say_counts(counts: Mapping[str, int]) -> str:
    """Name the most frequent labels with their rows, on one line of bounded length."""
    ranked = Counter(counts).most_common(_SHOWN)
    named = [f"{say_label(label)} ({say_rows(count)})" for label, count in ranked]
    return ", ".join([*named, "…"] if len(counts) > _SHOWN else named)


def say_rows(count: int) -> str:
    """Say how many rows there are."""
    return f"{count:,} row{'' if count == 1 else 's'}"


def say_label(label: str) -> str:
    """Write a label, cropped."""
    return label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…"


def _rank(label: str) -> tuple[bool, float, str]:
    """Sort numbers by value, before texts by their letters."""
    is_number = _NUMBER.fullmatch(label) is not None
    return not is_number, float(label) if is_number else 0.0, label
