"""What the page of a run shows of texts, of judges and of runs, as JSON takes it."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.measures.copies import longest_runs
from stages.pipeline.files import read_lines
from stages.pipeline.judgements import load_judgements
from stages.reporting.experiments import ABOUT
from stages.reporting.record import PRECISION, TEXTS, Numbers, Record, read_json, read_record
from stages.reporting.sections import (
    DETECTED,
    LABELS,
    document_column,
    name_class,
    sweep_column,
)
from stages.reporting.tables import Number, error, share, show, spaced, tenths
from stages.reporting.wording import THEMES, name_source, word

REAL = ("test", "validation", "train")
TEMPERATURES = "temperatures.txt"

Answers = Mapping[str, Mapping[str, Mapping[int, float]]]  # logits by judge, source and line


def read_answers(folder: Path, judges: Iterable[str]) -> dict[str, dict[str, dict[int, float]]]:
    """Read what judges said of single texts: logits by judge, source and line."""
    said = {judge: load_judgements(folder / f"{judge}.csv") for judge in judges}
    return {judge: found for judge, found in said.items() if found}


def gather_texts(
    samples: Path, sweep: Path, generated: Sequence[str], answers: Answers, count: int
) -> list[dict[str, Any]]:
    """Read the first texts of each source, real ones first; sources without a file have no part.

    Args:
        samples: the folder of each source's texts and labels.
        sweep: the folder of each generator's texts by temperature.
        generated: the sources that are generators, in order.
        answers: of judges; where they judged some of a source's texts alone, these are taken.
        count: texts of each source and temperature at most.

    Returns:
        For each source `key`, `title`, `real` and `sets`; for each set `temperature` (None: as
        `sample` was told), `total` (texts in the file), `lines` (where each text stands, from 1),
        `texts`, `labels` (None without), and `copied` (words of the longest run that stands in a
        training text, None for training text itself).
    """
    sources = []
    for key in (*REAL, *generated):
        sets = []
        path = samples / f"{key}.txt"
        if path.is_file():
            judged = next((found[key] for found in answers.values() if key in found), None)
            labels = samples / f"{key}.labels"
            sets.append(_take(path, count, judged, labels if labels.is_file() else None))
        listed = sweep / key / TEMPERATURES
        for temperature in read_lines(listed) if listed.is_file() else ():
            path = sweep / key / f"{temperature}.txt"
            if path.is_file():
                sets.append(_take(path, count) | {"temperature": temperature})
        if sets:
            part = {"key": key, "title": name_source(key), "real": key in REAL, "sets": sets}
            sources.append(part)
    _mark_copies(sources, samples / "train.txt")
    return sources


def _take(
    path: Path, count: int, judged: Iterable[int] | None = None, labels: Path | None = None
) -> dict[str, Any]:
    texts = read_lines(path)
    lines = [line for line in judged or range(len(texts)) if line < len(texts)][:count]
    named = read_lines(labels) if labels else []
    has_labels = len(named) == len(texts) and any(named)
    return {
        "temperature": None,
        "total": len(texts),
        "lines": [line + 1 for line in lines],
        "texts": [texts[line] for line in lines],
        "labels": [named[line] for line in lines] if has_labels else None,
        "copied": None,
    }


def _mark_copies(sources: list[dict[str, Any]], training: Path) -> None:
    if not training.is_file():
        return
    sets = [part for source in sources if source["key"] != "train" for part in source["sets"]]
    runs = iter(longest_runs([t for part in sets for t in part["texts"]], read_lines(training)))
    for part in sets:
        part["copied"] = [next(runs) for _ in part["texts"]]


def gather_judges(
    record: Record, answers: Answers, sources: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Set out each judge's verdicts, with its answers to the texts that the page shows.

    Returns:
        For each judge `key`, `title`, `cells` (by source: `accuracy` and `mse` as written, `share`
        as a number) and `answers` (by source a logit for each text, None where it was not asked).
    """
    lines = {source["key"]: source["sets"][0]["lines"] for source in sources}
    judges = []
    for key, verdicts in record.verdicts.items():
        cells = {
            source: {
                "accuracy": share(found["accuracy"].value),
                "mse": error(found["mse"].value),
                "share": found["accuracy"].value,
            }
            for source, found in verdicts.items()
            if {"accuracy", "mse"} <= found.keys()
        }
        said = {
            source: [found.get(line - 1) for line in lines[source]]
            for source, found in answers.get(key, {}).items()
            if source in lines
        }
        judges.append({"key": key, "title": name_source(key), "cells": cells, "answers": said})
    return judges


def gather_runs(root: Path, generated: Sequence[str], folders: Path) -> list[dict[str, Any]]:
    """Read the numbers of the working tree's run, then of each recorded experiment.

    Args:
        root: of the working tree.
        generated: the sources of its run that are generators, in order.
        folders: of experiments, one each.

    Returns:
        For each run `title`, `command` and `numbers`, rows of theme, source, name, value as
        written, value, its interval's ends (None without), and `low` or `high` where that is
        better. A run without numbers has no part.
    """
    runs = []
    here = read_record(root / "metrics", root / "plots", generated)
    runs.append({"title": "this run", "command": "", "numbers": _rows(here, {})})
    for path in sorted(folders.glob(f"*/{ABOUT}")):
        about = read_json(path)
        names = about.get("names", {})
        record = read_record(path.parent, chosen=[*names] or None)
        runs.append(
            {
                "title": about["title"],
                "command": about["command"],
                "numbers": _rows(record, names),
            }
        )
    return [run for run in runs if run["numbers"]]


def _rows(record: Record, names: Mapping[str, str]) -> list[list[Any]]:
    """List all numbers of a run, a row each."""
    rows: list[list[Any]] = []

    def title(key: str) -> str:
        return names.get(key) or name_source(key)

    def add(theme: str, source: str, name: str, number: Number, form, best: str = "") -> None:
        rows.append([theme, source, name, show(number, form), *number, best])

    for theme, source, key, number in _themed(record.measures):
        told = word(key)
        best = {"lower is better": "low", "higher is better": "high"}.get(told.best, "")
        add(theme, title(source), told.title, number, told.form, best)
    for judge, sources in record.verdicts.items():
        for source, found in sources.items():
            for key, number in found.items():
                right = key == "accuracy"
                theme = "Judges: share that is right" if right else "Judges: mean squared error"
                add(theme, title(source), title(judge), number, share if right else error)
    for source, found in record.sweep.items():
        for key, number in found.items():
            name, form = sweep_column(key)
            best = "low" if key.startswith("frechet") else ""
            add("Quality against diversity", title(source), name, number, form, best)
    for kind, sources in record.detectors.items():
        for source, found in sources.items():
            for key, number in found.items():
                name, form = DETECTED.get(key, (name_class(key), share))
                add(f"Detector {kind}", title(source), name, number, form)
    for encoder, found in record.documents.items():
        # Its own name: an encoder may be called as an embedding is, whose name is its GAN's.
        source = "all encoders" if encoder == TEXTS else encoder
        for key, number in found.items():
            name, form = document_column(key)
            best = "high" if key.startswith(PRECISION) else ""
            add("Encoders of whole texts", source, name, number, form, best)
    for source, found in record.labels.items():
        for key, number in found.items():
            name, form = LABELS.get(key, (spaced(key), tenths))
            add("Labels", title(source), name, number, form, "high")
    return rows


def _themed(measures: Numbers) -> Iterable[tuple[str, str, str, Number]]:
    """Yield theme, source, measure and number, theme after theme."""
    for theme, keys in {**THEMES, "Other measures": ()}.items():
        for source, found in measures.items():
            known = keys or [key for key in found if not _has_theme(key)]
            for key in known:
                if key in found:
                    yield theme, source, key, found[key]


def _has_theme(key: str) -> bool:
    return any(key in keys for keys in THEMES.values())
