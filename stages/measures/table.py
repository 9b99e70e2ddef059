"""The table of all measures of all sources, as aligned text."""

from collections.abc import Mapping

from stages.measures.bootstrap import Estimate
from stages.measures.comparison import Estimates

# The best value of each measure; `as real`: the nearer to real text's value, the better.
BEST = {
    "known_words": "high",
    "distinct_1": "as real",
    "distinct_2": "as real",
    "distinct_lines": "as real",
    "copied_lines": "as real",
    "copied_5grams": "as real",
    "empty_lines": "0",
    "length_distance": "low",
    "bleu_2": "as real",
    "bleu_3": "as real",
    "bleu_4": "as real",
    "bleu_5": "as real",
    "self_bleu_2": "as real",
    "self_bleu_3": "as real",
    "self_bleu_4": "as real",
    "self_bleu_5": "as real",
    "forward_perplexity": "as real",
    "reverse_perplexity": "low",
    "frechet": "low",
    "mauve": "high",
    "classifier_vectors": "0.5",
    "classifier_words": "0.5",
}
BY_ORACLE = {"nll_oracle": "as real"}  # only where an oracle wrote the texts

_COLUMNS = 8  # sources beside real text in one block: what a wide screen shows


def format_table(measured: Mapping[str, Estimates], size: int) -> str:
    """Set the measures out, one a row, and the sources, one a column.

    Many sources are set out in blocks, one below the other, the first source in each of them.

    Args:
        measured: measures by source, the same of each; real text first.
        size: texts that were measured of each source.

    Returns:
        Lines of equal width in each block, the value of each measure with half the width of its
        interval; an empty line between blocks.
    """
    first, *others = measured
    starts = range(0, max(len(others), 1), _COLUMNS)
    blocks = [[first, *others[start : start + _COLUMNS]] for start in starts]
    return "\n\n".join(
        _format_block({source: measured[source] for source in block}, size) for block in blocks
    )


def _format_block(measured: Mapping[str, Estimates], size: int) -> str:
    rows = [["measure", "best", *measured], ["texts", "", *[f"{size}"] * len(measured)]]
    for name, best in (BEST | BY_ORACLE).items():
        values = [estimates.get(name) for estimates in measured.values()]
        if any(values):
            rows.append([name, best, *map(_format, values)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def _format(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    # Three digits after the point for shares and distances, none for large perplexities.
    digits = 3 if estimate.value < 10 else 1 if estimate.value < 1000 else 0
    half = (estimate.high - estimate.low) / 2
    return f"{estimate.value:.{digits}f} ± {half:.{digits}f}"
