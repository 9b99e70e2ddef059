"""The page of a run, metrics/report.html: the lab book with the texts behind its numbers."""

from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

from stages.pages.page import page, read_part
from stages.pipeline.judgements import JUDGEMENTS
from stages.pipeline.sources import SAMPLES, SWEEP
from stages.reporting.experiments import FOLDER
from stages.reporting.html_book import Entry, render_book, render_contents
from stages.reporting.page_data import (
    REAL,
    gather_judges,
    gather_runs,
    gather_texts,
    read_answers,
)
from stages.reporting.record import read_record
from stages.reporting.wording import name_source

OWN = "generator"  # what a judge's own generator makes: no file holds its texts
# Each is an .html and a .js among stages/pages, and a part of the page's data.
PARTS = {"texts": "Read the texts", "judges": "What the judges say", "runs": "Compare two runs"}


def render_page(root: Path, lab_book: str, names: Sequence[str], count: int) -> str:
    """Write the whole page; a part whose files are missing is left out.

    Args:
        root: of the working tree.
        lab_book: of this run, in Markdown.
        names: the sources that are generators, in order.
        count: texts of each source and temperature at most.

    Returns:
        HTML; equal files give equal pages.
    """
    record = read_record(root / "metrics", root / "plots", names)
    answers = read_answers(root / JUDGEMENTS, record.verdicts)
    sources = gather_texts(root / SAMPLES, root / SWEEP, names, answers, count)
    runs = gather_runs(root, names, root / FOLDER)
    data: dict[str, Any] = {
        "texts": sources,
        "judges": gather_judges(record, answers, sources),
        "titles": {source: name_source(source) for source in (OWN, *REAL, *names)},
        "runs": runs if len(runs) > 1 else [],
    }
    book = render_book(lab_book, root / "metrics")
    there = [part for part in PARTS if data[part]]
    contents = [Entry(part, PARTS[part]) for part in there] + book.contents
    body = Template(read_part("report.html")).substitute(
        introduction=book.introduction,
        contents=render_contents(contents),
        parts="".join(read_part(f"report_{part}.html") for part in there),
        run=book.run,
        experiments=book.experiments,
    )
    scripts = ("report.js", *(f"report_{part}.js" for part in there))
    script = "\n".join(map(read_part, scripts))
    return page("Report", read_part("report.css"), script, data, body)
