"""What answers of several people about the same texts say together.

Source: J. Fleiss, "Measuring Nominal Scale Agreement among Many Raters", Psychological Bulletin
1971, doi:10.1037/h0031619; E. Korn and B. Graubard, "Confidence Intervals for Proportions with
Small Expected Number of Positive Counts Estimated from Survey Data", Survey Methodology 1998, for
intervals by an effective number of answers; R. Fisher, "The Design of Experiments", 1935, chapter
II, for the permutation test against guessing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product
from math import comb

import numpy as np

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


def chance_of_guessing(is_real: Mapping[int, bool], people: Sequence[Mapping[int, bool]]) -> float:
    """Return the chance that guessing would be right at least as often.

    Whoever guesses answers without regard to who wrote the texts, so that any other of them could
    have been the real ones. How often people would then be right is counted over all ways to choose
    these, as many among the texts that the same people have answered: a permutation test, exact and
    one-sided. So each person keeps the number of real and of generated texts answered, and of times
    that real was said: neither one answer to all texts nor stopping where more of one kind have
    been shown gains anything; in a binomial test against one half both would. People who agree are
    no more sure than one of them: a habit that they share may hit by chance. Of one person it is
    Fisher's exact test.

    Args:
        is_real: by text, whether it is.
        people: what each has said, by text: whether it is real.

    Returns:
        A p-value, from 0 to 1: 1 for whoever gives all texts the same answer.
    """
    groups: dict[tuple[int, ...], list[int]] = {}  # of texts that the same people have answered
    for text in is_real:
        readers = tuple(place for place, said in enumerate(people) if text in said)
        groups.setdefault(readers, []).append(text)
    calls = {text: sum(said.get(text, False) for said in people) for text in is_real}
    hits = sum(calls[text] for text in is_real if is_real[text])  # calls of real texts, real
    ways = Counter({0: 1})  # by hits: whole numbers
    for texts in groups.values():
        own = _count_ways([calls[text] for text in texts], sum(is_real[text] for text in texts))
        both = Counter()
        for (first, before), (second, more) in product(ways.items(), own.items()):
            both[first + second] += before * more
        ways = both
    return sum(count for found, count in ways.items() if found >= hits) / ways.total()


def _count_ways(calls: Sequence[int], real: int) -> dict[int, int]:
    """Count in how many ways so many texts can be chosen, by the sum of their calls."""
    ways = Counter({(0, 0): 1})  # by texts chosen so far, and their sum
    for value, texts in Counter(calls).items():
        after = Counter()
        for (chosen, total), before in ways.items():
            for more in range(min(texts, real - chosen) + 1):
                after[chosen + more, total + more * value] += before * comb(texts, more)
        ways = after
    return {total: count for (chosen, total), count in ways.items() if chosen == real}
