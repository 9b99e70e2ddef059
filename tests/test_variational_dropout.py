"""Dropout that is the same at each word of a text."""

import pytest
import torch

from stages.networks.variational_dropout import VariationalDropout


def test_each_text_drops_numbers_of_its_own_and_the_same_at_each_place():
    torch.manual_seed(1)
    dropout = VariationalDropout(0.5).train()
    found = dropout(torch.ones(20, 7, 30))
    assert torch.equal(found, found[:, :1].expand(20, 7, 30))
    assert len({tuple(text[0].tolist()) for text in found}) == 20


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_the_share_is_dropped_and_the_mean_is_kept(share):
    # Of 40,000 numbers a share is within 5 standard errors, at most 5 * 0.5 / 200 = 0.0125.
    torch.manual_seed(2)
    found = VariationalDropout(share).train()(torch.full((400, 2, 100), 3.0))
    assert (found == 0).float().mean().item() == pytest.approx(share, abs=0.0125)
    assert torch.allclose(found[found != 0], torch.tensor(3 / (1 - share)))


def test_nothing_is_dropped_in_evaluation_or_of_a_share_of_none():
    vectors = torch.randn(4, 3, 5)
    assert torch.equal(VariationalDropout(0.5).eval()(vectors), vectors)
    assert torch.equal(VariationalDropout(0.0).train()(vectors), vectors)
