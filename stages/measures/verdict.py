"""How right a discriminator is about one source.

A score is the sigmoid of a logit, less a threshold where the recipe has one, so that 0.5 divides
real from fake; without a threshold it is the discriminator's probability.

Source: M. Beneš, "Generating text using LSTM GAN in PyTorch", 2021, section "Results": accuracy at
the threshold 0.5, and the mean squared error of the soft output against the truth.
"""

import numpy as np


def threshold_for(logits: np.ndarray, share: float) -> float:
    """Return the logit that a share of texts reaches.

    Args:
        logits: of real texts that the discriminator has not learnt from, (N,), N at least 1.
        share: that is to reach it, from 0 to 1; with equal logits at the threshold more do.
    """
    return float(np.quantile(logits, 1 - share))


def accuracy(scores: np.ndarray, *, is_real: bool) -> float:
    """Return the share of texts that a discriminator takes for what they are.

    Args:
        scores: of each text, (N,), from 0 (fake) to 1 (real), N at least 1.
        is_real: the truth about all of them.

    Returns:
        From 0 (all wrong) to 1 (all right); a score of exactly 0.5 counts as real.
    """
    return float(np.mean((scores >= 0.5) == is_real))


def mean_squared_error(scores: np.ndarray, *, is_real: bool) -> float:
    """Return the mean square of how far each score is from the truth, 1 or 0.

    Args:
        scores: of each text, (N,), from 0 (fake) to 1 (real), N at least 1.
        is_real: the truth about all of them.

    Returns:
        From 0 (all right and sure of it) to 1 (all wrong and sure of it).
    """
    return float(np.mean((scores.astype(np.float64) - is_real) ** 2))
