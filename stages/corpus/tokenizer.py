"""The tokenizer for social media text: a text to its words, by one regular expression."""

import html
import re
import unicodedata

# Combining marks belong to words (Arabic, Devanagari, Thai), yet \w leaves them out. The
# variation selectors and the keycap belong to emoji instead. Marks beyond the first plane, of
# historic scripts all but a few, would make each test of a character several times slower.
_MARKS = "".join(
    mark
    for mark in map(chr, range(0x300, 0x10000))
    if unicodedata.category(mark)[0] == "M"
    and not ("\ufe00" <= mark <= "\ufe0f" or mark == "\u20e3")
)
_LETTER = rf"[\w{_MARKS}]"

# Arrows, technical signs, geometric shapes, dingbats, the pictographs; any of them may carry the
# emoji variation selector, skin tones or the tags that spell a flag's region.
_PICTOGRAPH = (
    "(?:[\U0001f1e6-\U0001f1ff]{2}"
    "|[©®‼⁉™\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff〰〽㊗㊙"
    "\U0001f000-\U0001faff][\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]*+)"
)
_EMOJI = f"(?:{_PICTOGRAPH}(?>(?:\u200d{_PICTOGRAPH})*)|[0-9#*]\ufe0f?\u20e3)"

# Controls, zero-width and other format characters, stray selectors and tags, half surrogates.
_INVISIBLE = (
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e01ef]"
)
_EMOJI_OR_INVISIBLE = re.compile(f"({_EMOJI})|{_INVISIBLE}")

# Characters as Python and JSON write them, left in the text by an earlier export. A run of them
# is decoded as a whole, since it may be UTF-8 or UTF-16. Backslashes alone match too, so that a
# long run of them is read once.
_ESCAPES = re.compile(
    r"\\++(?:(?P<space>[nrt])"
    r"|x(?P<bytes>[0-9a-fA-F]{2}(?>(?:\\+x[0-9a-fA-F]{2})*))"
    r"|u(?P<units>[0-9a-fA-F]{4}(?>(?:\\+u[0-9a-fA-F]{4})*))"
    r"|U(?P<code>00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4}))?"
)
# int() refuses a character reference of thousands of digits; seven name every character.
_REFERENCE_TOO_LONG = re.compile(r"&(?=#[0-9]{8})")

_PLAIN = str.maketrans(
    {"‘": "'", "’": "'", "‚": "'", "‛": "'", "´": "'", "ʼ": "'", "′": "'"}
    | {"“": '"', "”": '"', "„": '"', "‟": '"', "″": '"', "‐": "-", "‑": "-", "…": "..."}
)

# Tokens joined by spaces must give the same tokens again: so no alternative looks back beyond its
# own start, or ahead beyond the one character behind its end. Possessive quantifiers keep the
# time linear in the text; of groups they are written as atomic groups, since before Python 3.11.5 a
# group that has to step back makes a possessive quantifier match amiss.
_TOKEN = re.compile(
    "|".join(
        [
            # A plain word before a space: most tokens, and a cheap test.
            r"[a-z]++(?=\s|\Z)",
            # A URL: punctuation is part of it only when something else of the URL follows.
            r"(?:https?://|www\.(?=\w))(?>(?:[.,;:!?'()\[\]{}*~|^`\\]*+[\w/&=%#@+$-]++)+)",
            _EMOJI,
            rf"[@#]{_LETTER}++",
            # Emoticons: eyes, nose and mouth; from behind; hearts; whole faces; raised arms.
            rf"[<>]?[:;=]['^o-]?(?:\)++|\(++|[\]\[}}{{|*]|[/\\](?!/)|(?:d++|p++)(?!{_LETTER}))",
            rf":-?[osx03](?!{_LETTER})",
            r"\(-?[:;=]",
            r"</?3++(?!\d)",
            r"\^[_.-]\^|-_+-|>[_.]<|¯\\_\(ツ\)_/¯|\\o/",
            # A word: letters of any script and digits, with single apostrophes and hyphens inside,
            # and the signs that stand inside numbers.
            rf"{_LETTER}++(?>(?:(?:['-]|(?<=\d)[.,:/](?=\d)){_LETTER}++)*)(?:(?<=\d)%)?",
            r"[?!]++",
            r"(\S)\1*+",
        ]
    )
)


def tokenize(text: str) -> list[str]:
    """Split a text into words, lower-case.

    URLs, @mentions, #hashtags, emoticons, emoji, contractions, hyphenated words, numbers and
    elongated words stay whole; a run of one punctuation mark is one word; any other character is
    a word by itself.

    Returns:
        Words without whitespace, none empty. Joined by spaces they give the same words again.
    """
    return [match[0] for match in _TOKEN.finditer(_normalize(text))]


def _normalize(text: str) -> str:
    """Undo escapes, drop what cannot be seen, and write characters one way."""
    if text.isascii() and text.isprintable() and "&" not in text and "\\" not in text:
        return text.lower()
    # Twice, since exports escape what was escaped before: "&amp;lt;" stands for "<".
    text = _unescape(_unescape(text))
    text = _EMOJI_OR_INVISIBLE.sub(lambda match: f" {match[1]} " if match[1] else "", text)
    text = unicodedata.normalize("NFC", text.lower()).translate(_PLAIN)
    if _unescape(text) != text:
        # Escaped deeper still: apart, the pieces are text that means nothing but itself.
        text = text.replace("&", " & ").replace("\\", " \\ ")
    return text


def _unescape(text: str) -> str:
    if "&" in text:
        text = html.unescape(_REFERENCE_TOO_LONG.sub("& ", text))
    if "\\" in text:
        text = _ESCAPES.sub(_character, text)
    return text


def _character(match: re.Match[str]) -> str:
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
            return run.decode("utf-8")
        except UnicodeDecodeError:
            return run.decode("cp1252", "replace")
    return match[0]
