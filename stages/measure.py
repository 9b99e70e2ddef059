"""Stage measure: compare every source's texts with held-out real text, by all measures."""

import csv
from pathlib import Path

from tqdm import tqdm

from stages.errors import UserError
from stages.experiment import (
    load_params,
    pick_device,
    read_lines,
    replacing,
    run_stage,
    seed_everything,
    write_json,
    write_metrics,
)
from stages.measure_arguments import TEST, parse_arguments
from stages.measures.bootstrap import Estimate
from stages.measures.report import FEWEST, TRAIN, Estimates, measure_sources
from stages.measures.table import format_table
from stages.pictures import draw_measures


def main(*arguments: str) -> None:
    if arguments:
        measure_files(arguments)
    else:
        measure_samples()


def measure_samples() -> None:
    """Measure data/samples/, as DVC has it."""
    params = load_params("seed", "device", "embeddings", "measure")
    names = (TRAIN, TEST, "markov", "language_model", *params.embeddings)
    paths = {name: f"data/samples/{name}.txt" for name in names}
    measured = measure_all(
        paths, params.measure.count, params.measure.resamples, params.seed, params.device
    )
    values = {
        source: {name: estimate.value for name, estimate in estimates.items()}
        for source, estimates in measured.items()
    }
    write_metrics("measure", values)
    write_intervals("plots/measure.csv", measured)
    with replacing("plots/measure.png") as path:
        draw_measures(path, measured, real=TRAIN, table=format_table(measured))


def measure_files(arguments: tuple[str, ...]) -> None:
    """Measure anyone's text files, print the table, and write it where it is asked for."""
    options = parse_arguments(arguments)
    if options.json and Path(options.json).is_dir():
        raise UserError(f"--json: {options.json} is a folder; expected the name of a file")
    measured = measure_all(options.paths, options.count, resamples=200, seed=1, device="auto")
    print(format_table(measured))
    if options.json:
        write_json(
            options.json,
            {
                source: {name: estimate._asdict() for name, estimate in estimates.items()}
                for source, estimates in measured.items()
            },
        )


def measure_all(
    paths: dict[str, str], count: int, resamples: int, seed: int, device: str
) -> dict[str, Estimates]:
    """Measure the file of each source; `test` is what the others are measured against."""
    texts = {name: read_texts(path, name) for name, path in paths.items()}
    seed_everything(seed)
    train, test = texts.pop(TRAIN), texts.pop(TEST)
    measured = measure_sources(
        texts,
        train,
        test,
        count=count,
        resamples=resamples,
        seed=seed,
        device=pick_device(device),
    )
    return dict(tqdm(measured, "measure", total=1 + len(texts), unit="source"))


def read_texts(path: str, source: str) -> list[str]:
    """Read one text a line, each as words joined by one space."""
    try:
        texts = [" ".join(line.split()) for line in read_lines(path)]
    except OSError as error:
        raise UserError(f"{path}: {error.strerror.lower()}") from None
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: no UTF-8 text (byte {error.start}); save the file as UTF-8"
        ) from None
    # Half of the training text is measured, against the other half.
    fewest = 2 * FEWEST if source == TRAIN else FEWEST
    if len(texts) < fewest:
        raise UserError(f"{path}: found {len(texts)} texts; expected at least {fewest}, one a line")
    if source in (TRAIN, TEST) and not any(texts):
        raise UserError(f"{path}: found no word; expected real text")
    return texts


def write_intervals(path: str, measured: dict[str, Estimates]) -> None:
    """Write each value with the ends of its 95 % interval as CSV."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("source", "measure", *Estimate._fields))
        for source, estimates in measured.items():
            for name, estimate in estimates.items():
                writer.writerow((source, name, *(f"{value:.6g}" for value in estimate)))


if __name__ == "__main__":
    run_stage(main)
