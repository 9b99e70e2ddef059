"""How well a detector of generated text does: what it catches, and whom it wrongs.

Source: T. Fawcett, "An Introduction to ROC Analysis", Pattern Recognition Letters 2006,
doi:10.1016/j.patrec.2005.10.010; C. Guo et al., "On Calibration of Modern Neural Networks", ICML
2017, arXiv:1706.04599, for the calibration error; E. Wilson, "Probable Inference", JASA 1927,
doi:10.1080/01621459.1927.10502953, for the intervals of shares.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import roc_auc_score

from stages.measures.bootstrap import Estimate

BINS = 10  # of probabilities, each of one width
NORMAL = 1.959964  # standard deviations to either side that hold 95 %
LENGTHS = ((1, 4), (5, 9), (10, 14), (15, 24), (25, None))  # words, both ends included


def area(real: np.ndarray, generated: np.ndarray) -> Estimate:
    """Return the chance that a real text's logit is above a generated one's, with its interval.

    Args:
        real: logits of real texts, (N,), N at least 1.
        generated: logits of generated texts, (M,), M at least 1.

    Returns:
        The area under the ROC curve, from 0 to 1: 0.5 is chance; equal logits count half.
    """
    is_real = np.repeat([True, False], [len(real), len(generated)])
    value = float(roc_auc_score(is_real, np.concatenate([real, generated])))
    error = NORMAL * area_error(value, len(real), len(generated))
    return Estimate(value, max(value - error, 0.0), min(value + error, 1.0))


def area_error(area: float, positives: int, negatives: int) -> float:
    """Return the standard error of an area under the ROC curve over so many texts of each side.

    Source: J. Hanley and B. McNeil, "The Meaning and Use of the Area under a Receiver Operating
    Characteristic (ROC) Curve", Radiology 1982, doi:10.1148/radiology.143.1.7063747.
    """
    both, other = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area)
    spread += (positives - 1) * (both - area**2) + (negatives - 1) * (other - area**2)
    return float(np.sqrt(max(spread, 0) / (positives * negatives)))


def share(hits: np.ndarray) -> Estimate:
    """Return the share of True among hits (N,), N at least 1, with Wilson's interval."""
    return wilson(float(np.mean(hits)), len(hits))


def wilson(value: float, count: float) -> Estimate:
    """Return a share with Wilson's interval for so many independent cases, more than none."""
    below = 1 + NORMAL**2 / count
    middle = (value + NORMAL**2 / (2 * count)) / below
    reach = NORMAL / below * np.sqrt(value * (1 - value) / count + NORMAL**2 / (4 * count**2))
    # At 0 and 1 an end is the value itself, which rounding must not pass.
    low, high = min(float(middle - reach), value), max(float(middle + reach), value)
    return Estimate(value, max(low, 0.0), min(high, 1.0))


def calibration_error(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Return how far probabilities are from the shares they foretell, on average over texts.

    Args:
        probabilities: that each text is generated, (N,), from 0 to 1, N at least 1.
        truth: whether it is, (N,) bool.

    Returns:
        From 0 (they hold) to 1, by `BINS` bins of one width.
    """
    places = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    off = np.bincount(places, probabilities - truth, minlength=BINS)
    return float(np.abs(off).sum() / len(truth))


def class_of(lengths: Sequence[int]) -> list[str]:
    """Name the class of `LENGTHS` of each text: `1-4`, or `25+`."""
    names = []
    for length in lengths:
        for first, last in LENGTHS:
            if last is None or length <= last:
                names.append(f"{first}+" if last is None else f"{first}-{last}")
                break
    return names
