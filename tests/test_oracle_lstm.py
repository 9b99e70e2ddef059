"""The LSTM oracle against steps by hand, all texts of a tiny one, and its published weights."""

import hashlib
import math
import zipfile
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from stages.corpus.errors import UserError
from stages.networks.oracle_lstm import OracleLstm, number_words, write_texts
from stages.networks.oracle_weights import (
    SHAPES,
    draw_weights,
    load_weights,
    save_weights,
    shapes_of,
)

PUBLISHED = Path(__file__).parents[2] / "shared/data/oracle/seqgan_oracle.npz"


def make_oracle(seed=0, vocabulary=3, width=2, hidden_size=4):
    return OracleLstm.draw(vocabulary, width, hidden_size, seed)


def test_two_steps_are_those_by_hand():
    # One number a word (1 for the word 0, 0 for the word 1) and one of the state.
    # The first step reads the word 0. Gates: input sigmoid(ln 3) = 3/4, output sigmoid(0) = 1/2;
    # candidate 2/3 ln 2; so the cell is ln 2 / 2, whose tanh is (2 - 1) / (2 + 1) = 1/3, and the
    # state 1/6. The logit of the word 1 is 6 ln 2 / 6 = ln 2, that of the word 0 is 0.
    # The second step reads the word 1: its candidate is 0, and by the forget gate, 1/2, the cell is
    # ln 2 / 4, whose tanh is (r - 1) / (r + 1) for the root r of 2, which is 3 - 2r. The output
    # gate reads the state 1/6 by 6 ln 2: sigmoid(ln 2) = 2/3.
    arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes_of(2, 1, 1).items()}
    arrays["embedding"][:] = [[1], [0]]
    arrays["W_input"][:] = math.log(3)
    arrays["W_candidate"][:] = math.atanh(2 / 3 * math.log(2))
    arrays["U_output"][:] = 6 * math.log(2)
    arrays["W_vocabulary"][:] = [[0, 6 * math.log(2)]]
    oracle = OracleLstm(arrays)
    second = 6 * math.log(2) * 2 / 3 * (3 - 2 * math.sqrt(2))
    texts = torch.tensor([[1, 0], [0, 0], [1, 1]])
    found = oracle.log_likelihood(texts).tolist()
    assert found[2] == pytest.approx(math.log(2 / 3) + second - math.log1p(math.exp(second)))
    assert found[0] == pytest.approx(math.log(2 / 3) - math.log1p(math.exp(second)))


def test_the_gates_are_those_of_the_equations():
    arrays = draw_weights(7, 3, 5, seed=2)
    texts = np.random.default_rng(1).integers(0, 7, (4, 6))
    values = np.zeros(4)
    for row, text in enumerate(texts):
        state, cell, word = np.zeros(5), np.zeros(5), 0
        for after in text:
            read = arrays["embedding"][word]
            gates = {
                gate: read @ arrays[f"W_{gate}"] + state @ arrays[f"U_{gate}"] + arrays[f"b_{gate}"]
                for gate in ("input", "forget", "output", "candidate")
            }
            keep, take, show = (1 / (1 + np.exp(-gates[g])) for g in ("forget", "input", "output"))
            cell = keep * cell + take * np.tanh(gates["candidate"])
            state = show * np.tanh(cell)
            logits = state @ arrays["W_vocabulary"] + arrays["b_vocabulary"]
            values[row] += logits[after] - np.log(np.exp(logits).sum())
            word = after
    found = OracleLstm(arrays).log_likelihood(torch.from_numpy(texts))
    np.testing.assert_allclose(found.numpy(), values, rtol=1e-5)


def test_all_texts_of_one_length_are_certain():
    texts = torch.tensor([*product(range(3), repeat=4)])
    assert make_oracle().log_likelihood(texts).exp().sum().item() == pytest.approx(1, abs=1e-5)


def test_texts_are_drawn_by_their_probabilities():
    oracle, count = make_oracle(), 20_000
    drawn = oracle.sample(count, 2, torch.Generator().manual_seed(1))
    found = torch.bincount(drawn[:, 0] * 3 + drawn[:, 1], minlength=9) / count
    expected = oracle.log_likelihood(torch.tensor([*product(range(3), repeat=2)])).exp()
    # The standard error of a share is at most sqrt(1/4 / 20,000) = 0.0035.
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=0.015)


def test_the_same_seed_draws_the_same_texts():
    first, again, other = (
        make_oracle(vocabulary=50).sample(30, 6, torch.Generator().manual_seed(seed))
        for seed in (3, 3, 4)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_an_oracle_of_a_seed_is_known_by_its_bytes(tmp_path):
    # Whatever the processor. A constant: another order of the arrays would be another oracle.
    save_weights(tmp_path / "oracle.npz", draw_weights(5, 2, 3, seed=1))
    found = hashlib.sha256((tmp_path / "oracle.npz").read_bytes()).hexdigest()
    assert found[:16] == "a7702d49a0b3b3b0"


def test_what_was_saved_is_loaded(tmp_path):
    arrays = draw_weights(5, 2, 3, seed=1)
    save_weights(tmp_path / "oracle.npz", arrays)
    loaded = load_weights(tmp_path / "oracle.npz")
    assert all((loaded[name] == arrays[name]).all() for name in SHAPES)


def damage_pickle(arrays):
    return {**arrays, "embedding": np.array([{}], dtype=object)}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (damage_pickle, "embedding is object"),
        (lambda a: {k: v for k, v in a.items() if k != "b_forget"}, "'b_forget' is missing"),
        (lambda a: a | {"more": a["b_forget"]}, "'more' is unknown"),
        (lambda a: a | {"b_forget": a["b_forget"].astype(float)}, "b_forget is float64"),
        (lambda a: a | {"b_forget": a["b_forget"][:2]}, "b_forget has the shape (2,), not"),
        (lambda a: a | {"embedding": a["embedding"][:0]}, "embedding has the shape (0, 2), not"),
        (lambda a: a | {"b_input": a["b_input"][:, None]}, "b_input has the shape (3, 1), not"),
        (lambda a: a | {"b_output": a["b_output"] * np.nan}, "b_output has numbers that are not"),
    ],
)
def test_other_arrays_are_refused_in_one_line(tmp_path, change, told):
    np.savez(tmp_path / "oracle.npz", **change(draw_weights(5, 2, 3, seed=1)))
    with pytest.raises(UserError) as error:
        load_weights(tmp_path / "oracle.npz")
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_damaged_files_are_refused_in_one_line(tmp_path):
    path = tmp_path / "oracle.npz"
    save_weights(path, draw_weights(5, 2, 3, seed=1))
    whole, random = path.read_bytes(), np.random.default_rng(1)
    arrays = load_weights(path)
    with pytest.raises(UserError, match="no such file"):
        load_weights(tmp_path / "other.npz")
    with pytest.raises(UserError, match="a folder"):
        load_weights(tmp_path)
    for case in range(200):
        if case % 2:
            damaged = whole[: random.integers(len(whole))]
        else:
            damaged = bytearray(whole)
            damaged[random.integers(len(whole))] ^= 1 << random.integers(8)
        path.write_bytes(damaged)
        told, loaded = "", arrays
        told, loaded = "", arrays
        try:
            loaded = load_weights(path)
        except UserError as error:
            told = str(error)
        # A bit that does not matter may have been hit.
        assert all((loaded[name] == arrays[name]).all() for name in SHAPES)
        assert "\n" not in told


def test_a_claim_beyond_what_the_file_holds_is_refused(tmp_path):
    path = tmp_path / "oracle.npz"
    save_weights(path, draw_weights(5, 2, 3, seed=1))
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    content = members["embedding.npy"]
    members["embedding.npy"] = content.replace(b"(5, 2), }", b"(5" + b"0" * 9 + b", 2), }", 1)
    members["embedding.npy"] = members["embedding.npy"].replace(b" " * 9 + b"\n", b"\n", 1)
    with zipfile.ZipFile(path, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    with pytest.raises(UserError, match="embedding has the shape"):
        load_weights(path)


def test_words_are_written_and_read_back():
    tokens = torch.tensor([[0, 12], [3, 0]])
    assert write_texts(tokens) == ["w0 w12", "w3 w0"]
    rows = number_words(["w0 w12", "", "w3 w13 w03 dog"], 13)
    assert [row.tolist() for row in rows] == [[0, 12], [], [3, -1, -1, -1]]


@pytest.mark.skipif(not PUBLISHED.exists(), reason="SeqGAN's weights are not beside the project")
def test_the_published_oracle_has_its_published_entropy():
    oracle = OracleLstm.load(PUBLISHED)
    texts = oracle.sample(2000, 20, torch.Generator().manual_seed(1))
    # Its authors give 5.750.
    assert -oracle.log_likelihood(texts).mean().item() / 20 == pytest.approx(5.743, abs=0.02)
