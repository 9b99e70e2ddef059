"""Pictures of numbers, written as PNG files whose bytes depend on the numbers alone."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

_BINS_PER_DOUBLING = 3
_COLOURS = colormaps["tab10"].colors
_DETECTED = colormaps["Blues"]
_MARKERS = "osD^v<>PXp"  # as many as colours


def draw_lengths(path: Path | str, lengths: Mapping[str, np.ndarray]) -> None:
    """Draw how long the texts of several groups are.

    Args:
        path: the PNG file to write.
        lengths: words of each text, (N,) integers of at least 1, by the name of the group; at
            least one text in all.
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
        shown = name.replace("$", r"\$")  # which would begin a formula
        label = f"{shown}: n = {len(group):,}, {median}"
        axes.stairs(density, edges, fill=True, alpha=0.35, label=label)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:.0f}")
    shortest = min(int(group.min(initial=longest)) for group in lengths.values())
    axes.set_xlim(max(shortest - 0.5, 0.75), edges[-1])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("length (words a text)")
    axes.set_ylabel("share of the texts (% per doubling of length)")
    axes.set_title("Length of the texts")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, path)


def _save(figure: Figure, path: Path | str) -> None:
    # Without the name and version of the software, which would change the bytes.
    FigureCanvasAgg(figure).print_png(path, metadata={"Software": None})


def draw_verdicts(
    path: Path | str,
    verdicts: Mapping[str, Mapping[str, Mapping[str, float]]],
    real: Sequence[str],
    own: str,
) -> None:
    """Draw how right each judge is about each source, as a heat map.

    Args:
        path: the PNG file to write.
        verdicts: `accuracy` and `mse`, both from 0 to 1, by judge, then by source; the first judge
            has all sources, in the order to draw them.
        real: the sources that are real text.
        own: the source that is each judge's own generator.
    """
    judges = list(verdicts)
    sources = list(verdicts[judges[0]])
    shares = np.array(
        [
            [verdicts[judge].get(source, {}).get("accuracy", np.nan) for source in sources]
            for judge in judges
        ]
    )
    figure = Figure(
        # Wide enough for the title, however few the sources.
        figsize=(max(7, 2.2 + 1.15 * len(sources)), 1.6 + 0.75 * len(judges)),
        dpi=100,
        layout="constrained",
    )
    axes = figure.add_subplot()
    # Red to blue, which the colour-blind can tell apart too.
    image = axes.imshow(shares, cmap="RdBu", vmin=0, vmax=1, aspect="auto")
    for row, judge in enumerate(judges):
        for column, source in enumerate(sources):
            verdict = verdicts[judge].get(source)
            if verdict is None:
                continue
            axes.text(
                column,
                row,
                f"{100 * verdict['accuracy']:.1f} %\n{verdict['mse']:.2g}",
                ha="center",
                va="center",
                fontsize=9,
                color="black" if 0.2 < verdict["accuracy"] < 0.8 else "white",
            )
    shown = {own: "judge's_own_generator"}
    labels = [
        f"{shown.get(source, source).replace('_', chr(10))}\n"
        f"({'real' if source in real else 'fake'})"
        for source in sources
    ]
    axes.set_xticks(range(len(sources)), labels)
    axes.set_yticks(range(len(judges)), judges)
    axes.set_xlabel("source of the texts")
    axes.set_ylabel("judge")
    axes.set_title("Share of texts judged rightly; below it, the mean squared error")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    figure.colorbar(image, ax=axes, format=PercentFormatter(xmax=1))
    _save(figure, path)


def draw_detectors(path: Path | str, found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """Draw how well detectors tell each generator, known or not, above whom they wrong.

    Args:
        path: the PNG file to write.
        found: by detector and source, estimates by name: `area`, `area_not_met` of generators, and
            of the source `false_positives` shares of real texts, `at_0.5` and by class.
    """
    generators = [name for name in next(iter(found.values())) if name != "false_positives"]
    rows = [
        (kind, name)
        for kind, sources in found.items()
        for name in ("area", "area_not_met")
        # A detector need not have learnt anew without each generator.
        if name == "area" or any(name in each for each in sources.values())
    ]
    said = {"area": "has learnt its fakes", "area_not_met": "has learnt the others' alone"}
    figure = Figure(
        figsize=(max(8, 3 + 1.15 * len(generators)), 3.6 + 0.75 * len(rows)),
        dpi=100,
        layout="constrained",
    )
    above, below = figure.subplots(2, 1, height_ratios=(0.4 + 0.75 * len(rows), 2.6))
    for row, (kind, name) in enumerate(rows):
        for column, generator in enumerate(generators):
            estimate = found[kind][generator].get(name)
            if estimate is None:
                above.text(column, row, "not learnt", ha="center", va="center", fontsize=9)
                continue
            value, low, high = estimate
            above.add_patch(
                Rectangle((column - 0.5, row - 0.5), 1, 1, color=_DETECTED(2 * abs(value - 0.5)))
            )
            above.text(
                column,
                row,
                f"{value:.2f}\n{low:.2f} to {high:.2f}",
                ha="center",
                va="center",
                fontsize=9,
                color="white" if value > 0.85 else "black",
            )
    above.set_xlim(-0.5, len(generators) - 0.5)
    above.set_ylim(len(rows) - 0.5, -0.5)
    above.set_xticks(range(len(generators)), [name.replace("_", "\n") for name in generators])
    above.set_yticks(range(len(rows)), [f"{kind}: {said[name]}" for kind, name in rows])
    above.set_title("Area under the ROC curve: 0.5 is chance, 1 tells all\n(95 % intervals)")
    above.spines[:].set_visible(False)
    above.tick_params(length=0)
    _draw_wronged(below, {kind: each["false_positives"] for kind, each in found.items()})
    _save(figure, path)


def _draw_wronged(axes: Axes, found: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw the shares of real texts that detectors take for generated, by class."""
    shown = ("at_0.5", "label ", "words ", "from ")
    for place, (kind, shares) in enumerate(found.items()):
        classes = [name for name in shares if name.startswith(shown)]
        values = [shares[name] for name in classes]
        x = [column + 0.15 * place for column in range(len(classes))]
        y, error = _bars(values)
        axes.errorbar(x, y, yerr=error, fmt="o", capsize=3, color=_COLOURS[place], label=kind)
        names = ["all" if name == "at_0.5" else name.replace(" ", "\n") for name in classes]
        axes.set_xticks(range(len(classes)), names)
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    axes.set_title("Real test texts that are taken for generated, at even odds")
    axes.legend(loc="upper right", frameon=False)


def draw_measures(
    path: Path | str,
    measured: Mapping[str, Mapping[str, Sequence[float]]],
    size: int,
    real: str,
    table: str,
) -> None:
    """Draw quality against diversity, a point a source, above the table of all measures.

    Args:
        path: the PNG file to write.
        measured: value, low and high end of its 95 % interval, by measure, by source: `frechet`
            and `self_bleu_4` are drawn.
        size: texts that were measured of each source.
        real: the source that is real text.
        table: aligned text.
    """
    lines = table.splitlines()
    figure = Figure(
        figsize=(max(10, 0.085 * max(map(len, lines))), 5.5 + 0.17 * len(lines)),
        dpi=100,
        layout="constrained",
    )
    above, below = figure.subfigures(2, height_ratios=[5.5, 0.17 * len(lines)])
    axes = above.add_subplot()
    styles = _choose_styles(measured, real)
    for source, estimates in measured.items():
        _draw_curve(axes, [(estimates["frechet"], estimates["self_bleu_4"])], styles[source])
    axes.set_yscale("log")
    # As 0.3, not as 3 × 10⁻¹.
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    _label_trade(axes)
    axes.set_title(f"Quality against diversity: {size:,} texts a source, 95 % intervals")
    below.text(
        0.5, 1, table, family="monospace", fontsize=9, ha="center", va="top", multialignment="left"
    )
    _save(figure, path)


def draw_sweep(
    path: Path | str,
    points: Mapping[str, Sequence[tuple[Sequence[float], Sequence[float]]]],
    temperatures: Mapping[str, Sequence[float | None]],
    size: int,
    real: str,
) -> None:
    """Draw quality against diversity, a curve a generator, a point a temperature.

    Args:
        path: the PNG file to write.
        points: by source, the Frechet distance and the Self-BLEU-4 of each of its points, each
            with the low and high end of its 95 % interval.
        temperatures: of those points; None where a source has none.
        size: texts that were measured at each point.
        real: the source that is real text.
    """
    figure = Figure(figsize=(10, 5.5), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    styles = _choose_styles(points, real)
    for source, curve in points.items():
        _draw_curve(axes, curve, styles[source])
        # A number at each point would cover the numbers of other sources.
        for (y, x), temperature in zip(curve, temperatures[source], strict=True):
            if temperature is not None:
                look = {key: styles[source][key] for key in ("color", "marker")}
                axes.plot(x[0], y[0], markersize=9 * temperature, **look)
    _label_trade(axes)
    shown = sorted({each for curve in temperatures.values() for each in curve if each is not None})
    axes.set_title(
        f"Quality against diversity: {size:,} texts a point, 95 % intervals\n"
        f"Temperatures by size of marker: {', '.join(f'{each:g}' for each in shown)}"
    )
    _save(figure, path)


def _choose_styles(sources: Iterable[str], real: str) -> dict[str, dict[str, Any]]:
    """Give each source a look of its own: a black star for real text, colour and marker else."""
    styles = {}
    for place, source in enumerate(source for source in sources if source != real):
        round_, colour = divmod(place, len(_COLOURS))
        styles[source] = {
            "color": _COLOURS[colour],
            # Each round pairs the colours with other markers.
            "marker": _MARKERS[(colour + 3 * round_) % len(_MARKERS)],
            "linestyle": "-" if round_ % 2 == 0 else "--",
            "label": source,
        }
    star = {"color": "black", "marker": "*", "markersize": 14, "label": f"{real} (real)"}
    return {real: star, **styles}


def _draw_curve(
    axes: Axes, curve: Sequence[tuple[Sequence[float], Sequence[float]]], style: Mapping[str, Any]
) -> None:
    """Draw a source's Frechet distances against its Self-BLEU-4, with intervals."""
    distances, diversities = zip(*curve, strict=True)
    (x, x_error), (y, y_error) = _bars(diversities), _bars(distances)
    axes.errorbar(x, y, xerr=x_error, yerr=y_error, capsize=3, linewidth=1, **style)


def _label_trade(axes: Axes) -> None:
    """Say what a picture of quality against diversity shows, and put better at the top."""
    axes.invert_yaxis()
    axes.set_xlabel("Self-BLEU-4 (higher: a source's texts are more alike; best: as real text)")
    scale = ", logarithmic" if axes.get_yscale() == "log" else ""
    axes.set_ylabel(f"Frechet distance{scale} (lower, at the top, is closer to real text)")
    # Beside the axes, where it covers no point.
    axes.figure.legend(loc="outside right upper", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def _bars(estimates: Sequence[Sequence[float]]) -> tuple[list[float], list[list[float]]]:
    """Split values with their intervals into values and the lengths of their error bars."""
    values = [value for value, _, _ in estimates]
    below = [value - low for value, low, _ in estimates]
    above = [high - value for value, _, high in estimates]
    return values, [below, above]


def draw_shifts(
    path: Path | str,
    curves: Mapping[str, tuple[Mapping[float, Any], Mapping[float, Any], float]],
    title: str,
) -> None:
    """Draw how often texts have a label after a move of their codes, a colour a label.

    Args:
        path: the PNG file to write.
        curves: by label: what texts became by the size of the move, with its `judged` share; the
            same of moves at random; the share of real texts of the label.
        title: of the picture.
    """
    figure = Figure(figsize=(8, 4.5), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    for number, (label, (towards, control, real)) in enumerate(curves.items()):
        colour, marker = _COLOURS[number % len(_COLOURS)], _MARKERS[number % len(_MARKERS)]
        shown = label.replace("$", r"\$")
        axes.plot(
            [*towards],
            [each.judged for each in towards.values()],
            color=colour,
            marker=marker,
            label=f"towards {shown}",
        )
        axes.plot(
            [*control],
            [each.judged for each in control.values()],
            color=colour,
            linestyle="--",
            label=f"as far, at random ({shown})",
        )
        axes.axhline(real, color=colour, linestyle=":", label=f"real texts of {shown}")
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlabel("move of a text's code, in differences of mean codes")
    axes.set_ylabel("texts that a classifier gives the label")
    axes.set_title(title)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, path)
