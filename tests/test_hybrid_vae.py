"""The hybrid autoencoder: convolutions against PyTorch's, what each part reads, likelihoods."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from stages.corpus.building import build_corpus
from stages.corpus.errors import UserError
from stages.generators import hybrid_vae
from stages.generators.hybrid_vae import HybridVae, HybridVaeSettings, _AsDrawn
from stages.networks.convolutions import BatchNorm, Double, Halve
from stages.networks.hybrid_sentence_vae import HybridSentenceVae, Shape
from stages.networks.lstm_language_model import END, LstmLanguageModel
from stages.training.likelihood import log_likelihood
from stages.training.variational import anneal, draw_noise, read, train_epoch

SETTINGS = {
    **{"width": 6, "hidden_size": 8, "num_layers": 1, "code_size": 2, "dropout": 0.0},
    **{"convolutions": 2, "channels": 8, "features": 5, "max_characters": 8, "rarest": 1},
    **{"auxiliary_weight": 0.2, "kl_weight": 1.0, "delay": 1, "annealing": 1, "patience": 1},
    **{"batch_size": 4, "learning_rate": 0.01, "epochs": 3},
}
CHARACTERS = ["", "<unk>", " ", "a", "b"]
SPACE, A, B = 2, 3, 4


def make_model(max_length=2, max_characters=4, seed=0, **changes):
    torch.manual_seed(seed)
    settings = HybridVaeSettings(**SETTINGS | {"max_characters": max_characters} | changes)
    model = HybridVae(CHARACTERS, settings, max_length, max_characters, "cpu")
    for weight in model.network.parameters():
        nn.init.normal_(weight, std=0.7)  # as made, a model is close to uniform
    model.network.eval()
    return model


def make_network(length=8, channels=(4, 6), features=5, **changes):
    torch.manual_seed(1)
    shape = Shape(length, 6, channels, features, hidden_size=8, num_layers=1, code_size=2)
    return HybridSentenceVae(len(CHARACTERS), shape._replace(**changes), 0.0, SPACE).eval()


def train(epochs=3, **changes):
    texts = [[*"ab"], [*"aab"], ["ab", "a"], ["b"], ["ba", "b"], ["a"], ["bb"], ["aa", "b"]] * 3
    corpus = replace(build_corpus(texts, [0] * len(texts), 0.2, 0.2, seed=1), max_length=3)
    torch.manual_seed(1)
    settings = HybridVaeSettings(**SETTINGS | {"epochs": epochs} | changes)
    model = HybridVae.build(corpus, settings, seed=1, device="cpu")
    return model, [*model.train(corpus)], corpus


def test_a_convolution_that_halves_is_pytorchs():
    torch.manual_seed(0)
    ours, places = Halve(3, 4), torch.randn(2, 6, 3)
    theirs = nn.Conv1d(3, 4, kernel_size=3, stride=2, padding=1)
    with torch.no_grad():
        theirs.weight.copy_(ours.dense.weight.view(4, 3, 3).transpose(1, 2))
        theirs.bias.copy_(ours.dense.bias)
        expected = nn.BatchNorm1d(4)(theirs(places.transpose(1, 2))).relu().transpose(1, 2)
        assert torch.allclose(ours(places), expected, atol=1e-6)
    assert expected.shape == (2, 3, 4)


def test_a_convolution_that_doubles_is_pytorchs():
    torch.manual_seed(0)
    ours, places = Double(3, 4), torch.randn(2, 5, 3)
    theirs = nn.ConvTranspose1d(3, 4, kernel_size=3, stride=2, padding=1, output_padding=1)
    with torch.no_grad():
        # Place 2i is reached from i by the middle weight, 2i + 1 from i by the last, and from
        # i + 1 by the first.
        theirs.weight[:, :, 1] = ours.even.weight.T
        theirs.weight[:, :, 2] = ours.odd.weight[:, :3].T
        theirs.weight[:, :, 0] = ours.odd.weight[:, 3:].T
        ours.even.bias.copy_(theirs.bias), ours.odd.bias.copy_(theirs.bias)
        expected = nn.BatchNorm1d(4)(theirs(places.transpose(1, 2))).relu().transpose(1, 2)
        assert torch.allclose(ours(places), expected, atol=1e-6)
    assert expected.shape == (2, 10, 4)


def test_batch_norm_is_pytorchs_and_mixes_no_texts_once_it_has_learnt():
    torch.manual_seed(0)
    ours, theirs, places = BatchNorm(3), nn.BatchNorm1d(3), torch.randn(4, 2, 3)
    expected = theirs(places.flatten(0, 1)).view_as(places)
    assert torch.allclose(ours(places), expected)
    assert torch.allclose(ours.mean, theirs.running_mean)
    assert torch.allclose(ours.variance, theirs.running_var)
    # A single place has no variance: it is read by what was learnt before.
    mean = ours.mean.clone()
    assert ours(places[:1, :1]).isfinite().all()
    assert torch.equal(ours.mean, mean)
    ours.eval()
    assert torch.equal(ours(places)[:1], ours(places[:1]))


@pytest.mark.parametrize("convolutions", [1, 2, 3, 4, 5])
def test_deconvolutions_return_to_the_length_of_the_text(convolutions):
    network = make_network(32, (4, 4, 5, 6, 6)[:convolutions])
    assert network.features(torch.randn(3, 2)).shape == (3, 32, 5)
    mean, log_variance = network.encode(torch.randint(2, 5, (3, 9)))
    assert mean.shape == log_variance.shape == (3, 2)
    # Padded with ends, so a text's code does not depend on how long the others are.
    tokens = torch.tensor([[A, B, END]])
    assert torch.allclose(
        network.encode(tokens)[0],
        network.encode(nn.functional.pad(tokens, (0, 20)))[0],
        atol=1e-6,
    )


def test_the_auxiliary_loss_reads_no_character_before():
    network = make_network()
    codes = torch.randn(1, 2)
    logs = network.auxiliary(network.features(codes))[0].log_softmax(1)  # (L, V)
    for text in ([A, B, END], [B, B, END], [SPACE, B, END]):
        _, alone = network.log_likelihoods(codes, torch.tensor([text]))
        # Each character's own logarithm at its place, whatever stands before it.
        expected = sum(logs[place, token].item() for place, token in enumerate(text))
        assert alone.item() == pytest.approx(expected, abs=1e-5)


def test_without_features_the_decoder_is_the_plain_language_model_of_characters():
    network = make_network()
    plain = LstmLanguageModel(len(CHARACTERS), 6, 8, 1, 0.0).eval()
    weights = network.decoder.state_dict()
    weights["lstm.0.weight_ih_l0"] = weights["lstm.0.weight_ih_l0"][:, :6]  # without features
    plain.load_state_dict(weights)
    nn.init.zeros_(network.deconvolutions[-1].norm.weight)
    nn.init.zeros_(network.deconvolutions[-1].norm.bias)
    tokens = torch.tensor([[A, B, A, END], [B, END, END, END]])
    expected = log_likelihood(plain, tokens)
    for codes in (torch.zeros(2, 2), torch.randn(2, 2)):
        assert torch.allclose(network.log_likelihood(codes, tokens), expected, atol=1e-5)


def test_an_end_after_a_space_is_not_counted():
    network = make_network()
    tokens = torch.tensor([[A, SPACE, END, END], [A, END, END, END], [A, B, SPACE, A]])
    assert network.counted(tokens).tolist() == [
        [True, True, False, False],
        [True, True, False, False],
        [True, True, True, True],
    ]


def test_texts_of_a_code_sum_to_one():
    # All texts of a and b, at most 2 words and 4 characters, none with two spaces in a row.
    model = make_model()
    texts = {
        text
        for size in range(1, 5)
        for text in map("".join, product("ab ", repeat=size))
        if text == " ".join(text.split()) and len(text.split()) <= 2
    }
    known, lines = model._spell_known(sorted(texts))
    assert known.all()
    codes = torch.tensor([[0.3, -1.2]]).repeat(len(texts), 1)
    found = model._log_likelihood(model._spell(lines).tokens, model._begin_by(codes))
    assert found.exp().sum().item() == pytest.approx(1, abs=1e-5)


def test_the_bound_is_the_integral_over_codes():
    model, texts, draws = make_model(code_size=1), ["ab", "b a", "a"], 2000
    _, lines = model._spell_known(texts)
    tokens = model._spell(lines).tokens
    grid = torch.linspace(-6, 6, 401)
    logs = torch.stack(
        [model._log_likelihood(tokens, model._begin_by(code.repeat(3, 1))) for code in grid]
    )
    prior = -(grid.double() ** 2) / 2 - math.log(2 * math.pi) / 2 + math.log(12 / 400)
    expected = (logs + prior.unsqueeze(1)).logsumexp(0).numpy()
    # Codes drawn by the prior: the weights are likelihoods, whose mean errs by their deviation.
    nn.init.zeros_(model.network.posterior.weight), nn.init.zeros_(model.network.posterior.bias)
    found = read(_AsDrawn(model), tokens, draw_noise(draws, 1, 1))
    weights = np.exp(found.weights)
    errors = weights.std(0) / weights.mean(0) / math.sqrt(draws)
    assert errors.max() < 0.08
    assert (np.abs(found.importance_bound - expected) < 4 * errors + 1e-3).all()


def test_the_bound_is_computed_where_the_network_is():
    # In its place a device that this machine has not: what is told of it lies there, too.
    model = make_model()
    drawn = _AsDrawn(model)
    drawn.device = torch.device("meta")
    assert drawn.log_likelihood(torch.zeros(1, 2), torch.tensor([[A, END]])).device.type == "meta"


def test_the_elbo_is_below_the_tighter_bound():
    network, tokens = make_network(), torch.randint(2, 5, (5, 8))
    found = read(network, tokens, draw_noise(50, 5, 2))
    assert (found.elbo < found.importance_bound).all()


def test_the_weight_of_kl_waits_and_then_rises_evenly():
    # 10 updates of a fifth, then 4 in which the other four fifths come, and then all.
    shares = [anneal(step, 4, waiting=10, start=0.2) for step in (0, 9, 10, 11, 12, 13, 14, 99)]
    assert shares == pytest.approx([0.2, 0.2, 0.2, 0.4, 0.6, 0.8, 1, 1])
    # Without updates in which it rises it is whole at once, after those in which it waits.
    shares = [anneal(step, 0, waiting=2, start=0.2) for step in (0, 1, 2, 3)]
    assert shares == [0.2, 0.2, 1, 1]


def test_the_auxiliary_loss_has_its_weight_in_what_is_learnt():
    tokens = torch.tensor([[A, B, END], [B, END, END]])

    def learn(weight):
        network = make_network().train()
        optimizer = torch.optim.SGD(network.parameters(), 0.0)
        options = {"batch_size": 2, "learning_rate": 0.0, "first": 200}
        (losses,) = train_epoch(
            *(network, tokens, optimizer),
            **options,
            kl_weight=lambda step: 0.0,
            auxiliary_weight=weight,
        )
        return network.auxiliary.weight.grad, losses

    torch.manual_seed(3)
    none, without = learn(0.0)
    torch.manual_seed(3)
    some, losses = learn(0.2)
    assert none.abs().max() == 0 < some.abs().max()
    assert losses == without
    assert [*losses] == ["loss", "kl_a_word", "auxiliary"]


def test_validation_ends_training_only_once_the_weight_has_risen(monkeypatch):
    offered = []
    monkeypatch.setattr(hybrid_vae.HybridVae, "_validate", lambda *_: 5.0)
    monkeypatch.setattr(
        "stages.training.plateau.Plateau.offer", lambda plateau, value: offered.append(value)
    )
    train(epochs=4, delay=1, annealing=2)
    assert offered == [5.0, 5.0]  # after passes 3 and 4


def test_losses_and_measures_have_names_of_their_own():
    model, steps, _ = train()
    assert [*steps[-1].losses] == ["loss", "kl_a_word", "auxiliary"]
    assert {"elbo", "kl", "importance_bound", "active_units"} <= model.describe().keys()
    assert not model.describe().keys() & steps[-1].losses.keys()
    assert all(map(math.isfinite, model.describe().values()))


def test_characters_are_a_multiple_of_what_convolutions_leave():
    model, _, _ = train(max_characters=32)
    # The longest text, "a a b" and its end, has 6: the next multiple of 4 is 8.
    assert model.max_characters == 8
    with pytest.raises(ValidationError, match="max_characters is 6; allowed: a multiple of 4"):
        HybridVaeSettings(**SETTINGS | {"max_characters": 6})


def test_a_code_writes_its_text_again_once_it_has_been_learnt():
    model, _, _ = train(epochs=100, kl_weight=0.0, patience=100, hidden_size=24, learning_rate=0.02)
    texts = ["a b", "b", "ab a", "aa b"]
    written = [text for part in model.decode(model.encode(texts), 1, top_p=1e-9) for text in part]
    assert sum(map(str.__eq__, written, texts)) >= 3


def test_a_text_that_cannot_be_spelt_is_impossible():
    values = make_model().log_likelihood(["a", "ac", "", "b a"])
    assert np.isneginf(values).tolist() == [False, True, True, False]


def test_a_text_that_is_known_as_far_as_it_is_read_has_a_code():
    # At most 4 characters are read, so the fifth, which it has not learnt, does not count.
    model = make_model(max_length=3)
    assert model.knows("ab ac")
    assert np.array_equal(model.encode(["ab ac"]), model.encode(["ab a"]))
    with pytest.raises(UserError, match="has not learnt the character 'c'"):
        model.encode(["abc"])


def test_texts_cropped_within_their_first_word_are_learnt_from():
    texts = [["ababab"], ["bababa"]] * 8
    corpus = replace(build_corpus(texts, [0] * 16, 0.2, 0.2, seed=1), max_length=3)
    settings = HybridVaeSettings(**SETTINGS | {"max_characters": 4, "epochs": 1})
    model = HybridVae.build(corpus, settings, seed=1, device="cpu")
    steps = [*model.train(corpus)]
    assert all(math.isfinite(value) for step in steps for value in step.losses.values())
    assert math.isfinite(steps[-1].validation)
