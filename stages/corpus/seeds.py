"""Seeds for random numbers that must not repeat those of another purpose."""

import zlib

import numpy as np


def derive_seed(seed: int, purpose: str) -> int:
    """Return a seed of its own for a purpose, from 0 to 2**32 - 1; the same each time."""
    sequence = np.random.SeedSequence((seed, zlib.crc32(purpose.encode())))
    return int(sequence.generate_state(1)[0])
