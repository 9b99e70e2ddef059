"""The invented sample: eight CSV files with the names, headers and flaws of the published ones."""

import csv
import html
import io
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from stages.fetching import invented_words as words
from stages.fetching.invented_comments import Writer, pick, type_out
from stages.fetching.known_files import KNOWN_FILES

Row = list[str]

# The longest comments that people type by hand; the one long rant goes far beyond.
MAX_WORDS = 40
RANT_WORDS = 1250


@dataclass(frozen=True)
class Platform:
    """Where comments are written: how many are rude, and how its people type.

    Args:
        rude_share: probability that a comment is rude, 0 to 1.
        manners: weights of the careful, the lazy and the shouting typist.
        adorn: adds what only this platform has, such as mentions or links.
    """

    rude_share: float
    manners: tuple[float, float, float]
    adorn: Callable[[Random, str, bool], str]


@dataclass(frozen=True)
class Comment:
    """A text and whether it is rude."""

    text: str
    is_rude: bool

    @property
    def label(self) -> str:
        """The label as the published files write it: 0 or 1."""
        return str(int(self.is_rude))


def invent_tables(seed: int) -> dict[str, str]:
    """Write the eight tables.

    Args:
        seed: the same seed gives the same bytes.

    Returns:
        The text of each CSV file by its name, about 3,000 rows in all.
    """
    rows = {
        **_wikipedia_rows(Random(f"{seed} wikipedia")),
        **_kaggle_rows(Random(f"{seed} kaggle")),
        **_twitter_rows(Random(f"{seed} twitter")),
        **_youtube_rows(Random(f"{seed} youtube")),
    }
    return {name: _csv([KNOWN_FILES[name].columns, *rows[name]]) for name in sorted(rows)}


def _wikipedia_rows(rng: Random) -> dict[str, list[Row]]:
    comments = _comments(rng, WIKIPEDIA, 720)
    shared = comments[:140]
    aggression = [_judged(rng, comment) for comment in shared + comments[140:300]]
    # Another crowd judged the same comments and saw a few of them otherwise.
    attack = [_judged(rng, Comment(c.text, not c.is_rude)) for c in shared[:6]]
    attack += [_judged(rng, comment) for comment in shared[6:] + comments[300:460]]
    toxicity = [_judged(rng, comment) for comment in shared[:100] + comments[460:]]
    attack[200][-1] = ""  # the label
    toxicity[200][0] = ""  # the text
    # pandas writes a column with a hole as floating point: 1 becomes 1.0.
    for row in attack + toxicity:
        row[-1] = row[-1] and f"{row[-1]}.0"
    tables = {"aggression": aggression, "attack": attack, "toxicity": toxicity}
    for table in tables.values():
        rng.shuffle(table)
    return {f"{name}_parsed_dataset.csv": _numbered(table) for name, table in tables.items()}


def _judged(rng: Random, comment: Comment) -> Row:
    """Let ten annotators vote: text, share of votes for 0, share of votes for 1, label."""
    votes = rng.randint(6, 10) if comment.is_rude else rng.randint(0, 4)
    return [comment.text, str((10 - votes) / 10), str(votes / 10), comment.label]


def _kaggle_rows(rng: Random) -> dict[str, list[Row]]:
    comments = _comments(rng, KAGGLE, 990)
    rows = [[comment.label, _date(rng), comment.text] for comment in comments]
    rows += [list(row) for row in rows[:8]]  # the same comment, sent twice
    rows.append(["0", _date(rng), ""])
    rng.shuffle(rows)
    return {"kaggle_parsed_dataset.csv": _numbered(rows)}


def _date(rng: Random) -> str:
    if rng.random() < 0.14:
        return ""
    day = f"2012{rng.randint(3, 9):02}{rng.randint(1, 28):02}"
    return f"{day}{rng.randint(0, 23):02}{rng.randint(0, 59):02}{rng.randint(0, 59):02}Z"


def _twitter_rows(rng: Random) -> dict[str, list[Row]]:
    polite, rude = [], []
    for comment in _comments(rng, TWITTER, 170):
        annotation = "rude" if comment.is_rude else "none"
        row = [*_tweet_id(rng), comment.text, annotation, comment.label]
        (rude if comment.is_rude else polite).append(row)
    # A quoted tweet that spilled over three lines: the label slid from its column, then out of it.
    link = f"{_mention(rng)} {_link(rng)}"
    opening = f"RT {_mention(rng)}: {Writer(rng, words.TOPICS[0]).sentence('opinion')}"
    spilled = [
        [*_tweet_id(rng), opening, "", ""],
        [f"{_hashtag(rng, opening, True)} ", "", "", "", ""],
        [link, "rude", "1", "", ""],
    ]
    # The whole, and the polite part beside one half of the rude part, as in the published files.
    tables = {"": polite + rude, "_racism": polite + rude[::2], "_sexism": polite + rude[1::2]}
    for name, table in tables.items():
        rng.shuffle(table)
        if name != "_racism":
            table[40:40] = spilled
    return {f"twitter{name}_parsed_dataset.csv": table for name, table in tables.items()}


def _tweet_id(rng: Random) -> tuple[str, str]:
    # A spreadsheet rounded the published numbers and wrote three digits of exponent.
    number = f"{rng.randint(390_000, 580_000) * 10**12 + rng.randint(0, 10**12):.14E}"
    number = number.replace("E+", "E+0")
    return number, number


def _youtube_rows(rng: Random) -> dict[str, list[Row]]:
    comments = _comments(rng, YOUTUBE, 716)
    comments.append(_rant(rng))
    comments += [Comment("\u200b", False), Comment("\ufeff\u200d", False)]  # texts without a word
    rng.shuffle(comments)
    rows = [
        [
            f"X{user}",
            comment.text,
            str(rng.randint(1, 30)),  # comments
            str(int(rng.expovariate(1 / 20))),  # subscribers
            str(
                rng.choices((3, 4, 2, 5, 6, 7), weights=(9, 5, 4, 3, 1, 1))[0]
            ),  # years of membership
            str(rng.choices((5, 1, 2, 3, 4, 6), weights=(9, 2, 2, 1, 1, 1))[0]),  # uploads
            str(int(rng.random() < 0.11)),  # profanity in the user's name
            str(rng.randint(13, 50)),  # age
            comment.label,
        ]
        for user, comment in enumerate(comments, start=1)
    ]
    return {"youtube_parsed_dataset.csv": _numbered(rows)}


def _rant(rng: Random) -> Comment:
    """Write one comment of more words than any model's length limit."""
    writer = Writer(rng, words.TOPICS[-1])
    sentences: list[str] = []
    while sum(len(sentence.split()) for sentence in sentences) < RANT_WORDS:
        sentences += writer.sentences(rude=rng.random() < 0.3)
    return Comment(type_out(rng, sentences, (1, 0, 0)), True)


def _comments(rng: Random, platform: Platform, count: int) -> list[Comment]:
    """Write distinct comments of a platform, each about one topic."""
    comments: dict[str, Comment] = {}
    while len(comments) < count:
        writer = Writer(rng, rng.choice(words.TOPICS))
        is_rude = rng.random() < platform.rude_share
        text = type_out(rng, writer.sentences(is_rude), platform.manners)
        text = platform.adorn(rng, text, is_rude)
        if len(text.split()) <= MAX_WORDS:
            comments.setdefault(text, Comment(text, is_rude))
    return list(comments.values())


def _adorn_wikipedia(rng: Random, text: str, is_rude: bool) -> str:
    text = text.replace('"', "``") + _smiley(rng, 0.04)
    if rng.random() < 0.12:
        text += f" {pick(rng, words.FIRST_NAMES).capitalize()} (talk)"
    if rng.random() < 0.06:
        text = f"  == {'Warning' if is_rude else 'Thanks'} ==  {text}"
    return text


def _adorn_kaggle(rng: Random, text: str, is_rude: bool) -> str:
    text += _smiley(rng, 0.06)
    if rng.random() < 0.12:
        text = text.replace(". ", ".\n\n").replace("! ", "!\n\n")
    if rng.random() < 0.15:
        text = text.replace(". ", ".\xa0 ").replace("'", "’")
    if is_rude and rng.random() < 0.05:
        text = f"@{pick(rng, words.FIRST_NAMES)} {text}"
    # Every text was published in quotes, with all but ASCII as Python's escapes.
    escaped = text.encode("unicode_escape").decode("ascii")
    return f'"{escaped}"'


def _adorn_twitter(rng: Random, text: str, is_rude: bool) -> str:
    if rng.random() < 0.6:
        text = f"{_mention(rng)} {text}"
    elif rng.random() < 0.15:
        text = f'RT {_mention(rng)}: "{text}"'
    text += _smiley(rng, 0.2) + _emoji(rng)
    if rng.random() < 0.4:
        text += f" {_hashtag(rng, text, is_rude)}"
    if rng.random() < 0.2:
        text += rng.choice((" ", "\n")) + _link(rng)
    if rng.random() < 0.4:
        text = text.replace(" and ", " & ")
    return _maybe_mojibake(rng, html.escape(text, quote=False))


def _adorn_youtube(rng: Random, text: str, is_rude: bool) -> str:
    if rng.random() < 0.12:
        text = f"{_mention(rng)} {text}"
    elif not is_rude and rng.random() < 0.06:
        text = f"{rng.randint(0, 9)}:{rng.randint(0, 59):02} {text}"
    text += _smiley(rng, 0.06) + _emoji(rng)
    if rng.random() < 0.02:
        text += f"\n{_link(rng)}"
    return _maybe_mojibake(rng, text)


def _maybe_mojibake(rng: Random, text: str) -> str:
    if rng.random() < 0.1 and "'" in text and text.isascii():
        return text.replace("'", "’").encode().decode("cp1252")
    return text


def _smiley(rng: Random, probability: float) -> str:
    return f" {pick(rng, words.SMILEYS)}" if rng.random() < probability else ""


def _emoji(rng: Random) -> str:
    return " " + pick(rng, words.EMOJI) * rng.randint(1, 3) if rng.random() < 0.2 else ""


def _mention(rng: Random) -> str:
    thing = pick(rng, words.TOPICS[0].things).replace("_", "")
    return f"@{pick(rng, words.FIRST_NAMES)}_{thing}"


def _hashtag(rng: Random, text: str, is_rude: bool) -> str:
    """Tag a tweet with a word of its own or a fashionable one."""
    if rng.random() < 0.4:
        return f"#{pick(rng, words.RUDE_HASHTAGS if is_rude else words.HASHTAGS)}"
    candidates = [word for word in text.lower().split() if word.isalpha() and len(word) > 4]
    return f"#{rng.choice(candidates)}" if candidates else "#nofilter"


def _link(rng: Random) -> str:
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return f"http://t.co/{''.join(rng.choices(letters, k=10))}"


def _numbered(rows: list[Row]) -> list[Row]:
    return [[str(index), *row] for index, row in enumerate(rows)]


def _csv(rows: list) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


WIKIPEDIA = Platform(0.25, (6, 3, 0.3), _adorn_wikipedia)
KAGGLE = Platform(0.32, (4, 5, 0.4), _adorn_kaggle)
TWITTER = Platform(0.32, (2, 7, 0.4), _adorn_twitter)
YOUTUBE = Platform(0.22, (3, 6, 0.5), _adorn_youtube)
