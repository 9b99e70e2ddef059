"""The weights of several judges: by whose odds held-out texts are likeliest."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from stages.judges.opinion_pool import SPREAD, OpinionPool, weigh


def draw(count, seed):
    """Logits (count, 2) of real texts and of fakes by two judges that see independent numbers.

    Each number is normal with deviation 1 about 1 (real) or -1, so that its log odds are twice it.
    The first judge says twice as much, the second half as much.
    """
    random = np.random.default_rng(seed)
    says = np.array([4.0, 1.0])
    return [(random.standard_normal((count, 2)) + mean) * says for mean in (1, -1)]


def test_judges_begin_with_equal_weights():
    pool = OpinionPool()
    logits = torch.tensor([[3.0, 1.0], [-2.0, 0.0]], dtype=torch.float64)
    assert pool(logits).tolist() == [2.0, -1.0]
    assert pool(logits).dtype == torch.float32
    assert OpinionPool(4).weights.tolist() == [0.25] * 4


def test_who_says_too_much_counts_less_and_who_says_too_little_more():
    # True: 1/2 and 2. The information a text of either kind gives of a weight w is
    # E[p (1 - p) logit²]; at 20,000 texts a side the deviations, found by drawing anew, are .006
    # and .024: five of them are allowed.
    weights = weigh(*draw(20000, 1))
    assert weights[0] == pytest.approx(0.5, abs=0.03)
    assert weights[1] == pytest.approx(2, abs=0.12)


def test_it_is_logistic_regression_where_texts_are_many():
    real, fakes = draw(40000, 2)
    regression = LogisticRegression(C=1e6, fit_intercept=False, tol=1e-8)
    regression.fit(np.concatenate([real, fakes]), np.repeat([1, 0], 40000))
    # What is believed before moves a weight by some (w - 1/2) / SPREAD² / information, which is
    # 2,700 for the second: by .0023.
    assert weigh(real, fakes) == pytest.approx(regression.coef_[0], abs=0.01)


def test_texts_that_say_nothing_leave_the_weights_equal():
    nothing = np.zeros((50, 2))
    assert weigh(nothing, nothing).tolist() == [0.5, 0.5]


def test_one_text_of_each_kind_moves_them_as_far_as_believed():
    # By hand: at the optimum (w - 1/2) / SPREAD² = 2 x sigmoid(-w x), for logits x and -x of a
    # judge alone, whose equal weight is 1.
    weight = weigh(np.array([[2.0]]), np.array([[-2.0]])).item()
    slope = 2 * 2 / (1 + np.exp(2 * weight))
    assert (weight - 1) / SPREAD**2 == pytest.approx(slope, abs=1e-4)
    assert 1 < weight < 1.2


def test_who_says_the_contrary_is_not_followed():
    real, fakes = draw(2000, 3)
    real[:, 1], fakes[:, 1] = -real[:, 1], -fakes[:, 1]
    assert weigh(real, fakes)[1] == 0


def test_kinds_count_alike_whatever_their_numbers():
    real, fakes = draw(300, 4)
    assert weigh(real, np.tile(fakes, (5, 1))) == pytest.approx(weigh(real, fakes), abs=1e-3)


def test_weights_are_kept_and_have_few_digits():
    pool, other = OpinionPool(), OpinionPool()
    pool.fit(*(torch.from_numpy(side) for side in draw(300, 5)))
    other.load_state_dict(pool.state_dict())
    assert torch.equal(other.weights, pool.weights)
    assert pool.weights.tolist() == [round(each, 3) for each in pool.weights.tolist()]
    assert pool.weights.tolist() != [0.5, 0.5]
