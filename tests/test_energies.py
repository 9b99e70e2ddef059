"""The autoencoder as an energy: its loss, the hinge, and both updates."""

import copy

import pytest
import torch
from torch.optim import SGD

from stages.networks.bag_networks import BagGenerator, DenoisingAutoencoder
from stages.training.energies import hinge, update_autoencoder, update_energies

V, E, Z, B = 6, 3, 4, 5


def make_networks(seed=0):
    torch.manual_seed(seed)
    return DenoisingAutoencoder(V, E), BagGenerator(Z, 8, V)


def weights(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def is_same(network, before):
    return all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_the_energy_by_hand():
    autoencoder = DenoisingAutoencoder(2, 1)
    with torch.no_grad():
        autoencoder.encoder.weight.copy_(torch.tensor([[3.0, -2.0]]))
        autoencoder.encoder.bias.fill_(1.0)
        autoencoder.decoder.weight.copy_(torch.tensor([[0.5], [-1.0]]))
        autoencoder.decoder.bias.copy_(torch.tensor([0.25, 0.0]))
    bags = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    # Both words read: 3 - 2 + 1 = 2, which gives 0.5 * 2 + 0.25 = 1.25 and -2: errors 0.25 and -3,
    # squared and summed 9.0625. The second alone: -2 + 1 = -1, leaky -0.2: 0.15 and 0.2: errors
    # 0.15 and -0.8, 0.0225 + 0.64.
    energy = autoencoder.energy(bags, torch.ones(1, 2))
    assert energy.tolist() == pytest.approx([9.0625, 0.6625])
    assert autoencoder.encode(bags).flatten().tolist() == pytest.approx([2, -0.2])
    # The second word hidden: 3 + 1 = 4 gives 2.25 and -4, against the whole bag: 1.25 and -5. Of
    # the second text nothing is read: 1 gives 0.75 and -1: 0.75 and -2.
    energy = autoencoder.energy(bags, torch.tensor([[1.0, 0.0]]))
    assert energy.tolist() == pytest.approx([1.5625 + 25, 0.5625 + 4])


def test_weights_begin_with_a_variance_of_two_by_the_inputs():
    torch.manual_seed(0)
    layer = DenoisingAutoencoder(2000, 50).encoder
    # 100,000 draws: the deviation is within 1 % of sqrt(2 / 2000).
    assert layer.weight.std().item() == pytest.approx((2 / 2000) ** 0.5, rel=0.01)
    assert not layer.bias.any()


def test_the_generator_makes_shares_and_no_counts():
    _, generator = make_networks()
    bags = generator(10 * torch.randn(64, Z))
    assert bags.shape == (64, V)
    assert 0 <= bags.min() < bags.max() <= 1


@pytest.mark.parametrize(("energy", "loss", "slope"), [(3.0, 7.0, -1.0), (10.5, 0.0, 0.0)])
def test_the_hinge_pushes_up_to_the_margin_and_no_further(energy, loss, slope):
    value = torch.tensor(energy, requires_grad=True)
    result = hinge(value, 10.0)
    result.backward()
    assert result.item() == loss
    assert value.grad.item() == slope


def test_beyond_the_margin_the_autoencoder_learns_as_if_alone():
    alone, generator = make_networks()
    against = copy.deepcopy(alone)
    real, mask = torch.rand(B, V).round(), torch.tensor([[1.0, 0, 1, 1, 1, 0]])
    energy = update_autoencoder(alone, real, mask, SGD(alone.parameters(), 0.01))
    optimizers = SGD(against.parameters(), 0.01), SGD(generator.parameters(), 0.01)
    real_energy, fake_energy = update_energies(
        against, generator, real, torch.randn(B, Z), mask, 0.0, *optimizers
    )
    assert fake_energy > 0
    assert real_energy == energy
    assert is_same(against, weights(alone))


def test_below_the_margin_it_raises_the_energy_of_fakes():
    autoencoder, generator = make_networks()
    noise, mask, real = torch.randn(B, Z), torch.ones(1, V), torch.zeros(B, V)
    with torch.no_grad():
        fake = generator(noise)
        before = autoencoder.energy(fake, mask).mean()
    still = SGD(generator.parameters(), 0.0)
    optimizer = SGD(autoencoder.parameters(), 0.001)
    update_energies(autoencoder, generator, real, noise, mask, 1000.0, optimizer, still)
    # Bags of zeros have no error to lower with biases of 0, so fakes alone are learnt from.
    assert autoencoder.energy(fake, mask).mean() > before


def test_the_generator_lowers_its_energy_and_leaves_the_autoencoder_as_it_is():
    autoencoder, generator = make_networks()
    noise, mask = torch.randn(B, Z), torch.ones(1, V)
    held = SGD(autoencoder.parameters(), 0.0)
    before = weights(autoencoder)
    energies = [
        update_energies(
            *(autoencoder, generator, torch.ones(B, V), noise, mask, 1000.0),
            *(held, SGD(generator.parameters(), 0.01)),
        )[1]
        for _ in range(5)
    ]
    assert energies == sorted(energies, reverse=True)
    assert energies[0] > energies[-1]
    assert is_same(autoencoder, before)
    assert all(parameter.requires_grad for parameter in autoencoder.parameters())
