"""The text of a raw file: unpacked, and decoded by the encoding that it is found to have."""

import codecs
import gzip
import re
import zlib
from pathlib import Path
from typing import NamedTuple

from stages.corpus.errors import UserError
from stages.fetching.encodings import guess_encoding

UTF_8 = "utf-8"
_MARKS = (  # UTF-32's first, since UTF-16's mark begins it
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_GZIP = b"\x1f\x8b"
# What files begin with that hold no text.
_OTHERS = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"%PDF": "a PDF",
    b"SQLite format 3": "an SQLite database",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
}
_SAMPLE = 200_000  # bytes of lines with other signs than ASCII's by which an encoding is guessed
_MOSTLY = 2  # sound signs for each broken one, from which a text counts as UTF-8 all the same
_WORDS_SHOWN = 3  # by which people can tell whether a guess is right
# Zero bytes and other signs that no text has; an escape begins a colour of a terminal.
_CONTROLS = re.compile(r"[\0-\x08\x0e-\x1a\x7f]")
_MOST_CONTROLS = 0.01  # share of them beyond which nothing is text, if they are more than a few
_FEW_CONTROLS = 4


class Decoded(NamedTuple):
    """A file's text.

    Attributes:
        text: without a byte order mark.
        encoding: by which it was read.
        guessed: a few words by which people can tell whether that is right, where it is a guess by
            which letters are likely; else empty.
        broken: bytes that are not of the encoding; each became U+FFFD.
        packed: whether the file was packed by gzip.
    """

    text: str
    encoding: str
    guessed: tuple[str, ...] = ()
    broken: int = 0
    packed: bool = False


def read_decoded(path: Path, encoding: str | None = None) -> Decoded:
    """Read a text file, packed by gzip or not.

    Args:
        path: of the file.
        encoding: its encoding; None finds it: by a byte order mark, else UTF-8 where that is
            possible, else UTF-16 where every other byte is zero, else by a guess.

    Raises:
        UserError: it cannot be read, holds no text, or is not of the encoding.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: expected a file of texts, found: {error.strerror}") from error
    packed = content.startswith(_GZIP)
    if packed:
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            reason = " ".join(str(error).split())
            raise UserError(
                f"{path}: expected a sound gzip file ({reason}); pack it anew"
            ) from None
    found = next((what for start, what in _OTHERS.items() if content.startswith(start)), None)
    if content[257:262] == b"ustar":
        found = "a tar archive"
    decoded = None if found else _decode(path, content, encoding)._replace(packed=packed)
    if decoded is not None and _is_binary(decoded.text):
        found = "a binary file"
    if found:
        raise UserError(
            f"{path}: expected CSV, TSV, JSON lines or plain text, found {found}; "
            "unpack it or save it as one of these"
        )
    return decoded


def _is_binary(text: str) -> bool:
    found = sum(1 for _ in _CONTROLS.finditer(text))
    return found > max(_FEW_CONTROLS, _MOST_CONTROLS * len(text))


def _decode(path: Path, content: bytes, encoding: str | None) -> Decoded:
    if encoding is not None:
        try:
            return Decoded(content.decode(encoding).removeprefix("\ufeff"), encoding)
        except LookupError:
            raise UserError(
                f"params.yaml: fetch.encoding is {encoding!r}; allowed: null, which finds it, or a "
                "name that Python knows, such as utf-8, utf-16, cp1252 or cp1251"
            ) from None
        except UnicodeError as error:
            place = getattr(error, "start", 0)
            line = content[:place].count(b"\n") + 1
            raise UserError(
                f"{path}: expected {encoding} (fetch.encoding), found other bytes in line {line}; "
                "set fetch.encoding to null, which finds it"
            ) from None
    for mark, marked in _MARKS:
        if content.startswith(mark):
            text = content.decode(marked, "replace")
            return Decoded(text, UTF_8 if marked == "utf-8-sig" else marked, broken=_broken(text))
    if (wide := _find_wide(content)) is not None:
        text = content.decode(wide, "replace")
        return Decoded(text, wide, guessed=_show(text), broken=_broken(text))
    try:
        return Decoded(content.decode(UTF_8), UTF_8)
    except UnicodeDecodeError:
        pass
    text = content.decode(UTF_8, "replace")
    broken = text.count("\ufffd") - content.count("\ufffd".encode())
    if sum(not sign.isascii() for sign in text) - broken > _MOSTLY * broken:
        return Decoded(text, UTF_8, broken=broken)
    lines = [line for line in content.splitlines(keepends=True) if not line.isascii()]
    guess = guess_encoding(b"".join(lines)[:_SAMPLE])
    text = content.decode(guess, "replace")
    return Decoded(text, guess, guessed=_show(text), broken=_broken(text))


def _broken(text: str) -> int:
    return text.count("\ufffd")


def _find_wide(content: bytes) -> str | None:
    """Find UTF-16 without a byte order mark, whose every other byte is mostly zero."""
    start = content[:4096]
    if len(start) < 4 or b"\0" not in start:
        return None
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) < len(start) / 8 or min(even, odd) > max(even, odd) / 8:
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


def _show(text: str) -> tuple[str, ...]:
    """Return the first words with other signs than ASCII's, else the first words."""
    words = dict.fromkeys(text[:_SAMPLE].split())
    telling = [word[:20] for word in words if not word.isascii()] or [word[:20] for word in words]
    return tuple(telling[:_WORDS_SHOWN])
