"""Many texts by one network: batches with random numbers of their own, drawn at once."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import TypeVar

import torch
from torch import nn

from stages.corpus.seeds import derive_seed
from stages.networks.cores import all_cores, count_cores

Result = TypeVar("Result")


def draw_batches(
    draw: Callable[[int, int, torch.Generator], Result],
    count: int,
    size: int,
    seed: int,
    network: nn.Module,
) -> Iterator[Result]:
    """Yield what a network draws, batch by batch; on a CPU as many at a time as there are cores.

    Each batch has random numbers of its own, so that it does not matter which is drawn first.
    Between two rounds the network is in the mode it was in, and PyTorch has all its threads.

    Args:
        draw: gets the place of a batch's first item, its size and its random numbers.
        count: of all items.
        size: of a batch; the last may be smaller.
        seed: of all random numbers.
        network: in evaluation mode while it draws: each draw that restored another mode would
            switch dropout on for those beside it.
    """

    def work(first: int) -> Result:
        random = torch.Generator().manual_seed(derive_seed(seed, f"from {first}"))
        return draw(first, min(size, count - first), random)

    on_cpu = next(network.parameters()).device.type == "cpu"
    round_size = size * (count_cores() if on_cpu else 1)
    for first in range(0, count, round_size):
        firsts = range(first, min(first + round_size, count), size)
        training = network.training
        network.eval()
        try:
            with all_cores() if on_cpu else nullcontext() as pool:
                drawn = [*(pool.map if pool else map)(work, firsts)]
        finally:
            network.train(training)
        yield from drawn
