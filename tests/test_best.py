"""The best epoch's weights."""

import math

import pytest
import torch
from torch import nn

from stages.training.best import Best


def make_network():
    return nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))


def set_weights(network, number):
    """Set them in place, as an optimiser does, and what is counted along with them."""
    with torch.no_grad():
        for weight in network.state_dict().values():
            weight.fill_(number)


def read_weights(network):
    return {weight.item() for part in network.state_dict().values() for weight in part.flatten()}


@pytest.mark.parametrize(
    ("values", "value", "epoch"),
    [
        ([], math.inf, 0),
        ([3.0, 1.0, 2.0], 1.0, 2),
        ([3.0, 2.0, 1.0], 1.0, 3),
        ([-1.0, 2.0], -1.0, 1),
        ([2.0, 1.0, 1.0], 1.0, 2),
        ([math.nan, 2.0, math.nan], 2.0, 2),
        ([math.nan, math.inf], math.inf, 0),
    ],
    ids=["none", "inside", "last", "first", "the first of equals", "undefined", "never"],
)
def test_the_weights_of_the_lowest_number_come_back(values, value, epoch):
    network = make_network()
    set_weights(network, 0)
    best = Best(network)
    for number, offered in enumerate(values, 1):
        set_weights(network, number)
        best.offer(offered, number)
    set_weights(network, 99)
    best.restore()
    assert (best.value, best.epoch) == (value, epoch)
    assert read_weights(network) == {epoch}


def test_training_on_after_restoring_does_not_spoil_what_is_kept():
    network = make_network()
    best = Best(network)
    weights = list(network.parameters())
    set_weights(network, 1)
    best.offer(0.5, 1)
    for _ in range(2):
        set_weights(network, 2)
        best.restore()
        assert read_weights(network) == {1}
    # The same tensors as before: an optimiser that holds them goes on with them.
    assert all(old is new for old, new in zip(weights, network.parameters(), strict=True))
