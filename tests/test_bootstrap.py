import numpy as np
import pytest

from stages.measures.bootstrap import estimate


def test_a_mean_s_interval_covers_the_truth_as_often_as_it_says():
    # 500 samples of 100 numbers with mean 5. Covering 95 % of them has a standard error of
    # (0.95 × 0.05 / 500)^(1/2) = 1 %; taking the deviation from 100 numbers costs half of 1 %
    # (Student's t), and quantiles of 200 values 1 %. So 95 % ± 3 standard errors, 1.5 % lower.
    random = np.random.default_rng(1)
    covered = 0
    for trial in range(500):
        sample = random.normal(5, 2, size=100)
        _, low, high = estimate(
            lambda chosen, sample=sample: sample[chosen].mean(), 100, resamples=200, seed=trial
        )
        covered += low <= 5 <= high
    assert 0.905 <= covered / 500 <= 0.98


def test_a_mean_s_interval_has_the_width_of_its_standard_error():
    # Halves of N without replacement: s² (2/N) (1 - 1/2) = s²/N. With N = 400: ± 1.96 s / 20. The
    # quantiles of 5,000 values have a standard error of 2 % of that width.
    sample = np.random.default_rng(2).exponential(size=400)
    _, low, high = estimate(lambda chosen: sample[chosen].mean(), 400, resamples=5000, seed=1)
    expected = 2 * 1.96 * sample.std(ddof=1) / 20
    assert high - low == pytest.approx(expected, rel=0.06)
    assert (low + high) / 2 == pytest.approx(sample.mean(), abs=0.06 * expected)


def test_texts_that_are_all_distinct_are_sure_to_be():
    # Drawn with replacement, 63 % of a resample would be distinct.
    def distinct(chosen):
        return len(np.unique(chosen)) / len(chosen)

    assert estimate(distinct, 50, resamples=20, seed=1) == (1, 1, 1)


def test_a_measure_that_depends_on_the_number_of_texts_lies_in_its_interval():
    # Noise adds 1/N to the square of a mean: 2/N on halves, which without centring would lie
    # wholly above the value.
    sample = np.random.default_rng(3).normal(size=(40, 200))

    def square(chosen):
        return (sample[chosen].mean(0) ** 2).sum()

    _, low, high = estimate(square, 40, resamples=200, seed=1)
    value = square(np.arange(40))
    halves = [square(np.arange(start, start + 20)) for start in (0, 20)]
    assert low < value < high
    assert min(halves) > high


def test_an_interval_is_cut_to_what_the_measure_can_be():
    sample = np.array([0.0] * 10 + [1.0] * 10)

    def mean(chosen):
        return sample[chosen].mean()

    wide = estimate(mean, 20, resamples=100, seed=1)
    assert wide.low < 0.45 < 0.55 < wide.high
    cut = estimate(mean, 20, resamples=100, seed=1, bounds=(0.45, 0.55))
    assert cut == (0.5, 0.45, 0.55)


def test_rounding_leaves_the_value_inside():
    _, low, high = estimate(lambda chosen: 0.1, 10, resamples=7, seed=1)
    assert low <= 0.1 <= high
    assert high - low < 1e-15


def test_the_same_seed_gives_the_same_interval():
    sample = np.random.default_rng(4).normal(size=30)
    intervals = [
        estimate(lambda chosen: sample[chosen].mean(), 30, resamples=10, seed=seed)
        for seed in (1, 1, 2)
    ]
    assert intervals[0] == intervals[1] != intervals[2]
