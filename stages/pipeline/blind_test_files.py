"""What the blind test leaves: the key to its page, and the answers that people have saved."""

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from reprlib import repr as shorten
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from stages.corpus.checked_files import FORMAT, Fingerprint, read_json, write_json
from stages.corpus.errors import Caution, UserError
from stages.corpus.settings import Section, Seed, Text

KEY = Path("data/blind_test.json")
MOST = 2**24  # bytes of a file of answers: ten thousand of them are one megabyte
LARGEST = 2**53 - 1  # whole number that JavaScript, which writes the answers, is exact about


class ShownText(Section):
    """One text of the page, and the source that wrote it."""

    text: Text
    source: Text


class Key(Section):
    """Who wrote which text of a page; text number 1 is the first.

    Attributes:
        format: of the file.
        page: its fingerprint.
        seed: that drew the texts and their order.
        texts: in the page's order.
    """

    format: Literal[FORMAT]
    page: Fingerprint
    seed: Seed
    texts: Annotated[list[ShownText], Field(min_length=1)]


class Answer(Section):
    """What somebody said of one text."""

    id: Annotated[int, Field(ge=1, le=LARGEST)]
    answer: Literal["real", "fake"]
    milliseconds: Annotated[int, Field(ge=0, le=LARGEST)]


class Sheet(Section):
    """The answers of one person, as the page saves them.

    Attributes:
        page: the fingerprint of the page.
        seed: of the page.
        sitting: drawn when the person began.
        rater: a name, where one was given.
        answers: at most one a text.
    """

    page: Fingerprint
    seed: Seed
    sitting: Fingerprint
    rater: Text | None
    answers: Annotated[list[Answer], Field(min_length=1)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({each.id for each in self.answers}) < len(self.answers):
            raise ValueError("expected one answer a text")
        return self


def number_page(fingerprint: str) -> int:
    """Return a page's fingerprint as a number, as metrics hold numbers alone."""
    return int(fingerprint[:8], 16)


def write_key(path: Path, page: str, seed: int, texts: Sequence[tuple[str, str]]) -> None:
    """Write the key to a page: its texts, each with its source."""
    shown = [{"text": text, "source": source} for text, source in texts]
    write_json(path, {"page": page, "seed": seed, "texts": shown})


def read_key(path: Path) -> Key:
    """Read the key to a page.

    Raises:
        UserError: it is missing or damaged.
    """
    try:
        return read_json(path, Key, "dvc repro write_blind_test")
    except FileNotFoundError:
        raise UserError(
            f"{path}: not found; expected the key to the page that was answered; `dvc repro "
            "write_blind_test` writes both, or --key names it"
        ) from None


def read_sheets(paths: Sequence[str], key: Key) -> list[Sheet]:
    """Read people's answers to one page, each person's once; what is left out is told.

    Files of one sitting or of one name, in any case, are one person's, of which that with most
    answers counts.

    Raises:
        UserError: a file is missing, no file of answers, or of another page.
    """
    people: list[list[tuple[str, Sheet]]] = []  # the files of each
    for path in paths:
        sheet = _read_sheet(path, key)
        same = [own for own in people if any(_is_same(sheet, other) for _, other in own)]
        people = [own for own in people if own not in same]
        people.append([*(each for own in same for each in own), (path, sheet)])
    return [_pick_one(own) for own in people]


def _pick_one(files: Sequence[tuple[str, Sheet]]) -> Sheet:
    """Return the one of a person's files that has most answers, and tell of the others."""
    kept, sheet = max(files, key=lambda each: len(each[1].answers))
    if len(files) > 1:
        *first, last = (path for path, _ in files)
        warnings.warn(
            f"{', '.join(first)} and {last}: of one person, by name or sitting; {kept} counts "
            "alone",
            Caution,
            stacklevel=3,
        )
    return sheet


def _is_same(sheet: Sheet, other: Sheet) -> bool:
    # In any case and spacing, as people write their name differently from day to day.
    names = [" ".join((each.rater or "").split()).casefold() for each in (sheet, other)]
    return (names[0] != "" and names[0] == names[1]) or sheet.sitting == other.sitting


def _read_sheet(path: str, key: Key) -> Sheet:
    try:
        size = Path(path).stat().st_size
        if size > MOST:
            raise _refuse(path, f"{size:,} bytes, where {MOST:,} are the most")
        values = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise UserError(f"{path}: {error.strerror.lower()}") from None
    except (ValueError, RecursionError) as error:
        raise _refuse(path, f"no JSON ({' '.join(str(error).split())[:80]})") from None
    if not isinstance(values, dict):
        raise _refuse(path, f"no JSON object, but {shorten(values)}")
    try:
        sheet = Sheet.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        # A key may be anything: `shorten` writes what is not seen by its number.
        place = ".".join(shorten(part).strip("'") for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        reason = reason[0].lower() + reason[1:]
        raise _refuse(path, f"{place}: {reason}" if place else reason) from None
    if sheet.page != key.page:
        raise UserError(
            f"{path}: answers to the page {sheet.page}, but the key is that of {key.page}; "
            "--key names the key of the page that was answered"
        )
    beyond = max(each.id for each in sheet.answers)
    if beyond > len(key.texts):
        raise _refuse(path, f"an answer to text {beyond}; the page has {len(key.texts)}")
    return sheet


def _refuse(path: str, reason: str) -> UserError:
    return UserError(f"{path}: {reason}; expected the file that the page saves")
