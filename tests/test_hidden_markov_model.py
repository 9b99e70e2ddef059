"""A hidden Markov model's likelihoods and paths against sums over all paths."""

from itertools import pairwise, product

import numpy as np
import pytest

from stages.networks.hidden_markov_model import Tables, log_likelihood, pack, viterbi


def make_tables(states: int, words: int, seed: int = 0) -> Tables:
    random = np.random.default_rng(seed)
    shapes = ((states,), (states, states), (states,), (words, states))
    return Tables(*(random.uniform(0.1, 1, shape) for shape in shapes)).normalise()


def list_paths(tables: Tables, text: list[int], ended: bool = True) -> dict[tuple, float]:
    """P(path, text) of every path through the states, by the model's definition."""
    values = {}
    for path in product(range(len(tables.start)), repeat=len(text)):
        value = tables.start[path[0]] * (tables.end[path[-1]] if ended else 1)
        for place, (state, word) in enumerate(zip(path, text, strict=True)):
            value *= tables.emission[word, state]
            value *= tables.transition[path[place - 1], state] if place else 1
        values[path] = value
    return values


def make_identity(texts: list[list[int]], words: int) -> Tables:
    """A state a word, and transitions as often as they are in the texts."""
    counts = Tables(np.zeros(words), np.zeros((words, words)), np.zeros(words), np.eye(words))
    for text in texts:
        counts.start[text[0]] += 1
        counts.end[text[-1]] += 1
        for before, word in pairwise(text):
            counts.transition[before, word] += 1
    return counts.normalise()


TEXTS = [[0, 1, 2], [0, 1], [0, 2, 1, 0], [2], [1, 1, 0]]


def test_likelihoods_of_all_batches_come_in_the_texts_order(monkeypatch):
    monkeypatch.setattr("stages.networks.hidden_markov_model.ROWS", 4)  # several batches
    tables = make_tables(2, 3)
    texts, ended = [[1], [0, 1, 2], [2, 2], [0, 0, 1], [1, 0]], [True, False, True, True, False]
    batches = pack([np.array(text) for text in texts], ended)
    assert len(batches) > 1
    sums = [sum(list_paths(tables, *pair).values()) for pair in zip(texts, ended, strict=True)]
    assert log_likelihood(tables, batches) == pytest.approx(np.log(sums), abs=1e-12)


def test_probabilities_are_told_from_what_is_none():
    tables = make_tables(2, 3)
    assert tables.are_probabilities()
    for name in Tables._fields:
        doubled = tables._replace(**{name: 2 * getattr(tables, name)})
        assert not doubled.are_probabilities()
    # Of the sum 1, but below 0.
    assert not tables._replace(start=np.array([1.5, -0.5])).are_probabilities()


@pytest.mark.parametrize("seed", range(8))
def test_viterbi_finds_the_likeliest_of_all_paths(seed):
    random = np.random.default_rng(seed)
    # Close to 0 or to 1, so that the likeliest state of a word depends on those around it.
    sharp = Tables(*(table**3 for table in make_tables(3, 2, seed))).normalise()
    text = random.integers(0, 2, 5).tolist()
    paths = list_paths(sharp, text)
    assert tuple(viterbi(sharp, text, ended=True)) == max(paths, key=paths.get)


def test_viterbi_sees_the_end_of_the_text():
    # Both states write "a" and stay where they are; only the second is ever left for the end.
    tables = Tables(
        np.array([0.9, 0.1]), np.diag([1.0, 0.5]), np.array([0.0, 0.5]), np.array([[1.0, 1.0]])
    )
    assert viterbi(tables, [0, 0], ended=True).tolist() == [1, 1]
    assert viterbi(tables, [0, 0], ended=False).tolist() == [0, 0]
