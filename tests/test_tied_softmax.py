"""The softmax in groups against the softmax over all words, and its tie."""

import pytest
import torch
from torch import nn

from stages.networks import tied_softmax
from stages.networks.tied_softmax import TiedSoftmax


@pytest.fixture
def softmax(monkeypatch):
    """Seven words: a head of two, groups of three and two."""
    monkeypatch.setattr(tied_softmax, "CUTOFFS", (2, 5))
    torch.manual_seed(1)
    softmax = TiedSoftmax(7, 4)
    for weight in softmax.parameters():
        nn.init.normal_(weight)
    return softmax


@pytest.mark.parametrize(
    ("count", "cutoffs"),
    [
        (2, [1, 2]),
        (1000, [999, 1000]),
        (1001, [1000, 1001]),
        (1002, [1000, 1001, 1002]),
        (6001, [1000, 6000, 6001]),
        (7000, [1000, 6000, 7000]),
    ],
)
def test_rare_words_stand_in_groups_and_every_vocabulary_has_one(count, cutoffs):
    assert TiedSoftmax(count, 3).cutoffs == cutoffs


def test_a_rare_word_has_its_groups_probability_times_its_own_within(softmax):
    # By hand: the head's five logits are of words 0 and 1 and of the groups {2, 3, 4} and {5, 6}.
    hidden, vectors = torch.randn(4), softmax.vectors.weight
    products = vectors @ hidden + softmax.bias
    groups = softmax.group_vectors @ hidden + softmax.group_bias
    head = torch.cat([products[:2], groups]).softmax(0)
    expected = torch.cat(
        [head[:2], head[2] * products[2:5].softmax(0), head[3] * products[5:].softmax(0)]
    )
    found = softmax.log_probabilities(hidden[None])[0].exp()
    assert torch.allclose(found, expected, atol=1e-6)
    assert found.sum().item() == pytest.approx(1)


def test_the_likelihood_of_one_word_is_that_of_the_whole_distribution(softmax):
    hidden, words = torch.randn(7, 4), torch.randperm(7)
    everything = softmax.log_probabilities(hidden)
    likelihoods, first = softmax.log_likelihoods(hidden, words)
    assert torch.allclose(likelihoods, everything[torch.arange(7), words], atol=1e-6)
    assert torch.allclose(first, everything[:, 0], atol=1e-6)


def test_where_a_groups_logit_is_the_sum_of_its_words_it_is_the_plain_softmax(softmax):
    # Hidden zeros leave the biases: a group's is set to the log of the sum of its words' exps.
    with torch.no_grad():
        for number, part in enumerate((softmax.bias[2:5], softmax.bias[5:])):
            softmax.group_bias[number] = part.logsumexp(0)
    found = softmax.log_probabilities(torch.zeros(1, 4))[0]
    assert torch.allclose(found, softmax.bias.log_softmax(0), atol=1e-6)


def test_what_is_read_and_what_predicts_is_one_matrix(softmax):
    names = [name for name, _ in softmax.named_parameters()]
    assert names == ["bias", "group_vectors", "group_bias", "vectors.weight"]
    loss = -softmax.log_probabilities(torch.ones(1, 4))[0, 3]
    (gradient,) = torch.autograd.grad(loss, [softmax.vectors.weight])
    # Of word 3 and of the two others of its group, and of the head's words 0 and 1.
    assert (gradient.abs().sum(1) > 0).tolist() == [True] * 5 + [False] * 2
