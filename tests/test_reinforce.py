"""The gradient of rewards against the exact one, in a world of few texts."""

from itertools import product

import pytest
import torch

from stages.networks.lstm_language_model import END
from stages.networks.plain_language_model import PlainLanguageModel
from stages.training.reinforce import expected_reward
from stages.training.rollouts import rewards

# All texts of the words 1, 2 and 3, of one word or two: the first word is no end.
WORLD = torch.tensor([*product((1, 2, 3), (END, 1, 2, 3))])


def judge(texts):
    """Give each text of the world a reward of its own, from 0.08 to 1."""
    return (4 * (texts[:, 0] - 1) + (texts[:, 1] * 3 + 2) % 4 + 1).float() / 12


def make(words, **options):
    torch.manual_seed(0)
    network = PlainLanguageModel(words, 3, 4, 1, 0.0, **options)
    for weight in network.parameters():
        weight.data *= 10
    return network


def probabilities(network, unknown=None):
    """Return P of each text of the world, as the network draws them, with its gradient."""
    before = torch.stack([torch.zeros(len(WORLD), dtype=torch.int64), WORLD[:, 0]], 1)
    logits = network.softmax.head(network.read(before)[0].flatten(0, 1)).unflatten(0, (-1, 2))
    never = torch.zeros_like(logits, dtype=torch.bool)
    never[:, 0, END] = True
    if unknown is not None:
        never[:, :, unknown] = True
    values = logits.masked_fill(never, -torch.inf).log_softmax(2)
    return values.gather(2, WORLD.unsqueeze(2)).sum((1, 2)).exp()


def gradient(value, network):
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    return torch.cat([each.flatten() for each in torch.autograd.grad(value, weights)])


def test_the_gradient_is_the_exact_one_in_expectation():
    network = make(4)
    chances = probabilities(network)
    assert chances.sum().item() == pytest.approx(1, abs=1e-5)
    exact = gradient((chances * judge(WORLD)).sum(), network)
    texts = network.sample(60_000, 2, torch.Generator().manual_seed(1))
    values = rewards(network, texts, judge, 4, torch.Generator().manual_seed(2))
    found = gradient(expected_reward(network, texts, values) / len(texts), network)
    assert (found - exact).norm() < 0.05 * exact.norm()


def test_texts_weighed_by_their_probability_give_the_exact_gradient():
    # Each text as often as it is probable, each word by its exact worth: no chance is left.
    global WORLD
    network = make(4)
    chances = probabilities(network)
    exact = gradient((chances * judge(WORLD)).sum(), network)
    weights = chances.detach()
    worth = judge(WORLD)
    first = torch.stack(
        [
            (weights * worth)[WORLD[:, 0] == word].sum() / weights[WORLD[:, 0] == word].sum()
            for word in WORLD[:, 0]
        ]
    )
    values = torch.stack([first, worth], 1) * weights.unsqueeze(1)
    found = gradient(expected_reward(network, WORLD, values), network)
    assert torch.allclose(found, exact, atol=1e-6)
