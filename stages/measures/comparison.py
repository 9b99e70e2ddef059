"""All measures of all sources: what is measured against what, over how many texts, how surely.

An interval comes from resampling the source's texts. Everything else is held fixed: the real texts,
MAUVE's clusters, the other texts of the source that Self-BLEU compares with, and the models. Two
measures are resampled over other texts: a classifier's accuracy over all texts it judges, real and
generated, with its folds and weights fixed; reverse perplexity over the real texts that the
source's model reads. So an interval says how much a value would change with other texts of the same
source. It does not cover another training run or another test split.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from statistics import fmean

import numpy as np

from stages.corpus.seeds import derive_seed
from stages.measures import two_sample
from stages.measures.bleu import ORDERS, References, bleu, self_bleu
from stages.measures.bootstrap import Estimate, draw_halves, estimate, interval
from stages.measures.frechet import fit_gaussian, frechet_distance, frechet_distances
from stages.measures.lexical import (
    KnownText,
    copied_lines,
    copied_ngrams,
    distinct_lines,
    distinct_ngrams,
    empty_lines,
    known_words,
    length_distance,
)
from stages.measures.mauve import CLUSTERINGS, mauve, quantise
from stages.measures.oracle_likelihood import oracle_nats
from stages.measures.sentence_vectors import SentenceEncoder
from stages.measures.trigram_model import TrigramModel, vocabulary_of
from stages.networks.cores import all_cores
from stages.networks.oracle_lstm import OracleLstm

TRAIN = "train"  # the source that is real training text
FEWEST = 10  # texts a source: two in each fold of the classifiers
_COPIED_ORDER = 5  # words that a source has in a row from one training text

SHARE, DISTANCE, PERPLEXITY = (0.0, 1.0), (0.0, np.inf), (1.0, np.inf)


Estimates = dict[str, Estimate]  # by measure


class TrainingText:
    """Real training text, counted once for all sources that are measured against it."""

    def __init__(self, texts: Sequence[str], vocabulary: Sequence[str]) -> None:
        """Count the n-grams of `texts`; `vocabulary` is what the trigram model tells apart."""
        self.known = KnownText(texts, _COPIED_ORDER)
        self.model = TrigramModel.fit(texts, vocabulary)


class Comparison:
    """Measures sources against one held-out set of real texts."""

    def __init__(
        self,
        test: Sequence[str],
        vectors: np.ndarray,
        vocabulary: Sequence[str],
        resamples: int,
        seed: int,
        oracle: OracleLstm | None = None,
    ) -> None:
        """Prepare what all sources are measured against.

        Args:
            test: real texts that no generator has learnt from, all of which are the reference.
            vectors: of these texts, (N, D).
            vocabulary: words that the trigram models tell apart.
            resamples: of each interval.
            seed: of resamples, clusters and folds.
            oracle: that wrote the real texts, where one did.
        """
        self.test, self.vectors, self.vocabulary = test, vectors, vocabulary
        self.resamples, self.seed = resamples, seed
        self.oracle = oracle
        self.gaussian = fit_gaussian(vectors)
        self.references = References(test)

    def measure(
        self, texts: Sequence[str], vectors: np.ndarray, training: TrainingText
    ) -> Estimates:
        """Take every measure of one source.

        Args:
            texts: of the source, at least FEWEST.
            vectors: of these texts, (N, D).
            training: the real text against which copies and known words are told.
        """
        return (
            self._lexical(texts, training.known)
            | self._bleu(texts)
            | self._perplexity(texts, training.model)
            | self._frechet(vectors)
            | self._equal_sides(texts, vectors)
            | self._oracle(texts)
        )

    def _lexical(self, texts: Sequence[str], training: KnownText) -> Estimates:
        count = len(texts)
        copied = copied_ngrams(texts, training, _COPIED_ORDER)
        return {
            "known_words": self._ratio(known_words(texts, training), SHARE),
            "distinct_1": self._estimate(distinct_ngrams(texts, 1), count, SHARE),
            "distinct_2": self._estimate(distinct_ngrams(texts, 2), count, SHARE),
            "distinct_lines": self._estimate(distinct_lines(texts), count, SHARE),
            "copied_lines": self._mean(copied_lines(texts, training)),
            f"copied_{_COPIED_ORDER}grams": self._ratio(copied, SHARE),
            "empty_lines": self._mean(empty_lines(texts)),
            "length_distance": self._estimate(length_distance(texts, self.test), count, DISTANCE),
        }

    def _bleu(self, texts: Sequence[str]) -> Estimates:
        scores = {
            "bleu": bleu(texts, self.references),
            "self_bleu": self_bleu(texts, np.arange(len(texts))),
        }
        return {
            f"{name}_{order}": self._mean(values)
            for name, table in scores.items()
            for order, values in zip(ORDERS, table.T, strict=True)
        }

    def _perplexity(self, texts: Sequence[str], training: TrigramModel) -> Estimates:
        forward = training.surprise(texts)
        reverse = TrigramModel.fit(texts, self.vocabulary).surprise(self.test)
        return {
            "forward_perplexity": self._ratio(forward, PERPLEXITY, np.exp),
            "reverse_perplexity": self._ratio(reverse, PERPLEXITY, np.exp),
        }

    def _frechet(self, vectors: np.ndarray) -> Estimates:
        halves = [*draw_halves(len(vectors), self.resamples, self.seed)]
        distances = frechet_distances(self.gaussian, vectors, halves)
        whole = frechet_distance(self.gaussian, fit_gaussian(vectors))
        return {"frechet": interval(whole, distances, DISTANCE)}

    def _equal_sides(self, texts: Sequence[str], vectors: np.ndarray) -> Estimates:
        """Take the measures that want as many real texts as generated ones: the first of both."""
        count = min(len(texts), len(self.test))
        sides, vectors_of = (
            (self.test[:count], texts[:count]),
            (self.vectors[:count], vectors[:count]),
        )
        seeds = [derive_seed(self.seed, f"clusters {number}") for number in range(CLUSTERINGS)]
        clusterings, clusters = quantise(*vectors_of, seeds)

        def area(chosen: np.ndarray) -> float:
            return fmean(
                mauve(
                    np.bincount(real, minlength=clusters),
                    np.bincount(generated[chosen], minlength=clusters),
                )
                for real, generated in clusterings
            )

        folds = two_sample.assign_folds(*sides, self.seed)
        return {
            "mauve": self._estimate(area, count, SHARE),
            "classifier_vectors": self._mean(two_sample.judge_vectors(*vectors_of, folds)),
            "classifier_words": self._mean(two_sample.judge_words(*sides, folds)),
        }

    def _oracle(self, texts: Sequence[str]) -> Estimates:
        if self.oracle is None:
            return {}
        nats, words = oracle_nats(texts, self.oracle)
        # Of no word of the oracle's 0 would be the best of all.
        return {"nll_oracle": self._ratio((nats, words), DISTANCE)} if words.any() else {}

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


def common_size(sources: Mapping[str, Sequence[str]], train: Sequence[str], count: int) -> int:
    """Return how many texts of each source can be measured: only equally many compare.

    As many as the shortest source has, half of the training texts (the other half is what these
    could have copied), and `count`, whichever is fewest.
    """
    return min(count, len(train) // 2, *map(len, sources.values()))


def measure_sources(
    sources: Mapping[str, Sequence[str]],
    train: Sequence[str],
    test: Sequence[str],
    *,
    size: int,
    resamples: int,
    seed: int,
    encoder: SentenceEncoder,
    oracle: OracleLstm | None = None,
) -> Iterator[tuple[str, Estimates]]:
    """Measure real training text and each source over equally many texts.

    Each is cut to a random choice of `size` texts. The training texts that are chosen are measured
    as the source `train`, with the rest as what they could have copied. All other sources are
    measured with all training texts, so the known words, copies and forward perplexity of `train`
    stand against less text than the others'. The reference is all of `test`. Where it is smaller,
    MAUVE and the classifiers take as many of each source, and the Frechet distance of all sources
    is too high by about as much, real text's too.

    The numbers do not depend on how many cores share the work.

    Args:
        sources: texts by source, words joined by one space, at least FEWEST each; not `train`.
        train: real texts that the generators have learnt from, at least twice FEWEST.
        test: real texts that they have not seen, at least FEWEST.
        size: texts a source, at least FEWEST and at most the `common_size`.
        resamples: of each interval.
        seed: of all that is random.
        encoder: of sentence vectors; numbers compare under one model only.
        oracle: that wrote the real texts, where one did: then all have the measure `nll_oracle`,
            and that of `train` is its floor.

    Yields:
        Name and measures of each source, real training text first.
    """
    # Shuffled too, as the measures of equal sides take the first.
    test, own = _shuffle(test, seed), _shuffle(train, seed)
    vocabulary = vocabulary_of(train, test)
    with all_cores() as pool:
        vectors = encoder.encode(test, pool)
        comparison = Comparison(test, vectors, vocabulary, resamples, seed, oracle)

        def start(texts: Sequence[str], training: TrainingText) -> Future[Estimates]:
            return pool.submit(comparison.measure, texts, encoder.encode(texts, pool), training)

        # While the cores encode a source, one that comes free takes the measures of that before.
        waiting = TRAIN, start(own[:size], TrainingText(own[size:], vocabulary))
        training = TrainingText(train, vocabulary)
        for name, texts in sources.items():
            started = name, start(_shuffle(texts, seed)[:size], training)
            yield waiting[0], waiting[1].result()
            waiting = started
        yield waiting[0], waiting[1].result()


def _shuffle(texts: Sequence[str], seed: int) -> list[str]:
    # Each anew, so that no source's numbers depend on which others are measured beside it.
    order = np.random.default_rng(seed).permutation(len(texts))
    return [texts[place] for place in order]
