"""Retrieval of documents: how many of the nearest have the label of what they are nearest to.

Source: precision at fractions of recall as in H. Larochelle and S. Lauly, "A Neural Autoregressive
Topic Model", NIPS 2012, and J. Glover, "Modeling documents with Generative Adversarial Networks",
2016, arXiv:1612.09122.
"""

from collections.abc import Sequence

import numpy as np

FRACTIONS = (0.0001, 0.0002, 0.0005, 0.002, 0.01, 0.05, 0.2)  # of all documents, Glover's
_AT_A_TIME = 256  # queries, whose similarities to all documents are in memory together


def count_retrieved(fraction: float, documents: int) -> int:
    """Return how many documents a fraction of all is, rounded, one at least."""
    return max(1, int(fraction * documents + 0.5))


def measure_precision(
    documents: np.ndarray,
    document_labels: np.ndarray,
    queries: np.ndarray,
    query_labels: np.ndarray,
    fractions: Sequence[float] = FRACTIONS,
) -> np.ndarray:
    """Return the share of the nearest documents, by cosine, that have the query's label.

    Of equally near ones the first are taken. A document whose vector is zeros comes after all
    others. A query whose vector is zeros finds documents by chance: its precision is the share of
    all documents that have its label.

    Args:
        documents: vectors (N, E).
        document_labels: (N,) integers.
        queries: vectors (Q, E).
        query_labels: (Q,) integers.
        fractions: of the N documents, rising; each is so many of the nearest.

    Returns:
        (Q, F) float64, each from 0 to 1, higher is better.
    """
    wanted = np.array([count_retrieved(fraction, len(documents)) for fraction in fractions])
    documents, is_empty = _normalize(documents)
    queries, knows_nothing = _normalize(queries)
    precision = np.empty((len(queries), len(wanted)))
    for first in range(0, len(queries), _AT_A_TIME):
        part = slice(first, first + _AT_A_TIME)
        distances = -(queries[part] @ documents.T)  # (B, N)
        distances[:, is_empty] = 2
        nearest = np.argsort(distances, axis=1, kind="stable")[:, : wanted.max()]
        is_right = document_labels[nearest] == query_labels[part, None]
        precision[part] = is_right.cumsum(1)[:, wanted - 1] / wanted
    by_chance = measure_chance(document_labels, query_labels)
    precision[knows_nothing] = by_chance[knows_nothing, None]
    return precision


def measure_chance(document_labels: np.ndarray, query_labels: np.ndarray) -> np.ndarray:
    """Return for each query the share of all documents that have its label, (Q,)."""
    labels, counts = np.unique(document_labels, return_counts=True)
    share = dict(zip(labels.tolist(), (counts / counts.sum()).tolist(), strict=True))
    return np.array([share.get(label, 0.0) for label in query_labels.tolist()])


def _normalize(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors of length 1, float32, and which are zeros, (N,) bool."""
    lengths = np.sqrt((vectors.astype(np.float64) ** 2).sum(1))
    is_empty = lengths == 0
    return (vectors / np.where(is_empty, 1, lengths)[:, None]).astype(np.float32), is_empty
