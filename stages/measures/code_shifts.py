"""What the codes of a generator know of labels: texts moved along the direction of a label.

The direction of a label is the mean code of its texts less the mean code of all others. Added to a
text's code, it should make another text, that has the label.

Source: A. B. L. Larsen et al., "Autoencoding beyond pixels using a learned similarity metric",
ICML 2016, arXiv:1512.09300, for attributes of faces. We measure beside it a direction of the same
length that is drawn at random among those in which codes vary.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from stages.measures.labels import LabelClassifier

Decode = Callable[[np.ndarray], list[str]]  # from codes (N, Z) to a text each


class Shifted(NamedTuple):
    """What became of texts whose codes were moved.

    Attributes:
        judged: share of the texts that a classifier gives the label, 0 to 1.
        kept: words that a text shares with the one it came from, of all words of both (Jaccard),
            the mean over texts, 0 to 1.
    """

    judged: float
    kept: float


def find_direction(codes: np.ndarray, labels: Sequence[str | None], label: str) -> np.ndarray:
    """Return the direction of a label, (Z,) float32.

    Args:
        codes: of texts, (N, Z).
        labels: theirs; a text without one is among the others.
        label: one that some texts have, but not all.
    """
    has_it = np.array([each == label for each in labels])
    direction = codes[has_it].mean(0, dtype=np.float64) - codes[~has_it].mean(0, dtype=np.float64)
    return direction.astype(np.float32)


def draw_direction(codes: np.ndarray, length: float, seed: int) -> np.ndarray:
    """Draw a direction of a given length, (Z,) float32, as likely as codes vary along it.

    So it moves what the codes use, and no numbers that the generator ignores.

    Args:
        codes: of texts, (N, Z), not all the same.
        length: of the direction.
        seed: of what is drawn.
    """
    weights = np.random.default_rng(seed).normal(size=len(codes))
    drawn = weights @ (codes - codes.mean(0, dtype=np.float64))
    return (drawn * (length / np.linalg.norm(drawn))).astype(np.float32)


def measure_shift(
    decode: Decode,
    codes: np.ndarray,
    texts: Sequence[str],
    direction: np.ndarray,
    label: str,
    classifier: LabelClassifier,
) -> Shifted:
    """Move the codes of texts, decode them, and see what has become of the texts.

    Args:
        decode: of the generator.
        codes: of the texts, (N, Z), N at least 1.
        texts: words joined by one space.
        direction: added to each code, (Z,).
        label: that `judged` asks for.
        classifier: learnt from real text.
    """
    moved = decode(codes + direction)
    judged = float((classifier.classify(moved) == label).mean())
    return Shifted(judged, float(np.mean([*map(_shared, texts, moved)])))


def _shared(text: str, other: str) -> float:
    first, second = {*text.split()}, {*other.split()}
    return len(first & second) / len(first | second)
