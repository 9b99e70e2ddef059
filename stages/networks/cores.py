"""Work spread over the processor's cores, each task on one thread.

A task adds up its numbers in one order, however many cores there are, so the results do not depend
on their number. It is faster too than several threads for each operation, which wait for each other
after every one of them.
"""

import os
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

import torch


@contextmanager
def all_cores() -> Iterator[Executor]:
    """Give a pool of one worker for each core that this process may use.

    Until the pool is closed, PyTorch uses one thread in each of them, as other libraries always do.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(count_cores()) as pool:
            yield pool
    finally:
        torch.set_num_threads(threads)


def count_cores() -> int:
    """Return how many cores this process may use."""
    # Not everywhere can a process be kept to some of them, as `taskset` does.
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1
