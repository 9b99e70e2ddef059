"""What stored counts of a Markov chain must be, so that it writes by them without a failure."""

from collections.abc import Mapping

import numpy as np

from stages.corpus.checked_files import Expected
from stages.generators.history_counts import END


def expected_arrays(size: int, order: int) -> Expected:
    """Return the types and shapes of `HistoryCounts.to_arrays`, by name.

    Args:
        size: V + 1, words and the end.
        order: of the chain.
    """
    expected = {"starts": ("int64", (size,))}
    for length in range(1, order + 1):
        expected[f"keys_{length}"] = ("int64", (f"histories of {length}",))
        expected[f"indptr_{length}"] = ("int32 int64", (f"ends of {length}",))
        expected[f"indices_{length}"] = ("int32 int64", (f"transitions of {length}",))
        expected[f"data_{length}"] = ("int64", (f"transitions of {length}",))
    return expected


def check_arrays(arrays: Mapping[str, np.ndarray], size: int, order: int) -> None:
    """Refuse arrays that do not fit each other, or lead to a history that was never seen.

    Args:
        arrays: of `HistoryCounts.to_arrays`, as `expected_arrays` says.
        size: V + 1, words and the end.
        order: of the chain.

    Raises:
        ValueError: an array does not fit; its message names it.
    """
    shorter = suffixes = np.zeros(1, dtype=np.int64)  # the history of no words
    for length in range(1, order + 1):
        keys, ends, following, counts = (
            arrays[f"{part}_{length}"] for part in ("keys", "indptr", "indices", "data")
        )
        rows, words = np.divmod(keys, size)
        is_sound = _is_rising(keys) and _is_within(rows, 0, len(shorter)) and (words != END).all()
        if not is_sound or (length == 1 and not len(keys)):
            raise ValueError(f"keys_{length}: expected rising keys of histories")
        is_sound = len(ends) == len(keys) + 1 and _is_rising(ends)
        if not is_sound or ends[0] != 0 or ends[-1] != len(following):
            raise ValueError(f"indptr_{length}: expected where each history's words begin and end")
        here = np.repeat(np.arange(len(keys)), np.diff(ends))
        if not _is_within(following, 0, size) or not _is_rising(here * size + following):
            raise ValueError(f"indices_{length}: expected rising ids of words after each history")
        _check_counts(f"data_{length}", counts, fewest=1)
        # The places of the histories without their first word, among those of a word less.
        if length > 1:
            suffixes = _find(f"keys_{length}", shorter, suffixes[rows] * size + words)
        else:
            suffixes = np.zeros(len(keys), dtype=np.int64)
        goes_on = following != END
        next_keys = (here if length < order else suffixes[here]) * size + following
        _find(f"indices_{length}", arrays[f"keys_{min(length + 1, order)}"], next_keys[goes_on])
        shorter = keys
    _check_counts("starts", arrays["starts"], fewest=0)
    if not arrays["starts"].any():
        raise ValueError("starts: expected a word that begins a text")
    _find("starts", arrays["keys_1"], np.flatnonzero(arrays["starts"]))


def _is_rising(numbers: np.ndarray) -> bool:
    return bool((numbers[1:] > numbers[:-1]).all())


def _is_within(numbers: np.ndarray, low: int, end: int) -> bool:
    return bool(((numbers >= low) & (numbers < end)).all())


def _check_counts(name: str, counts: np.ndarray, fewest: int) -> None:
    # Sums of them are int64.
    if not _is_within(counts, fewest, 2**62) or counts.sum(dtype=np.float64) >= 2**62:
        raise ValueError(f"{name}: expected counts of {fewest} or more")


def _find(name: str, keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return where each wanted key is among rising keys."""
    places = np.searchsorted(keys, wanted).clip(max=max(len(keys) - 1, 0))
    if len(wanted) and (not len(keys) or (keys[places] != wanted).any()):
        raise ValueError(f"{name}: expected histories and words that the chain has seen")
    return places
