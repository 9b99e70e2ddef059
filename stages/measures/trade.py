"""Quality against diversity: the two measures of one point on a generator's curve."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from stages.measures.bleu import ORDERS, self_bleu
from stages.measures.bootstrap import Estimate, estimate
from stages.measures.frechet import fit_gaussian, frechet_distance
from stages.measures.sentence_vectors import SentenceEncoder


class Point(NamedTuple):
    """What texts of one source at one temperature are worth.

    Attributes:
        frechet: distance of sentence vectors to real texts, 0 or more; lower is better.
        self_bleu_4: from 0 (no text like another) to 1 (all alike); best as real text's.
    """

    frechet: Estimate
    self_bleu_4: Estimate


class Trade:
    """Measures both against one set of real texts.

    Args:
        test: real texts that no generator has learnt from.
        resamples: of each interval.
        seed: of the resamples.
        device: where MiniLM runs.
    """

    def __init__(self, test: Sequence[str], resamples: int, seed: int, device: str) -> None:
        self.resamples, self.seed = resamples, seed
        self.encoder = SentenceEncoder(device)
        self.real = fit_gaussian(self.encoder.encode(test))

    def measure(self, texts: Sequence[str]) -> Point:
        """Measure texts, two or more; only equally many compare."""
        vectors = self.encoder.encode(texts)
        scores = self_bleu(texts, np.arange(len(texts)))[:, ORDERS.index(4)]

        def distance(chosen: np.ndarray) -> float:
            return frechet_distance(self.real, fit_gaussian(vectors[chosen]))

        def likeness(chosen: np.ndarray) -> float:
            return float(scores[chosen].mean())

        count, settings = len(texts), {"resamples": self.resamples, "seed": self.seed}
        with threadpool_limits(1, user_api="blas"):
            return Point(
                estimate(distance, count, bounds=(0, np.inf), **settings),
                estimate(likeness, count, bounds=(0, 1), **settings),
            )


def at_equal_diversity(curve: Sequence[Point], self_bleu_4: float) -> float | None:
    """Return the Frechet distance at a given Self-BLEU-4, on the straight lines between points.

    Args:
        curve: a generator's points, one a temperature.
        self_bleu_4: where to read.

    Returns:
        None where no point is as low, or none as high.
    """
    points = sorted(curve, key=lambda point: point.self_bleu_4.value)
    places = [point.self_bleu_4.value for point in points]
    if not places[0] <= self_bleu_4 <= places[-1]:
        return None
    return float(np.interp(self_bleu_4, places, [point.frechet.value for point in points]))
