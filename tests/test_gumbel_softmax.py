"""Soft draws: as often as the softmax says, as sharp as asked, and what a gradient passes."""

import math

import pytest
import torch

from stages.networks.gumbel_softmax import draw_gumbel, draw_softly

SHARES = [0.5, 0.25, 0.15, 0.1, 0.0]
COUNT = 20_000


@pytest.fixture
def logits():
    torch.manual_seed(1)
    return torch.tensor(SHARES).log().repeat(COUNT, 1)


@pytest.mark.parametrize("beta", [0.5, 1.0, 20.0])
def test_words_come_as_often_as_their_softmax_says(logits, beta):
    words, _ = draw_softly(logits, beta)
    for word, share in enumerate(SHARES):
        # Five standard errors of a share of 20,000 draws; the last word never comes.
        error = 5 * math.sqrt(share * (1 - share) / COUNT)
        assert (words == word).double().mean().item() == pytest.approx(share, abs=error)


def test_the_noise_is_gumbel_s():
    torch.manual_seed(1)
    noise = draw_gumbel(torch.empty(COUNT)).double()
    # P(noise <= 0) = exp(-exp(0)); the mean is Euler's constant, the variance pi² / 6.
    assert (noise <= 0).double().mean().item() == pytest.approx(math.exp(-1), abs=0.017)
    assert noise.mean().item() == pytest.approx(0.5772, abs=5 * math.sqrt(1.645 / COUNT))
    assert noise.var().item() == pytest.approx(math.pi**2 / 6, abs=0.15)
    assert noise.isfinite().all()


def test_the_softer_form_has_its_largest_number_at_the_word_and_sums_to_1(logits):
    for beta in (0.1, 1.0, 10.0):
        words, soft = draw_softly(logits, beta)
        assert torch.equal(soft.argmax(1), words)
        assert soft.sum(1) == pytest.approx(1, abs=1e-5)
        assert (soft[:, -1] == 0).all()  # what is impossible


def test_an_endless_beta_gives_the_one_hot_of_the_largest(logits):
    words, soft = draw_softly(logits, 1e9)
    one_hot = torch.nn.functional.one_hot(words, len(SHARES)).float()
    # But where two numbers agree to the last bit.
    assert ((soft - one_hot).abs().amax(1) < 1e-6).double().mean() > 0.999
    soft = draw_softly(logits, 3.0)[1].amax(1).mean()
    assert draw_softly(logits, 1.0)[1].amax(1).mean() < soft < 0.99


def test_soft_draws_are_the_softmax_of_beta_times_logits_and_noise():
    logits = torch.tensor([[1.0, 2.0, -1.0]])
    torch.manual_seed(3)
    noise = draw_gumbel(logits)
    torch.manual_seed(3)
    _, soft = draw_softly(logits, 2.0)
    powers = ((logits + noise) * 2).double().exp()
    assert soft[0].tolist() == pytest.approx((powers / powers.sum())[0].tolist())
