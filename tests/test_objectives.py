"""What a discriminator minimises, against values worked out by hand."""

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from stages.training.objectives import OBJECTIVES


def nats(logit):
    """-log sigmoid(logit)."""
    return math.log(1 + math.exp(-logit))


@pytest.mark.parametrize(
    ("name", "real", "fake", "real_loss", "fake_loss"),
    [
        # D is 1/2 at 0, 3/4 at log 3, 1/4 at -log 3.
        (
            "cross_entropy",
            [0, math.log(3), -math.log(3)],
            [0, math.log(3), -math.log(3)],
            [math.log(2), math.log(4 / 3), math.log(4)],
            [math.log(2), math.log(4), math.log(4 / 3)],
        ),
        # 1 - logit for real, 1 + logit for fake, nothing beyond the margin.
        ("hinge", [2, 0.5, -1], [2, 0.5, -1, -3], [0, 0.5, 2], [3, 1.5, 0, 0]),
        # The means are 2 and -2: 1 and 3 lie 3 and 5 above the fakes', 0 and -4 2 and 6 below the
        # real ones'.
        ("relativistic", [1, 3], [0, -4], [nats(3), nats(5)], [nats(2), nats(6)]),
        ("wasserstein", [1, -3], [0.5, -2], [-1, 3], [0.5, -2]),
    ],
)
def test_losses_worked_out_by_hand(name, real, fake, real_loss, fake_loss):
    losses = OBJECTIVES[name](torch.tensor(real).float(), torch.tensor(fake).float())
    assert losses[0].tolist() == pytest.approx(real_loss)
    assert losses[1].tolist() == pytest.approx(fake_loss)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_each_logit_has_its_loss(name):
    torch.manual_seed(0)
    real, fake = torch.randn(4, 3), torch.randn(5)
    real_loss, fake_loss = OBJECTIVES[name](real, fake)
    assert (real_loss.shape, fake_loss.shape) == (real.shape, fake.shape)
    if name != "wasserstein":  # which has no floor
        assert (real_loss >= 0).all()
        assert (fake_loss >= 0).all()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_real_and_fake_are_two_sides_of_the_same(name):
    # Fakes for real texts, and each logit's sign turned: the same two losses, the other way round.
    torch.manual_seed(1)
    real, fake = 2 * torch.randn(20), 2 * torch.randn(30)
    real_loss, fake_loss = OBJECTIVES[name](real, fake)
    turned = OBJECTIVES[name](-fake, -real)
    assert torch.allclose(turned[0], fake_loss)
    assert torch.allclose(turned[1], real_loss)


def test_cross_entropy_is_pytorchs():
    torch.manual_seed(2)
    real, fake = 5 * torch.randn(20), 5 * torch.randn(20)
    losses = OBJECTIVES["cross_entropy"](real, fake)
    for logits, labels, loss in zip(
        (real, fake), (torch.ones(20), torch.zeros(20)), losses, strict=True
    ):
        expected = binary_cross_entropy_with_logits(logits, labels, reduction="none")
        assert torch.allclose(loss, expected, atol=1e-6)


@pytest.mark.parametrize(("real_share", "fake_share"), [(0.8, 0.2), (0.5, 0.5), (0.1, 0.9)])
def test_cross_entropy_is_least_at_the_logarithm_of_the_odds(real_share, fake_share):
    # What the rewards rely on: of a text that is P as likely real and Q as likely fake the best
    # logit is log P - log Q.
    logits = torch.linspace(-4, 4, 8001)
    real_loss, fake_loss = OBJECTIVES["cross_entropy"](logits, logits)
    best = logits[(real_share * real_loss + fake_share * fake_loss).argmin()].item()
    assert best == pytest.approx(math.log(real_share / fake_share), abs=2e-3)


@pytest.mark.parametrize(("real_share", "best"), [(0.8, 1), (0.3, -1)])
def test_hinge_is_least_at_the_margin_of_the_likelier_side(real_share, best):
    # Within the margin the slope is Q - P, so the likelier side's end of it is the least.
    logits = torch.linspace(-4, 4, 8001)
    real_loss, fake_loss = OBJECTIVES["hinge"](logits, logits)
    least = logits[(real_share * real_loss + (1 - real_share) * fake_loss).argmin()].item()
    assert least == pytest.approx(best, abs=2e-3)


def test_relativistic_sees_differences_alone():
    torch.manual_seed(3)
    real, fake = torch.randn(20), torch.randn(30)
    losses = OBJECTIVES["relativistic"](real, fake)
    for ours, moved in zip(losses, OBJECTIVES["relativistic"](real + 7, fake + 7), strict=True):
        assert torch.allclose(ours, moved, atol=1e-5)


def test_wasserstein_is_the_distance_between_the_means():
    torch.manual_seed(4)
    real, fake = torch.randn(20) + 3, torch.randn(30)
    losses = OBJECTIVES["wasserstein"](real, fake)
    distance = real.mean() - fake.mean()
    assert torch.allclose(losses[0].mean() + losses[1].mean(), -distance)


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if name != "wasserstein"])
def test_apart_the_right_way_costs_nothing(name):
    real, fake = torch.full((3,), 20.0), torch.full((4,), -20.0)
    right, wrong = OBJECTIVES[name](real, fake), OBJECTIVES[name](fake, real)
    assert max(loss.max().item() for loss in right) < 1e-6
    assert min(loss.min().item() for loss in wrong) > 19
