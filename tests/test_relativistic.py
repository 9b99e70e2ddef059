"""RelGAN's updates: who learns from which loss, and what stays as it was."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.optim import SGD

from stages.networks.lstm_language_model import END
from stages.networks.relational_language_model import RelationalLanguageModel
from stages.networks.representation_discriminator import RepresentationDiscriminator
from stages.training.objectives import relativistic_pairs
from stages.training.relativistic import update_discriminator, update_generator

WORDS, LENGTH = 5, 4


@pytest.fixture
def networks():
    torch.manual_seed(0)
    generator = RelationalLanguageModel(WORDS, 4, 1, 2, 3)
    discriminator = RepresentationDiscriminator(WORDS, 2, 3, (2, 3), 8, 6, 0.0)
    nn.init.normal_(discriminator.vectors.weight)
    return generator, discriminator


@pytest.fixture
def real():
    return torch.full((16, LENGTH), 3)  # one word alone


def weights(network):
    return copy.deepcopy(network.state_dict())


def are_equal(first, second):
    return all(torch.equal(first[key], second[key]) for key in first)


def test_the_loss_is_log_2_where_real_and_fake_are_alike(networks, real):
    logits = torch.tensor([[3.0, -1.0], [0.5, 20.0]])
    assert relativistic_pairs(logits, logits).tolist() == [[pytest.approx(math.log(2))] * 2] * 2
    # log(1 + exp(-2)) for a real text two above its fake, and 2 more the other way round.
    loss = relativistic_pairs(torch.tensor([3.0]), torch.tensor([1.0])).item()
    assert loss == pytest.approx(math.log(1 + math.exp(-2)))
    other = relativistic_pairs(torch.tensor([1.0]), torch.tensor([3.0])).item()
    assert other == pytest.approx(loss + 2)
    # A discriminator that reads nothing calls all alike.
    generator, discriminator = networks
    nn.init.zeros_(discriminator.vectors.weight)
    for update, learner in ((update_discriminator, discriminator), (update_generator, generator)):
        found = update(*networks, real, 1.0, SGD(learner.parameters(), 0.0))
        assert found == pytest.approx(math.log(2), abs=1e-6)


def test_each_update_changes_its_own_network_alone(networks, real):
    generator, discriminator = networks
    before = weights(generator), weights(discriminator)
    update_discriminator(*networks, real, 1.0, SGD(discriminator.parameters(), 0.1))
    after = weights(discriminator)
    assert are_equal(weights(generator), before[0])
    assert all(each.grad is None for each in generator.parameters())
    assert not are_equal(after, before[1])
    update_generator(*networks, real, 1.0, SGD(generator.parameters(), 0.1))
    assert are_equal(weights(discriminator), after)
    assert not are_equal(weights(generator), before[0])
    assert all(each.requires_grad for each in discriminator.parameters())


def test_the_discriminator_learns_to_tell_real_from_soft(networks, real):
    generator, discriminator = networks
    optimizer = SGD(discriminator.parameters(), 0.1)
    losses = [update_discriminator(*networks, real, 1.0, optimizer) for _ in range(100)]
    assert losses[-1] < 0.1 < losses[0]
    soft, _ = generator.draw_soft_texts(16, LENGTH, 1.0)
    with torch.no_grad():
        logits = discriminator(discriminator.embed(real))
        assert (logits > discriminator(discriminator.embed_soft(soft))).double().mean() > 0.9


def test_both_together_bring_the_generator_to_the_real_text(networks, real):
    torch.manual_seed(1)
    generator, _ = networks
    optimizers = [torch.optim.Adam(each.parameters(), 0.01) for each in networks]
    share = (generator.sample(500, LENGTH) == 3).double().mean()
    for _ in range(150):
        update_generator(*networks, real, 1.0, optimizers[0])
        update_discriminator(*networks, real, 1.0, optimizers[1])
    drawn = generator.sample(500, LENGTH)
    assert (drawn == 3).double().mean() > 0.9 > share
    assert (drawn != END).all()
