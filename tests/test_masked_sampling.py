"""What a masked language model draws from, and how long its texts are."""

import math

import pytest
import torch

from stages.networks.learnt_pieces import MARKERS, MASK, frame
from stages.networks.masked_sampling import conditional_logits, draw_lengths
from tests.test_bert_gibbs import A, S, make_model, plain


@pytest.mark.parametrize("count", [1, 3])
def test_a_place_s_conditional_is_that_of_the_masked_bert_of_transformers(count):
    model = make_model()
    tokens = frame(torch.randint(MARKERS, MARKERS + 5, (30, 4)), torch.full((30,), 4))
    places = 1 + torch.rand(30, 4).argsort(1)[:, :count]
    tokens.scatter_(1, places, MASK)
    with torch.no_grad():
        logits = plain(model)(tokens).logits[torch.arange(30).unsqueeze(1), places]
    logits[..., :MARKERS] = -math.inf
    logits[places == 1, S:] = -math.inf  # where a word must begin
    found = conditional_logits(model.network, model.pieces, tokens, places).softmax(2)
    # The weights are far from where they say the same whatever the text.
    assert found[places > 1, A].std() > 0.1
    torch.testing.assert_close(found, logits.softmax(2), rtol=0, atol=1e-5)


def test_behind_a_beginning_a_word_must_begin():
    model = make_model()
    tokens = frame(torch.full((3, 4), MASK), torch.full((3,), 4))
    places = torch.tensor([[1, 2], [2, 3], [3, 4]])
    logits = conditional_logits(model.network, model.pieces, tokens, places, fixed=1)
    must = [[False, True], [True, False], [False, False]]
    assert logits[..., S:].isinf().all(2).tolist() == must
    assert logits[..., A:S].isfinite().all()


def test_texts_are_as_long_as_training_texts_are():
    random, learnt = torch.Generator().manual_seed(1), [30, 0, 60, 10]
    counts = draw_lengths(learnt, 20_000, 0, random).bincount(minlength=5) / 20_000
    # Five standard errors of a share of one half: 5 * 0.5 / sqrt(20000) = 0.018.
    assert counts.tolist() == pytest.approx([0, 0.3, 0, 0.6, 0.1], abs=0.018)
    longer = draw_lengths(learnt, 20_000, 2, random).bincount(minlength=5) / 20_000
    assert longer.tolist() == pytest.approx([0, 0, 0, 6 / 7, 1 / 7], abs=0.018)
    assert draw_lengths([1, 1], 3, 2, random).tolist() == [2, 2, 2]
