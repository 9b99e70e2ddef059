"""The LSTM language model against distributions set by hand and texts counted one and all."""

from itertools import pairwise, product

import pytest
import torch
from torch import nn
from torch.nn.functional import pad

from stages.networks import tied_softmax
from stages.networks.lstm_language_model import END, LstmLanguageModel, written

SHAPE = {"width": 8, "hidden_size": 6, "num_layers": 2, "dropout": 0.5}
WORDS = 5  # the end, a, b, c and d
A, B, C, D = 1, 2, 3, 4

# Shares, of 55, of the end and of a, b, c, d: squares, so that their roots are whole, too.
SHARES = [9, 25, 16, 4, 1]


def make_model(seed=0, words=WORDS, **changes):
    torch.manual_seed(seed)
    model = LstmLanguageModel(words, **SHAPE | changes)
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.7)  # as made, a model is close to uniform
    return model.eval()


def make_known_model(shares):
    """Whatever it has read, the next word has these shares.

    The last word is alone in its group, whose logit is that of the word.
    """
    model = make_model(words=len(shares))
    logs = torch.tensor(shares).float().log()
    with torch.no_grad():
        model.projection.weight.zero_(), model.projection.bias.zero_()
        model.softmax.bias.copy_(logs)
        model.softmax.group_bias.copy_(logs[-1:])
    return model


@pytest.fixture
def tails(monkeypatch):
    """Give one word more than WORDS: a head of two and two tails of two."""
    monkeypatch.setattr(tied_softmax, "CUTOFFS", (2, 4))
    return WORDS + 1


def texts_up_to(length, count):
    """List every text as tokens (N, T): an END is followed by END only."""
    texts = product(range(count), repeat=length)
    kept = [text for text in texts if all(b == END for a, b in pairwise(text) if a == END)]
    return torch.tensor(kept)


def log_probabilities(model, tokens):
    return torch.stack([model.log_likelihood(row, written(row)).sum() for row in tokens.split(1)])


def test_a_text_has_the_product_of_its_words_probabilities():
    model = make_known_model(SHARES)
    tokens = torch.tensor([[A, B, END, END], [D, END, END, END], [C, A, A, B]])
    # "a b" and its end, "d" and its end, and "c a a b", cropped before an end.
    shares = torch.tensor([25, 16, 9, 1, 9, 4, 25, 25, 16]) / 55
    assert torch.allclose(model.log_likelihood(tokens, written(tokens)), shares.log())


@pytest.mark.parametrize(("length", "count"), [(1, 6), (2, 31), (3, 156)])
def test_probabilities_of_all_texts_sum_to_one(tails, length, count):
    # Five words and the end: 1 + 5 + 25 + 125 texts up to three words, the empty one among them.
    model, texts = make_model(words=tails), texts_up_to(length, tails)
    assert len(texts) == count
    assert log_probabilities(model, texts).exp().sum().item() == pytest.approx(1, abs=1e-5)


def test_beside_each_word_stands_the_end_s_probability():
    model = make_known_model(SHARES)
    tokens = torch.tensor([[A, B, END, END], [D, END, END, END], [C, A, A, B]])
    picked = written(tokens)
    likelihoods, ends = model.log_likelihoods(tokens, picked)
    assert torch.allclose(likelihoods, model.log_likelihood(tokens, picked))
    assert torch.allclose(ends, torch.full((9,), 9 / 55).log())


def test_the_end_s_probability_is_the_whole_softmax_s(tails):
    model, tokens = make_model(words=tails), torch.randint(1, 6, (4, 5))
    _, ends = model.log_likelihoods(tokens, torch.ones(4, 5, dtype=torch.bool))
    hidden, _ = model.read(pad(tokens[:, :-1], (1, 0)))
    expected = model.softmax.log_probabilities(hidden.flatten(0, 1))[:, END]
    assert torch.allclose(ends, expected, atol=1e-6)


def test_reading_at_once_equals_reading_word_after_word(tails):
    model = make_model(words=tails)
    tokens = torch.randint(1, 6, (4, 5))
    expected, state = torch.zeros(4, 5), None
    for place in range(5):
        before = tokens[:, place - 1 : place] if place else torch.full((4, 1), END)
        hidden, state = model.read(before, state)  # (B, 1, W)
        everything = model.softmax.log_probabilities(hidden[:, 0])  # (B, V)
        expected[:, place] = everything[torch.arange(4), tokens[:, place]]
    likelihood = model.log_likelihood(tokens, torch.ones(4, 5, dtype=torch.bool))
    assert torch.allclose(likelihood.reshape(4, 5), expected, atol=1e-5)


def test_what_stands_behind_the_end_changes_nothing():
    model, short = make_model(), torch.tensor([[A, B, END], [C, END, END]])
    long = pad(short, (0, 4), value=END)
    first, second = (model.log_likelihood(tokens, written(tokens)) for tokens in (short, long))
    assert torch.allclose(first, second, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "mask"),
    [
        ([A, B, END, END], [1, 1, 1, 0]),
        ([A, B, C, END], [1, 1, 1, 1]),
        ([A, B, C, D], [1, 1, 1, 1]),
        ([END, END, END, END], [1, 0, 0, 0]),
    ],
    ids=["ended", "ended at the limit", "cropped", "empty"],
)
def test_written_are_the_words_and_the_first_end(text, mask):
    assert written(torch.tensor([text, [A] * 4])).int().tolist() == [mask, [1] * 4]


@pytest.mark.parametrize("temperature", [0.6, 2.0])
def test_a_temperature_reaches_into_the_tails(tails, temperature):
    # Pearson's statistic over the 5 words that may come first has a mean of 4 and a standard
    # deviation of sqrt(2 * 4) = 2.8; it is above 28.5 once in 100,000 times.
    model, count = make_model(words=tails), 20_000
    with torch.no_grad():
        for weight in model.softmax.parameters():
            weight *= 1.3  # far from equal, in the head and in each tail
        hidden, _ = model.eval().read(torch.full((1, 1), END))
        expected = (model.softmax.log_probabilities(hidden[:, 0])[0] / temperature)[1:].softmax(
            0
        ) * count
    assert expected.max() > 2 * expected.min()
    assert expected.min() > 4
    random = torch.Generator().manual_seed(1)
    drawn = model.sample(count, 1, random, temperature=temperature)[:, 0].bincount(minlength=6)[1:]
    assert ((drawn - expected) ** 2 / expected).sum() < 28.5


@pytest.mark.parametrize(
    "options",
    [{}, {"temperature": 1.0000001}, {"top_p": 0.9999999}],
    ids=["by parts", "by parts at a temperature", "whole sorted softmax"],
)
def test_texts_are_drawn_with_their_probabilities(tails, options):
    # All ways to draw are the same here. Pearson's statistic over the 155 texts of a word or more
    # has a mean of 154 and a standard deviation of sqrt(2 * 154) = 17.5: below 154 + 5 * 17.5 = 242
    # if each text's probability is right.
    model, texts, count = make_model(words=tails), texts_up_to(3, tails), 30_000
    drawn = model.sample(count, 3, torch.Generator().manual_seed(1), **options)
    probabilities = log_probabilities(model, texts).detach().exp()[1:]
    expected = count * probabilities / probabilities.sum()
    places = 36 * drawn[:, 0] + 6 * drawn[:, 1] + drawn[:, 2]
    number = 36 * texts[1:, 0] + 6 * texts[1:, 1] + texts[1:, 2]
    observed = places.bincount(minlength=216)[number]
    assert observed.sum() == count
    assert ((observed - expected) ** 2 / expected).sum() < 242


@pytest.mark.parametrize(
    ("temperature", "top_p", "first", "second"),
    [
        # The first word is none of the end: of 46; the next of 55.
        (1.0, 1.0, [0, 25, 16, 4, 1], [9, 25, 16, 4, 1]),
        (0.5, 1.0, [0, 625, 256, 16, 1], [81, 625, 256, 16, 1]),  # squares
        (2.0, 1.0, [0, 5, 4, 2, 1], [3, 5, 4, 2, 1]),  # roots
        (1.0, 0.01, [0, 1, 0, 0, 0], [0, 1, 0, 0, 0]),
        # First a and b reach 41/46 = 0.89; next a, b reach 41/55 = 0.75 and with the end 0.91.
        (1.0, 0.8, [0, 25, 16, 0, 0], [9, 25, 16, 0, 0]),
        # Roots first: a and b reach 9/12 = 0.75; next 9/15 = 0.6, with the end 12/15 = 0.8. Of the
        # shares themselves a and b would reach 0.7 alone, 0.75.
        (2.0, 0.7, [0, 5, 4, 0, 0], [3, 5, 4, 0, 0]),
    ],
)
def test_temperature_and_top_p_reshape_the_probabilities(temperature, top_p, first, second):
    # Of 20,000 draws a share is within 5 standard errors, at most 5 * 0.5 / sqrt(20000) = 0.0177.
    random = torch.Generator().manual_seed(2)
    tokens = make_known_model(SHARES).sample(
        20_000, 2, random, temperature=temperature, top_p=top_p
    )
    for place, shares in enumerate([first, second]):
        found = tokens[:, place].bincount(minlength=5)
        expected = torch.tensor(shares) / sum(shares)
        assert (found[expected == 0] == 0).all()
        assert (found / 20_000).tolist() == pytest.approx(expected.tolist(), abs=0.0177)


@pytest.mark.parametrize("options", [{}, {"temperature": 0.7}, {"top_p": 0.9}])
def test_a_text_has_a_word_even_where_the_end_is_all_but_certain(options):
    tokens = make_known_model([1e12, 1, 1, 1, 1]).sample(50, 4, **options)
    assert written(tokens).sum(1).tolist() == [2] * 50


@pytest.mark.parametrize("length", [1, 3, 8])
def test_texts_are_cropped_and_nothing_stands_behind_an_end(length):
    tokens = make_known_model(SHARES).sample(500, length, torch.Generator().manual_seed(3))
    assert tokens.shape == (500, length)
    assert (tokens[:, 0] != END).all()
    assert (tokens[~written(tokens)] == END).all()
    # Each word after the first goes on with 46/55: 5 standard errors are 5 * 0.5 / sqrt(500).
    cropped = (tokens[:, -1] != END).float().mean().item()
    assert cropped == pytest.approx((46 / 55) ** (length - 1), abs=0.112)


def test_sampling_leaves_out_dropout_and_leaves_the_mode_as_it_was():
    model = make_model(dropout=0.9)
    drawn = []
    for training in (True, False):
        model.train(training)
        drawn.append(model.sample(100, 5, torch.Generator().manual_seed(4)))
        assert model.training is model.lstm.training is training
    assert torch.equal(*drawn)
    assert not drawn[0].requires_grad


@pytest.mark.parametrize(("num_layers", "around"), [(1, [8, 6, 8]), (2, [8, 6, 6, 8])])
def test_dropout_stands_around_each_layer_and_works_in_training_alone(num_layers, around):
    model, widths = make_model(num_layers=num_layers), []
    tokens = torch.tensor([[A, B, C]])
    model.dropout.register_forward_hook(lambda *call: widths.append(call[-1].shape[-1]))
    for training in (True, False):
        model.train(training)
        first, second = (model.read(tokens)[0] for _ in range(2))
        assert torch.equal(first, second) is not training
    assert widths == around * 4  # of four readings


def test_layers_one_after_the_other_are_the_layers_of_one_lstm():
    model, tokens = make_model(), torch.randint(1, WORDS, (4, 5))
    whole = nn.LSTM(8, 6, 2, batch_first=True)
    for number, layer in enumerate(model.lstm):
        for name, weight in layer.named_parameters():
            setattr(whole, name.replace("l0", f"l{number}"), weight)
    hidden, (last, cell) = whole(model.softmax.vectors(tokens))
    found, state = model.read(tokens)
    assert torch.allclose(found, torch.tanh(model.projection(hidden)), atol=1e-6)
    assert torch.allclose(torch.cat([each[0] for each in state]), last, atol=1e-6)
    assert torch.allclose(torch.cat([each[1] for each in state]), cell, atol=1e-6)


def test_a_word_that_is_dropped_has_no_vector_anywhere_in_its_batch():
    # A fifth of 0.5: of 5,000 words 500, and sqrt(5000 * 0.1 * 0.9) = 21 is a standard deviation;
    # six of them either way.
    model = make_model(words=5000, dropout=0.5)
    nn.init.ones_(model.softmax.vectors.weight)
    model.dropout.share = 0.0
    model.train()
    vectors = model._embed(torch.arange(5000).repeat(3, 1))
    kept = vectors[..., 0] != 0
    assert (kept == kept[0]).all()
    assert 373 < int((~kept[0]).sum()) < 627
    assert torch.allclose(vectors[kept], torch.tensor(1 / 0.9))


@pytest.mark.parametrize("options", [{}, {"temperature": 1.0000001}, {"top_p": 0.9999999}])
def test_a_beginning_is_continued_with_the_probabilities_that_follow_it(tails, options):
    # Of texts of three words that begin with "c a", the third place is a word or an end: as it is
    # not the first, all six are drawn. Pearson's statistic over six has a mean of 5 and a standard
    # deviation of sqrt(2 * 5) = 3.2; it is above 30.9 once in 100,000 times.
    model, count = make_model(words=tails), 20_000
    random = torch.Generator().manual_seed(1)
    drawn = model.sample(count, 3, random, prefix=[C, A], **options)
    assert (drawn[:, :2] == torch.tensor([C, A])).all()
    texts = torch.tensor([[C, A, word] for word in range(tails)])
    likelihoods = model.log_likelihood(texts, torch.ones(6, 3, dtype=torch.bool)).reshape(6, 3)
    expected = likelihoods[:, 2].detach().exp() * count
    assert expected.min() > 4
    observed = drawn[:, 2].bincount(minlength=6)
    assert ((observed - expected) ** 2 / expected).sum() < 30.9


@pytest.mark.parametrize(
    ("prefix", "length", "kept"), [([A], 4, [A]), ([D, B], 2, [D, B]), ([A, B, C], 2, [A, B])]
)
def test_a_beginning_is_kept_and_cropped(prefix, length, kept):
    tokens = make_known_model(SHARES).sample(50, length, prefix=prefix)
    assert tokens.shape == (50, length)
    assert (tokens[:, : len(kept)] == torch.tensor(kept)).all()
    assert (tokens[~written(tokens)] == END).all()


def test_a_text_may_end_at_once_behind_a_beginning():
    tokens = make_known_model([1e12, 1, 1, 1, 1]).sample(50, 4, prefix=[B])
    assert tokens.tolist() == [[B, END, END, END]] * 50


def test_an_unknown_word_is_learnt_but_not_drawn():
    # SHARES with a as the unknown word: of 55 where it is learnt, of 30 where it is not drawn.
    model = make_known_model(SHARES)
    model.has_unknown = True
    tokens = torch.tensor([[B, A, END], [C, D, END]])
    mask = written(tokens)
    learnt = torch.tensor([16, 25, 9, 4, 1, 9]) / 55
    assert torch.allclose(model.log_likelihood(tokens, mask), learnt.log())
    words, ends = model.log_likelihoods(tokens, mask, mask)
    assert torch.allclose(words, (torch.tensor([16, 0, 9, 4, 1, 9]) / 30).log())
    assert torch.allclose(ends, torch.full((6,), 9 / 30).log())
    # Of the second text alone.
    words, ends = model.log_likelihoods(tokens, mask, torch.tensor([[False], [True]]).expand(2, 3))
    assert torch.allclose(
        words, torch.tensor([16 / 55, 25 / 55, 9 / 55, 4 / 30, 1 / 30, 0.3]).log()
    )
    assert torch.allclose(ends, torch.tensor([9 / 55] * 3 + [9 / 30] * 3).log())


@pytest.mark.parametrize(
    ("temperature", "top_p", "first", "second"),
    [
        # Without the end and a: of 21; the next of 30.
        (1.0, 1.0, [0, 0, 16, 4, 1], [9, 0, 16, 4, 1]),
        (0.5, 1.0, [0, 0, 256, 16, 1], [81, 0, 256, 16, 1]),
        # First b and c reach 20/21 = 0.95; next b and the end 25/30 = 0.83, b alone 0.53. With a
        # among them, a and b would reach 41/46 = 0.89, and 41/55 = 0.75 with the end.
        (1.0, 0.8, [0, 0, 16, 4, 0], [9, 0, 16, 0, 0]),
        (1.0, 0.01, [0, 0, 1, 0, 0], [0, 0, 1, 0, 0]),
    ],
)
def test_an_unknown_word_is_left_out_before_probabilities_are_reshaped(
    temperature, top_p, first, second
):
    # Of 20,000 draws a share is within 5 standard errors, at most 5 * 0.5 / sqrt(20000) = 0.0177.
    model, random = make_known_model(SHARES), torch.Generator().manual_seed(2)
    model.has_unknown = True
    tokens = model.sample(20_000, 2, random, temperature=temperature, top_p=top_p)
    for place, shares in enumerate([first, second]):
        found = tokens[:, place].bincount(minlength=WORDS) / 20_000
        expected = torch.tensor(shares) / sum(shares)
        assert torch.allclose(found, expected.float(), atol=0.0177)


def test_without_an_unknown_word_nothing_is_left_out():
    model, tokens = make_model(), torch.tensor([[A, B, END], [C, END, END]])
    mask = written(tokens)
    assert torch.equal(model.log_likelihood(tokens, mask, mask), model.log_likelihood(tokens, mask))


@pytest.mark.parametrize("options", [{}, {"temperature": 3.0}, {"top_p": 0.9}])
def test_all_texts_without_the_unknown_word_sum_to_one_and_are_drawn_so(tails, options):
    model, texts = make_model(words=tails), texts_up_to(2, tails)
    model.has_unknown = True
    mask = written(texts)
    values = torch.zeros(mask.shape)
    values[mask] = model.log_likelihood(texts, mask, mask).detach()
    probabilities = values.sum(1).exp()
    assert probabilities.sum().item() == pytest.approx(1, abs=1e-5)
    assert (probabilities[(texts == A).any(1)] == 0).all()
    drawn = model.sample(2000, 6, torch.Generator().manual_seed(1), **options)
    assert not (drawn == A).any()
