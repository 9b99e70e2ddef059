"""The hidden Markov model against sums over all paths, and against the chain it contains."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from stages.corpus.building import build_corpus
from stages.corpus.corpus import UNKNOWN, Corpus, Split
from stages.corpus.errors import UserError
from stages.generators.hmm import Hmm, HmmSettings
from stages.generators.markov import Markov, MarkovSettings
from stages.networks.hidden_markov_model import Tables, pack
from stages.training.baum_welch import expect
from tests.test_baum_welch import count_by_paths
from tests.test_hidden_markov_model import TEXTS, list_paths, make_identity, make_tables

SETTINGS = HmmSettings(states=4, epochs=6, smoothing=0.5)


def make_model(tables: Tables, max_length: int = 8) -> Hmm:
    model = Hmm(list("abcdefgh")[: len(tables.emission)], SETTINGS, max_length)
    model.load_state_dict({"weights": tables._asdict()})
    return model


def make_corpus(max_length: int = 8, count: int = 60) -> Corpus:
    # A noun phrase, a verb, a noun phrase: classes of words that follow one another.
    random = np.random.default_rng(3)
    classes = [["the", "a", "one"], ["cat", "dog", "bird", "mouse"], ["sees", "hears"]]
    texts = []
    for number in range(count):
        kinds = [0, 1, 2, 0, 1] if number % 2 else [0, 1]
        texts.append([str(random.choice(classes[kind])) for kind in kinds])
    return replace(build_corpus(texts, [0, 1] * (count // 2), 0.1, 0.2, 1), max_length=max_length)


@pytest.mark.parametrize("text", ["a", "ba", "cab", "abba"])
@pytest.mark.parametrize("max_length", [3, 8])
def test_likelihood_filter_smooth_and_viterbi_are_those_of_all_paths(text, max_length):
    tables = make_tables(2, 3)
    model = make_model(tables, max_length)
    rows = ["abc".index(word) for word in text]
    paths = list_paths(tables, rows, ended=len(text) < max_length)

    posterior = np.zeros((len(text), 2))
    for path, value in paths.items():
        posterior[np.arange(len(text)), path] += value / sum(paths.values())
    assert model.smooth(text) == pytest.approx(posterior, abs=1e-12)
    assert tuple(model.viterbi(text)) == max(paths, key=paths.get)

    for place in range(len(text)):  # filtering a word looks at no later one, nor at the end
        beginning = list_paths(tables, rows[: place + 1], ended=False)
        into = [sum(v for p, v in beginning.items() if p[-1] == state) for state in range(2)]
        assert model.filter(text)[place] == pytest.approx(np.array(into) / sum(into), abs=1e-12)

    cropped = list_paths(tables, rows[:max_length], ended=len(text) < max_length)
    expected = np.log(sum(cropped.values()))
    assert model.log_likelihood([" ".join(text)])[0] == pytest.approx(expected, abs=1e-12)


def test_probabilities_of_all_texts_sum_to_one():
    # Texts of 1 and 2 words with their end, and those that are cropped at 3.
    model = make_model(make_tables(2, 3), max_length=3)
    texts = [" ".join(text) for length in (1, 2, 3) for text in product("abc", repeat=length)]
    assert np.exp(model.log_likelihood(texts)).sum() == pytest.approx(1, abs=1e-12)


def test_text_of_other_words_or_of_none_is_impossible():
    model = make_model(make_tables(2, 3))
    assert model.log_likelihood(["a z", "", "a"])[:2].tolist() == [-np.inf, -np.inf]
    assert model.log_likelihood([]).shape == (0,)


def test_an_update_is_one_of_baum_welch_over_all_paths():
    corpus = make_corpus(count=20)
    model = Hmm.build(corpus, HmmSettings(states=2, epochs=1, smoothing=0.5), seed=1, device="cpu")
    texts = [[model.ids[word] for word in text.split()] for text in corpus.texts(corpus.train)]
    counts = count_by_paths(model.tables, texts)
    words = sum(map(len, texts))
    ends = len(texts) / (len(texts) + words)
    frequencies = np.bincount(np.concatenate(texts)) / words
    # Of each state 0.5 word more, as frequent as in all texts, and 0.5 transition, of which 0.5
    # times `ends` to the end and the rest to both states alike.
    expected = Tables(
        counts.start + 0.25,
        counts.transition + 0.25 * (1 - ends),
        counts.end + 0.5 * ends,
        counts.emission + 0.5 * frequencies[:, None],
    ).normalise()

    next(model.train(corpus))
    for found, wanted in zip(model.tables, expected, strict=True):
        assert found == pytest.approx(wanted, abs=1e-12)


def test_training_never_lowers_likelihood_and_prior_together():
    corpus = make_corpus()
    model = Hmm.build(corpus, SETTINGS, seed=1, device="cpu")
    texts = model._number(corpus, corpus.train)
    prior = model._prior(texts)

    def objective() -> float:
        likelihood = expect(model.tables, pack(texts, [True] * len(texts)))[0]
        pairs = zip(prior, model.tables, strict=True)
        return likelihood + sum((counts * np.log(table)).sum() for counts, table in pairs)

    values = [objective()]
    steps = []
    for step in model.train(corpus):
        steps.append(step)
        values.append(objective())
    assert [step.step for step in steps] == [1, 2, 3, 4, 5, 6]
    assert np.diff(values).min() > 0
    assert values[-1] > values[0] + 10


def test_training_finds_what_words_follow_one_another():
    corpus = make_corpus(count=200)
    settings = HmmSettings(states=4, epochs=60, smoothing=0.1)
    model = Hmm.build(corpus, settings, seed=1, device="cpu")
    # A text is one of 3 words, one of 4, and for half of the texts one of 2, of 3 and of 4 besides;
    # 3.5 words and an end on average. A model that knows nothing but how often each word is needs
    # ln(9) / 3 + ln(12) / 3 + ln(18) / 9 + ln(4.5) / 4.5 = 2.22 nats.
    entropy = (np.log(12) + np.log(2) + np.log(24) / 2) / 4.5  # 1.06
    validation = [step.validation for step in model.train(corpus)]
    assert validation[-1] == pytest.approx(entropy, abs=0.1)


def test_loss_is_that_before_the_update_in_nats_a_word_or_end():
    corpus = make_corpus()
    model = Hmm.build(corpus, SETTINGS, seed=1, device="cpu")
    train, validation = corpus.texts(corpus.train), corpus.texts(corpus.validation)

    def events(texts: list[str]) -> int:
        return sum(len(text.split()) + 1 for text in texts)

    before = -model.log_likelihood(train).sum() / events(train)
    step = next(model.train(corpus))
    assert step.losses["loss"] == pytest.approx(before)
    after = -model.log_likelihood(validation).sum() / events(validation)
    assert step.validation == pytest.approx(after)


def test_words_only_validation_has_are_left_out():
    corpus = make_corpus()
    held_out, unknown = corpus.validation, len(corpus.words)
    extended = replace(
        corpus,
        words=[*corpus.words, "zebra"],
        validation=Split(  # "zebra" at the end of the last text, and a text of nothing else
            np.append(held_out.tokens, [unknown, unknown]).astype(np.int32),
            np.append(held_out.offsets[:-1], held_out.offsets[-1] + np.array([1, 2])),
            np.append(held_out.labels, 0).astype(np.int8),
        ),
    )
    model = Hmm.build(corpus, SETTINGS, seed=1, device="cpu")
    same = Hmm.build(corpus, SETTINGS, seed=1, device="cpu")
    assert [step.validation for step in model.train(extended)] == [
        step.validation for step in same.train(corpus)
    ]


def test_resumed_training_is_the_unbroken_one():
    corpus = make_corpus()
    whole, broken = (Hmm.build(corpus, SETTINGS, seed=1, device="cpu") for _ in range(2))
    steps = list(whole.train(corpus))
    states = []
    for _, _step in zip(range(2), broken.train(corpus), strict=False):
        states.append(broken.state_dict())
    resumed = Hmm.build(corpus, SETTINGS, seed=7, device="cpu")
    resumed.load_state_dict(states[0])
    assert list(resumed.train(corpus)) == steps[1:]
    for found, wanted in zip(resumed.tables, whole.tables, strict=True):
        assert found.tobytes() == wanted.tobytes()


def test_saved_is_loaded_with_the_same_bytes(tmp_path):
    corpus = make_corpus()
    model = Hmm.build(corpus, SETTINGS, seed=1, device="cpu")
    list(model.train(corpus))
    model.save(tmp_path / "one")
    loaded = Hmm.load(tmp_path / "one", "cpu")
    loaded.save(tmp_path / "two")
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()
    assert list(loaded.generate(20, 5)) == list(model.generate(20, 5))


def test_with_a_state_for_each_word_it_is_the_markov_chain():
    model = make_model(make_identity(TEXTS, 3))
    chain = Markov(["", *"abc"], MarkovSettings(order=1, start="empirical"), 8)
    chain.fit([[word + 1 for word in text] for text in TEXTS])

    for row, word in enumerate("abc"):
        state = model.filter([word])[-1]
        assert state.tolist() == np.eye(3)[row].tolist()
        following = model.tables.emission @ (state @ model.tables.transition)
        wanted = chain.histories.transition([row + 1])  # column 0 is the end
        assert following == pytest.approx(wanted[1:])
        assert state @ model.tables.end == pytest.approx(wanted[0])
    texts = [" ".join(text) for length in (1, 2, 3, 4) for text in product("abc", repeat=length)]
    expected = chain.log_likelihood(texts)
    assert 0 < np.isfinite(expected).sum() < len(texts)
    np.testing.assert_allclose(model.log_likelihood(texts), expected, rtol=1e-12)


def write(model: Hmm, count: int, **asked) -> list[str]:
    return [text for batch in model.generate(count, 11, **asked) for text in batch]


def test_same_seed_same_texts_in_batches_of_at_most_500():
    model = make_model(make_tables(3, 4), max_length=5)
    batches = list(model.generate(700, 2))
    assert [len(batch) for batch in batches] == [500, 200]
    assert batches == list(model.generate(700, 2)) != list(model.generate(700, 3))
    assert all(1 <= len(text.split()) <= 5 for batch in batches for text in batch)


def test_prefix_of_an_unknown_word_is_refused():
    model = make_model(make_tables(2, 3))
    with pytest.raises(UserError, match=r"prefix: .*'zebra'"):
        next(model.generate(1, 1, prefix="a zebra"))
    with pytest.raises(UserError, match="no labels"):
        next(model.generate(1, 1, labels=[1]))


def make_model_with_unknown(max_length: int = 8) -> Hmm:
    # Rows: a, the unknown word, b. The last state writes nothing but the unknown word.
    emission = np.array([[0.2, 0.5, 0], [0.5, 0, 1], [0.3, 0.5, 0]])
    tables = make_tables(3, 3)._replace(emission=emission)
    model = Hmm(["a", UNKNOWN, "b"], SETTINGS, max_length)
    model.load_state_dict({"weights": tables._asdict()})
    return model


def test_each_state_writes_its_known_words_in_place_of_the_unknown():
    # 0.2 and 0.3 become 0.4 and 0.6; a state of nothing else writes both words alike.
    model = make_model_with_unknown()
    expected = np.array([[0.4, 0.5, 0.5], [0, 0, 0], [0.6, 0.5, 0.5]])
    assert model.drawn.emission == pytest.approx(expected, abs=1e-15)
    for name in ("start", "transition", "end"):
        assert getattr(model.drawn, name) is getattr(model.tables, name)
    assert model.tables.emission[1].tolist() == [0.5, 0, 1]
    assert model.describe()["words"] == 2


def test_a_model_without_unknown_words_writes_as_it_has_learnt():
    model = make_model(make_tables(2, 3))
    assert model.drawn is model.tables


def test_the_likelihood_is_that_of_the_texts_it_writes_without_unknown_words():
    model = make_model_with_unknown(max_length=2)
    texts = ["a", "b", "a a", "a b", "b a", "b b"]
    chances = np.exp(model.log_likelihood(texts))
    assert chances.sum() == pytest.approx(1, abs=1e-12)
    assert model.log_likelihood([f"a {UNKNOWN}", UNKNOWN]).tolist() == [-np.inf] * 2
    for asked in ({}, {"temperature": 1.0 + 1e-9}):
        written = write(model, 20_000, **asked)
        shares = [written.count(text) / 20_000 for text in texts]
        # Standard error below 0.0035; four of them.
        assert shares == pytest.approx(chances.tolist(), abs=0.014)


def test_words_that_it_does_not_know_are_learnt_as_the_unknown_one():
    texts = [["a", "x", "b"], ["a", "b"], ["a", "y"], ["b", "a"], ["a", "b"], ["b", "b"]]
    corpus = replace(
        build_corpus(texts, [0] * 6, 0.2, 0.4, 1, most_words=2, train_on_all=True), max_length=8
    )
    model = Hmm.build(corpus, SETTINGS, seed=1, device="cpu")
    assert model.words == ["a", "b", UNKNOWN]
    numbered = [text.tolist() for text in model._number(corpus, corpus.train)]
    assert numbered == [[0, 2, 1], [0, 1], [0, 2], [1, 0], [0, 1], [1, 1]]
