"""What each measure is, in plain words, and how its numbers are written."""

from collections.abc import Callable
from typing import NamedTuple

from stages.reporting.tables import any_form, fixed, share, significant, spaced, tenths, whole


class Wording(NamedTuple):
    """How a measure is told.

    Attributes:
        title: its name at the head of a column.
        best: which values are good.
        form: how its values are written.
        meaning: one sentence for a newcomer; `{encoder}` is the model of the sentence vectors.
    """

    title: str
    best: str
    form: Callable[[float], str]
    meaning: str


_LOW, _HIGH, _AS_REAL, _HALF = (
    "lower is better",
    "higher is better",
    "best as real text's",
    "50 % is best",
)

MEASURES = {
    "frechet": Wording(
        "Frechet distance",
        _LOW,
        significant,
        "Each text becomes a vector by the sentence encoder {encoder}; the distance is between the "
        "cloud of the source's vectors and the cloud of real test text's. It shrinks with the "
        "number of texts, so compare only equally many.",
    ),
    "mauve": Wording(
        "MAUVE",
        _HIGH,
        fixed(2),
        "How much the two clouds of vectors overlap, from 0 to 1; it sees both texts that no "
        "person would write and kinds of text that the source never writes.",
    ),
    "classifier_vectors": Wording(
        "classifier, vectors",
        _HALF,
        share,
        "How often a fresh classifier that reads sentence vectors tells the source's texts from "
        "real ones; 50 % is guessing.",
    ),
    "classifier_words": Wording(
        "classifier, words",
        _HALF,
        share,
        "The same for a classifier that reads words and pairs of words.",
    ),
    "self_bleu_4": Wording(
        "Self-BLEU-4",
        _AS_REAL,
        fixed(3),
        "How much a source's texts repeat one another, in phrases of up to four words, from 0 to "
        "1; near 1 the source writes one text over and over.",
    ),
    "distinct_lines": Wording(
        "distinct lines", _AS_REAL, tenths, "Share of the lines that are different from each other."
    ),
    "distinct_1": Wording(
        "distinct words", _AS_REAL, tenths, "Different words, over all words written."
    ),
    "distinct_2": Wording(
        "distinct pairs", _AS_REAL, tenths, "Different pairs of words, over all pairs written."
    ),
    "empty_lines": Wording("empty lines", _LOW, share, "Share of the texts without a word."),
    "copied_lines": Wording(
        "copied lines",
        _AS_REAL,
        share,
        "Share of the texts that are a training text, word for word.",
    ),
    "copied_5grams": Wording(
        "copied 5-grams",
        _AS_REAL,
        share,
        "Share of all runs of five words that stand in a training text; far above real text's the "
        "source recites.",
    ),
    "known_words": Wording(
        "known words", _HIGH, tenths, "Share of the words that occur in the training text."
    ),
    "length_distance": Wording(
        "difference in length",
        _LOW,
        fixed(2),
        "Words by which lengths must change, on average, to be distributed as real text's.",
    ),
    "forward_perplexity": Wording(
        "forward perplexity",
        _AS_REAL,
        whole,
        "How surprised a trigram model of real text is by the source; below real text's the "
        "source keeps to frequent phrases.",
    ),
    "reverse_perplexity": Wording(
        "reverse perplexity",
        _LOW,
        whole,
        "How surprised a trigram model of the source is by real text; a source that lacks words or "
        "phrases pays here.",
    ),
    "nll_oracle": Wording(
        "NLL by the oracle",
        _AS_REAL,
        fixed(3),
        "How likely the oracle that wrote the real texts finds the source's: mean of -log P, in "
        "nats a word. Real text's own value is the floor of whoever writes as variedly as it does; "
        "few likely texts again and again are below it, so read the other columns too.",
    ),
    "nll_test": Wording(
        "NLL of test text",
        _LOW,
        fixed(3),
        "How likely the source finds real test text, in nats a word, over the texts that it can "
        "write; an upper bound where a generator knows no more. It is the generator's own, before "
        "a discriminator chooses.",
    ),
    "impossible_test": Wording(
        "test texts it cannot write", _LOW, tenths, "Share of the test texts that it never writes."
    ),
} | {
    f"{name}_{order}": Wording(f"{title}-{order}", _AS_REAL, fixed(3), meaning.format(order))
    for name, title, meaning in (
        ("bleu", "BLEU", "Phrases of up to {} words shared with real test text, from 0 to 1."),
        ("self_bleu", "Self-BLEU", "Phrases of up to {} words shared with its own other texts."),
    )
    for order in (2, 3, 4, 5)
    if (name, order) != ("self_bleu", 4)
}

# One table each; what stands in none comes last.
THEMES = {
    "Near to real text?": ("frechet", "mauve", "classifier_vectors", "classifier_words"),
    "Varied?": ("self_bleu_4", "distinct_lines", "distinct_1", "distinct_2", "empty_lines"),
    "Copied from the training text?": ("copied_lines", "copied_5grams", "known_words"),
    "Words and lengths": ("length_distance", "forward_perplexity", "reverse_perplexity"),
    "Phrases shared with real text": ("bleu_2", "bleu_3", "bleu_4", "bleu_5"),
    "Phrases shared among its own texts": ("self_bleu_2", "self_bleu_3", "self_bleu_5"),
}
# Only where an oracle wrote the texts; the last two stand in other tables, too.
BY_ORACLE = ("nll_oracle", "nll_test", "impossible_test", "distinct_2", "copied_lines")

SOURCES = {
    "train": "real training text",
    "validation": "real validation text",
    "test": "real test text",
    "generator": "the judge's own generator",
    "markov": "Markov chain",
    "language_model": "language model",
}
_GANS = {"scalar": "GAN, scalar", "word2vec": "GAN, word2vec", "bert": "GAN, BERT"}


def word(measure: str) -> Wording:
    """Return how a measure is told; one that is new to this module is named by its key."""
    if measure in MEASURES:
        return MEASURES[measure]
    return Wording(spaced(measure), "", any_form, "")


def name_source(source: str) -> str:
    """Return how a source is named in a table."""
    return SOURCES.get(source) or _GANS.get(source) or spaced(source)
