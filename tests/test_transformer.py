"""The transformer: what it reads, what it draws, and that it is transformers' own GPT-2."""

import math
from copy import deepcopy
from itertools import product

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn.functional import pad
from transformers import GPT2Config, GPT2LMHeadModel

from stages.corpus.errors import UserError
from stages.generators import word_model
from stages.generators.protocol import load_generator
from stages.generators.transformer import Transformer, TransformerSettings
from stages.networks import tied_softmax
from stages.networks.lstm_language_model import END, WORDS_DROPPED, written
from stages.networks.transformer_language_model import TransformerLanguageModel
from tests.tampering import said
from tests.test_language_model import make_corpus

SETTINGS = TransformerSettings(
    model=None,
    width=16,
    hidden_size=24,
    num_layers=2,
    num_heads=2,
    dropout=0.0,
    batch_size=8,
    learning_rate=0.02,
    patience=1,
    epochs=2,
)
WORDS = ["", "a", "b", "c", "d"]
# The last word is the first one again, however alike what stands between.
ECHOES = ["a x y a", "b x y b"]


def make_network(words=6, length=5, seed=0, kind=TransformerLanguageModel, dropout=0.0):
    torch.manual_seed(seed)
    network = kind(words, 16, 24, 2, 2, dropout, length)
    for weight in network.parameters():
        nn.init.normal_(weight, std=0.7)  # as made, a network is close to uniform
    return network.eval()


def make_model(words=WORDS, max_length=3, **changes):
    torch.manual_seed(0)
    model = Transformer(words, SETTINGS.model_copy(update=changes), max_length, "cpu")
    for weight in model.network.parameters():
        nn.init.normal_(weight, std=0.5)
    model.network.eval()
    return model


def build(corpus, **changes):
    torch.manual_seed(1)
    settings = SETTINGS.model_copy(update=changes)
    return Transformer.build(corpus, settings, seed=1, device="cpu")


def write(model, count=50, seed=1, **options):
    return [text for batch in model.generate(count, seed, **options) for text in batch]


# What it reads


def test_untrained_all_words_are_about_equally_likely():
    # By vectors of N(0, 0.02^2) and normed hidden numbers logits vary by 0.02 * 16, which costs
    # half their variance, 0.05 nats.
    torch.manual_seed(1)
    network = TransformerLanguageModel(700, 256, 512, 2, 4, 0.0, 12).eval()
    tokens = torch.randint(1, 700, (50, 12))
    with torch.no_grad():
        loss = -network.log_likelihood(tokens, written(tokens)).mean().item()
    assert loss == pytest.approx(math.log(700), abs=0.1)


def test_it_is_the_gpt_2_of_transformers():
    network = make_network(words=40, length=9)
    with torch.no_grad():  # the only word of the last group is as likely as its group
        network.softmax.bias.zero_(), network.softmax.group_bias.zero_()
        network.softmax.group_vectors.copy_(network.softmax.vectors.weight[-1:])
    sizes = {"n_positions": 9, "n_embd": 16, "n_inner": 24, "n_layer": 2, "n_head": 2}
    plain = GPT2LMHeadModel(GPT2Config(vocab_size=40, bos_token_id=0, eos_token_id=0, **sizes))
    weights = {f"transformer.{name}": part for name, part in network.layers.state_dict().items()}
    vectors = network.softmax.vectors.weight.detach()
    weights |= {"transformer.wte.weight": vectors, "lm_head.weight": vectors}
    plain.eval().load_state_dict(weights)
    tokens = torch.randint(0, 40, (7, 9))
    with torch.no_grad():
        expected = plain(tokens).logits.log_softmax(2)
        hidden, _ = network.read(tokens)
        found = network.softmax.log_probabilities(hidden.flatten(0, 1)).view(7, 9, 40)
    assert expected.std() > 1  # the weights are far from where they all say the same
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_its_gradients_are_those_of_the_gpt_2_of_transformers():
    network = make_network(length=9)
    plain = deepcopy(network.layers)
    for layer in plain.modules():
        if hasattr(layer, "nf"):
            layer.__class__ = type(layer).__mro__[1]
    network.train()
    vectors = network.softmax.vectors(torch.randint(0, 6, (7, 9))).detach()
    for layers in (network.layers, plain):
        (layers(inputs_embeds=vectors).last_hidden_state ** 2 * vectors).sum().backward()
    for ours, theirs in zip(network.layers.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-4)


def test_no_word_sees_those_after_it():
    network = make_network()
    tokens = torch.randint(1, 6, (4, 5))
    whole, _ = network.read(tokens)
    for place in range(1, 5):
        changed = tokens.clone()
        changed[:, place:] = (tokens[:, place:] + 1) % 6
        other, _ = network.read(changed)
        assert torch.equal(other[:, :place], whole[:, :place])
        assert not torch.isclose(other[:, place:], whole[:, place:]).all(2).any()


@pytest.mark.parametrize("sizes", [[5], [1, 1, 1, 1, 1], [3, 1, 1]])
def test_reading_in_parts_is_reading_at_once(sizes):
    network, tokens = make_network(), torch.randint(1, 6, (4, 5))
    state, parts = None, []
    for part in tokens.split(sizes, dim=1):
        hidden, state = network.read(part, state)
        parts.append(hidden)
    torch.testing.assert_close(torch.cat(parts, 1), network.read(tokens)[0], rtol=0, atol=1e-5)


class Forgetful(TransformerLanguageModel):
    """Reads all words again for each one more."""

    def read(self, tokens, state=None):
        before = tokens[:, :0] if state is None else state[0][0][0]
        whole = torch.cat([before, tokens], 1)
        return super().read(whole)[0][:, before.shape[1] :], [(whole.unsqueeze(0),)]


@pytest.mark.parametrize("options", [{}, {"temperature": 0.8}, {"top_p": 0.9}, {"prefix": [3, 1]}])
def test_texts_are_the_same_without_what_is_kept_of_the_words_before(options):
    drawn = [
        make_network(length=8, kind=kind).sample(
            100, 8, torch.Generator().manual_seed(1), **options
        )
        for kind in (TransformerLanguageModel, Forgetful)
    ]
    assert torch.equal(*drawn)
    assert len({*map(len, map(torch.nonzero, drawn[0]))}) > 3  # they end here and there


def test_what_stands_behind_the_end_changes_nothing():
    network, short = make_network(length=7), torch.tensor([[1, 2, END], [3, END, END]])
    long = pad(short, (0, 4), value=END)
    first, second = (network.log_likelihood(tokens, written(tokens)) for tokens in (short, long))
    torch.testing.assert_close(first, second, rtol=0, atol=1e-5)


def test_dropout_works_in_training_alone():
    network, tokens = make_network(dropout=0.5), torch.tensor([[1, 2, 3]])
    for training in (True, False):
        network.train(training)
        first, second = (network.read(tokens)[0] for _ in range(2))
        assert torch.equal(first, second) is not training
    drawn = [network.train(training).sample(50, 5, torch.Generator()) for training in (True, False)]
    assert torch.equal(*drawn)


def test_the_same_numbers_are_dropped_at_each_place_and_whole_words():
    # Of 400 * 16 numbers half: six standard deviations are 6 * 0.5 / sqrt(6400) = 0.04. Of 2,000
    # words a tenth: 6 * sqrt(0.09 / 2000) = 0.04, too.
    network, reads = make_network(words=2000, length=9, dropout=0.5).train(), []
    network.layers.register_forward_pre_hook(
        lambda *call: reads.append(call[2]["inputs_embeds"] == 0), with_kwargs=True
    )
    after = network.read(torch.randint(1, 2000, (400, 9)))[0] == 0  # (B, T, W), as are others
    assert torch.equal(after.any(1), after.all(1))
    assert after.float().mean().item() == pytest.approx(0.5, abs=0.04)
    whole = reads[0].all(2, keepdim=True)
    inside = (reads[0] & ~whole).any(1)
    assert torch.equal(inside, (reads[0] | whole).all(1))
    assert inside.float().mean().item() == pytest.approx(0.5, abs=0.04)
    assert whole.float().mean().item() == pytest.approx(0.1, abs=0.04)


# What it says of texts, and draws


def test_probabilities_of_all_texts_sum_to_one(monkeypatch):
    # All texts of one to three words, those of three cropped: 4 + 16 + 64. The softmax has tails.
    monkeypatch.setattr(tied_softmax, "CUTOFFS", (2, 4))
    texts = [" ".join(text) for length in range(1, 4) for text in product("abcd", repeat=length)]
    model = make_model()
    model.network.train()  # the likelihood must leave dropout out
    assert np.exp(model.log_likelihood(texts)).sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("text", ["", "c unheard"])
def test_what_it_cannot_write_has_no_probability(text):
    assert make_model().log_likelihood(["b", text])[1] == -math.inf


def test_texts_are_drawn_with_their_probabilities():
    # Pearson's statistic over the 84 texts has a mean of 83 and a standard deviation of
    # sqrt(2 * 83) = 13: below 83 + 5 * 13 = 148 if each text's probability is right.
    model, count = make_model(), 20_000
    texts = [" ".join(text) for length in range(1, 4) for text in product("abcd", repeat=length)]
    expected = np.exp(model.log_likelihood(texts)) * count
    drawn = write(model, count)
    observed = np.array([drawn.count(text) for text in texts])
    assert observed.sum() == count
    assert ((observed - expected) ** 2 / expected).sum() < 148


def test_texts_depend_on_the_seed_alone(monkeypatch):
    monkeypatch.setattr(word_model, "BATCH", 40)
    model = make_model(max_length=5)
    first = list(model.generate(100, 1))
    torch.randn(5)
    assert [len(batch) for batch in first] == [40, 40, 20]
    assert first == list(model.generate(100, 1)) != list(model.generate(100, 2))


@pytest.fixture(scope="module")
def echo():
    model = build(make_corpus(ECHOES * 40, ECHOES, 6), epochs=12)
    return model, list(model.train(make_corpus(ECHOES * 40, ECHOES, 6)))


def test_it_learns_what_no_two_neighbours_tell(echo):
    # But for the first word, one of two, all is known: log 2 over four words and an end.
    model, steps = echo
    assert steps[-1].validation == pytest.approx(math.log(2) / 5, abs=0.02)
    texts = write(model, 200)
    # Each is half of them; 70 is below that by four standard deviations, sqrt(200) / 2 = 7.
    assert all(texts.count(text) > 70 for text in ECHOES)
    assert sum(text in ECHOES for text in texts) > 190


@pytest.mark.parametrize("options", [{"temperature": 0.05}, {"top_p": 0.5}])
def test_a_beginning_is_continued_as_it_is_told(echo, options):
    model, _ = echo
    assert write(model, 20, prefix="a x", **options) == ["a x y a"] * 20
    assert write(model, 20, prefix="b", **options) == ["b x y b"] * 20
    assert write(model, 20, prefix="b x y b a x y a", **options) == ["b x y b a x"] * 20


def test_a_temperature_makes_texts_wilder():
    model = make_model(max_length=6)
    kinds = [len({*write(model, 300, temperature=value)}) for value in (0.2, 1.0, 5.0)]
    assert kinds[0] < kinds[1] < kinds[2]


# How it is kept


def test_saved_model_is_the_same_model(tmp_path):
    model = make_model(["", '"', "café", "don’t", "\\n", "e"], max_length=5, dropout=0.1)
    model.save(tmp_path / "model")
    loaded = load_generator(tmp_path / "model", "cpu")
    assert isinstance(loaded, Transformer)
    assert (loaded.words, loaded.settings, loaded.max_length) == (model.words, model.settings, 5)
    assert not loaded.network.training
    for name, weight in model.network.state_dict().items():
        assert torch.equal(weight, loaded.network.state_dict()[name])
    assert write(model) == write(loaded)
    loaded.save(tmp_path / "again")
    for name in ("about.json", "weights.safetensors"):
        first, second = ((tmp_path / folder / name).read_bytes() for folder in ("model", "again"))
        assert first == second
    assert model.describe() == loaded.describe()


@pytest.mark.parametrize("passes", [1, 2, 3])
def test_training_taken_up_again_is_the_unbroken_one(passes):
    corpus = make_corpus(ECHOES * 20, ECHOES, 6)
    whole = build(corpus, epochs=4, dropout=0.2, patience=4)
    unbroken, state = [], None
    for step in whole.train(corpus):
        unbroken.append(step)
        if step.ends_epoch and step.epoch == passes:
            state, random = deepcopy(whole.state_dict()), torch.get_rng_state()
    assert len(unbroken) == whole.count_steps(corpus) == 4 * 5
    resumed = build(corpus, epochs=4, dropout=0.2, patience=4)
    resumed.load_state_dict(state)
    torch.set_rng_state(random)
    assert list(resumed.train(corpus)) == unbroken[5 * passes :]
    for ours, theirs in zip(resumed.network.parameters(), whole.network.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_dropout_of_null_is_fitted_to_the_training_texts():
    model = build(make_corpus(["a b"]), dropout=None)
    assert model.settings.dropout == model.describe()["dropout"] == word_model.MOST_DROPOUT
    assert model.network.dropout.share == word_model.MOST_DROPOUT
    assert model.network.word_dropout == WORDS_DROPPED * word_model.MOST_DROPOUT


def test_its_size_is_told():
    # Vectors 5 * 16 and places 3 * 16; two layers of two norms, 2 * 32, attention, 16 * 48 + 48
    # and 16 * 16 + 16, and the inner one, 16 * 24 + 24 and 24 * 16 + 16; a norm, 32; biases of 5
    # words; one group, its vector and its bias, 16 + 1.
    layer = 64 + 816 + 272 + 408 + 400
    expected = 80 + 48 + 2 * layer + 32 + 5 + 17
    assert make_model().describe() == {"words": 4, "parameters": expected, "dropout": 0.0}


# What it refuses


def test_heads_that_cannot_share_out_the_width_are_refused():
    message = "num_heads is 3; allowed: a divisor of width, which is 16"
    with pytest.raises(ValidationError, match=message):
        TransformerSettings(**SETTINGS.model_dump() | {"num_heads": 3})


def test_a_beginning_with_an_unknown_word_is_refused():
    with pytest.raises(UserError) as error:
        write(make_model(), prefix="a unheard")
    assert str(error.value).startswith("prefix: the transformer has not learnt the word 'unheard';")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (said("settings", "num_heads", value=3), "num_heads is 3; allowed: a divisor of width"),
        (said("settings", "dropout", value=None), "expected the dropout that it learnt with"),
        (said("settings", "width", value=18), "of the shape"),
        (said("settings", "hidden_size", value=25), "of the shape"),
        (said("settings", "num_layers", value=3), "is missing"),
        (said("settings", "num_layers", value=10**9), "too few for a num_layers of"),
        (said("max_length", value=4), "of the shape"),
    ],
)
def test_a_damaged_folder_is_refused(tmp_path, damage, message):
    folder = tmp_path / "transformer"
    make_model().save(folder)
    damage(folder / "about.json")
    with pytest.raises(UserError, match=message) as error:
        load_generator(folder, "cpu")
    assert "\n" not in str(error.value)
