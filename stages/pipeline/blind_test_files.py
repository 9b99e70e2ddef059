"""What the blind test leaves: the key to its page, and the answers that people have saved."""

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from stages.corpus.checked_files import FORMAT, Fingerprint, read_bytes, read_json, write_json
from stages.corpus.errors import Caution, UserError
from stages.corpus.settings import CountOrZero, Section, Seed, Text

KEY = Path("data/blind_test.json")
MOST = 2**24  # bytes of a file of answers: ten thousand of them are one megabyte


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

    id: Annotated[int, Field(ge=1)]
    answer: Literal["real", "fake"]
    milliseconds: CountOrZero


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

    @property
    def by_text(self) -> dict[int, Answer]:
        """The answers by the number of their text."""
        return {each.id: each for each in self.answers}


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

    Raises:
        UserError: a file is missing, no file of answers, or of another page.
    """
    found: list[tuple[str, Sheet]] = []
    for path in paths:
        sheet = _read_sheet(path, key)
        earlier = [place for place, (_, other) in enumerate(found) if _is_same(sheet, other)]
        if not earlier:
            found.append((path, sheet))
            continue
        kept = max(found[earlier[0]], (path, sheet), key=lambda each: len(each[1].answers))
        why = f"both by {sheet.rater}" if sheet.rater else "both of the same sitting"
        warnings.warn(
            f"{found[earlier[0]][0]} and {path}: {why}; {kept[0]} counts alone",
            Caution,
            stacklevel=2,
        )
        found[earlier[0]] = kept
    return [sheet for _, sheet in found]


def _is_same(sheet: Sheet, other: Sheet) -> bool:
    same_name = sheet.rater is not None and sheet.rater == other.rater
    return same_name or sheet.sitting == other.sitting


def _read_sheet(path: str, key: Key) -> Sheet:
    try:
        values = json.loads(read_bytes(Path(path), MOST, "save it again on the page"))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror.lower()}") from None
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:80]
        raise UserError(
            f"{path}: no JSON ({reason}); expected the file that the page saves"
        ) from None
    try:
        sheet = Sheet.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "it"
        raise UserError(
            f"{path}: {place}: {first['msg'].lower()}; expected the file that the page saves"
        ) from None
    if sheet.page != key.page:
        raise UserError(
            f"{path}: answers to the page {sheet.page}, but the key is that of {key.page}; "
            "--key names the key of the page that was answered"
        )
    beyond = max(each.id for each in sheet.answers)
    if beyond > len(key.texts):
        raise UserError(
            f"{path}: an answer to text {beyond}; the page has {len(key.texts)}; expected the file "
            "that the page saves"
        )
    return sheet
