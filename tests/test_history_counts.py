"""The counts of a Markov chain's histories against plain counts of every window."""

import numpy as np
import pytest

from stages.corpus.errors import UserError
from stages.generators.history_counts import END, HistoryCounts, count_histories

A, B, C = 1, 2, 3
RARE = 4  # the id of the unknown word, where a, b and c are known


def count(texts, vocabulary_size=3, order=1, max_length=8):
    return count_histories(texts, vocabulary_size, order, max_length)


def test_the_end_of_one_text_is_not_followed_by_the_next_text():
    assert count([[A], [B]], 2).transition([A])[END] == 1


def test_texts_that_all_have_the_most_words_teach_no_end():
    # "a b", "b c" at a max_length of 2: a and b are always followed; c never is, so it ends a text.
    counted = count([[A, B], [B, C]], max_length=2)
    assert counted.transition([B]) == pytest.approx([0, 0, 0, 1])
    assert counted.transition([C]) == pytest.approx([1, 0, 0, 0])
    # At one of 3 both may end early.
    assert count([[A, B], [B, C]], max_length=3).transition([B])[END] == 0.5


def test_sharpening_raises_all_counts_to_a_power():
    counted = count([[A, B], [A, B], [A, C], [B]], order=2)
    sharpened = counted.sharpen(3)
    for plain, each in zip(counted.counts, sharpened.counts, strict=True):
        assert (each.toarray() == plain.toarray() ** 3).all()
        assert each.data.dtype == np.int64
    assert counted.starts.tolist() == [0, 3, 1, 0]  # as they were
    assert sharpened.starts.tolist() == [0, 27, 1, 0]
    assert [each.tolist() for each in sharpened.keys] == [each.tolist() for each in counted.keys]
    with pytest.raises(UserError, match=r"markov\.sharpening is 10, and a count of 90 to that"):
        count([[A]] * 90).sharpen(10)


def test_second_order_looks_two_words_back():
    # "a c a", "b c b": after c alone a and b are even, after "a c" it is always a.
    counted = count([[A, C, A], [B, C, B]], order=2)
    assert counted.transition([C]) == pytest.approx([0, 0.5, 0.5, 0])
    assert counted.transition([A, C]) == pytest.approx([0, 1, 0, 0])
    assert counted.transition([C, B]) == pytest.approx([1, 0, 0, 0])
    with pytest.raises(KeyError, match=r"\[2, 1\]"):
        counted.transition([B, A])


def test_counts_equal_a_plain_count_of_every_window():
    random = np.random.default_rng(3)
    texts = [random.integers(1, 5, random.integers(1, 9)).tolist() for _ in range(60)]
    counted = count(texts, 4, order=3)
    expected = {}
    for words in texts:
        for end in range(1, len(words) + 1):
            for length in range(1, min(3, end) + 1):
                following = expected.setdefault(tuple(words[end - length : end]), np.zeros(5))
                following[words[end] if end < len(words) else END] += 1
    assert sum(map(len, counted.keys)) == len(expected)
    for history, following in expected.items():
        assert counted.transition(history) == pytest.approx(following / following.sum())


def test_probabilities_are_those_of_the_transitions():
    # After "a c" a and the end once each; an unknown id is impossible, wherever it stands.
    counted = count([[A, C, A], [B, C, B], [A, C]], order=2)
    windows = [[A, C, A], [A, C, END], [A, C, B], [B, A, C], [A, C, -1], [-1, C, A]]
    expected = [0.5, 0.5, 0, 0, 0, 0]
    assert counted.probabilities(np.array(windows)) == pytest.approx(expected)
    assert counted.find(np.array([[A, C], [B, A]])).tolist() == [0, -1]


def test_histories_longer_than_all_texts_are_unseen():
    counted = count([[A], [B]], order=2)
    assert counted.find(np.array([[A, B]])).tolist() == [-1]
    assert counted.probabilities(np.array([[A, B, END]])).tolist() == [0]
    with pytest.raises(KeyError, match=r"\[1, 2\]"):
        counted.transition([A, B])


def test_arrays_come_back_as_the_same_counts():
    counted = count([[A, C, A], [B, C, B], [A, C]], order=2)
    arrays = counted.to_arrays()
    again = HistoryCounts.from_arrays(arrays).to_arrays()
    assert [*again] == [*arrays]
    for name, array in arrays.items():
        assert again[name].dtype == array.dtype
        assert again[name].tobytes() == array.tobytes()


# Where rare words were left out.


def test_the_next_word_is_one_of_the_known_that_followed():
    # After a come b once, the unknown word three times: b is all that is drawn. After b the unknown
    # word, the end, and c once each: of the two that are left each has a half.
    counted = count([[A, B, RARE], [A, RARE], [A, RARE], [A, RARE], [B], [B, C]])
    assert counted.transition([A]) == pytest.approx([0, 0, 1, 0])
    assert counted.transition([B]) == pytest.approx([0.5, 0, 0, 0.5])


def test_words_on_the_two_sides_of_an_unknown_one_are_no_neighbours():
    counted = count([[A, RARE, B, C], [C, RARE, RARE, A]], order=2)
    assert counted.transition([A]) == pytest.approx([1, 0, 0, 0])
    assert counted.transition([B]) == pytest.approx([0, 0, 0, 1])
    assert counted.transition([B, C]) == pytest.approx([1, 0, 0, 0])
    assert [len(keys) for keys in counted.keys] == [3, 1]  # a, b and c; of two words only "b c"
    with pytest.raises(KeyError):
        counted.transition([A, B])


@pytest.mark.parametrize("texts", [[], [[A], []]])
def test_no_text_or_an_empty_one_is_refused(texts):
    with pytest.raises(ValueError, match="without a word"):
        count(texts, 1)


def test_texts_of_unknown_words_alone_are_refused():
    with pytest.raises(ValueError, match="a word that it knows"):
        count([[RARE], [RARE, RARE]])
