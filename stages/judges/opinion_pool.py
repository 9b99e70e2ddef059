"""What several judges say of a text together.

Each estimates the logarithm of the odds that a text is real. One that has learnt more than holds of
other texts says too much, one that is held back says too little, and they err in different places;
held-out texts tell how far to follow each.

Source: weights of several opinions' log odds after T. Heskes, "Selecting Weighting Factors in
Logarithmic Opinion Pools", NIPS 1997; by logistic regression on held-out texts after D. H. Wolpert,
"Stacked generalization", Neural Networks 5, 1992, doi:10.1016/S0893-6080(05)80023-1. We begin with
equal weights, as a few held-out texts do not tell.
"""

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import expit
from torch import Tensor, nn

SPREAD = 0.5  # deviation of what is believed of the weights before any text has told
DIGITS = 3  # of the weights, so that processors' last digits do not matter


class OpinionPool(nn.Module):
    """A weighted sum of judges' logits.

    Args:
        count: K, judges; each begins with a weight of 1 / K.
    """

    def __init__(self, count: int = 2) -> None:
        super().__init__()
        self.register_buffer("weights", torch.full((count,), 1 / count, dtype=torch.float64))

    def fit(self, real: Tensor, fakes: Tensor) -> None:
        """Weigh the judges by texts that none of them has learnt from.

        Args:
            real: logits of N real texts, (N, K), on any device; N and M at least 1.
            fakes: likewise, of M texts of the generator, (M, K). They count as N.
        """
        sides = (logits.cpu().double().numpy() for logits in (real, fakes))
        self.weights.copy_(torch.from_numpy(weigh(*sides).round(DIGITS)))

    def forward(self, logits: Tensor) -> Tensor:
        """Return the pooled logit of each text, (N,), float32, given each judge's, (N, K)."""
        return (logits.double() * self.weights).sum(1).float()


def weigh(real: np.ndarray, fakes: np.ndarray) -> np.ndarray:
    """Find the weights (K,), none below 0, under which held-out texts of both kinds are likeliest.

    A normal distribution about equal weights is what is believed before: few texts change them
    little.

    Args:
        real: logits of N real texts by K judges, (N, K), float64.
        fakes: likewise, (M, K); where M differs from N, they count as N.
    """
    logits = np.concatenate([real, fakes])  # (N + M, K)
    sides = np.repeat([1.0, -1.0], [len(real), len(fakes)])
    counts = np.repeat([1.0, len(real) / len(fakes)], [len(real), len(fakes)])
    equal = np.full(logits.shape[1], 1 / logits.shape[1])

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        margins = sides * (logits @ weights)
        drift = (weights - equal) / SPREAD
        value = counts @ np.logaddexp(0, -margins) + drift @ drift / 2
        slope = -(counts * sides * expit(-margins)) @ logits + drift / SPREAD
        return value, slope

    return minimize(loss, equal, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(equal)).x
