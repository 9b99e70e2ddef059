"""Some of many, evenly spaced, for what would take too long with all."""


def choose_evenly(count: int, most: int) -> list[int]:
    """Return places of things, rising: all of `count`, or `most` of them, evenly spaced.

    Args:
        count: of the things, 0 or more.
        most: to be chosen, 1 or more.
    """
    kept = min(count, most)
    return [place * count // kept for place in range(kept)]
