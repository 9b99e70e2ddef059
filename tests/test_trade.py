"""Quality against diversity, with sentence vectors of one's own."""

import numpy as np
import pytest

from stages.measures.bleu import self_bleu
from stages.measures.bootstrap import Estimate
from stages.measures.frechet import fit_gaussian, frechet_distance
from stages.measures.trade import Point, Trade, at_equal_diversity


def point(self_bleu_4, frechet, halves=((0.0, 0.0), (0.0, 0.0))):
    """Make a point whose two halves differ from it by `halves`: distances, then Self-BLEU-4s."""
    values = np.array([[frechet], [self_bleu_4]]) + np.array(halves)
    return Point(Estimate(frechet, 0.0, 9.0), Estimate(self_bleu_4, 0.0, 1.0), values.T)


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
    # Nothing is resampled, so the interval is the value.
    expected = pytest.approx((frechet, frechet, frechet))
    assert at_equal_diversity(CURVE, point(self_bleu_4, 0.0)) == expected
    assert at_equal_diversity(CURVE[::-1], point(self_bleu_4, 0.0)) == expected


def test_the_lines_follow_diversity_and_not_the_distance():
    # 0.3 is half-way between 0.2 and 0.4, whose distances are 6 and 2; 0.5 between 2 and 8.
    curve = [point(0.4, 2.0), point(0.2, 6.0), point(0.6, 8.0)]
    assert at_equal_diversity(curve, point(0.3, 0.0)).value == pytest.approx(4)
    assert at_equal_diversity(curve, point(0.5, 0.0)).value == pytest.approx(5)


@pytest.mark.parametrize("self_bleu_4", [0.0, 0.199, 0.601, 1.0])
def test_outside_the_curve_there_is_nothing_to_read(self_bleu_4):
    assert at_equal_diversity(CURVE, point(self_bleu_4, 0.0)) is None


def test_a_curve_without_two_diversities_is_no_line():
    assert at_equal_diversity([point(0.3, 2.0)], point(0.3, 0.0)) is None
    assert at_equal_diversity([point(0.3, 2.0), point(0.3, 4.0)], point(0.3, 0.0)) is None


# At 0.25 the value is 1.5, for three quarters that of the lower point; the slope is 10. Of two
# values v apart the quantiles 0.025 and 0.975 are 0.95 v apart.
@pytest.mark.parametrize(
    ("lower", "upper", "real", "width"),
    [
        # The distance of the lower point is 0.2 wide: 0.75 × 0.2.
        (((-0.1, 0.1), (0, 0)), ((0, 0), (0, 0)), (0, 0), 0.15),
        # That of the upper: 0.25 × 0.2.
        (((0, 0), (0, 0)), ((-0.1, 0.1), (0, 0)), (0, 0), 0.05),
        # Self-BLEU-4 of the lower is 0.02 wide: 10 × 0.75 × 0.02; of the upper; of real text.
        (((0, 0), (-0.01, 0.01)), ((0, 0), (0, 0)), (0, 0), 0.15),
        (((0, 0), (0, 0)), ((0, 0), (-0.01, 0.01)), (0, 0), 0.05),
        (((0, 0), (0, 0)), ((0, 0), (0, 0)), (-0.01, 0.01), 0.2),
        # A distance that is larger where the text is less diverse, along the slope: no change.
        (((-0.1, 0.1), (-0.01, 0.01)), ((0, 0), (0, 0)), (0, 0), 0),
    ],
)
def test_its_interval_is_that_of_all_it_is_read_from(lower, upper, real, width):
    curve = [point(0.2, 1.0, lower), point(0.4, 3.0, upper)]
    value, low, high = at_equal_diversity(curve, point(0.25, 0.0, ((0, 0), real)))
    assert value == pytest.approx(1.5)
    assert high - low == pytest.approx(0.95 * width)
    assert (low + high) / 2 == pytest.approx(1.5)


class WordsAndLetters:
    """A vector of two numbers a text: how many words it has, and how many letters a."""

    def encode(self, texts):
        return np.array([[len(text.split()), text.count("a")] for text in texts], dtype=np.float32)


@pytest.fixture
def trade():
    return lambda test: Trade(test, resamples=20, seed=1, encoder=WordsAndLetters())


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
    encoder = WordsAndLetters()
    real = ["a b", "a a a", "b", "b b a b"]
    measured = trade(real).measure(TEXTS)
    # Self-BLEU-2 to 5: the third column is that of four words.
    expected = self_bleu(TEXTS, np.arange(len(TEXTS))).mean(0)
    assert len(set(expected.round(6))) == 4  # else any column would do
    assert measured.self_bleu_4.value == pytest.approx(expected[2])
    gaussians = [fit_gaussian(encoder.encode(texts)) for texts in (real, TEXTS)]
    assert measured.frechet.value == pytest.approx(frechet_distance(*gaussians))


def test_each_value_lies_in_its_interval_and_its_range(trade):
    measured = trade(TEXTS[:3]).measure(TEXTS)
    for estimate, highest in zip(measured[:2], (np.inf, 1), strict=True):
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= highest


def test_the_halves_are_those_of_the_intervals(trade):
    measured = trade(TEXTS[:3]).measure(TEXTS)
    assert measured.halves.shape == (20, 2)
    for estimate, values in zip(measured[:2], measured.halves.T, strict=True):
        whole = estimate.value
        low, high = whole + np.quantile(values, (0.025, 0.975)) - values.mean()
        assert estimate.low == pytest.approx(max(min(low, whole), 0))
        assert estimate.high == pytest.approx(max(high, whole))


def test_same_seed_same_intervals(trade):
    first, again = (trade(TEXTS[:3]).measure(TEXTS) for _ in range(2))
    assert first[:2] == again[:2]
    assert np.array_equal(first.halves, again.halves)


def test_all_sources_are_measured_in_their_order(trade):
    judge = trade(TEXTS[:3])
    sources = [TEXTS, TEXTS[:4], TEXTS[2:]]
    for point, texts in zip(judge.measure_all(sources), sources, strict=True):
        alone = judge.measure(texts)
        assert point[:2] == alone[:2]
        assert np.array_equal(point.halves, alone.halves)
