"""How much of a text is copied: its longest run of words that stands in a training text."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

GAP = -1  # after each text, so that no run reaches into the next; in place of unknown words, too


def longest_runs(texts: Sequence[str], training_texts: Iterable[str]) -> list[int]:
    """Return how many consecutive words of each text stand in one training text at most.

    From 0, where no word of a text was ever seen, to all its words, where the text stands in a
    training text whole. Lower is less copied, but short runs are anybody's: text that copies as
    real text does has runs as long as those of real text that was not trained on.

    Source: the n-grams of R. T. McCoy et al., "How Much Do Language Models Copy From Their Training
    Data? Evaluating Linguistic Novelty in Text Generation Using RAVEN", TACL 2023,
    doi:10.1162/tacl_a_00567, arXiv:2111.09509. They give for each n the share of generated n-grams
    that are novel; here each text gives the largest n of which it has one that is not.

    Args:
        texts: words joined by spaces, N of them.
        training_texts: likewise, any number.

    Returns:
        Words of the longest run of each text, N of them; exact.
    """
    numbers: dict[str, int] = {}
    written = _number(texts, lambda word: numbers.setdefault(word, len(numbers)))
    learnt = _number(training_texts, lambda word: numbers.get(word, GAP))
    owners = np.cumsum(written == GAP)  # (M,): whose word it is
    runs = np.zeros(len(texts), dtype=np.int64)
    # The places in both where an n-gram begins that both have, and the n-gram's class: places are
    # of one class where their n-grams are equal. All n-grams of no word are.
    places, learnt_places = np.arange(len(written)), np.arange(len(learnt))
    classes, learnt_classes = np.zeros_like(places), np.zeros_like(learnt_places)
    length = 0
    while len(places):
        places, codes = _lengthen(written, places, classes, length, len(numbers))
        learnt_places, learnt_codes = _lengthen(
            learnt, learnt_places, learnt_classes, length, len(numbers)
        )
        known, classes = np.unique(codes, return_inverse=True)
        learnt_classes = np.searchsorted(known, learnt_codes)
        is_known = np.append(known, GAP)[learnt_classes] == learnt_codes
        learnt_places, learnt_classes = learnt_places[is_known], learnt_classes[is_known]
        is_learnt = np.zeros(len(known), dtype=bool)
        is_learnt[learnt_classes] = True
        places, classes = places[is_learnt[classes]], classes[is_learnt[classes]]
        length += 1
        runs[owners[places]] = length
    return runs.tolist()


def _number(texts: Iterable[str], number_of: Callable[[str], int]) -> np.ndarray:
    """Number the words of all texts, text after text, GAP after each, (M,) int64."""

    def numbers() -> Iterator[int]:
        for text in texts:
            yield from map(number_of, text.split())
            yield GAP

    return np.fromiter(numbers(), np.int64)


def _lengthen(
    words: np.ndarray, places: np.ndarray, classes: np.ndarray, length: int, kinds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Lengthen n-grams by the word after them.

    Args:
        words: numbers of all words, (M,).
        places: of the first words of n-grams, (K,).
        classes: of these n-grams, (K,).
        length: n, their words.
        kinds: how many words have a number.

    Returns:
        The places where another word follows, and a number of each longer n-gram: equal where its
        class and its last word are equal.
    """
    last = words[places + length]
    goes_on = last != GAP
    return places[goes_on], classes[goes_on] * kinds + last[goes_on]
