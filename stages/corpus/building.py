"""Making a corpus: which texts are in which split, and which words have a number."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np

from stages.corpus.corpus import SPLITS, UNKNOWN, Corpus, Split
from stages.corpus.errors import UserError

FEWEST = (2, 2, 1)  # texts of each split: of one there is no spread, nor words to tell apart


def build_corpus(
    texts: list[list[str]],
    labels: Sequence[int],
    test_share: float,
    validation_share: float,
    seed: int,
    *,
    label_names: Sequence[str] = ("0", "1"),
    most_words: int | None = None,
    train_on_all: bool = False,
) -> Corpus:
    """Split texts into three and turn their words into ids.

    Args:
        texts: the words of each text.
        labels: one label a text, its place in `label_names`; all `NO_LABEL` where there are none.
        test_share: share of each label's texts that becomes the test split, in (0, 1); what comes
            out is within one text of it for each label.
        validation_share: likewise for the validation split; both together below 1. Of few texts the
            label with more of them gives one or two beyond its share, so that there are two.
        seed: of the draw. The test split does not depend on the validation split's share.
        label_names: of each label.
        most_words: of the vocabulary, the training split's most frequent ones, of equal ones those
            that came first; None keeps all.
        train_on_all: every text is in the training split, none in the test split, and the
            validation split repeats the texts that it would have held.

    Raises:
        UserError: a split would have too few texts.
    """
    labels = np.asarray(labels, dtype=np.int8)
    drawn = draw_splits(labels, test_share, validation_share, seed)
    if train_on_all:
        drawn |= {"train": np.arange(len(labels)), "test": drawn["test"][:0]}
    ids = _number_vocabulary((texts[place] for place in drawn["train"]), most_words)
    vocabulary_size = len(ids) - 1
    splits = [_number_words(texts, labels, drawn[name], ids) for name in SPLITS]
    return Corpus(list(ids), vocabulary_size, *splits, label_names=tuple(label_names))


def draw_splits(
    labels: np.ndarray, test_share: float, validation_share: float, seed: int
) -> dict[str, np.ndarray]:
    """Draw the places of each split's texts, (N,) int64, rising, stratified by label.

    Args:
        labels: of all texts.
        test_share: as for `build_corpus`, as the next two.
        validation_share: see above.
        seed: see above.

    Raises:
        UserError: a split would have too few texts.
    """
    generator = np.random.default_rng(seed)
    split_of = np.full(len(labels), SPLITS.index("train"))
    known, counts = np.unique(labels, return_counts=True)
    validating = [round(validation_share * count) for count in counts.tolist()]
    if validating:
        validating[counts.argmax()] += max(FEWEST[1] - sum(validating), 0)
    for label, count in zip(known, validating, strict=True):
        of_label = generator.permutation(np.flatnonzero(labels == label))
        tested = round(test_share * len(of_label))
        split_of[of_label[:tested]] = SPLITS.index("test")
        split_of[of_label[tested : tested + count]] = SPLITS.index("validation")
    drawn = {name: np.flatnonzero(split_of == place) for place, name in enumerate(SPLITS)}
    for name, fewest in zip(SPLITS, FEWEST, strict=True):
        if len(drawn[name]) < fewest:
            raise UserError(
                f"{len(labels)} texts with a prepare.test_share of {test_share} and a "
                f"prepare.validation_share of {validation_share} leave {len(drawn[name])} to the "
                f"{name} split, which needs {fewest}; give more texts or change the shares"
            )
    return drawn


def _number_vocabulary(texts: Iterable[list[str]], most: int | None) -> dict[str, int]:
    """Number the words that models know, in order of first appearance; the id 0 is no word's."""
    counts = Counter(chain.from_iterable(texts))  # in order of first appearance
    if most is None or len(counts) <= most:
        return {word: number for number, word in enumerate(["", *counts])}
    kept = {word for word, _ in counts.most_common(most)}  # of equal ones those that came first
    words = ["", *(word for word in counts if word in kept), UNKNOWN]
    return {word: number for number, word in enumerate(words)}


def _number_words(
    texts: list[list[str]], labels: np.ndarray, chosen: Iterable[int], ids: dict[str, int]
) -> Split:
    """Make a split of the chosen texts; words that `ids` lacks are appended to it."""
    tokens, lengths = [], []
    for index in chosen:
        words = texts[index]
        lengths.append(len(words))
        # setdefault evaluates its default for each word, before the word itself may be added.
        tokens.extend([ids.setdefault(word, len(ids)) for word in words])
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    return Split(np.array(tokens, dtype=np.int32), offsets, labels[chosen])
