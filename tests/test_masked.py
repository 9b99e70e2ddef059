"""Which pieces masked-language modelling hides."""

import pytest
import torch

from stages.networks.learnt_pieces import MARKERS, MASK
from stages.training.masked import choose, hide


def test_any_number_of_pieces_is_chosen_each_as_often():
    torch.manual_seed(1)
    mask = torch.tensor([[False, True, True, False, True, False]] * 30_000)
    chosen = choose(mask, "any")
    assert not (chosen & ~mask).any()
    # Five standard errors of a third: 5 * sqrt(2 / 9 / 30000) = 0.014.
    counts = chosen.sum(1).bincount(minlength=4) / 30_000
    assert counts.tolist() == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3], abs=0.014)
    # Each place is as often among them: (1 + 2 + 3) / 3 of three, 2 / 3.
    shares = chosen.float().mean(0)[[1, 2, 4]]
    assert shares.tolist() == pytest.approx([2 / 3] * 3, abs=0.014)
    assert not choose(torch.zeros((2, 3), dtype=torch.bool), "any").any()


def test_bert_chooses_fifteen_of_a_hundred_and_masks_most_of_them():
    torch.manual_seed(1)
    tokens = torch.full((2000, 100), 7)
    chosen = choose(tokens > 0, "bert")
    assert chosen.sum(1).unique().tolist() == [15]
    assert choose(tokens[:, :2] > 0, "bert").sum(1).unique().tolist() == [1]
    hidden = hide(tokens, chosen, "bert", MARKERS + 100)
    assert torch.equal(hidden[~chosen], tokens[~chosen])
    of_them = hidden[chosen]
    # Five standard errors: 5 * 0.4 / sqrt(30000) = 0.012. A hundredth of the others is a 7 too.
    assert (of_them == MASK).float().mean().item() == pytest.approx(0.8, abs=0.012)
    assert (of_them == 7).float().mean().item() == pytest.approx(0.1 + 0.1 / 100, abs=0.012)
    assert of_them[of_them != MASK].min() >= MARKERS
    assert torch.equal(hide(tokens, chosen, "any", 9), tokens.masked_fill(chosen, MASK))
