"""A generator whose texts are chosen by its discriminator.

Of several candidates of like length one is drawn by its odds of being real, which for a
discriminator trained on cross-entropy are P(real) / P(generator): with many candidates, texts of a
length come out as the discriminator believes real ones of that length to be distributed. How long
texts are stays the generator's choice: the longer a text, the more gives it away, so that odds
would shorten texts. Of texts drawn at another temperature or top_p than 1, or by another objective,
the odds are no more than a preference; so are those which a generator multiplies by a weight of its
own, as `conditional_gan` does by P(label | text).

Source: D. B. Rubin, "Using the SIR algorithm to simulate posterior distributions", Bayesian
Statistics 3, 1988; for GANs S. Azadi et al., "Discriminator Rejection Sampling", 2019,
arXiv:1810.06758; for text Y. Deng et al., "Residual Energy-Based Models for Text Generation", 2020,
arXiv:2004.11714, from whom we differ in drawing each text from candidates of its own, so that none
is used twice, and of its length.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from stages.corpus.seeds import derive_seed
from stages.generators.per_label import PerLabel
from stages.generators.protocol import Generator, check_request
from stages.networks.lstm_language_model import draw_places

BATCH = 500  # texts judged at a time
GROUPS = 1000  # of other candidates at most, over which the gain in likelihood is averaged
NEAR = 20  # such groups are taken from a part of all candidates: those nearest in length


class Judged(NamedTuple):
    """The candidates of N texts.

    Attributes:
        lengths: in words, (N, candidates), int64.
        odds: the logarithms of their odds of being real, (N, candidates), float64.
    """

    lengths: Tensor
    odds: Tensor


class Chosen:
    """A generator that draws each text from several candidates; see `protocol.Generator`.

    Args:
        generator: one that `chooses`.
        candidates: texts from which one is drawn, at least 2.
    """

    def __init__(self, generator: Generator, candidates: int) -> None:
        self.generator = generator
        self.candidates = candidates
        self.judged: list[Judged] = []  # the candidates of the texts written last
        self.conditional, self.tempered = False, generator.tempered
        self.prefixed = generator.prefixed

    def generate(
        self,
        count: int,
        seed: int,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        labels: Sequence[str] | None = None,
        prefix: str = "",
    ) -> Iterator[list[str]]:
        """Yield `count` texts, each drawn from candidates of like length; see `resample`."""
        inner = self.generator
        check_request(inner, temperature=temperature, top_p=top_p, labels=labels, prefix=prefix)
        batches = self.generator.generate(
            count * self.candidates,
            seed,
            temperature=temperature,
            top_p=top_p,
            prefix=prefix,
        )
        self.judged = []
        odds, seed = self.generator.log_odds, derive_seed(seed, "resample")
        return resample(batches, odds, self.candidates, seed, self.judged.append)

    def effective_sample_size(self) -> float:
        """Return how many of its candidates a text written last was drawn from, on average.

        From 1, where one candidate has all the odds, to `candidates`, where all have the same: of
        odds w it is (sum w)² / sum w² (A. Kong, "A Note on Importance Sampling using Standardized
        Weights", 1992).
        """
        odds = torch.cat([each.odds for each in self.judged]).softmax(1)  # (N, candidates)
        return (1 / odds.square().sum(1)).mean().item()

    def likelihood_gain(self, texts: Sequence[str]) -> np.ndarray:
        """Bound how much likelier each text becomes by the choice, (N,), in nats, from below.

        A text is written where it is a candidate and is drawn from the K: of K - 1 others, its
        log P rises by log(K E[w / (w + sum of the others' w)]). The mean is taken over groups of
        candidates written last, of the lengths nearest to the text's; as the logarithm of a mean
        lies above the mean of logarithms, the estimate errs towards less. The length of a text is
        as likely as before. Texts by which the discriminator's best pass was chosen err towards
        more.
        """
        lengths = torch.cat([each.lengths.flatten() for each in self.judged])
        odds = torch.cat([each.odds.flatten() for each in self.judged])
        order = lengths.argsort(stable=True)
        lengths, odds = lengths[order], odds[order]
        others = self.candidates - 1
        size = max(1, min(GROUPS, len(odds) // (NEAR * others))) * others
        own = self.generator.log_odds(texts).double()
        gains = []
        for text, log_odds in zip(texts, own, strict=True):
            length = torch.tensor(len(text.split()))
            middle = int(
                (
                    torch.searchsorted(lengths, length)
                    + torch.searchsorted(lengths, length, right=True)
                )
                // 2
            )
            first = min(max(middle - size // 2, 0), len(odds) - size)
            # Dealt out in turn, so that each group has candidates of all these lengths.
            groups = odds[first : first + size].view(others, -1).T  # (groups, K - 1)
            total = torch.logaddexp(groups.logsumexp(1), log_odds)
            share = (log_odds - total).logsumexp(0) - math.log(len(groups))
            gains.append(share.item() + math.log(self.candidates))
        return np.array(gains)


def with_choice(generator: Generator, candidates: int) -> Generator:
    """Let a generator's discriminator choose among its texts, where it has one that can.

    A generator that takes labels chooses within each label.
    """
    if not generator.chooses or candidates == 1:
        return generator
    if generator.conditional:
        parts = {label: with_choice(part, candidates) for label, part in generator.parts.items()}
        return PerLabel(parts, generator.shares)
    return Chosen(generator, candidates)


def resample(
    batches: Iterable[list[str]],
    log_odds: Callable[[list[str]], Tensor],
    candidates: int,
    seed: int,
    tell: Callable[[Judged], None] = lambda judged: None,
) -> Iterator[list[str]]:
    """Yield one of every `candidates` texts, drawn by its odds among texts of like length.

    Args:
        batches: the texts, in batches of any size; what is left over at the end goes.
        log_odds: from up to `BATCH` texts to the logarithm of each one's odds of being real, (N,).
        candidates: texts from which one is drawn, at least 1; of 1 each is kept, unjudged.
        seed: of the draw.
        tell: takes each batch of candidates as they were judged.
    """
    if candidates == 1:
        yield from batches
        return
    random = torch.Generator().manual_seed(seed)
    waiting: list[str] = []
    for batch in batches:
        waiting += batch
        while len(waiting) >= BATCH * candidates:
            yield _choose(waiting[: BATCH * candidates], log_odds, candidates, random, tell)
            waiting = waiting[BATCH * candidates :]
    groups = len(waiting) // candidates
    if groups:
        yield _choose(waiting[: groups * candidates], log_odds, candidates, random, tell)


def _choose(
    texts: list[str],
    log_odds: Callable[[list[str]], Tensor],
    candidates: int,
    random: torch.Generator,
    tell: Callable[[Judged], None],
) -> list[str]:
    """Draw one text of each group; texts are grouped by length and come out in any order."""
    odds = torch.cat(
        [log_odds(texts[first : first + BATCH]) for first in range(0, len(texts), BATCH)]
    )
    lengths = torch.tensor([len(text.split()) for text in texts])
    groups = lengths.argsort(stable=True).view(-1, candidates)
    judged = Judged(lengths[groups], odds.double()[groups])
    tell(judged)
    drawn = draw_places(judged.odds.softmax(1), random)
    chosen = groups.gather(1, drawn.unsqueeze(1)).squeeze(1)
    order = torch.randperm(len(chosen), generator=random)
    return [texts[place] for place in chosen[order].tolist()]
