"""Training on the likelihood against sums worked out by hand."""

import math

import pytest
import torch
from torch.optim import SGD, Adam

from stages.networks.lstm_language_model import END, LstmLanguageModel, written
from stages.training import likelihood
from stages.training.likelihood import log_likelihood, negative_log_likelihood, train_epoch

WORDS = 4  # the end, a, b and c
A, B, C = 1, 2, 3


def make_model(seed=0, words=WORDS, dropout=0.0):
    torch.manual_seed(seed)
    return LstmLanguageModel(words, width=8, hidden_size=6, num_layers=1, dropout=dropout)


def train(model, tokens, *, epochs=1, batch_size=4, learning_rate=0.01, optimizer=Adam):
    """Make passes as the language model does; yields the losses."""
    updates = -(-len(tokens) // batch_size)
    optimizer = optimizer(model.parameters(), lr=1.0)  # its rate is set before each update
    for epoch in range(epochs):
        yield from train_epoch(
            model,
            tokens,
            optimizer,
            batch_size=batch_size,
            learning_rate=learning_rate,
            first=epoch * updates,
        )


def pad_texts(texts, length):
    """Make tokens (N, T) of lists of ids."""
    return torch.tensor([[*text, *[END] * (length - len(text))][:length] for text in texts])


def spy_on(model, monkeypatch):
    """Return the list to which each batch that the model is asked about will be added."""
    seen, ask = [], model.log_likelihood

    def log_likelihood(tokens, mask, drawn=None):
        seen.append((tokens, mask))
        return ask(tokens, mask, drawn)

    monkeypatch.setattr(model, "log_likelihood", log_likelihood)
    return seen


@pytest.mark.parametrize("batch_size", [1, 2, 250])
def test_negative_log_likelihood_is_the_mean_over_words_and_ends(monkeypatch, batch_size):
    # Whatever it has read, the model gives the end 1/10, a 4/10, b 3/10, c 2/10. "a b" and its end,
    # "c" and its end, "a a b" cropped before an end: eight, of them three a, two b, c, two ends.
    monkeypatch.setattr(likelihood, "BATCH", batch_size)
    model = make_model()
    logs = torch.tensor([0.1, 0.4, 0.3, 0.2]).log()
    with torch.no_grad():
        model.projection.weight.zero_(), model.projection.bias.zero_()
        model.softmax.bias.copy_(logs)
        model.softmax.group_bias.copy_(logs[-1:])  # of the last word, alone in its group
    tokens = torch.tensor([[A, B, END], [C, END, END], [A, A, B]])
    products = [0.4 * 0.3 * 0.1, 0.2 * 0.1, 0.4**2 * 0.3]
    logs = [math.log(product) for product in products]
    assert log_likelihood(model.eval(), tokens).tolist() == pytest.approx(logs)
    assert log_likelihood(model, tokens).dtype == torch.float64
    assert negative_log_likelihood(model, tokens) == pytest.approx(-sum(logs) / 8)


@pytest.mark.parametrize("clipped", [True, False])
def test_two_updates_equal_the_textbook(monkeypatch, clipped):
    # Adam's first step is as long whatever the gradient's norm; the plain step shows its clipping.
    monkeypatch.setattr(likelihood, "LARGEST_GRADIENT", 0.1 if clipped else 10.0)
    model, twin = make_model(), make_model()
    tokens = torch.tensor([[A, B, END], [C, END, END], [A, A, B]])
    found = list(train(model, tokens, epochs=2, learning_rate=50.0, optimizer=SGD))

    before = torch.tensor([[END, A, B], [END, C, END], [END, A, A]])
    places = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2)]
    losses = []
    for _ in range(2):
        everything = twin.softmax.log_probabilities(twin.read(before)[0].flatten(0, 1)).reshape(
            3, 3, 4
        )
        loss = -sum(everything[row, place, tokens[row, place]] for row, place in places) / 8
        gradients = torch.autograd.grad(loss, list(twin.parameters()))
        norm = math.sqrt(sum((gradient**2).sum().item() for gradient in gradients))
        assert 0.1 < norm < 10
        # Of the 100 updates in which the rate rises the first has 1/100 of 50, the second 2/100.
        rate = (len(losses) + 1) * 0.5 * (0.1 / norm if clipped else 1)
        for weight, gradient in zip(twin.parameters(), gradients, strict=True):
            weight.data -= rate * gradient
        losses.append(loss.item())

    assert found == pytest.approx(losses)
    for ours, textbook in zip(model.parameters(), twin.parameters(), strict=True):
        assert torch.allclose(ours, textbook, atol=1e-5)


def test_a_word_counts_alike_in_batches_of_long_texts_and_of_short(monkeypatch):
    # The first update of a pass over "a", with its end two words, and "b a c a" with its end, five,
    # a text at a time: 3.5 words on average, by which the sum of either is divided.
    monkeypatch.setattr(likelihood, "LARGEST_GRADIENT", math.inf)
    tokens = torch.tensor([[A, END, END, END, END], [B, A, C, A, END]])
    sizes = set()
    for seed in range(8):
        model, twin = make_model(), make_model()
        torch.manual_seed(seed)
        next(train(model, tokens, batch_size=1, learning_rate=10.0, optimizer=SGD))
        changes = []
        for text in tokens.split(1):
            loss = -twin.log_likelihood(text, written(text)).sum() / 3.5
            gradients = torch.autograd.grad(loss, list(twin.parameters()), allow_unused=True)
            changes.append(
                all(
                    torch.allclose(ours, weight - 0.1 * (0 if gradient is None else gradient))
                    for ours, weight, gradient in zip(
                        model.parameters(), twin.parameters(), gradients, strict=True
                    )
                )
            )
        assert sum(changes) == 1
        sizes.add(changes.index(True))
    assert sizes == {0, 1}


def test_the_learning_rate_rises_over_the_first_hundred_updates():
    rates = []

    class Spy(Adam):
        def step(self):
            rates.extend(group["lr"] for group in self.param_groups)
            super().step()

    # 140 texts in twos: 70 updates a pass, and the second pass goes on where the first has ended.
    model, tokens = make_model(), torch.full((140, 1), A)
    list(train(model, tokens, epochs=2, batch_size=2, learning_rate=3.0, optimizer=Spy))
    assert rates == pytest.approx([3 * min(1, update / 100) for update in range(1, 141)])


@pytest.mark.parametrize(
    ("count", "batch_size", "together"),
    [(10, 4, 50), (10, 4, 1), (9, 2, 2), (8, 4, 50), (3, 5, 50), (7, 1, 3)],
)
def test_training_passes_over_every_text_in_each_epoch(monkeypatch, count, batch_size, together):
    # The text of number n is n and, by turns, none, one or two words more; three fill T.
    monkeypatch.setattr(likelihood, "SORTED", together)
    texts = [[word] * (1 + word % 3) for word in range(1, count + 1)]
    model = make_model(words=count + 1)
    seen = spy_on(model, monkeypatch)
    losses = list(train(model, pad_texts(texts, 3), epochs=2, batch_size=batch_size))

    updates = -(-count // batch_size)
    assert len(losses) == len(seen) == 2 * updates
    assert max(len(tokens) for tokens, _ in seen) == min(batch_size, count)
    for part in (seen[:updates], seen[updates:]):
        read = [row for tokens, _ in part for row in tokens.tolist()]
        assert sorted([word for word in row if word != END] for row in read) == sorted(texts)
    # Every word and end is learnt: a text of one word has one end, of two one, of three none.
    learnt = sum(int(mask.sum()) for _, mask in seen[:updates])
    assert learnt == sum(min(len(text) + 1, 3) for text in texts)


def test_each_epoch_has_its_own_order(monkeypatch):
    model = make_model(words=31)
    seen = spy_on(model, monkeypatch)
    list(train(model, pad_texts([[word] for word in range(1, 31)], 2), epochs=2, batch_size=3))
    orders = [[tokens[:, 0].tolist() for tokens, _ in part] for part in (seen[:10], seen[10:])]
    assert orders[0] != orders[1]
    # Not only batches in a new order: batches of new texts.
    assert sorted(map(sorted, orders[0])) != sorted(map(sorted, orders[1]))


def test_a_batch_holds_texts_of_like_length_and_the_batches_are_mixed(monkeypatch):
    # Five texts each of one to four words, in fives: no batch has a place that nobody wrote.
    texts = [[A] * length for length in (1, 2, 3, 4) for _ in range(5)]
    model = make_model()
    seen = spy_on(model, monkeypatch)
    list(train(model, pad_texts(texts, 5), epochs=6, batch_size=5))
    assert all(mask.all() for _, mask in seen)
    widths = [tokens.shape[1] for tokens, _ in seen]
    epochs = [widths[first : first + 4] for first in range(0, 24, 4)]
    assert all(sorted(epoch) == [2, 3, 4, 5] for epoch in epochs)
    assert len(set(map(tuple, epochs))) > 1


def test_training_finds_the_texts_entropy():
    # Half the texts are "a b", half "a c": a and the end are certain, b or c costs log 2, so that
    # the best mean over the three is log 2 / 3 = 0.231; guessing among four costs log 4 = 1.386.
    model = make_model()
    tokens = pad_texts([[A, B], [A, C]] * 20, 4)
    assert negative_log_likelihood(model, tokens) == pytest.approx(math.log(4), abs=0.3)
    losses = list(train(model, tokens, epochs=40, batch_size=8, learning_rate=0.05))
    assert losses[-1] < losses[0]
    assert negative_log_likelihood(model, tokens) == pytest.approx(math.log(2) / 3, abs=0.02)


def test_each_epoch_ends_in_evaluation_mode():
    model = make_model(dropout=0.5)
    tokens = pad_texts([[A], [B], [C], [A, B], [B, C], [C, A], [A], [B], [C], [A]], 3)
    # Ten texts in batches of four: three updates a pass.
    for _ in range(2):
        assert [model.training for _ in train(model, tokens)] == [True] * 3
        assert not model.training


def test_same_seed_same_training():
    def run(seed):
        model = make_model(seed, dropout=0.5)
        tokens = pad_texts([[A, B], [C], [B, A, C], [A]] * 3, 3)
        return list(train(model, tokens, epochs=3))

    assert run(1) == run(1) != run(2)
