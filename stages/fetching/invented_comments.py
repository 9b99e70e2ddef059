"""The writers of the invented comments: sentences of one topic, and the manners of their typing."""

import re
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from random import Random

from stages.fetching import inflection
from stages.fetching import invented_words as words
from stages.fetching.invented_grammar import POLITE_SHAPES, RUDE_SHAPES, RULES
from stages.fetching.invented_words import Topic

SLOT = re.compile(r"\{([^{}]+)\}")
# "an" goes with the sound: "an old user", "a useful hour", "an honest one".
A_BEFORE_VOWEL = re.compile(r"\ba (?=(?!use|uni[^mn]|one)[aeiou]|hon|hour)")
STRETCHABLE = re.compile(r"\b(so|no|love|really|why|great|please|never|too|awesome|boring)\b", re.I)

# Slots that are the subject of what follows, with the agreements they may ask for.
SUBJECTS = {
    "thing": ("singular", "plural"),
    "people": ("singular", "plural"),
    "subject": ("singular", "plural", "first"),
}
# Slots that agree with the last subject.
AGREEING = {
    "is": {"first": "am", "singular": "is", "plural": "are"},
    "was": {"first": "was", "singular": "was", "plural": "were"},
    "has": {"first": "have", "singular": "has", "plural": "have"},
    "does": {"first": "do", "singular": "does", "plural": "do"},
    "it": {"first": "i", "singular": "it", "plural": "they"},
    "them": {"first": "me", "singular": "it", "plural": "them"},
}
VERB_FORMS = {
    "": inflection.base,
    "ed": inflection.past,
    "en": inflection.participle,
    "ing": inflection.gerund,
}
SLANG = {
    "you": "u",
    "your": "ur",
    "are": "r",
    "because": "cuz",
    "people": "ppl",
    "please": "plz",
    "before": "b4",
    "don't": "dont",
    "can't": "cant",
}


def pick(rng: Random, entries: str | Sequence[str], exponent: float = 1.0) -> str:
    """Draw an entry with a probability of 1 / rank ** exponent: Zipf's law at its default."""
    entries = entries.split() if isinstance(entries, str) else entries
    return rng.choices(entries, cum_weights=_zipf(len(entries), exponent))[0]


@cache
def _zipf(size: int, exponent: float) -> tuple[float, ...]:
    return tuple(accumulate(rank**-exponent for rank in range(1, size + 1)))


class Writer:
    """Somebody who writes about one topic and remembers the number of the last subject."""

    def __init__(self, rng: Random, topic: Topic) -> None:
        self.rng = rng
        self.topic = topic
        self.agreement = "singular"
        self.nouns = {
            "item": topic.things,
            "person": topic.people,
            "relative": words.RELATIVES,
            "rude_noun": words.RUDE_NOUNS,
        }
        self.verbs = {"act": topic.actions, "go": topic.doings, "fail": topic.faults}
        self.others = {
            "stuff": topic.stuff,
            "place": topic.places,
            "good": topic.good,
            "bad": topic.bad,
            "name": topic.names,
            "verdict": words.VERDICTS,
            "time": words.TIMES,
            "adverb": words.ADVERBS,
            "very": words.DEGREES,
            "first_name": words.FIRST_NAMES,
            "rude": words.RUDE_QUALITIES,
            "order": words.RUDE_ORDERS,
        }

    def sentences(self, rude: bool) -> list[str]:
        """Write the sentences of one comment, in lower case and without a final stop."""
        shape = pick(self.rng, RUDE_SHAPES if rude else POLITE_SHAPES, exponent=0.6)
        return [self.sentence(kind) for kind in shape.split()]

    def sentence(self, kind: str) -> str:
        """Write a sentence of a kind that the grammar has a rule for."""
        text = self._expand(kind)
        return A_BEFORE_VOWEL.sub("an ", text).replace("amn't", "am not")

    def _expand(self, rule: str) -> str:
        # Sentences spread more evenly than words, or a few shapes would be most of the corpus.
        return SLOT.sub(lambda slot: self._fill(slot[1]), pick(self.rng, RULES[rule], 0.6))

    def _fill(self, slot: str) -> str:
        name, _, form = slot.partition(".")
        if "+" in slot:
            before, subject = slot.split("+")
            phrase = self._fill(subject)
            return f"{self._fill(before)} {phrase}"
        if slot in SUBJECTS:
            return self._subject(slot)
        if slot == "object":
            return self._object()
        if slot in AGREEING:
            return AGREEING[slot][self.agreement]
        if f"{slot} {self.agreement}" in RULES:
            return self._expand(f"{slot} {self.agreement}")
        if slot == "number":
            return str(self.rng.randint(2, 19))
        if slot == "score":
            return f"{self.rng.randint(0, 5)}-{self.rng.randint(0, 5)}"
        if slot in self.nouns:
            return inflection.base(pick(self.rng, self.nouns[slot]))
        if slot.removesuffix("s") in self.nouns:
            return inflection.plural(pick(self.rng, self.nouns[slot.removesuffix("s")]))
        if name in self.verbs:
            return self._verb(pick(self.rng, self.verbs[name]), form)
        return pick(self.rng, self.others[slot]).replace("_", " ")

    def _subject(self, slot: str) -> str:
        agreement = pick(self.rng, SUBJECTS[slot], 0.5)
        self.agreement = agreement  # for a relative clause within the phrase: "who plays"
        phrase = self._expand(f"{slot} {agreement}")
        self.agreement = agreement  # the phrase may have held subjects of its own
        return phrase

    def _object(self) -> str:
        agreement = self.agreement
        phrase = self._fill("thing")
        self.agreement = agreement
        return phrase

    def _verb(self, entry: str, form: str) -> str:
        if form == "s":
            third_person = self.agreement == "singular"
            return inflection.third_person(entry) if third_person else inflection.base(entry)
        return VERB_FORMS[form](entry)


def type_out(rng: Random, sentences: list[str], manners: tuple[float, float, float]) -> str:
    """Join sentences as a careful, a lazy or a shouting typist would.

    Args:
        rng: the source of chance.
        sentences: in lower case, without a final stop.
        manners: weights of the careful, the lazy and the shouting manner.
    """
    typist = rng.choices((_carefully, _lazily, _loudly), weights=manners)[0]
    text = typist(rng, sentences)
    if rng.random() < 0.08:
        text = STRETCHABLE.sub(lambda word: _stretched(word[0], rng.randint(2, 6)), text, count=1)
    return text


def _carefully(rng: Random, sentences: list[str]) -> str:
    text = " ".join(
        sentence[0].upper() + sentence[1:] + _stop(sentence, pick(rng, (".", "!", "...")))
        for sentence in sentences
    )
    return re.sub(r"\bi\b", "I", text)


def _lazily(rng: Random, sentences: list[str]) -> str:
    stop = pick(rng, ("", " ...", ".", ",", "!!"))
    text = " ".join(sentence + _stop(sentence, stop) for sentence in sentences).lower()
    if rng.random() < 0.25:
        text = " ".join(SLANG.get(word, word) for word in text.split())
    return text.rstrip(",")


def _loudly(rng: Random, sentences: list[str]) -> str:
    stop = "!" * rng.randint(1, 4)
    return " ".join(sentence + _stop(sentence, stop) for sentence in sentences).upper()


def _stop(sentence: str, stop: str) -> str:
    return "" if sentence.endswith("?") else stop


def _stretched(word: str, times: int) -> str:
    return re.sub("[aeiouy]", lambda vowel: vowel[0] * (1 + times), word, count=1, flags=re.I)
