"""The generator's update: returns, advantages, and which words become likelier by them."""

import copy
import math

import pytest
import torch
from torch.nn.functional import pad
from torch.nn.utils import clip_grad_norm_

from stages.embeddings.piece_table import PieceTable, lengths_of
from stages.embeddings.scalar import ScalarEmbedding
from stages.networks.lstm_language_model import END, LstmLanguageModel, written
from stages.networks.prefix_discriminator import PrefixDiscriminator, verdicts
from stages.training.discriminator import LARGEST_GRADIENT
from stages.training.policy_gradient import advantages, divergence, returns, update_generator

WORDS = ["", "the", "soup", "was", "cold"]
LENGTH = 5
DISCOUNTS = [0, 0.5, 1]


def make_generator():
    torch.manual_seed(0)
    return LstmLanguageModel(len(WORDS), 8, 8, 1, 0.0)


def draw_words(count, seed=0):
    """Texts of 0 to LENGTH words, (B, T)."""
    random = torch.Generator().manual_seed(seed)
    words = torch.randint(1, len(WORDS), (count, LENGTH), generator=random)
    sizes = torch.randint(0, LENGTH + 1, (count, 1), generator=random)
    return words * (torch.arange(LENGTH) < sizes)


def read(words):
    """What a discriminator drawn at random makes of texts: logits, lengths, ends."""
    torch.manual_seed(0)
    discriminator = PrefixDiscriminator(1, 8, 1, 0.0, 0.0, 1).eval()
    embedding = ScalarEmbedding(WORDS[1:])
    tokens, ends = PieceTable(embedding, WORDS, LENGTH).tokenize(words)
    lengths = lengths_of(tokens)
    with torch.no_grad():
        # As drawn, the logits differ by little more than rounding.
        return 10 * discriminator(embedding.embed(tokens), lengths)[..., 0], lengths, ends


def update(generator, words, values, real_words, weight=0.0, rate=0.01):
    """One step along the gradient."""
    optimizer = torch.optim.SGD(generator.parameters(), rate)
    update_generator(generator, words, values, real_words, weight, optimizer)


def score_words(generator, words):
    """Log P of each text."""
    parts = torch.zeros(words.shape)
    with torch.no_grad():
        parts[written(words)] = generator.log_likelihood(words, written(words))
    return parts.sum(1)


# Returns. A logit of 9 is one that nobody may look at.


@pytest.mark.parametrize(
    ("words", "ends", "length", "logits", "rewards"),
    [
        # Two words and the end: 0.5 - 0, -1 - 0.5, and from -1 to the verdict, 2.
        ([5, 6, 0], [1, 2, 2], 2, [0.5, -1, 2, 9], [0.5, -1.5, 3]),
        # A word of two tokens, one of one, the end: the logits after 2 and 3 tokens, 1 and 4, then
        # the verdict, 3.
        ([5, 6, 0], [2, 3, 3], 3, [9, 1, 4, 3], [1, 3, -1]),
        # Cropped, so without an end: the last word goes from 1 straight to the verdict, 4.
        ([5, 6], [1, 2], 2, [1, 9, 4], [1, 3]),
        # Two words of two tokens, cropped after three; the third word adds none. After 2 and 3
        # tokens 1 and 4, the last word takes the verdict, 6.
        ([5, 6, 7], [2, 3, 3], 3, [9, 1, 4, 6], [1, 3, 2]),
        # A word without a token adds nothing: 0, 2 - 0, 3 - 2.
        ([5, 6, 0], [0, 1, 1], 1, [2, 3, 9, 9], [0, 2, 1]),
        # What follows the end is padding.
        ([5, 0, 0, 0], [1, 1, 1, 1], 1, [2, 5, 9, 9, 9], [2, 3, 0, 0]),
        # No word at all: the verdict alone.
        ([0, 0], [0, 0], 0, [-2, 9, 9], [-2, 0]),
    ],
)
def test_returns_worked_out_by_hand(words, ends, length, logits, rewards):
    logits, length = torch.tensor([logits]).float(), torch.tensor([length])
    for discount in DISCOUNTS:
        # A word's reward and, each discounted by its distance, those of later words.
        expected = [
            sum(discount**distance * later for distance, later in enumerate(rewards[place:]))
            for place in range(len(rewards))
        ]
        found = returns(logits, length, torch.tensor([ends]), torch.tensor([words]), discount)
        assert found[0].tolist() == pytest.approx(expected)


def test_discounted_returns_to_the_number():
    # Rewards of 1, 3 and -1. With half: -1, 3 - 0.5, 1 + 1.25; undiscounted: -1, 3 - 1, 1 + 2.
    logits, lengths = torch.tensor([[9.0, 1, 4, 3]]), torch.tensor([3])
    ends, words = torch.tensor([[2, 3, 3]]), torch.tensor([[5, 6, 0]])
    assert returns(logits, lengths, ends, words, 0.5).tolist() == [[2.25, 2.5, -1]]
    assert returns(logits, lengths, ends, words, 1).tolist() == [[3, 2, -1]]


def test_undiscounted_the_first_words_return_is_the_verdict():
    words = draw_words(100)
    logits, lengths, ends = read(words)
    found = returns(logits, lengths, ends, words, 1)
    assert torch.allclose(found[:, 0], verdicts(logits, lengths), atol=1e-5)
    assert (found[~written(words)] == 0).all()


def test_undiscounted_any_words_return_is_what_is_left_to_the_verdict():
    words = draw_words(100)
    logits, lengths, ends = read(words)
    found = returns(logits, lengths, ends, words, 1)
    for row, length in enumerate(lengths):
        for place in range(1, min(length + 1, LENGTH)):
            left = logits[row, length] - logits[row, place - 1]
            assert found[row, place].item() == pytest.approx(left.item(), abs=1e-5)


# Advantages.


@pytest.mark.parametrize("method", ["policy_gradient", "maligan", "likelihood"])
def test_ends_and_padding_have_no_advantage(method):
    words = draw_words(40)
    found = advantages(method, *read(words), words, 1.0)
    assert found.shape == words.shape
    assert found.dtype == torch.float32
    assert (found[words == END] == 0).all()
    assert (found != 0).any() == (method != "likelihood")


def test_advantages_are_returns_less_their_places_mean_over_their_root_mean_square():
    words = draw_words(40)
    texts, mask = read(words), words != END
    for discount in DISCOUNTS:
        found = advantages("policy_gradient", *texts, words, discount)
        gained = returns(*texts, words, discount)
        centred = torch.zeros(words.shape)
        for place in range(LENGTH):
            here = gained[mask[:, place], place]
            assert found[:, place].mean().item() == pytest.approx(0, abs=1e-4)
            centred[mask[:, place], place] = here - sum(here) / len(here)
        assert found[mask].square().mean().item() == pytest.approx(1, abs=1e-2)
        scale = centred[mask].square().mean().sqrt()
        assert torch.allclose(found, centred / scale, atol=1e-2)


def test_advantages_worked_out_by_hand():
    # One word each, of returns 1 and 5: 3 less or more than the mean is 2, over their root mean
    # square, 2.
    words, ends = torch.tensor([[1], [2]]), torch.tensor([[1], [1]])
    logits = torch.tensor([[9.0, 1], [9, 5]])
    found = advantages("policy_gradient", logits, torch.tensor([1, 1]), ends, words, 1)
    assert found.flatten().tolist() == pytest.approx([-1, 1], abs=1e-5)


def test_equal_returns_are_no_advantage():
    words, ends = torch.tensor([[1, 2], [3, 4]]), torch.tensor([[1, 2], [1, 2]])
    logits, lengths = torch.tensor([[1.0, 9, 2], [1, 9, 2]]), torch.tensor([2, 2])
    # Each word's reward is 1.
    found = advantages("policy_gradient", logits, lengths, ends, words, 0)
    assert found.tolist() == [[0, 0], [0, 0]]


def test_advantages_of_maligan_worked_out_by_hand():
    # Verdicts log 3 and 0 are odds of 3 and 1, of which the shares are 3/4 and 1/4; times two
    # texts, less 1: 1/2 and -1/2, for each word.
    words, ends = torch.tensor([[1, 0, 0], [2, 3, 0]]), torch.tensor([[1, 1, 1], [1, 2, 2]])
    logits = torch.tensor([[9, math.log(3), 9, 9], [9, 9, 0, 9]])
    found = advantages("maligan", logits, torch.tensor([1, 2]), ends, words, 1)
    assert found.flatten().tolist() == pytest.approx([0.5, 0, 0, -0.5, -0.5, 0], abs=1e-6)


def test_advantages_of_maligan_add_up_to_nothing_over_texts_of_one_length():
    words = torch.randint(1, len(WORDS), (30, LENGTH), generator=torch.Generator().manual_seed(1))
    logits, lengths, ends = read(words)
    found = advantages("maligan", logits, lengths, ends, words, 1)
    assert found.sum().item() == pytest.approx(0, abs=1e-4)
    assert found.min() >= -1
    # The likelier real, the greater; how real all of them look does not count.
    order = verdicts(logits, lengths).argsort()
    assert (found[order, 0].diff() >= 0).all()
    moved = advantages("maligan", logits + 3, lengths, ends, words, 1)
    assert torch.allclose(moved, found, atol=1e-4)


# The divergence from what the generator was.


def make_known_generator(shares):
    """Whatever it has read, the end and the four words have these shares, of whatever sum."""
    generator, logs = make_generator().eval(), torch.tensor(shares).float().log()
    with torch.no_grad():
        generator.projection.weight.zero_(), generator.projection.bias.zero_()
        generator.softmax.bias.copy_(logs)
        generator.softmax.group_bias.copy_(logs[-1:])  # of the last word, alone in its group
    return generator


def test_the_divergence_worked_out_by_hand():
    # Tenths, against a fifth each: "the" has become twice as likely, "soup" is as it was, "was" and
    # "cold" are half as likely. Of 1, 1, 0 and -1 doublings the mean is 1/4.
    generator = make_known_generator([2, 4, 2, 1, 1])
    start = make_known_generator([1, 1, 1, 1, 1])
    found = divergence(generator, start, torch.tensor([[1, 1, 2], [3, 0, 0], [0, 0, 0]]))
    doublings = torch.tensor([[0.75, 0.75, -0.25], [-1.25, 0, 0], [0, 0, 0]])
    assert torch.allclose(found, math.log(2) * doublings, atol=1e-6)
    assert not found.requires_grad
    # The other way round each is as much the other way.
    assert torch.allclose(
        divergence(start, generator, torch.tensor([[1, 3]]))[0],
        torch.tensor([-math.log(2), math.log(2)]),
    )


@pytest.mark.parametrize("training", [True, False])
def test_equal_generators_do_not_diverge(training):
    torch.manual_seed(0)
    generator = LstmLanguageModel(len(WORDS), 8, 8, 2, dropout=0.5).train(training)
    start = copy.deepcopy(generator).eval()
    found = divergence(generator, start, draw_words(20))
    assert (found == 0).all()
    assert generator.training == training
    assert not start.training


@pytest.mark.parametrize("has_unknown", [False, True])
def test_a_word_diverges_by_its_probability_as_it_was_drawn(has_unknown):
    # Two generators that have nothing in common. "the" is the unknown word, where there is one.
    words = draw_words(20)
    words[words == 1] = 2
    parts = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        generator = LstmLanguageModel(len(WORDS), 8, 8, 1, 0.0, has_unknown).eval()
        for weight in generator.parameters():
            torch.nn.init.normal_(weight, std=0.7)
        parts.append(generator)
    expected = torch.zeros(words.shape)
    with torch.no_grad():
        for sign, generator in zip((1, -1), parts, strict=True):
            hidden = generator.read(pad(words[:, :-1], (1, 0)))[0]
            for row, place in (words != END).nonzero().tolist():
                everything = generator.softmax.log_probabilities(hidden[row, place : place + 1])[0]
                everything[1] -= math.inf if has_unknown else 0
                expected[row, place] += sign * everything.log_softmax(0)[words[row, place]]
    expected[words != END] -= expected[words != END].mean()
    assert torch.allclose(divergence(*parts, words), expected, atol=1e-5)


def test_taken_off_the_advantages_it_leads_the_generator_back():
    # KL(generator || start), in nats a word, as its own texts show it.
    generator, start = make_known_generator([2, 40, 2, 1, 1]), make_known_generator([2, 1, 1, 1, 1])

    def estimate():
        words = generator.sample(500, LENGTH, torch.Generator().manual_seed(3))
        own = words != END
        with torch.no_grad():
            logs = [each.log_likelihood(words, own) for each in (generator, start)]
        return (logs[0] - logs[1]).mean().item()

    values = [estimate()]
    for seed in range(40):
        words = generator.sample(100, LENGTH, torch.Generator().manual_seed(seed))
        update(generator, words, -divergence(generator, start, words), words, rate=0.5)
        values.append(estimate())
    # Of 44 words 40 are "the", of probability 40/46 against 1/6, whose logarithms are 1.65 apart;
    # two are "soup", of 2/46 against 1/6: -1.34; one each the others, of 1/46: -2.04. Their mean:
    assert values[0] == pytest.approx(1.35, abs=0.2)
    assert values[20] < values[0] / 2
    assert values[-1] < values[0] / 4


# The update.


@pytest.mark.parametrize("sign", [1, -1])
def test_words_become_likelier_by_their_advantages(sign):
    generator = make_generator()
    words = torch.tensor([[1, 2, 0, 0, 0], [3, 4, 4, 1, 1]])
    before = score_words(generator, words)
    update(generator, words, sign * torch.tensor([[1.0], [-1.0]]) * written(words), words)
    moved = score_words(generator, words) - before
    assert (moved.sign() == sign * torch.tensor([1, -1])).all()


def test_real_texts_become_likelier():
    generator = make_generator()
    words, real = draw_words(4, seed=1), draw_words(4, seed=2)
    before = score_words(generator, real).sum()
    update(generator, words, torch.zeros(words.shape), real, weight=1.0)
    assert score_words(generator, real).sum() > before


def test_words_of_advantage_one_are_learnt_like_real_texts_but_for_their_ends():
    words, other = draw_words(6, seed=1), draw_words(6, seed=2)
    generator, twin = make_generator(), make_generator()
    update(generator, words, torch.ones(words.shape), other, rate=0.1)
    # The same loss from the whole softmax: of each word among the words, without the end.
    before = pad(words[:, :-1], (1, 0))
    hidden = twin.read(before)[0][words != END]
    among = twin.softmax.log_probabilities(hidden)[:, 1:].log_softmax(1)
    picked = words[words != END].unsqueeze(1) - 1
    loss = -among.gather(1, picked).mean()
    loss.backward()
    clip_grad_norm_(twin.parameters(), LARGEST_GRADIENT)
    torch.optim.SGD(twin.parameters(), 0.1).step()
    for ours, textbook in zip(generator.parameters(), twin.parameters(), strict=True):
        assert torch.allclose(ours, textbook, atol=1e-6)


def test_own_words_are_those_of_texts_without_the_unknown_word_and_real_ones_are_not():
    # "the" is the unknown word: its own texts lack it, real ones hold it.
    words, real = draw_words(6, seed=1), draw_words(6, seed=2)
    words[words == 1] = 2
    assert (real == 1).any()
    generator, twin = make_generator(), make_generator()
    generator.has_unknown = True
    update(generator, words, torch.ones(words.shape), real, weight=0.3, rate=0.1)
    # The same loss from the whole softmax: of own words among the words without the end and "the".
    hidden = twin.read(pad(words[:, :-1], (1, 0)))[0][words != END]
    among = twin.softmax.log_probabilities(hidden)[:, 2:].log_softmax(1)
    loss = -among.gather(1, words[words != END].unsqueeze(1) - 2).mean()
    loss = loss - 0.3 * twin.log_likelihood(real, written(real)).mean()
    loss.backward()
    clip_grad_norm_(twin.parameters(), LARGEST_GRADIENT)
    torch.optim.SGD(twin.parameters(), 0.1).step()
    for ours, textbook in zip(generator.parameters(), twin.parameters(), strict=True):
        assert torch.allclose(ours, textbook, atol=1e-6)


@pytest.mark.parametrize("advantage", [1.0, -1.0])
def test_advantages_do_not_touch_where_texts_end(advantage):
    # Were it not for what words and ends share, the end's own bias would have no slope at all.
    generator, words = make_generator(), draw_words(6, seed=1)
    before = generator.softmax.bias.detach().clone()
    update(generator, words, torch.full(words.shape, advantage), words, rate=1.0)
    moved = (generator.softmax.bias - before).abs()
    assert moved[END] < 1e-6
    assert moved[1:].max() > 1e-3


def test_a_large_gradient_is_clipped():
    generator, words = make_generator(), draw_words(6)
    before = [weight.detach().clone() for weight in generator.parameters()]
    update(generator, words, torch.full(words.shape, 1e4), words, rate=1.0)
    moved = [new - old for new, old in zip(generator.parameters(), before, strict=True)]
    norm = torch.cat([part.flatten() for part in moved]).norm().item()
    # The rate is 1, so the step is as long as the gradient.
    assert norm == pytest.approx(LARGEST_GRADIENT, rel=1e-3)
