"""Stage sweep: quality against diversity over sampling temperatures, for each generator of words.

One temperature hides the trade between the two: M. Caccia et al., "Language GANs Falling Short",
2020, arXiv:1811.02549.
"""

from collections.abc import Iterator

import numpy as np
from tqdm import tqdm

from stages.measures.bootstrap import Estimate
from stages.measures.sentence_vectors import SentenceEncoder
from stages.measures.trade import Point, Trade, at_equal_diversity
from stages.pipeline.files import replacing, write_csv, write_metrics
from stages.pipeline.parameters import load_params
from stages.pipeline.pictures import draw_sweep
from stages.pipeline.sources import (
    REAL,
    SAMPLES,
    check_unseen,
    generated,
    load_source,
    load_sweep,
)
from stages.pipeline.stage import pick_device, run_stage, seed_everything

TRAIN, TEST = REAL
AT_REAL = "frechet_at_real_self_bleu_4"


def main() -> None:
    params = load_params(
        "seed",
        "device",
        "embeddings",
        "generators",
        "prepare.train_on",
        "sweep.count",
        "sweep.resamples",
        "measure.model",
    )
    check_unseen(params.prepare.train_on)
    seed_everything(params.seed)
    encoder = SentenceEncoder(pick_device(params.device), params.measure.model)
    swept = {name: load_sweep(name) for name in generated(params)}
    fixed = [TRAIN, *(name for name, texts in swept.items() if not texts)]
    samples = {name: load_source(name).texts for name in fixed}
    count = min(params.sweep.count, *map(len, samples.values()))  # only equally many compare
    texts = {name: [choose(lines, count, params.seed)] for name, lines in samples.items()}
    temperatures = {name: [None] for name in fixed}
    for name, curve in swept.items():
        if curve:
            texts[name] = [lines[:count] for lines in curve.values()]
            temperatures[name] = [*curve]
    test = load_source(TEST).texts
    for name, lines in ((TRAIN, samples[TRAIN]), (TEST, test)):
        encoder.check(lines, str(SAMPLES / f"{name}.txt"))
    trade = Trade(test, params.sweep.resamples, params.seed, encoder)
    points = measure(trade, texts)
    at_real = {
        name: at_equal_diversity(points[name], points[TRAIN][0])
        for name in points
        if name not in fixed
    }
    write_points("plots/sweep.csv", points, temperatures, at_real)
    write_metrics("sweep", {"texts": count, **summarise(points, temperatures, at_real)})
    with replacing("plots/sweep.png") as path:
        drawn = {name: [point[:2] for point in curve] for name, curve in points.items()}
        draw_sweep(path, drawn, temperatures, count, real=TRAIN)


def measure(trade: Trade, texts: dict[str, list[list[str]]]) -> dict[str, list[Point]]:
    """Measure each source's texts at each of its temperatures, in the order of `texts`."""
    every = [each for curve in texts.values() for each in curve]
    points = iter([*tqdm(trade.measure_all(every), "measure", total=len(every), unit="point")])
    return {name: [next(points) for _ in curve] for name, curve in texts.items()}


def choose(texts: list[str], count: int, seed: int) -> list[str]:
    """Choose `count` texts at random."""
    order = np.random.default_rng(seed).permutation(len(texts))[:count]
    return [texts[place] for place in order]


def summarise(
    points: dict[str, list[Point]],
    temperatures: dict[str, list[float | None]],
    at_real: dict[str, Estimate | None],
) -> dict[str, dict[str, float]]:
    """Give each source's numbers, and each curve's distance where it is as diverse as real text."""
    values: dict[str, dict[str, float]] = {}
    for name, curve in points.items():
        if name not in at_real:
            values[name] = {
                "frechet": curve[0].frechet.value,
                "self_bleu_4": curve[0].self_bleu_4.value,
            }
            continue
        values[name] = {
            f"frechet_at_{temperature:g}": point.frechet.value
            for temperature, point in zip(temperatures[name], curve, strict=True)
        }
        if at_real[name] is not None:
            values[name][AT_REAL] = at_real[name].value
    return values


def write_points(
    path: str,
    points: dict[str, list[Point]],
    temperatures: dict[str, list[float | None]],
    at_real: dict[str, Estimate | None],
) -> None:
    """Write each value with its 95 % interval as CSV; what has no temperature has none there."""

    def rows() -> Iterator[tuple[str, ...]]:
        for name, curve in points.items():
            for temperature, point in zip(temperatures[name], curve, strict=True):
                shown = "" if temperature is None else f"{temperature:g}"
                for measure in ("frechet", "self_bleu_4"):
                    yield name, shown, measure, *_shown(getattr(point, measure))
            if at_real.get(name) is not None:
                yield name, "", AT_REAL, *_shown(at_real[name])

    write_csv(path, ("source", "temperature", "measure", *Estimate._fields), rows())


def _shown(estimate: Estimate) -> tuple[str, ...]:
    return tuple(f"{value:.6g}" for value in estimate)


if __name__ == "__main__":
    run_stage(main)
