"""The command line of the command blind_test."""

import argparse
from collections.abc import Sequence
from typing import Literal

from stages.corpus.errors import UserError
from stages.corpus.settings import Section
from stages.pipeline.blind_test_files import KEY
from stages.pipeline.command_line import Parser
from stages.pipeline.core_settings import DEVICES
from stages.pipeline.mistakes import find_mistakes

METRICS = "metrics/blind_test.json"
_EXAMPLES = """\
examples:
  python -m stages.blind_test ~/Downloads/answers-ann.json
  python -m stages.blind_test answers/*.json --key kept/blind_test.json

Name the files of all people each time: the numbers are written anew. `dvc repro` leaves them, and
`dvc repro report` puts them into the lab book."""


class BlindTestRequest(Section):
    """What was asked for.

    Attributes:
        answers: files that the page has saved.
        key: who wrote which text.
        output: file for the numbers.
        device: where a detector's BERT calculates.
    """

    answers: list[str]
    key: str
    output: str
    device: Literal[DEVICES]


def parse_arguments(arguments: Sequence[str]) -> BlindTestRequest:
    """Read the command line.

    Raises:
        UserError: an argument is missing, unknown or out of range.
    """
    parser = Parser(
        prog="python -m stages.blind_test",
        usage="%(prog)s ANSWERS.json ... [options]",
        description="Count people's answers to the page data/blind_test.html, beside what the "
        "detectors of data/detectors say of the same texts.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("answers", metavar="ANSWERS.json", nargs="+", help="a file that the page has saved")
    add("--key", metavar="FILE", default=str(KEY), help=f"of the page ({KEY})")
    add("--output", metavar="FILE", default=METRICS, help=f"for the numbers ({METRICS})")
    add("--device", choices=DEVICES, default="auto", help="auto takes CUDA where there is some")
    values = vars(parser.parse_args(arguments))
    for key, line in find_mistakes(BlindTestRequest, values).items():
        raise UserError(f"--{key}{line.removeprefix(key)}")
    return BlindTestRequest(**values)
