"""Rows and words in an order in which neighbours are alike."""

import random

import numpy as np
import pytest

from stages.embeddings import seriation
from stages.embeddings.seriation import (
    EPOCHS,
    VECTOR_SIZE,
    WINDOW,
    choose_passes,
    order_by_similarity,
    seriate,
)
from stages.embeddings.word2vec import Word2VecEmbedding


def draw_arc(count, angle):
    """Directions that turn by equal steps from 0 to `angle`, in radians."""
    turns = np.linspace(0, angle, count)
    return np.stack([np.cos(turns), np.sin(turns)], 1)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 64, 101])
def test_each_row_has_one_place(count):
    places = seriate(np.random.default_rng(count).normal(size=(count, 5)).astype(np.float32))
    assert places.dtype == np.int64
    assert sorted(places.tolist()) == list(range(count))


@pytest.mark.parametrize("count", [3, 4, 10, 33])
@pytest.mark.parametrize("angle", [1.0, 3.0])
def test_an_arc_is_walked_from_end_to_end(count, angle):
    # The lengths tell nothing; only directions count.
    random = np.random.default_rng(1)
    shuffled = random.permutation(count)
    vectors = (draw_arc(count, angle) * random.uniform(0.1, 10, (count, 1)))[shuffled]
    walked = shuffled[seriate(vectors)].tolist()
    assert walked in (list(range(count)), list(range(count))[::-1])


def test_groups_stay_together_at_every_scale():
    # Four points of the compass, east and north-east in one half, west and south-west in the
    # other; 25 rows close to each.
    random = np.random.default_rng(2)
    angles = np.repeat([0, np.pi / 4, np.pi, 5 * np.pi / 4], 25)
    groups = np.repeat(np.arange(4), 25)
    turned = random.permutation(100)
    angles = (angles + random.uniform(-0.05, 0.05, 100))[turned]
    walked = groups[turned][seriate(np.stack([np.cos(angles), np.sin(angles)], 1))]
    blocks = walked.reshape(4, 25)
    assert (blocks == blocks[:, :1]).all()
    assert set(blocks[:2, 0]) in ({0, 1}, {2, 3})


def test_halves_are_joined_by_the_ends_that_are_alike():
    # On an arc of four each half is two neighbours, in whichever order: joined at their inner ends
    # the steps are equal, joined elsewise one leaps over two.
    for seed in range(24):
        shuffled = np.random.default_rng(seed).permutation(4)
        walked = shuffled[seriate(draw_arc(4, 2.0)[shuffled])]
        assert np.abs(np.diff(walked)).tolist() == [1, 1, 1]


@pytest.mark.parametrize("value", [0.0, 2.5])
@pytest.mark.parametrize("count", [1, 2, 9])
def test_equal_rows_and_rows_of_zeros_have_places_too(value, count):
    assert sorted(seriate(np.full((count, 4), value)).tolist()) == list(range(count))


def test_a_row_of_zeros_leaves_the_others_their_order():
    vectors = np.concatenate([draw_arc(8, 2.0), np.zeros((1, 2))])
    walked = [place for place in seriate(vectors).tolist() if place < 8]
    assert sorted(walked) == list(range(8))
    assert np.isfinite(walked).all()


def test_equal_rows_are_neighbours():
    random = np.random.default_rng(3)
    vectors = np.repeat(random.normal(size=(8, 5)), 2, axis=0)
    shuffled = random.permutation(16)
    kinds = shuffled[seriate(vectors[shuffled])] // 2
    assert (kinds[::2] == kinds[1::2]).all()


SOUP = ["soup", "spoon", "waiter", "bowl", "salt", "kitchen"]
MATCH = ["match", "goal", "keeper", "referee", "ball", "stadium"]


def draw_texts(count):
    chance = random.Random(0)
    return [" ".join(chance.choices(topic, k=6)) for _ in range(count) for topic in (SOUP, MATCH)]


def test_words_of_a_topic_stand_side_by_side():
    words = [word for pair in zip(SOUP, MATCH, strict=True) for word in pair]
    ordered = order_by_similarity(draw_texts(300), words, seed=1)
    assert set(ordered[:6]) in (set(SOUP), set(MATCH))
    assert sorted(ordered) == sorted(words)


def test_each_word_is_placed_by_its_own_vector():
    texts, words = draw_texts(30), SOUP + MATCH
    embedding = Word2VecEmbedding.fit(
        texts, words, vector_size=VECTOR_SIZE, window=WINDOW, epochs=EPOCHS, seed=3
    )
    vectors = np.stack([embedding.encode([word], 1)[0, 0].numpy() for word in words])
    expected = [words[place] for place in seriate(vectors)]
    assert order_by_similarity(texts, words, seed=3) == expected


def test_same_seed_same_order():
    words = SOUP + MATCH
    texts = draw_texts(30)
    orders = [order_by_similarity(texts, words, seed) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


@pytest.mark.parametrize(
    ("count", "epochs", "learning_rate"),
    [
        (1, 20, 0.025),
        (750_000, 20, 0.025),  # 15 million / 750,000
        (1_500_000, 10, 0.05),  # half as many passes, twice the rate
        (10_000_000, 2, 0.1),  # not 0.25
        (15_000_001, 1, 0.1),
        (10**9, 1, 0.1),
    ],
)
def test_of_more_words_fewer_passes_are_made_at_a_higher_rate(count, epochs, learning_rate):
    chosen = choose_passes(count)
    assert chosen == (epochs, pytest.approx(learning_rate))
    # To the last digit, so that the order of a small corpus is that of gensim's own rate.
    assert chosen[1] == learning_rate or epochs < EPOCHS


def test_a_large_corpus_is_ordered_by_so_many_passes(monkeypatch, capsys):
    # 60 texts of 6 words are 360 words; 720 words are two passes of them, at 0.1, not 0.25.
    monkeypatch.setattr(seriation, "WORDS_READ", 720)
    texts, words = draw_texts(30), SOUP + MATCH
    embedding = Word2VecEmbedding.fit(
        texts,
        words,
        vector_size=VECTOR_SIZE,
        window=WINDOW,
        epochs=2,
        seed=3,
        learning_rate=0.1,
    )
    expected = [words[place] for place in seriate(embedding.table[1:].numpy())]
    capsys.readouterr()
    assert order_by_similarity(texts, words, seed=3) == expected
    shown = capsys.readouterr().err
    # One pass for the words and two to learn: 3 times 60 texts. Then 12 words are put in order.
    assert "scalar passes: 100%" in shown
    assert "180/180" in shown
    assert "order: 100%" in shown
    assert "12/12" in shown
