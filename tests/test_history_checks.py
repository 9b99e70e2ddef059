"""Stored counts of a Markov chain: sound ones are taken, and each way of damage is named."""

import numpy as np
import pytest

from stages.generators.history_checks import check_arrays, expected_arrays
from stages.generators.history_counts import count_histories

A, B, C = 1, 2, 3
SIZE, ORDER = 4, 2  # three words and the end


def make_arrays():
    # Histories a, b, c; then "a b", "a c", "b c", by the rows of a and b. What follows: b or c
    # after a; the end or c after b; the end after c; the end after each of two words.
    return count_histories([[A, B], [A, C], [B, C]], SIZE - 1, ORDER, 8).to_arrays()


def test_what_was_counted_is_sound():
    arrays = make_arrays()
    check_arrays(arrays, SIZE, ORDER)
    expected = expected_arrays(SIZE, ORDER)
    assert expected.keys() == arrays.keys()
    assert all(str(array.dtype) in expected[name][0].split() for name, array in arrays.items())


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("keys_1", [1, 3, 2], "keys_1: expected rising"),
        ("keys_1", [0, 2, 3], "keys_1: expected rising"),  # the end begins no history
        ("keys_2", [2, 3, 7, 15], "keys_2: expected rising"),  # of a fourth row
        ("indptr_1", [0, 2, 4, 6], "indptr_1: expected where"),
        ("indptr_1", [1, 2, 4, 5], "indptr_1: expected where"),
        ("indices_1", [3, 2, 0, 3, 0], "indices_1: expected rising"),
        ("indices_1", [2, 4, 0, 3, 0], "indices_1: expected rising"),
        ("indices_1", [1, 2, 0, 3, 0], "indices_1: expected histories"),  # "a a" is none
        ("indices_2", [1, 0, 0], "indices_2: expected histories"),  # b, a: "b a" is none
        ("data_1", [1, 1, 1, 1, 0], "data_1: expected counts of 1"),
        ("data_2", [1, 2**62, 1], "data_2: expected counts of 1"),
        ("starts", [0, 2, -1, 0], "starts: expected counts of 0"),
        ("starts", [0, 0, 0, 0], "starts: expected a word"),
        ("starts", [1, 2, 1, 0], "starts: expected histories"),  # the end begins no text
    ],
)
def test_what_does_not_fit_is_named(name, values, told):
    arrays = make_arrays()
    arrays[name] = np.array(values, dtype=arrays[name].dtype)
    with pytest.raises(ValueError, match=f"^{told}"):
        check_arrays(arrays, SIZE, ORDER)
