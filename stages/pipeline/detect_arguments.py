"""The command line of the command detect."""

import argparse
from collections.abc import Sequence
from typing import Literal

from stages.corpus.errors import UserError
from stages.corpus.settings import Section
from stages.pipeline.command_line import Parser
from stages.pipeline.core_settings import DETECTORS, DEVICES
from stages.pipeline.mistakes import find_mistakes

_EXAMPLES = """\
examples:
  python -m stages.detect comments.txt
  python -m stages.generate markov | python -m stages.detect - --json

The probability supposes that one text in two is generated. Where fewer are, more of those that it
names are real. A line that is shorter than what the detector could tell apart gets none."""


class DetectRequest(Section):
    """What was asked for.

    Attributes:
        file: of texts, one a line; - for standard input.
        detector: a detector's folder, or its name.
        as_json: whether to write JSON.
        output: file for the verdicts; None for standard output.
        device: where a BERT calculates.
    """

    file: str
    detector: str
    as_json: bool
    output: str | None
    device: Literal[DEVICES]


def parse_arguments(arguments: Sequence[str]) -> DetectRequest:
    """Read the command line.

    Raises:
        UserError: an argument is missing, unknown or out of range.
    """
    parser = Parser(
        prog="python -m stages.detect",
        usage="%(prog)s [FILE] [options]",
        description="Say of each line of a file how likely it was written by a generator, and by "
        "which. It needs a detector's folder alone.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("file", metavar="FILE", nargs="?", default="-", help="of texts, one a line; - reads stdin")
    add("--detector", metavar="NAME", default=DETECTORS[0], help="its folder, or its name (ngrams)")
    add("--json", dest="as_json", action="store_true", help="write a JSON object a line")
    add("--output", metavar="FILE", help="write to a file instead of standard output")
    add("--device", choices=DEVICES, default="auto", help="auto takes CUDA where there is some")
    values = vars(parser.parse_args(arguments))
    for key, line in find_mistakes(DetectRequest, values).items():
        raise UserError(f"--{key}{line.removeprefix(key).removesuffix(', or null')}")
    return DetectRequest(**values)
