"""Pictures of numbers, written as PNG files whose bytes depend on the numbers alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

_BINS_PER_DOUBLING = 3


def draw_lengths(path: Path | str, lengths: Mapping[str, np.ndarray], max_length: int) -> None:
    """Draw how long the texts of several groups are.

    Args:
        path: the PNG file to write.
        lengths: words of each text, (N,) integers of at least 1, by the name of the group; at
            least one text in all.
        max_length: words at which longer texts are cropped, marked in the picture.
    """
    longest = max(int(group.max(initial=1)) for group in lengths.values())
    doublings = np.log2(longest) + 1
    edges = np.unique(np.round(2 ** np.arange(0, doublings, 1 / _BINS_PER_DOUBLING)))
    edges = np.append(edges[edges <= longest], longest + 1) - 0.5
    figure = Figure(figsize=(8, 4.5), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    for name, group in lengths.items():
        # Short lengths are whole numbers, so their bins differ in width: hence a density.
        share = np.histogram(group, edges)[0] / max(len(group), 1)
        density = 100 * share / np.log2(edges[1:] / edges[:-1])
        median = f"median {np.median(group):.0f}" if len(group) else "none"
        label = f"{name}: n = {len(group):,}, {median}"
        axes.stairs(density, edges, fill=True, alpha=0.35, label=label)
    cropped = 100 * np.mean(np.concatenate(list(lengths.values())) > max_length)
    axes.axvline(
        max_length + 0.5,
        color="black",
        linestyle="--",
        linewidth=1,
        label=f"cropped to {max_length} words: {cropped:.0f} %",
    )
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:.0f}")
    shortest = min(int(group.min(initial=longest)) for group in lengths.values())
    axes.set_xlim(max(shortest - 0.5, 0.75), max(edges[-1], max_length + 1))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("length (words a comment)")
    axes.set_ylabel("share of the comments (% per doubling of length)")
    axes.set_title("Length of the comments")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, path)


def _save(figure: Figure, path: Path | str) -> None:
    # Without the name and version of the software, which would change the bytes.
    FigureCanvasAgg(figure).print_png(path, metadata={"Software": None})


def draw_verdicts(
    path: Path | str, verdicts: Mapping[str, Mapping[str, Mapping[str, float]]], real: Sequence[str]
) -> None:
    """Draw how right each discriminator is about each source, as a heat map.

    Args:
        path: the PNG file to write.
        verdicts: `accuracy` and `mse`, both from 0 to 1, by judge, then by source; every judge
            has the same sources in the same order.
        real: the sources that are real text.
    """
    judges = list(verdicts)
    sources = list(verdicts[judges[0]])
    shares = np.array(
        [[verdicts[judge][source]["accuracy"] for source in sources] for judge in judges]
    )
    figure = Figure(
        figsize=(2.2 + 1.15 * len(sources), 1.6 + 0.75 * len(judges)), dpi=100, layout="constrained"
    )
    axes = figure.add_subplot()
    # Red to blue, which the colour-blind can tell apart too.
    image = axes.imshow(shares, cmap="RdBu", vmin=0, vmax=1, aspect="auto")
    for row, judge in enumerate(judges):
        for column, source in enumerate(sources):
            verdict = verdicts[judge][source]
            axes.text(
                column,
                row,
                f"{100 * verdict['accuracy']:.1f} %\n{verdict['mse']:.2g}",
                ha="center",
                va="center",
                fontsize=9,
                color="black" if 0.2 < verdict["accuracy"] < 0.8 else "white",
            )
    labels = [
        f"{source.replace('_', chr(10))}\n({'real' if source in real else 'fake'})"
        for source in sources
    ]
    axes.set_xticks(range(len(sources)), labels)
    axes.set_yticks(range(len(judges)), judges)
    axes.set_xlabel("source of the texts")
    axes.set_ylabel("discriminator of")
    axes.set_title("Share of texts taken for what they are; below it, mean squared error")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    figure.colorbar(image, ax=axes, format=PercentFormatter(xmax=1))
    _save(figure, path)


def draw_measures(
    path: Path | str,
    measured: Mapping[str, Mapping[str, Sequence[float]]],
    real: str,
    table: str,
) -> None:
    """Draw quality against diversity, a point a source, above the table of all measures.

    Args:
        path: the PNG file to write.
        measured: value, low and high end of its 95 % interval, by measure, by source: `frechet`
            and `self_bleu_4` are drawn.
        real: the source that is real text.
        table: aligned text.
    """
    lines = table.splitlines()
    figure = Figure(
        figsize=(max(8, 0.085 * len(lines[0])), 5.5 + 0.17 * len(lines)),
        dpi=100,
        layout="constrained",
    )
    axes, below = figure.subplots(2, height_ratios=[5.5, 0.17 * len(lines)])
    for source, estimates in measured.items():
        _draw_curve(axes, source, [(estimates["frechet"], estimates["self_bleu_4"])], real)
    axes.set_yscale("log")
    # As 0.3, not as 3 × 10⁻¹.
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    _label_trade(axes)
    axes.set_title("Quality against diversity, with 95 % intervals")
    below.axis("off")
    below.text(0.5, 1, table, family="monospace", fontsize=9, ha="center", va="top")
    _save(figure, path)


def draw_sweep(
    path: Path | str,
    points: Mapping[str, Sequence[tuple[Sequence[float], Sequence[float]]]],
    temperatures: Mapping[str, Sequence[float | None]],
    real: str,
) -> None:
    """Draw quality against diversity, a curve a generator, a point a temperature.

    Args:
        path: the PNG file to write.
        points: by source, the Frechet distance and the Self-BLEU-4 of each of its points, each
            with the low and high end of its 95 % interval.
        temperatures: of those points; None where a source has none.
        real: the source that is real text.
    """
    figure = Figure(figsize=(8, 5.5), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    for source, curve in points.items():
        color = _draw_curve(axes, source, curve, real)
        for (y, x), temperature in zip(curve, temperatures[source], strict=True):
            if temperature is not None:
                axes.annotate(
                    f"{temperature:g}",
                    (x[0], y[0]),
                    xytext=(4, 4),
                    textcoords="offset points",
                    fontsize=8,
                    color=color,
                )
    _label_trade(axes)
    axes.set_title("Quality against diversity over sampling temperatures, with 95 % intervals")
    _save(figure, path)


def _draw_curve(
    axes: Axes, source: str, curve: Sequence[tuple[Sequence[float], Sequence[float]]], real: str
) -> str:
    """Draw a source's Frechet distances against its Self-BLEU-4, with intervals; say its colour."""
    distances, diversities = zip(*curve, strict=True)
    (x, x_error), (y, y_error) = _bars(diversities), _bars(distances)
    shape = {"marker": "*", "markersize": 14} if source == real else {"marker": "o"}
    label = f"{source} (real)" if source == real else source
    line = axes.errorbar(
        x, y, xerr=x_error, yerr=y_error, label=label, capsize=3, linewidth=1, **shape
    )
    return line[0].get_color()


def _label_trade(axes: Axes) -> None:
    """Say what a picture of quality against diversity shows, and turn better up."""
    axes.invert_yaxis()
    axes.set_xlabel("Self-BLEU-4 (the more to the right, the more alike a source's texts)")
    axes.set_ylabel("Frechet distance to real test text (up: closer)")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def _bars(estimates: Sequence[Sequence[float]]) -> tuple[list[float], list[list[float]]]:
    """Split values with their intervals into values and the lengths of their error bars."""
    values = [value for value, _, _ in estimates]
    below = [value - low for value, low, _ in estimates]
    above = [high - value for value, _, high in estimates]
    return values, [below, above]
