import numpy as np
import pytest
from scipy.linalg import sqrtm

from stages.measures.frechet import (
    Gaussian,
    fit_gaussian,
    frechet_distance,
    frechet_distances,
)


def covariance(gaussian):
    return gaussian.factor.T @ gaussian.factor


@pytest.mark.parametrize("count", [3, 5, 6, 40])
def test_the_fitted_gaussian_has_the_sample_s_mean_and_covariance(count):
    # Below, at and above as many vectors as they have numbers, 5, where the factor is shortened.
    vectors = np.random.default_rng(1).normal(size=(count, 5)).astype(np.float32) + 3
    gaussian = fit_gaussian(vectors)
    np.testing.assert_allclose(gaussian.mean, vectors.mean(0), rtol=1e-5)
    np.testing.assert_allclose(covariance(gaussian), np.cov(vectors.T), atol=1e-6)
    assert len(gaussian.factor) <= 5


def test_diagonal_covariances_have_a_closed_form():
    # Means 3 apart in one place: 9. Deviations 1 and 2, 5 and 1: (1 - 2)² + (5 - 1)² = 17.
    first = Gaussian(np.array([0.0, 0.0]), np.diag([1.0, 5.0]))
    second = Gaussian(np.array([3.0, 0.0]), np.diag([2.0, 1.0]))
    assert frechet_distance(first, second) == pytest.approx(9 + 17)
    assert frechet_distance(second, first) == pytest.approx(9 + 17)


@pytest.mark.parametrize(("count", "other"), [(100, 80), (100, 6), (6, 100), (5, 7)])
def test_the_distance_is_that_of_the_root_of_the_matrix(count, other):
    random = np.random.default_rng(2)
    mixing = random.normal(size=(10, 10))
    first = random.normal(size=(count, 10)) @ mixing
    second = random.normal(size=(other, 10)) + 0.5
    one, two = np.cov(first.T), np.cov(second.T)
    # A root that lacks rank is one that sqrtm finds only after a little is added: 1e-9 to the
    # covariance, so some 1e-4 to its root.
    little = 1e-9 * np.eye(10)
    root = sqrtm((one + little) @ (two + little)).real
    expected = ((first.mean(0) - second.mean(0)) ** 2).sum() + np.trace(one + two - 2 * root)
    distance = frechet_distance(fit_gaussian(first), fit_gaussian(second))
    assert distance == pytest.approx(expected, abs=1e-2)
    if min(count, other) > 10:
        assert distance == pytest.approx(expected, rel=1e-7)


def test_a_set_is_at_no_distance_from_itself():
    for count in (4, 50):
        gaussian = fit_gaussian(np.random.default_rng(3).normal(size=(count, 8)))
        assert frechet_distance(gaussian, gaussian) == pytest.approx(0, abs=1e-6)


def test_a_source_that_says_one_thing_is_a_point():
    # A point at distance 2 from the mean of a Gaussian of variances 1 and 4: 4 + 1 + 4.
    real = Gaussian(np.array([0.0, 0.0]), np.diag([1.0, 2.0]))
    point = fit_gaussian(np.tile([0.0, 2.0], (10, 1)))
    assert frechet_distance(real, point) == pytest.approx(9)


def test_few_vectors_make_the_distance_too_high():
    # Why only equal numbers of vectors compare: these four sets are of one source.
    random = np.random.default_rng(4)
    few, many = (
        frechet_distance(
            fit_gaussian(random.normal(size=(count, 20))),
            fit_gaussian(random.normal(size=(count, 20))),
        )
        for count in (30, 3000)
    )
    assert few > 10 * many > 0


# Fewer reference vectors than numbers, 10, and more; choices with fewer and with more vectors than
# the reference has rank.
@pytest.mark.parametrize("reference", [6, 50])
@pytest.mark.parametrize("size", [2, 6, 7, 40])
def test_distances_of_choices_are_those_of_each_choice(reference, size):
    random = np.random.default_rng(5)
    mixing = random.normal(size=(10, 10))
    real = fit_gaussian(random.normal(size=(reference, 10)) @ mixing)
    vectors = (random.normal(size=(80, 10)) + 3).astype(np.float32)
    # 17 do not fit into one batch.
    choices = [random.permutation(80)[:size] for _ in range(17)]
    expected = [frechet_distance(real, fit_gaussian(vectors[chosen])) for chosen in choices]
    assert len({round(distance, 3) for distance in expected}) == 17
    np.testing.assert_allclose(frechet_distances(real, vectors, choices), expected, rtol=1e-6)
