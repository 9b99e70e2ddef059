"""Networks of a shape alone."""

import subprocess
import sys

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from stages.networks.size import count_parameters, unallocated

MADE = """
import sys
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from stages.networks.size import unallocated
with unallocated():
    nn.LSTM(3, 4), nn.Embedding(3, 4), spectral_norm(nn.Linear(3, 4)), nn.Conv1d(3, 4, 1)
    nn.init.xavier_uniform_(nn.Linear(3, 4).weight)
print("torch._dynamo" in sys.modules)
"""


def make():
    words, reads, says = nn.Embedding(5, 3), nn.LSTM(3, 4), spectral_norm(nn.Linear(4, 2))
    return nn.ModuleDict({"words": words, "reads": reads, "says": says})


def test_unallocated_networks_have_the_same_shapes_and_no_numbers():
    with unallocated():
        shapes = make()
    made = make()
    assert count_parameters(shapes) == count_parameters(made) == 15 + 4 * 4 * (3 + 4 + 2) + 10
    assert all(each.is_meta for each in shapes.state_dict().values())
    assert {name: (each.shape, each.dtype) for name, each in shapes.state_dict().items()} == {
        name: (each.shape, each.dtype) for name, each in made.state_dict().items()
    }


def test_no_random_number_is_drawn_for_them():
    before = torch.get_rng_state()
    with unallocated():
        make()
    assert torch.equal(torch.get_rng_state(), before)
    make()
    assert not torch.equal(torch.get_rng_state(), before)


def test_pytorch_s_compiler_is_not_loaded_for_them():
    run = subprocess.run([sys.executable, "-c", MADE], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
