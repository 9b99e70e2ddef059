from collections import Counter

import numpy as np
import pytest

from stages.measures.two_sample import FOLDS, assign_folds, judge_vectors, judge_words

WORDS = [f"w{number}" for number in range(30)]


def texts(count, seed, words=WORDS):
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(words, size=6)) for _ in range(count)]


def accuracy_by_words(real, generated):
    correct = judge_words(real, generated, assign_folds(real, generated, seed=1))
    assert correct.shape == (len(real) + len(generated),)
    assert correct.dtype == bool
    return correct.mean()


# Folds


def test_folds_are_equal_on_both_sides():
    folds = assign_folds(texts(103, 1), texts(103, 2), seed=1)
    for side in folds:
        # 103 = 3 × 21 + 2 × 20.
        assert sorted(np.bincount(side)) == [20, 20, 21, 21, 21]
    assert (np.bincount(folds[0]) == np.bincount(folds[1])).all()


def test_a_text_of_both_sides_lies_in_one_fold_in_pairs():
    # Pairs, beside copies of one side alone: two of "both" (2 and 5), one of "again" (3 and 1).
    real = ["both", "both", *texts(15, 1), *["again"] * 3]
    generated = [*texts(8, 2), *["both"] * 5, "again", *texts(6, 3)]
    one, two = assign_folds(real, generated, seed=1)
    assert not Counter(one[:2]) - Counter(two[8:13])
    assert two[13] in one[17:]


def test_copies_within_a_side_lie_in_all_folds():
    _, folds = assign_folds(texts(50, 1), ["same"] * 50, seed=1)
    assert set(folds) == set(range(FOLDS))


def test_folds_depend_on_the_seed_alone():
    real, generated = texts(40, 1), texts(40, 2)
    first, again, other = (assign_folds(real, generated, seed)[0] for seed in (1, 1, 2))
    assert (first == again).all()
    assert not (first == other).all()


@pytest.mark.parametrize(("real", "generated"), [(10, 9), (4, 4), (0, 0)])
def test_sides_are_equal_and_large_enough(real, generated):
    with pytest.raises(ValueError, match="unequal, or below 5"):
        assign_folds(texts(real, 1), texts(generated, 2), seed=1)


# By words


def test_one_source_is_not_told_from_itself():
    # 600 verdicts by chance: 0.5 ± 4 standard errors of (0.25 / 600)^(1/2) = 2 %.
    assert accuracy_by_words(texts(300, 1), texts(300, 2)) == pytest.approx(0.5, abs=0.08)


def test_a_source_of_other_words_is_told():
    assert accuracy_by_words(texts(50, 1), texts(50, 2, [f"x{n}" for n in range(30)])) == 1


def test_a_source_that_copies_the_real_texts_is_exactly_at_one_half():
    # A pair is judged by a classifier that knows neither copy, so alike: one right, one wrong.
    # Unpaired, the copies would be told by heart as the other side's, and the accuracy near 0.
    real = texts(60, 1)
    assert accuracy_by_words(real, real[::-1]) == 0.5


def test_a_collapsed_source_is_told_even_where_a_real_text_says_the_same():
    real = texts(59, 1)
    assert accuracy_by_words([*real, "hm hm"], ["hm hm"] * 60) == pytest.approx(119 / 120)
    assert accuracy_by_words([*real, "hm hm"], [""] * 60) >= 119 / 120


def test_pairs_of_words_count_and_case_and_marks_do():
    # The same words in the other order; the same word in the other case; a mark more.
    for real, generated in [("a b c", "c b a"), ("a a", "A a"), ("a b", "a b !")]:
        assert accuracy_by_words([real] * 20, [generated] * 20) == 1


def test_it_counts_whether_a_pair_is_there_and_not_how_often():
    # So nothing tells these two apart, and one verdict serves all: right for one side alone.
    assert accuracy_by_words(["a b a b a"] * 20, ["a b a b a b a"] * 20) == 0.5


# By vectors


def test_vectors_are_told_by_where_they_lie():
    random = np.random.default_rng(1)
    real, generated = random.normal(size=(2, 200, 5))
    names = [f"real {n}" for n in range(200)], [f"made {n}" for n in range(200)]
    folds = assign_folds(*names, seed=1)
    # 400 verdicts: 0.5 ± 4 × 2.5 %.
    assert judge_vectors(real, generated, folds).mean() == pytest.approx(0.5, abs=0.1)
    # Means 2 deviations apart: the best line is right in Phi(1) = 84 % of the verdicts, which have
    # a standard error of 1.8 %; 4 of them, as five numbers to learn cost little.
    generated[:, 0] += 2
    assert judge_vectors(real, generated, folds).mean() == pytest.approx(0.841, abs=0.073)


def test_verdicts_come_real_before_generated():
    # Nine of ten vectors of each side lie on its side of 0; the tenth is told wrongly.
    vectors = np.repeat([1.0, -1.0], [45, 5])[:, None]
    folds = tuple(np.arange(50) % FOLDS for _ in range(2))
    correct = judge_vectors(vectors, -vectors, folds)
    expected = np.repeat([True, False, True, False], [45, 5, 45, 5])
    assert (correct == expected).all()
