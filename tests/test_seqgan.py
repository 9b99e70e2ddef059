"""SeqGAN's phases: a warm-up by likelihood, a discriminator alone, rounds of both."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from stages.corpus.building import build_corpus
from stages.generators.seqgan import Seqgan, update_policy
from stages.networks.plain_language_model import PlainLanguageModel
from stages.training.likelihood import negative_log_likelihood

SETTINGS = {
    **{"width": 6, "hidden_size": 8, "num_layers": 1, "dropout": 0.0, "batch_size": 32},
    **{"learning_rate": 0.05, "warm_up": 2, "patience": 1, "keep": "best"},
    **{"discriminator_width": 6, "widths": [1, 2, 3], "filters": [8, 8, 8]},
    **{"discriminator_dropout": 0.1, "discriminator_penalty": 0.0},
    **{"discriminator_learning_rate": 0.01, "discriminator_texts": None},
    **{"discriminator_epochs": 2, "discriminator_rounds": 1, "discriminator_warm_up": 3},
    **{"adversarial_epochs": 4, "adversarial_learning_rate": 0.01, "generator_steps": 2},
    **{"rollouts": 4, "method": "policy_gradient"},
}
TEXTS = [text.split() for text in 40 * ["a b a b", "b a b a", "a b a", "c c b"]]


def make_corpus():
    texts = [[*text, *("abc"[number % 3],) * (number % 2)] for number, text in enumerate(TEXTS)]
    return replace(build_corpus(texts, [0, 1] * 80, 0.1, 0.2, seed=1), max_length=5)


@pytest.fixture(scope="module")
def corpus():
    return make_corpus()


def make(corpus, **changes):
    torch.manual_seed(1)
    settings = Seqgan.Settings(**{**SETTINGS, **changes})
    return Seqgan.build(corpus, settings, seed=1, device="cpu")


def weights(generator):
    return torch.cat([each.flatten() for each in generator.network.state_dict().values()])


def test_phases_follow_each_other(corpus):
    generator = make(corpus)
    steps = [*generator.train(corpus)]
    updates = math.ceil(len(corpus.train) / 32)
    rounds = [epoch for epoch in (3, 4, 5, 6) for _ in range(2)]
    assert [step.epoch for step in steps] == [1] * updates + [2] * updates + [0] * 3 + rounds
    assert len(steps) == generator.count_steps(corpus)
    assert {step.validation for step in steps} == {None}
    ends = [step.step for step in steps if step.ends_epoch]
    alone = [2 * updates + number for number in (1, 2, 3)]
    assert ends == [updates, 2 * updates, *alone, *(alone[-1] + each for each in (2, 4, 6, 8))]
    # An undecided discriminator until it has learnt.
    assert steps[0].losses["discriminator_loss"] == pytest.approx(math.log(2))
    assert steps[alone[0] - 1].losses["discriminator_loss"] != pytest.approx(math.log(2))
    assert 0 < steps[-1].losses["reward"] < 1


def test_without_rounds_the_warm_up_is_what_is_left(corpus):
    plain = make(corpus, adversarial_epochs=0)
    for _ in plain.train(corpus):
        pass
    whole = make(corpus)
    for step in whole.train(corpus):
        if step.epoch == 0:  # the discriminator's first round
            break
    assert weights(plain).equal(weights(whole))


@pytest.mark.parametrize(("keep", "kept"), [("best", 1), ("last", 2)])
def test_the_best_pass_goes_on_or_the_last(corpus, keep, kept):
    generator = make(corpus, adversarial_epochs=0, keep=keep, warm_up=3)
    validations = iter([3.0, 1.0, 2.0])
    generator._validate = lambda tokens: next(validations)
    found = [weights(generator) for step in generator.train(corpus) if step.ends_epoch]
    assert weights(generator).equal(found[kept])
    assert not found[1].equal(found[2])


def test_the_control_makes_as_many_updates_by_likelihood_alone(corpus):
    generator, control = make(corpus), make(corpus, method="likelihood")
    before = control.discriminator.state_dict()["last.weight"].clone()
    steps = {
        name: sum(1 for step in each.train(corpus) if step.epoch)
        for name, each in {"gan": generator, "control": control}.items()
    }
    assert steps["gan"] == steps["control"]
    assert control.discriminator.state_dict()["last.weight"].equal(before)
    assert control.alone == 0
    held_out = control.number(corpus, corpus.validation)
    warm = make(corpus, adversarial_epochs=0)
    for _ in warm.train(corpus):
        pass
    losses = [negative_log_likelihood(each.network, held_out) for each in (control, warm)]
    assert losses[0] < losses[1]  # two passes are few, so more likelihood still helps


def test_rewards_make_texts_that_are_called_real_likelier(corpus):
    # A discriminator that calls a text the realer the more often it has the word "c".
    generator = make(corpus, adversarial_epochs=30, adversarial_learning_rate=0.05)
    place = generator.ids["c"]
    generator._judge = lambda texts: (texts == place).float().mean(1)
    generator._contrast = lambda learnt: None
    counts = []
    for step in generator.train(corpus):
        if step.ends_epoch and step.epoch in (2, 32):
            texts = generator.network.sample(500, 5, torch.Generator().manual_seed(1))
            counts.append((texts == place).float().mean().item())
    assert counts[0] < 0.4
    assert counts[1] > 0.9


def test_the_rollout_policy_follows_slowly_and_copies_the_words_it_reads():
    torch.manual_seed(0)
    old, new = (PlainLanguageModel(5, 3, 4, 1, 0.0) for _ in range(2))
    before = {name: each.clone() for name, each in old.state_dict().items()}
    update_policy(old, new)
    for name, value in old.state_dict().items():
        fresh = new.state_dict()[name]
        whole = name == "softmax.vectors.weight"
        expected = fresh if whole else 0.8 * before[name] + 0.2 * fresh
        assert torch.allclose(value, expected)


def test_texts_that_are_judged_are_drawn_by_the_policy_of_before(corpus):
    generator = make(corpus, adversarial_epochs=1, generator_steps=1)
    for step in generator.train(corpus):
        if step.epoch == 3:
            break
    # One update away: a fifth of it has been taken over.
    policy, network = generator.policy.softmax.weight, generator.network.softmax.weight
    gap = (policy - network).abs().max().item()
    # Adam's first update moves each weight by the rate at most; four fifths are left.
    assert 0 < gap <= 0.8 * 0.01 + 1e-6


def test_as_many_filters_as_widths():
    with pytest.raises(ValidationError, match="filters has 2; allowed: one a width"):
        Seqgan.Settings(**{**SETTINGS, "filters": [3, 4]})


def test_a_text_of_the_network_is_as_likely_as_it_says(corpus):
    generator = make(corpus, adversarial_epochs=0)
    for _ in generator.train(corpus):
        pass
    value = generator.log_likelihood(["a b", "zebra"])
    assert np.isfinite(value[0])
    assert value[1] == -np.inf
