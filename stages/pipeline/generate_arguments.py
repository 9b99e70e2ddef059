"""The command line of the command generate."""

import argparse
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from stages.corpus.errors import UserError
from stages.corpus.settings import Count, Rate, Section, Seed, Temperature
from stages.pipeline.command_line import Parser
from stages.pipeline.core_settings import DEVICES
from stages.pipeline.mistakes import find_mistakes

COUNT, CANDIDATES, STEPS = 20, 8, 7  # where they are not given; the second as in params.yaml

_DESCRIPTION = """\
Let a trained model write texts, one a line: lower-case words joined by spaces. It needs the
model's folder alone, and the same seed writes the same texts."""
_EXAMPLES = """\
examples:
  python -m stages.generate word2vec --count 5 --prefix "You are"
  python -m stages.generate backup/bert --temperature 0.7 --output texts.txt
  python -m stages.generate lstm_vae --between "you are a clown" "thanks" --steps 5"""


class Request(Section):
    """What was asked for.

    Attributes:
        model: a model's folder, or its name.
        count: texts to write; None where it was not given.
        temperature: log P is divided by it; None where it was not given.
        top_p: only the likeliest words that together reach it are drawn from; None likewise.
        label: of all texts; None leaves labels to the model.
        prefix: words that each text begins with, not yet tokenized.
        between: two texts, not yet tokenized, between whose codes texts are written; or None.
        steps: texts between them, those of their own codes counted; None where it was not given.
        seed: of what is drawn.
        candidates: texts of which the discriminator draws one; None where it was not given.
        output: file for the texts; None for standard output.
        copies: whether each text's longest copied run stands before it.
        train: file of the training text; None where it was not given.
        device: where to calculate.
    """

    model: str
    count: Count | None
    temperature: Temperature | None
    top_p: Rate | None
    label: str | None
    prefix: str
    between: list[str] | None
    steps: Annotated[int, Field(ge=2)] | None
    seed: Seed
    candidates: Count | None
    output: str | None
    copies: bool
    train: str | None
    device: Literal[DEVICES]


def parse_arguments(arguments: Sequence[str]) -> Request:
    """Read the command line.

    Raises:
        UserError: an argument is missing, unknown or out of range.
    """
    parser = Parser(
        prog="python -m stages.generate",
        usage="%(prog)s MODEL [options]",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "model",
        metavar="MODEL",
        help="a model's folder, or its name in data/generators or data/gans",
    )
    add("--count", metavar="N", type=int, help=f"texts to write ({COUNT})")
    add("--prefix", metavar='"WORDS"', default="", help="words that each text begins with")
    add(
        "--label",
        metavar="L",
        help="label of all texts, for models that take labels or are trained with per_label=true",
    )
    add(
        "--temperature",
        metavar="T",
        type=float,
        help="below 1 tamer texts, above 1 bolder (1)",
    )
    add(
        "--top-p",
        metavar="P",
        type=float,
        help="only the likeliest words that together reach P (1: all)",
    )
    add(
        "--between",
        metavar=('"TEXT"', '"TEXT"'),
        nargs=2,
        help="texts on the way from one to another, for models with codes; the likeliest words, "
        "unless --temperature or --top-p is given",
    )
    add(
        "--steps",
        metavar="N",
        type=int,
        help=f"texts of --between, from the first's code to the second's ({STEPS})",
    )
    add(
        "--candidates",
        metavar="N",
        type=int,
        help="texts of which a GAN's discriminator draws one, where it chooses; 1: it has no say "
        f"({CANDIDATES})",
    )
    add("--seed", metavar="N", type=int, default=1, help="another seed, other texts (1)")
    add("--output", metavar="FILE", help="write the texts to a file")
    add(
        "--copies",
        action="store_true",
        help="before each text, and a tab: how many words of it in a row stand in a training text",
    )
    add(
        "--train",
        metavar="FILE",
        help="the training text, one a line, if it is not that of data/corpus",
    )
    add("--device", choices=DEVICES, default="auto", help="auto takes CUDA where there is some")
    values = vars(parser.parse_args(arguments))
    for key, line in find_mistakes(Request, values).items():
        told = line.removeprefix(key).removesuffix(", or null")  # which nobody can type
        raise UserError(f"--{key.replace('_', '-')}{told}")
    request = Request(**values)
    _check_together(request)
    return request


def _check_together(request: Request) -> None:
    """Refuse options that do not go together."""
    if request.between is None:
        if request.steps is not None:
            raise UserError("--steps: found no --between; expected it, with two texts")
        return
    given = {"count": request.count, "candidates": request.candidates, "label": request.label}
    for name, value in (given | {"prefix": request.prefix or None}).items():
        if value is not None:
            raise UserError(f"--{name}: found --between, with which it means nothing; leave it out")
