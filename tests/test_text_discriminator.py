"""The convolutional discriminator of texts."""

import torch
from torch.nn.functional import conv1d, pad

from stages.networks.lstm_language_model import END
from stages.networks.text_discriminator import TextDiscriminator
from stages.training.contrast import learn_classes


def make(dropout=0.0, widths=(1, 2, 4), filters=(3, 5, 2), classes=2):
    torch.manual_seed(0)
    return TextDiscriminator(7, 6, widths, filters, dropout, classes).eval()


TEXTS = torch.randint(1, 7, (40, 5), generator=torch.Generator().manual_seed(1))


def test_features_are_those_of_convolutions_and_a_highway():
    network = make()
    vectors = network.vectors(TEXTS).transpose(1, 2)  # (B, E, T)
    pooled = []
    for width, layer in zip(network.widths, network.convolutions, strict=True):
        kernel = layer.weight.unflatten(1, (width, -1)).transpose(1, 2)  # (count, E, w)
        pooled.append(conv1d(vectors, kernel, layer.bias).relu().amax(2))
    pooled = torch.cat(pooled, 1)
    answer, gate = network.highway(pooled).chunk(2, 1)
    gate = (gate - 2).sigmoid()
    expected = gate * answer.relu() + (1 - gate) * pooled
    assert torch.allclose(network.features(TEXTS), expected, atol=1e-5)
    assert torch.allclose(network(TEXTS), network.last(expected), atol=1e-5)


def test_looked_up_or_multiplied_it_is_the_same():
    network = make()
    with torch.no_grad():
        found = network.strongest(TEXTS)  # 200 words, of a vocabulary of 7: looked up
        assert found.equal(network._look_up(TEXTS))
    expected = network.strongest(TEXTS)
    assert expected.requires_grad
    assert torch.allclose(found, expected, atol=1e-6)


def test_a_short_text_is_followed_by_ends():
    network = make()
    short = TEXTS[:3, :2]
    assert network.features(short).equal(network.features(pad(short, (0, 2), value=END)))


def test_a_trained_one_knows_its_classes():
    # Class 0 never has the word 1, class 1 has it once, class 2 twice or more.
    torch.manual_seed(2)
    texts = torch.randint(2, 7, (300, 5))
    classes = torch.arange(300) % 3
    texts[classes > 0, 1] = 1
    texts[classes > 1, 2] = 1
    network = make(0.1, classes=3)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    options = {"batch_size": 20, "penalty": 0.0}
    first = learn_classes(network, texts, classes, optimizer, epochs=1, **options)
    last = learn_classes(network, texts, classes, optimizer, epochs=5, **options)
    assert last < 0.1 < first
    assert not network.training
    assert (network(texts).argmax(1) == classes).float().mean() > 0.99


def test_the_penalty_is_on_the_last_layer_alone():
    # Classes at random: with a strong penalty nothing is left of the last layer.
    network = make()
    before = network.highway.weight.norm().item()
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    classes = torch.arange(40) % 2
    options = {"batch_size": 20, "penalty": 100.0}
    learn_classes(network, TEXTS, classes, optimizer, epochs=100, **options)
    assert network.last.weight.abs().max() < 0.03
    assert network.highway.weight.norm().item() > 0.8 * before
    # What is told is cross-entropy alone: the penalty of weights of about 0.1 would be hundreds.
    options = {"batch_size": 40, "penalty": 1e5}
    assert learn_classes(make(), TEXTS, classes, optimizer, epochs=1, **options) < 5
