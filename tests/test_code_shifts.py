"""Directions of labels and moves along them, worked out by hand."""

import numpy as np
import pytest

from stages.measures.code_shifts import draw_direction, find_direction, measure_shift
from stages.measures.labels import LabelClassifier

# The code of a text is the number of its words that are good; label 1 marks texts that have one.
TEXTS = ["bad day", "bad place", "good day", "good place"] * 5
LABELS = [*"0011"] * 5


def write(codes):
    return ["good place" if code >= 0.5 else "bad place" for code in codes[:, 0]]


def test_a_direction_leads_from_the_mean_of_the_others_to_that_of_the_label():
    # Label a: mean (2, 1). The others, one without a label: mean (1, 3).
    codes = np.array([[1, 1], [3, 1], [0, 2], [2, 4]], dtype=np.float32)
    found = find_direction(codes, ["a", "a", "b", None], "a")
    assert found.tolist() == [1, -2]
    assert found.dtype == np.float32


def test_a_random_direction_has_the_length_asked_for_and_varies_as_codes_do():
    # Codes vary twice as much in their first number as in the second, and not in the third.
    codes = np.array([[2, 1, 5], [-2, 1, 5], [2, -1, 5], [-2, -1, 5]], dtype=np.float32)
    drawn = np.array([draw_direction(codes, 3.0, seed) for seed in range(2000)])
    assert np.linalg.norm(drawn, axis=1) == pytest.approx(3, abs=1e-5)
    assert np.abs(drawn[:, 2]).max() == 0
    # Before scaling a normal distribution of deviations 2 : 1, so the first is the larger with
    # probability 1 - 2 atan(1 / 2) / pi = .705; of 2,000 draws its share errs by .0102.
    share = (np.abs(drawn[:, 0]) > np.abs(drawn[:, 1])).mean()
    assert share == pytest.approx(1 - 2 * np.arctan(1 / 2) / np.pi, abs=4 * 0.0102)
    # And neither way along it is preferred.
    assert (drawn[:, 0] > 0).mean() == pytest.approx(0.5, abs=4 * 0.0112)


def test_a_move_is_judged_by_what_is_written_then():
    classifier = LabelClassifier(TEXTS, LABELS)
    codes, texts = np.zeros((2, 1), dtype=np.float32), ["bad place", "bad day"]
    still = measure_shift(write, codes, texts, np.zeros(1), "1", classifier)
    # "bad place" twice: all its words of the first text, and 1 of 3 of both together.
    assert still == (0, pytest.approx((1 + 1 / 3) / 2))
    moved = measure_shift(write, codes, texts, np.ones(1), "1", classifier)
    # "good place": 1 of 3 words in common with the first, none of 4 with the second.
    assert moved == (1, pytest.approx((1 / 3 + 0) / 2))
