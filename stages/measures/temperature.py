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
    """Find the temperature by the line that comes nearest to all that were tried.

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
        found = _meet(tried, goal)
        temperature = _step(tried, goal) if found is None else found
    nearest, _ = min(tried, key=lambda each: abs(each[1] - goal))
    return nearest if found is None else found, tried


def mean_self_bleu(texts: Sequence[str]) -> float:
    """Return the mean Self-BLEU-4 of texts, from 0 to 1."""
    return float(self_bleu(texts, np.arange(len(texts)))[:, 2].mean())


def _meet(tried: Sequence[tuple[float, float]], goal: float) -> float | None:
    """Return where the line of least squares meets the goal; None where it does not fall."""
    for temperature, value in tried:
        if value == goal:
            return temperature
    temperatures, values = np.array(tried).T
    apart = temperatures - temperatures.mean()
    if not (slope := apart @ values) < 0:  # as of one temperature, or where chance has drawn it
        return None
    met = temperatures.mean() + (goal - values.mean()) * (apart @ apart) / slope
    return _allowed(float(met))


def _step(tried: Sequence[tuple[float, float]], goal: float) -> float:
    """Go beyond what was tried; a higher temperature repeats less."""
    temperatures, values = zip(*tried, strict=True)
    if min(values) > goal:
        return _allowed(max(temperatures) + STEP)
    return _allowed(min(temperatures) - STEP)


def _allowed(temperature: float) -> float:
    return round(min(max(temperature, LOWEST), HIGHEST), 3)
