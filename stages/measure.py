"""Stage measure: compare every source's texts with held-out real text, by all measures."""

from collections.abc import Mapping
from pathlib import Path

from tqdm import tqdm

from stages.corpus.errors import UserError
from stages.measures.bootstrap import Estimate
from stages.measures.comparison import FEWEST, TRAIN, Estimates, common_size, measure_sources
from stages.measures.labels import LabelClassifier, right_shares
from stages.measures.sentence_vectors import SentenceEncoder
from stages.measures.table import format_table
from stages.networks.oracle_lstm import OracleLstm
from stages.pipeline.command_line import check_writable, read_texts
from stages.pipeline.files import replacing, write_csv, write_json, write_metrics
from stages.pipeline.measure_arguments import TEST, parse_arguments
from stages.pipeline.parameters import load_params
from stages.pipeline.pictures import draw_measures
from stages.pipeline.sources import (
    REAL,
    SAMPLES,
    Source,
    check_unseen,
    generated,
    load_source,
)
from stages.pipeline.stage import pick_device, run_stage, seed_everything

SEED = 1  # where there is no params.yaml
ORACLE = Path("data/oracle/weights.npz")  # only there where an oracle wrote the texts


def main(*arguments: str) -> None:
    if arguments:
        measure_files(arguments)
    else:
        measure_samples()


def measure_samples() -> None:
    """Measure data/samples/, as DVC has it."""
    params = load_params(
        "seed", "device", "embeddings", "generators", "prepare.train_on", "measure"
    )
    check_unseen(params.prepare.train_on)
    sources = {name: load_source(name) for name in (*REAL, *generated(params))}
    texts = {
        name: check_texts(SAMPLES / f"{name}.txt", name, sources[name].texts) for name in sources
    }
    seed_everything(params.seed)
    encoder = SentenceEncoder(pick_device(params.device), params.measure.model)
    # Generated text that the model cannot read is far from real text that it can: no mistake.
    for name in REAL:
        encoder.check(texts[name], str(SAMPLES / f"{name}.txt"))
    size, measured = measure_all(
        texts,
        params.measure.count,
        params.measure.resamples,
        params.seed,
        encoder,
        OracleLstm.load(ORACLE) if ORACLE.is_file() else None,
    )
    with replacing("metrics/measure") as folder:
        for source, estimates in measured.items():
            values = {name: estimate.value for name, estimate in estimates.items()}
            write_json(folder / f"{source}.json", {"texts": size, **values})
    write_metrics("labels", measure_labels(sources))
    write_intervals("plots/measure.csv", measured)
    with replacing("plots/measure.png") as path:
        draw_measures(path, measured, size, real=TRAIN, table=format_table(measured, size))


def measure_files(arguments: tuple[str, ...]) -> None:
    """Measure anyone's text files, print the table, and write it where it is asked for."""
    options = parse_arguments(arguments)
    if options.json is not None:
        check_writable("--json", options.json)
    texts = {
        name: check_texts(path, name, read_texts(path)) for name, path in options.paths.items()
    }
    if {*texts[TEST]} <= {*texts[TRAIN]}:
        raise UserError(
            f"{options.paths[TEST]}: each of its texts stands in {options.paths[TRAIN]} too; "
            "expected real text that the generators have not seen"
        )
    seed_everything(SEED)
    encoder = SentenceEncoder(pick_device("auto"), options.model, "--model")
    for name, path in options.paths.items():
        encoder.check(texts[name], path)
    size, measured = measure_all(texts, options.count, resamples=200, seed=SEED, encoder=encoder)
    print(format_table(measured, size))
    if options.json is not None:
        write_json(
            options.json,
            {
                source: {
                    "texts": size,
                    **{name: estimate._asdict() for name, estimate in estimates.items()},
                }
                for source, estimates in measured.items()
            },
        )


def measure_all(
    texts: dict[str, list[str]],
    count: int,
    resamples: int,
    seed: int,
    encoder: SentenceEncoder,
    oracle: OracleLstm | None = None,
) -> tuple[int, dict[str, Estimates]]:
    """Measure each source against `test`; say over how many texts, and what came out."""
    others = {name: texts[name] for name in texts if name not in REAL}
    size = common_size(others, texts[TRAIN], count)
    measured = measure_sources(
        others,
        texts[TRAIN],
        texts[TEST],
        size=size,
        resamples=resamples,
        seed=seed,
        encoder=encoder,
        oracle=oracle,
    )
    return size, dict(tqdm(measured, "measure", total=1 + len(others), unit="source"))


def measure_labels(sources: Mapping[str, Source]) -> dict[str, dict[str, float]]:
    """Give the share of right labels of held-out real text and of each source that has labels."""
    train = sources[TRAIN]
    if not has_labels(train):
        return {}
    classifier = LabelClassifier(train.texts, train.labels)
    return {
        name: right_shares(classifier, source.texts, source.labels)
        for name, source in sources.items()
        if name != TRAIN and has_labels(source)
    }


def has_labels(source: Source) -> bool:
    return any(label is not None for label in source.labels)


def check_texts(path: str | Path, source: str, texts: list[str]) -> list[str]:
    """Return a source's texts.

    Raises:
        UserError: they are too few to be measured, or real text without a word.
    """
    # Half of the training text is measured, against the other half.
    fewest = 2 * FEWEST if source == TRAIN else FEWEST
    if len(texts) < fewest:
        raise UserError(f"{path}: found {len(texts)} texts; expected at least {fewest}, one a line")
    if source in REAL and not any(texts):
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
