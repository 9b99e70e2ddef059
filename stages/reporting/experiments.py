"""Recorded experiments: a run's numbers, kept in a folder with the command that made them."""

import json
import platform
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.corpus.errors import UserError
from stages.pipeline.files import replacing, write_json
from stages.reporting.record import Record, as_json, read_json, read_record
from stages.reporting.sections import (
    detector_tables,
    document_table,
    label_table,
    measure_tables,
    sweep_tables,
    verdict_tables,
)
from stages.reporting.wording import name_source

ABOUT = "experiment.json"
FOLDER = Path("metrics/experiments")


def render_experiment(folder: Path, page: Path) -> str:
    """Write an experiment as Markdown: what was run, what came out, what it shows.

    Args:
        folder: with experiment.json and the numbers.
        page: the folder of the page that shows it, to which pictures are linked.
    """
    about = read_json(folder / ABOUT)
    names = about.get("names", {})

    def name(key: str) -> str:
        return names.get(key) or name_source(key)

    record = read_record(folder, chosen=[*names] or None)
    blocks = [f"### {about['title']}", f"```bash\n{about['command']}\n```"]
    facts = [
        f"Code: {about['commit']}.",
        f"Processor: {about['processor']}.",
        _brackets(about, record),
    ]
    blocks.append(" ".join(filter(None, facts)))
    blocks += measure_tables(record, name) + verdict_tables(record, name)
    blocks += detector_tables(record, name) + sweep_tables(record, name)
    blocks += [document_table(record)] if record.documents else []
    blocks += [label_table(record, name)] if record.labels else []
    blocks += [
        f"![{about['title']}]({path.relative_to(page).as_posix()})"
        for path in sorted(folder.glob("*.png"))
    ]
    return "\n\n".join([*blocks, *filter(None, [about["note"]])])


def _brackets(about: dict[str, Any], record: Record) -> str:
    """Say what the intervals are of; an experiment may say so itself."""
    numbers = [*record.measures.values(), *record.sweep.values()]
    if any(number.low is not None for values in numbers for number in values.values()):
        return about.get("interval", "In brackets: 95 % intervals, of drawing other texts.")
    return about.get("interval", "")


def keep(
    name: str,
    command: str,
    chosen: Sequence[str],
    *,
    title: str | None = None,
    note: str = "",
    replace: bool = False,
    root: Path = Path(),
) -> Path:
    """Record the numbers of the run that the working tree holds: whole, or not at all; no text.

    Args:
        name: of the folder under metrics/experiments.
        command: that made the numbers.
        chosen: the generators of the run, in order.
        title: of the experiment; None makes one of the name.
        note: what it shows.
        replace: whether an experiment of this name gives way.
        root: of the working tree.

    Returns:
        The experiment's folder.

    Raises:
        UserError: the name is no name or is taken, there is no command or no number to record.
    """
    if not re.fullmatch(r"[\w][\w.-]*", name):
        raise UserError(
            f"keep: {name!r} names no experiment; allowed: letters, digits, '-', '_' and '.'"
        )
    if not command.strip():
        raise UserError("keep: no command; expected the one that made the numbers, in quotes")
    folder = root / FOLDER / name
    if folder.exists() and not replace:
        raise UserError(f"keep: {folder} exists; choose another name, or add --replace")
    record = read_record(root / "metrics", root / "plots", chosen)
    if not record.measures:
        raise UserError(f"keep: no number in {root / 'metrics/measure'}; run `dvc repro` first")
    about = {
        "title": title or name.replace("_", " ").replace("-", " "),
        "command": command,
        "commit": _commit(root),
        "processor": _processor(),
        "note": note,
    }
    with replacing(folder) as temporary:
        temporary.mkdir()
        _write(temporary, record, about)
    return folder


def _write(folder: Path, record: Record, about: dict[str, Any]) -> None:
    for source, numbers in as_json(record.measures).items():
        count = {} if record.texts is None else {"texts": record.texts}
        write_json(folder / "measure" / f"{source}.json", numbers | count)
    if record.verdicts:
        verdicts = {judge: as_json(sources) for judge, sources in record.verdicts.items()}
        write_json(folder / "cross_evaluate.json", verdicts)
    if record.detectors:
        found = {kind: as_json(sources) for kind, sources in record.detectors.items()}
        write_json(folder / "evaluate_detectors.json", {"evaluate_detectors": found})
    if record.documents:
        values = as_json(record.documents)
        write_json(folder / "evaluate_documents.json", {"evaluate_documents": values})
    if record.sweep:
        count = {} if record.swept is None else {"texts": record.swept}
        write_json(folder / "sweep.json", {"sweep": count | as_json(record.sweep)})
    if record.labels:
        write_json(folder / "labels.json", {"labels": as_json(record.labels)})
    content = json.dumps(about, ensure_ascii=False, indent=2) + "\n"
    (folder / ABOUT).write_text(content, encoding="utf-8", newline="\n")


def _commit(root: Path) -> str:
    """Name the commit of the code that ran, and say where the code differs from it."""
    code = ("stages", "dvc.yaml", "requirements.txt")
    commit = _git(root, "rev-parse", "--short=7", "HEAD")
    if not commit:
        return "not known"
    return f"{commit}, changed" if _git(root, "status", "--porcelain", "--", *code) else commit


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _processor() -> str:
    try:
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()
