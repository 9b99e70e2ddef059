"""Normalization of social media text: escapes undone, the invisible dropped, one way to write."""

import html
import re
import unicodedata
from html.entities import html5

from stages.corpus.characters import ranges

# Arrows, technical signs, geometric shapes, dingbats, the pictographs; any of them may carry the
# emoji variation selector, skin tones or the tags that spell a flag's region.
_SYMBOL = (
    "©®‼⁉™ℹ\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff〰〽㊗㊙"
    "\U0001f000-\U0001faff"
)
_PICTOGRAPH = (
    "(?:[\U0001f1e6-\U0001f1ff]{2}"
    f"|[{_SYMBOL}][\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]*+)"
)
EMOJI = f"(?:{_PICTOGRAPH}(?>(?:\u200d{_PICTOGRAPH})*)|[0-9#*]\ufe0f?\u20e3)"

# A joiner between two letters is part of the spelling in these places, and noise in all others: in
# Arabic scripts the non-joiner between two letters; in the scripts of India and Sri Lanka either
# one behind a virama, or between a letter and a virama with the next letter. Nothing else may stand
# between them, since marks change their order when a text is composed again.
_ARABIC, _INDIC = (
    f"[{ranges(''.join(filter(str.isalpha, map(chr, block))))}]"
    for block in [[*range(0x620, 0x640), *range(0x641, 0x700)], range(0x900, 0xE00)]
)
_NUKTA = "[\u093c\u09bc\u0a3c\u0abc\u0b3c\u0cbc]"
_VIRAMA = "[\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca]"
_JOINER = (
    rf"(?:(?<={_ARABIC})\u200c(?={_ARABIC})"
    rf"|[\u200c\u200d](?:(?<={_INDIC}{_VIRAMA}.)|(?<={_INDIC}{_NUKTA}{_VIRAMA}.)"
    rf"|(?:(?<={_INDIC}.)|(?<={_INDIC}{_NUKTA}.))(?={_VIRAMA}{_INDIC})))"
)

# Controls, zero-width and other format characters, stray selectors and tags, half surrogates,
# fillers, inherent vowels of Khmer, and the Arabic tatweel, which stretches a word as a line.
_INVISIBLE = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u0640\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e01ef"
)
_SEEN_OR_INVISIBLE = re.compile(f"({EMOJI})|({_JOINER})|[{_INVISIBLE}]")
# Most texts have neither, which one class finds out sooner.
_MAY_BE_EITHER = re.compile(f"[{_SYMBOL}{_INVISIBLE}\u20e3]")

# Characters as Python and JSON write them, left in the text by an earlier export. A run of them
# is decoded as a whole, since it may be UTF-8 or UTF-16. Backslashes alone match too, so that a
# long run of them is read once.
_ESCAPES = re.compile(
    r"\\++(?:(?P<space>[nrt])"
    r"|x(?P<bytes>[0-9a-fA-F]{2}(?>(?:\\+x[0-9a-fA-F]{2})*))"
    r"|u(?P<units>[0-9a-fA-F]{4}(?>(?:\\+u[0-9a-fA-F]{4})*))"
    r"|U(?P<code>00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4}))?"
)
# HTML: "&lt;", "&#60;", "&#x3c;", some names without the semicolon too, and emoji as two numbers
# of UTF-16. What an address passes on, as in "?a=1&copy=2", is no reference. int() refuses a number
# of thousands of digits; seven name every character.
_REFERENCES = re.compile(
    r"&(?:#(?P<high>5[56][0-9]{3});?&#(?P<low>5[67][0-9]{3})(?![0-9]);?"
    r"|#[0-9]{1,7}(?![0-9]);?|#[xX][0-9a-fA-F]++;?"
    r"|(?![a-zA-Z][a-zA-Z0-9_]{0,40}=)(?P<name>[a-zA-Z][a-zA-Z0-9]{1,31}+;?))"
)
_MAY_RUN_ON = re.compile("nbsp|amp|lt|gt|quot")
# As R writes them on Windows. A second reading finds none, since letters become lower-case.
_CODE_POINTS = re.compile(r"<U\+(000[0-9A-F]{5}|0010[0-9A-F]{4}|[0-9A-F]{4,5})>")
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")

# Letters in other widths and fonts, as the plain ones; blanks that pass for letters.
_PLAIN_LETTERS = {
    code: chr(int(unicodedata.decomposition(chr(code)).split()[1], 16))
    for block in [(0x2100, 0x2150), (0xFB20, 0xFB2A), (0xFF01, 0xFFEF), (0x1D400, 0x1D800)]
    for code in range(*block)
    if unicodedata.decomposition(chr(code)).startswith(("<font>", "<wide>", "<narrow>"))
} | dict.fromkeys([0x2800, 0x3164, 0xFFA0, 0xFFFC], " ")
del _PLAIN_LETTERS[ord("ℹ")]
_OTHER_LETTERS = re.compile(
    "[\u2100-\u214f\u2800\u3164\ufb20-\ufb29\uff01-\ufffc\U0001d400-\U0001d7ff]"
)

_PLAIN = str.maketrans(
    {"‘": "'", "’": "'", "‚": "'", "‛": "'", "´": "'", "ʼ": "'", "′": "'", "׳": "'"}
    | {"“": '"', "”": '"', "„": '"', "‟": '"', "″": '"', "״": '"'}
    | {"‐": "-", "‑": "-", "…": "..."}
)
_SPECIAL = re.compile(r"[&\\<`]").search
_LINE_BREAK = re.compile(r"</?br\s*+/?>")
_BACKTICK = re.compile(r"`(?<=[^\W\d_]`)(?=[^\W\d_])")


def normalize(text: str) -> str:
    """Undo escapes, drop what cannot be seen, and write characters one way, in lower case.

    Returns:
        The text in NFC; joiners (U+200C, U+200D) are left where they belong to a word or an emoji,
        and emoji stand between blanks.
    """
    if text.isascii() and text.isprintable() and not _SPECIAL(text):
        return text.lower()
    # Twice, since exports escape what was escaped before: "&amp;lt;" stands for "<".
    text = _SURROGATES.sub(_join_surrogates, _unescape(_unescape(text)))
    if _OTHER_LETTERS.search(text):
        text = text.translate(_PLAIN_LETTERS)
    if _MAY_BE_EITHER.search(text):
        # In NFC already, so that the letters around a joiner are those of the second reading.
        text = unicodedata.normalize("NFC", text)
        text = _SEEN_OR_INVISIBLE.sub(_keep_what_is_seen, text)
    text = unicodedata.normalize("NFC", text.lower()).translate(_PLAIN)
    text = _BACKTICK.sub("'", _LINE_BREAK.sub(" ", text))
    if _unescape(text) != text:
        # Escaped deeper still: apart, the pieces are text that means nothing but itself.
        text = text.replace("&", " & ").replace("\\", " \\ ")
    return text


def _keep_what_is_seen(match: re.Match[str]) -> str:
    return f" {match[1]} " if match[1] else match[2] or ""


def _unescape(text: str) -> str:
    if "&" in text:
        text = _REFERENCES.sub(_referred, text)
    if "\\" in text:
        text = _ESCAPES.sub(_escaped, text)
    if "<U+" in text:
        text = _CODE_POINTS.sub(lambda match: chr(int(match[1], 16)), text)
    return text


def _referred(match: re.Match[str]) -> str:
    """Return what an HTML reference stands for."""
    if match["high"]:
        pair = chr(int(match["high"])) + chr(int(match["low"]))
        return _SURROGATES.sub(_join_surrogates, pair)
    name = match["name"]
    if name is None:
        return html.unescape(match[0])
    known = name if name in html5 else name.rstrip("0123456789;")
    if known not in html5 and (start := _MAY_RUN_ON.match(name)):
        known = start[0]
    return html5.get(known, f"&{known}") + name[len(known) :]


def _escaped(match: re.Match[str]) -> str:
    """Return what a run of escapes stands for; whatever is broken becomes U+FFFD."""
    if match["space"]:
        return " "
    if match["code"]:
        return chr(int(match["code"], 16))
    if match["units"]:
        units = bytes.fromhex(re.sub(r"\\+u", "", match["units"]))
        return units.decode("utf-16-be", "replace")
    if match["bytes"]:
        run = bytes.fromhex(re.sub(r"\\+x", "", match["bytes"]))
        try:
            # Emoji may be two surrogates of three bytes each, as Java and MySQL write them.
            return run.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return run.decode("cp1252", "replace")
    return match[0]


def _join_surrogates(match: re.Match[str]) -> str:
    return match[0].encode("utf-16-be", "surrogatepass").decode("utf-16-be")
