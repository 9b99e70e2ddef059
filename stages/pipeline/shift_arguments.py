"""The command line of the command shift."""

import argparse
from collections.abc import Sequence
from typing import Literal

from stages.corpus.errors import UserError
from stages.corpus.settings import Count, Section, Seed
from stages.pipeline.command_line import Parser
from stages.pipeline.core_settings import DEVICES
from stages.pipeline.mistakes import find_mistakes

COUNT = 300  # where it is not given

_EXAMPLES = """\
examples:
  python -m stages.shift lstm_vae --picture shift.png
  python -m stages.shift lstm_vae --text "the worst place" """


class ShiftRequest(Section):
    """What was asked for.

    Attributes:
        model: a model's folder, or its name.
        text: to be moved towards each label, not yet tokenized; None moves test texts, and counts.
        count: test texts at most that are moved towards a label.
        seed: of the directions drawn at random.
        numbers: file for them; None for nowhere.
        picture: file for a picture of them, likewise.
        device: where to calculate.
    """

    model: str
    text: str | None
    count: Count
    seed: Seed
    numbers: str | None
    picture: str | None
    device: Literal[DEVICES]


def parse_arguments(arguments: Sequence[str]) -> ShiftRequest:
    """Read the command line.

    Raises:
        UserError: an argument is missing, unknown or out of range, or does not go with another.
    """
    parser = Parser(
        prog="python -m stages.shift",
        usage="%(prog)s MODEL [options]",
        description="Move the codes of texts towards a label, by the mean code of its texts less "
        "that of all others, and count how often a classifier then sees the label. It needs the "
        "corpus that the model was made from, in data/corpus.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "model",
        metavar="MODEL",
        help="a model's folder, or its name in data/generators or data/gans",
    )
    add("--text", metavar='"TEXT"', help="print what this text becomes, and count nothing")
    add("--count", metavar="N", type=int, default=COUNT, help=f"texts moved, a label ({COUNT})")
    add("--seed", metavar="N", type=int, default=1, help="of the random directions (1)")
    add("--numbers", metavar="FILE", help="write the numbers to a file (JSON)")
    add("--picture", metavar="FILE", help="draw them into a file (PNG)")
    add("--device", choices=DEVICES, default="auto", help="auto takes CUDA where there is some")
    values = vars(parser.parse_args(arguments))
    for key, line in find_mistakes(ShiftRequest, values).items():
        raise UserError(f"--{key}{line.removeprefix(key).removesuffix(', or null')}")
    request = ShiftRequest(**values)
    if request.text is not None and (request.numbers or request.picture):
        raise UserError("--text: found it with a file of numbers; expected one or the other")
    return request
