"""What LeakGAN's manager and worker learn from: cosines, intrinsic rewards, ranks."""

import math

import pytest
import torch

from stages.training.leaked import (
    follow,
    intrinsic_rewards,
    judge_real,
    leaked_gain,
    rescale,
)
from tests.test_leaked_language_model import TEXTS, make

# A text of two words and an end: features move along x, y, then x again.
FEATURES = torch.tensor([[[0.0, 0], [1, 0], [1, 1], [2, 1], [9, 9]]])
MASK = torch.tensor([[True, True, True, False]])
HALF = 0.5**0.5  # cosine between an axis and the diagonal


def test_goals_are_compared_with_what_became_of_the_features():
    goals = torch.tensor([[[1.0, 0], [0, 1], [1, 0], [1, 0]]])
    # Two words on: (1, 1); (1, 1); the end is one word on: (1, 0), not what is behind it.
    found = follow(goals, FEATURES, MASK, 2)
    assert torch.allclose(found[:, :3], torch.tensor([[HALF, HALF, 1.0]]))
    # Further on than the text goes: (2, 1), (1, 1) and (1, 0) to its end.
    found = follow(goals, FEATURES, MASK, 9)
    assert torch.allclose(found[:, :3], torch.tensor([[2 / math.sqrt(5), HALF, 1.0]]))
    assert torch.allclose(follow(-goals, FEATURES, MASK, 9), -found)


def test_goals_whose_features_stand_still_are_neither_met_nor_missed():
    still = FEATURES[:, :1].expand(-1, 5, -1)
    assert follow(torch.ones(1, 4, 2), still, MASK, 2)[MASK].tolist() == [0, 0, 0]


def test_a_word_is_rewarded_by_the_goals_before_it():
    goals = torch.tensor([[[1.0, 0], [1, 0], [0, -1], [1, 0]]])
    found = intrinsic_rewards(goals, FEATURES, 2)
    # 1st: from the goal before it alone, x against x: 1.
    # 2nd: y against x is 0, (1, 1) against x is HALF: their mean.
    # 3rd: x against -y is 0, (1, 1) against x is HALF.
    # 4th: (7, 8) against x, (8, 8) against -y.
    fourth = (7 / math.sqrt(113) - HALF) / 2
    assert torch.allclose(found, torch.tensor([[1.0, HALF / 2, HALF / 2, fourth]]))


def test_rewards_are_rescaled_by_rank():
    rewards = torch.tensor([[0.3], [0.9], [0.1], [0.5]])
    found = rescale(rewards, torch.ones(4, 1, dtype=torch.bool))
    # Ranks 2, 4, 1, 3 of 4: 16 r / 4 - 8 is 0, 8, -4, 4.
    expected = [[0.5], [1 / (1 + math.exp(-8))], [1 / (1 + math.exp(4))], [1 / (1 + math.exp(-4))]]
    assert torch.allclose(found, torch.tensor(expected))


def test_rescaling_keeps_the_order_and_its_range():
    rewards = torch.rand(50, 3, generator=torch.Generator().manual_seed(1)) * 1e-6
    found = rescale(rewards, torch.ones(50, 3, dtype=torch.bool))
    for place in range(3):
        assert found[:, place].argsort().equal(rewards[:, place].argsort())
    assert found.min() > 0
    assert found.max() < 1
    assert found.max() - found.min() > 0.99


def test_equal_rewards_stay_equal_and_what_does_not_count_has_no_rank():
    rewards = torch.tensor([[0.5, 0.5], [0.5, 0.2], [0.9, 0.9], [0.1, 0.1]])
    counted = torch.tensor([[True, True], [True, True], [True, False], [True, False]])
    found = rescale(rewards, counted)
    # Ranks 3, 3, 4, 1 of 4; then 2 and 1 of 2.
    ranks = torch.tensor([[3 / 4, 1], [3 / 4, 1 / 2], [1, 0], [1 / 4, 0]])
    assert torch.allclose(found, (16 * ranks - 8).sigmoid() * counted)


def test_real_texts_teach_the_worker_words_and_the_manager_directions():
    network = make()
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    before = {name: each.clone() for name, each in network.named_parameters()}
    mask, told = torch.ones_like(TEXTS, dtype=torch.bool), []
    for _ in range(60):
        losses, of_manager = judge_real(network.train(), TEXTS, mask)
        told.append((losses.mean().item(), of_manager.item()))
        optimizer.zero_grad()
        (losses.mean() + of_manager).backward()
        optimizer.step()
    assert told[-1][0] < 0.7 * told[0][0]
    assert told[-1][1] < told[0][1] - 0.2
    led = network.eval().lead(TEXTS)
    assert follow(led.goals, led.features, mask, network.horizon).mean() > 0.5
    for name, weight in network.named_parameters():
        if name.startswith("discriminator"):
            assert weight.equal(before[name])


def learn_own(network, rewards, parts, steps=60):
    """Make steps by rewards (B, T) of the same texts, only of some of the network's parts."""
    weights = [weight for name, weight in network.named_parameters() if name.split(".")[0] in parts]
    optimizer = torch.optim.Adam(weights, 0.01)
    for _ in range(steps):
        gain, _ = leaked_gain(network.train(), TEXTS, rewards)
        optimizer.zero_grad()
        (-gain).backward()
        optimizer.step()


def test_the_manager_points_where_the_best_rewarded_went():
    mask = torch.ones_like(TEXTS, dtype=torch.bool)
    # Texts that begin with the word 1 first, the others after them, each with a rank of its own.
    best = TEXTS[:, 0] == 1
    rewards = (best + torch.arange(len(TEXTS)) / 1000).unsqueeze(1).expand(TEXTS.shape)

    def lead_by(rewards):
        """Return how much nearer the first goal, that of all texts, is to the best ones' way."""
        network = make()
        learn_own(network, rewards, {"manager", "aim"})
        led = network.lead(TEXTS)
        cosines = follow(led.goals, led.features, mask, network.horizon)[:, 0]
        return (cosines[best].mean() - cosines[~best].mean()).item()

    assert lead_by(rewards) > lead_by(-rewards) + 0.03


def test_words_that_followed_goals_become_likelier_than_those_that_did_not():
    network = make()
    mask = torch.ones_like(TEXTS, dtype=torch.bool)
    led = network.lead(TEXTS)
    rewards = intrinsic_rewards(led.goals, led.features, network.horizon)
    assert rewards.min() < -0.1
    assert rewards.max() > 0.1

    def likelihoods():
        return network.log_likelihood(TEXTS, mask).detach().view(TEXTS.shape)

    old = likelihoods()
    learn_own(network, torch.ones(TEXTS.shape), {"lstm", "softmax", "projection"}, 5)
    rise = likelihoods() - old
    assert (rise * rewards).sum() > 0
    assert rise[rewards > 0].mean() > rise[rewards < 0].mean()


def test_each_goal_is_worth_the_beginning_that_it_leads_to(monkeypatch):
    # Rewards of the 2nd and 4th word and of the whole; others must not be looked at.
    network, seen = make(), []
    real = rescale
    monkeypatch.setattr(
        "stages.training.leaked.rescale",
        lambda rewards, counted: seen.append((rewards, counted)) or real(rewards, counted),
    )
    texts = torch.tensor([[1, 2, 3, 4, 5], [1, 2, 3, 0, 0], [4, 0, 0, 0, 0]])
    nothing = math.nan
    rewards = torch.tensor(
        [
            [nothing, 0.2, nothing, 0.4, 0.5],
            [nothing, 0.1, nothing, 0.3, nothing],
            [nothing, 0.6, nothing, nothing, nothing],
        ]
    )
    leaked_gain(network, texts, rewards)
    ((found, counted),) = seen
    assert counted.tolist() == [[True] * 3, [True, True, False], [True, False, False]]
    assert found[counted].tolist() == pytest.approx([0.2, 0.4, 0.5, 0.1, 0.3, 0.6])
