"""LeakGAN's phases: cycles of the discriminator alone and of passes, then rounds of all."""

import copy
import math

import numpy as np
import pytest
import torch

from stages.generators.leakgan import Leakgan
from stages.training.likelihood import negative_log_likelihood
from tests.test_seqgan import SETTINGS as OF_SEQGAN
from tests.test_seqgan import make_corpus

SETTINGS = {
    **{**OF_SEQGAN, "goal_size": 4, "horizon": 2, "cycle": 2, "sharpening": 1.0},
    **{"warm_up": 3, "discriminator_warm_up": 2},
}
UPDATES = 4  # a pass: 112 texts to learn from


@pytest.fixture(scope="module")
def corpus():
    return make_corpus()


def make(corpus, **changes):
    torch.manual_seed(1)
    settings = Leakgan.Settings(**{**SETTINGS, **changes})
    return Leakgan.build(corpus, settings, seed=1, device="cpu")


def train(corpus, **changes):
    generator = make(corpus, **changes)
    return generator, [*generator.train(corpus)]


def parts(generator):
    """Return the weights of what writes, and of the discriminator within it."""
    weights = generator.network.state_dict().items()
    is_judge = [name.startswith("discriminator.") for name, _ in weights]
    return [
        torch.cat(
            [
                each.flatten()
                for (_, each), is_of in zip(weights, is_judge, strict=True)
                if is_of == wanted
            ]
        )
        for wanted in (False, True)
    ]


def test_each_cycle_begins_with_the_discriminator_alone(corpus):
    generator, steps = train(corpus)
    assert math.ceil(len(corpus.train) / 32) == UPDATES
    rounds = [epoch for epoch in (4, 5, 6, 7) for _ in range(2)]
    passes = [[number] * UPDATES for number in (1, 2, 3)]
    assert [step.epoch for step in steps] == [
        0,
        0,
        *passes[0],
        *passes[1],
        0,
        0,
        *passes[2],
        *rounds,
    ]
    assert len(steps) == generator.count_steps(corpus)
    assert [step.step for step in steps] == [*range(1, len(steps) + 1)]
    assert {step.validation for step in steps} == {None}
    assert 0 < steps[-1].losses["reward"] < 1


@pytest.mark.parametrize(("warm_up", "alone"), [(1, 2), (2, 2), (4, 4), (5, 6)])
def test_no_cycle_is_begun_without_a_pass(corpus, warm_up, alone):
    generator, steps = train(corpus, warm_up=warm_up, adversarial_epochs=0)
    assert sum(step.epoch == 0 for step in steps) == alone
    assert len(steps) == generator.count_steps(corpus)


def test_the_discriminator_learns_alone_or_in_rounds_and_the_rest_beside_it(corpus):
    generator = make(corpus)
    before, seen = parts(generator), set()
    for step in generator.train(corpus):
        after = parts(generator)
        changed = tuple(not new.equal(old) for new, old in zip(after, before, strict=True))
        seen.add((min(step.epoch, 4), step.ends_epoch, changed))
        before = after
    # Alone; updates of a pass; the two updates of a round, the discriminator after the second. The
    # last pass may give way to the best.
    assert {each for each in seen if each[0] == 0} == {(0, True, (False, True))}
    assert {each[2] for each in seen if 0 < each[0] < 4 and not each[1]} == {(True, False)}
    assert {each for each in seen if each[0] == 4 and each[1]} == {(4, True, (True, True))}


def test_the_best_pass_is_kept_with_the_discriminator_that_led_it(corpus):
    generator = make(corpus, warm_up=4, adversarial_epochs=0)
    validations = iter([3.0, 1.0, 2.0, 2.0])
    generator._validate = lambda tokens: next(validations)
    found = [
        [each.clone() for each in parts(generator)]
        for step in generator.train(corpus)
        if step.ends_epoch and step.epoch
    ]
    for kept, second, last in zip(parts(generator), found[1], found[3], strict=True):
        assert kept.equal(second)
        assert not kept.equal(last)


@pytest.mark.parametrize("ends", range(1, 11))
def test_training_taken_up_again_is_the_unbroken_one(corpus, ends):
    whole, unbroken, made = make(corpus, adversarial_epochs=3), [], None
    for step in whole.train(corpus):
        unbroken.append(step)
        if sum(step.ends_epoch for step in unbroken) == ends and made is None:
            made, random = len(unbroken), torch.get_rng_state()
            state = copy.deepcopy(whole.state_dict())
    resumed = make(corpus, adversarial_epochs=3)
    resumed.load_state_dict(state)
    torch.set_rng_state(random)
    assert [*resumed.train(corpus)] == unbroken[made:]
    for ours, theirs in zip(parts(resumed), parts(whole), strict=True):
        assert ours.equal(theirs)


def test_without_rounds_the_warm_up_is_what_is_left(corpus):
    plain, _ = train(corpus, adversarial_epochs=0)
    whole = make(corpus, adversarial_learning_rate=1e-30)
    for step in whole.train(corpus):
        if step.epoch == 4:
            break
    assert parts(plain)[0].equal(parts(whole)[0])


def test_the_control_makes_as_many_updates_by_likelihood(corpus):
    generator, steps = train(corpus, adversarial_epochs=8, method="likelihood")
    gan = make(corpus, adversarial_epochs=8)
    warm, _ = train(corpus, adversarial_epochs=0)
    assert len(steps) == gan.count_steps(corpus)
    assert parts(generator)[1].equal(parts(warm)[1])  # nothing judges
    held_out = generator.number(corpus, corpus.validation)
    losses = [negative_log_likelihood(each.network, held_out) for each in (generator, warm)]
    assert losses[0] < losses[1]  # three passes are few, so more likelihood still helps
    assert generator.losses["cosine"] > warm.losses["cosine"]


def test_rewards_lead_to_texts_that_are_called_real(corpus):
    # A discriminator that calls a text the realer the more often it has the word "c".
    generator = make(corpus, adversarial_epochs=60, adversarial_learning_rate=0.02)
    place = generator.ids["c"]
    generator._judge = lambda texts: (texts == place).float().mean(1)
    counts, contrast = [], generator._contrast
    generator._contrast = lambda learnt: None if generator.rounds else contrast(learnt)
    for step in generator.train(corpus):
        if step.ends_epoch and step.epoch in (3, 63):
            texts = generator.network.sample(500, 5, torch.Generator().manual_seed(1))
            counts.append((texts == place).float().mean().item())
    assert counts[1] > counts[0] + 0.1


def test_rollouts_are_at_every_so_many_words(corpus, monkeypatch):
    generator, told = make(corpus), []
    monkeypatch.setattr(
        "stages.generators.leakgan.rewards",
        lambda network, texts, judge, count, every: (
            told.append((network is generator.network, count, every)) or torch.ones(texts.shape)
        ),
    )
    for _ in generator.train(corpus):
        pass
    assert {*told} == {(True, 4, 2)}


def test_sharpened_texts_are_tamer_and_as_likely_as_they_are_written(corpus):
    plain, _ = train(corpus, adversarial_epochs=0)
    sharp, _ = train(corpus, adversarial_epochs=0, sharpening=3.0)
    for ours, theirs in zip(parts(plain), parts(sharp), strict=True):
        assert ours.equal(theirs)  # training does not know of it
    texts = [text for batch in sharp.generate(4000, 1) for text in batch]
    assert len({*texts}) < len({text for batch in plain.generate(4000, 1) for text in batch})
    common = max({*texts}, key=texts.count)
    share, probability = texts.count(common) / 4000, np.exp(sharp.log_likelihood([common])[0])
    error = 5 * math.sqrt(probability * (1 - probability) / 4000)  # five standard errors
    assert share == pytest.approx(probability, abs=error)
    assert share != pytest.approx(np.exp(plain.log_likelihood([common])[0]), abs=error)


def test_its_size_is_told(corpus):
    generator = make(corpus)
    # Four words: the end, a, b and c. Worker: vectors 4*6; LSTM 4*8*(6 + 8 + 2); a bilinear form of
    # 8 by 4 and 4 more a word. Manager: LSTM 4*8*(24 + 8 + 2); 24 by 8 and 24; projection 24*4.
    expected = 24 + 512 + 4 * 36 + 1088 + 216 + 96
    # Vectors 4*6; three widths of 8: 8*6*(1 + 2 + 3) and 24; the highway 48*24 and 48; 2*24 and 2.
    judge = 24 + 288 + 24 + 1152 + 48 + 50
    sizes = {"words": 3, "parameters": expected, "discriminator_parameters": judge}
    assert generator.describe() == sizes
