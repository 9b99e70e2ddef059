"""Character classes of the tokenizer: what stands between the brackets of a regular expression."""

import re
import unicodedata

# Scripts that write no blanks between words, with a sign for each character: each is one word.
# Blocks as Unicode reserves them, so that every version of Python splits a text alike; planes 2 and
# 3 hold nothing else. Iteration marks (々 ゝ ヽ 〱) stand for a character, so they are words too.
IDEOGRAPH = (
    "\u2e80-\u2fdf々-〇〡-〩〸-〼\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00016fe0-\U00016fff\U00020000-\U0003fffd"
)
KANA = "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fd-\u30ff\u31f0-\u31ff〱-〵\U0001aff0-\U0001b16f"
# The prolonged sound mark and the voicing marks change the sound of the character before them.
KANA_MARK = "ー゛゜"

# Scripts without blanks whose signs combine to clusters: Thai, Lao, Burmese, Khmer, Javanese.
_CLUSTER_BLOCKS = [
    *(range(0xE00, 0xF00), range(0x1000, 0x10A0), range(0x1780, 0x1800)),
    *(range(0xA980, 0xA9E0), range(0xA9E0, 0xAA00), range(0xAA60, 0xAA80)),
]
# Vowels written before the consonant behind which they sound.
LEADING_VOWEL = "เ-ไເ-ໄ"
# Vowels that are letters to Unicode, though they need a consonant before them like any mark.
_TRAILING_VOWEL = "ะาำๅະາຳຽ"
# Signs that put the next consonant below: Khmer coeng, Burmese virama, Javanese pangkon.
STACKER = "\u17d2\u1039\ua9c0"


def ranges(characters: str) -> str:
    """Write characters, in ascending order, as the inside of a character class."""
    found: list[list[int]] = []
    for code in map(ord, characters):
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in found)


_PLANE = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x10000)]))
# Combining marks belong to words (Arabic, Devanagari), yet \w leaves them out. The variation
# selectors and the keycap belong to emoji instead.
_MARKS = "".join(
    mark
    for mark in _PLANE[0x300:]
    if unicodedata.category(mark)[0] == "M"
    and not ("\ufe00" <= mark <= "\ufe0f" or mark == "\u20e3")
)
MARK = ranges(_MARKS)

_CLUSTERED = [chr(code) for block in _CLUSTER_BLOCKS for code in block]
CLUSTER_MARK = ranges(
    "".join(sorted(_TRAILING_VOWEL + "".join(mark for mark in _MARKS if mark in _CLUSTERED)))
)
CLUSTER_BASE = ranges(
    "".join(
        letter
        for letter in _CLUSTERED
        if letter.isalpha() and not re.match(f"[{LEADING_VOWEL}{CLUSTER_MARK}]", letter)
    )
)

# What makes up the words of all other scripts: letters, digits, the underscore, marks, and the
# joiners that `normalize` has left. One table answers for the whole first plane; beyond it, blocks
# of letters are taken whole, with the few signs of historic scripts in them, since each range
# more would be asked about every blank and comma.
_WITHOUT_BLANKS = f"{IDEOGRAPH}{KANA}{KANA_MARK}{LEADING_VOWEL}{CLUSTER_MARK}{CLUSTER_BASE}"
WORD_CHARACTER = (
    ranges("".join(re.findall(rf"(?![{_WITHOUT_BLANKS}])[\w{MARK}\u200c\u200d]", _PLANE)))
    + "\U00010000-\U00016fdf\U00017000-\U0001afef\U0001b170-\U0001cbff"
    + "\U0001d400-\U0001d7ff\U0001df00-\U0001efff"
)
LETTER = ranges("".join(re.findall(rf"(?![{_WITHOUT_BLANKS}])[^\W\d_]", _PLANE)))
