"""The lab book, metrics/README.md: written from the files that a run has left, and nothing else."""

from collections.abc import Sequence
from pathlib import Path

from stages.reporting.experiments import ABOUT, FOLDER, render_experiment
from stages.reporting.record import Record, read_record
from stages.reporting.sections import label_table, measure_tables, sweep_tables, verdict_tables
from stages.reporting.training_parts import (
    corpus_part,
    lines_part,
    read_left,
    round_trips_part,
    training_part,
)

_INTRODUCTION = """# Lab book

`dvc repro` writes this page from the files beside it; nothing here is typed by hand.

A row is a *source*: real text, or a generator. The row of real training text shows what perfect
text would score. Brackets behind a value hold the ends of its 95 % interval: where the value could
fall with other texts of the same source, not how it would move with another training run. An
interval too narrow for the digits shown is left out. `dvc metrics show` prints the same numbers,
and `dvc metrics diff` compares two runs."""


def render_lab_book(
    root: Path,
    generated: Sequence[str],
    embeddings: Sequence[str],
    invented: bool,
    encoder: str,
) -> str:
    """Write the whole page.

    Args:
        root: of the working tree; a part of the page whose file is missing is left out.
        generated: the sources that are generators, in order.
        embeddings: those that GANs are trained for.
        invented: whether the texts are invented, so that some may be printed.
        encoder: the model of the sentence vectors.

    Returns:
        Markdown; equal files give equal pages.
    """
    metrics = root / "metrics"
    record = read_record(metrics, root / "plots", generated)
    parts = [
        _INTRODUCTION,
        corpus_part(metrics),
        training_part(metrics, generated),
        _measures(record, encoder),
        _verdicts(record, metrics, generated),
        _labels(record),
        round_trips_part(metrics, embeddings),
        _sweep(record),
        lines_part(root / "data/samples", generated, invented),
        _experiments(root),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _measures(record: Record, encoder: str) -> str:
    if not record.measures:
        return ""
    count = f"{record.texts:,} texts of each source" if record.texts else "Equally many texts"
    return "\n\n".join(
        [
            "## Measures",
            f"{count}, each compared with real test text, which no generator has seen. No measure "
            "knows which generator it judges. Real training text is a row too: some of it is "
            "measured as if a generator had written it, and the rest is what it could have copied.",
            *measure_tables(record, explained=True, encoder=encoder),
            "![All measures of all sources](../plots/measure.png)",
        ]
    )


def _verdicts(record: Record, metrics: Path, generated: Sequence[str]) -> str:
    if not record.verdicts:
        return ""
    counts = [read_left(metrics, "sample", source).get("texts") for source in generated]
    fewest = min(filter(None, counts), default=0)
    chance = (
        f" By chance alone a share over {fewest:,} texts moves by up to {98 / fewest**0.5:.1f} "
        "points either way (95 %)."
        if fewest
        else ""
    )
    return "\n\n".join(
        [
            "## The judges",
            "How often each judge is right: that it takes real text for real, and generated text "
            "for generated. *The judge's own generator* is text as its GAN's generator writes it; "
            "the file of that GAN holds texts that the discriminator has helped to choose. A "
            "modern discriminator's threshold lets `cross_evaluate.real_share` of the validation "
            "texts pass." + chance,
            *verdict_tables(record),
            "![How often each judge is right](../plots/cross_evaluate.png)",
        ]
    )


def _labels(record: Record) -> str:
    if not record.labels:
        return ""
    return "\n\n".join(
        [
            "## Labels",
            "A classifier trained on real text reads texts that were to have a label, and says "
            "how many have it. The same share of real test text is the most that can be expected.",
            label_table(record),
        ]
    )


def _sweep(record: Record) -> str:
    if not record.sweep:
        return ""
    count = f" ({record.swept:,} texts a point)" if record.swept else ""
    return "\n\n".join(
        [
            "## Quality against diversity",
            "A lower temperature makes likely words likelier: texts get better and more alike. So "
            f"each generator of words writes at several{count}. The last column compares them "
            "fairly: the Frechet distance, lower is better, where a generator's texts are as "
            "varied as real text. In the picture higher is better; horizontally, the nearer to the "
            "star (real text) the better. With fewer texts all distances are larger than above.",
            *sweep_tables(record),
            "![Quality against diversity over temperatures](../plots/sweep.png)",
        ]
    )


def _experiments(root: Path) -> str:
    folders = sorted(path.parent for path in (root / FOLDER).glob(f"*/{ABOUT}"))
    if not folders:
        return ""
    return "\n\n".join(
        [
            "## Recorded experiments",
            "Numbers of earlier runs, with the command that made each. The measures are those "
            "explained above. A run is recorded with "
            '`python -m stages.report keep NAME "COMMAND"`.',
            *(render_experiment(folder, root / "metrics") for folder in folders),
        ]
    )
