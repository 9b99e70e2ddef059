"""A discriminator that learns alone: its passes, and the texts that tell when to stop."""

import pytest
import torch

from stages.embeddings.scalar import ScalarEmbedding
from stages.networks.prefix_discriminator import PrefixDiscriminator
from stages.training import lone_discriminator
from stages.training.lone_discriminator import LoneDiscriminator
from stages.training.stock import Stock

WORDS = ["the", "soup", "was", "cold"]


def make_stock(name, texts):
    embedding = ScalarEmbedding(WORDS)
    return Stock(name, embedding, embedding.tokenize(texts, 4))


@pytest.mark.parametrize(
    ("losses", "most", "passes"),
    [
        # The first is the loss before any pass.
        ([3.0, 3.0, 2.0, 1.0, 0.5], 4, 4),  # as many as are allowed
        # Its rate has fallen three times since it began to tell, in the third pass.
        ([3.0, 3.0, 3.5, 2.0, 2.5, 2.2, 2.1], 9, 6),
        # It never does: passes from the thirteenth on lower the rate.
        ([3.0] * 16, 20, 15),
        (None, 4, 4),  # nothing tells that it does not help
    ],
)
def test_a_warm_up_makes_passes_and_validates_each(monkeypatch, losses, most, passes):
    torch.manual_seed(0)
    told, modes = iter(losses or []), []

    def unseen_loss(network, *_):
        modes.append(network.training)
        return next(told)

    monkeypatch.setattr(lone_discriminator, "PATIENCE", 1)
    monkeypatch.setattr(lone_discriminator, "unseen_loss", unseen_loss)
    lone = LoneDiscriminator(PrefixDiscriminator(1, 4, 1, 0.0, 0.0, 1), 2, 0.01, most)
    real, fakes = make_stock("real", ["the soup"] * 5), make_stock("fakes", ["cold was"] * 5)
    ends, validated = [], []
    for _, ends_pass in lone.warm_up(real, [fakes], (real, fakes) if losses else None):
        ends.append(ends_pass)
        validated.append(len(modes))
    # Five texts in batches of two: three updates a pass, the last of which ends it.
    assert ends == [False, False, True] * passes
    wanted = [1 + number + (update == 2) for number in range(passes) for update in range(3)]
    assert validated == (wanted if losses else [0] * 3 * passes)
    assert not any(modes[1:])  # a pass ends in evaluation mode
    assert lone.passes == passes
    assert list(lone.warm_up(real, [fakes], None)) == []  # it is over
