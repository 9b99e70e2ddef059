"""Measures against values worked out by hand."""

import numpy as np
import pytest

from stages.measures.round_trip import round_trip
from stages.measures.verdict import accuracy, mean_squared_error


def test_accuracy_counts_texts_on_the_right_side_of_one_half():
    # 0.5 itself counts as real.
    scores = np.array([0.9, 0.5, 0.49, 0.0], dtype=np.float32)
    assert accuracy(scores, is_real=True) == 0.5
    assert accuracy(scores, is_real=False) == 0.5
    assert accuracy(np.array([0.9, 0.8]), is_real=False) == 0


def test_mean_squared_error_measures_the_distance_to_the_truth():
    # Real: (0.1² + 1²) / 2 = 0.505. Fake: (0.9² + 0²) / 2 = 0.405.
    scores = np.array([0.9, 0.0])
    assert mean_squared_error(scores, is_real=True) == pytest.approx(0.505)
    assert mean_squared_error(scores, is_real=False) == pytest.approx(0.405)


def test_mean_squared_error_keeps_its_digits_where_scores_are_sure():
    # 1 - 1e-4 in float32 is off the truth by 1e-4, to within float32's step at 1, 6e-8.
    scores = np.full(10, 1 - 1e-4, dtype=np.float32)
    assert mean_squared_error(scores, is_real=True) == pytest.approx(1e-8, rel=2e-3)


def test_round_trip_counts_words_that_came_back_in_order():
    # "a b c" -> "a x c": 2 of 3. "d e" -> "e d": 1 of 2, as the order counts. "f" -> "": 0 of 1.
    assert round_trip(["a b c", "d e", "f"], ["a x c", "e d", ""]) == pytest.approx(3 / 6)
    # A word that is lost, or doubled, does not cost the others.
    assert round_trip(["a b c d"], ["b c d"]) == pytest.approx(3 / 4)
    assert round_trip(["a b"], ["a a b"]) == 1


def test_round_trip_wants_a_text_for_each_text():
    with pytest.raises(ValueError, match="shorter"):
        round_trip(["a", "b"], ["a"])
