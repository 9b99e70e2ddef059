"""One-dimensional seriation: rows in an order in which neighbours are alike.

Rows are halved along their first principal axis, each half again, and so on (D. Boley, "Principal
Direction Divisive Partitioning", 1998, doi:10.1023/A:1009740529316); two halves are joined by the
ends that are most alike. So rows near each other are alike at every scale: a chain of nearest
neighbours has likelier neighbours, but tears apart what is a little farther away.
"""

from collections.abc import Sequence

import numpy as np

from stages.embeddings.word2vec import Word2VecEmbedding

# Those of the word2vec embedding's defaults.
VECTOR_SIZE, WINDOW, EPOCHS = 12, 5, 20


def order_by_similarity(texts: Sequence[str], words: Sequence[str], seed: int) -> list[str]:
    """Order words so that neighbours are words of like company, by their word2vec vectors.

    Args:
        texts: words joined by one space.
        words: every word of `texts`, once.
        seed: of word2vec.
    """
    embedding = Word2VecEmbedding.fit(
        texts, words, vector_size=VECTOR_SIZE, window=WINDOW, epochs=EPOCHS, seed=seed
    )
    return [words[place] for place in seriate(embedding.table[1:].numpy())]


def seriate(vectors: np.ndarray) -> np.ndarray:
    """Order rows so that neighbours have like directions.

    Args:
        vectors: (N, D); a row of zeros has no direction and stands anywhere.

    Returns:
        Places of the rows in their new order, (N,), int64.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions = vectors.astype(np.float64) / np.where(lengths > 0, lengths, 1)
    return _order(directions, np.arange(len(vectors)))


def _order(directions: np.ndarray, rows: np.ndarray) -> np.ndarray:
    if len(rows) <= 2:
        return rows
    centered = directions[rows] - directions[rows].mean(0)
    _, axes = np.linalg.eigh(centered.T @ centered)
    sorted_rows = rows[np.argsort(centered @ axes[:, -1], kind="stable")]
    half = len(rows) // 2
    left, right = _order(directions, sorted_rows[:half]), _order(directions, sorted_rows[half:])
    joints = [
        (directions[first[-1]] @ directions[second[0]], first, second)
        for first in (left, left[::-1])
        for second in (right, right[::-1])
    ]
    _, first, second = max(joints, key=lambda joint: joint[0])
    return np.concatenate([first, second])
