"""Stage sweep: quality against diversity over sampling temperatures, for each generator of words.

One temperature hides the trade between the two: M. Caccia et al., "Language GANs Falling Short",
2020, arXiv:1811.02549.
"""

import csv
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
    write_metrics,
)
from stages.measures.trade import Point, Trade, at_equal_diversity
from stages.models.language_gan import LanguageGan
from stages.models.language_model import LanguageModel
from stages.models.load import load_gan
from stages.models.resampling import generate_resampled
from stages.pictures import draw_sweep

FIXED = ("train", "markov")  # sources that have no temperature


def main() -> None:
    params = load_params(
        "seed", "device", "embeddings", "gan.max_length", "sample.candidates", "sweep"
    )
    seed_everything(params.seed)
    device = pick_device(params.device)
    count = params.sweep.count
    trade = Trade(read_lines("data/samples/test.txt"), params.sweep.resamples, params.seed, device)
    points = {
        source: [
            trade.measure(choose(read_lines(f"data/samples/{source}.txt"), count, params.seed))
        ]
        for source in FIXED
    }
    generators = load_generators(params, device)
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
    write_points("plots/sweep.csv", points, temperatures)
    write_metrics("sweep", summarise(points, params.sweep.temperatures))
    with replacing("plots/sweep.png") as path:
        draw_sweep(path, points, temperatures, real=FIXED[0])


def load_generators(
    params: SimpleNamespace, device: str
) -> dict[str, Callable[..., Iterator[list[str]]]]:
    """Give, for each generator of words, the function from `temperature` to its texts."""
    count = params.sweep.count
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
    """Choose `count` texts at random, or all where there are fewer."""
    order = np.random.default_rng(seed).permutation(len(texts))[:count]
    return [texts[place] for place in order]


def summarise(
    points: dict[str, list[Point]], temperatures: list[float]
) -> dict[str, dict[str, float]]:
    """Give each source's numbers, and each curve's distance where it is as diverse as real text."""
    real = points[FIXED[0]][0].self_bleu_4.value
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
            for temperature, point in zip(temperatures, curve, strict=True)
        }
        distance = at_equal_diversity(curve, real)
        if distance is not None:
            values[name]["frechet_at_real_self_bleu_4"] = distance
    return values


def write_points(
    path: str, points: dict[str, list[Point]], temperatures: dict[str, list[float | None]]
) -> None:
    """Write each point with its 95 % intervals as CSV; a source without temperature has none."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("source", "temperature", "measure", "value", "low", "high"))
        for name, curve in points.items():
            for temperature, point in zip(temperatures[name], curve, strict=True):
                for measure, estimate in point._asdict().items():
                    numbers = (f"{value:.6g}" for value in estimate)
                    shown = "" if temperature is None else f"{temperature:g}"
                    writer.writerow((name, shown, measure, *numbers))


if __name__ == "__main__":
    run_stage(main)
