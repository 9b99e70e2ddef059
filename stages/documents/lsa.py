"""Latent semantic analysis: texts by the strongest directions of their TF-IDF weights.

Source: S. Deerwester et al., "Indexing by Latent Semantic Analysis", Journal of the American
Society for Information Science 1990,
doi:10.1002/(SICI)1097-4571(199009)41:6<391::AID-ASI1>3.0.CO;2-9.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import svds

from stages.corpus.checked_files import Expected
from stages.corpus.settings import Section, Size
from stages.documents.bags import measure_rarity, weigh
from stages.documents.fitted_model import BagAbout, FittedModel


class Settings(Section):
    """Which words count, and how many directions are kept.

    Attributes:
        vocabulary: V, words at most, the most frequent.
        width: directions; fewer where there are fewer texts or words.
    """

    vocabulary: Size
    width: Size


class _About(BagAbout):
    model: Literal["lsa"]
    settings: Settings


class Lsa(FittedModel):
    """Vectors (N, width): TF-IDF weights along right singular vectors; see `protocol`."""

    Settings: ClassVar = Settings
    name: ClassVar = "lsa"
    About: ClassVar = _About

    def fit(self, texts: Sequence[str]) -> None:
        """Decompose the weights of texts."""
        counts = self.bags.count(texts)
        rarity = measure_rarity(counts)
        directions = find_directions(weigh(counts, rarity), self.settings.width)
        self.arrays = {"rarity": rarity, "directions": directions}

    def turn(self, texts: Sequence[str]) -> np.ndarray:
        """Project the weights of texts."""
        return weigh(self.bags.count(texts), self.arrays["rarity"]) @ self.arrays["directions"]

    @classmethod
    def expect(cls, settings: Settings, words: int) -> Expected:
        """Expect a rarity a word, and directions."""
        return {"rarity": ("float64", (words,)), "directions": ("float64", (words, "width"))}


def find_directions(weights: csr_array, width: int) -> np.ndarray:
    """Return the right singular vectors of the largest singular values.

    Args:
        weights: (N, V).
        width: how many, at most N and V.

    Returns:
        (V, width) float64, the strongest first; each one's entry of the largest size is positive.
    """
    width = min(width, *weights.shape)
    if 2 * width < min(weights.shape) and weights.data.any():  # of zeros it finds nothing
        # Its own first vector would be drawn at random.
        start = np.ones(min(weights.shape))
        _, values, directions = svds(weights, width, v0=start, return_singular_vectors="vh")
        directions = directions[np.argsort(-values, kind="stable")]
    else:
        _, _, directions = np.linalg.svd(weights.toarray(), full_matrices=False)
        directions = directions[:width]
    largest = np.abs(directions).argmax(1)
    return (directions * np.sign(directions[np.arange(width), largest])[:, None]).T
