"""MAUVE: how much two sets of vectors share, as the area under their divergence curve.

Source: K. Pillutla et al., "MAUVE: Measuring the Gap Between Neural Text and Human Text using
Divergence Frontiers", NeurIPS 2021, arXiv:2102.01454. As there: vectors of length 1, principal
components of 90 % of the variance, k-means over both sets together, scaling 5. Their vectors are
GPT-2's and their clusters 500 for 5,000 texts a side; ours come from any encoder, a cluster for
each ten texts of a side. With few texts the value depends on where the clusters start, so take
the mean over `CLUSTERINGS` of them. The number ranks sources; it cannot be compared with published
ones.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

TEXTS_A_CLUSTER = 10
SCALING = 5.0
CLUSTERINGS = 5
_VARIANCE = 0.9
_MIXTURES = 200  # points of the curve: the area is right to 1e-4


def quantise(
    first: np.ndarray, second: np.ndarray, seeds: Sequence[int]
) -> tuple[list[tuple[np.ndarray, np.ndarray]], int]:
    """Put the vectors of two sets into clusters fitted to both together, once a seed.

    Args:
        first: (N, D), length 1 each.
        second: (M, D), length 1 each; best as many as in `first`.
        seeds: of the start of each clustering's clusters.

    Returns:
        Of each clustering the cluster of each vector, (N,) and (M,), from 0; the number of
        clusters, of at least 2 unless all vectors are equal.
    """
    together = np.concatenate([first, second]).astype(np.float64)
    distinct = len(np.unique(together, axis=0))
    if distinct == 1:
        return [(np.zeros(len(first), int), np.zeros(len(second), int)) for _ in seeds], 1
    clusters = min(distinct, max(2, min(len(first), len(second)) // TEXTS_A_CLUSTER))
    labels = []
    components = PCA(_VARIANCE, svd_solver="full").fit_transform(together)
    for seed in seeds:
        kmeans = KMeans(clusters, n_init=1, max_iter=500, random_state=seed)
        labels.append(kmeans.fit_predict(components))
    return [(each[: len(first)], each[len(first) :]) for each in labels], clusters


def mauve(first: np.ndarray, second: np.ndarray) -> float:
    """Return the area under the divergence curve of two histograms P and Q.

    The curve runs through (exp(-c KL(Q|R)), exp(-c KL(P|R))) over all mixtures R = aP + (1 - a)Q,
    0 < a < 1, with c = 5.

    Args:
        first: counts or shares by cluster, (K,), some above 0.
        second: the same of the other set.

    Returns:
        From c B(c, c + 1) = 0.004 (no cluster in common) to 1 (the same histogram); higher is
        better.
    """
    p, q = first / first.sum(), second / second.sum()
    shares = np.linspace(0, 1, _MIXTURES + 1)[:, None]
    mixtures = shares * p + (1 - shares) * q  # (A, K)
    along = np.exp(-SCALING * _divergence(q, mixtures))  # falls from 1
    across = np.exp(-SCALING * _divergence(p, mixtures))  # rises to 1
    # Before its last point the curve lies at its height, 1.
    return float(np.trapezoid(across[::-1], along[::-1]) + along[-1])


def _divergence(histogram: np.ndarray, mixtures: np.ndarray) -> np.ndarray:
    """Return KL(histogram | mixture) of each mixture (A, K), in nats."""
    present = histogram > 0
    with np.errstate(divide="ignore"):  # a mixture that is one histogram alone: log 0, KL infinite
        logs = np.log(histogram[present]) - np.log(mixtures[:, present])
    return logs @ histogram[present]
