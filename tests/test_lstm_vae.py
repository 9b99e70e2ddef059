"""The variational autoencoder: its codes, its texts, their bounds, and when its training ends."""

import math
from copy import deepcopy
from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from stages.corpus.corpus import UNKNOWN
from stages.corpus.errors import UserError
from stages.generators import lstm_vae
from stages.generators.lstm_vae import LstmVae, LstmVaeSettings
from stages.training import variational
from stages.training.plateau import UNVALIDATED
from stages.training.variational import read
from tests.test_language_model import make_corpus

SETTINGS = LstmVaeSettings(
    width=8,
    hidden_size=12,
    num_layers=1,
    code_size=2,
    dropout=0.0,
    word_dropout=0.0,
    kl_weight=1.0,
    annealing=0,
    batch_size=8,
    learning_rate=0.03,
    patience=1,
    epochs=3,
)
WORDS = ["", "a", "b", "c", "d"]
ALIKE = [f"{word} {word} {word}" for word in "abcd"]
LIKELIEST = {"top_p": 1e-9}


def make_model(words=WORDS, max_length=3, std=0.5, **changes):
    """Make a model whose codes tell; q is near N(0, 1), so that importance weights are alike."""
    torch.manual_seed(0)
    model = LstmVae(words, SETTINGS.model_copy(update=changes), max_length, "cpu")
    for weight in model.network.parameters():
        nn.init.normal_(weight, std=std)
    for weight in model.network.posterior.parameters():
        nn.init.normal_(weight, std=0.1)
    model.network.eval()
    return model


def train(train=("a", "b"), validation=("a", "b"), max_length=4, **changes):
    """Train a model; give it, the corpus and the steps."""
    corpus = make_corpus(train, validation, max_length)
    torch.manual_seed(1)
    settings = SETTINGS.model_copy(update=changes)
    model = LstmVae.build(corpus, settings, seed=1, device="cpu")
    return model, corpus, list(model.train(corpus))


def write(model, count=50, seed=1, **options):
    return [text for batch in model.generate(count, seed, **options) for text in batch]


def decode(model, codes, seed=1, **options):
    return [text for batch in model.decode(codes, seed, **options) for text in batch]


# What the code is worth


@pytest.fixture(scope="module")
def knowing():
    """A model of texts whose words are all alike: a code that tells the word is worth log 4."""
    # With a small weight of KL, as a code that tells it costs as much as the word itself.
    changes = {"kl_weight": 0.3, "word_dropout": 0.5, "annealing": 20}
    return train(ALIKE * 8, ALIKE, epochs=60, patience=60, **changes)


def test_codes_of_other_texts_cost(knowing):
    model, corpus, _ = knowing
    tokens = model.number(corpus, corpus.validation)
    codes = torch.from_numpy(model.encode(ALIKE))
    with torch.no_grad():
        own = model.network.log_likelihood(codes, tokens)
        others = model.network.log_likelihood(codes.roll(1, 0), tokens)
    assert (own - others).mean() > 1


def test_what_it_makes_of_validation_texts_is_told(knowing):
    model = knowing[0]
    told = model.describe()
    assert {*told} == {
        *("words", "parameters", "dropout", "elbo", "reconstruction", "kl"),
        *("mutual_information", "active_units", "importance_bound"),
    }
    assert told["elbo"] == pytest.approx(-told["reconstruction"] - told["kl"])
    assert told["elbo"] < told["importance_bound"] < 0
    # Four texts: whatever a model makes of them, the mean of log P is at most log(1/4).
    assert told["importance_bound"] < -math.log(4) + 0.05
    assert told["importance_bound"] > -2 * math.log(4)
    assert 0.7 < told["mutual_information"] < math.log(4) + 1e-9
    assert told["kl"] > told["mutual_information"] - 0.05
    assert told["active_units"] in (1.0, 2.0)
    assert isinstance(told["active_units"], float)  # no size that adds up over labels
    # The same each time, and of what is there to be told only once it has learnt.
    assert model.describe() == told


def test_without_a_weight_of_kl_it_is_an_autoencoder():
    changes = {"kl_weight": 0.0, "word_dropout": 0.5, "hidden_size": 24, "epochs": 80}
    model, corpus, steps = train(ALIKE * 8, ALIKE, patience=80, **changes)
    assert decode(model, model.encode(ALIKE), **LIKELIEST) == ALIKE
    told = model.describe()
    assert told["reconstruction"] < 0.1
    assert told["kl"] > 2 * math.log(4)  # far more than there is to know
    # Yet it is judged by the bound: four texts of three words, each with its end.
    tokens = model.number(corpus, corpus.validation)
    found = read(model.network, tokens, model._noise(1, 4))
    assert steps[-1].validation == pytest.approx((found.reconstruction + found.kl).sum() / 16)


def test_validation_is_the_bound_in_nats_a_word():
    # Its learning rate is all but 0, so that it stays as it was made.
    model, corpus, (*_, step) = train(["a b c", "b"], ["b", "z a c"], learning_rate=1e-30, epochs=1)
    # "b" and "a c", each with its end: five.
    tokens = model.number(corpus, corpus.validation)
    assert tokens.tolist() == model.tokenize(["b", "a c"]).tolist()
    elbo = read(model.network, tokens, model._noise(1, 2)).elbo
    assert step.validation == pytest.approx(-elbo.sum() / 5)


def test_measures_are_taken_of_so_many_texts_at_most(monkeypatch):
    model, _, _ = train(["a", "b", "c", "d"] * 2, ["a", "b b", "c", "d d", "a"], epochs=1)
    monkeypatch.setattr(variational, "MEASURED", 2)
    # Of five the first, and that at 5/2.
    told = model.describe()
    model.held_out = model.tokenize(["a", "c"])
    assert model.describe() == told


# Texts


def test_texts_come_as_often_as_their_bound_says(monkeypatch):
    monkeypatch.setattr(lstm_vae, "DRAWS", 500)
    model = make_model(max_length=2)
    texts = [*"abcd", *(" ".join(pair) for pair in product("abcd", repeat=2))]
    chances = np.exp(model.log_likelihood(texts))
    assert chances.sum() == pytest.approx(1, abs=0.03)
    found = write(model, 20_000)
    for text, chance in zip(texts, chances, strict=True):
        # Standard error below 0.0035; four of them, and as much for that of 500 codes.
        assert found.count(text) / 20_000 == pytest.approx(chance, abs=0.02)


def test_a_text_s_bound_depends_on_no_other():
    model = make_model(max_length=4)
    texts = ["a b", "c", "unheard", "d d d d", "", "a"]
    together = model.log_likelihood(texts)
    alone = [model.log_likelihood([text])[0] for text in texts]
    assert together == pytest.approx(alone, abs=1e-5)
    assert together.dtype == np.float64
    assert np.isneginf(together).tolist() == [False, False, True, False, True, False]
    assert model.log_likelihood([]).shape == (0,)
    # Cropped, and what is behind is not read.
    assert model.log_likelihood(["d d d d unheard"]) == pytest.approx(together[3:4], abs=1e-5)


def test_a_beginning_is_kept_and_continued():
    model = make_model()
    assert all(text.startswith("c a") for text in write(model, prefix="c a"))
    assert {*write(model, 9, prefix="d c b a")} == {"d c b"}
    assert len({*write(model, prefix="c a")}) > 1
    with pytest.raises(UserError) as error:
        write(model, prefix="a unheard")
    assert str(error.value).startswith("prefix: the lstm vae has not learnt the word 'unheard';")


def test_a_low_temperature_leaves_the_code_to_decide():
    model = make_model(std=1.5)
    codes = np.random.default_rng(1).standard_normal((30, 2)).astype(np.float32)
    texts = decode(model, codes, **LIKELIEST)
    assert decode(model, codes, 2, **LIKELIEST) == texts == decode(model, codes, temperature=0.01)
    assert len({*texts}) > 3
    assert decode(model, codes) != texts
    # A code's text is the same whatever others are decoded with it, and however many at a time.
    assert decode(model, codes[5:7], **LIKELIEST) == texts[5:7]
    # Codes of texts are drawn anew for each text.
    assert len({*write(model, 30, **LIKELIEST)}) > 3


def test_codes_are_the_means_of_the_posterior():
    model = make_model()
    texts = ["a b", "c d a", "c"]
    codes = model.encode(texts)
    with torch.no_grad():
        expected, _ = model.network.encode(model.tokenize(texts))
    assert codes.dtype == np.float32
    assert codes == pytest.approx(expected.numpy(), abs=1e-6)
    with pytest.raises(UserError) as error:
        model.encode(["a b", "a unheard word"])
    assert str(error.value).startswith(
        "text 'a unheard word': the lstm vae has not learnt the word 'unheard'; expected words of"
    )


# Where rare words were left out


def test_the_unknown_word_is_neither_written_nor_encoded(monkeypatch):
    monkeypatch.setattr(lstm_vae, "DRAWS", 500)
    model = make_model(["", UNKNOWN, "b", "c", "d"])
    with torch.no_grad():
        model.network.decoder.softmax.bias[1] = 9.0  # as likely as can be
    assert {word for text in write(model, 300) for word in text.split()} == {"b", "c", "d"}
    texts = [" ".join(text) for length in (1, 2, 3) for text in product("bcd", repeat=length)]
    assert np.exp(model.log_likelihood(texts)).sum() == pytest.approx(1, abs=0.05)
    assert model.log_likelihood([UNKNOWN, f"b {UNKNOWN}"]).tolist() == [-np.inf] * 2
    with pytest.raises(UserError, match=UNKNOWN):
        model.encode([UNKNOWN])
    assert model.describe()["words"] == 3


# When training ends


def test_the_weight_of_kl_rises_over_the_passes_it_has(monkeypatch):
    # Nine texts in eights: two updates a pass, so four in which it rises from a tenth.
    weights = []
    monkeypatch.setattr(
        lstm_vae,
        "anneal",
        lambda step, rising: weights.append((step, rising)) or 1.0,
    )
    train(["a"] * 9, annealing=2)
    assert weights == [(step, 4) for step in range(6)]


def test_validation_ends_training_only_when_the_weight_has_risen():
    # What is validated is the contrary of what is learnt, so each pass makes it worse: the first
    # that counts is the third, and three times the patience later training is over.
    changes = {"learning_rate": 0.3, "epochs": 50}
    for annealing, passes in ((3, 6), (0, 4), (1, 4)):
        model, _, steps = train(
            ["a a a"] * 7 + ["b"], ["b b b"] * 2, annealing=annealing, **changes
        )
        validations = [step.validation for step in steps if step.ends_epoch]
        assert validations == sorted(validations)
        assert len(validations) == passes
        assert model.plateau.lowest == validations[max(annealing - 1, 0)]


@pytest.mark.parametrize("passes", [1, 2, 3, 4])
def test_training_taken_up_again_is_the_unbroken_one(passes):
    corpus = make_corpus(["a b", "b c a", "c", "d d"] * 5, ["a b", "c c"])
    settings = SETTINGS.model_copy(
        update={"dropout": 0.2, "word_dropout": 0.3, "annealing": 2, "epochs": 5, "patience": 9}
    )

    def build():
        torch.manual_seed(1)
        return LstmVae.build(corpus, settings, seed=1, device="cpu")

    whole, unbroken = build(), []
    for step in whole.train(corpus):
        unbroken.append(step)
        if step.ends_epoch and step.epoch == passes:
            state, random = deepcopy(whole.state_dict()), torch.get_rng_state()
    resumed = build()
    resumed.load_state_dict(state)
    torch.set_rng_state(random)
    assert list(resumed.train(corpus)) == unbroken[3 * passes :]
    for ours, theirs in zip(resumed.network.parameters(), whole.network.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert resumed.describe() == whole.describe()


@pytest.mark.parametrize(("epochs", "passes"), [(50, UNVALIDATED), (5, 5)])
def test_without_validation_texts_it_makes_so_many_passes_and_tells_no_measures(epochs, passes):
    model, corpus, steps = train(["a b", "c"], [], epochs=epochs)
    assert model.count_steps(corpus) == len(steps) == passes
    assert all(step.validation is None for step in steps)
    assert {*model.describe()} == {"words", "parameters", "dropout"}


def test_saved_model_is_the_same_model(tmp_path):
    words = ["", '"', "café", "don’t", "\\n", "e"]
    model = make_model(words, max_length=5, num_layers=2)
    model.save(tmp_path / "one")
    loaded = LstmVae.load(tmp_path / "one", "cpu")
    loaded.save(tmp_path / "two")
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()
    texts = ["café e", '" \\n']
    assert write(loaded) == write(model)
    assert (loaded.log_likelihood(texts) == model.log_likelihood(texts)).all()
    assert (loaded.encode(texts) == model.encode(texts)).all()
    assert loaded.describe() == model.describe()


def test_its_size_is_told():
    # Vectors 5 * 8; encoder 4*12*(8 + 12) + 2*48 = 1056; its mean and log variance 12*4 + 4;
    # decoder's LSTM, which reads two numbers more, 4*12*(10 + 12) + 2*48 = 1152; its first state
    # 2*12 + 12; projection 12*8 + 8; biases of 5 words; one group, its vector and its bias, 8 + 1.
    sizes = make_model().describe()
    parameters = 40 + 1056 + 52 + 1152 + 36 + 104 + 5 + 9
    assert sizes == {"words": 4, "parameters": parameters, "dropout": 0.0}
