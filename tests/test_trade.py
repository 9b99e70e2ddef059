"""Quality against diversity, with sentence vectors of one's own."""

import numpy as np
import pytest

from stages.measures import trade as module
from stages.measures.bleu import self_bleu
from stages.measures.bootstrap import Estimate
from stages.measures.frechet import fit_gaussian, frechet_distance
from stages.measures.trade import Point, Trade, at_equal_diversity


def point(self_bleu_4, frechet):
    return Point(Estimate(frechet, frechet, frechet), Estimate(self_bleu_4, 0.0, 1.0))


CURVE = [point(0.6, 5.0), point(0.2, 1.0), point(0.4, 3.0)]


@pytest.mark.parametrize(
    ("self_bleu_4", "frechet"),
    [
        (0.2, 1),
        (0.4, 3),
        (0.6, 5),
        # A quarter of the way from 0.2 to 0.4: 1 + (3 - 1) / 4; half of that from 0.4 to 0.6.
        (0.25, 1.5),
        (0.5, 4),
    ],
)
def test_the_curve_is_read_on_straight_lines(self_bleu_4, frechet):
    assert at_equal_diversity(CURVE, self_bleu_4) == pytest.approx(frechet)
    assert at_equal_diversity(CURVE[::-1], self_bleu_4) == pytest.approx(frechet)


def test_the_lines_follow_diversity_and_not_the_distance():
    # 0.3 is half-way between 0.2 and 0.4, whose distances are 6 and 2; 0.5 between 2 and 8.
    curve = [point(0.4, 2.0), point(0.2, 6.0), point(0.6, 8.0)]
    assert at_equal_diversity(curve, 0.3) == pytest.approx(4)
    assert at_equal_diversity(curve, 0.5) == pytest.approx(5)


@pytest.mark.parametrize("self_bleu_4", [0.0, 0.199, 0.601, 1.0])
def test_outside_the_curve_there_is_nothing_to_read(self_bleu_4):
    assert at_equal_diversity(CURVE, self_bleu_4) is None


def test_one_point_is_a_curve_of_its_own():
    assert at_equal_diversity([point(0.3, 2.0)], 0.3) == 2
    assert at_equal_diversity([point(0.3, 2.0)], 0.31) is None


class WordsAndLetters:
    """A vector of two numbers a text: how many words it has, and how many letters a."""

    def __init__(self, device):
        self.device = device

    def encode(self, texts):
        return np.array([[len(text.split()), text.count("a")] for text in texts], dtype=np.float32)


@pytest.fixture
def trade(monkeypatch):
    monkeypatch.setattr(module, "SentenceEncoder", WordsAndLetters)
    return lambda test: Trade(test, resamples=20, seed=1, device="cpu")


def test_distance_worked_out_by_hand(trade):
    # Words: 1 and 3 against 4 and 6, means 2 and 5 with the same spread; no letter a. 3² = 9.
    measured = trade(["b", "b b b"] * 2).measure(["b b b b", "b b b b b b"] * 2)
    assert measured.frechet.value == pytest.approx(9)


TEXTS = ["a b c d e", "a b c d f", "g h a j k", "b b c d e", "a a", "k j h g f e"]


def test_real_texts_are_at_no_distance_from_themselves(trade):
    measured = trade(TEXTS).measure(TEXTS)
    assert measured.frechet.value == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("texts", "likeness"),
    [
        # Each is whole in the other, and none has a word of any other.
        (["a b c d e"] * 4, 1),
        (["a b c d", "e f g h", "i j k l", "m n o p"], 0),
    ],
)
def test_self_bleu_is_that_of_all_texts(trade, texts, likeness):
    assert trade(TEXTS).measure(texts).self_bleu_4.value == pytest.approx(likeness, abs=1e-6)


def test_both_measures_are_those_of_their_own_modules(trade):
    encoder = WordsAndLetters("cpu")
    real = ["a b", "a a a", "b", "b b a b"]
    measured = trade(real).measure(TEXTS)
    # Self-BLEU-2 to 5: the third column is that of four words.
    expected = self_bleu(TEXTS, np.arange(len(TEXTS))).mean(0)
    assert len(set(expected.round(6))) == 4  # else any column would do
    assert measured.self_bleu_4.value == pytest.approx(expected[2])
    gaussians = [fit_gaussian(encoder.encode(texts)) for texts in (real, TEXTS)]
    assert measured.frechet.value == pytest.approx(frechet_distance(*gaussians))


def test_each_value_lies_in_its_interval_and_its_range(trade):
    for estimate, highest in zip(trade(TEXTS[:3]).measure(TEXTS), (np.inf, 1), strict=True):
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= highest


def test_same_seed_same_intervals(trade):
    measure = trade(TEXTS[:3]).measure
    assert measure(TEXTS) == measure(TEXTS)
