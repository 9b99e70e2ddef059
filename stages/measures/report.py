"""All measures of all sources: what is measured against what, over how many texts, how surely.

What is resampled for an interval is the source's texts, and what is held fixed is everything else:
the real texts, MAUVE's clusters, the other texts of the source that Self-BLEU compares with, and
the models. Two measures have no texts of the source to resample: a classifier's accuracy is
resampled over the texts it judges, real and generated, its folds and weights fixed; reverse
perplexity over the real texts that the source's model reads. So an interval says how far a value
moves with other texts, not with another training run or another test split.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean

import numpy as np
from threadpoolctl import threadpool_limits

from stages.measures import two_sample
from stages.measures.bleu import ORDERS, bleu, self_bleu
from stages.measures.bootstrap import Estimate, estimate
from stages.measures.frechet import fit_gaussian, frechet_distance
from stages.measures.language_model import TrigramModel, vocabulary_of
from stages.measures.lexical import (
    copied_lines,
    copied_ngrams,
    distinct_lines,
    distinct_ngrams,
    empty_lines,
    known_words,
    length_distance,
)
from stages.measures.mauve import CLUSTERINGS, mauve, quantise
from stages.measures.sentence_vectors import SentenceEncoder
from stages.seeds import derive_seed

TRAIN = "train"  # the source that is real training text
FEWEST = 10  # texts a source: two in each fold of the classifiers

SHARE, DISTANCE, PERPLEXITY = (0.0, 1.0), (0.0, np.inf), (1.0, np.inf)


Estimates = dict[str, Estimate]  # by measure


class Judge:
    """Measures sources against one held-out set of real texts."""

    def __init__(
        self, test: Sequence[str], vocabulary: Sequence[str], resamples: int, seed: int, device: str
    ) -> None:
        """Prepare what all sources are measured against.

        Args:
            test: real texts that no generator has learnt from, all of which are the reference.
            vocabulary: words that the language models tell apart.
            resamples: of each interval.
            seed: of resamples, clusters and folds.
            device: where MiniLM runs.
        """
        self.test, self.vocabulary = test, vocabulary
        self.resamples, self.seed = resamples, seed
        self.encoder = SentenceEncoder(device)
        self.vectors = self.encoder.encode(test)
        self.gaussian = fit_gaussian(self.vectors)

    def measure(self, texts: Sequence[str], training: Sequence[str]) -> Estimates:
        """Take every measure of one source.

        Args:
            texts: of the source, at least FEWEST.
            training: the real texts against which copies and known words are told.
        """
        vectors = self.encoder.encode(texts)
        # Many small matrices are no work for several threads.
        with threadpool_limits(1, user_api="blas"):
            return (
                self._lexical(texts, training)
                | self._bleu(texts)
                | self._perplexity(texts, training)
                | self._frechet(vectors)
                | self._equal_sides(texts, vectors)
            )

    def _lexical(self, texts: Sequence[str], training: Sequence[str]) -> Estimates:
        count = len(texts)
        copied = copied_ngrams(texts, training, 5)
        return {
            "known_words": self._ratio(known_words(texts, training), SHARE),
            "distinct_1": self._estimate(distinct_ngrams(texts, 1), count, SHARE),
            "distinct_2": self._estimate(distinct_ngrams(texts, 2), count, SHARE),
            "distinct_lines": self._estimate(distinct_lines(texts), count, SHARE),
            "copied_lines": self._mean(copied_lines(texts, training)),
            "copied_5grams": self._ratio(copied, SHARE),
            "empty_lines": self._mean(empty_lines(texts)),
            "length_distance": self._estimate(length_distance(texts, self.test), count, DISTANCE),
        }

    def _bleu(self, texts: Sequence[str]) -> Estimates:
        scores = {
            "bleu": bleu(texts, self.test),
            "self_bleu": self_bleu(texts, np.arange(len(texts))),
        }
        return {
            f"{name}_{order}": self._mean(values)
            for name, table in scores.items()
            for order, values in zip(ORDERS, table.T, strict=True)
        }

    def _perplexity(self, texts: Sequence[str], training: Sequence[str]) -> Estimates:
        forward = TrigramModel.fit(training, self.vocabulary).surprise(texts)
        reverse = TrigramModel.fit(texts, self.vocabulary).surprise(self.test)
        return {
            "forward_perplexity": self._ratio(forward, PERPLEXITY, np.exp),
            "reverse_perplexity": self._ratio(reverse, PERPLEXITY, np.exp),
        }

    def _frechet(self, vectors: np.ndarray) -> Estimates:
        def distance(chosen: np.ndarray) -> float:
            return frechet_distance(self.gaussian, fit_gaussian(vectors[chosen]))

        return {"frechet": self._estimate(distance, len(vectors), DISTANCE)}

    def _equal_sides(self, texts: Sequence[str], vectors: np.ndarray) -> Estimates:
        """Take the measures that want as many real texts as generated ones: the first of both."""
        count = min(len(texts), len(self.test))
        sides, vectors_of = (
            (self.test[:count], texts[:count]),
            (self.vectors[:count], vectors[:count]),
        )
        clusterings = [
            quantise(*vectors_of, derive_seed(self.seed, f"clusters {number}"))
            for number in range(CLUSTERINGS)
        ]

        def area(chosen: np.ndarray) -> float:
            return fmean(
                mauve(
                    np.bincount(real, minlength=clusters),
                    np.bincount(generated[chosen], minlength=clusters),
                )
                for real, generated, clusters in clusterings
            )

        folds = two_sample.assign_folds(*sides, self.seed)
        return {
            "mauve": self._estimate(area, count, SHARE),
            "classifier_vectors": self._mean(two_sample.judge_vectors(*vectors_of, folds)),
            "classifier_words": self._mean(two_sample.judge_words(*sides, folds)),
        }

    def _estimate(
        self,
        statistic: Callable[[np.ndarray], float],
        count: int,
        bounds: tuple[float, float],
    ) -> Estimate:
        return estimate(statistic, count, resamples=self.resamples, seed=self.seed, bounds=bounds)

    def _mean(self, values: np.ndarray) -> Estimate:
        return self._estimate(lambda chosen: float(values[chosen].mean()), len(values), SHARE)

    def _ratio(
        self,
        parts: tuple[np.ndarray, np.ndarray],
        bounds: tuple[float, float],
        transform: Callable[[float], float] = float,
    ) -> Estimate:
        """Estimate the ratio of two sums over texts, 0 where the second is 0."""
        above, below = parts

        def statistic(chosen: np.ndarray) -> float:
            total = below[chosen].sum()
            return float(transform(above[chosen].sum() / total)) if total else 0.0

        return self._estimate(statistic, len(above), bounds)


def measure_sources(
    sources: Mapping[str, Sequence[str]],
    train: Sequence[str],
    test: Sequence[str],
    *,
    count: int,
    resamples: int,
    seed: int,
    device: str,
) -> Iterator[tuple[str, Estimates]]:
    """Measure real training text and each source over equally many texts.

    Each is cut to a random choice of as many texts as the shortest has, `count` at most, and half
    of the training texts at most: the chosen ones are measured as the source `train`, with the
    rest as what they could have copied. All other sources are measured with all training texts, so
    that row's known words, copies and forward perplexity stand against less text than the others'.
    The reference is all of `test`. Where it is smaller, MAUVE and the classifiers take as many of
    each source, and the Frechet distance of all sources is too high alike, real text's too.

    Args:
        sources: texts by source, words joined by one space, at least FEWEST each; not `train`.
        train: real texts that the generators have learnt from, at least twice FEWEST.
        test: real texts that they have not seen, at least FEWEST.
        count: texts a source at most, at least FEWEST.
        resamples: of each interval.
        seed: of all that is random.
        device: where MiniLM runs.

    Yields:
        Name and measures of each source, real training text first.
    """
    size = min(count, len(train) // 2, *map(len, sources.values()))
    # Shuffled too, as the measures of equal sides take the first.
    test, own = _shuffled(test, seed), _shuffled(train, seed)
    judge = Judge(test, vocabulary_of(train, test), resamples, seed, device)
    yield TRAIN, judge.measure(own[:size], own[size:])
    for name, texts in sources.items():
        yield name, judge.measure(_shuffled(texts, seed)[:size], train)


def _shuffled(texts: Sequence[str], seed: int) -> list[str]:
    # Each anew, so that no source's numbers depend on which others are measured beside it.
    order = np.random.default_rng(seed).permutation(len(texts))
    return [texts[place] for place in order]
