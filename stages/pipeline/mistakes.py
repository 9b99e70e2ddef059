"""What is wrong with values from params.yaml, and what is allowed instead, in plain words."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

LONGEST = 60  # characters of a value that a line repeats


def find_mistakes(model: type[BaseModel], values: Any, path: str = "") -> dict[str, str]:
    """Compare values with the settings that they should be.

    Args:
        model: the settings.
        values: what params.yaml, or the part of it at `path`, holds.
        path: the dotted key of `values`; "" for the whole file.

    Returns:
        A line for each mistake, by the dotted key that it is about.
    """
    try:
        model.model_validate(values)
    except ValidationError as error:
        found: dict[str, str] = {}
        meant = set()  # a misspelt key is one mistake, not one more key that is missing
        for detail in error.errors(include_url=False):
            key, line, nearest = _tell(model, values, path, detail)
            found.setdefault(key, line)
            meant.add(nearest)
        missing = {key for key, line in found.items() if line.startswith(f"{key} is missing;")}
        return {key: line for key, line in found.items() if key not in meant & missing}
    return {}


def _tell(
    model: type[BaseModel], values: Any, path: str, detail: Mapping[str, Any]
) -> tuple[str, str, str | None]:
    """Turn one of pydantic's errors into a key, a line, and the key that may have been meant."""
    for step in detail["loc"]:
        key = f"{path}.{step}" if path else str(step)
        if step not in model.model_fields:
            line, nearest = _tell_unknown(model, values[step], path, str(step))
            return key, line, nearest
        allowed = say_allowed(model, step)
        if step not in values:
            return key, f"{key} is missing; allowed: {allowed}", None
        path, values, inner = key, values[step], model.model_fields[step].annotation
        if not _is_section(inner):
            return key, f"{key} is {say(values)}; allowed: {allowed}", None
        model = inner
    if isinstance(values, Mapping):  # each is allowed, but not together
        message = str(detail["ctx"]["error"])
        return path, f"{path}.{message}" if path else message, None
    return path, f"{path or 'the file'} is {say(values)}; allowed: {_say_keys(model)}", None


def _tell_unknown(
    model: type[BaseModel], value: Any, path: str, name: str
) -> tuple[str, str | None]:
    before = f"{path}." if path else ""
    nearest = find_nearest(name, model.model_fields)
    hint = f"did you mean {before}{nearest}? " if nearest else ""
    known = ", ".join(model.model_fields)
    line = (
        f"{before}{name} (value {say(value)}) is an unknown key; "
        f"{hint}allowed in {path or 'the file'}: {known}"
    )
    return line, f"{before}{nearest}" if nearest else None


def find_nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that a misspelt one may stand for, if any is near."""
    return next(iter(get_close_matches(name, known, n=1, cutoff=0.7)), None)


def say(value: Any) -> str:
    """Write a value as params.yaml would, cropped."""
    words = {None: "null", True: "true", False: "false"}
    text = words[value] if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def say_allowed(model: type[BaseModel], name: str) -> str:
    """Say in words what a field of some settings takes."""
    annotation = model.model_fields[name].annotation
    if _is_section(annotation):
        return _say_keys(annotation)
    return _say_schema(model.model_json_schema()["properties"][name])


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _say_keys(model: type[BaseModel]) -> str:
    return "a mapping with the keys " + ", ".join(model.model_fields)


def _say_schema(schema: Mapping[str, Any]) -> str:
    if "description" in schema:
        return schema["description"]
    if "anyOf" in schema:
        parts = [part for part in schema["anyOf"] if part.get("type") != "null"]
        null = ", or null" if len(parts) < len(schema["anyOf"]) else ""
        return " or ".join(map(_say_schema, parts)) + null
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    match schema.get("type"):
        case "integer":
            return _say_whole(schema)
        case "number":
            return _say_number(schema)
        case "array":
            return _say_list(schema)
        case "boolean":
            return "true or false"
        case "string":
            return "a text that is not blank" if "pattern" in schema else "a text"
    return "anything"


def _say_whole(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        low = schema["exclusiveMinimum"] + 1
    if "exclusiveMaximum" in schema:
        high = schema["exclusiveMaximum"] - 1
    return _say_range("a whole number", low, high)


def _say_number(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if above is None and below is None:
        return _say_range("a number", low, high)
    limits = {"above": above, "of at least": low, "below": below, "at most": high}
    known = [f"{word} {limit:g}" for word, limit in limits.items() if limit is not None]
    return "a number " + " and ".join(known)


def _say_range(what: str, low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"{what} from {low} to {high}"
    if low is not None:
        return f"{what} of at least {low}"
    return what if high is None else f"{what} of at most {high}"


def _say_list(schema: Mapping[str, Any]) -> str:
    items = _say_schema(schema.get("items", {}))
    fewest = schema.get("minItems", 0)
    size = f" of {'one' if fewest == 1 else fewest} or more" if fewest else ""
    rising = ", rising" if schema.get("rising") else ""
    if items.startswith("one of "):
        names = items.removeprefix("one of ")
        text = f"a list{size or ' of any'} of {names}"
    else:
        text = f"a list{size}{rising}, each {items}"
    return f"{text}, each once" if schema.get("uniqueItems") else text
