"""params.yaml: loading what a stage asks for.

Each embedding and each generator types its own section, in a class `Settings` beside it; the rest
is typed in core_settings.py.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.corpus.errors import UserError
from stages.pipeline.core_settings import Core
from stages.pipeline.mistakes import find_mistakes, say

_Settings = TypeVar("_Settings", bound=BaseModel)


def read_parameters() -> Any:
    """Read params.yaml, unchecked.

    Raises:
        UserError: the file is missing, or no YAML.
    """
    try:
        return YAML(typ="safe").load(Path("params.yaml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"params.yaml: not found in {Path.cwd().name}/; run stages from the repository's root"
        ) from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise UserError("params.yaml: not valid YAML: " + " ".join(str(error).split())) from None


def load_params(*paths: str) -> SimpleNamespace:
    """Load the named parts of params.yaml.

    A stage asks for exactly what its `params:` list in dvc.yaml declares, so that it cannot read
    a value DVC does not watch. Only these parts are checked here, and of them only what belongs to
    stages; the stage `check` goes over the whole file.

    Args:
        paths: dotted keys, such as `seed`, `gan.max_length` or `sample`.

    Returns:
        Nested namespaces that hold nothing but the named parts.

    Raises:
        UserError: the file is missing or malformed, a value is not allowed, or a path names
            nothing in it, as one made of a mistaken command line does.
    """
    values = read_parameters()
    mistakes = find_mistakes(Core, values)
    refuse({key: line for key, line in mistakes.items() if concerns(key, paths)})
    wanted: dict[str, Any] = {}
    for path in paths:
        *parents, last = path.split(".")
        target = wanted
        for key in parents:
            target = target.setdefault(key, {})
        target[last] = dig(values, path)
    return _namespace(wanted)


def load_settings(path: str, settings: type[_Settings]) -> _Settings:
    """Load one section of params.yaml.

    Args:
        path: its dotted key, such as `markov` or `embedding.bert`.
        settings: the `Settings` that type it.

    Raises:
        UserError: as `load_params`.
    """
    section = dig(read_parameters(), path)
    refuse(find_mistakes(settings, section, path))
    return settings.model_validate(section)


def nullable(field: FieldInfo) -> Any:
    """Return the type of what a field takes, or null."""
    return Annotated[field.annotation, field] | None


def dig(values: Any, path: str) -> Any:
    """Return what stands at a dotted path.

    Raises:
        UserError: nothing does.
    """
    for key in path.split("."):
        if not isinstance(values, Mapping) or key not in values:
            known = ", ".join(map(str, values)) if isinstance(values, Mapping) else say(values)
            raise UserError(f"params.yaml: {path}: {key!r} is none of {known}")
        values = values[key]
    return values


def peek(values: Any, path: str) -> Any:
    """Return what stands at a dotted path, or None."""
    try:
        return dig(values, path)
    except UserError:
        return None


def concerns(key: str, paths: Iterable[str]) -> bool:
    """Whether a dotted key is one of some paths, or above or below one; "" is above all."""

    def is_within(inner: str, outer: str) -> bool:
        return not outer or f"{inner}.".startswith(f"{outer}.")

    return any(is_within(key, path) or is_within(path, key) for path in paths)


def refuse(mistakes: Mapping[str, str]) -> None:
    """Raise all mistakes, a line each.

    Raises:
        UserError: there are some.
    """
    if mistakes:
        raise UserError("\n".join(f"params.yaml: {line}" for line in mistakes.values()))


def _namespace(value: Any) -> Any:
    if isinstance(value, Mapping):
        return SimpleNamespace(**{key: _namespace(part) for key, part in value.items()})
    return value
