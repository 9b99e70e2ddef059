"""Choice of some of many, worked out by hand."""

from stages.corpus.choice import choose_evenly


def test_all_are_chosen_where_they_are_few_enough():
    assert choose_evenly(3, 3) == choose_evenly(3, 9) == [0, 1, 2]
    assert choose_evenly(2, 3) == [0, 1]
    assert choose_evenly(0, 3) == []


def test_else_so_many_evenly_spaced():
    # 7 things by 3: 0, 7/3 and 14/3, rounded down.
    assert choose_evenly(7, 3) == [0, 2, 4]
    assert choose_evenly(7, 1) == [0]
    assert ["abcdefghij"[place] for place in choose_evenly(10, 3)] == ["a", "d", "g"]
