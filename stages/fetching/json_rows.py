"""JSON lines, or a JSON list, of objects that hold a text and a label."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stages.corpus.errors import UserError
from stages.fetching.delimited import Column, Rows, say_names
from stages.fetching.label_values import name_label

_Object = dict[str, Any]


def read_json(content: str, name: str, text: Column, label: Column | None) -> Rows:
    """Read the texts and labels of JSON objects.

    Args:
        content: of the file: one object a line, or a list of objects.
        name: of the file, for messages.
        text: the key of texts, in any case.
        label: the key of labels, likewise; None, or a key that no object has, where there is none.

    Raises:
        UserError: it is no JSON of this kind, or no object has the key of texts.
    """
    values = list(_values(content, name))
    objects = [value for value in values if isinstance(value, dict)]
    keys = dict.fromkeys(key for value in objects for key in value)
    text_key = _find(keys, text)
    if text_key is None:
        found = say_names(keys) or "no object"
        raise UserError(
            f"{name}: expected JSON objects with the key {text}, one a line or in a list, found: "
            f"{found}; set fetch.text to a key among these"
        )
    label_key = None if label is None else _find(keys, label)
    rows, dropped = [], Counter()
    for value in objects:
        said, called = value.get(text_key), value.get(label_key)
        if said is not None and not isinstance(said, str):
            dropped["a text that is no JSON string"] += 1
        elif isinstance(called, list | Mapping):
            dropped["a label that is a list or an object"] += 1
        else:
            named = "" if called is None else name_label(called)
            rows.append((said or "", None if label_key is None else named))
    if len(objects) < len(values):
        dropped["no JSON object"] = len(values) - len(objects)
    notes, lacks_label = [], ""
    if label is not None and label_key is None:
        lacks_label = f"the keys {say_names(keys)}"
        notes.append(f"no key {label} among {say_names(keys)}, so no labels")
    return Rows(rows, dropped, notes, [], lacks_label)


def _find(keys: Iterable[str], wanted: Column) -> str | None:
    """Find a key; in other case where it does not stand as it is."""
    if wanted in keys:
        return wanted
    return next((key for key in keys if key.casefold() == str(wanted).casefold()), None)


def _nothing(_: str) -> None:
    """Stand for NaN and the infinities, which Python writes where a value is missing."""


def _values(content: str, name: str) -> Iterator[Any]:
    """Yield the values of a list or of lines; None for a line that is no JSON."""
    if content.lstrip().startswith("["):
        try:
            yield from json.loads(content, parse_constant=_nothing)
        except (ValueError, RecursionError) as error:
            reason = " ".join(str(error).split())[:120]
            raise UserError(f"{name}: expected a JSON list or JSON lines ({reason})") from None
        return
    if "\n" not in content:
        content = content.replace("\r", "\n")
    for line in content.split("\n"):
        if line.strip():
            try:
                yield json.loads(line, parse_constant=_nothing)
            except (ValueError, RecursionError):
                yield None
