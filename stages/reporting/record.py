"""What one run of the pipeline measured, read from its files."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stages.corpus.errors import UserError
from stages.pipeline.files import read_lines
from stages.reporting.tables import Number, read_number

_FIRST = ("train", "validation", "test", "generator", "markov", "language_model")

ORACLE = "nll_oracle"
HELD_OUT = ("nll_test", "impossible_test")  # of the generator itself, which `sample` tells
WRONGED = "false_positives"  # of detectors, beside the sources: shares of real test texts
TEXTS, PRECISION = "texts", "precision_at_"  # of documents: beside the encoders, and of each

Numbers = dict[str, dict[str, Number]]  # by source, then by the name of the number


@dataclass(frozen=True)
class Record:
    """The measurements of one run; each is empty where its file is not there.

    Attributes:
        measures: by source and measure.
        texts: texts of each source that were measured, None where that is not known.
        verdicts: by judge, source and `accuracy` or `mse`.
        sweep: by source; `frechet_at_0.7` and the like.
        swept: texts of each source behind the sweep, likewise.
        labels: by source; shares of label `0`, `1` and `balanced`.
        detectors: by detector, then by source; that of `WRONGED` is real test text.
        documents: by encoder; of `texts` how many there were, and what chance would find.
    """

    measures: Numbers = field(default_factory=dict)
    texts: int | None = None
    verdicts: dict[str, Numbers] = field(default_factory=dict)
    sweep: Numbers = field(default_factory=dict)
    swept: int | None = None
    labels: Numbers = field(default_factory=dict)
    detectors: dict[str, Numbers] = field(default_factory=dict)
    documents: Numbers = field(default_factory=dict)


def read_record(
    folder: Path, plots: Path | None = None, chosen: Sequence[str] | None = None
) -> Record:
    """Read measure/*.json, cross_evaluate.json, sweep.json and the like of a folder.

    Where an oracle wrote the texts, the likelihood of test text joins the measures, from sample/.

    Args:
        folder: of these files; any may be missing.
        plots: where measure.csv, sweep.csv, detectors.csv and documents.csv with the intervals lie;
            None where the files of `folder` hold intervals themselves.
        chosen: the sources to keep, in their order; None keeps all.

    Raises:
        UserError: a file is no JSON, or holds what is no number.
    """
    measures = {path.stem: read_numbers(path) for path in sorted(folder.glob("measure/*.json"))}
    for source, values in measures.items():
        if ORACLE in values:  # which alone ranks nothing
            written = read_numbers(folder / f"sample/{source}.json").get("sample", {})
            left = written.get(source, {})
            values |= {key: left[key] for key in HELD_OUT if key in left}
    sweep = read_numbers(folder / "sweep.json").get("sweep", {})
    verdicts = read_numbers(folder / "cross_evaluate.json")
    labels = read_numbers(folder / "labels.json").get("labels", {})
    ends = _read_intervals(plots / "measure.csv") if plots else {}
    detectors = read_numbers(folder / "evaluate_detectors.json").get("evaluate_detectors", {})
    detected_ends = _read_intervals(plots / "detectors.csv") if plots else {}
    documents = read_numbers(folder / "evaluate_documents.json").get("evaluate_documents", {})
    document_ends = _read_intervals(plots / "documents.csv") if plots else {}
    swept_ends = _read_intervals(plots / "sweep.csv") if plots else {}
    return Record(
        _arrange(measures, chosen, ends, leave_out=("texts",)),
        next((int(values["texts"]) for values in measures.values() if "texts" in values), None),
        {judge: _arrange(by_source, chosen) for judge, by_source in verdicts.items()},
        _arrange({k: v for k, v in sweep.items() if k != "texts"}, chosen, swept_ends),
        sweep.get("texts"),
        _arrange(labels, chosen),
        {
            kind: {
                source.removeprefix(f"{kind}/"): numbers
                for source, numbers in _arrange(
                    {f"{kind}/{source}": found for source, found in by_source.items()},
                    chosen and [f"{kind}/{source}" for source in (WRONGED, *chosen)],
                    detected_ends,
                ).items()
            }
            for kind, by_source in detectors.items()
        },
        _arrange(documents, ends=document_ends),
    )


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file, an empty mapping where there is none.

    Raises:
        UserError: it is no JSON.
    """
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(
            f"{path}: no JSON ({error}); expected what the pipeline wrote; restore it with git"
        ) from None


def read_numbers(path: Path) -> dict[str, Any]:
    """Read a file of nested numbers, an empty mapping where there is none.

    Raises:
        UserError: it is no JSON, or holds what is no number.
    """
    values = read_json(path)
    _check_numbers(values, path, "")
    return values


def _check_numbers(values: Any, path: Path, key: str) -> None:
    if isinstance(values, Mapping):
        for name, value in values.items():
            _check_numbers(value, path, f"{key}.{name}" if key else name)
    elif type(values) not in (int, float):
        raise UserError(
            f"{path}: {key} is {values!r}; expected a number; `dvc repro` writes the file anew"
        )


def as_json(values: Mapping[str, Mapping[str, Number]]) -> dict[str, Any]:
    """Write numbers as `read_record` reads them, with intervals where they are known."""
    return {
        source: {
            name: number.value if number.low is None else number._asdict()
            for name, number in numbers.items()
        }
        for source, numbers in values.items()
    }


def _arrange(
    values: Mapping[str, Mapping[str, Any]],
    chosen: Sequence[str] | None = None,
    ends: Mapping[tuple[str, str], tuple[float, float, float]] | None = None,
    leave_out: Sequence[str] = (),
) -> Numbers:
    """Put sources in order, and intervals to their values."""
    order = [*_FIRST, *(chosen or ())]
    places = {name: place for place, name in reversed([*enumerate(order)])}
    names = sorted(values, key=lambda name: places.get(name, len(order)))
    if chosen is not None:
        names = [name for name in names if name in chosen or name in _FIRST]
    return {
        source: {
            name: read_number(entry)._replace(**_interval(ends or {}, source, name, entry))
            for name, entry in values[source].items()
            if name not in leave_out
        }
        for source in names
    }


def _interval(
    ends: Mapping[tuple[str, str], tuple[float, float, float]], source: str, name: str, entry: Any
) -> dict[str, float]:
    if (source, name) not in ends:
        return {}
    value, low, high = ends[source, name]
    # A table of another run than the numbers' must not lend them its intervals.
    same = math.isclose(value, read_number(entry).value, rel_tol=1e-5)
    return {"low": low, "high": high} if same else {}


def _read_intervals(path: Path) -> dict[tuple[str, str], tuple[float, float, float]]:
    """Read value, low and high by source and name; `frechet` at 0.7 is `frechet_at_0.7`.

    Raises:
        UserError: the file is not what a stage writes.
    """
    if not path.is_file():
        return {}
    rows = csv.DictReader(read_lines(path))
    try:
        return {
            (row["source"], _name(row)): (
                float(row["value"]),
                float(row["low"]),
                float(row["high"]),
            )
            for row in rows
        }
    except (KeyError, TypeError, ValueError, csv.Error):
        raise UserError(
            f"{path}: line {rows.line_num}: expected source, measure, value, low and high; "
            "`dvc repro` writes the file anew"
        ) from None


def _name(row: Mapping[str, str]) -> str:
    temperature = row.get("temperature")
    return f"{row['measure']}_at_{temperature}" if temperature else row["measure"]
