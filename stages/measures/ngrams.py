"""N-grams as integers: equal numbers for equal n-grams, so that numpy can count them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

UNKNOWN = -1  # the number of an n-gram that a table does not hold


class Ngrams(NamedTuple):
    """All n-grams of one order in a list of texts, text after text.

    Attributes:
        ids: number of each n-gram, (M,) int64, from 0 and without gaps; or UNKNOWN.
        texts: index of the text it stands in, (M,) int64, never falling.
        kinds: how many different n-grams have a number.
    """

    ids: np.ndarray
    texts: np.ndarray
    kinds: int


class NgramTable(NamedTuple):
    """The different n-grams of a list of texts, in which those of other texts are looked up.

    Attributes:
        words: number of each word, in order of first appearance.
        codes: of the n-grams of order 2, 3, … as `_lengthen` has them, (kinds,) int64 each, rising;
            an n-gram's number is its place there.
    """

    words: dict[str, int]
    codes: list[np.ndarray]

    def find(self, texts: Sequence[str]) -> list[Ngrams]:
        """Return the n-grams of other texts by this table's numbers, as `tabulate` does."""
        orders = [_number(texts, lambda word: self.words.get(word, UNKNOWN), self.words)]
        for order, known in enumerate(self.codes, 2):
            codes, owners = _lengthen(orders[0], orders[-1], order)
            places = np.searchsorted(known, codes)
            places[places == len(known)] = UNKNOWN
            is_known = known[places] == codes if len(known) else np.zeros(len(codes), bool)
            orders.append(Ngrams(np.where(is_known, places, UNKNOWN), owners, len(known)))
        return orders


def tabulate(texts: Sequence[str], max_order: int) -> tuple[NgramTable, list[Ngrams]]:
    """Number the n-grams of every order that lie within one text.

    Args:
        texts: words joined by one space; a text shorter than n has no n-gram.
        max_order: the longest n-gram, 1 or more.

    Returns:
        The table of all different ones, and the n-grams of order 1, 2, … max_order.
    """
    table = NgramTable({}, [])
    orders = [
        _number(texts, lambda word: table.words.setdefault(word, len(table.words)), table.words)
    ]
    for order in range(2, max_order + 1):
        codes, owners = _lengthen(orders[0], orders[-1], order)
        known, ids = np.unique(codes, return_inverse=True)
        table.codes.append(known)
        orders.append(Ngrams(ids.astype(np.int64), owners, len(known)))
    return table, orders


def _number(texts: Sequence[str], number_of: Callable[[str], int], words: dict[str, int]) -> Ngrams:
    """Number the words of all texts; `words` holds them all afterwards."""
    rows = [[number_of(word) for word in text.split()] for text in texts]
    lengths = [len(row) for row in rows]
    ids = np.fromiter((number for row in rows for number in row), np.int64, sum(lengths))
    return Ngrams(ids, np.repeat(np.arange(len(rows)), lengths), len(words))


def _lengthen(words: Ngrams, shorter: Ngrams, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Return code and text of each n-gram: an (n-1)-gram and the word after it in the same text.

    A code is the (n-1)-gram's number times the number of different words, plus the word's number;
    UNKNOWN where either is.
    """
    starts = _starts(words.texts, order)
    ids = shorter.ids[np.searchsorted(_starts(words.texts, order - 1), starts)]
    ends = words.ids[starts + order - 1]
    is_known = (ids != UNKNOWN) & (ends != UNKNOWN)
    return np.where(is_known, ids * words.kinds + ends, UNKNOWN), words.texts[starts]


def _starts(owners: np.ndarray, order: int) -> np.ndarray:
    """Return the places of the first words of all n-grams, (M,) int64, from each word's text."""
    last = max(len(owners) - order + 1, 0)
    return np.flatnonzero(owners[:last] == owners[order - 1 :][:last])
