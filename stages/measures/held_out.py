"""How likely a generator would have written real text that it has not seen."""

from collections.abc import Sequence

import numpy as np


def held_out_nats(
    texts: Sequence[str], log_likelihoods: np.ndarray, max_length: int
) -> dict[str, float]:
    """Return what a held-out text costs a generator, per word.

    Args:
        texts: words joined by one space, N of them, none empty.
        log_likelihoods: the generator's log P of each, (N,), in nats, or a lower bound; -inf where
            it cannot write the text.
        max_length: words at which its texts are cropped.

    Returns:
        `nll_test`, the mean of -log P over words, and over ends of texts that are not cropped, of
        the texts that it can write: nats, 0 or more, lower is better; of lower bounds an upper
        bound; not there where it can write none. `impossible_test`, the share of texts that it
        cannot write, from 0 to 1, lower is better: those with a word, or for a chain a run of
        words, that it has not learnt. So a generator that excludes many is not ahead by a low
        `nll_test`.
    """
    possible = np.isfinite(log_likelihoods)
    lengths = np.array([len(text.split()) for text in texts])
    events = np.minimum(lengths, max_length) + (lengths < max_length)
    values = {"impossible_test": float(1 - possible.mean())}
    if possible.any():
        values["nll_test"] = float(-log_likelihoods[possible].sum() / events[possible].sum())
    return values
