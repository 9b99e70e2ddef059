"""The picture of documents: what each encoder finds, how texts lie, energies over training."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter

_COLOURS = colormaps["tab10"].colors
_LABEL_COLOURS = colormaps["tab20"].colors
_MARKERS = "osD^v<>PXp"
_FEWEST = 10  # texts that can be laid out
_PERPLEXITY = 30  # of t-SNE: neighbours that count of each text
_ACROSS = 3  # maps beside each other
_SIDE = 4.2  # inches of a map
_POINTS = 300  # of a curve of energies, each the mean over as many updates


def lay_out(vectors: np.ndarray, seed: int) -> np.ndarray:
    """Lay texts out in two dimensions so that those at small angles lie together.

    Source: L. van der Maaten and G. Hinton, "Visualizing Data using t-SNE", Journal of Machine
    Learning Research 2008.

    Args:
        vectors: (N, E).
        seed: of t-SNE's.

    Returns:
        (N, 2) float32; NaN for vectors of zeros, and for all where fewer than 10 others are there.
    """
    from sklearn.manifold import TSNE

    places = np.full((len(vectors), 2), np.nan, np.float32)
    filled = np.flatnonzero(vectors.any(1))
    if len(filled) < _FEWEST:
        return places
    units = vectors[filled] / np.linalg.norm(vectors[filled], axis=1, keepdims=True)
    perplexity = min(_PERPLEXITY, (len(filled) - 1) / 3)
    # The squared distance of vectors of length 1 is twice one minus their cosine.
    model = TSNE(perplexity=perplexity, init="random", random_state=seed, n_jobs=1)
    places[filled] = model.fit_transform(units)
    return places


def read_energies(path: Path) -> dict[str, list[tuple[float, float]]]:
    """Read the energies of a training: by loss, steps and means over the updates before each.

    Args:
        path: of `trainer.write_curve`; without losses the result is empty.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    size = max(1, -(-len(rows) // _POINTS))
    names = [name for name in ("real", "fake") if name in rows[0]]
    curves: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for first in range(0, len(rows), size):
        part = rows[first : first + size]
        for name in names:
            mean = sum(float(row[name]) for row in part) / len(part)
            curves[name].append((float(part[-1]["step"]), mean))
    return {name: curve for name, curve in curves.items() if curve}


def draw_documents(
    path: Path | str,
    precisions: Sequence[tuple[str, str, float, float, float]],
    chance: float | None,
    maps: Mapping[str, np.ndarray],
    labels: Sequence[str],
    energies: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]],
) -> None:
    """Draw precision curves, energies where there are some, and a map an encoder.

    Args:
        path: the PNG file to write.
        precisions: encoder, `precision_at_<fraction>`, value, low and high end; none where texts
            have no labels.
        chance: the precision of a search by chance.
        maps: by encoder, of `lay_out`.
        labels: of the texts of the maps.
        energies: by encoder, of `read_energies`.
    """
    energies = {name: curves for name, curves in energies.items() if curves}
    above = bool(precisions) + bool(energies)
    across = min(_ACROSS, len(maps))
    high = _SIDE * -(-len(maps) // across)  # of the maps together
    heights = [_SIDE] * bool(above) + [high]
    width = max(_SIDE * across + 1, 8 if above == 1 else 0, 13 if above == 2 else 0)
    figure = Figure(figsize=(width, sum(heights)), dpi=100, layout="constrained")
    parts = np.atleast_1d(figure.subfigures(len(heights), 1, height_ratios=heights))
    if above:
        panels = [*np.atleast_1d(parts[0].subfigures(1, above))]
        if precisions:
            _draw_precisions(panels.pop(0).add_subplot(), precisions, chance)
        if energies:
            colours = dict(zip(maps, _COLOURS, strict=False))  # as in the panel beside
            _draw_energies(panels.pop(0).add_subplot(), energies, colours)
    _draw_maps(parts[-1], maps, labels, across)
    FigureCanvasAgg(figure).print_png(path, metadata={"Software": None})


def _draw_precisions(
    axes: Axes, precisions: Sequence[tuple[str, str, float, float, float]], chance: float | None
) -> None:
    for place, name in enumerate(dict.fromkeys(row[0] for row in precisions)):
        own = [row for row in precisions if row[0] == name]
        fractions = [float(row[1].removeprefix("precision_at_")) for row in own]
        style = {"color": _COLOURS[place], "marker": _MARKERS[place], "markersize": 5}
        axes.plot(fractions, [row[2] for row in own], label=name, **style)
        low, high = [row[3] for row in own], [row[4] for row in own]
        axes.fill_between(fractions, low, high, color=_COLOURS[place], alpha=0.15, linewidth=0)
    axes.axhline(chance, color="black", linestyle=":", label="by chance")
    axes.set_xscale("log")
    axes.set_xticks(fractions, [f"{100 * fraction:g}" for fraction in fractions])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    axes.set_xlabel("nearest texts that are taken (% of all)")
    axes.set_ylabel("share of them with the query's label")
    axes.set_title("Retrieval of texts of the same label (95 % intervals)")
    axes.figure.legend(loc="outside right upper", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_energies(
    axes: Axes,
    energies: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]],
    colours: Mapping[str, Any],
) -> None:
    looks = {"real": "-", "fake": "--"}
    said = {"real": "real texts", "fake": "generated bags"}
    for name, curves in energies.items():
        for kind, curve in curves.items():
            steps, values = zip(*curve, strict=True)
            label = f"{name}: {said[kind]}"
            axes.plot(steps, values, looks[kind], color=colours[name], label=label)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("update")
    axes.set_ylabel("energy (squared error a text)")
    axes.set_title("Energies over training")
    axes.figure.legend(loc="outside lower center", ncols=2, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_maps(
    figure: SubFigure, maps: Mapping[str, np.ndarray], labels: Sequence[str], across: int
) -> None:
    kinds = sorted({*labels})
    few = len(kinds) <= len(_COLOURS)
    colours = _COLOURS if few else _LABEL_COLOURS
    panels = [*figure.subplots(-(-len(maps) // across), across, squeeze=False).flat]
    for axes in panels:
        axes.set_axis_off()
    for axes, (name, places) in zip(panels, maps.items(), strict=False):
        axes.set_axis_on()
        for place, kind in enumerate(kinds):
            own = places[[label == kind for label in labels]]
            axes.scatter(*own.T, s=14, color=colours[place], linewidth=0, alpha=0.8)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_title(name)
        if np.isnan(places).all():
            axes.text(0.5, 0.5, "too few texts with a known word", ha="center", va="center")
    if kinds != [""]:
        marks = [
            Line2D([], [], linestyle="", marker="o", color=colours[place])
            for place in range(len(kinds))
        ]
        shown = [kind.replace("$", r"\$") for kind in kinds]
        figure.legend(
            marks, shown, loc="outside right upper", frameon=False, title="label", fontsize=8
        )
    figure.suptitle("Test texts in two dimensions (t-SNE): near each other where alike")
