"""The round trip against values worked out by hand."""

import pytest

from stages.measures.round_trip import round_trip


def test_round_trip_counts_words_that_came_back_in_order():
    # "a b c" -> "a x c": 2 of 3. "d e" -> "e d": 1 of 2, as the order counts. "f" -> "": 0 of 1.
    assert round_trip(["a b c", "d e", "f"], ["a x c", "e d", ""]) == pytest.approx(3 / 6)
    # A word that is lost, or doubled, does not cost the others.
    assert round_trip(["a b c d"], ["b c d"]) == pytest.approx(3 / 4)
    assert round_trip(["a b"], ["a a b"]) == 1


def test_round_trip_wants_a_text_for_each_text():
    with pytest.raises(ValueError, match="shorter"):
        round_trip(["a", "b"], ["a"])
