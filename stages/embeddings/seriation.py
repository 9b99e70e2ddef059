"""One-dimensional seriation: rows in an order in which neighbours are alike.

Rows are halved along their first principal axis, each half again, and so on (D. Boley, "Principal
Direction Divisive Partitioning", 1998, doi:10.1023/A:1009740529316); two halves are joined by the
ends that are most alike. So rows near each other are alike at every scale: a chain of nearest
neighbours has likelier neighbours, but tears apart what is a little farther away.
"""

import math
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from stages.embeddings.word2vec import LEARNING_RATE, Word2VecEmbedding

# Those of the word2vec embedding's defaults.
VECTOR_SIZE, WINDOW, EPOCHS = 12, 5, 20
# Words that all passes together read, of a large text up to twice as many: gensim takes about two
# seconds for a million. Of texts with more words fewer passes do, with a higher learning rate.
WORDS_READ = 15 * 10**6
# A single pass over ten million words gave neighbours less alike at 0.2, and hardly alike at 0.025.
HIGHEST_RATE = 0.1


def order_by_similarity(texts: Sequence[str], words: Sequence[str], seed: int) -> list[str]:
    """Order words so that neighbours are words of like company, by their word2vec vectors.

    Args:
        texts: words joined by one space.
        words: those to order, each in `texts`.
        seed: of word2vec.
    """
    epochs, learning_rate = choose_passes(sum(text.count(" ") + 1 for text in texts))
    embedding = Word2VecEmbedding.fit(
        texts,
        words,
        vector_size=VECTOR_SIZE,
        window=WINDOW,
        epochs=epochs,
        seed=seed,
        learning_rate=learning_rate,
        called="scalar",
    )
    return [words[place] for place in seriate(embedding.table[1:].numpy())]


def choose_passes(count: int) -> tuple[int, float]:
    """Choose how often texts of so many words are read, from 1 to 20 times, and how fast it learns.

    Up to 750,000 words both are those of the word2vec embedding.
    """
    epochs = min(math.ceil(WORDS_READ / count), EPOCHS)
    return epochs, min(LEARNING_RATE * EPOCHS / epochs, HIGHEST_RATE)


def seriate(vectors: np.ndarray) -> np.ndarray:
    """Order rows so that neighbours have like directions.

    Args:
        vectors: (N, D); a row of zeros has no direction and stands anywhere.

    Returns:
        Places of the rows in their new order, (N,), int64.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions = vectors.astype(np.float64) / np.where(lengths > 0, lengths, 1)
    with tqdm(desc="order", total=len(vectors), unit="row") as progress:
        return _order(directions, np.arange(len(vectors)), progress)


def _order(directions: np.ndarray, rows: np.ndarray, progress: tqdm) -> np.ndarray:
    if len(rows) <= 2:
        progress.update(len(rows))
        return rows
    centered = directions[rows] - directions[rows].mean(0)
    _, axes = np.linalg.eigh(centered.T @ centered)
    sorted_rows = rows[np.argsort(centered @ axes[:, -1], kind="stable")]
    half = len(rows) // 2
    left, right = (
        _order(directions, part, progress) for part in (sorted_rows[:half], sorted_rows[half:])
    )
    joints = [
        (directions[first[-1]] @ directions[second[0]], first, second)
        for first in (left, left[::-1])
        for second in (right, right[::-1])
    ]
    _, first, second = max(joints, key=lambda joint: joint[0])
    return np.concatenate([first, second])
