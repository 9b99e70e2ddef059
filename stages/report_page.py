"""Stage report_page: write metrics/report.html, the lab book with the texts behind its numbers."""

import warnings
from pathlib import Path
from string import Template
from typing import Any

from stages.corpus.errors import Caution
from stages.pages.page import page, read_part
from stages.pages.report_book import Entry, render_book, render_contents
from stages.pages.report_data import (
    REAL,
    gather_judges,
    gather_runs,
    gather_texts,
    read_answers,
)
from stages.pipeline.files import replacing
from stages.pipeline.judgements import JUDGEMENTS
from stages.pipeline.parameters import load_params
from stages.pipeline.sources import SAMPLES, SWEEP, generated
from stages.pipeline.stage import run_stage
from stages.reporting.experiments import FOLDER
from stages.reporting.record import read_record
from stages.reporting.wording import name_source

LAB_BOOK = Path("metrics/README.md")
PAGE = "metrics/report.html"
LARGE = 20 * 10**6  # bytes
OWN = "generator"  # what a judge's own generator makes: no file holds its texts
PARTS = {"texts": "Read the texts", "judges": "What the judges say", "runs": "Compare two runs"}


def main() -> None:
    params = load_params("embeddings", "generators", "report")
    content = render_page(Path(), generated(params), params.report.count)
    size = len(content.encode("utf-8"))
    if size > LARGE:
        warnings.warn(
            f"{PAGE}: {size / 10**6:.0f} MB, which opens slowly; lower report.count",
            Caution,
            stacklevel=2,
        )
    with replacing(PAGE) as temporary:
        temporary.write_text(content, encoding="utf-8", newline="\n")


def render_page(root: Path, names: tuple[str, ...], count: int) -> str:
    """Write the whole page; a part whose files are missing is left out.

    Args:
        root: of the working tree.
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
    path = root / LAB_BOOK
    book = render_book(path.read_text(encoding="utf-8") if path.is_file() else "", path.parent)
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


if __name__ == "__main__":
    run_stage(main)
