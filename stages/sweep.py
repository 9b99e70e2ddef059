"""Stage sweep: quality against diversity over sampling temperatures, for each generator of words.

One temperature hides the trade between the two: M. Caccia et al., "Language GANs Falling Short",
2020, arXiv:1811.02549.
"""

from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace

import numpy as np
from tqdm import tqdm

from stages.embeddings.protocol import load_embedding
from stages.experiment import (
    load_params,
    pick_device,
    read_lines,
    replacing,
    run_stage,
    seed_everything,
    write_csv,
    write_metrics,
)
from stages.measures.bootstrap import Estimate
from stages.measures.trade import Point, Trade, at_equal_diversity
from stages.models.language_gan import LanguageGan
from stages.models.language_model import LanguageModel
from stages.models.load import load_gan
from stages.models.resampling import generate_resampled
from stages.pictures import draw_sweep

FIXED = ("train", "markov")  # sources that have no temperature, real text first
AT_REAL = "frechet_at_real_self_bleu_4"


def main() -> None:
    params = load_params(
        "seed", "device", "embeddings", "gan.max_length", "sample.candidates", "sweep"
    )
    seed_everything(params.seed)
    device = pick_device(params.device)
    texts = {source: read_lines(f"data/samples/{source}.txt") for source in FIXED}
    count = min(params.sweep.count, *map(len, texts.values()))  # only equally many compare
    trade = Trade(read_lines("data/samples/test.txt"), params.sweep.resamples, params.seed, device)
    points = {
        source: [trade.measure(choose(lines, count, params.seed))]
        for source, lines in texts.items()
    }
    generators = load_generators(params, count, device)
    total = len(generators) * len(params.sweep.temperatures)
    with tqdm(desc="sweep", total=total, unit="temperature") as progress:
        for name, generator in generators.items():
            points[name] = []
            for temperature in params.sweep.temperatures:
                progress.set_postfix(generator=name, temperature=temperature)
                texts = [text for batch in generator(temperature=temperature) for text in batch]
                points[name].append(trade.measure(texts))
                progress.update()
    temperatures = {name: [None] if name in FIXED else params.sweep.temperatures for name in points}
    at_real = {name: at_equal_diversity(points[name], points[FIXED[0]][0]) for name in generators}
    write_points("plots/sweep.csv", points, temperatures, at_real)
    summary = summarise(points, temperatures, at_real)
    write_metrics("sweep", {"texts": count, **summary})
    with replacing("plots/sweep.png") as path:
        drawn = {name: [point[:2] for point in curve] for name, curve in points.items()}
        draw_sweep(path, drawn, temperatures, real=FIXED[0])


def load_generators(
    params: SimpleNamespace, count: int, device: str
) -> dict[str, Callable[..., Iterator[list[str]]]]:
    """Give, for each generator of words, the function from `temperature` to `count` texts."""
    model = LanguageModel.load("data/models/language_model.safetensors", device)
    generators = {
        "language_model": partial(model.generate, count, params.gan.max_length, params.seed)
    }
    for name in params.embeddings:
        gan = load_gan(f"data/models/gan-{name}.safetensors", device)
        if isinstance(gan, LanguageGan):
            generators[name] = partial(
                generate_resampled,
                gan,
                load_embedding(name, f"data/embeddings/{name}", device),
                count,
                params.seed,
                top_p=1.0,
                candidates=params.sample.candidates,
            )
    return generators


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
        if name in FIXED:
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
