"""The modern discriminator's update, and the texts it learns from."""

import math

import pytest
import torch

from stages.embeddings import vectors
from stages.embeddings.piece_table import lengths_of
from stages.embeddings.scalar import ScalarEmbedding
from stages.networks.prefix_discriminator import PrefixDiscriminator, verdicts
from stages.training import stock
from stages.training.discriminator import (
    LARGEST_GRADIENT,
    Texts,
    unseen_loss,
    update_discriminator,
)
from stages.training.objectives import OBJECTIVES
from stages.training.stock import Stock

LENGTH = 5


def make_discriminator(sources=1, *, scale=1):
    torch.manual_seed(0)
    discriminator = PrefixDiscriminator(2, 8, 1, 0.0, 0.0, sources).train()
    discriminator.head[-1].weight.data *= scale
    return discriminator


def make_texts(value, lengths):
    return Texts(torch.full((len(lengths), LENGTH, 2), value), torch.tensor(lengths))


def draw_texts(lengths, seed):
    random = torch.Generator().manual_seed(seed)
    return Texts(torch.randn(len(lengths), LENGTH, 2, generator=random), torch.tensor(lengths))


def rest(discriminator):
    """Learn nothing, and let the spectral norm stand: the loss alone is asked for."""
    discriminator.head.eval()
    return torch.optim.SGD(discriminator.parameters(), 0.0)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("sources", [1, 2])
def test_the_discriminator_tells_each_source_apart(objective, sources):
    discriminator = make_discriminator(sources)
    lengths = [1, 2, 3, 4, 5]
    real = make_texts(1.0, lengths)
    fakes = [make_texts(-1.0 - number, lengths) for number in range(sources)]
    optimizer = torch.optim.Adam(discriminator.parameters(), 0.02)
    paid = [
        update_discriminator(discriminator, real, fakes, objective, optimizer) for _ in range(80)
    ]
    assert paid[-1].discriminator < paid[0].discriminator - 1
    assert paid[-1].generator > paid[0].generator + 0.5
    discriminator.eval()
    real_logits = discriminator(*real)
    for source, fake in enumerate(fakes):
        fake_logits = discriminator(*fake)
        whole = verdicts(real_logits, real.lengths)[:, source].min()
        assert whole - verdicts(fake_logits, fake.lengths)[:, source].max() > 1
        # The first token already gives each away.
        assert real_logits[:, 0, source].min() - fake_logits[:, 0, source].max() > 1


@pytest.mark.parametrize(
    ("objective", "loss"),
    # Of a logit of 0, real and fake: log 2 each, or the margin, 1 each.
    [
        ("cross_entropy", 2 * math.log(2)),
        ("hinge", 2),
        ("relativistic", 2 * math.log(2)),
        ("wasserstein", 0),
    ],
)
@pytest.mark.parametrize("sources", [1, 3])
def test_who_knows_nothing_pays_for_both_sides(objective, loss, sources):
    discriminator = make_discriminator(sources)
    for weight in discriminator.head[-1].parameters():
        weight.data.zero_()
    fakes = [make_texts(-1.0, [5, 0])] * sources
    optimizer = rest(discriminator)
    real = make_texts(1.0, [2, 3])
    paid = update_discriminator(discriminator, real, fakes, objective, optimizer)
    assert paid == pytest.approx((math.log(2), loss), abs=1e-6)


def test_the_loss_is_the_mean_over_texts_and_over_beginnings():
    discriminator = make_discriminator(2, scale=20)  # so that logits differ
    optimizer = rest(discriminator)
    real, fakes = draw_texts([2, 5], 1), [draw_texts([0, 3], 2), draw_texts([4, 4], 3)]

    def mean(logits, texts, sign):
        losses = (1 + (-sign * logits).exp()).log()  # -log sigmoid
        rows = [losses[row, : length + 1] for row, length in enumerate(texts.lengths)]
        whole = torch.stack([row[-1] for row in rows]).mean()
        return (whole + torch.cat(rows).mean()) / 2

    # Each source has a logit of its own, and its own loss of real texts.
    expected = sum(
        mean(discriminator(*real)[..., source], real, 1)
        + mean(discriminator(*fake)[..., source], fake, -1)
        for source, fake in enumerate(fakes)
    )
    # Of the generator, the first source, whole texts count alone.
    logits = verdicts(discriminator(*fakes[0]), fakes[0].lengths)[:, 0]
    generator = (1 + (-logits).exp()).log().mean()
    paid = update_discriminator(discriminator, real, fakes, "cross_entropy", optimizer)
    assert paid == pytest.approx((generator.item(), expected.item() / 2), rel=1e-5)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_what_follows_a_text_costs_nothing(objective):
    discriminator = make_discriminator(scale=20)
    optimizer = rest(discriminator)
    real, fake = draw_texts([2, 4], 1), draw_texts([0, 3], 2)
    others = []
    for texts in (real, fake):
        is_text = (torch.arange(LENGTH) < texts.lengths.unsqueeze(1)).unsqueeze(2)
        others.append(texts._replace(vectors=torch.where(is_text, texts.vectors, 7.0)))
    paid = update_discriminator(discriminator, real, [fake], objective, optimizer)
    same = update_discriminator(discriminator, others[0], [others[1]], objective, optimizer)
    assert same == pytest.approx(paid, rel=1e-5)


def test_a_large_gradient_is_clipped():
    discriminator = make_discriminator(scale=1e4)
    before = [weight.detach().clone() for weight in discriminator.parameters()]
    texts, optimizer = draw_texts([5, 5], 1), torch.optim.SGD(discriminator.parameters(), 1.0)
    update_discriminator(discriminator, texts, [draw_texts([5], 2)], "wasserstein", optimizer)
    moved = [new - old for new, old in zip(discriminator.parameters(), before, strict=True)]
    norm = torch.cat([part.flatten() for part in moved]).norm().item()
    # The rate is 1, so the step is as long as the gradient.
    assert norm == pytest.approx(LARGEST_GRADIENT, rel=1e-3)


# Its loss on unseen texts.


class Told(torch.nn.Module):
    """Takes the first number of a text for the logit of the whole; no other logit may be looked at.

    In training it errs, as dropout would let it.
    """

    def forward(self, vectors, lengths):
        logits = torch.full((len(vectors), LENGTH + 1, 2), 99.0)
        logits[torch.arange(len(vectors)), lengths, 0] = vectors[:, 0, 0] + 50 * self.training
        return logits


def batches(*parts):
    """Texts of one to four tokens and of the given logits, batch by batch."""
    for logits in parts:
        texts = make_texts(7.0, [1 + place % 4 for place in range(len(logits))])
        texts.vectors[:, 0, 0] = torch.tensor(logits)
        yield texts


def nats(logit):
    """-log sigmoid(logit)."""
    return math.log(1 + math.exp(-logit))


@pytest.mark.parametrize(
    ("objective", "loss"),
    # Real texts of logits 2, 0.5 and -1, whose mean is 0.5, and fakes of -3 and 1, of mean -1.
    [
        ("hinge", (0 + 0.5 + 2) / 3 + (0 + 2) / 2),
        ("cross_entropy", (nats(2) + nats(0.5) + nats(-1)) / 3 + (nats(3) + nats(-1)) / 2),
        ("relativistic", (nats(3) + nats(1.5) + nats(0)) / 3 + (nats(3.5) + nats(-0.5)) / 2),
        ("wasserstein", -0.5 - 1),
    ],
    ids=["hinge", "cross_entropy", "relativistic", "wasserstein"],
)
@pytest.mark.parametrize(
    ("real", "fakes"),
    [([[2.0, 0.5, -1.0]], [[-3.0, 1.0]]), ([[2.0, 0.5], [-1.0]], [[-3.0], [1.0]])],
    ids=["at once", "batch by batch"],
)
def test_the_loss_of_unseen_texts_is_that_of_their_whole(objective, loss, real, fakes):
    discriminator = Told()
    found = unseen_loss(discriminator, batches(*real), batches(*fakes), objective)
    assert found == pytest.approx(loss)
    assert discriminator.training


def test_from_unseen_texts_nothing_is_learnt():
    discriminator = make_discriminator()
    before = {name: part.clone() for name, part in discriminator.state_dict().items()}
    real, fakes = [draw_texts([2, 5], 1)], [draw_texts([0, 3], 2)]
    first, again = (unseen_loss(discriminator, real, fakes, "cross_entropy") for _ in range(2))
    assert first == again
    after = discriminator.state_dict()  # with the vectors by which the spectral norm is found
    assert all(torch.equal(part, after[name]) for name, part in before.items())
    assert all(weight.grad is None for weight in discriminator.parameters())


# The stock of texts.

TEXTS = ["the soup", "", "was cold the soup was cold"]


@pytest.mark.parametrize("kept", [10**9, 0], ids=["made once", "batch by batch"])
def test_texts_are_looked_up_by_their_places(monkeypatch, kept):
    monkeypatch.setattr(vectors, "VECTORS_KEPT", kept)
    embedding = ScalarEmbedding(["the", "soup", "was", "cold"])
    found = Stock("real", embedding, embedding.tokenize(TEXTS, LENGTH)).at(
        torch.tensor([2, 0, 2, 1])
    )
    tokens = embedding.tokenize([TEXTS[place] for place in (2, 0, 2, 1)], LENGTH)
    assert torch.equal(found.vectors, embedding.embed(tokens))
    assert found.lengths.tolist() == lengths_of(tokens).tolist() == [5, 2, 5, 0]


@pytest.mark.parametrize("together", [1, 2, 3, 250])
def test_all_texts_come_once_in_their_order(monkeypatch, together):
    monkeypatch.setattr(stock, "BATCH", together)
    embedding = ScalarEmbedding(["the", "soup", "was", "cold"])
    tokens = embedding.tokenize(TEXTS, LENGTH)
    parts = list(Stock("real", embedding, tokens).batches())
    assert len(parts) == math.ceil(3 / together)
    assert torch.equal(torch.cat([part.vectors for part in parts]), embedding.embed(tokens))
    assert torch.cat([part.lengths for part in parts]).tolist() == [2, 0, 5]


def test_texts_are_drawn_with_replacement_each_as_often():
    # 3,000 draws of three: each within five standard deviations, 5 * sqrt(1/3 * 2/3 / 3000).
    embedding = ScalarEmbedding(["the", "soup", "was", "cold"])
    texts = Stock("real", embedding, embedding.tokenize(TEXTS, LENGTH))
    torch.manual_seed(0)
    drawn = texts.draw(3000)
    assert drawn.vectors.shape == (3000, LENGTH, 1)
    for length in (2, 0, 5):
        share = (drawn.lengths == length).float().mean().item()
        assert share == pytest.approx(1 / 3, abs=0.043)
    torch.manual_seed(0)
    assert torch.equal(texts.draw(3000).lengths, drawn.lengths)
