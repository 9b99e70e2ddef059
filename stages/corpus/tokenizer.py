"""The tokenizer for social media text: a text to its words, by one regular expression."""

import re

from stages.corpus.characters import (
    CLUSTER_BASE,
    CLUSTER_MARK,
    IDEOGRAPH,
    KANA,
    KANA_MARK,
    LEADING_VOWEL,
    LETTER,
    MARK,
    STACKER,
    WORD_CHARACTER,
)
from stages.corpus.normalization import EMOJI, normalize

_W, _L, _INITIAL = f"[{WORD_CHARACTER}]", f"[{LETTER}]", "[a-zß-öø-ɏа-џ]"

# Behind the start of an address: punctuation belongs to it only when something else follows. The
# scripts without blanks end it, since their writers put none behind it.
_ADDRESS = rf"(?>(?:[.,;:!?'()\[\]{{}}*~|^`\\]*+[{WORD_CHARACTER}/&=%#@+$-]++)+)"
_HOST_WITH_PATH = (
    r"[a-z0-9][a-z0-9-]{0,40}+\.(?>(?:[a-z0-9-]{1,40}+\.){0,4})"
    rf"(?:com|org|net|ly|be|co|me|gl|gd|tv|uk|de|fr)/(?={_W})"
)
_EMAIL = (
    r"[a-z0-9][a-z0-9._+-]{0,63}+@[a-z0-9-]++(?>(?:\.[a-z0-9-]++(?=\.[a-z])){0,8})"
    rf"\.(?:com|org|net|edu|gov|info|[a-z]{{2}})(?!{_W})"
)

# Letters hidden by asterisks, as in "f*ck": behind one or two letters that begin the word; before
# one or two that end it ("bullsh*t", not "tear*so"); two or more asterisks ("as***le"); and "f*ck"
# inside a word. Else a single one stands between words: "smiles*waves". An exclamation mark stands
# for a vowel behind consonants that can begin a word, and before another: "sh!t", not "btw!but".
_ONSET = "(?:s?[cp][lr]|[bfg][lr]|sl|[dw]r|s?tr|[pstw]hr?|ch|s[ckmnptw]|[bcdfghjklmnprstvwz])"
_HIDDEN_VOWEL = rf"(?>(?:{_L}{{1,2}}\*(?={_L})|{_ONSET}!(?=[bcdfghjklmnpqrstvwxz]))*)"
_HIDDEN_LETTERS = (
    rf"\*(?:(?<={_L}\*)(?:\*++(?={_L})|(?={_L}?(?![aiou]){_L}(?!{_W})))|(?<=f\*)(?=[ck]))"
)

# What may stand between two parts of a word: an apostrophe or hyphen, signs inside numbers, hidden
# letters, "$" for "s", the quote of Hebrew abbreviations, the dot of Catalan "l·l".
_INSIDE = (
    rf"(?:['-]|[.,:/٫٬](?<=\d.)(?=\d)|{_HIDDEN_LETTERS}|\$(?<={_L}\$)\$*+(?={_L})"
    r'|"(?<=[א-ת]")(?=[א-ת])|·(?<=l·)(?=l))'
)

# Tokens joined by spaces must give the same tokens again: so no alternative looks back beyond its
# own start, or ahead beyond the one character behind its end (the first does, but only finds sooner
# what others would find). Possessive quantifiers, and bounds on the rest, keep the time linear in
# the text; of groups they are written as atomic groups, since before Python 3.11.5 a group that
# has to step back makes a possessive quantifier match amiss.
_TOKEN = re.compile(
    "("
    + "|".join(
        [
            # Plain words, and what ends a sentence: most tokens, and cheap tests.
            r"[a-z]++(?=[\s,?()\"]|[.!]{0,3}(?:\s|\Z))",
            r"[.,](?=\s|\Z)",
            r"[?!؟]++",
            rf"(?:https?://|www\.(?={_W})|{_HOST_WITH_PATH}){_ADDRESS}",
            EMOJI,
            rf"@{_W}++|#[\w{MARK}{KANA_MARK}\u200c\u200d]++",
            # Emoticons: eyes, nose and mouth; from behind; hearts; whole faces; raised arms.
            rf"[<>]?[:;=]['^o-]?(?:\)++|\(++|[\]\[}}{{|*]|[/\\](?!/)|(?:d++|p++)(?!{_W}))",
            rf":-?[osx03](?!{_W})",
            r"\(-?[:;=]",
            r"</?3++(?!\d)",
            r"\^[_.-]\^|-_+-|>[_.]<|¯\\_\(ツ\)_/¯|\\o/",
            _EMAIL,
            # Single letters with dots, of alphabets that know them: "u.s.", "r.i.p", "o.o".
            rf"{_INITIAL}(?>(?:\.{_INITIAL}(?!{_W}))+)(?:'{_W}++|\.(?!\.))?",
            # All letters but one or two hidden: "f***".
            rf"{_L}{{1,2}}+\*{{2,}}+(?!{_W})",
            # A word: letters of any script and digits, and what stands inside.
            rf"(?:(?={_L}{{1,3}}+[*!]){_HIDDEN_VOWEL})?{_W}++(?>(?:{_INSIDE}{_W}++)*)"
            r"(?:(?<=\d)[%٪])?",
            # Scripts without blanks: a character is a word, with the marks behind it, or a cluster.
            rf"[{IDEOGRAPH}{KANA}{KANA_MARK}][{MARK}{KANA_MARK}]*+",
            rf"[{LEADING_VOWEL}]*+[{CLUSTER_BASE}]"
            rf"(?>(?:[{MARK}{CLUSTER_MARK}]++|(?<=[{STACKER}])[{CLUSTER_BASE}])*)",
            rf"[{LEADING_VOWEL}]++|[{CLUSTER_MARK}]++",
            r"(\S)\2*+",
        ]
    )
    # The space too: else each alternative would be tried at it.
    + r")\s*+"
)


def tokenize(text: str) -> list[str]:
    """Split a text into words, lower-case.

    URLs, @mentions, #hashtags, emoticons, emoji, contractions, hyphenated words, numbers and
    elongated words stay whole; a run of one punctuation mark is one word. In scripts without blanks
    between words a character is a word, or a cluster of letter and marks. Any other character is a
    word by itself.

    Returns:
        Words without whitespace, none empty. Joined by spaces they give the same words again.
    """
    return [match[1] for match in _TOKEN.finditer(normalize(text))]
