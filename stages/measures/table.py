"""The table of all measures of all sources, as aligned text."""

from collections.abc import Mapping

from stages.measures.bootstrap import Estimate
from stages.measures.report import Estimates

# What to wish for each measure; where it is real text's own value, more is no better than less.
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


def format_table(measured: Mapping[str, Estimates]) -> str:
    """Set the measures out, one a row, and the sources, one a column.

    Args:
        measured: measures by source, the same of each.

    Returns:
        Lines of equal width, the value of each measure with half the width of its interval.
    """
    rows = [["measure", "best", *measured]]
    for name, best in BEST.items():
        rows.append([name, best, *(_format(estimates[name]) for estimates in measured.values())])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def _format(estimate: Estimate) -> str:
    # Three digits after the point for shares and distances, none for large perplexities.
    digits = 3 if estimate.value < 10 else 1 if estimate.value < 1000 else 0
    half = (estimate.high - estimate.low) / 2
    return f"{estimate.value:.{digits}f} ± {half:.{digits}f}"
