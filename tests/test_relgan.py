"""RelGAN as a whole: its phases, what each starts from, its schedule, its control."""

import math
from copy import deepcopy
from itertools import product

import numpy as np
import pytest
import torch

from stages.corpus.corpus import UNKNOWN
from stages.generators import relgan
from stages.generators.relgan import Relgan, RelganSettings
from stages.training.likelihood import negative_log_likelihood
from tests.test_language_model import make_corpus

SETTINGS = RelganSettings(
    width=4,
    num_slots=1,
    num_heads=2,
    head_size=3,
    batch_size=8,
    learning_rate=0.03,
    patience=1,
    warm_up=3,
    method="adversarial",
    adversarial_epochs=2,
    updates=3,
    discriminator_steps=2,
    adversarial_learning_rate=0.01,
    discriminator_learning_rate=0.01,
    beta_max=16.0,
    beta_steps=8,
    representations=2,
    representation_width=2,
    filter_widths=[2, 3],
    filters=3,
    hidden_size=4,
    dropout=0.1,
)
TEXTS = ["a b", "b c a", "c", "d d"] * 5  # 20: three updates a pass
HELD_OUT = ["a b", "c c"]


def build(corpus, **changes):
    torch.manual_seed(1)
    settings = SETTINGS.model_copy(update=changes)
    return Relgan.build(corpus, settings, seed=1, device="cpu")


def train(texts=TEXTS, held_out=HELD_OUT, max_length=4, **changes):
    """Train a model; give it, the corpus and the steps."""
    corpus = make_corpus(texts, held_out, max_length)
    model = build(corpus, **changes)
    return model, corpus, list(model.train(corpus))


def test_passes_by_likelihood_come_first_and_then_the_adversary():
    model, corpus, steps = train()
    assert [step.epoch for step in steps] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5]
    assert [step.step for step in steps if step.ends_epoch] == [3, 6, 9, 12, 15]
    assert {step.validation for step in steps} == {None}  # the last update is what is kept
    undecided = pytest.approx(math.log(2))
    for step in steps[:9]:
        assert step.losses["generator_loss"] == step.losses["discriminator_loss"] == undecided
    for step in steps[9:]:
        assert step.losses["generator_loss"] != undecided
    assert model.count_steps(corpus) == len(steps)


def test_the_adversary_starts_from_the_best_pass(monkeypatch):
    # Its rate is so high that passes make it worse.
    changes = {"learning_rate": 1.0, "patience": 9, "warm_up": 6, "adversarial_epochs": 0}
    told, judge = [], negative_log_likelihood
    monkeypatch.setattr(
        Relgan,
        "_validate",
        lambda model, tokens: told.append(judge(model.network, tokens)) or told[-1],
    )
    model, corpus, steps = train(["a a a"] * 7 + ["b"], ["b b b"] * 2, **changes)
    assert len(steps) == 6
    assert told.index(min(told)) < 5
    held_out = model.number(corpus, corpus.validation)
    assert judge(model.network, held_out) == pytest.approx(min(told), abs=1e-6)
    assert not model.network.training


def test_without_the_adversary_s_epochs_it_is_what_the_adversary_starts_from():
    changes = {"adversarial_learning_rate": 1e-30, "discriminator_learning_rate": 1e-30}
    warm, _, _ = train(adversarial_epochs=0)
    later, _, _ = train(**changes)
    for ours, theirs in zip(warm.network.parameters(), later.network.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_warm_up_ends_where_validation_falls_no_more():
    # What is validated is the contrary of what is learnt: passes of no help, until it is over.
    model, corpus, steps = train(
        ["a a a"] * 7 + ["b"], ["b b b"] * 2, learning_rate=0.3, warm_up=50
    )
    assert steps[-1].epoch < 10
    assert [step.step for step in steps] == [*range(1, len(steps) + 1)]
    assert model.count_steps(corpus) == len(steps)
    assert [step.epoch for step in steps[-6:]] == 3 * [model.epoch + 1] + 3 * [model.epoch + 2]


def test_soft_draws_sharpen_by_the_schedule(monkeypatch):
    told = []
    for name in ("update_generator", "update_discriminator"):
        monkeypatch.setattr(
            relgan,
            name,
            lambda *arguments, name=name: told.append((name, arguments[3])) or 1.0,
        )
    train()
    # 16 ** (i / 8) is 2 ** (i / 2): the generator once, then the discriminator twice.
    expected = []
    for number in range(6):
        beta = pytest.approx(2 ** (number / 2))
        expected += [("update_generator", beta)] + 2 * [("update_discriminator", beta)]
    assert told == expected


def test_the_control_learns_real_texts_as_often_and_meets_no_discriminator():
    model, corpus, steps = train(method="likelihood", adversarial_epochs=20)
    before = deepcopy(build(corpus).discriminator.state_dict())
    assert len(steps) == 9 + 20 * 3
    for name, weights in model.discriminator.state_dict().items():
        assert torch.equal(weights, before[name])
    undecided = pytest.approx(math.log(2))
    assert {step.losses["discriminator_loss"] for step in steps} == {undecided.expected}
    assert np.mean([step.losses["loss"] for step in steps[-9:]]) < steps[9].losses["loss"]


@pytest.mark.parametrize("passes", [1, 2, 3, 4])
@pytest.mark.parametrize("method", ["adversarial", "likelihood"])
def test_training_taken_up_again_is_the_unbroken_one(passes, method):
    corpus = make_corpus(TEXTS, HELD_OUT, 4)
    whole, unbroken = build(corpus, method=method), []
    for step in whole.train(corpus):
        unbroken.append(step)
        if step.ends_epoch and step.epoch == passes:
            state, random = deepcopy(whole.state_dict()), torch.get_rng_state()
    resumed = build(corpus, method=method)
    resumed.load_state_dict(state)
    torch.set_rng_state(random)
    assert list(resumed.train(corpus)) == unbroken[3 * passes :]
    for ours, theirs in zip(resumed.network.parameters(), whole.network.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_probabilities_of_all_texts_sum_to_one_without_the_unknown_word():
    torch.manual_seed(1)
    model = Relgan(["", UNKNOWN, "b", "c"], SETTINGS, 3, "cpu")
    texts = [" ".join(text) for length in (1, 2, 3) for text in product("bc", repeat=length)]
    assert np.exp(model.log_likelihood(texts)).sum() == pytest.approx(1, abs=1e-5)
    assert model.log_likelihood([UNKNOWN, f"b {UNKNOWN}", ""]).tolist() == [-np.inf] * 3
    assert model.describe()["words"] == 2


def test_without_validation_texts_the_last_pass_is_taken():
    model, _, steps = train(held_out=[])
    assert len(steps) == 15
    assert model.best is None


def test_its_size_is_told():
    # Vectors 5 * 4; reader 4*6 + 6; attention 6*18 and its norm 2*18; two norms of 2*6; two dense
    # layers 6*6 + 6; two of gates 6*12; the softmax 6*5 + 5.
    model, _, _ = train(adversarial_epochs=0, warm_up=1)
    parameters = 20 + 30 + 108 + 36 + 24 + 84 + 144 + 35
    assert model.describe() == {"words": 4, "parameters": parameters}
