"""Guessing the encoding of bytes that are no UTF-8.

Latin scripts are told apart by their alphabets: read by the wrong encoding, a language has letters
that none of that encoding's languages has. The others are left to charset-normalizer, which is sure
of them and not of these: of short French it makes Lithuanian.
"""

import re
from collections.abc import Iterable

_WESTERN = (
    "àâæçéèêëîïôœùûüÿ",  # French
    "áéíñóúü",  # Spanish
    "äöüß",  # German
    "áâãàçéêíóôõú",  # Portuguese
    "àèéìòóù",  # Italian
    "áéëïóöü",  # Dutch, English
    "åäöé",  # Swedish, Finnish
    "æøåéóô",  # Danish, Norwegian
    "áðéíóúýþæö",  # Icelandic
)
_CENTRAL = (
    "ąćęłńóśźż",  # Polish
    "áčďéěíňóřšťúůýžäĺľôŕ",  # Czech, Slovak
    "áéíóöőúüű",  # Hungarian
    "ăâîşţ",  # Romanian
    "čćđšž",  # Croatian, Slovene
)
# By encoding, the alphabets that it is used for; of equally good ones the first.
_ALPHABETS = {
    "cp1252": _WESTERN,
    "cp1250": _CENTRAL,
    "iso8859_2": _CENTRAL,
    "cp1254": ("çğıöşüâîû",),  # Turkish
    "cp1257": ("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž"),  # Lithuanian, Latvian, Estonian
    "mac_roman": _WESTERN,
}
_ENOUGH = 0.9  # share of the letters that are in one alphabet
_OTHERS = [
    *("cp1251", "cp1253", "cp1255", "cp1256", "koi8_r", "koi8_u", "cp866", "cp874"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949"),
]
# Letters beyond ASCII, and signs where a letter should be.
_TELLING = re.compile(r"[^\W\d_a-zA-Z]|(?<=[^\W\d_])[^\w\s\x00-\x7f‘’´·‐–—](?=[^\W\d_])")


def guess_encoding(sample: bytes) -> str:
    """Guess by which encoding of one or two bytes a sign a text was written.

    Args:
        sample: lines of the text that are no ASCII.
    """
    shares = {name: _share(sample, name, letters) for name, letters in _ALPHABETS.items()}
    best = max(shares, key=shares.__getitem__)
    if shares[best] >= _ENOUGH:
        return best
    # Words of several languages, as in English text.
    if _share(sample, "cp1252", ["".join(_WESTERN)]) >= _ENOUGH:
        return "cp1252"
    from charset_normalizer import from_bytes

    match = from_bytes(sample, cp_isolation=_OTHERS).best()
    return best if match is None else match.encoding


def _share(sample: bytes, encoding: str, alphabets: Iterable[str]) -> float:
    """Return the share of the letters beyond ASCII that are in one of the alphabets."""
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError:
        return 0.0
    telling = [sign.lower() for sign in _TELLING.findall(text)]
    if not telling:
        return 1.0
    if len(telling) > sum(map(str.isalpha, text)) / 2:  # Latin script is ASCII for the most part
        return 0.0
    return max(
        sum(sign in alphabet for sign in telling) / len(telling) for alphabet in map(set, alphabets)
    )
