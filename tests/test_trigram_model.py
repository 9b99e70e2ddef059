"""The trigram model against a value worked out by hand, nltk's, and the laws of probability."""

import random
from itertools import product

import numpy as np
import pytest
from nltk.lm import KneserNeyInterpolated, Vocabulary
from nltk.lm.smoothing import KneserNey

from stages.measures.trigram_model import (
    DISCOUNT,
    END,
    START,
    UNKNOWN,
    TrigramModel,
    vocabulary_of,
)


def random_texts(chance: random.Random, words: str, count: int) -> list[str]:
    return [" ".join(chance.choices(words, k=chance.randrange(6))) for _ in range(count)]


def perplexity(model: TrigramModel, texts: list[str]) -> float:
    nats, events = model.surprise(texts)
    return float(np.exp(nats.sum() / events.sum()))


def test_probability_of_a_text_worked_out_by_hand():
    # Texts "a b" and "a"; S starts, E ends. Predicted: a, b, E, the unknown word: V = 4. D = 0.75.
    # Trigrams: S S a twice, S a b, S a E, a b E. Bigrams by words before: S a, a b, a E, b E, one
    # each. Unigrams: a 1, b 1, E 2; 3 kinds, 4 in all.
    a = 0.25 / 4 + 0.75 * 3 / 4 / 4
    end = 1.25 / 4 + 0.75 * 3 / 4 / 4
    # After S: a, 1 of 1. After S S: a, 2 of 2, one kind.
    first = 1.25 / 2 + 0.75 * 1 / 2 * (0.25 / 1 + 0.75 * 1 / 1 * a)
    # After a, and after S a: b and E, 1 of 2 each; two kinds.
    second = 0.25 / 2 + 0.75 * 2 / 2 * (0.25 / 2 + 0.75 * 2 / 2 * a)
    # After b, and after a b: E, 1 of 1.
    third = 0.25 / 1 + 0.75 * 1 / 1 * (0.25 / 1 + 0.75 * 1 / 1 * end)
    nats, events = TrigramModel.fit(["a b", "a"], ["a", "b"]).surprise(["a b"])
    assert np.exp(-nats) == pytest.approx([first * second * third])
    assert events.tolist() == [3]


def test_probabilities_after_every_history_add_up_to_one():
    # "d" is in the vocabulary and never read, "x" is read and not in it: histories seen, unseen,
    # half seen and at the start.
    texts = random_texts(random.Random(1), "abcx", 12)
    model = TrigramModel.fit(texts, ["a", "b", "c", "d"])
    numbers = np.arange(START, model.base)
    predicted = np.delete(np.arange(model.base), START)
    for first, second in product(numbers, numbers):
        width = np.ones_like(predicted)
        probability = model.probability(first * width, second * width, predicted)
        assert np.all(probability > 0)
        assert probability.sum() == pytest.approx(1, abs=1e-12)


class UniformlyInterpolated(KneserNey):
    """nltk's smoothing with our last line: the unigrams interpolated with the uniform."""

    def unigram_score(self, word: str) -> float:
        count, total = self._continuation_counts(word)
        kinds = sum(self._continuation_counts(other)[0] > 0 for other in self.vocab)
        return (max(count - DISCOUNT, 0) + DISCOUNT * kinds / len(self.vocab)) / total


def test_probabilities_are_those_of_nltk():
    chance = random.Random(2)
    texts, others = random_texts(chance, "abcd", 15), random_texts(chance, "abcdx", 10)
    # nltk's vocabulary has an unknown word of its own.
    model = KneserNeyInterpolated(3, vocabulary=Vocabulary([*"abcd", "E"]), discount=DISCOUNT)
    model.estimator = UniformlyInterpolated(model.vocab, model.counts, 3, discount=DISCOUNT)
    trigrams = [
        tuple(line[i : i + 3])
        for line in (["S", "S", *text.split(), "E"] for text in texts)
        for i in range(len(line) - 2)
    ]
    # Each order is counted at the places where something is predicted, never at a start.
    model.counts.update([[trigram[i:] for trigram in trigrams for i in range(3)]])
    ours = TrigramModel.fit(texts, list("abcd"))
    numbers = {"S": START, "E": END, "<UNK>": UNKNOWN} | ours.numbers
    for text in texts + others:
        words = [word if word in "abcd" else "<UNK>" for word in text.split()]
        line = ["S", "S", *words, "E"]
        for first, second, word in zip(line, line[1:], line[2:], strict=False):
            places = (np.array([numbers[name]]) for name in (first, second, word))
            expected = model.unmasked_score(word, (first, second))
            assert ours.probability(*places) == pytest.approx([expected], abs=1e-12)


def test_an_empty_text_is_one_event():
    # After S S only E was read, twice of two: at each order E has all that is not discounted.
    # Predicted are a, E, the unknown word. P(E) = 0.25 + 0.75 / 3 = 0.5, P(E | S) = 0.25 + 0.75 *
    # 0.5 = 0.625, P(E | S S) = 1.25 / 2 + 0.75 / 2 * 0.625.
    # P(x | S S) = 0.75 / 2 * 0.75 * 0.75 / 3; x was never a history, so P(E | S x) = P(E).
    nats, events = TrigramModel.fit(["", ""], ["a"]).surprise(["", "x"])
    assert events.tolist() == [1, 2]
    assert np.exp(-nats) == pytest.approx([0.625 + 0.375 * 0.625, 0.375 * 0.75 * 0.25 * 0.5])


def test_surprise_of_a_text_does_not_depend_on_its_neighbours():
    chance = random.Random(3)
    texts = random_texts(chance, "abcd", 20)
    model = TrigramModel.fit(texts, list("abcd"))
    together = model.surprise(texts)[0]
    alone = [model.surprise([text])[0][0] for text in texts]
    np.testing.assert_allclose(together, alone)


def test_unknown_words_are_dearer_than_known_ones_and_alike():
    model = TrigramModel.fit(["a b", "b a", "a a b"], ["a", "b"])
    assert perplexity(model, ["a x"]) > perplexity(model, ["a b"])
    assert perplexity(model, ["a x"]) == perplexity(model, ["a y"])


def test_perplexity_tells_likeness_both_ways():
    # The collapsed source is what the model of real text expects, and expects little of real text.
    chance = random.Random(4)
    train, test, source = (random_texts(chance, "aaaabbbccd", 200) for _ in range(3))
    vocabulary = vocabulary_of(train, test)
    collapsed = ["a a"] * 200
    forward = TrigramModel.fit(train, vocabulary)
    assert perplexity(forward, collapsed) < perplexity(forward, source)
    reverse = [
        perplexity(TrigramModel.fit(texts, vocabulary), test) for texts in (source, collapsed)
    ]
    assert reverse[0] < reverse[1] < np.inf


def test_vocabulary_holds_each_word_once_in_order():
    assert vocabulary_of(["b a", ""], ["a c"]) == ["b", "a", "c"]
