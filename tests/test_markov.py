"""The Markov chain against counts and probabilities worked out by hand."""

import math
from itertools import product

import numpy as np
import pytest

from stages.corpus.corpus import UNKNOWN, Corpus, Split
from stages.corpus.errors import UserError
from stages.generators.history_counts import END
from stages.generators.markov import Markov, MarkovSettings

A, B, C, D = 1, 2, 3, 4
RARE = 4  # the id of the unknown word, where a chain knows a, b and c
WORDS = ["", *"abcdefghijklmnopqrstuvwxyzABC"]  # 29 words


def make_chain(texts, vocabulary_size=3, order=1, start="uniform", max_length=8):
    settings = MarkovSettings(order=order, start=start)
    chain = Markov(WORDS[: vocabulary_size + 1], settings, max_length)
    chain.fit(texts)
    return chain


def make_corpus(texts, max_length=8):
    """Make a corpus of texts of ids, each split the same."""
    offsets = np.cumsum([0, *map(len, texts)])
    split = Split(np.concatenate(texts).astype(np.int32), offsets, np.zeros(len(texts), np.int8))
    vocabulary_size = max(map(max, texts))
    # The last word is one that only other splits have.
    return Corpus(
        WORDS[: vocabulary_size + 2], vocabulary_size, split, split, split, max_length=max_length
    )


def write(chain, count=50, seed=1, **options):
    return [text for batch in chain.generate(count, seed, **options) for text in batch]


def test_next_word_follows_the_bigram_counts():
    # "a b", "a b", "a c": after a, b has 2 of 3 and c has 1 of 3; b and c always end.
    chain = make_chain([[A, B], [A, B], [A, C]])
    assert chain.histories.transition([A]) == pytest.approx([0, 0, 2 / 3, 1 / 3])
    assert chain.histories.transition([B]) == pytest.approx([1, 0, 0, 0])
    assert chain.histories.starts.tolist() == [0, 3, 0, 0]
    assert chain.describe() == {"states": 3, "transitions": 4}


def test_sharpened_counts_make_likely_words_likelier():
    # After a, b came twice and c once; to the power of 3 that is 8 to 1. All texts begin with a.
    settings = MarkovSettings(order=1, start="empirical", sharpening=3)
    chain = Markov(WORDS[:4], settings, 8)
    chain.fit([[A, B], [A, B], [A, C]])
    assert chain.histories.transition([A]) == pytest.approx([0, 0, 8 / 9, 1 / 9])
    assert chain.histories.starts.tolist() == [0, 27, 0, 0]
    assert math.exp(chain.log_likelihood(["a c"])[0]) == pytest.approx(1 / 9)
    with pytest.raises(UserError, match=r"markov\.sharpening is 10, and a count of 90"):
        Markov(WORDS[:2], MarkovSettings(order=1, start="uniform", sharpening=10), 8).fit(
            [[A]] * 90
        )


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("prefix_length", [0, 1, 2, 4])
def test_every_drawn_step_was_seen_in_training(order, prefix_length):
    random = np.random.default_rng(0)
    texts = [random.integers(1, 30, random.integers(1, 12)).tolist() for _ in range(200)]
    windows = {
        tuple([*text, END][place : place + order + 1])
        for text in texts
        for place in range(len(text) + 1)
    }
    prefix = next(text for text in texts if len(text) > prefix_length)[:prefix_length]
    chain = make_chain(texts, 29, order, max_length=10)
    for text in chain.sample(300, random, prefix):
        assert text[:prefix_length] == prefix
        assert 1 <= len(text) <= 10
        ended = text if len(text) == 10 else [*text, END]
        for place in range(len(ended) - order):
            assert tuple(ended[place : place + order + 1]) in windows


def test_sampled_steps_follow_the_probabilities():
    # After a: b with 3/4, the end with 1/4. Of 20,000 texts that start with a, the share with b is
    # within 5 standard deviations, 5 * sqrt(3/16 / 20000) = 0.0153.
    chain = make_chain([[A, B], [A, B], [A, B], [A]], 2, start="empirical", max_length=5)
    texts = chain.sample(20_000, np.random.default_rng(1))
    assert {tuple(text) for text in texts} == {(A,), (A, B)}
    assert np.mean([len(text) == 2 for text in texts]) == pytest.approx(0.75, abs=0.0153)


@pytest.mark.parametrize(
    ("start", "shares", "error"),
    [
        # b never begins a text. Of 30,000 draws: 5 * sqrt(2/9 / 30000) = 0.0137.
        ("uniform", [0, 1 / 3, 1 / 3, 1 / 3], 0.0137),
        # a begins 3 of 4 texts, c the other: 5 * sqrt(3/16 / 30000) = 0.0125.
        ("empirical", [0, 0.75, 0, 0.25], 0.0125),
    ],
)
def test_the_first_word_is_uniform_or_as_in_training(start, shares, error):
    chain = make_chain([[A, B], [A, B], [A], [C]], start=start, max_length=2)
    drawn = [text[0] for text in chain.sample(30_000, np.random.default_rng(2))]
    assert np.bincount(drawn, minlength=4) / 30_000 == pytest.approx(shares, abs=error)


def test_texts_depend_on_the_seed_alone_and_no_batch_repeats_another(monkeypatch):
    monkeypatch.setattr("stages.generators.markov.BATCH", 40)
    chain = make_chain([[A, B, C], [A, C, B], [B, A]])
    first = list(chain.generate(100, 1))
    assert [len(batch) for batch in first] == [40, 40, 20]
    assert first == list(chain.generate(100, 1)) != list(chain.generate(100, 2))
    assert first[0] != first[1]


# In "a b", "a b", "a c", "b" a text begins with a 3 times in 4, and each of three words is as
# likely at a uniform start.
SHORT = [[A, B], [A, B], [A, C], [B]]
# "a c a", "b c b", "a c": after a alone c has 2 of 3 and the end 1 of 3, after "a c" a and the end
# have 1 of 2 each, after "c a" the text ends.
LONG = [[A, C, A], [B, C, B], [A, C]]


@pytest.mark.parametrize(
    ("texts", "order", "start", "max_length", "text", "probability"),
    [
        # Start, b after a 2/3, end after b 1.
        (SHORT, 1, "uniform", 8, "a b", 1 / 3 * 2 / 3),
        (SHORT, 1, "empirical", 8, "a b", 3 / 4 * 2 / 3),
        (SHORT, 1, "uniform", 8, "c", 1 / 3),
        (SHORT, 1, "empirical", 8, "c", 0),  # c began no text
        (SHORT, 1, "uniform", 8, "a", 0),  # a never ended one
        (SHORT, 1, "uniform", 8, "a a", 0),
        # Cropped at a word, or two, the end is not counted.
        (SHORT, 1, "uniform", 1, "a", 1 / 3),
        (SHORT, 1, "uniform", 1, "a a a", 1 / 3),
        (SHORT, 1, "empirical", 2, "a c", 3 / 4 * 1 / 3),
        (SHORT, 1, "uniform", 1, "a unheard", 1 / 3),
        (SHORT, 1, "uniform", 2, "b unheard", 0),
        (SHORT, 1, "uniform", 8, "unheard", 0),
        (SHORT, 1, "uniform", 8, "", 0),
        # Order 1: c follows b 1 time in 2; after c come a, b and the end once each; a ends 1 of 3.
        (LONG, 1, "uniform", 8, "b c a", 1 / 3 * 1 / 2 * 1 / 3 * 1 / 3),
        # Order 2: start, c after a, then a or the end after "a c".
        (LONG, 2, "uniform", 8, "a c a", 1 / 3 * 2 / 3 * 1 / 2),
        (LONG, 2, "empirical", 8, "a c", 2 / 3 * 2 / 3 * 1 / 2),
        (LONG, 2, "empirical", 8, "a", 2 / 3 * 1 / 3),
        (LONG, 2, "uniform", 8, "b c b", 1 / 3 * 1 / 2),
        (LONG, 2, "uniform", 8, "b c a", 0),  # a never follows "b c"
        (LONG, 2, "uniform", 2, "b c a", 1 / 3 * 1 / 2),  # cropped before it
        (LONG, 2, "uniform", 3, "a c a c", 1 / 3 * 2 / 3 * 1 / 2),
    ],
)
def test_log_likelihood_is_the_product_of_the_transitions(
    texts, order, start, max_length, text, probability
):
    chain = make_chain(texts, 3, order, start, max_length)
    expected = math.log(probability) if probability else -math.inf
    # Beside other texts, each has its own.
    assert chain.log_likelihood(["a b", text, "b"])[1] == pytest.approx(expected)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("start", ["uniform", "empirical"])
def test_probabilities_of_all_texts_sum_to_one(order, start):
    # All texts of one to four words, those of four cropped: 3 + 9 + 27 + 81.
    texts = [" ".join(text) for length in range(1, 5) for text in product("abc", repeat=length)]
    training = [[A, B, A, B, C], [A], [C, C], [B, C, A], [A, B, B]]
    cropped = make_chain(training, 3, order, start, max_length=4)
    assert np.exp(cropped.log_likelihood(texts)).sum() == pytest.approx(1)
    # Without a crop the sum over ever longer texts rises towards 1.
    whole = make_chain(training, 3, order, start, max_length=50)
    probabilities = np.exp(whole.log_likelihood(texts))
    sums = [probabilities[:count].sum() for count in (3, 12, 39, 120)]
    assert sums == sorted(set(sums))
    assert 0.75 < sums[-1] < 1


def test_the_training_loss_is_the_mean_over_words_and_ends():
    # Texts SHORT with a uniform start: "a b" 2/9 twice, "a c" 1/9, "b" 1/3; 7 words and 4 ends.
    chain = Markov(WORDS[:4], MarkovSettings(order=1, start="uniform"), 8)
    (step,) = chain.train(make_corpus(SHORT))
    product = (2 / 9) ** 2 / 9 / 3
    assert step.losses["loss"] == pytest.approx(-math.log(product) / 11)
    assert (step.step, step.epoch, step.validation, step.ends_epoch) == (1, 1, None, True)
    assert chain.count_steps(make_corpus(SHORT)) == 1
    # Cropped at two words, "a b" has no end: 7 words and the end of "b".
    chain = Markov(WORDS[:4], MarkovSettings(order=1, start="uniform"), 2)
    (step,) = chain.train(make_corpus(SHORT, 2))
    assert step.losses["loss"] == pytest.approx(-math.log(product) / 8)


def test_counting_is_not_done_twice_when_it_is_taken_up_again():
    chain = Markov(WORDS[:4], MarkovSettings(order=2, start="uniform"), 8)
    assert len(list(chain.train(make_corpus(SHORT)))) == 1
    resumed = Markov(WORDS[:4], MarkovSettings(order=2, start="uniform"), 8)
    resumed.load_state_dict(chain.state_dict())
    assert list(resumed.train(make_corpus(SHORT))) == []
    assert write(resumed) == write(chain)


def test_the_words_are_the_training_split_s():
    corpus = make_corpus(SHORT)
    assert corpus.words == ["", "a", "b", "c", "d"]
    settings = MarkovSettings(order=1, start="uniform")
    chain = Markov.build(corpus, settings, seed=1, device="cpu")
    assert chain.words == ["", "a", "b", "c"]
    assert chain.max_length == 8
    list(chain.train(corpus))
    assert set(write(chain)) == {"a b", "a c", "b", "c"}


@pytest.mark.parametrize(
    ("order", "prefix", "texts"),
    [
        (1, "a", {"a b", "a c"}),
        (1, "c a", {"c a b", "c a c"}),  # only the last word counts at order 1
        (1, "  a   b ", {"a b"}),
        (2, "a", {"a b", "a c"}),
        (2, "a c", {"a c"}),
        (1, "c b a a a a a a a", {"c b a a a a a a"}),  # cropped at 8 words
    ],
)
def test_a_beginning_is_continued(order, prefix, texts):
    assert set(write(make_chain(SHORT, 3, order), prefix=prefix)) == texts


@pytest.mark.parametrize(
    ("order", "prefix", "message"),
    [
        (1, "unheard", "prefix: the chain has not seen the word 'unheard' in training"),
        (1, "a unheard", "prefix: the chain has not seen the word 'unheard' in training"),
        (
            2,
            "a b a",
            "prefix: the chain has not seen 'a b a' in training; expected its last 2 words in one "
            "training text",
        ),
    ],
)
def test_a_beginning_that_was_never_seen_is_refused(order, prefix, message):
    with pytest.raises(UserError) as error:
        write(make_chain(SHORT, 3, order), prefix=prefix)
    assert str(error.value) == message


def test_an_order_beyond_the_longest_text_is_one_of_shorter_histories():
    chain = make_chain([[A], [B]], order=2)
    assert set(write(chain)) == {"a", "b"}
    assert chain.log_likelihood(["a", "a b", "a b a"]).tolist() == [
        pytest.approx(math.log(1 / 2)),
        *[-math.inf] * 2,
    ]
    with pytest.raises(UserError, match="has not seen 'a b' in training"):
        write(chain, prefix="a b")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.5}, "temperature of 0.5"),
        ({"top_p": 0.9}, "top_p of 0.9"),
        ({"labels": [1]}, "no labels"),
    ],
)
def test_what_it_cannot_do_is_refused(options, message):
    with pytest.raises(UserError, match=f"^Markov: .*{message}"):
        write(make_chain(SHORT), 1, **options)


def test_saved_chain_comes_back_whole(tmp_path):
    chain = make_chain([[A, B, C], [A, C, B], [B, A]], order=2, start="empirical")
    chain.save(tmp_path / "chain")
    loaded = Markov.load(tmp_path / "chain", "cpu")
    assert (loaded.words, loaded.settings, loaded.max_length) == (WORDS[:4], chain.settings, 8)
    assert write(loaded) == write(chain)
    assert loaded.log_likelihood(["a b c"]) == chain.log_likelihood(["a b c"])
    loaded.save(tmp_path / "again")
    for path in (tmp_path / "chain").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


# Where rare words were left out.


def test_a_text_ends_where_unknown_words_alone_followed():
    chain = make_chain([[A, RARE, B], [A, RARE, C], [B, A]], order=2)
    assert chain.histories.transition([B, A]) == pytest.approx([1, 0, 0, 0])
    # "a" alone: the unknown word twice, the end once.
    assert chain.histories.transition([A]) == pytest.approx([1, 0, 0, 0])
    chain = make_chain([[A, B, RARE], [C, B, A]], order=2)
    assert chain.histories.transition([B]) == pytest.approx([0, 1, 0, 0])
    assert chain.histories.transition([A, B]) == pytest.approx([1, 0, 0, 0])
    assert set(write(chain)) == {"a", "a b", "b a", "c b a"}


@pytest.mark.parametrize(
    ("texts", "starts"),
    [
        ([[A, B], [RARE, B], [C]], [0, 1, 0, 1]),
        ([[RARE, B], [RARE, RARE, C, A]], [0, 1, 1, 1]),  # none began a text: all alike
        ([[RARE, B], [RARE]], [0, 0, 1, 0]),
    ],
)
def test_the_first_word_is_a_known_one(texts, starts):
    chain = make_chain(texts, start="empirical")
    assert chain.histories.starts.tolist() == starts
    assert {text.split()[0] for text in write(chain)} == {
        WORDS[word] for word in np.flatnonzero(starts)
    }


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("start", ["uniform", "empirical"])
def test_without_unknown_words_probabilities_sum_to_one(order, start, tmp_path):
    random = np.random.default_rng(5)
    training = [random.integers(1, RARE + 1, random.integers(1, 6)).tolist() for _ in range(30)]
    texts = [" ".join(text) for length in range(1, 5) for text in product("abc", repeat=length)]
    chain = make_chain(training, 3, order, start, max_length=4)
    assert np.exp(chain.log_likelihood(texts)).sum() == pytest.approx(1)
    assert chain.log_likelihood([f"a {UNKNOWN}", "a d"]).tolist() == [-math.inf] * 2
    # Every history that is reached was counted, so that its folder is sound.
    chain.save(tmp_path / "chain")
    assert write(Markov.load(tmp_path / "chain", "cpu"), 500) == write(chain, 500)


def test_the_training_loss_takes_the_unknown_word_as_a_word():
    # "a b", "a d" and "b", of which a and b are known: uniform starts over a, b and the unknown
    # word; after a b and it have 1/2 each; each ends. 5 words and 3 ends.
    tokens, offsets = np.array([A, B, A, RARE, B], np.int32), np.array([0, 2, 4, 5])
    split = Split(tokens, offsets, np.zeros(3, np.int8))
    corpus = Corpus(["", "a", "b", UNKNOWN, "d"], 3, split, split, split, max_length=8)
    chain = Markov.build(corpus, MarkovSettings(order=1, start="uniform"), seed=1, device="cpu")
    (step,) = chain.train(corpus)
    assert step.losses["loss"] == pytest.approx(-math.log((1 / 3) ** 3 * (1 / 2) ** 2) / 8)
    assert chain.words == ["", "a", "b"]
    assert chain.histories.transition([A]) == pytest.approx([0, 0, 1])
    assert chain.describe() == {"states": 2, "transitions": 2}
