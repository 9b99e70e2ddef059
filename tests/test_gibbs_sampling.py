"""What Gibbs sampling leads to, by conditionals of one joint and by others."""

import pytest
import torch

from stages.networks.gibbs_sampling import draw_orders, sample_sites


def sweep(table_first, table_second, sweeps, count=20_000):
    """Draw pairs of 0 and 1 by conditionals (value, other value); return frequencies (2, 2)."""
    tables = torch.tensor([table_first, table_second]).log()

    def conditional(tokens, places):
        other = tokens.gather(1, 1 - places)  # (B, 1)
        logits = tables[places, :, other.clamp(max=1)]  # (B, 1, 2)
        logits[other == 2] = 0  # beside a mask either is as likely
        return logits

    tokens = torch.zeros((count, 2), dtype=torch.int64)
    random = torch.Generator().manual_seed(1)
    drawn = sample_sites(conditional, tokens, 0, 2, 2, random, sweeps=sweeps)
    return (2 * drawn[:, 0] + drawn[:, 1]).bincount(minlength=4).view(2, 2) / count


def statistic(found, expected, count=20_000):
    """Return Pearson's; of three degrees of freedom, so 3 + 5 * sqrt(6) = 15 is five deviations."""
    return (count * (found - expected) ** 2 / expected).sum().item()


def test_sweeps_lead_to_the_joint_whose_conditionals_they_draw_from():
    joint = torch.tensor([[0.5, 0.1], [0.1, 0.3]])
    first = (joint / joint.sum(0)).tolist()  # P(first | second), a row for each first
    second = (joint / joint.sum(1, keepdim=True)).T.tolist()
    # From left to right: 1/2 for the first, then P(second | first), 5/6 or 3/4 for the same.
    start = torch.tensor([[5 / 12, 1 / 12], [1 / 8, 3 / 8]])
    assert statistic(sweep(first, second, 0), start) < 15 < statistic(start, joint)
    # What is left of the start shrinks in each sweep to 0.34, the squared correlation of the two:
    # (0.5 * 0.3 - 0.1 * 0.1)^2 / (0.6 * 0.4)^2.
    assert statistic(sweep(first, second, 20), joint) < 15


def test_conditionals_of_no_joint_lead_to_none_of_the_tables_made_of_them():
    # The first takes after the second with 0.9, the second after the first with 0.3 only. Whoever
    # is drawn last decides, each half of the time: they are the same with (0.9 + 0.3) / 2.
    first, second = [[0.9, 0.1], [0.1, 0.9]], [[0.3, 0.7], [0.7, 0.3]]
    found = sweep(first, second, 20)
    assert statistic(found, torch.tensor([[0.3, 0.2], [0.2, 0.3]])) < 15
    by_first, by_second = torch.tensor(first), torch.tensor(second).T
    tables = {
        "the product": by_first * by_second / (by_first * by_second).sum(),  # 0.27 : 0.07
        "first given second": by_first * found.sum(0),
        "second given first": by_second * found.sum(1, keepdim=True),
    }
    for table in tables.values():
        assert table.sum().item() == pytest.approx(1)
        assert statistic(found, table) > 1000


def test_left_to_right_sees_masks_behind_and_a_sweep_sees_all():
    seen = []

    def conditional(tokens, places):
        seen.append((tokens.clone(), places.clone()))
        return torch.zeros(*places.shape, 3)

    random, tokens = torch.Generator().manual_seed(1), torch.tensor([[7, 0, 0, 0, 8]] * 40)
    drawn = sample_sites(conditional, tokens, 1, 4, 9, random, sweeps=1)
    assert torch.equal(tokens, torch.tensor([[7, 0, 0, 0, 8]] * 40))
    assert (drawn[:, [0, 4]] == torch.tensor([7, 8])).all()
    masks = [(texts == 9) for texts, _ in seen]
    assert [mask.sum(1).unique().tolist() for mask in masks] == [[3], [2], [1], [1], [1], [1]]
    assert [places.unique().tolist() for _, places in seen[:3]] == [[1], [2], [3]]
    assert all(mask.gather(1, places).all() for mask, (_, places) in zip(masks, seen, strict=True))
    # In a sweep each place once, in each of six orders somewhere.
    orders = torch.cat([places for _, places in seen[3:]], 1)
    assert torch.equal(orders.sort(1).values, torch.tensor([[1, 2, 3]] * 40))
    assert len(orders.unique(dim=0)) == 6
    assert draw_orders(3, 2, 2, random).shape == (3, 0)


def test_places_drawn_at_once_see_each_other_masked():
    seen = []

    def conditional(tokens, places):
        seen.append((tokens.clone(), places.clone()))
        return torch.zeros(*places.shape, 3)

    random, tokens = torch.Generator().manual_seed(1), torch.zeros((40, 7), dtype=torch.int64)
    drawn = sample_sites(conditional, tokens, 1, 6, 9, random, sweeps=1, at_once=3)
    assert drawn[:, 1:6].lt(3).all()
    masked = [(texts == 9) for texts, _ in seen]
    assert [mask.sum(1).unique().tolist() for mask in masked] == [[5], [2], [3], [2]]
    assert [places.unique().tolist() for _, places in seen[:2]] == [[1, 2, 3], [4, 5]]
    assert all(mask.gather(1, places).all() for mask, (_, places) in zip(masked, seen, strict=True))
    orders = torch.cat([places for _, places in seen[2:]], 1)
    assert torch.equal(orders.sort(1).values, torch.arange(1, 6).expand(40, 5))


def test_each_of_the_places_drawn_at_once_has_its_own_logits():
    # Of three places the first is always 2, the second 0, the third 1.
    logits = torch.tensor([[0.0, 0.0, 1e4], [1e4, 0.0, 0.0], [0.0, 1e4, 0.0]])
    random, tokens = torch.Generator().manual_seed(1), torch.zeros((5, 3), dtype=torch.int64)
    for at_once in (1, 2, 3, 8):
        drawn = sample_sites(
            lambda _, places: logits[places], tokens, 0, 3, 9, random, sweeps=2, at_once=at_once
        )
        assert torch.equal(drawn, torch.tensor([[2, 0, 1]] * 5))


def test_temperature_and_top_p_are_those_of_each_place():
    shares, tokens = torch.tensor([0.5, 0.3, 0.2]), torch.zeros((10_000, 2), dtype=torch.int64)

    def draw(**options):
        random = torch.Generator().manual_seed(1)
        told = {"sweeps": 1, **options}
        drawn = sample_sites(
            lambda _, places: shares.log().expand(*places.shape, 3),
            tokens,
            0,
            2,
            9,
            random,
            **told,
        )
        return (drawn.flatten().bincount(minlength=3) / drawn.numel()).tolist()

    # Five standard errors of a share of one half: 5 * 0.5 / sqrt(20000) = 0.018.
    assert draw() == pytest.approx([0.5, 0.3, 0.2], abs=0.018)
    squares = [0.25 / 0.38, 0.09 / 0.38, 0.04 / 0.38]
    assert draw(temperature=0.5) == pytest.approx(squares, abs=0.018)
    assert draw(top_p=0.6) == pytest.approx([0.5 / 0.8, 0.3 / 0.8, 0], abs=0.018)
