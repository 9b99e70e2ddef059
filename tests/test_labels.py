"""Shares of right labels, worked out by hand."""

import numpy as np
import pytest

from stages.measures.labels import LabelClassifier, right_shares

# The word "bad" marks label 1, and nothing else does.
TEXTS = ["you are bad", "you are good", "bad day", "good day"] * 5
LABELS = [*"1010"] * 5


@pytest.fixture(scope="module")
def classifier():
    return LabelClassifier(TEXTS, LABELS)


def test_a_label_is_told_by_its_word(classifier):
    assert classifier.classify(["a bad one", "a good one"]).tolist() == ["1", "0"]


def test_shares_are_counted_by_wanted_label(classifier):
    # Wanted 0: good, good, bad: 2 of 3. Wanted 1: bad, good: 1 of 2. Their mean is 7/12.
    texts = ["good", "good", "bad", "bad", "good"]
    assert right_shares(classifier, texts, [*"00011"]) == {
        "0": pytest.approx(2 / 3),
        "1": pytest.approx(1 / 2),
        "balanced": pytest.approx(7 / 12),
    }


def test_texts_without_a_label_do_not_count(classifier):
    shares = right_shares(classifier, ["good", "bad", "bad"], [None, None, "1"])
    assert shares == {"1": 1.0, "balanced": 1.0}
    # Nor in training: a text without a label would be a third class.
    trained = LabelClassifier([*TEXTS, "good"], [*LABELS, None])
    assert trained.classify(["good"]).tolist() == ["0"]


def test_a_pair_of_words_tells_where_words_do_not():
    # Both labels have the words "not", "bad" and "so" equally often.
    texts = ["not bad so", "so not bad", "bad so not", "bad not so"] * 5
    classifier = LabelClassifier(texts, [*"0011"] * 5)
    assert classifier.classify(["not bad", "bad so not"]).tolist() == ["0", "1"]


def test_a_rare_label_weighs_as_much_as_a_frequent_one():
    # Texts that are all alike say nothing about their label, so its chance is its weight: 1/2 for
    # either, though 40 texts have label 0 and 4 label 1.
    classifier = LabelClassifier(["x"] * 44, ["0"] * 40 + ["1"] * 4)
    chances = classifier.model.predict_proba(classifier.counter.transform(["x"]))
    assert chances[0] == pytest.approx([0.5, 0.5], abs=1e-3)


def test_any_name_is_a_label():
    classifier = LabelClassifier(["a x", "b x", "c x"] * 4, ["-1", "ham", "7"] * 4)
    shares = right_shares(classifier, ["a", "b", "b"], ["-1", "ham", "7"])
    assert shares == {"-1": 1.0, "ham": 1.0, "7": 0.0, "balanced": pytest.approx(2 / 3)}


def test_one_label_for_all_is_given_to_all():
    classifier = LabelClassifier(["a", "b"], ["1", "1"])
    assert right_shares(classifier, ["a", "c"], ["1", "0"]) == {"0": 0.0, "1": 1.0, "balanced": 0.5}


def test_real_text_without_any_label_teaches_nothing():
    with pytest.raises(ValueError, match="no text has a label"):
        LabelClassifier(["a", "b"], [None, None])


def test_the_same_texts_give_the_same_classifier(classifier):
    again = LabelClassifier(TEXTS, LABELS)
    assert np.array_equal(classifier.model.coef_, again.model.coef_)
