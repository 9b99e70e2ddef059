"""Checkpoints: what was saved comes back, or the file is said to be damaged."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from stages.pipeline.checkpoint import load_checkpoint, save_checkpoint


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "state.safetensors"


def there_and_back(path, state):
    save_checkpoint(path, state)
    return load_checkpoint(path)


@pytest.mark.parametrize(
    "state",
    [
        None,
        True,
        0.1,
        -7,
        2**200 + 1,  # as the state of NumPy's random numbers has them
        'don’t\n"say" \\ \'',
        [],
        {},
        [1, [2.5, [None, False]], {"a": []}],
        {"key": "abc", "epoch": 3, "validation": math.inf, "rates": [1e-300, 1 / 3]},
        {0: {"step": 1}, 1: {"step": 2}, None: 4, 0.5: 5, "0": 6},
        # Words that the file has for itself.
        {"tensor": "0", "pairs": [["a", 1]]},
        {"tensor": {"tensor": "1"}},
        [{"pairs": []}, {"structure": "tensor"}],
    ],
    ids=repr,
)
def test_plain_values_come_back_as_they_were(path, state):
    back = there_and_back(path, state)
    assert back == state
    assert repr(back) == repr(state)  # True is no 1, 0 no 0.0


def test_tuples_come_back_as_lists(path):
    assert there_and_back(path, {"betas": (0.9, (0.99,))}) == {"betas": [0.9, [0.99]]}


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor([[0.1, -math.inf], [math.inf, 1e-40]]),
        torch.tensor(3.5, dtype=torch.float64),
        torch.tensor([2**62, -1]),
        torch.tensor([True, False]),
        torch.get_rng_state(),
        torch.zeros(0, 3),
        torch.arange(6).reshape(2, 3).T,
        torch.nn.Parameter(torch.ones(2)),
    ],
    ids=lambda tensor: f"{tensor.dtype} {list(tensor.shape)}",
)
def test_tensors_come_back_to_the_bit(path, tensor):
    back = there_and_back(path, {"a": [tensor]})["a"][0]
    assert back.dtype == tensor.dtype
    assert torch.equal(back, tensor)
    assert not back.requires_grad


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.int32).reshape(2, 3)[:, ::2],
        np.array([0.1, math.nan]),
        np.float64(1 / 3),
        np.array([2**63], dtype=np.uint64),
    ],
    ids=lambda array: f"{array.dtype} {list(array.shape)}",
)
def test_arrays_come_back_as_tensors(path, array):
    back = there_and_back(path, array)
    assert isinstance(back, torch.Tensor)
    assert back.numpy().dtype == array.dtype
    assert np.array_equal(back.numpy(), array, equal_nan=True)


def test_one_tensor_in_two_places_is_two(path):
    tensor = torch.arange(4.0)
    first, second, part = there_and_back(path, [tensor, tensor, tensor[1:]])
    first += 1
    assert second.tolist() == [0, 1, 2, 3]
    assert part.tolist() == [1, 2, 3]


@pytest.mark.parametrize("optimizer", ["Adam", "AdamW", "SGD"])
def test_an_optimizer_goes_on_as_if_it_had_never_stopped(path, optimizer):
    def make():
        torch.manual_seed(0)
        network = torch.nn.Linear(3, 2)
        options = {"momentum": 0.9} if optimizer == "SGD" else {}
        return network, getattr(torch.optim, optimizer)(network.parameters(), 0.1, **options)

    def learn(network, optimizer, steps):
        for _ in range(steps):
            optimizer.zero_grad()
            (network(torch.ones(1, 3)) ** 2).sum().backward()
            optimizer.step()

    network, whole = make()
    learn(network, whole, 5)
    broken = make()
    learn(*broken, 2)
    states = there_and_back(path, [part.state_dict() for part in broken])
    resumed = make()
    for part, state in zip(resumed, states, strict=True):
        part.load_state_dict(state)
    learn(*resumed, 3)
    assert torch.equal(resumed[0].weight, network.weight)


def test_the_same_state_is_the_same_file(path, tmp_path):
    state = {"weights": torch.arange(3.0), "steps": [{"loss": 0.1}]}
    save_checkpoint(path, state)
    save_checkpoint(tmp_path / "other", state)
    assert path.read_bytes() == (tmp_path / "other").read_bytes()


def test_an_interrupted_save_leaves_the_checkpoint_before(path, monkeypatch):
    save_checkpoint(path, {"epoch": 1})

    def fail(file, content):
        with file.open("wb") as half:
            half.write(content[:9])
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(path, {"epoch": 2})
    assert load_checkpoint(path) == {"epoch": 1}
    assert list(path.parent.iterdir()) == [path]


def cut(path):
    path.write_bytes(path.read_bytes()[:-5])


def cut_to_nothing(path):
    path.write_bytes(b"")


def spoil_its_beginning(path):
    path.write_bytes(b"\xff" * 8 + path.read_bytes()[8:])


def write_structure(path, text, name="structure"):
    there = torch.tensor([*text.encode()], dtype=torch.uint8)
    save_file({"0": torch.ones(2), name: there}, path)


def write_no_structure(path):
    save_file({"0": torch.ones(2)}, path)


def write_another_structure(path):
    write_structure(path, "1", "other")


def write_a_structure_of_numbers(path):
    save_file({"structure": torch.ones(2)}, path)


def write_half_a_structure(path):
    write_structure(path, '{"pairs": [["a"')


def write_a_structure_without_pairs(path):
    write_structure(path, '{"a": 1}')


def write_a_structure_of_other_tensors(path):
    write_structure(path, '{"tensor": "1"}')


def write_a_deep_structure(path):
    write_structure(path, "[" * 10**5 + "]" * 10**5)


def write_pairs_of_three(path):
    write_structure(path, '{"pairs": [[1, 2, 3]]}')


def test_what_is_no_tensor_may_be_larger_than_a_header(path):
    # A safetensors file's header has at most 100 MB.
    steps = ["x" * 10**6] * 101
    assert there_and_back(path, {"steps": steps}) == {"steps": steps}


@pytest.mark.parametrize(
    "damage",
    [
        write_a_deep_structure,
        write_pairs_of_three,
        cut,
        cut_to_nothing,
        spoil_its_beginning,
        write_no_structure,
        write_another_structure,
        write_a_structure_of_numbers,
        write_half_a_structure,
        write_a_structure_without_pairs,
        write_a_structure_of_other_tensors,
    ],
)
def test_a_damaged_file_is_said_to_be_one(path, damage):
    save_checkpoint(path, {"weights": torch.arange(3.0)})
    damage(path)
    with pytest.raises(ValueError, match=r"state\.safetensors: no checkpoint that can be read"):
        load_checkpoint(path)
