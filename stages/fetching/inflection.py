"""English endings: the plural of a noun and the forms of a verb.

An entry of a word list is `base`, or `base:form:form` where the forms are irregular (plural of a
noun; past and participle of a verb); `_` joins the words of a phrase.
"""

import re

SIBILANT = re.compile(r"(s|x|z|ch|sh)$")
CONSONANT_Y = re.compile(r"[^aeiou]y$")
# One short syllable doubles its last consonant: stop, stopped; but play, fix and rain do not.
SHORT_SYLLABLE = re.compile(r"^[^aeiou]*[aeiou][^aeiouwxy]$")


def base(entry: str) -> str:
    """Return the dictionary form: singular of a noun, infinitive of a verb."""
    return entry.partition(":")[0].replace("_", " ")


def plural(entry: str) -> str:
    """Return the plural of a noun."""
    irregular = entry.partition(":")[2]
    return irregular.replace("_", " ") if irregular else _with_s(base(entry))


def third_person(entry: str) -> str:
    """Return the verb as it follows he, she or it."""
    verb, particle = _split(entry)
    return _with_s(verb) + particle


def past(entry: str) -> str:
    """Return the simple past of a verb."""
    forms = entry.replace("_", " ").split(":")
    if len(forms) > 1:
        return forms[1]
    verb, particle = _split(entry)
    if verb.endswith("e"):
        return verb + "d" + particle
    if CONSONANT_Y.search(verb):
        return verb[:-1] + "ied" + particle
    return _doubled(verb) + "ed" + particle


def participle(entry: str) -> str:
    """Return the past participle of a verb, as it follows have."""
    forms = entry.replace("_", " ").split(":")
    return forms[2] if len(forms) > 2 else past(entry)


def gerund(entry: str) -> str:
    """Return the -ing form of a verb."""
    verb, particle = _split(entry)
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        return verb[:-1] + "ing" + particle
    return _doubled(verb) + "ing" + particle


def _split(entry: str) -> tuple[str, str]:
    verb, space, particle = base(entry).partition(" ")
    return verb, space + particle


def _with_s(word: str) -> str:
    if SIBILANT.search(word):
        return word + "es"
    return word[:-1] + "ies" if CONSONANT_Y.search(word) else word + "s"


def _doubled(verb: str) -> str:
    return verb + verb[-1] if SHORT_SYLLABLE.search(verb) else verb
