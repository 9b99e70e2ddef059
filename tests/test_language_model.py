"""The language model: its words, its texts, their likelihoods, and the epoch that is kept."""

import math
from copy import deepcopy
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from stages.corpus.building import build_corpus
from stages.corpus.corpus import UNKNOWN, Corpus, Split
from stages.corpus.errors import UserError
from stages.generators import word_model
from stages.generators.language_model import LanguageModel, LanguageModelSettings
from stages.generators.word_model import fit_dropout, rank_words
from stages.networks import tied_softmax
from stages.networks.lstm_language_model import written
from stages.pipeline.trainer import fit
from stages.training.plateau import UNVALIDATED

SETTINGS = LanguageModelSettings(
    width=8,
    hidden_size=6,
    num_layers=2,
    dropout=0.5,
    batch_size=4,
    learning_rate=0.01,
    patience=1,
    epochs=2,
)
WORDS = ["", "a", "b", "c", "d"]
A, B, C, D, END = 1, 2, 3, 4, 0

# Shares, of 55, of the end and of a, b, c, d.
SHARES = [9, 25, 16, 4, 1]


def make_model(words=WORDS, max_length=3, seed=0, **changes):
    torch.manual_seed(seed)
    settings = SETTINGS.model_copy(update=changes)
    model = LanguageModel(words, settings, max_length, "cpu")
    for weight in model.network.parameters():
        nn.init.normal_(weight, std=0.7)  # as made, a model is close to uniform
    model.network.eval()
    return model


def make_known_model(max_length=3, words=WORDS):
    """Whatever it has read, the next word has its SHARES."""
    model = make_model(words, max_length=max_length)
    network, logs = model.network, torch.tensor(SHARES).float().log()
    with torch.no_grad():
        network.projection.weight.zero_(), network.projection.bias.zero_()
        network.softmax.bias.copy_(logs)
        network.softmax.group_bias.copy_(logs[-1:])  # of the last word, alone in its group
    return model


def make_corpus(train, validation=("a",), max_length=3):
    """Make a corpus whose words are numbered as they appear; its test split is `validation`."""
    texts = [text.split() for text in train]
    words = list(dict.fromkeys(["", *(word for text in texts for word in text)]))
    vocabulary_size = len(words) - 1
    held_out = [text.split() for text in validation]
    words = list(dict.fromkeys([*words, *(word for text in held_out for word in text)]))

    def split(texts):
        ids = [words.index(word) for text in texts for word in text]
        offsets = np.cumsum([0, *map(len, texts)])
        return Split(np.array(ids, np.int32), offsets, np.zeros(len(texts), np.int8))

    splits = split(texts), split(held_out), split(held_out)
    return Corpus(words, vocabulary_size, *splits, max_length=max_length)


def write(model, count=50, seed=1, **options):
    return [text for batch in model.generate(count, seed, **options) for text in batch]


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ([], [""]),
        (["b a b", "c a b"], ["", "b", "a", "c"]),  # 3, 2, 1
        (["d c", "c d", "b", "a e"], ["", "d", "c", "b", "a", "e"]),  # 2, 2, 1, 1, 1
        (["a b b", "", "c c"], ["", "b", "c", "a"]),  # 1, 2, 2
        (["c a b d d d d", "b d"], ["", "b", "c", "a", "d"]),  # cropped: 2, 1, 1, 1
        (["a b b c", "b a b"], ["", "b", "a"]),  # c is beyond the crop
    ],
)
def test_words_are_ranked_by_frequency_then_by_first_appearance(texts, words):
    # The validation split's word is none of the model's.
    corpus = make_corpus(texts, ["z"])
    assert [corpus.words[place] for place in rank_words(corpus)] == words
    if texts:
        assert LanguageModel.build(corpus, SETTINGS, seed=1, device="cpu").words == words


def test_tokens_are_the_places_of_the_words():
    model, texts = make_model(), ["a c", "", "d", "b b a d c"]
    tokens = model.tokenize(texts)
    assert tokens.dtype == torch.int64
    assert tokens.tolist() == [[A, C, END], [END] * 3, [D, END, END], [B, B, A]]
    assert model.write(tokens) == ["a c", "", "d", "b b a"]
    longer = make_model(max_length=5)
    assert longer.write(longer.tokenize(texts)) == texts
    with pytest.raises(KeyError, match="z"):
        model.tokenize(["a z"])


def test_a_split_s_texts_are_numbered_as_its_words_are():
    texts = ["d a b", "a", "b b c d d", "c"]
    corpus = make_corpus(texts)
    model = LanguageModel.build(corpus, SETTINGS, seed=1, device="cpu")
    tokens = model.number(corpus, corpus.train)
    assert tokens.dtype == torch.int64
    assert torch.equal(tokens, model.tokenize(texts))


def test_held_out_texts_lose_the_words_that_training_lacks_before_they_are_cropped():
    # Cropped before, the first would be "b c".
    corpus = make_corpus(["a b c d"], ["z b y a z c a", "a z", "z"])
    model = make_model()
    assert model.write(model.number(corpus, corpus.validation)) == ["b a c", "a", ""]


def test_written_texts_become_the_same_tokens_again():
    model = make_model(max_length=6)
    tokens = model.network.sample(200, 6, torch.Generator().manual_seed(5))
    assert torch.equal(model.tokenize(model.write(tokens)), tokens)


def test_texts_depend_on_the_seed_alone(monkeypatch):
    monkeypatch.setattr(word_model, "BATCH", 40)
    model = make_model(max_length=5)
    first = list(model.generate(100, 1))
    torch.randn(5)
    assert [len(batch) for batch in first] == [40, 40, 20]
    assert first == list(model.generate(100, 1)) != list(model.generate(100, 2))
    assert first[0] != first[1]


@pytest.mark.parametrize("options", [{"top_p": 0.1}, {"temperature": 0.01}])
def test_generate_draws_as_it_is_told(options):
    # Of a alone 0.1 is reached; to the power of 100, 25 against 16 leaves b one of 2e19.
    model = make_known_model()
    assert write(model, 9, **options) == ["a a a"] * 9
    assert write(model, 9, prefix="c", **options) == ["c a a"] * 9
    assert write(model, 9, prefix=" d  c ", **options) == ["d c a"] * 9
    assert write(model, 9, prefix="d c b a", **options) == ["d c b"] * 9


@pytest.mark.parametrize("prefix", ["unheard", "a unheard"])
def test_a_beginning_with_an_unknown_word_is_refused(prefix):
    with pytest.raises(UserError) as error:
        write(make_model(), prefix=prefix)
    assert str(error.value) == (
        "prefix: the language model has not learnt the word 'unheard'; expected words of the texts "
        "that it learnt from"
    )


def test_labels_are_refused():
    with pytest.raises(UserError, match=r"^LanguageModel: it has learnt no labels"):
        write(make_model(), labels=[1])


@pytest.mark.parametrize(
    ("text", "probability"),
    [
        # The first word is none of the end: of 46; the others, and the end, of 55.
        ("a b", 25 / 46 * 16 / 55 * 9 / 55),
        ("d", 1 / 46 * 9 / 55),
        # Of three words, or cropped to them: the end is not counted.
        ("c a b", 4 / 46 * 25 / 55 * 16 / 55),
        ("c a b d", 4 / 46 * 25 / 55 * 16 / 55),
        ("c a b unheard", 4 / 46 * 25 / 55 * 16 / 55),
        ("c unheard", 0),
        ("", 0),
    ],
)
def test_log_likelihood_is_that_of_the_texts_it_writes(text, probability):
    values = make_known_model().log_likelihood(["b", text, "a a"])
    expected = math.log(probability) if probability else -math.inf
    assert values.dtype == np.float64
    assert values[1] == pytest.approx(expected, rel=1e-5)


def test_probabilities_of_all_texts_sum_to_one(monkeypatch):
    # All texts of one to three words, those of three cropped: 4 + 16 + 64. The softmax has tails.
    monkeypatch.setattr(tied_softmax, "CUTOFFS", (2, 4))
    texts = [" ".join(text) for length in range(1, 4) for text in product("abcd", repeat=length)]
    model = make_model()
    model.network.train()  # the likelihood must leave dropout out
    assert np.exp(model.log_likelihood(texts)).sum() == pytest.approx(1, abs=1e-5)


def test_steps_are_numbered_and_each_epoch_ends_in_evaluation_mode():
    # Ten texts in batches of four: three updates a pass.
    corpus = make_corpus(["a", "b", "c", "a b", "b c", "c a", "a", "b", "c", "a"])
    model = LanguageModel.build(corpus, SETTINGS, seed=1, device="cpu")
    assert model.count_steps(corpus) == 6
    steps, modes = [], []
    for step in model.train(corpus):
        steps.append(step)
        modes.append(model.network.training)
    assert modes == [True, True, False] * 2
    assert [(step.step, step.epoch, step.ends_epoch) for step in steps] == [
        (1, 1, False), (2, 1, False), (3, 1, True), (4, 2, False), (5, 2, False), (6, 2, True)
    ]  # fmt: skip
    assert [step.validation is not None for step in steps] == [False, False, True] * 2


def test_validation_is_the_negative_log_likelihood_in_nats_a_word():
    # Its learning rate is all but 0, so that its likelihood stays what it was made with.
    corpus = make_corpus(["a b c d"], ["b", "z a c d b"])
    model = make_model(epochs=1, learning_rate=1e-30)
    (step,) = model.train(corpus)
    # "b" and its end, and "a c d" cropped before one: five words and ends.
    with torch.no_grad():
        tokens = torch.tensor([[B, END, END], [A, C, D]])
        mask = torch.tensor([[1, 1, 0], [1, 1, 1]], dtype=torch.bool)
        expected = -model.network.log_likelihood(tokens, mask).mean().item()
    assert step.validation == pytest.approx(expected, rel=1e-5)


# When training ends.


def build_contrary(**changes):
    """A model, and a corpus of which each pass makes validation worse: there b is what a was."""
    corpus = make_corpus(["a a a"] * 7 + ["b"], ["b b b"] * 2)
    changes = {"epochs": 50, "learning_rate": 1.0, "num_layers": 1, "dropout": 0.3, **changes}
    torch.manual_seed(1)
    settings = SETTINGS.model_copy(update=changes)
    return LanguageModel.build(corpus, settings, seed=1, device="cpu"), corpus


@pytest.mark.parametrize(
    ("patience", "shares"),
    # The first pass is the lowest. Then the rate falls to 0.3 of it and to 0.09 of it, each after
    # as many passes as there is patience, and after as many more training is over.
    [(1, [1, 1, 0.3, 0.09]), (2, [1, 1, 1, 0.3, 0.3, 0.09, 0.09])],
)
def test_training_ends_by_itself_where_validation_no_longer_falls(patience, shares):
    model, corpus = build_contrary(patience=patience)
    steps, rates = [], []
    for step in model.train(corpus):
        steps.append(step)
        rates.append(model.optimizer.param_groups[0]["lr"])
    validations = [step.validation for step in steps if step.ends_epoch]
    assert len(validations) == len(shares) < model.settings.epochs
    assert min(validations) == validations[0]
    # Two updates a pass, among the first 100, in which the rate rises.
    expected = [shares[step // 2] * (step + 1) / 100 for step in range(2 * len(shares))]
    assert rates == pytest.approx(expected)


@pytest.mark.parametrize("passes", [1, 2, 3, 4, 5])
def test_training_taken_up_again_around_a_fall_of_the_rate_is_the_unbroken_one(passes):
    # With a patience of 2 the rate falls after the third pass and the fifth.
    whole, corpus = build_contrary(patience=2)
    unbroken, state = [], None
    for step in whole.train(corpus):
        unbroken.append(step)
        if step.ends_epoch and step.epoch == passes:
            state, random = deepcopy(whole.state_dict()), torch.get_rng_state()
    assert len(unbroken) == 2 * 7
    resumed, _ = build_contrary(patience=2)
    resumed.load_state_dict(state)
    torch.set_rng_state(random)
    assert list(resumed.train(corpus)) == unbroken[2 * passes :]
    for ours, theirs in zip(resumed.network.parameters(), whole.network.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_training_that_was_over_stays_over():
    model, corpus = build_contrary()
    assert list(model.train(corpus))
    resumed, _ = build_contrary()
    resumed.load_state_dict(deepcopy(model.state_dict()))
    assert list(resumed.train(corpus)) == []


@pytest.mark.parametrize(("epochs", "passes"), [(50, UNVALIDATED), (5, 5)])
def test_without_validation_texts_it_makes_so_many_passes_at_most(epochs, passes):
    corpus = make_corpus(["a b"] * 8, [])
    settings = SETTINGS.model_copy(update={"epochs": epochs})
    model = LanguageModel.build(corpus, settings, seed=1, device="cpu")
    steps = list(model.train(corpus))
    assert [step.epoch for step in steps if step.ends_epoch] == [*range(1, passes + 1)]
    assert {step.validation for step in steps} == {None}


# Dropout.


@pytest.mark.parametrize(
    ("words", "dropout"),
    # 0.5 up to 300,000 words; a tenth less a doubling; 0.1 from four doublings, 4.8 million, on.
    [
        (1, 0.5),
        (300_000, 0.5),
        (600_000, 0.4),
        (1_200_000, 0.3),
        (2_400_000, 0.2),
        (4_800_000, 0.1),
        (100_000_000, 0.1),
        (424_264, 0.45),  # half a doubling: 300,000 times the root of 2
    ],
)
def test_dropout_fits_the_number_of_words(words, dropout):
    assert fit_dropout(words) == dropout


def test_a_dropout_of_null_is_fitted_to_the_training_texts_alone(tmp_path, monkeypatch):
    # Ten words to learn from, of which 5 are as many as 300,000: one doubling. What is cropped
    # does not count.
    monkeypatch.setattr(word_model, "MANY_WORDS", 5)
    corpus = make_corpus(["a b c d e a b", "a b c d e"], ["a"] * 90, max_length=5)
    settings = SETTINGS.model_copy(update={"dropout": None})
    model = LanguageModel.build(corpus, settings, seed=1, device="cpu")
    assert model.network.dropout.share == model.describe()["dropout"] == 0.4
    assert settings.dropout is None
    model.save(tmp_path / "model")
    loaded = LanguageModel.load(tmp_path / "model", "cpu")
    assert loaded.settings == settings.model_copy(update={"dropout": 0.4})


@pytest.mark.parametrize("dropout", [0.0, 0.15, 0.9])
def test_a_dropout_that_is_set_is_kept(dropout):
    corpus = make_corpus(["a b c d e"])
    settings = SETTINGS.model_copy(update={"dropout": dropout})
    model = LanguageModel.build(corpus, settings, seed=1, device="cpu")
    assert model.network.dropout.share == model.describe()["dropout"] == dropout
    assert model.settings == settings


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Give the function from the losses that validation is to have to what came of the training.

    It gives the training, each epoch's weights, and the model.
    """
    monkeypatch.chdir(tmp_path)
    corpus = make_corpus(["the soup was cold", "was the soup", "cold soup", "the soup", "soup"])

    def run(losses):
        weights, told = [], iter(losses)

        def negative_log_likelihood(network, tokens):
            weights.append({name: part.clone() for name, part in network.state_dict().items()})
            return next(told)

        monkeypatch.setattr(word_model, "negative_log_likelihood", negative_log_likelihood)
        torch.manual_seed(1)
        # Without dropout, and fast for an update among the first hundred.
        changes = {"batch_size": 2, "epochs": len(losses), "dropout": 0.0, "learning_rate": 0.5}
        settings = SETTINGS.model_copy(update=changes)
        model = LanguageModel.build(corpus, settings, seed=1, device="cpu")
        return fit(model, corpus, "language_model", "key"), weights, model

    return run


@pytest.mark.parametrize(
    ("losses", "best"),
    [([3.0, 1.0, 2.0], 2), ([1.0, 3.0, 2.0], 1), ([3.0, 2.0, 1.0], 3)],
    ids=["inside", "first", "last"],
)
def test_the_epoch_kept_is_the_likeliest_on_validation(train, tmp_path, losses, best):
    training, weights, model = train(losses)
    summary = training.summary()
    assert (summary["best_epoch"], summary["validation"]) == (best, 1.0)
    model.save(tmp_path / "model")
    kept = LanguageModel.load(tmp_path / "model", "cpu").network.state_dict()
    alike = [all(torch.equal(kept[name], part) for name, part in each.items()) for each in weights]
    assert alike == [epoch == best for epoch in (1, 2, 3)]


def test_the_training_loss_is_that_of_the_epoch_kept(train):
    # The same training each time: only what is kept differs, and the loss falls.
    kept = [[1.0, 3.0, 2.0], [3.0, 1.0, 2.0], [3.0, 2.0, 1.0]]
    losses = [train(each)[0].summary()["loss"] for each in kept]
    assert losses[0] > losses[1] > losses[2]


def test_saved_model_is_the_same_model(tmp_path):
    words = ["", '"', "café", "don’t", "\\n", "e"]
    model = make_model(words, num_layers=1, max_length=5)
    model.save(tmp_path / "model")
    loaded = LanguageModel.load(tmp_path / "model", "cpu")
    assert (loaded.words, loaded.settings, loaded.max_length) == (words, model.settings, 5)
    assert not loaded.network.training
    for name, weight in model.network.state_dict().items():
        assert torch.equal(weight, loaded.network.state_dict()[name])
    assert write(model) == write(loaded)
    texts = ["café e", '" \\n']
    assert (model.log_likelihood(texts) == loaded.log_likelihood(texts)).all()
    assert model.describe() == loaded.describe()


def test_its_size_is_told():
    # Vectors 5 * 8; two LSTM layers, 4*6*(8 + 6) + 2*24 = 384 and 4*6*(6 + 6) + 2*24 = 336;
    # projection 6*8 + 8 = 56; biases of 5 words; one group, its vector and its bias, 8 + 1.
    sizes = make_model().describe()
    assert sizes == {"words": 4, "parameters": 40 + 384 + 336 + 56 + 5 + 9, "dropout": 0.5}


# Where rare words were left out.

RARE = ["", UNKNOWN, "b", "c", "d"]


def make_rare_corpus(most_words, max_length=4):
    texts = ["d d d c", "x d", "d y z c", "d w", "b b d", "d d d d c c x"]
    labels = [0] * len(texts)
    words = [text.split() for text in texts]
    corpus = build_corpus(words, labels, 0.2, 0.4, 1, most_words=most_words, train_on_all=True)
    return replace(corpus, max_length=max_length)


def test_the_unknown_word_comes_first_and_other_words_become_it():
    # Within four words: d 10, of which d and c, with 2, are known; b 2, x, y, z and w are not.
    corpus = make_rare_corpus(2)
    model = LanguageModel.build(corpus, SETTINGS, seed=1, device="cpu")
    assert model.words == ["", UNKNOWN, "d", "c"]
    assert model.network.has_unknown
    assert model.number(corpus, corpus.train).tolist() == [
        [2, 2, 2, 3],
        [1, 2, 0, 0],
        [2, 1, 1, 3],
        [2, 1, 0, 0],
        [1, 1, 2, 0],
        [2, 2, 2, 2],
    ]
    assert model.describe()["words"] == 2


def test_a_vocabulary_of_all_words_has_no_unknown_one():
    model = LanguageModel.build(make_rare_corpus(None), SETTINGS, seed=1, device="cpu")
    assert UNKNOWN not in model.words
    assert not model.network.has_unknown


def test_validation_counts_unknown_words():
    # Its learning rate is all but 0, so that its likelihood stays what it was made with.
    corpus = make_rare_corpus(2)
    settings = SETTINGS.model_copy(update={"epochs": 1, "learning_rate": 1e-30})
    model = LanguageModel.build(corpus, settings, seed=1, device="cpu")
    *_, step = model.train(corpus)
    tokens = model.number(corpus, corpus.validation)
    with torch.no_grad():
        expected = -model.network.log_likelihood(tokens, written(tokens)).mean().item()
    assert step.validation == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("text", "probability"),
    [
        # SHARES with the unknown word in the place of a: the first word of 21, what follows of 30.
        ("b", 16 / 21 * 9 / 30),
        ("d b", 1 / 21 * 16 / 30 * 9 / 30),
        ("c d b", 4 / 21 * 1 / 30 * 16 / 30),
        (f"b {UNKNOWN}", 0),
        (UNKNOWN, 0),
        ("a", 0),
    ],
)
def test_the_likelihood_is_that_of_texts_without_unknown_words(text, probability):
    model = make_known_model(words=RARE)
    expected = math.log(probability) if probability else -math.inf
    assert model.log_likelihood(["b", text])[1] == pytest.approx(expected, rel=1e-5)
    assert {word for text in write(model, 300) for word in text.split()} == {"b", "c", "d"}


def test_an_unknown_word_as_likely_as_can_be_leaves_the_others_their_odds():
    # 1 - P(unknown word) is 0 in float32.
    model = make_known_model(words=RARE)
    with torch.no_grad():
        model.network.softmax.bias[1] = 40.0
    assert model.log_likelihood(["b"])[0] == pytest.approx(math.log(16 / 21 * 9 / 30), rel=1e-5)
    assert {word for text in write(model, 300) for word in text.split()} == {"b", "c", "d"}
