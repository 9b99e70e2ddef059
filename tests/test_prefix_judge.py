"""Both recipes' discriminators as judges: each text's own logit, however many there are."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from stages.embeddings.piece_table import lengths_of
from stages.embeddings.scalar import ScalarEmbedding
from stages.judges import prefix_judge, vector_judge
from stages.judges.prefix_judge import PrefixJudge
from stages.judges.vector_judge import VectorJudge
from stages.networks.prefix_discriminator import PrefixDiscriminator, verdicts
from stages.networks.vector_discriminator import VectorDiscriminator

NUMBERS = [*"123456789"]  # the scalar embedding's own: the id of "3" is 3
EMBEDDING = ScalarEmbedding(NUMBERS)
LENGTH = 3
TEXTS = ["9 1", "1 7", "3 1", "1 1", "1 5"]  # "9 1": the odds of being real are nine to one


class FirstToSecond(nn.Module):
    """The paper's, with its logit: that of the first number to the second."""

    def judge(self, vectors):
        return (vectors[:, 0, 0] / vectors[:, 1, 0]).log()


class FirstToLast(nn.Module):
    """The modern recipe's, with its logit after the last word: that of the first number to it.

    Against a second source of fakes the odds are a third of those.
    """

    def forward(self, vectors, lengths):
        rows = torch.arange(len(vectors))
        logits = torch.full((len(vectors), vectors.shape[1] + 1, 2), math.nan)
        own = (vectors[:, 0, 0] / vectors[rows, lengths - 1, 0]).log()
        logits[rows, lengths] = torch.stack([own, own - math.log(3)], 1)
        return logits


@pytest.mark.parametrize("batch", [1, 2, 3, 500])
def test_each_text_has_its_own_logit_however_many_are_judged_at_a_time(monkeypatch, batch):
    for module in (prefix_judge, vector_judge):
        monkeypatch.setattr(module, "BATCH", batch)
    odds = np.array([9, 1 / 7, 3, 1, 1 / 5])
    paper = VectorJudge(FirstToSecond(), EMBEDDING, LENGTH).logits(TEXTS)
    modern = PrefixJudge(FirstToLast(), EMBEDDING, LENGTH)
    assert np.exp(paper) == pytest.approx(odds)
    # Of fakes as likely as real and of three times as likely the mean is twice: half the odds.
    assert np.exp(modern.logits(TEXTS)) == pytest.approx(odds / 2)
    assert np.exp(modern.log_odds(TEXTS).numpy()) == pytest.approx(odds)
    assert paper.dtype == modern.logits(TEXTS).dtype == np.float32


def test_a_text_is_cropped_at_the_judge_s_length():
    # The fourth word is not read; the paper's judge reads the second word in any case.
    judge = PrefixJudge(FirstToLast(), EMBEDDING, LENGTH)
    assert np.exp(judge.log_odds(["8 2 4 1", "8 2 4"]).numpy()) == pytest.approx([2, 2])


def test_labels_mean_nothing_to_it():
    for judge in (
        PrefixJudge(FirstToLast(), EMBEDDING, LENGTH),
        VectorJudge(FirstToSecond(), EMBEDDING, LENGTH),
    ):
        labelled = judge.logits(TEXTS, [0, 1, None, 1, 0])
        assert np.array_equal(labelled, judge.logits(TEXTS))


def test_only_the_modern_recipe_s_logits_are_read_against_a_threshold():
    assert PrefixJudge.calibrated
    assert not VectorJudge.calibrated


def test_a_discriminator_judges_without_dropout_and_without_a_gradient():
    torch.manual_seed(0)
    network = PrefixDiscriminator(1, 8, 2, 0.5, 0.5, 3).train()
    judge = PrefixJudge(network, EMBEDDING, LENGTH)
    tokens = EMBEDDING.tokenize(TEXTS, LENGTH)
    lengths = lengths_of(tokens)
    logits = verdicts(network(EMBEDDING.embed(tokens), lengths), lengths)
    assert np.array_equal(judge.logits(TEXTS), judge.logits(TEXTS))
    assert not judge.log_odds(TEXTS).requires_grad
    assert judge.log_odds(TEXTS).tolist() == pytest.approx(logits[:, 0].tolist(), abs=1e-6)
    expected = math.log(3) - torch.logsumexp(-logits, 1)
    assert judge.logits(TEXTS).tolist() == pytest.approx(expected.tolist(), abs=1e-6)


def test_the_paper_s_discriminator_judges_without_dropout():
    torch.manual_seed(0)
    network = VectorDiscriminator(1, LENGTH, 4, 2, 0.5).train()
    judge = VectorJudge(network, EMBEDDING, LENGTH)
    expected = network(EMBEDDING.encode(TEXTS, LENGTH)).tolist()
    assert judge.logits(TEXTS).tolist() == pytest.approx(expected, abs=1e-6)
    vectors = EMBEDDING.encode(TEXTS, LENGTH)
    assert judge.judge_vectors(vectors).tolist() == pytest.approx(expected, abs=1e-6)
