"""Which files are read, by their names."""

from pathlib import Path

TABBED = (".tsv", ".tab")
FORMS = {
    **dict.fromkeys((".csv", *TABBED), "table"),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), "JSON"),
    ".txt": "text",
}


def form_of(name: str) -> str | None:
    """Return the form that a file's name says, packed or not: table, JSON, text, or None."""
    return FORMS.get(_suffix(name))


def is_tabbed(name: str) -> bool:
    """Tell whether a file's name says that it is separated by tabs."""
    return _suffix(name) in TABBED


def _suffix(name: str) -> str:
    return Path(name.lower().removesuffix(".gz")).suffix
