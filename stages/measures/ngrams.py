"""N-grams as integers: equal numbers for equal n-grams, so that numpy can count them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Ngrams(NamedTuple):
    """All n-grams of one order in a list of texts, text after text.

    Attributes:
        ids: number of each n-gram, (M,) int64, from 0 and without gaps.
        texts: index of the text it stands in, (M,) int64, never falling.
        kinds: how many different n-grams there are.
    """

    ids: np.ndarray
    texts: np.ndarray
    kinds: int


def number_words(texts: Sequence[str]) -> Ngrams:
    """Number the words of all texts in order of first appearance."""
    numbers: dict[str, int] = {}
    rows = [[numbers.setdefault(word, len(numbers)) for word in text.split()] for text in texts]
    lengths = [len(row) for row in rows]
    ids = np.fromiter((number for row in rows for number in row), np.int64, sum(lengths))
    return Ngrams(ids, np.repeat(np.arange(len(rows)), lengths), len(numbers))


def number_ngrams(texts: Sequence[str], max_order: int) -> list[Ngrams]:
    """Number the n-grams of every order that lie within one text.

    Texts whose n-grams are to be compared must be numbered in one call.

    Args:
        texts: words joined by one space; a text shorter than n has no n-gram.
        max_order: the longest n-gram, 1 or more.

    Returns:
        The n-grams of order 1, 2, … max_order.
    """
    words = number_words(texts)
    orders = [words]
    starts = np.arange(len(words.ids))
    for order in range(2, max_order + 1):
        shorter = orders[-1]
        # An n-gram is an (n-1)-gram and the word after it, as long as the text goes on.
        ends = starts + order - 1
        goes_on = ends < len(words.ids)
        goes_on[goes_on] = words.texts[ends[goes_on]] == words.texts[starts[goes_on]]
        codes = shorter.ids[goes_on] * words.kinds + words.ids[ends[goes_on]]
        kinds, ids = np.unique(codes, return_inverse=True)
        orders.append(Ngrams(ids.astype(np.int64), shorter.texts[goes_on], len(kinds)))
        starts = starts[goes_on]
    return orders
