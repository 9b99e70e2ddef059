"""SentiGAN: its penalties, their gradient, and which generator writes texts of which label."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from stages.corpus.building import build_corpus
from stages.generators.sentigan import Sentigan, SentiganSettings
from stages.networks.plain_language_model import PlainLanguageModel
from stages.training.penalty import penalty_loss

UP, DOWN = "one two three", "three two one"
SETTINGS = {
    **{"width": 6, "hidden_size": 8, "num_layers": 1, "dropout": 0.0, "batch_size": 5},
    **{"learning_rate": 0.05, "warm_up": 15, "patience": 2, "keep": "best"},
    **{"discriminator_width": 4, "widths": [1, 2], "filters": [4, 4]},
    **{"discriminator_dropout": 0.0, "discriminator_penalty": 0.2, "discriminator_epochs": 1},
    **{"discriminator_learning_rate": 0.01, "discriminator_texts": 30, "discriminator_rounds": 1},
    **{"discriminator_warm_up": 1, "adversarial_epochs": 1, "adversarial_learning_rate": 0.001},
    **{"generator_steps": 1, "rollouts": 2, "method": "policy_gradient"},
}


def make(labels, **changes):
    texts = [UP.split()] * 60 + [DOWN.split()] * 60
    corpus = replace(build_corpus(texts, labels, 0.1, 0.1, seed=1), max_length=4)
    torch.manual_seed(1)
    settings = SentiganSettings(**{**SETTINGS, **changes})
    return Sentigan.build(corpus, settings, seed=1, device="cpu"), corpus


def write(gan, label):
    return [text for batch in gan.generate(200, 1, labels=[label] * 200) for text in batch]


@pytest.mark.parametrize("swapped", [False, True])
def test_each_label_s_texts_come_from_its_own_generator_also_when_labels_are_swapped(swapped):
    gan, corpus = make([swapped] * 60 + [not swapped] * 60)
    for _ in gan.train(corpus):
        pass
    for label, text in (("0", DOWN if swapped else UP), ("1", UP if swapped else DOWN)):
        assert write(gan, label).count(text) > 180
        other = "1" if label == "0" else "0"
        own, others = (gan.log_likelihood_given([text], each)[0] for each in (label, other))
        assert own > others + 2


def test_an_undecided_discriminator_gives_a_penalty_of_k_in_k_plus_1():
    gan, _ = make([0] * 60 + [1] * 60)
    for weight in gan.discriminator.last.parameters():
        torch.nn.init.zeros_(weight)
    texts = torch.tensor([[1, 2, 3, 0], [3, 0, 0, 0]])
    for label in (0, 1):
        assert gan.penalty(texts, label).tolist() == pytest.approx([2 / 3, 2 / 3])
    assert gan.losses["penalty"] == pytest.approx(2 / 3)


def test_a_penalty_is_1_less_the_probability_of_the_label_s_own_class():
    gan, _ = make([0] * 60 + [1] * 60)
    with torch.no_grad():
        gan.discriminator.last.weight.zero_()
        # Odds of 3 to 2 to 5: of label 0, of label 1, of a fake.
        gan.discriminator.last.bias.copy_(torch.tensor([3.0, 2.0, 5.0]).log())
    texts = torch.tensor([[1, 2, 3, 0]])
    assert gan.penalty(texts, 0).item() == pytest.approx(0.7)
    assert gan.penalty(texts, 1).item() == pytest.approx(0.8)


def test_the_loss_is_the_sum_of_probabilities_by_their_penalties_and_its_gradient_exact():
    # Words a, b and the end, two words at most: all texts are a, b, aa, ab, ba and bb.
    torch.manual_seed(1)
    network = PlainLanguageModel(3, 2, 2, 1, 0.0)
    texts = torch.tensor([[1, 0], [2, 0], [1, 1], [1, 2], [2, 1], [2, 2]])
    penalties = torch.tensor([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6], [0.7, 0.8], [0.9, 1.0], [0.2, 0]])
    first = network.softmax.log_probabilities(network.read(torch.zeros(1, 1).long())[0][0]).exp()[0]
    first = first / (1 - first[0])  # no text is empty
    total = 0
    for (one, two), (of_one, of_two) in zip(texts.tolist(), penalties.tolist(), strict=True):
        hidden = network.read(torch.tensor([[0, one]]))[0][0, 1:]
        second = network.softmax.log_probabilities(hidden).exp()[0]
        total = total + first[one] * of_one + second[two] * of_two
    found = penalty_loss(network, texts, penalties)
    assert found.item() == pytest.approx(total.item(), rel=1e-5)
    learnt = [weight for weight in network.parameters() if weight.requires_grad]
    expected, gradients = (torch.autograd.grad(loss, learnt) for loss in (total, found))
    for ours, exact in zip(gradients, expected, strict=True):
        assert torch.allclose(ours, exact, atol=1e-6)


def test_a_step_lowers_the_probability_of_what_is_penalised():
    torch.manual_seed(1)
    network = PlainLanguageModel(3, 2, 2, 1, 0.0)
    optimizer = torch.optim.SGD([each for each in network.parameters() if each.requires_grad], 0.5)
    texts, penalties = torch.tensor([[1, 1]]), torch.ones(1, 2)
    before = penalty_loss(network, texts, penalties)
    before.backward()
    optimizer.step()
    assert penalty_loss(network, texts, penalties) < before


def test_the_warm_up_alone_and_the_control_meet_no_discriminator():
    for changes in ({"adversarial_epochs": 0}, {"method": "likelihood"}):
        gan, corpus = make([0] * 60 + [1] * 60, **changes)
        steps = [*gan.train(corpus)]
        assert {step.losses["discriminator_loss"] for step in steps} == {np.log(3)}
        assert len(steps) == gan.count_steps(corpus)
