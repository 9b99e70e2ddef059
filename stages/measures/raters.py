"""What answers of several people about the same texts say together.

Source: J. Fleiss, "Measuring Nominal Scale Agreement among Many Raters", Psychological Bulletin
1971, doi:10.1037/h0031619; E. Korn and B. Graubard, "Confidence Intervals for Proportions with
Small Expected Number of Positive Counts Estimated from Survey Data", Survey Methodology 1998, for
intervals by an effective number of answers.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import binomtest

from stages.measures.bootstrap import Estimate
from stages.measures.detection import wilson


def share_of_answers(answers: Mapping[int, Sequence[bool]]) -> Estimate:
    """Return the share of True among answers, with an interval for other texts of the same kind.

    Several answers about one text are worth fewer than as many about different texts, as far as
    people agree. Wilson's interval is therefore that of the number of independent answers among
    which the share would spread as much. With one answer a text it is that of the answers.

    Args:
        answers: by text, one or more of each.
    """
    counts = np.array([len(given) for given in answers.values()])
    sums = np.array([sum(given) for given in answers.values()])
    value = float(sums.sum() / counts.sum())
    spread = float(np.sum((sums - counts * value) ** 2)) / counts.sum() ** 2
    if value in (0, 1):  # as many as is known to be independent
        count = float(len(counts))
    else:
        count = value * (1 - value) / spread if spread else np.inf
    return wilson(value, min(max(count, 1.0), float(counts.sum())))


def fleiss_kappa(counts: Sequence[tuple[int, int]]) -> float | None:
    """Return how far people agree about texts beyond chance: 1 wholly, 0 as chance does.

    Texts may have different numbers of answers; those with fewer than two say nothing.

    Args:
        counts: of each text, how often each of the two answers was given.

    Returns:
        None where no text has two answers, or all answers are the same.
    """
    table = np.array([pair for pair in counts if sum(pair) > 1], float).reshape(-1, 2)  # (N, 2)
    totals = table.sum(1)
    chance = float(np.sum((table.sum(0) / max(table.sum(), 1)) ** 2))
    if not len(table) or chance == 1:
        return None
    agreement = np.sum(table * (table - 1), 1) / (totals * (totals - 1))
    return float((agreement.mean() - chance) / (1 - chance))


def chance_of(right: int, count: int) -> float:
    """Return the chance that guessing is right at least so often: the exact binomial test."""
    return float(binomtest(right, count, 0.5, alternative="greater").pvalue)
