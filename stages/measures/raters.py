"""What answers of several people about the same texts say together.

Source: J. Fleiss, "Measuring Nominal Scale Agreement among Many Raters", Psychological Bulletin
1971, doi:10.1037/h0031619; E. Korn and B. Graubard, "Confidence Intervals for Proportions with
Small Expected Number of Positive Counts Estimated from Survey Data", Survey Methodology 1998, for
intervals by an effective number of answers; R. Fisher, "The Design of Experiments", 1935, chapter
II, for the test against guessing.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import comb
from typing import NamedTuple

import numpy as np

from stages.measures.bootstrap import Estimate
from stages.measures.detection import wilson


class Told(NamedTuple):
    """Whether a text is real, and whether somebody said so."""

    is_real: bool
    said_real: bool


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


def chance_of_guessing(people: Iterable[Sequence[Told]]) -> float:
    """Return the chance that guessing would be right at least as often.

    Whoever guesses answers alone, and without regard to who wrote the texts. Given how many real
    and how many generated texts a person has answered, and how often that person said real, the
    number of real texts among these is then hypergeometric: Fisher's exact test, one-sided. All
    right answers follow from that number. Over several people it is summed, each given their own
    counts, as N. Mantel and W. Haenszel do (JNCI 1959, doi:10.1093/jnci/22.4.719), but exactly,
    not by a normal approximation. So neither one answer to all texts nor stopping where more of
    one kind have been shown gains anything; in a binomial test against one half both would.

    Args:
        people: what each has said of different texts.

    Returns:
        A p-value, above 0 and at most 1: 1 for whoever gives all texts the same answer.
    """
    hits, ways = 0, np.array([1], object)  # of calling so many real texts real: whole numbers
    for answers in people:
        real = sum(each.is_real for each in answers)
        said = sum(each.said_real for each in answers)
        hits += sum(each.is_real and each.said_real for each in answers)
        fake = len(answers) - real
        own = [comb(real, count) * comb(fake, said - count) for count in range(said + 1)]
        ways = np.convolve(ways, np.array(own, object))
    return int(ways[hits:].sum()) / int(ways.sum())
