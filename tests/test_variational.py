"""Bounds of the likelihood against sums over a grid of codes, and values worked out by hand."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import SGD

from stages.networks.lstm_language_model import END
from stages.networks.lstm_sentence_vae import LstmSentenceVae
from stages.training.variational import (
    Read,
    anneal,
    count_active,
    draw_codes,
    kl_divergence,
    mutual_information,
    read,
    train_epoch,
)

WORDS, SIZE = 4, 2  # the end, a, b and c; numbers of a code
A, B, C = 1, 2, 3
TEXTS = torch.tensor([[A, B, END], [C, END, END], [A, A, B], [B, END, END]])


def make_model(seed=0, std=0.4, **changes):
    torch.manual_seed(seed)
    shape = {"width": 6, "hidden_size": 5, "num_layers": 1, "dropout": 0.0, "code_size": SIZE}
    model = LstmSentenceVae(WORDS, **(shape | {"word_dropout": 0.0} | changes))
    for weight in model.parameters():
        nn.init.normal_(weight, std=std)  # as made, codes would tell little
    for weight in model.posterior.parameters():
        nn.init.normal_(weight, std=0.2)  # not far from N(0, 1): weights are alike
    return model.eval()


def draw_noise(draws, texts, seed=3):
    return torch.randn((draws, texts, SIZE), generator=torch.Generator().manual_seed(seed))


def train(model, tokens, *, epochs=1, batch_size=4, learning_rate=100.0, kl_weight=1.0):
    """Make passes by plain gradient steps, whose rate rises to the height by a hundredth each."""
    optimizer, losses = SGD(model.parameters(), lr=1.0), []
    for epoch in range(epochs):
        losses += train_epoch(
            model,
            tokens,
            optimizer,
            batch_size=batch_size,
            learning_rate=learning_rate,
            first=epoch * -(-len(tokens) // batch_size),
            kl_weight=lambda step: kl_weight,
        )
    return losses


def weights_of(model):
    return torch.cat([weight.detach().flatten() for weight in model.parameters()])


def test_kl_is_the_mean_of_the_drawn_one():
    mean = torch.tensor([[0.0, 0.0], [1.0, -2.0], [0.5, 0.1]])
    log_variance = torch.tensor([[0.0, 0.0], [0.0, 0.0], [-1.0, 0.7]])
    found = kl_divergence(mean, log_variance)
    # Of N(m, 1) it is m squared over two: 0, and 0.5 + 2.
    assert found[:2].tolist() == [0, 2.5]
    noise = torch.randn((100_000, 1, 2), generator=torch.Generator().manual_seed(1))
    codes = draw_codes(mean, log_variance, noise)
    drawn = (codes**2 - noise**2 - log_variance).double().sum(2) / 2  # (K, 3)
    error = drawn.std(0) / math.sqrt(len(drawn))
    assert (drawn.mean(0) - found).abs().tolist() <= (5 * error + 1e-6).tolist()


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("as_drawn", [False, True])
def test_the_importance_bound_is_the_likelihood_that_a_grid_of_codes_sums_to(num_layers, as_drawn):
    model = make_model(num_layers=num_layers)
    axis = torch.arange(-6, 6, 0.05)
    grid = torch.cartesian_prod(axis, axis)  # (G, 2)
    prior = -(grid**2).sum(1).double() / 2 - math.log(2 * math.pi) + 2 * math.log(0.05)
    for text in TEXTS:
        with torch.no_grad():
            values = model.log_likelihood(grid, text.expand(len(grid), -1), as_drawn=as_drawn)
        expected = (values + prior).logsumexp(0).item()
        assert values.std() > 0.05  # codes matter
        found = read(model, text.expand(1000, -1), draw_noise(80, 1000), as_drawn=as_drawn)
        # 80,000 codes of one text, and five standard errors of the logarithm of their mean weight.
        weights = np.exp(found.weights - expected)
        error = 5 * weights.std() / math.sqrt(80_000)
        assert error < 0.01
        assert math.log(weights.mean()) == pytest.approx(0, abs=error)
        assert found.elbo.mean() < expected


def test_the_bound_rises_with_the_number_of_codes_from_the_elbo():
    found = read(make_model(), TEXTS, draw_noise(64, len(TEXTS)))
    # The logarithm of a mean of two is not below the mean of their logarithms (Jensen): so the same
    # 64 weights in groups twice as large give a bound that is not lower, whatever was drawn.
    bounds = []
    for size in (1, 2, 4, 8, 16, 32, 64):
        groups = found.weights.reshape(-1, size, len(TEXTS))
        parts = [found._replace(weights=group).importance_bound for group in groups]
        bounds.append(np.mean(parts, axis=0))
    steps = np.diff(bounds, axis=0)
    assert (steps >= -1e-12).all()
    assert (steps.sum(0) > 0.01).all()
    # A single weight is the ELBO with its KL drawn: of 64, five standard errors from that with its
    # KL computed.
    drawn = found.weights - found.likelihoods + found.kl  # 0 in expectation
    error = 5 * drawn.std(0) / math.sqrt(64)
    assert (np.abs(bounds[0] - found.elbo) <= error).all()


def test_texts_are_read_in_batches_of_any_order(monkeypatch):
    model, noise = make_model(), draw_noise(3, len(TEXTS))
    whole = read(model, TEXTS, noise)
    monkeypatch.setattr("stages.training.variational.BATCH", 1)
    for ours, theirs in zip(read(model, TEXTS, noise), whole, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)
    turned = read(model, TEXTS.flip(0), noise.flip(1))
    assert turned.weights[:, ::-1] == pytest.approx(whole.weights, abs=1e-5)
    assert turned.mean[::-1] == pytest.approx(whole.mean, abs=1e-6)


def test_what_is_behind_a_text_s_end_is_not_read():
    model = make_model()
    with torch.no_grad():
        short, long = model.encode(TEXTS[1:2, :2]), model.encode(TEXTS[1:2])
    for ours, theirs in zip(short, long, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_an_update_is_one_of_the_weighed_bound():
    model, twin = make_model(), make_model()
    torch.manual_seed(5)
    losses = train(model, TEXTS, kl_weight=0.5)
    # The same draws by hand: the texts' order, the batches', then the noise.
    torch.manual_seed(5)
    places = torch.randperm(4)
    lengths = torch.tensor([3, 2, 3, 2])
    batch = TEXTS[places[lengths[places].argsort(stable=True)]]
    torch.randperm(1)
    mean, log_variance = twin.encode(batch)
    codes = mean + log_variance.div(2).exp() * torch.randn_like(mean)
    reconstruction = -twin.log_likelihood(codes, batch).sum()
    kl = kl_divergence(mean, log_variance).sum()
    # Ten words and ends. Of 100 the first update has the rate 1.
    ((reconstruction + 0.5 * kl) / 10).backward()
    norm = math.sqrt(sum((weight.grad**2).sum().item() for weight in twin.parameters()))
    assert norm < 1  # so that nothing is clipped
    expected = torch.cat([(each - each.grad).detach().flatten() for each in twin.parameters()])
    assert torch.allclose(weights_of(model), expected, atol=1e-6)
    (step,) = losses
    assert step == pytest.approx(
        {"loss": (reconstruction + kl).item() / 10, "kl_a_word": kl.item() / 10}
    )


@pytest.mark.parametrize(
    ("step", "rising", "share"),
    [(0, 10, 0.1), (5, 10, 0.55), (10, 10, 1), (11, 10, 1), (0, 0, 1)],
)
def test_the_weight_of_kl_rises_from_a_tenth_to_all(step, rising, share):
    assert anneal(step, rising) == pytest.approx(share)


@pytest.mark.filterwarnings("ignore:TF32")  # of GPUs by Intel
def test_gradients_through_codes_and_states_are_plain_ones():
    # oneDNN's LSTM against PyTorch's own: the codes reach the decoder by its first state too.
    gradients = []
    for enabled in (True, False):
        model = make_model(num_layers=2).train()
        with torch.backends.mkldnn.flags(enabled=enabled):
            mean, log_variance = model.encode(TEXTS)
            codes = draw_codes(mean, log_variance, draw_noise(1, 4)[0])
            model.log_likelihood(codes, TEXTS).sum().backward()
        gradients.append([weight.grad for weight in model.parameters()])
    for ours, theirs in zip(*gradients, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)
        assert (theirs != 0).any()


def test_with_all_words_dropped_only_the_code_tells():
    model = make_model(word_dropout=0.999999).train()
    codes = torch.tensor([[0.5, -1.0]] * 2)
    # Both end in b after two words, other ones.
    texts = torch.tensor([[A, C, B], [C, A, B]])
    mask = torch.tensor([[False, False, True]] * 2)
    torch.manual_seed(0)
    last, _ = model.decoder.log_likelihoods(texts, mask, state=model.decoder.begin(codes))
    assert last[0].item() == pytest.approx(last[1].item(), abs=1e-6)
    model.eval()
    last, _ = model.decoder.log_likelihoods(texts, mask, state=model.decoder.begin(codes))
    assert abs(last[0] - last[1]).item() > 1e-3


@pytest.mark.parametrize(
    ("state", "beside", "tells"),
    [(True, False, True), (False, True, True), (True, True, True), (False, False, False)],
)
def test_the_code_is_the_first_state_and_stands_beside_each_word(state, beside, tells):
    model = make_model()
    codes = torch.tensor([[0.5, -1.0], [-2.0, 1.0]])
    with torch.no_grad():
        if not state:
            model.decoder.first_state.weight.zero_()
        if not beside:
            model.decoder.lstm[0].weight_ih_l0[:, -SIZE:] = 0
        first, second = model.log_likelihood(codes, TEXTS[:1].expand(2, -1)).tolist()
    assert (abs(first - second) > 1e-3) == tells


def test_information_is_that_of_knowing_which_text_it_is():
    noise = np.random.default_rng(1).standard_normal((4, 2))
    # A thousand deviations apart each code says which of four texts it is of.
    apart = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    small = np.full((4, 2), math.log(1e-6))
    assert mutual_information(apart, small, noise) == pytest.approx(math.log(4))
    # Two pairs of the same: one of two.
    assert mutual_information(apart[[0, 0, 3, 3]], small, noise) == pytest.approx(math.log(2))
    assert mutual_information(np.ones((4, 2)), np.zeros((4, 2)), noise) == pytest.approx(0)


def test_information_is_the_same_in_parts(monkeypatch):
    random = np.random.default_rng(2)
    mean, log_variance, noise = random.standard_normal((3, 7, 2))
    whole = mutual_information(mean, log_variance, noise)
    monkeypatch.setattr("stages.training.variational.ROWS", 3)
    assert mutual_information(mean, log_variance, noise) == pytest.approx(whole)


def test_active_numbers_are_those_whose_mean_varies_by_more_than_a_hundredth():
    # Variances 0, 0.0081, 0.0121 and 1.
    mean = np.array([[5.0, -0.09, -0.11, -1.0], [5.0, 0.09, 0.11, 1.0]])
    assert count_active(mean) == 2


def test_bounds_of_known_weights():
    # ln((1 + 3) / 2); -mean(-1, -3) - 0.5.
    found = Read(
        *(np.zeros((1, 2)) for _ in range(2)),
        np.array([0.5]),
        np.array([[-1.0], [-3.0]]),
        np.log([[1.0], [3.0]]),
    )
    assert found.reconstruction.tolist() == [2.0]
    assert found.elbo.tolist() == [-2.5]
    assert found.importance_bound[0] == pytest.approx(math.log(2))
