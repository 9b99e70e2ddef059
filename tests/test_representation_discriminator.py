"""The discriminator of several representations: convolutions, its reading, its logits."""

import pytest
import torch
from torch.nn.functional import conv1d, one_hot

from stages.networks import representation_discriminator
from stages.networks.representation_discriminator import (
    MaxConvolution,
    RepresentationDiscriminator,
)

WORDS = 7


def make_discriminator(representations=3, width=2, dropout=0.0, widths=(2, 4)):
    torch.manual_seed(0)
    network = RepresentationDiscriminator(WORDS, representations, width, widths, 5, 4, dropout)
    torch.nn.init.normal_(network.vectors.weight)  # as made, words are close to each other
    return network


@pytest.mark.parametrize("block", [2, 64])
@pytest.mark.parametrize("read", [1, 3])
@pytest.mark.parametrize("width", [1, 2, 6])
def test_it_is_pytorch_s_convolution_and_the_largest_of_each_filter(
    monkeypatch, block, read, width
):
    monkeypatch.setattr(representation_discriminator, "BLOCK", block)
    torch.manual_seed(1)
    layer = MaxConvolution(read, width, 4)
    torch.nn.init.normal_(layer.bias)
    rows = torch.randn(5, 6, read, requires_grad=True)
    kernel = layer.weight.view(width, read, 4).permute(2, 1, 0)
    expected = conv1d(rows.transpose(1, 2), kernel, layer.bias).amax(2)
    found = layer(rows)
    assert torch.allclose(found, expected, atol=1e-5)
    weights = torch.randn(5, 4)
    parts = (rows, layer.weight, layer.bias)
    gradients = [torch.autograd.grad((each * weights).sum(), parts) for each in (found, expected)]
    for ours, theirs in zip(*gradients, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)


def test_of_equal_windows_the_first_takes_the_gradient():
    layer = MaxConvolution(1, 1, 1)
    rows = torch.tensor([[[2.0], [2.0], [1.0]]], requires_grad=True)
    with torch.no_grad():
        layer.weight.fill_(3)
    layer(rows).sum().backward()
    assert rows.grad[0, :, 0].tolist() == [3, 0, 0]
    assert layer.weight.grad.item() == 2


def test_real_texts_are_read_as_their_one_hot():
    network, tokens = make_discriminator(), torch.randint(WORDS, (6, 5))
    soft = one_hot(tokens, WORDS).float()
    assert torch.allclose(network.embed(tokens), network.embed_soft(soft), atol=1e-6)
    assert network.embed(tokens).shape == (6, 5, 6)
    mixed = (soft + soft.roll(1, 0)) / 2
    expected = (network.embed(tokens) + network.embed(tokens.roll(1, 0))) / 2
    assert torch.allclose(network.embed_soft(mixed), expected, atol=1e-6)


def test_each_representation_reads_its_own_numbers():
    network, vectors = make_discriminator(), torch.randn(4, 5, 6)
    logits = network(vectors)
    assert logits.shape == (4, 3)
    changed = vectors.clone()
    changed[:, :, 2:4] += 1  # of the second
    differs = (network(changed) - logits).abs() > 1e-6
    assert differs.all(0).tolist() == [False, True, False]
    assert differs.any(0).tolist() == [False, True, False]
    # All by the same weights: the first's numbers, read by the third.
    swapped = vectors[:, :, [4, 5, 2, 3, 0, 1]]
    assert torch.allclose(network(swapped), logits.flip(1), atol=1e-6)


def test_logits_worked_out_layer_by_layer():
    network, vectors = make_discriminator(representations=1), torch.randn(3, 5, 2)
    features = torch.cat([layer(vectors) for layer in network.convolutions], 1).relu()
    values, gates = (features @ network.highway.weight.T).split(10, 1)
    gates = 1 / (1 + (-gates).exp())
    features = gates * values.clamp(min=0) + (1 - gates) * features
    hidden = features @ network.hidden.weight.T + network.hidden.bias
    expected = hidden @ network.logit.weight.T + network.logit.bias
    assert torch.allclose(network(vectors), expected, atol=1e-5)


def test_texts_shorter_than_a_filter_are_read():
    network, vectors = make_discriminator(widths=(2, 8)), torch.randn(2, 5, 6)
    longer = torch.cat([vectors, torch.zeros(2, 3, 6)], 1)
    assert torch.equal(network(vectors), network(longer))


def test_dropout_drops_in_training_alone():
    network, vectors = make_discriminator(dropout=0.5), torch.randn(2, 5, 6)
    assert not torch.equal(network(vectors), network(vectors))
    network.eval()
    assert torch.equal(network(vectors), network(vectors))
