"""Which runs of words or characters are in a text, hashed, so that no list of runs is needed.

Source: K. Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009,
arXiv:0902.2206.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import HashingVectorizer

from stages.corpus.checked_files import damaged

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


def check_runs(path: Path, weights: Mapping[str, Sequence[int]], *names: str) -> None:
    """Refuse hashed runs (K,) that do not rise from 0 or more to less than `FEATURES`.

    Args:
        path: of the file that holds the weights.
        weights: by name.
        names: of those that are runs.

    Raises:
        UserError: names the file and what in it is damaged.
    """
    for name in names:
        if not (np.diff([-1, *weights[name], FEATURES]) > 0).all():
            raise damaged(path, f"{name}: not rising from 0 to {FEATURES - 1}")
