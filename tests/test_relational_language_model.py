"""The relational memory against a cell worked out by hand, and the language model made of it."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from stages.networks import relational_language_model
from stages.networks.gumbel_softmax import draw_softly
from stages.networks.lstm_language_model import END, written
from stages.networks.relational_language_model import RelationalLanguageModel
from stages.networks.relational_memory import RelationalMemory

WORDS = 5  # the end and four others


def sigmoid(numbers):
    return 1 / (1 + np.exp(-numbers))


def normalise(row):
    """Layer norm, as PyTorch has it."""
    return (row - row.mean()) / np.sqrt(row.var() + 1e-5)


def array(tensor):
    return tensor.detach().numpy().astype(np.float64)


def make_memory(num_slots=1, num_heads=2, head_size=3, width=4):
    torch.manual_seed(0)
    return RelationalMemory(width, num_slots, num_heads, head_size)


def make_model(seed=0, spread=0.7, **changes):
    torch.manual_seed(seed)
    shape = {"width": 4, "num_slots": 2, "num_heads": 2, "head_size": 3}
    model = RelationalLanguageModel(WORDS, **shape | changes)
    for weight in model.parameters():
        nn.init.normal_(weight, std=spread)
    return model.eval()


# The memory


def test_one_slot_without_attention_is_a_gated_cell():
    memory = make_memory()
    nn.init.zeros_(memory.attention.weight)  # so that keys and values are 0
    vectors = torch.randn(1, 3, 4)
    with torch.no_grad():
        found, last = memory(vectors, memory.begin(1))
    state = np.array([1.0, 0, 0, 0, 0, 0])
    for place in range(3):
        read = array(memory.reader.weight) @ array(vectors[0, place]) + array(memory.reader.bias)
        gates = array(memory.gates_by_input.weight) @ read
        gates += array(memory.gates_by_memory.weight) @ np.tanh(state)
        row = normalise(state)
        inner = array(memory.first.weight) @ row + array(memory.first.bias)
        dense = array(memory.second.weight) @ np.maximum(inner, 0) + array(memory.second.bias)
        row = normalise(row + dense)
        # The first six are of what is let in, the others of what is kept, with a bias of 1.
        state = sigmoid(gates[:6]) * np.tanh(row) + sigmoid(gates[6:] + 1) * state
        assert found[0, place].numpy() == pytest.approx(state, abs=1e-5)
    assert last[0, 0].numpy() == pytest.approx(state, abs=1e-5)


@pytest.mark.parametrize("num_slots", [1, 3])
def test_slots_attend_to_each_other_and_to_the_input(num_slots):
    # A step worked out row by row, head by head.
    memory = make_memory(num_slots)
    state, vector = torch.randn(1, num_slots, 6), torch.randn(1, 1, 4)
    with torch.no_grad():
        found = array(memory(vector, state)[1][0])
        read = memory.reader(vector)[0]
    rows = np.concatenate([array(state[0]), array(read)])  # (N + 1, 6)
    parts = np.array([normalise(array(memory.attention.weight) @ row) for row in rows])
    queries, keys, values = parts.reshape(num_slots + 1, 3, 2, 3).transpose(1, 2, 0, 3)
    for slot in range(num_slots):
        attended = []
        for head in range(2):
            scores = np.exp(keys[head] @ queries[head, slot] / 3)  # the root of 3 * 3
            attended += [*(scores / scores.sum() @ values[head])]
        row = normalise(rows[slot] + attended)
        inner = np.maximum(array(memory.first.weight) @ row + array(memory.first.bias), 0)
        row = normalise(row + array(memory.second.weight) @ inner + array(memory.second.bias))
        gates = array(memory.gates_by_input.weight) @ array(read[0])
        gates += array(memory.gates_by_memory.weight) @ np.tanh(rows[slot])
        expected = sigmoid(gates[:6]) * np.tanh(row) + sigmoid(gates[6:] + 1) * rows[slot]
        assert found[slot] == pytest.approx(expected, abs=1e-5)


def test_slots_begin_as_different_rows():
    memory = make_memory(num_slots=3)
    assert memory.begin(2).tolist() == 2 * [
        [[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0]]
    ]
    # More slots than numbers: those beyond begin as nothing.
    assert make_memory(8, 1, 2).begin(1).sum(2).tolist() == [[1, 1, 0, 0, 0, 0, 0, 0]]


# The language model


@pytest.mark.parametrize("num_slots", [1, 3])
def test_word_by_word_is_the_whole_text_at_once(num_slots):
    model, tokens = make_model(num_slots=num_slots), torch.randint(1, WORDS, (6, 7))
    with torch.no_grad():
        whole, after = model.read(tokens)
        state, parts = None, []
        for place in range(7):
            hidden, state = model.read(tokens[:, place : place + 1], state)
            parts.append(hidden)
        logits, expected = (
            model.softmax.head(each.flatten(0, 1)) for each in (torch.cat(parts, 1), whole)
        )
    assert torch.allclose(logits, expected, atol=1e-5)
    assert logits.std() > 0.5
    assert torch.allclose(state[0][0], after[0][0], atol=1e-5)


def test_texts_are_drawn_by_their_likelihood():
    model = make_model()
    texts = [text for text in product(range(WORDS), repeat=2) if text[0] != END]
    tokens = torch.tensor(texts)
    mask = written(tokens)
    values = torch.zeros(tokens.shape)
    with torch.no_grad():
        values[mask] = model.log_likelihood(tokens, mask)
    chances = values.sum(1).exp() / values.sum(1).exp().sum()  # without those that begin with END
    drawn = model.sample(20_000, 2, torch.Generator().manual_seed(1)).tolist()
    for text, chance in zip(texts, chances.tolist(), strict=True):
        error = 5 * (chance * (1 - chance) / 20_000) ** 0.5
        assert drawn.count([*text]) / 20_000 == pytest.approx(chance, abs=error)


# Soft texts


def test_soft_texts_are_soft_forms_of_their_tokens():
    torch.manual_seed(1)
    model = make_model()
    texts, tokens = model.draw_soft_texts(500, 4, 1.5)
    assert texts.shape == (500, 4, WORDS)
    assert torch.equal(texts.argmax(2), tokens)
    assert (tokens[:, 0] != END).all()
    # Behind an end stand ends, without a doubt.
    ended = (tokens == END).cumsum(1) > 1
    ends = (tokens == END).cumsum(1)
    assert ended.any()
    assert (tokens[ends > 0] == END).all()
    assert (texts[ended] == torch.eye(WORDS)[END]).all()
    assert (texts[~ended].amax(1) < 1).any()


def test_soft_texts_come_as_often_as_drawn_ones():
    torch.manual_seed(1)
    model = make_model()
    _, soft = model.draw_soft_texts(10_000, 3, 1.0)
    hard = model.sample(10_000, 3, torch.Generator().manual_seed(1))
    for text in {tuple(row) for row in hard[:50].tolist()}:
        shares = [
            (each == torch.tensor(text)).all(1).double().mean().item() for each in (soft, hard)
        ]
        # Of two shares of 10,000 draws each.
        error = 5 * (2 * max(shares) / 10_000) ** 0.5
        assert shares[0] == pytest.approx(shares[1], abs=error)


def test_a_gradient_passes_the_logits_and_no_word_that_was_drawn(monkeypatch):
    model, seen = make_model(), []

    def draw(logits, beta):
        logits.retain_grad()
        seen.append(logits)
        return draw_softly(logits, beta)

    monkeypatch.setattr(relational_language_model, "draw_softly", draw)
    torch.manual_seed(2)
    texts, tokens = model.draw_soft_texts(30, 2, 1.0)
    (texts[:, 1] * torch.randn(30, WORDS)).sum().backward(retain_graph=True)
    # The second word's own logits; the first word's are read by nobody but through the choice.
    assert seen[1].grad.abs().sum() > 0
    assert seen[0].grad is None or not seen[0].grad.any()
    # A word that was drawn is read by the next place alone.
    model.zero_grad()
    (texts[:, 0] * torch.randn(30, WORDS)).sum().backward()
    rows = model.softmax.vectors.weight.grad.abs().sum(1)
    assert rows[END] > 0  # each text begins with it
    assert not rows[tokens[:, 0].unique()].any()
    assert seen[0].grad.abs().sum() > 0
