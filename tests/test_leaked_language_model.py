"""A language model led by a discriminator's features: what leaks, goals, the bilinear form."""

from itertools import product

import pytest
import torch
from torch.nn.functional import pad

from stages.networks.leaked_features import begin, features_of, leak
from stages.networks.leaked_language_model import LeakedLanguageModel
from stages.networks.lstm_language_model import END, UNKNOWN, written
from stages.networks.text_discriminator import TextDiscriminator
from stages.training.likelihood import log_likelihood

WORDS, LONGEST, GOAL, HORIZON = 6, 5, 3, 2
TEXTS = torch.randint(1, WORDS, (20, LONGEST), generator=torch.Generator().manual_seed(1))


def make_discriminator(widths=(1, 2, 4)):
    torch.manual_seed(0)
    made = TextDiscriminator(WORDS, 4, widths, [3] * len(widths), 0.5, 2)
    for weight in made.parameters():
        weight.data *= 3
    return made.eval()


def make(has_unknown=False, horizon=HORIZON, layers=1):
    discriminator = make_discriminator()
    made = LeakedLanguageModel(
        *(WORDS, 4, 5, layers, 0.0, discriminator, GOAL, horizon), has_unknown=has_unknown
    )
    for name, weight in made.named_parameters():
        if not name.startswith("discriminator"):
            weight.data *= 8  # so that texts differ in how likely they are
    return made.eval()


@pytest.fixture(scope="module")
def network():
    return make()


def leak_all(discriminator, texts):
    return leak(discriminator, texts, begin(discriminator, len(texts)))[0]


def test_what_has_leaked_after_a_text_is_what_the_discriminator_reads():
    discriminator = make_discriminator()
    features = leak_all(discriminator, TEXTS)
    assert torch.allclose(features[:, -1], discriminator.features(TEXTS), atol=1e-6)
    # Of an ended text too, once its ends have been read, as far as the discriminator reads them.
    ended = pad(TEXTS[:, :2], (0, 3), value=END)
    features = leak_all(discriminator, ended)
    assert torch.allclose(features[:, -1], discriminator.features(ended), atol=1e-6)


def test_a_beginning_has_the_answers_to_its_own_windows_alone():
    discriminator = make_discriminator()
    features = leak_all(discriminator, TEXTS)
    vectors = discriminator.vectors(TEXTS)
    for length in range(LONGEST + 1):
        answers = []
        for number, width in enumerate(discriminator.widths):
            bias = discriminator.convolutions[number].bias
            if width > length:  # it has no window: nothing found
                answers.append(torch.zeros(len(TEXTS), 3))
            else:
                found = discriminator.answer(vectors[:, :length], number).amax(1)
                answers.append((found + bias).relu())
        before = torch.cat(answers, 1)
        answer, gate = discriminator.highway(before).chunk(2, 1)
        gate = (gate - 2).sigmoid()
        expected = gate * answer.relu() + (1 - gate) * before
        if length:
            found = features[:, length - 1]
        else:
            none = begin(discriminator, len(TEXTS))[1]
            found = features_of(discriminator, none.transpose(0, 1))[:, 0]
        assert torch.allclose(found, expected, atol=1e-5)


def test_features_of_a_beginning_do_not_depend_on_later_words():
    discriminator = make_discriminator()
    other = TEXTS.clone()
    other[:, 3:] = 1 + other[:, 3:] % (WORDS - 1)
    ours, theirs = leak_all(discriminator, TEXTS), leak_all(discriminator, other)
    assert ours[:, :3].equal(theirs[:, :3])
    assert not ours[:, 3:].equal(theirs[:, 3:])


@pytest.mark.parametrize("widths", [(1,), (1, 2, 4), (3, 8)])
@pytest.mark.parametrize("sizes", [[1] * LONGEST, [2, 3], [4, 1]])
def test_features_read_on_are_those_read_whole(widths, sizes):
    discriminator = make_discriminator(widths)
    found, parts = begin(discriminator, len(TEXTS)), []
    for part in TEXTS.split(sizes, 1):
        features, found = leak(discriminator, part, found)
        parts.append(features)
    assert torch.allclose(torch.cat(parts, 1), leak_all(discriminator, TEXTS), atol=1e-6)


def test_goals_have_length_one(network):
    led = network.lead(TEXTS)
    assert led.goals.shape == (20, LONGEST, 9)
    assert torch.allclose(led.goals.norm(dim=2), torch.ones(20, LONGEST), atol=1e-5)
    directions = led.hidden[:, :, -GOAL:]
    assert torch.allclose(directions.norm(dim=2), torch.ones(20, LONGEST), atol=1e-5)


def test_the_last_goals_are_summed_up():
    # Goals along each axis in turn, and a projection that keeps the first three of nine numbers.
    network = make(horizon=2)
    network.projection.weight.data = torch.eye(3, 9)
    goals = torch.eye(9)[:3].unsqueeze(0)  # (1, 3, 9): e1, e2, e3
    directions, last = network._sum_up(goals, None)
    # e1; e1 + e2; e2 + e3; each to length 1.
    half = 0.5**0.5
    expected = torch.tensor([[[1.0, 0, 0], [half, half, 0], [0, half, half]]])
    assert torch.allclose(directions, expected)
    assert last.equal(torch.tensor([[[[0.0, 0, 1]]]]))
    network = make(horizon=3)
    network.projection.weight.data = torch.eye(3, 9)
    directions, _ = network._sum_up(goals, torch.tensor([[[[0.0, 0, 1], [1, 0, 0]]]]))
    # e3 + e1 + e1; e1 + e1 + e2; e1 + e2 + e3.
    sums = torch.tensor([[[2.0, 0, 1], [2, 1, 0], [1, 1, 1]]])
    assert torch.allclose(directions, sums / sums.norm(dim=2, keepdim=True))


def test_with_a_constant_goal_it_is_an_lstm_with_a_bilinear_form():
    network = make()
    network.aim.weight.data.zero_()  # so that the manager says the same always
    goal = network.aim.bias / network.aim.bias.norm()
    direction = network.projection(goal)
    direction = direction / direction.norm()  # of c goals as of one
    before = pad(TEXTS[:, :-1], (1, 0), value=END)
    hidden, _ = network.lstm[0](network.softmax.vectors(before))  # (B, T, H)
    # O = W h + b, K numbers a word, times the direction.
    numbers = torch.einsum("vhk,bth->btvk", network.softmax.weight.view(WORDS, 5, GOAL), hidden)
    logits = (numbers + network.softmax.bias) @ direction
    mask = torch.ones_like(TEXTS, dtype=torch.bool)
    expected = logits.log_softmax(2).gather(2, TEXTS.unsqueeze(2)).flatten()
    assert torch.allclose(network.log_likelihood(TEXTS, mask), expected, atol=1e-4)


@pytest.mark.parametrize("layers", [1, 2])
def test_read_word_by_word_it_predicts_the_same(layers):
    network = make(layers=layers)
    before = pad(TEXTS[:, :-1], (1, 0), value=END)
    whole, _ = network.read(before)
    state, parts = None, []
    for word in before.split(1, 1):
        hidden, state = network.read(word, state)
        parts.append(hidden)
    assert torch.allclose(torch.cat(parts, 1), whole, atol=1e-5)
    assert torch.allclose(network.lead(TEXTS).hidden, whole, atol=1e-6)


def test_texts_are_as_likely_as_they_were_drawn(network):
    texts = network.sample(8, LONGEST, torch.Generator().manual_seed(2))
    found = log_likelihood(network, texts, as_drawn=True)
    for text, value in zip(texts, found, strict=True):
        state, word, total = None, torch.tensor([[END]]), 0.0
        for drawn in text[: int(written(text[None]).sum())]:
            hidden, state = network.read(word, state)
            total += network.softmax.log_probabilities(hidden[:, 0])[0, drawn].item()
            word = drawn.view(1, 1)
        assert total == pytest.approx(value.item(), abs=1e-4)


@pytest.mark.parametrize("sharpening", [1.0, 1.5])
@pytest.mark.parametrize("has_unknown", [False, True])
def test_probabilities_sum_to_one(has_unknown, sharpening):
    network = make(has_unknown)
    first = 2 if has_unknown else 1
    words = range(first, WORDS)
    texts = [[0, 0], *([a, b] for a, b in product(words, [0, *words]))]
    with network.sharpened(sharpening):
        values = log_likelihood(network, torch.tensor(texts), as_drawn=True)
    assert values.exp().sum().item() == pytest.approx(1, abs=1e-5)
    assert not has_unknown or UNKNOWN not in network.sample(200, LONGEST)


def test_sharpening_multiplies_logits_and_is_left_again(network):
    hidden = network.read(TEXTS)[0][:, 0]
    plain = network.softmax.head(hidden)
    with network.sharpened(1.5):
        assert torch.allclose(network.softmax.head(hidden), 1.5 * plain)
    assert network.softmax.head(hidden).equal(plain)


def test_no_gradient_of_words_reaches_the_manager_or_the_discriminator(network):
    network.zero_grad()
    network.log_likelihood(TEXTS, torch.ones_like(TEXTS, dtype=torch.bool)).sum().backward()
    reached = {
        name.split(".")[0] for name, each in network.named_parameters() if each.grad is not None
    }
    assert reached == {"lstm", "softmax", "projection"}
    network.zero_grad()


def test_the_discriminator_drops_nothing_where_the_network_learns(network):
    network.train()
    assert not network.discriminator.training
    assert network.lead(TEXTS).features.equal(network.lead(TEXTS).features)
    network.eval()
