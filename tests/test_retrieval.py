"""Precision at fractions of recall, on documents that a page holds."""

import numpy as np
import pytest

from stages.measures.retrieval import count_retrieved, measure_chance, measure_precision


def turn(*degrees):
    """Return vectors of any length at these angles."""
    angles = np.radians(degrees)
    return (
        np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.arange(1, len(degrees) + 1)[:, None]
    )


# Six documents at 0, 10, 20, 90, 100 and 170 degrees.
DOCUMENTS = turn(0, 10, 20, 90, 100, 170)
LABELS = np.array([0, 1, 0, 1, 1, 0])


def test_precision_by_hand():
    # At 2 degrees the nearest come in their order: labels 0 1 0 1 1 0, of which 1/1, 1/2, 2/3 and,
    # of all six, 3/6 have the label 0. At 95 degrees: first 90 and 100 (equally near), 1 1, then 20
    # and 170 (both 75 away), 0 0, so 1/1, 2/2, 2/3 and, of all six, 3/6.
    queries = turn(2, 95)
    precision = measure_precision(
        DOCUMENTS, LABELS, queries, np.array([0, 1]), [1 / 6, 2 / 6, 3 / 6, 1]
    )
    assert precision[0] == pytest.approx([1, 1 / 2, 2 / 3, 3 / 6])
    assert precision[1] == pytest.approx([1, 1, 2 / 3, 3 / 6])


def test_length_means_nothing():
    queries, labels = turn(2, 95), np.array([0, 1])
    longer = measure_precision(DOCUMENTS * 7, LABELS, queries * 0.01, labels, [0.5])
    assert np.array_equal(longer, measure_precision(DOCUMENTS, LABELS, queries, labels, [0.5]))


@pytest.mark.parametrize(
    ("fraction", "documents", "count"),
    # As published of 11,268: 1.13, 2.25, 5.6, 22.5, 112.7, 563.4 and 2253.6.
    [
        *((0.0001, 11268, 1), (0.0002, 11268, 2), (0.0005, 11268, 6), (0.002, 11268, 23)),
        *((0.01, 11268, 113), (0.05, 11268, 563), (0.2, 11268, 2254), (0.0001, 100, 1)),
    ],
)
def test_a_fraction_of_recall_is_so_many_documents(fraction, documents, count):
    assert count_retrieved(fraction, documents) == count


def test_a_query_of_zeros_finds_by_chance():
    # Three of six documents have the label 1, none the label 5.
    queries = np.zeros((2, 2))
    precision = measure_precision(DOCUMENTS, LABELS, queries, np.array([1, 5]), [1 / 6, 0.5])
    assert precision.tolist() == [[0.5, 0.5], [0, 0]]


def test_a_document_of_zeros_is_found_last():
    documents = np.concatenate([np.zeros((1, 2)), turn(0, 180)])
    # Even what lies opposite comes before it.
    precision = measure_precision(documents, np.array([1, 0, 0]), turn(0), np.array([0]), [0.67, 1])
    assert precision[0] == pytest.approx([1, 2 / 3])


def test_more_queries_than_are_taken_at_a_time():
    random = np.random.default_rng(0)
    documents, queries = random.normal(size=(50, 4)), random.normal(size=(600, 4))
    labels, wanted = random.integers(0, 3, 50), random.integers(0, 3, 600)
    whole = measure_precision(documents, labels, queries, wanted)
    parts = [measure_precision(documents, labels, queries[[i]], wanted[[i]]) for i in range(600)]
    assert np.array_equal(whole, np.concatenate(parts))


def test_chance_is_the_share_of_the_label():
    assert measure_chance(np.array([2, 2, 2, 7]), np.array([7, 2, 3])).tolist() == [0.25, 0.75, 0]
