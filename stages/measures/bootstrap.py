"""Intervals by resampling: what a measure would be for other texts of the same source.

Source: B. Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 1979,
doi:10.1214/aos/1176344552. We resample halves without replacement instead: J. Shao and C. F. J. Wu,
"A General Theory for Jackknife Variance Estimation", Annals of Statistics 1989,
doi:10.1214/aos/1176347263. A mean spreads over such halves as over bootstrap resamples, for
(2/N) (1 - 1/2) = 1/N; but no text is drawn twice, which a share of distinct texts or a Frechet
distance would take for repetition by the source.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

_LEVELS = (0.025, 0.975)


class Estimate(NamedTuple):
    """A measure's value, and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def estimate(
    statistic: Callable[[np.ndarray], float],
    count: int,
    *,
    resamples: int,
    seed: int,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> Estimate:
    """Return `statistic` of all texts with a 95 % interval, from its values on halves of them.

    Args:
        statistic: from places of texts, (M,), each once, to the measure of those texts.
        count: N, texts in all, at least 2.
        resamples: halves drawn; a hundred or more for quantiles that mean something.
        seed: of the halves.
        bounds: lowest and highest value that the measure has, to which the interval is cut.

    Returns:
        The statistic of all texts, and the interval's ends, between which it lies.
    """
    values = [statistic(half) for half in draw_halves(count, resamples, seed)]
    return interval(statistic(np.arange(count)), values, bounds)


def draw_halves(count: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield places of half of `count` texts, (count // 2,) int64, `resamples` times."""
    random = np.random.default_rng(seed)
    for _ in range(resamples):
        yield random.permutation(count)[: count // 2]


def interval(
    whole: float, values: Sequence[float], bounds: tuple[float, float] = (-np.inf, np.inf)
) -> Estimate:
    """Return a statistic of all texts with a 95 % interval, from its `values` on halves of them.

    The values' quantiles are moved so that the values' mean falls on the statistic of all texts:
    many measures depend on the number of texts, and halves would shift the interval off it. They
    are cut to `bounds`, the lowest and the highest that the measure has.
    """
    low, high = whole + np.quantile(values, _LEVELS) - np.mean(values)
    # Rounding must not push an end past the statistic itself.
    low, high = max(min(low, whole), bounds[0]), min(max(high, whole), bounds[1])
    return Estimate(float(whole), float(low), float(high))
