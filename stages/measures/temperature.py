"""The sampling temperature at which a generator repeats itself as much as real text does.

Quality and diversity trade against each other over temperatures, so that generators compare where
they are equally diverse: M. Caccia et al., "Language GANs Falling Short", ICLR 2020,
arXiv:1811.02549. Diversity is Self-BLEU-4, see `bleu`.
"""

from collections.abc import Callable, Sequence

import numpy as np

from stages.measures.bleu import self_bleu

LOWEST, HIGHEST = 0.7, 1.5  # beyond them a generator has other faults than its temperature
STEP = 0.1  # from 1 to the second temperature that is tried
ROUNDS = 3  # temperatures tried


def match_diversity(
    write: Callable[[float], list[str]], real: Sequence[str]
) -> tuple[float, list[tuple[float, float]]]:
    """Find the temperature by the line through the two tried that came nearest.

    Args:
        write: from a temperature to as many texts as `real` has.
        real: texts that the generator has not learnt from, two or more.

    Returns:
        The temperature, from LOWEST to HIGHEST, and each one tried with its Self-BLEU-4.
    """
    goal = mean_self_bleu(real)
    tried: list[tuple[float, float]] = []
    temperature = 1.0
    for _ in range(ROUNDS):
        tried.append((temperature, mean_self_bleu(write(temperature))))
        temperature = _next(tried, goal)
    return temperature, tried


def mean_self_bleu(texts: Sequence[str]) -> float:
    """Return the mean Self-BLEU-4 of texts, from 0 to 1."""
    return float(self_bleu(texts, np.arange(len(texts)))[:, 2].mean())


def _next(tried: Sequence[tuple[float, float]], goal: float) -> float:
    ordered = sorted(tried, key=lambda each: abs(each[1] - goal))
    first, value = ordered[0]
    others = [each for each in ordered if each[0] != first]
    if value == goal:
        return first
    if not others or (slope := (others[0][1] - value) / (others[0][0] - first)) >= 0:
        # There is no line yet, or chance alone has drawn it; a higher temperature repeats less.
        temperature = first + (STEP if value > goal else -STEP)
    else:
        temperature = first + (goal - value) / slope
    return round(min(max(temperature, LOWEST), HIGHEST), 3)
