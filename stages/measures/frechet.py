"""Frechet distance between the Gaussians fitted to two sets of vectors.

Source: M. Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
Equilibrium", NIPS 2017, arXiv:1706.08500; for text: S. Semeniuta, A. Severyn and S. Gelly, "On
Accurate Evaluation of GANs for Language Generation", 2018, arXiv:1806.04936. Their vectors are
InferSent's; ours come from any sentence encoder.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import eigvalsh, qr


class Gaussian(NamedTuple):
    """A Gaussian whose covariance S is given by a factor F with F'F = S.

    Attributes:
        mean: (D,), float64.
        factor: (R, D), float64, R at most D.
    """

    mean: np.ndarray
    factor: np.ndarray


def fit_gaussian(vectors: np.ndarray) -> Gaussian:
    """Fit mean and covariance (over N - 1) to vectors (N, D), N at least 2."""
    vectors = vectors.astype(np.float64)
    mean = vectors.mean(0)
    factor = (vectors - mean) / np.sqrt(len(vectors) - 1)  # (N, D)
    if len(factor) > factor.shape[1]:
        factor = qr(factor, mode="r", check_finite=False)[0][: factor.shape[1]]  # (D, D)
    return Gaussian(mean, factor)


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """Return |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)), the square of a distance.

    The estimate is too high by an amount that shrinks with the number of vectors behind each
    Gaussian: with fewer than D vectors even two samples of one source stand far apart. So only
    distances from equal numbers of vectors to the same reference compare.

    Returns:
        From 0 (the same Gaussian) upwards; lower is better.
    """
    # (S1 S2)^(1/2) has the trace of the singular values of F1 F2'; as square roots of eigenvalues
    # they need no root of a matrix, which is unstable where a covariance lacks rank.
    cross = first.factor @ second.factor.T  # (R1, R2)
    if len(cross) > cross.shape[1]:
        cross = cross.T
    squares = eigvalsh(cross @ cross.T, check_finite=False)
    overlap = np.sqrt(np.maximum(squares, 0)).sum()  # rounding leaves zeros below zero
    spread = (first.factor**2).sum() + (second.factor**2).sum()
    distance = ((first.mean - second.mean) ** 2).sum() + spread - 2 * overlap
    return float(max(distance, 0))
