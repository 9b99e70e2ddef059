"""The longest copied run against values worked out by hand and a plain search."""

import random

import pytest

from stages.measures.copies import longest_runs

TRAINING = ["the tea is cold", "my tea is hot and good", "", "no no no"]


def random_texts(chance, count, longest):
    words = "abcde"[: chance.randint(1, 5)]
    return [" ".join(chance.choices(words, k=chance.randrange(longest))) for _ in range(count)]


def search(text, training):
    """Find the longest run by trying all."""
    words = text.split()
    lines = [f" {' '.join(line.split())} " for line in training]
    runs = [
        last - first
        for first in range(len(words))
        for last in range(first + 1, len(words) + 1)
        if any(f" {' '.join(words[first:last])} " in line for line in lines)
    ]
    return max(runs, default=0)


@pytest.mark.parametrize(
    ("text", "run"),
    [
        ("my tea is cold", 3),  # "my tea is", and "tea is cold"
        ("the tea is cold", 4),  # whole
        ("tea is", 2),  # whole, inside of a text
        ("is tea hot", 1),  # every word, none after one that it stands after
        ("the tea is hot and good", 5),  # "tea is hot and good", where "the tea is" ends
        ("is cold my tea", 2),  # no run crosses from a text to the next: "cold my" is none
        ("no no no no", 3),  # four are one too many
        ("your soup", 0),
        ("your hot soup", 1),
        ("the te", 1),  # words are whole
        ("", 0),
    ],
)
def test_the_longest_run_stands_in_one_training_text(text, run):
    assert longest_runs([text], TRAINING) == [run]
    assert search(text, TRAINING) == run
    # Nor does it cross from one of the texts to another.
    assert longest_runs(["the tea", text, "is cold"], TRAINING) == [2, run, 2]


def test_it_is_what_a_plain_search_finds():
    chance = random.Random(1)
    for _ in range(300):
        texts, training = random_texts(chance, 6, 12), random_texts(chance, 8, 12)
        assert longest_runs(texts, training) == [search(text, training) for text in texts]


def test_training_text_is_copied_whole_and_more_of_it_shortens_no_run():
    chance = random.Random(2)
    texts, training = random_texts(chance, 50, 40), random_texts(chance, 50, 40)
    assert longest_runs(training, training) == [len(text.split()) for text in training]
    runs = longest_runs(texts, training)
    more = longest_runs(texts, training + random_texts(chance, 50, 40))
    assert all(one <= other for one, other in zip(runs, more, strict=True))


def test_without_texts_nothing_is_copied():
    assert longest_runs([], TRAINING) == []
    assert longest_runs(["a b", ""], []) == [0, 0]
    assert longest_runs(["", ""], ["", ""]) == [0, 0]
