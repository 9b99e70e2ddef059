import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import beta

from stages.measures.mauve import mauve, quantise


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_the_same_histogram_shares_all():
    histogram = np.array([3, 0, 5, 2])
    assert mauve(histogram, histogram) == pytest.approx(1)
    assert mauve(histogram, 7 * histogram) == pytest.approx(1)


def test_histograms_without_a_common_cluster_share_the_least():
    # KL(Q|R) = -log(1 - a) and KL(P|R) = -log a, so the curve is ((1 - a)^5, a^5); its area is
    # 5 times the integral of a^5 (1 - a)^4, 5 B(6, 5) = 5 / 1260 = 0.00397.
    assert 5 * beta(6, 5) == pytest.approx(5 / 1260)
    assert mauve(np.array([4, 0, 6]), np.array([0, 9, 0])) == pytest.approx(5 / 1260, abs=1e-4)


@pytest.mark.parametrize(
    ("p", "q"), [([0.5, 0.5], [0.9, 0.1]), ([0.2, 0.8], [0.6, 0.4]), ([1.0, 0.0], [0.5, 0.5])]
)
def test_two_clusters_have_the_area_of_the_integral(p, q):
    def divergence(one, share):
        mixture = [share * a + (1 - share) * b for a, b in zip(p, q, strict=True)]
        return sum(a * math.log(a / b) for a, b in zip(one, mixture, strict=True) if a)

    def along(share):
        return math.exp(-5 * divergence(q, share))

    # The area under the curve is the integral of its height over how far it goes along.
    def strip(share, step=1e-6):
        slope = (along(share - step) - along(share + step)) / (2 * step)
        return math.exp(-5 * divergence(p, share)) * slope

    area, _ = quad(strip, 1e-5, 1 - 1e-5)
    area += along(1 - 1e-5)  # at full height before the last point
    assert 0.01 < area < 0.99
    assert mauve(np.array(p), np.array(q)) == pytest.approx(area, abs=2e-4)
    assert mauve(np.array(q), np.array(p)) == pytest.approx(area, abs=2e-4)


def areas(first, second):
    [(one, two)], clusters = quantise(first, second, [1])
    assert one.shape == (len(first),)
    assert two.shape == (len(second),)
    return mauve(np.bincount(one, minlength=clusters), np.bincount(two, minlength=clusters))


def test_samples_of_one_source_share_nearly_all_and_of_two_next_to_nothing():
    random = np.random.default_rng(1)
    centres = random.normal(size=(4, 16))
    cloud = unit(centres[random.integers(4, size=400)] + 0.1 * random.normal(size=(400, 16)))
    assert areas(cloud[:200], cloud[:200]) == pytest.approx(1)
    assert areas(cloud[:200], cloud[200:]) > 0.8
    assert areas(cloud[:200], -cloud[200:]) == pytest.approx(5 / 1260, abs=1e-3)


def test_clusters_are_one_for_ten_texts_and_the_same_each_time():
    random = np.random.default_rng(2)
    first, second = unit(random.normal(size=(600, 8))), unit(random.normal(size=(400, 8)))
    clusterings, clusters = quantise(first, second, [1, 2])
    assert clusters == 40
    (one, two), other = clusterings
    assert {*one, *two} == {*range(40)}
    # The same seed gives the same clusters, whatever other seeds stand beside it.
    [again], _ = quantise(first, second, [1])
    assert (one == again[0]).all()
    assert (two == again[1]).all()
    assert not (one == other[0]).all()


def test_points_that_are_few_are_clusters_of_their_own():
    # Two texts for ever against another: three points for what would be ten clusters.
    first = np.repeat(np.eye(4)[:2], 50, axis=0)
    second = np.repeat(np.eye(4)[2:3], 100, axis=0)
    [(one, two)], clusters = quantise(first, second, [1])
    assert clusters == 3
    assert len({*one}) == 2
    assert len({*two} - {*one}) == 1


@pytest.mark.filterwarnings("error")
def test_one_text_on_both_sides_is_one_cluster():
    # It has no principal component.
    same = np.repeat(np.eye(4)[:1], 20, axis=0)
    [(one, two)], clusters = quantise(same, same, [1])
    assert clusters == 1
    assert not one.any()
    assert not two.any()
