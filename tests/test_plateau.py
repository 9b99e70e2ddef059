"""The learning rate that falls on a plateau of validation, and the end of training."""

import math

import pytest

from stages.pipeline.checkpoint import load_checkpoint, save_checkpoint
from stages.training.plateau import Plateau


def offer(plateau, *validations):
    """Offer each; return the shares of the rate after each."""
    shares = []
    for validation in validations:
        plateau.offer(validation)
        shares.append(plateau.share)
    return shares


def test_before_any_pass_the_rate_is_full_and_training_is_not_over():
    plateau = Plateau(1)
    assert (plateau.share, plateau.lowest, plateau.is_over) == (1, math.inf, False)


def test_the_rate_stays_while_each_pass_is_a_new_lowest():
    plateau = Plateau(1)
    assert offer(plateau, 5.0, 4.0, 3.9, -1.0) == [1, 1, 1, 1]
    assert plateau.lowest == -1.0
    assert not plateau.is_over


@pytest.mark.parametrize(
    ("patience", "shares"),
    # After 3 comes no lower one but 2, in the sixth place.
    [
        # Each of the third, fourth and fifth lets it fall, to 0.3, 0.09 and 0.027.
        (1, [1, 1, 0.3, 0.09, 0.027, 0.027]),
        # The fourth is the second in a row; then 2 comes before there are two more.
        (2, [1, 1, 1, 0.3, 0.3, 0.3]),
        (3, [1, 1, 1, 1, 0.3, 0.3]),
        (4, [1, 1, 1, 1, 1, 1]),
    ],
)
def test_the_rate_falls_after_so_many_passes_without_a_new_lowest(patience, shares):
    plateau = Plateau(patience)
    assert offer(plateau, 4.0, 3.0, 3.5, 3.2, 3.1, 2.0) == pytest.approx(shares)
    assert plateau.lowest == 2.0


def test_the_lowest_again_is_no_new_one():
    assert offer(Plateau(1), 3.0, 3.0) == pytest.approx([1, 0.3])


def test_a_new_lowest_begins_the_wait_anew_and_the_rate_never_rises():
    # One higher, one lower, twice: never two in a row that are not. Then two are.
    plateau = Plateau(2)
    assert offer(plateau, 5.0, 6.0, 4.0, 6.0, 3.0) == [1] * 5
    assert offer(plateau, 6.0, 6.0, 2.0) == pytest.approx([1, 0.3, 0.3])


@pytest.mark.parametrize(("patience", "passes"), [(1, 3), (2, 6), (3, 9)])
def test_it_is_over_where_the_rate_would_fall_a_third_time(patience, passes):
    # A lower pass between two falls does not put it off: falls count, not falls in a row.
    plateau = Plateau(patience)
    offer(plateau, 3.0, *[4.0] * patience, 2.0)
    for _ in range(passes - patience):
        assert not plateau.is_over
        plateau.offer(4.0)
    assert plateau.is_over
    assert plateau.lowest == 2.0


@pytest.mark.parametrize("after", range(8))
def test_it_goes_on_from_its_state(tmp_path, after):
    validations = [5.0, 6.0, 6.0, 4.0, 4.5, 4.4, 4.3, 4.2]
    whole = Plateau(2)
    expected = offer(whole, *validations)
    broken, resumed = Plateau(2), Plateau(2)
    shares = offer(broken, *validations[:after])
    # Through a file, as a training does; also of no pass, whose lowest is infinite.
    save_checkpoint(tmp_path / "state", broken.state_dict())
    resumed.load_state_dict(load_checkpoint(tmp_path / "state"))
    assert shares + offer(resumed, *validations[after:]) == expected
    assert vars(resumed) == vars(whole)
    assert resumed.is_over


def test_a_pass_helps_only_where_validation_falls_by_a_500th_of_its_size():
    # 5 to 4.995 is less than 4.995 / 500 = 0.00999; from there to 4.98 more than 4.98 / 500. The
    # lowest is the lowest, whether it helped or not. Below 0 the size counts, too.
    plateau = Plateau(1)
    assert offer(plateau, 5.0, 4.995, 4.98) == pytest.approx([1, 0.3, 0.3])
    assert plateau.lowest == 4.98
    plateau = Plateau(1)
    assert offer(plateau, -5.0, -5.001, -5.02) == pytest.approx([1, 0.3, 0.3])


@pytest.mark.parametrize(
    ("late", "validations", "shares"),
    [
        # Passes 2 to 4 do not help. Where none is late, each lowers the rate.
        (0, [4.0, 4.0, 4.0, 4.0], [1, 0.3, 0.09, 0.027]),
        # Where three may be, pass 4 is the first that does.
        (3, [4.0, 4.0, 4.0, 4.0], [1, 1, 1, 0.3]),
        # 3 % below the 4 before any pass is 3.88: 3.89 is not enough, with 3.87 learning has begun,
        # and the pass after it, which does not help, counts.
        (9, [4.0, 3.89, 3.89, 3.87, 3.89], [1, 1, 1, 1, 0.3]),
        (9, [3.5, 3.6], [1, 0.3]),
        # Below 0, as an objective without bound may be, the size counts.
        (9, [-4.0, -4.1, -4.1, -4.2, -4.2], [1, 1, 1, 1, 0.3]),
    ],
)
def test_late_passes_do_not_lower_the_rate_before_learning_has_begun(late, validations, shares):
    plateau = Plateau(1, late)
    plateau.begin(4.0 if validations[0] > 0 else -4.0)
    assert offer(plateau, *validations) == pytest.approx(shares)
