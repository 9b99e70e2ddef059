"""Quality against diversity: the two measures of one point on a generator's curve."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from stages.measures.bleu import ORDERS, self_bleu
from stages.measures.bootstrap import Estimate, draw_halves, interval
from stages.measures.frechet import fit_gaussian, frechet_distance, frechet_distances
from stages.measures.sentence_vectors import SentenceEncoder
from stages.networks.cores import all_cores


class Point(NamedTuple):
    """What texts of one source at one temperature are worth.

    Attributes:
        frechet: distance of sentence vectors to real texts, 0 or more; lower is better.
        self_bleu_4: from 0 (no text like another) to 1 (all alike); best as real text's.
        halves: both on the same halves of the texts, (resamples, 2) float64.
    """

    frechet: Estimate
    self_bleu_4: Estimate
    halves: np.ndarray


class Trade:
    """Measures both against one set of real texts.

    Args:
        test: real texts that no generator has learnt from.
        resamples: of each interval.
        seed: of the resamples.
        encoder: of sentence vectors; distances compare under one model only.
    """

    def __init__(
        self, test: Sequence[str], resamples: int, seed: int, encoder: SentenceEncoder
    ) -> None:
        self.resamples, self.seed, self.encoder = resamples, seed, encoder
        self.real = fit_gaussian(self.encoder.encode(test))

    def measure(self, texts: Sequence[str]) -> Point:
        """Measure texts, two or more; only equally many compare."""
        vectors = self.encoder.encode(texts)
        scores = self_bleu(texts, np.arange(len(texts)))[:, ORDERS.index(4)]
        halves = [*draw_halves(len(texts), self.resamples, self.seed)]
        distances = frechet_distances(self.real, vectors, halves)
        likenesses = np.array([scores[half].mean() for half in halves])
        return Point(
            interval(frechet_distance(self.real, fit_gaussian(vectors)), distances, (0, np.inf)),
            interval(scores.mean(), likenesses, (0, 1)),
            np.stack([distances, likenesses], axis=1),
        )

    def measure_all(self, sources: Sequence[Sequence[str]]) -> Iterator[Point]:
        """Measure each source's texts, on all cores; the numbers do not depend on how many."""
        with all_cores() as pool:
            yield from pool.map(self.measure, sources)


def at_equal_diversity(curve: Sequence[Point], real: Point) -> Estimate | None:
    """Return a generator's Frechet distance where its Self-BLEU-4 is that of real text.

    It is read on the straight line between the two points around it. For the interval the two, and
    real text's Self-BLEU-4, are resampled, each by halves of its own texts; the slope stays.

    Args:
        curve: the generator's points, one a temperature.
        real: the point of real text.

    Returns:
        None where no point is as low, none as high, or all are alike.
    """
    points = sorted(curve, key=lambda point: point.self_bleu_4.value)
    target = real.self_bleu_4.value
    for lower, upper in pairwise(points):
        low, high = lower.self_bleu_4.value, upper.self_bleu_4.value
        if low <= target <= high and low < high:
            share = (target - low) / (high - low)
            slope = (upper.frechet.value - lower.frechet.value) / (high - low)
            distances, places = ((1 - share) * lower.halves + share * upper.halves).T
            return interval(
                lower.frechet.value + slope * (target - low),
                distances + slope * (real.halves[:, 1] - places),
                (0, np.inf),
            )
    return None
