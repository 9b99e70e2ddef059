"""A discriminator's verdict against values worked out by hand."""

import numpy as np
import pytest

from stages.measures.verdict import accuracy, mean_squared_error, threshold_for


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


def test_the_threshold_worked_out_by_hand():
    # Four of five pass: between the first, 1, and the second, 2, of five there are 0.2 * 4 = 0.8 of
    # the way.
    assert threshold_for(np.array([5.0, 2, 1, 4, 3]), 0.8) == pytest.approx(1.8)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_the_share_asked_for_passes_the_threshold(share):
    logits = np.random.default_rng(1).normal(size=1000)
    # Of a thousand texts to within one.
    assert np.mean(logits >= threshold_for(logits, share)) == pytest.approx(share, abs=0.00101)
