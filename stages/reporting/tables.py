"""Numbers as text, in one form everywhere, and tables of them in Markdown."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

ABSENT = "–"


class Number(NamedTuple):
    """A value, and the ends of its interval where they are known."""

    value: float
    low: float | None = None
    high: float | None = None


def read_number(entry: float | Mapping[str, float]) -> Number:
    """Read what a metrics file holds: a number, or a mapping with `value`, `low` and `high`."""
    return Number(**entry) if isinstance(entry, Mapping) else Number(entry)


def show(number: Number | None, form: Callable[[float], str]) -> str:
    """Write a number, `value (low to high)` where its interval is known and shows.

    Args:
        number: None for one that was not measured.
        form: how a value is written; a unit after a space is written once.
    """
    if number is None:
        return ABSENT
    value = form(number.value)
    if number.low is None or number.high is None:
        return value
    low, high = form(number.low), form(number.high)
    if low == value == high:
        return value
    return f"{value} ({low.split(' ')[0]} to {high.split(' ')[0]})"


def significant(value: float) -> str:
    """Write a distance: three significant digits, four digits after the point at most."""
    size = abs(value)
    digits = 4 if size < 0.1 else 3 if size < 1 else 2 if size < 10 else 1 if size < 100 else 0
    return f"{value:,.{digits}f}"


def share(value: float) -> str:
    """Write a share as per cent: one digit after the point, two within 1 % of nothing and all."""
    if value in (0, 1):
        return f"{100 * value:.0f} %"
    return f"{100 * value:.{1 if 0.01 <= value <= 0.99 else 2}f} %"


def tenths(value: float) -> str:
    """Write a share as per cent with one digit after the point."""
    return f"{100 * value:.1f} %"


def whole(value: float) -> str:
    """Write a count, or a number whose fractions mean nothing."""
    return f"{value:,.0f}"


def fixed(digits: int) -> Callable[[float], str]:
    """Return the form with so many digits after the point."""
    return lambda value: f"{value:,.{digits}f}"


def error(value: float) -> str:
    """Write a squared error, which may be tiny: two significant digits."""
    return f"{value:#.2g}"


def any_form(value: float) -> str:
    """Write a number of which nothing is known."""
    return whole(value) if float(value).is_integer() else significant(value)


def phrase(numbers: Mapping[str, Any]) -> str:
    """Write named numbers in one line: `states 2,531, transitions 14,786`."""
    return ", ".join(f"{spaced(name)} {any_form(value)}" for name, value in numbers.items())


def spaced(name: str) -> str:
    """Write a key of a metrics file as words."""
    return name.replace("_", " ")


def table(header: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> str:
    """Set out a Markdown table.

    Args:
        header: the names of the columns.
        rows: as many cells each.
        texts: columns from the left that hold words; the others hold numbers, to the right.
    """
    rule = ["---" if place < texts else "---:" for place in range(len(header))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rows))
