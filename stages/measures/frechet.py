"""Frechet distance between the Gaussians fitted to two sets of vectors.

Source: M. Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
Equilibrium", NIPS 2017, arXiv:1706.08500; for text: S. Semeniuta, A. Severyn and S. Gelly, "On
Accurate Evaluation of GANs for Language Generation", 2018, arXiv:1806.04936. Their vectors are
InferSent's; ours come from any sentence encoder.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.linalg import qr

# Matrices whose eigenvalues are found in one call, which frees the other threads meanwhile.
_BATCH = 16


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
    spread = (first.factor**2).sum() + (second.factor**2).sum()
    distance = ((first.mean - second.mean) ** 2).sum() + spread - 2 * _overlaps([_gram(cross)])[0]
    return float(max(distance, 0))


def frechet_distances(
    first: Gaussian, vectors: np.ndarray, choices: Sequence[np.ndarray]
) -> np.ndarray:
    """Return the distance of a Gaussian to that of each choice of vectors, as `frechet_distance`.

    The vectors are multiplied with the first Gaussian's factor once, for all choices.

    Args:
        first: R1 is the rank of its factor.
        vectors: (N, D).
        choices: places of two or more vectors each, (M,) int64, equally many in all of them.

    Returns:
        (len(choices),) float64, from 0 upwards.
    """
    vectors = vectors.astype(np.float64)
    squares = (vectors**2).sum(1)  # (N,)
    crosses = (vectors - vectors.mean(0)) @ first.factor.T  # (N, R1)
    distances = []
    for start in range(0, len(choices), _BATCH):
        batch = choices[start : start + _BATCH]
        count = len(batch[0])
        means = np.stack([vectors[chosen].mean(0) for chosen in batch])  # (B, D)
        # tr S2 is the sum of squares about the mean, over N - 1.
        totals = np.array([squares[chosen].sum() for chosen in batch])
        spreads = (totals - count * (means**2).sum(1)) / (count - 1)
        overlaps = _overlaps([_gram(_centre(crosses[chosen])) for chosen in batch])
        shifts = ((first.mean - means) ** 2).sum(1)
        distances.append(shifts + (first.factor**2).sum() + spreads - 2 * overlaps)
    return np.maximum(np.concatenate(distances), 0)


def _centre(crosses: np.ndarray) -> np.ndarray:
    """Turn products of vectors with F1' into F2 F1', where F2 is those vectors' factor, (M, R1)."""
    return (crosses - crosses.mean(0)) / np.sqrt(len(crosses) - 1)


def _gram(cross: np.ndarray) -> np.ndarray:
    """Return the smaller of C C' and C'C, whose eigenvalues are the squared singular values."""
    return cross @ cross.T if len(cross) <= cross.shape[1] else cross.T @ cross


def _overlaps(grams: list[np.ndarray]) -> np.ndarray:
    """Return the trace of the root of each matrix, all of one size, (B,)."""
    squares = np.linalg.eigvalsh(np.stack(grams))  # (B, R)
    return np.sqrt(np.maximum(squares, 0)).sum(1)  # rounding leaves zeros below zero
