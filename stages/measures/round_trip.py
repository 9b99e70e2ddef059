"""How much of a text survives an embedding and its reverse mapping."""

from collections.abc import Sequence

from rapidfuzz.distance import LCSseq


def round_trip(texts: Sequence[str], decoded: Sequence[str]) -> float:
    """Return the share of words that came back, in their order.

    Words count as given back when they stand in the longest common subsequence of the two texts,
    so that one lost word does not cost those after it.

    Args:
        texts: words joined by one space, one word or more in all.
        decoded: what came back of each.

    Returns:
        From 0 (nothing) to 1 (every word).
    """
    kept = total = 0
    for text, back in zip(texts, decoded, strict=True):
        words = text.split()
        kept += LCSseq.similarity(words, back.split())
        total += len(words)
    return kept / total
