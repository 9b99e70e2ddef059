"""Stage measure: compare every source's texts with held-out real text, by all measures."""

import os
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
    write_csv,
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
    if options.json is not None:
        check_writable(options.json)
    measured = measure_all(options.paths, options.count, resamples=200, seed=1, device="auto")
    print(format_table(measured))
    if options.json is not None:
        write_json(
            options.json,
            {
                source: {name: estimate._asdict() for name, estimate in estimates.items()}
                for source, estimates in measured.items()
            },
        )


def check_writable(path: str) -> None:
    """Refuse an unwritable file before the work; its folder is made where it is missing.

    Raises:
        UserError: `path` is no name of a file, or nothing can be written there.
    """
    if not path or Path(path).is_dir():
        raise UserError(f"--json: {path or 'nothing'} is no file; expected the name of one")
    folder = Path(path).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--json: {path}: {error.strerror.lower()}") from None
    if not os.access(folder, os.W_OK):
        raise UserError(f"--json: {path}: no permission to write into {folder}")


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
        lines = read_lines(path)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror.lower()}") from None
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: no UTF-8 text (byte {error.start}); save the file as UTF-8"
        ) from None
    if lines:
        lines[0] = lines[0].removeprefix("\ufeff")  # some editors' mark of UTF-8
    texts = [" ".join(line.split()) for line in lines]
    # Half of the training text is measured, against the other half.
    fewest = 2 * FEWEST if source == TRAIN else FEWEST
    if len(texts) < fewest:
        raise UserError(f"{path}: found {len(texts)} texts; expected at least {fewest}, one a line")
    if source in (TRAIN, TEST) and not any(texts):
        raise UserError(f"{path}: found no word; expected real text")
    return texts


def write_intervals(path: str, measured: dict[str, Estimates]) -> None:
    """Write each value with the ends of its 95 % interval as CSV."""
    rows = (
        (source, name, *(f"{value:.6g}" for value in estimate))
        for source, estimates in measured.items()
        for name, estimate in estimates.items()
    )
    write_csv(path, ("source", "measure", *Estimate._fields), rows)


if __name__ == "__main__":
    run_stage(main)
