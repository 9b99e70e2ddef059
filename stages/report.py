"""Stage report: write metrics/README.md and report.html; for people, record a run, fill README.md.

python -m stages.report                              the stage
python -m stages.report keep NAME "COMMAND"          record the working tree's numbers
python -m stages.report readme                       put the table of measures into README.md
"""

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path

from stages.corpus.errors import Caution
from stages.pipeline.command_line import Parser
from stages.pipeline.files import replacing
from stages.pipeline.parameters import load_params
from stages.pipeline.sources import generated
from stages.pipeline.stage import run_stage
from stages.reporting.experiments import keep
from stages.reporting.lab_book import render_lab_book
from stages.reporting.readme import fill_readme
from stages.reporting.run_page import render_page

LAB_BOOK = "metrics/README.md"
PAGE = "metrics/report.html"  # with texts, so not for git
README = "README.md"
LARGE = 20 * 10**6  # characters, nearly all of which are bytes


def main(*arguments: str) -> None:
    options = parse_arguments(arguments)
    params = load_params("embeddings", "generators", "fetch.source", "measure.model", "report")
    sources = generated(params)
    if options.command == "keep":
        keep(
            options.name,
            options.made_by,
            sources,
            title=options.title,
            note=options.note,
            replace=options.replace,
        )
    elif options.command == "readme":
        readme = Path(README).read_text(encoding="utf-8")
        write_text(README, fill_readme(readme, Path(), sources))
    else:
        invented = params.fetch.source == "sample"
        encoder = params.measure.model
        book = render_lab_book(Path(), sources, params.embeddings, invented, encoder)
        write_text(LAB_BOOK, book)
        page = render_page(Path(), book, sources, params.report.count)
        if len(page) > LARGE:
            warnings.warn(
                f"{PAGE}: {len(page) / 10**6:.0f} MB, which opens slowly; lower report.count",
                Caution,
                stacklevel=2,
            )
        write_text(PAGE, page)


def write_text(path: str, content: str) -> None:
    """Write a text file whole or not at all, UTF-8, with line feeds."""
    with replacing(path) as temporary:
        temporary.write_text(content, encoding="utf-8", newline="\n")


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; without a command it is the stage.

    Raises:
        UserError: an argument is unknown or missing.
    """
    parser = Parser(prog="python -m stages.report", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    record = commands.add_parser("keep", help="record the working tree's numbers")
    record.add_argument("name", metavar="NAME", help="of the folder in metrics/experiments")
    record.add_argument("made_by", metavar="COMMAND", help="that made the numbers, in quotes")
    record.add_argument("--title", help="of the experiment; without it, its name")
    record.add_argument("--note", default="", help="what it shows")
    record.add_argument(
        "--replace", action="store_true", help="overwrite an experiment of this name"
    )
    commands.add_parser("readme", help="put the table of measures into README.md")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run_stage(main)
