"""Tests of operations that round alike on every maker's processor, and of what settles the rest."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from stages.networks.portable import Linear, multiply, replace_linear, square_root

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("rows", "inner", "columns"), [(3, 5, 2), (1, 7, 1), (200, 33, 65), (0, 4, 2)]
)
def test_a_product_and_its_gradients_are_those_of_plain_pytorch(rows, inner, columns):
    first, second = torch.randn(rows, inner), torch.randn(inner, columns)
    weight = torch.randn(rows, columns)
    gradients = []
    for product in (multiply, torch.matmul):
        pair = first.clone().requires_grad_(), second.clone().requires_grad_()
        found = product(*pair)
        (found * weight).sum().backward()
        gradients.append([found, *(each.grad for each in pair)])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-4)  # 200 * 2**-24 * a sum of 8


def test_a_layer_s_gradients_and_those_of_a_penalty_on_them_are_those_of_plain_pytorch():
    plain, vectors = nn.Linear(3, 4), torch.randn(5, 3)
    layer = Linear(3, 4)
    layer.load_state_dict(plain.state_dict())
    found = []
    for each in (plain, layer):
        read = vectors.clone().requires_grad_()
        answer = each(read).tanh().square().sum()
        (slope,) = torch.autograd.grad(answer, read, create_graph=True)
        penalty = (slope.norm(dim=1) - 1).square().sum()
        found.append(torch.autograd.grad(answer + penalty, [read, *each.parameters()]))
    for one, other in zip(*found, strict=True):
        assert other.abs().min() > 0
        torch.testing.assert_close(one, other)


def test_a_product_by_hand():
    # (1 2) (5)   17
    # (3 4) (6) = 39
    product = multiply(torch.tensor([[1.0, 2], [3, 4]]), torch.tensor([[5.0], [6]]))
    assert product.tolist() == [[17], [39]]
    pair = torch.tensor([[1.0, 2], [3, 4]]), torch.tensor([[5.0], [6]])
    assert multiply(*pair, torch.tensor([0.5])).tolist() == [[17.5], [39.5]]
    # Of no inner numbers, and of no rows.
    empty = torch.ones(2, 0), torch.ones(0, 1)
    assert multiply(*empty, torch.tensor([0.5])).tolist() == [[0.5], [0.5]]
    assert multiply(torch.ones(0, 2), pair[1], torch.tensor([0.5])).shape == (0, 1)


@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_layer_is_pytorchs(bias):
    plain = nn.Linear(5, 3, bias)
    layer = Linear(5, 3, bias)
    layer.load_state_dict(plain.state_dict())
    vectors = torch.randn(2, 4, 5)
    torch.testing.assert_close(layer(vectors), plain(vectors))
    assert isinstance(layer, nn.Linear)


def test_every_linear_layer_inside_is_replaced_and_keeps_its_weights():
    network = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Sequential(nn.Linear(3, 2)))
    weights = [weight.clone() for weight in network.parameters()]
    vectors = torch.randn(6, 4)
    expected = network(vectors)
    replace_linear(network)
    assert type(network[0]) is type(network[2][0]) is Linear
    assert all(torch.equal(*pair) for pair in zip(weights, network.parameters(), strict=True))
    torch.testing.assert_close(network(vectors), expected)


def test_a_square_root_is_the_nearest_number_to_it():
    numbers = torch.rand(10_000) * 1e3
    # The root in double precision has more digits than rounding to single takes.
    assert torch.equal(square_root(numbers), square_root(numbers.double()).float())


def test_no_other_module_takes_pytorchs_square_roots():
    # NumPy's and Python's are the nearest; those inside PyTorch's norms are its own.
    plain = re.compile(r"(?<!np)(?<!math)\.r?sqrt\(")
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "stages").rglob("*.py")
        if plain.search(path.read_text())
    }
    assert found == {"stages/networks/portable.py"}


def test_other_settings_of_the_environment_give_way():
    code = (
        "import stages.pipeline.stage, torch, numpy, threadpoolctl\n"
        "print(torch.backends.cpu.get_cpu_capability(), torch.get_num_threads())\n"
        "print({pool['num_threads'] for pool in threadpoolctl.threadpool_info()})\n"
        "features = numpy.show_config('dicts')['SIMD Extensions']['found']\n"
        "print('X86_V4' in features)"
    )
    other = {"MKL_CBWR": "AUTO", "OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "2"}
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **other, "ATEN_CPU_CAPABILITY": "default"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    if not found[0].startswith("AVX2"):
        pytest.skip(f"no AVX2 here, but {found[0]}")
    assert found[:3] == ["AVX2 1", "{1}", "False"]


def test_the_tests_calculate_as_the_stages_do():
    assert torch.backends.cpu.get_cpu_capability() in ("AVX2", "DEFAULT", "NO AVX")
    assert os.environ["MKL_CBWR"] == "COMPATIBLE"
