"""The Markov chain against counts worked out by hand."""

import numpy as np
import pytest

from stages.models.markov_chain import END, MarkovChain

A, B, C = 1, 2, 3


def test_next_word_follows_the_bigram_counts():
    # "a b", "a b", "a c": after a, b has 2 of 3 and c has 1 of 3; b and c always end.
    chain = MarkovChain.fit([[A, B], [A, B], [A, C]], vocabulary_size=3, order=1)
    assert chain.transition([A]) == pytest.approx([0, 0, 2 / 3, 1 / 3])
    assert chain.transition([B]) == pytest.approx([1, 0, 0, 0])
    assert chain.starts.tolist() == [0, 3, 0, 0]
    assert (chain.num_states, chain.num_transitions) == (3, 4)


def test_the_end_of_one_text_is_not_followed_by_the_next_text():
    chain = MarkovChain.fit([[A], [B]], vocabulary_size=2)
    assert chain.transition([A])[END] == 1


def test_second_order_looks_two_words_back():
    # "a c a", "b c b": after c alone a and b are even, after "a c" it is always a.
    chain = MarkovChain.fit([[A, C, A], [B, C, B]], vocabulary_size=3, order=2)
    assert chain.transition([C]) == pytest.approx([0, 0.5, 0.5, 0])
    assert chain.transition([A, C]) == pytest.approx([0, 1, 0, 0])
    assert chain.transition([C, B]) == pytest.approx([1, 0, 0, 0])
    with pytest.raises(KeyError, match=r"\[2, 1\]"):
        chain.transition([B, A])


def test_counts_equal_a_plain_count_of_every_window():
    random = np.random.default_rng(3)
    texts = [random.integers(1, 5, random.integers(1, 9)).tolist() for _ in range(60)]
    chain = MarkovChain.fit(texts, vocabulary_size=4, order=3)
    counted = {}
    for words in texts:
        for end in range(1, len(words) + 1):
            for length in range(1, min(3, end) + 1):
                following = counted.setdefault(tuple(words[end - length : end]), np.zeros(5))
                following[words[end] if end < len(words) else END] += 1
    assert sum(map(len, chain.keys)) == len(counted)
    for history, following in counted.items():
        assert chain.transition(history) == pytest.approx(following / following.sum())


@pytest.mark.parametrize("order", [1, 2, 3])
def test_every_drawn_step_was_seen_in_training(order):
    random = np.random.default_rng(0)
    texts = [random.integers(1, 30, random.integers(1, 12)).tolist() for _ in range(200)]
    windows = {
        tuple([*text, END][place : place + order + 1])
        for text in texts
        for place in range(len(text) + 1)
    }
    chain = MarkovChain.fit(texts, vocabulary_size=29, order=order)
    for text in chain.sample(300, max_length=10, random=random):
        assert 1 <= len(text) <= 10
        ended = text if len(text) == 10 else [*text, END]
        for place in range(len(ended) - order):
            assert tuple(ended[place : place + order + 1]) in windows


def test_sampled_steps_follow_the_probabilities():
    # After a: b with 3/4, the end with 1/4. Of 20,000 texts that start with a, the share with b is
    # within 5 standard deviations, 5 * sqrt(3/16 / 20000) = 0.0153.
    chain = MarkovChain.fit([[A, B], [A, B], [A, B], [A]], vocabulary_size=2)
    texts = chain.sample(20_000, 5, np.random.default_rng(1), start="empirical")
    assert {tuple(text) for text in texts} == {(A,), (A, B)}
    assert np.mean([len(text) == 2 for text in texts]) == pytest.approx(0.75, abs=0.0153)


def test_the_first_word_is_uniform_or_as_in_training():
    # b never begins a text. Uniform: each word 1/3 of 30,000, within 5 * sqrt(2/9 / 30000) =
    # 0.0137.
    # Empirical: a 3/4, c 1/4, within 5 * sqrt(3/16 / 30000) = 0.0125.
    chain = MarkovChain.fit([[A, B], [A, B], [A], [C]], vocabulary_size=3)
    random = np.random.default_rng(2)
    uniform = np.bincount([text[0] for text in chain.sample(30_000, 2, random)], minlength=4)
    assert uniform / 30_000 == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3], abs=0.0137)
    drawn = [text[0] for text in chain.sample(30_000, 2, random, start="empirical")]
    assert np.bincount(drawn, minlength=4) / 30_000 == pytest.approx([0, 0.75, 0, 0.25], abs=0.0125)


def test_same_seed_same_texts():
    chain = MarkovChain.fit([[A, B, C], [A, C, B], [B, A]], vocabulary_size=3)
    first, again, other = (chain.sample(50, 8, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_saved_chain_comes_back_whole(tmp_path):
    chain = MarkovChain.fit([[A, B, C], [A, C, B], [B, A]], vocabulary_size=3, order=2)
    chain.save(tmp_path / "chain.safetensors")
    loaded = MarkovChain.load(tmp_path / "chain.safetensors")
    assert loaded.order == 2
    assert loaded.sample(50, 8, np.random.default_rng(5)) == chain.sample(
        50, 8, np.random.default_rng(5)
    )
    chain.save(tmp_path / "again.safetensors")
    assert (tmp_path / "chain.safetensors").read_bytes() == (
        tmp_path / "again.safetensors"
    ).read_bytes()


@pytest.mark.parametrize("texts", [[], [[A], []]])
def test_no_text_or_an_empty_one_is_refused(texts):
    with pytest.raises(ValueError, match="without a word"):
        MarkovChain.fit(texts, vocabulary_size=1)
