"""Baum-Welch against sums over all paths."""

from itertools import pairwise

import numpy as np
import pytest

from stages.networks import hidden_markov_model
from stages.networks.hidden_markov_model import Tables, pack
from stages.training.baum_welch import expect, make_prior, update
from tests.test_hidden_markov_model import TEXTS, list_paths, make_identity, make_tables


def count_by_paths(tables: Tables, texts: list[list[int]]) -> Tables:
    """Expected counts as sums over every path of every text."""
    counts = Tables(*(np.zeros_like(table) for table in tables))
    for text in texts:
        paths = list_paths(tables, text)
        for path, value in paths.items():
            share = value / sum(paths.values())
            counts.start[path[0]] += share
            counts.end[path[-1]] += share
            for state, word in zip(path, text, strict=True):
                counts.emission[word, state] += share
            for before, state in pairwise(path):
                counts.transition[before, state] += share
    return counts


def test_expected_counts_are_those_of_all_paths(monkeypatch):
    monkeypatch.setattr(hidden_markov_model, "ROWS", 4)  # several batches
    tables = make_tables(2, 3)
    texts = [[0, 1, 2], [1], [2, 2], [0, 0, 1], [1, 0], [2]]
    batches = pack([np.array(text) for text in texts], [True] * len(texts))
    assert len(batches) > 1

    total, counts = expect(tables, batches)
    for found, wanted in zip(counts, count_by_paths(tables, texts), strict=True):
        assert found == pytest.approx(wanted, abs=1e-12)
    assert total == pytest.approx(
        sum(np.log(sum(list_paths(tables, text).values())) for text in texts)
    )


def test_pseudo_counts_are_as_frequent_as_in_all_texts():
    # "a b", "a": a is 2 of 3 words; of five events two are ends.
    prior = make_prior([np.array([0, 1]), np.array([0])], 2, 2, smoothing=3)
    assert prior.start == pytest.approx(np.array([1.5, 1.5]))
    assert prior.transition == pytest.approx(np.full((2, 2), 3 * 3 / 5 / 2))
    assert prior.end == pytest.approx(np.full(2, 3 * 2 / 5))
    assert prior.emission == pytest.approx(np.array([[2, 2], [1, 1]]))


def test_an_update_adds_pseudo_counts_to_the_expected_counts():
    tables, prior = make_tables(2, 3), make_tables(2, 3, seed=1)
    texts = [[0, 1, 2], [1], [2, 2]]
    total, found = update(tables, pack([np.array(text) for text in texts], [True] * 3), prior)
    wanted = Tables(*map(np.add, count_by_paths(tables, texts), prior)).normalise()
    for one, other in zip(found, wanted, strict=True):
        assert one == pytest.approx(other, abs=1e-12)
    likelihood = sum(np.log(sum(list_paths(tables, text).values())) for text in texts)
    assert total == pytest.approx(likelihood)


def test_baum_welch_leaves_the_markov_chain_as_it_is():
    tables = make_identity(TEXTS, 3)
    texts = [np.array(text) for text in TEXTS]
    after = expect(tables, pack(texts, [True] * len(texts)))[1].normalise()
    for found, wanted in zip(after, tables, strict=True):
        assert found == pytest.approx(wanted, abs=1e-12)
    assert after.emission[~np.eye(3, dtype=bool)].tolist() == [0] * 6
