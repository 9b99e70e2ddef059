"""The command line of stage measure, where it runs on anyone's text files."""

from collections.abc import Sequence
from typing import NamedTuple

from stages.corpus.errors import UserError
from stages.embeddings.pretrained_bert import MINILM
from stages.embeddings.unknown_pieces import MULTILINGUAL
from stages.measures.comparison import FEWEST, TRAIN
from stages.pipeline.command_line import Parser

TEST = "test"  # the name of the real text that all sources are measured against
_COUNT = 1000


class Arguments(NamedTuple):
    """What was asked for.

    Attributes:
        paths: file of each source, TRAIN and TEST first.
        count: texts a source at most.
        json: where to write the numbers, None for nowhere.
        model: the BERT of the sentence vectors.
    """

    paths: dict[str, str]
    count: int
    json: str | None
    model: str


def parse_arguments(arguments: Sequence[str]) -> Arguments:
    """Read the command line.

    Raises:
        UserError: an argument is missing, unknown or malformed, or two sources have one name.
    """
    parser = Parser(
        prog="python -m stages.measure",
        description="Measure text files against real text. A file has one text a line, in UTF-8, "
        "its words separated by spaces; give all files the same case and tokens. Without "
        "arguments it is the stage: the files of data/samples/, as params.yaml says.",
    )
    parser.add_argument("train", metavar="TRAIN.txt", help="real text the generators learnt from")
    parser.add_argument("test", metavar="TEST.txt", help="real text they have not seen")
    parser.add_argument(
        "sources", metavar="NAME=FILE.txt", nargs="*", help="generated text, and what to call it"
    )
    parser.add_argument(
        "--count", type=int, default=_COUNT, help=f"texts a source at most ({_COUNT})"
    )
    parser.add_argument(
        "--model",
        default=MINILM,
        help=f"of sentence vectors: {MINILM}, a folder, or a BERT on the Hugging Face hub, such as "
        f"{MULTILINGUAL} ({MINILM}, which reads English)",
    )
    parser.add_argument("--json", metavar="OUT", help="write values and intervals to this file")
    options = parser.parse_intermixed_args(arguments)
    if options.count < FEWEST:
        raise UserError(f"--count: found {options.count}; expected at least {FEWEST}")
    paths = {TRAIN: options.train, TEST: options.test}
    for argument in options.sources:
        name, _, path = argument.partition("=")
        if not name or not path:
            raise UserError(f"{argument}: expected NAME=FILE, such as markov=markov.txt")
        if name in paths:
            raise UserError(f"{argument}: another source is named {name}; expected a new name")
        paths[name] = path
    return Arguments(paths, options.count, options.json, options.model)
