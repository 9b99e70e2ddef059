"""The character LSTM: what it reads, the texts it writes and their likelihoods, how it learns."""

import math
from copy import deepcopy
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from stages.corpus.building import build_corpus
from stages.corpus.errors import UserError
from stages.generators import character_lstm, spelling_model
from stages.generators.character_lstm import CharacterLstm
from stages.generators.spelling_model import SpellingSettings
from stages.networks import tied_softmax
from stages.networks.lstm_language_model import END, UNKNOWN
from tests.tampering import is_refused, said
from tests.test_language_model import make_corpus

SETTINGS = SpellingSettings(
    width=8,
    hidden_size=12,
    num_layers=1,
    dropout=0.0,
    batch_size=4,
    learning_rate=0.01,
    patience=1,
    epochs=2,
    rarest=1,
)
CHARACTERS = ["", "<unk>", " ", "a", "b"]
SPACE, A, B = 2, 3, 4
SHARES = [4, 5, 3, 2, 1]  # of 15: the end, the unknown one, the space, a and b


def make_model(characters=CHARACTERS, max_length=3, max_characters=20, seed=0, **changes):
    torch.manual_seed(seed)
    settings = SETTINGS.model_copy(update=changes)
    model = CharacterLstm(characters, settings, max_length, max_characters, "cpu")
    for weight in model.network.parameters():
        nn.init.normal_(weight, std=0.7)  # as made, a model is close to uniform
    model.network.eval()
    return model


def make_known_model(**changes):
    """Whatever it has read, the next character has its SHARES."""
    model, logs = make_model(**changes), torch.tensor(SHARES).float().log()
    with torch.no_grad():
        model.network.projection.weight.zero_(), model.network.projection.bias.zero_()
        model.network.softmax.bias.copy_(logs)
        model.network.softmax.group_bias.copy_(logs[-1:])  # of the last, alone in its group
    return model


def build(corpus, seed=1, **changes):
    torch.manual_seed(seed)
    settings = SETTINGS.model_copy(update=changes)
    return CharacterLstm.build(corpus, settings, seed=seed, device="cpu")


def write(model, count=50, seed=1, **options):
    return [text for batch in model.generate(count, seed, **options) for text in batch]


def make_cycle(count=60, seed=3):
    """Texts in which the character before says which comes next: abcabc…, from any of the three."""
    random = np.random.default_rng(seed)
    texts = []
    for _ in range(count):
        start, length = random.integers(0, 3), random.integers(4, 9)
        texts.append([("abc" * 4)[start : start + length]])
    return replace(build_corpus(texts, [0] * count, 0.1, 0.2, 1), max_length=4)


# What it reads.


def test_characters_stand_by_falling_frequency_the_end_and_the_unknown_one_first():
    # Cropped at three words, with the space that crops one: 6 spaces, b 4, a 3, c 1, no d.
    model = build(make_corpus(["b a b", "a b", "b a c d"]))
    assert model.characters == ["", "<unk>", " ", "b", "a", "c"]
    # Equal ones stand as they came.
    assert build(make_corpus(["dab", "cc"])).characters[2:] == ["c", "d", "a", "b", " "]


@pytest.mark.parametrize(("rarest", "known"), [(1, "abcd"), (2, "abc"), (3, "ab"), (4, "a")])
def test_a_character_that_comes_too_rarely_is_unknown(rarest, known):
    model = build(make_corpus(["abcd", "abc", "ab", "a"]), rarest=rarest)
    assert [*model.characters[2:]] == [*known, " "]
    assert model.describe()["characters"] == len(known) + 1


def test_a_text_s_symbols_are_its_characters_spaces_and_end():
    model = make_model()
    corpus = make_corpus(["a ba", "b", "a b a", "b a b a", "zb"])
    tokens, lengths = model.number(corpus, corpus.train)
    # The third has as many words as are read and then its end; the fourth goes on behind a space.
    assert tokens.tolist() == [
        [A, SPACE, B, A, END, END],
        [B, END, END, END, END, END],
        [A, SPACE, B, SPACE, A, END],
        [B, SPACE, A, SPACE, B, SPACE],
        [UNKNOWN, B, END, END, END, END],
    ]
    assert lengths.tolist() == [5, 2, 6, 6, 3]
    assert (tokens.dtype, lengths.dtype) == (torch.int64, torch.int64)


def test_a_text_is_cropped_at_characters_too():
    model = make_model(max_characters=3)
    corpus = make_corpus(["aaaaa", "ab ab", "ab", "abb", "a"])
    tokens, lengths = model.number(corpus, corpus.train)
    # No end is counted but those of "ab" and of "a".
    assert tokens.tolist() == [[A, A, A], [A, B, SPACE], [A, B, END], [A, B, B], [A, END, END]]
    assert lengths.tolist() == [3, 3, 3, 3, 2]


@pytest.mark.parametrize(("longest", "most"), [("a" * 40, 41), ("a" * 60, 48)])
def test_texts_may_be_as_long_as_the_longest_that_it_learns_from(longest, most):
    # 16 characters for each of three words are 48; 40 and the end are fewer.
    assert build(make_corpus(["a b", longest])).max_characters == most


TEXTS = [
    "שלום עולם",
    "مرحبا بالعالم",
    "می\u200cخواهم",
    "👩🏽\u200d🚀 🇩🇪 ok 👍",
    "x\u0301y\u0323 é",  # marks without a letter of their own
    "你 好 世 界",
    "क्\u200dष हिन्दी",
    "𝄞 \U0001f9ff",
]


def test_any_script_survives_the_way_there_and_back(tmp_path):
    corpus = make_corpus(TEXTS, TEXTS, max_length=8)
    model = build(corpus)
    assert model.write(model.number(corpus, corpus.train).tokens) == TEXTS
    model.save(tmp_path / "model")
    loaded = CharacterLstm.load(tmp_path / "model", "cpu")
    assert loaded.write(loaded.number(corpus, corpus.validation).tokens) == TEXTS
    assert np.isfinite(model.log_likelihood(TEXTS)).all()
    assert write(model, 3, prefix=TEXTS[3])[0].startswith(TEXTS[3])


def test_words_that_the_vocabulary_leaves_out_are_read():
    texts = [["good"]] * 20 + [["zebra"]] * 3
    corpus = build_corpus(texts, [0] * 23, 0.1, 0.1, 1, most_words=1)
    model = build(replace(corpus, max_length=3))
    assert {*"good zebra"} == {*model.characters[2:]}


# Likelihoods.


def test_an_untrained_model_s_perplexity_is_the_number_of_its_symbols():
    corpus = make_corpus(["the quick brown fox", "jumps over", "the lazy dog"], max_length=5)
    model = build(corpus)
    symbols = len(model.characters)
    assert symbols == 27 + 2  # all letters and the space; the end and the unknown one
    perplexity = 2 ** model.bits(model.number(corpus, corpus.train))
    assert perplexity == pytest.approx(symbols, rel=0.05)


@pytest.mark.parametrize(
    ("text", "probability"),
    [
        # A word begins with a or b, of 3; what follows a character is of 10, the unknown one none.
        ("a", 2 / 3 * 4 / 10),
        ("ab", 2 / 3 * 1 / 10 * 4 / 10),
        # Of two words: it ends, or a space crops it.
        ("a b", 2 / 3 * 3 / 10 * 1 / 3 * 7 / 10),
        (" a   b ", 2 / 3 * 3 / 10 * 1 / 3 * 7 / 10),
        ("a b a", 2 / 3 * 3 / 10 * 1 / 3 * 7 / 10),
        ("a b ?", 2 / 3 * 3 / 10 * 1 / 3 * 7 / 10),
        # Of five characters at most, the end or the space that crops it among them.
        ("abab", 2 / 3 * 1 / 10 * 2 / 10 * 1 / 10 * 7 / 10),
        ("abab b", 2 / 3 * 1 / 10 * 2 / 10 * 1 / 10 * 7 / 10),
        ("ababa", 2 / 3 * 1 / 10 * 2 / 10 * 1 / 10 * 2 / 10),
        ("ababab", 2 / 3 * 1 / 10 * 2 / 10 * 1 / 10 * 2 / 10),
        ("aba b", 2 / 3 * 1 / 10 * 2 / 10 * 3 / 10 * 1 / 3),
        ("", 0),
        ("  ", 0),
        ("c", 0),
        ("a cb", 0),
        ("<unk>", 0),
    ],
)
def test_log_likelihood_is_that_of_the_texts_it_writes(text, probability):
    model = make_known_model(max_length=2, max_characters=5)
    values = model.log_likelihood(["b", text, "aa"])
    expected = math.log(probability) if probability else -math.inf
    assert values.dtype == np.float64
    assert values[1] == pytest.approx(expected, rel=1e-5)


def texts_of(alphabet, words, characters):
    """Every text of so many words and characters at most."""
    strings = (
        "".join(text)
        for length in range(1, characters + 1)
        for text in product(alphabet + " ", repeat=length)
    )
    return [text for text in strings if " ".join(text.split()) == text and text.count(" ") < words]


@pytest.mark.parametrize(("words", "characters"), [(1, 3), (2, 4), (3, 4), (3, 6)])
def test_probabilities_of_all_strings_sum_to_one(monkeypatch, words, characters):
    monkeypatch.setattr(tied_softmax, "CUTOFFS", (3, 4))  # groups, as an alphabet of thousands has
    monkeypatch.setattr(character_lstm, "MOST_LOGITS", 200)  # several parts
    model = make_model(max_length=words, max_characters=characters)
    model.network.train()  # the likelihood must leave dropout out
    values = model.log_likelihood(texts_of("ab", words, characters))
    assert np.exp(values).sum() == pytest.approx(1, abs=1e-5)


def test_no_texts_have_no_likelihoods():
    assert make_model().log_likelihood([]).shape == (0,)
    assert make_model().log_likelihood(["?"]).tolist() == [-math.inf]


def test_texts_come_as_often_as_they_are_likely():
    model = make_model(max_length=2, max_characters=4)
    texts, count = texts_of("ab", 2, 4), 20_000
    drawn = write(model, count)
    assert {*drawn} <= {*texts}
    probabilities = np.exp(model.log_likelihood(texts))
    shares = np.array([drawn.count(text) for text in texts]) / count
    # Five standard errors.
    bounds = 5 * np.sqrt(probabilities * (1 - probabilities) / count)
    assert (np.abs(shares - probabilities) <= bounds).all()


# Writing.


def test_texts_are_words_joined_by_one_space_and_cropped():
    model = make_model(max_length=3, max_characters=7)
    for options in ({}, {"temperature": 3.0}, {"temperature": 0.5, "top_p": 0.9}):
        for text in write(model, 500, **options):
            assert text == " ".join(text.split()) != ""
            assert len(text.split()) <= 3
            assert len(text) <= 7
            assert {*text} <= {*"ab "}


def test_texts_depend_on_the_seed_alone(monkeypatch):
    monkeypatch.setattr(spelling_model, "BATCH", 40)
    model = make_model()
    first = list(model.generate(100, 1))
    torch.randn(5)
    assert [len(batch) for batch in first] == [40, 40, 20]
    assert first == list(model.generate(100, 1)) != list(model.generate(100, 2))
    assert first[0] != first[1]


@pytest.mark.parametrize("options", [{"temperature": 1e-4}, {"top_p": 1e-4}], ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_the_coldest_text_is_that_of_the_likeliest_characters(options, seed):
    model = make_model(max_length=4, max_characters=12, seed=seed)
    text = ""
    while len(text) < 12:
        read = torch.tensor([[END, *(model.ids[each] for each in text)]])
        hidden = model.network.read(read)[0][:, -1]
        logs = dict(
            zip(
                "$?" + " ab",
                model.network.softmax.log_probabilities(hidden)[0].tolist(),
                strict=True,
            )
        )
        best = max("ab" if not text or text.endswith(" ") else "$ ab", key=logs.get)
        if best == "$" or (best == " " and text.count(" ") == 3):
            break
        text += best
    assert write(model, 3, **options) == [text.rstrip()] * 3


@pytest.mark.parametrize(
    ("prefix", "written"),
    [
        # a is the likeliest first character, the end what is likeliest behind one.
        ("", "a"),
        ("b", "b"),
        (" bb  ab ", "bb ab"),
        ("b a b a", "b a b"),
        ("abababab", "ababa"),
        ("abab b", "abab"),
    ],
)
def test_a_beginning_is_written_first_as_whole_words(prefix, written):
    model = make_known_model(max_characters=5)
    assert write(model, 3, prefix=prefix, top_p=0.01) == [written] * 3


def test_a_beginning_s_last_word_ends_there():
    texts = write(make_known_model(), 200, prefix="b ab")
    assert all(f"{text} ".startswith("b ab ") for text in texts)
    assert len({*texts}) > 1


@pytest.mark.parametrize("seed", range(3))
def test_what_follows_a_beginning_depends_on_all_of_it(seed):
    model = make_model(seed=seed)
    hidden = model.network.read(torch.tensor([[END, B, A, B, A, A]]))[0][:, -1]
    end, space = model.network.softmax.log_probabilities(hidden)[0, [END, SPACE]].exp().tolist()
    expected = end / (end + space)  # as a word ends there
    texts = write(model, 5000, prefix="babaa")
    # Five standard errors.
    bound = 5 * math.sqrt(expected * (1 - expected) / 5000)
    assert texts.count("babaa") / 5000 == pytest.approx(expected, abs=bound)


@pytest.mark.parametrize(("prefix", "character"), [("a c", "c"), ("אb", "א"), ("<b", "<")])
def test_a_beginning_with_an_unknown_character_is_refused(prefix, character):
    with pytest.raises(UserError) as error:
        write(make_model(), prefix=prefix)
    expected = f"prefix: the character lstm has not learnt the character {character!r}"
    assert str(error.value).startswith(f"{expected}; expected characters of the texts")


def test_labels_are_refused():
    with pytest.raises(UserError, match=r"^CharacterLstm: it has learnt no labels"):
        write(make_model(), labels=[1])


def test_an_unknown_character_is_never_written_however_likely():
    model = make_known_model()
    with torch.no_grad():
        model.network.softmax.bias[UNKNOWN] = 40.0  # 1 - P of it is 0 in float32
    assert {*"".join(write(model, 300))} == {*"ab "}
    assert model.log_likelihood(["a"])[0] == pytest.approx(math.log(2 / 3 * 4 / 10), rel=1e-5)


# Learning.


def test_losses_are_in_nats_a_word_and_an_end_as_those_of_words_are():
    # Its learning rate is all but 0, so that it stays as it was made.
    corpus = make_corpus(["abbb baa", "b", "a b ab a"], ["a", "ab z", "b b b b"])
    model = make_model(epochs=1, learning_rate=1e-30)
    (step,) = model.train(corpus)

    def nats(lines):
        ids = {"$": END, "z": UNKNOWN, " ": SPACE, "a": A, "b": B}
        total = 0.0
        for line in lines:
            tokens = torch.tensor([[ids[symbol] for symbol in line]])
            with torch.no_grad():
                logs = model.network.log_likelihood(tokens, torch.ones_like(tokens).bool())
            total -= logs.sum().item()
        return total

    # Two words and an end, a word and an end, and three words of the text that is cropped.
    assert step.losses["loss"] == pytest.approx(nats(["abbb baa$", "b$", "a b ab "]) / 8, rel=1e-5)
    # "a", and "ab z" with their ends, and three words: 2 + 3 + 3.
    assert step.validation == pytest.approx(nats(["a$", "ab z$", "b b b "]) / 8, rel=1e-5)
    # 2 + 5 + 6 symbols.
    assert model.describe()["bits_a_character"] == pytest.approx(
        nats(["a$", "ab z$", "b b b "]) / math.log(2) / 13, rel=1e-5
    )


def test_no_character_s_vector_is_dropped_from_a_whole_batch():
    network = make_model(dropout=0.9).network.train()
    tokens = torch.tensor([[A, B, SPACE]] * 50)
    assert torch.equal(network._embed(tokens), network.softmax.vectors(tokens))


def test_it_writes_the_period_that_it_has_read():
    corpus = make_corpus(["abc abc abc abc"] * 40, ["abc abc abc abc"], max_length=6)
    model = build(corpus, epochs=30, learning_rate=0.03, hidden_size=16)
    list(model.train(corpus))
    assert write(model, 3, temperature=0.01) == ["abc abc abc abc"] * 3
    assert write(model, 3, temperature=0.01, prefix="abc") == ["abc abc abc abc"] * 3


def test_it_learns_more_than_how_often_each_character_comes():
    corpus = make_cycle()
    model = build(corpus, epochs=30, learning_rate=0.03, hidden_size=16)
    list(model.train(corpus))
    tokens, lengths = model.number(corpus, corpus.validation)
    counts = torch.bincount(tokens[torch.arange(tokens.shape[1]) < lengths[:, None]]).double()
    shares = counts[counts > 0] / counts.sum()
    entropy = -(shares * shares.log2()).sum().item()
    assert entropy > 1.9
    # What is left: log2(3) of the first character, log2(5) of where a text of 4 to 8 ends; of the
    # 7 symbols of a text on average. The limit is (1.58 + 2.32) / 7 = 0.56.
    assert model.describe()["bits_a_character"] < 0.75


def test_resumed_training_is_the_unbroken_one():
    corpus = make_cycle()
    whole = build(corpus, epochs=4, dropout=0.3)
    steps, state = [], None
    for step in whole.train(corpus):
        steps.append(step)
        if step.ends_epoch and step.epoch == 2:
            state, random = deepcopy(whole.state_dict()), torch.get_rng_state()
    resumed = build(corpus, epochs=4, dropout=0.3, seed=7)
    resumed.load_state_dict(state)
    torch.set_rng_state(random)
    assert list(resumed.train(corpus)) == steps[len(steps) // 2 :]
    for ours, theirs in zip(resumed.network.parameters(), whole.network.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert resumed.describe() == whole.describe()


def test_training_ends_by_itself_where_validation_no_longer_falls():
    corpus = make_corpus(["aaa"] * 7 + ["bbb"], ["bbb"] * 2)
    model = build(corpus, epochs=50, learning_rate=1.0)
    steps = list(model.train(corpus))
    assert len(steps) < model.count_steps(corpus) == 100
    assert list(model.train(corpus)) == []


@pytest.mark.parametrize(
    ("epochs", "shares"),
    [(3, [1] * 3), (4, [1, 1, 1, 0.3]), (9, [1] * 7 + [0.3, 0.09])],
)
def test_the_rate_falls_in_the_last_passes_where_it_has_not_fallen_before(epochs, shares):
    # Two updates a pass, among the first 100, in which the rate rises.
    corpus = make_corpus(["a b"] * 8, [])
    model, rates = build(corpus, epochs=epochs, learning_rate=0.5), []
    for _ in model.train(corpus):
        rates.append(model.optimizer.param_groups[0]["lr"])
    expected = [0.5 * shares[step // 2] * (step + 1) / 100 for step in range(2 * epochs)]
    assert rates == pytest.approx(expected)


def test_without_validation_texts_it_makes_twelve_passes_at_most():
    corpus = make_corpus(["a b"] * 8, [])
    model = build(corpus, epochs=50)
    steps = list(model.train(corpus))
    assert [step.epoch for step in steps if step.ends_epoch] == [*range(1, 13)]
    assert {step.validation for step in steps} == {None}
    assert "bits_a_character" not in model.describe()


def test_texts_without_a_character_that_comes_often_enough_are_refused():
    with pytest.raises(UserError) as error:
        build(make_corpus(["ab c", "d"]), rarest=2)
    assert str(error.value) == (
        "the corpus: no character comes 2 times in the texts to learn from; lower "
        "character_lstm.rarest, or give more texts"
    )


# Its folder.


def test_saved_is_loaded_with_the_same_bytes(tmp_path):
    corpus = make_cycle()
    model = build(corpus)
    list(model.train(corpus))
    model.save(tmp_path / "one")
    loaded = CharacterLstm.load(tmp_path / "one", "cpu")
    loaded.save(tmp_path / "two")
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()
    assert write(loaded) == write(model)
    assert not loaded.network.training


@pytest.mark.parametrize(
    ("key", "change", "match"),
    [
        ("characters", lambda old: old[:-1], "of the shape"),
        ("characters", lambda old: [*old, "z"], "of the shape"),
        ("characters", lambda old: [*old[:-1], old[-2]], "distinct"),
        ("characters", lambda old: [*old[:-1], "xy"], "single characters"),
        ("characters", lambda old: [*old[:-1], ""], "single characters"),
        ("characters", lambda old: [*old[:-1], "\n"], "single characters"),
        ("characters", lambda old: [*old[:-1], "\u2028"], "single characters"),
        ("characters", lambda old: [*old[:-1], 7], "valid string"),
        ("characters", lambda old: old[1:], "before all characters"),
        ("characters", lambda old: [old[0], old[2], old[1], *old[3:]], "before all characters"),
        ("characters", lambda old: ["z" if each == " " else each for each in old], "a space"),
        ("characters", lambda old: [], "at least 4"),
        ("characters", "abcdef", "valid list"),
        ("max_characters", lambda old: 0, "max_characters: "),
        ("max_characters", lambda old: 10**9, "max_characters: "),
    ],
)
def test_a_folder_of_other_characters_is_refused(tmp_path, key, change, match):
    make_model().save(tmp_path / "model")
    said(key, value=change)(tmp_path / "model" / "about.json")
    is_refused(lambda: CharacterLstm.load(tmp_path / "model", "cpu"), match)


def test_its_size_is_told():
    # Vectors 5 * 8; an LSTM layer 4*12*(8 + 12) + 2*48; projection 12*8 + 8; biases of 5; one
    # group, its vector and its bias, 8 + 1.
    size = 40 + (960 + 96) + 104 + 5 + 9
    assert make_model().describe() == {"characters": 3, "parameters": size}
