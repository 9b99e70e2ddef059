"""Texts drawn from a hidden Markov model against their probabilities."""

import numpy as np
import pytest

from stages.networks.hidden_markov_model import Tables
from stages.networks.hmm_sampling import END, sample_texts
from tests.test_hidden_markov_model import list_paths, make_tables


def write(tables: Tables, count: int, max_length: int, beginning=(), **options) -> list[str]:
    random = np.random.default_rng(11)
    texts = sample_texts(tables, count, max_length, beginning, random, **options)
    return ["".join("abc"[row] for row in text if row != END) for text in texts]


def chance(tables: Tables, text: str, max_length: int) -> float:
    rows = ["abc".index(word) for word in text]
    return sum(list_paths(tables, rows, ended=len(text) < max_length).values())


@pytest.mark.parametrize("temperature", [1.0, 1.0 + 1e-9])
def test_texts_come_as_often_as_their_probability_says(temperature):
    # Both ways of drawing: state by state, and from the words' own probabilities.
    tables = make_tables(2, 2)
    texts = write(tables, 20_000, 2, temperature=temperature)
    for text in ("a", "b", "aa", "ab", "ba", "bb"):
        # Standard error below 0.0035; four of them.
        assert texts.count(text) / 20_000 == pytest.approx(chance(tables, text, 2), abs=0.014)


def test_a_beginning_is_continued_as_often_as_its_probability_says():
    tables = make_tables(2, 2)
    texts = write(tables, 20_000, 3, beginning=[0, 1])
    chances = {text: chance(tables, text, 3) for text in ("ab", "aba", "abb")}
    for text, value in chances.items():
        shared = value / sum(chances.values())
        assert texts.count(text) / 20_000 == pytest.approx(shared, abs=0.014)
    assert set(write(tables, 5, 3, beginning=[0, 1, 0, 1])) == {"aba"}


def test_temperature_and_top_p_apply_to_the_next_word():
    # One state: "a" 0.5, "b" 0.3, "c" 0.2, and after each word the end with probability 0.5, so
    # next come the end 0.5, "a" 0.25, "b" 0.15, "c" 0.1.
    tables = Tables(
        np.ones(1), np.full((1, 1), 0.5), np.full(1, 0.5), np.array([[0.5], [0.3], [0.2]])
    )
    # Squared: 0.25, 0.09, 0.04 of 0.38 for the first word.
    texts = write(tables, 20_000, 2, temperature=0.5)
    assert sum(text[0] == "a" for text in texts) / 20_000 == pytest.approx(0.25 / 0.38, abs=0.014)
    # The end squared: 0.25 of 0.25 + 0.0625 + 0.0225 + 0.01.
    short = sum(len(text) == 1 for text in texts) / 20_000
    assert short == pytest.approx(0.25 / 0.345, abs=0.014)
    # 0.5 and 0.3 reach 0.7; then the end and "a", 0.5 and 0.25.
    texts = write(tables, 20_000, 2, top_p=0.7)
    assert set(texts) == {"a", "b", "aa", "ba"}
    assert texts.count("a") / 20_000 == pytest.approx(0.5 / 0.8 * 2 / 3, abs=0.014)
    assert set(write(tables, 50, 2, temperature=0.01)) == {"a"}
