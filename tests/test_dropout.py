"""Dropout of single numbers."""

import math

import pytest
import torch

from stages.networks.dropout import Dropout

COUNT = 40_000


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_share_is_zeroed_and_the_mean_kept(share):
    torch.manual_seed(1)
    numbers = torch.full((COUNT // 8, 8), 3.0)
    dropped = Dropout(share).train()(numbers)
    assert dropped.shape == numbers.shape
    assert dropped.dtype == torch.float32
    zeros = (dropped == 0).float()
    deviation = math.sqrt(share * (1 - share) / COUNT)
    assert zeros.mean().item() == pytest.approx(share, abs=5 * deviation)
    # Each number for itself: each row and each column has its share.
    rows = 5 * math.sqrt(share * (1 - share) / len(numbers))
    assert zeros.mean(0).tolist() == pytest.approx([share] * 8, abs=rows)
    assert zeros.sum(1).var().item() == pytest.approx(8 * share * (1 - share), rel=0.1)
    assert dropped[dropped != 0].unique().item() == pytest.approx(3 / (1 - share))


def test_a_gradient_passes_where_a_number_was_kept():
    torch.manual_seed(2)
    numbers = torch.randn(50, 4, requires_grad=True)
    dropped = Dropout(0.5).train()(numbers)
    dropped.sum().backward()
    assert torch.equal(numbers.grad, (dropped != 0).float() * 2)


@pytest.mark.parametrize(("share", "training"), [(0.5, False), (0.0, True)])
def test_nothing_is_drawn_where_nothing_is_dropped(share, training):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    numbers = torch.randn(3, 4, generator=torch.Generator().manual_seed(4))
    assert Dropout(share).train(training)(numbers) is numbers
    assert torch.equal(torch.rand(1), expected)
