"""Counts of words, n-grams and lines against values worked out by hand and plain Python."""

import random

import numpy as np
import pytest

from stages.measures.lexical import (
    KnownText,
    copied_lines,
    copied_ngrams,
    distinct_lines,
    distinct_ngrams,
    empty_lines,
    known_words,
    length_distance,
)
from stages.measures.ngrams import UNKNOWN, tabulate

TRAINING = KnownText(["the tea is cold", "my tea is hot", ""], max_order=5)


def random_texts(chance: random.Random, count: int) -> list[str]:
    return [" ".join(chance.choices("abc", k=chance.randrange(7))) for _ in range(count)]


def test_known_words_count_per_text():
    # "your" and "soup" are unknown; a known word counts as often as it stands.
    known, words = known_words(["your tea is cold", "", "soup", "tea tea"], TRAINING)
    assert known.tolist() == [3, 0, 0, 2]
    assert words.tolist() == [4, 0, 1, 2]
    assert known.dtype == words.dtype == np.float64


def test_copied_ngrams_stand_in_one_training_text():
    # "tea is" and "is hot" are there, "hot the" only across two texts; "tea" has no bigram.
    copied, bigrams = copied_ngrams(["tea is hot the", "tea", ""], TRAINING, order=2)
    assert copied.tolist() == [2, 0, 0]
    assert bigrams.tolist() == [3, 0, 0]


def test_copied_lines_are_whole_lines():
    lines = ["the tea is cold", "tea is cold", "my tea is hot", "the tea is cold"]
    assert copied_lines(lines, TRAINING).tolist() == [1, 0, 1, 1]


def test_empty_lines_have_no_word():
    assert empty_lines(["", "a", ""]).tolist() == [1, 0, 1]


def test_distinct_ngrams_of_all_texts_and_of_some():
    # Unigrams: a b a | a c, 3 different of 5. Bigrams: ab ba | ac, 3 of 3. No bigram crosses texts.
    texts = ["a b a", "a c", ""]
    everything = np.arange(3)
    assert distinct_ngrams(texts, 1)(everything) == pytest.approx(3 / 5)
    assert distinct_ngrams(texts, 2)(everything) == 1
    # The first text alone has a and b in 3 words; twice, in 6.
    assert distinct_ngrams(texts, 1)(np.array([0])) == pytest.approx(2 / 3)
    assert distinct_ngrams(texts, 1)(np.array([0, 0])) == pytest.approx(2 / 6)


def test_distinct_ngrams_of_silence_are_none():
    assert distinct_ngrams(["", ""], 1)(np.arange(2)) == 0
    assert distinct_ngrams(["a", ""], 2)(np.arange(2)) == 0


def test_distinct_lines_of_all_texts_and_of_some():
    # Different: "a b", "a", "": 3 of 5. Of the second, third and fifth: 2 of 3.
    texts = ["a b", "a", "", "a b", ""]
    assert distinct_lines(texts)(np.arange(5)) == pytest.approx(3 / 5)
    assert distinct_lines(texts)(np.array([1, 2, 4])) == pytest.approx(2 / 3)


def test_length_distance_is_in_words():
    # Lengths 1, 2, 0 against 2, 3, 4: sorted, each text is 2 words short.
    texts = ["a", "a b", ""]
    real = ["a b c d", "b c", "a b c"]
    assert length_distance(texts, real)(np.arange(3)) == pytest.approx(2)
    # The first two alone, against twice as many: |1-2| + |1-3| + ... over halves and thirds:
    # quantiles 1 1 1 2 2 2 against 2 2 3 3 4 4 give (1 + 1 + 2 + 1 + 2 + 2) / 6.
    assert length_distance(texts, real)(np.array([0, 1])) == pytest.approx(9 / 6)
    assert length_distance(real, real)(np.arange(3)) == 0


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_ngram_counts_agree_with_plain_python(order):
    chance = random.Random(order)
    texts, training = random_texts(chance, 40), random_texts(chance, 30)

    def ngrams(text):
        words = text.split()
        return [tuple(words[i : i + order]) for i in range(len(words) - order + 1)]

    known = {ngram for text in training for ngram in ngrams(text)}
    copied, total = copied_ngrams(texts, KnownText(training, max_order=5), order)
    assert copied.tolist() == [sum(ngram in known for ngram in ngrams(text)) for text in texts]
    assert total.tolist() == [len(ngrams(text)) for text in texts]
    chosen = [ngram for text in texts[5:25] for ngram in ngrams(text)]
    share = distinct_ngrams(texts, order)(np.arange(5, 25))
    assert share == pytest.approx(len(set(chosen)) / len(chosen))


def test_ngram_numbers_have_no_gaps():
    for ngrams in tabulate(random_texts(random.Random(1), 50), 5)[1]:
        assert np.array_equal(np.unique(ngrams.ids), np.arange(ngrams.kinds))


def test_nothing_but_empty_texts_has_no_ngrams():
    table, orders = tabulate(["", ""], 3)
    assert [ngrams.kinds for ngrams in orders] == [0, 0, 0]
    assert [ngrams.ids.tolist() for ngrams in table.find(["a b"])] == [[UNKNOWN] * 2, [UNKNOWN], []]


def test_a_table_finds_its_own_texts_by_their_numbers():
    texts = random_texts(random.Random(2), 50)
    table, orders = tabulate(texts, 5)
    for own, found in zip(orders, table.find(texts), strict=True):
        assert np.array_equal(own.ids, found.ids)
        assert np.array_equal(own.texts, found.texts)
        assert own.kinds == found.kinds


def test_an_ngram_of_unknown_words_is_unknown():
    # Words: a 0, b 1, c 2. Pairs: ab 0 × 3 + 1, ac 0 × 3 + 2. Were the unknown x a number, -1, bx
    # would be 1 × 3 - 1, the code of ac.
    table, _ = tabulate(["a b", "a c"], 2)
    words, pairs = table.find(["a b x", "a c", "x a"])
    assert words.ids.tolist() == [0, 1, UNKNOWN, 0, 2, UNKNOWN, 0]
    assert pairs.ids.tolist() == [0, UNKNOWN, 1, UNKNOWN]
    assert pairs.texts.tolist() == [0, 0, 1, 2]
