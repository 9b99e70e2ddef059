"""Which runs of words or characters are in a text, hashed, so that no list of runs is needed.

Source: K. Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009,
arXiv:0902.2206.
"""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import HashingVectorizer

FEATURES = 2**20  # numbers to which runs are hashed; those of one number count as one
REPEATED = 2  # texts in which a run must be to count


def hash_runs(
    texts: Sequence[str], shortest: int, longest: int, *, of_characters: bool = False
) -> csr_matrix:
    """Say which runs are in each text, (N, FEATURES), of zeros and ones.

    Args:
        texts: words joined by one space.
        shortest: words or characters of a run, as is `longest`.
        longest: see above.
        of_characters: whether runs are of characters instead of words.
    """
    vectorizer = HashingVectorizer(
        n_features=FEATURES,
        alternate_sign=False,
        binary=True,
        norm=None,
        analyzer="char" if of_characters else "word",
        ngram_range=(shortest, longest),
        token_pattern=None if of_characters else r"\S+",
        lowercase=False,
    )
    return vectorizer.transform(texts)


def find_repeated(features: csr_matrix) -> np.ndarray:
    """Return the columns (K,), int64, rising, of the runs that are in `REPEATED` texts or more."""
    return np.flatnonzero(features.getnnz(axis=0) >= REPEATED)


def are_runs(runs: Sequence[int]) -> bool:
    """Say whether hashed runs (K,) rise and lie between 0 and `FEATURES` - 1."""
    return bool((np.diff([-1, *runs, FEATURES]) > 0).all())
