"""The measures of detectors, worked out by hand."""

import numpy as np
import pytest

from stages.measures.detection import area, calibration_error, class_of, share


def test_the_area_is_the_share_of_pairs_in_the_right_order():
    # Of 2 > 1, 2 > 0, 1 = 1, 1 > 0 the third counts half: 3.5 of 4.
    found = area(np.array([2.0, 1.0]), np.array([1.0, 0.0]))
    assert found.value == pytest.approx(0.875)
    assert found.low < 0.875 < found.high == 1


def test_the_area_of_chance_and_its_interval():
    # Hanley and McNeil at 0.5 with 10 of each: Q1 = Q2 = 1/3, so the square of the error is
    # (0.25 + 2 * 9 * (1/3 - 1/4)) / 100 = 0.0175.
    logits = np.arange(10.0)
    found = area(logits, logits)
    assert found == pytest.approx((0.5, 0.5 - 1.959964 * 0.0175**0.5, 0.5 + 1.959964 * 0.0175**0.5))


def test_a_share_has_wilson_s_interval():
    # Of 5 in 10: centre 0.5, reach 1.96 / (1 + 0.38415) * sqrt(0.025 + 0.0096036) = 0.26341.
    assert share(np.arange(10) < 5) == pytest.approx((0.5, 0.23659, 0.76341), abs=1e-5)
    # Of none in 10: from 0 to 3.8415 / (10 + 3.8415).
    assert share(np.zeros(10, bool)) == pytest.approx((0, 0, 0.27753), abs=1e-5)
    assert share(np.ones(10, bool)).high == 1


def test_no_interval_of_a_share_leaves_0_to_1():
    for count in range(1, 200):
        assert share(np.zeros(count, bool)).low >= 0
        assert share(np.ones(count, bool)).high <= 1


def test_the_calibration_error_worked_out_by_hand():
    # Of the two foretold 0.25 one is generated, off by 0.5 - 1 in sum; of the two foretold 0.75
    # both are, off by 1.5 - 2: together 1 over 4 texts.
    probabilities = np.array([0.25, 0.25, 0.75, 0.75])
    assert calibration_error(probabilities, np.array([False, True, True, True])) == 0.25
    assert calibration_error(np.array([0.0, 1.0]), np.array([False, True])) == 0


def test_lengths_have_classes():
    assert class_of([1, 4, 5, 24, 25, 900]) == ["1-4", "1-4", "5-9", "15-24", "25+", "25+"]
