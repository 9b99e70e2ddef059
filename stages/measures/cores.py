"""Work spread over the processor's cores, each task on one thread.

A task adds up its numbers in one order, however many cores there are, so the results do not depend
on their number. It is faster too than several threads for each operation, which wait for each other
after every one of them.
"""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


@contextmanager
def all_cores() -> Iterator[Executor]:
    """Give a pool of as many workers as PyTorch has threads (OMP_NUM_THREADS limits both).

    Until the pool is closed, PyTorch and BLAS use one thread in each of them. OpenMP's threads are
    each worker's own affair: what uses them, such as scikit-learn's k-means, sets their limit.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
            yield pool
    finally:
        torch.set_num_threads(threads)
