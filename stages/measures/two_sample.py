"""Classifier two-sample tests: can a fresh classifier tell generated texts from real ones?

Source: D. Lopez-Paz and M. Oquab, "Revisiting Classifier Two-Sample Tests", ICLR 2017,
arXiv:1610.06545. They hold half of the texts out once; we cross-validate, so that each text is
judged by a classifier that has not seen it.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

FOLDS = 5


def assign_folds(
    real: Sequence[str], generated: Sequence[str], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Deal the texts of both sides out to folds, as many of each side to each fold.

    A text that both sides have is dealt in pairs, one copy of each side to the same fold. Otherwise
    a classifier that learnt one copy in training would misjudge the other, and the accuracy of a
    source that copies real text would fall below 0.5. Copies within one side are dealt out like all
    other texts, so that a source that repeats itself is recognised by the copies in training.

    Args:
        real: N texts.
        generated: N texts.
        seed: of the order in which texts are dealt.

    Returns:
        Fold of each text, from 0 to FOLDS - 1, (N,) of each side.

    Raises:
        ValueError: the sides differ in size, or are smaller than the number of folds.
    """
    if len(real) != len(generated) or len(real) < FOLDS:
        raise ValueError(f"{len(real)} and {len(generated)} texts: unequal, or below {FOLDS}")
    random = np.random.default_rng(seed)
    common = Counter(real) & Counter(generated)
    folds = []
    for texts in (real, generated):
        paired: dict[str, list[int]] = {text: [] for text in common}
        single = []
        for place in random.permutation(len(texts)).tolist():
            places = paired.get(texts[place])
            if places is not None and len(places) < common[texts[place]]:
                places.append(place)
            else:
                single.append(place)
        # The pairs come first and in one order, so the halves of a pair meet in a fold.
        order = [place for places in paired.values() for place in places] + single
        fold = np.empty(len(texts), int)
        fold[order] = np.arange(len(texts)) % FOLDS
        folds.append(fold)
    return folds[0], folds[1]


def judge_vectors(
    real: np.ndarray, generated: np.ndarray, folds: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Judge texts by their vectors, with logistic regression as scikit-learn has it.

    Args:
        real: (N, D).
        generated: (N, D).
        folds: of `assign_folds`.

    Returns:
        Whether each text is told rightly, (2N,), bool, real before generated. Its mean is the
        test's accuracy: 0.5 is perfect, 1 the worst; below 0.5 is chance.
    """
    return _cross_validate(np.concatenate([real, generated]), folds)


def judge_words(
    real: Sequence[str], generated: Sequence[str], folds: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Judge texts by the words and pairs of words in them, with logistic regression.

    Args:
        real: N texts, words joined by one space, at least one word in all.
        generated: N texts.
        folds: of `assign_folds`.

    Returns:
        As `judge_vectors`.
    """
    # Pairs that only the judged fold has keep a weight of 0, so one count serves all folds.
    features = count_words().fit_transform([*real, *generated])
    return _cross_validate(features, folds)


def count_words() -> CountVectorizer:
    """Return what turns texts into features: which words and pairs of words are in each."""
    return CountVectorizer(token_pattern=r"\S+", lowercase=False, ngram_range=(1, 2), binary=True)


def _cross_validate(features: Any, folds: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    classifier = LogisticRegression(max_iter=1000)
    labels = np.repeat([1, 0], [len(folds[0]), len(folds[1])])
    fold = np.concatenate(folds)
    correct = np.empty(len(fold), bool)
    for held_out in range(FOLDS):
        judged = fold == held_out
        classifier.fit(features[~judged], labels[~judged])
        correct[judged] = classifier.predict(features[judged]) == labels[judged]
    return correct
