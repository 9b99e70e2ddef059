"""Who writes texts, and where: the one list of sources."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

from stages.corpus.errors import Caution, UserError
from stages.pipeline.files import read_lines, replacing, write_lines

TEST = "test"
REAL = ("train", TEST)
VALIDATION = "validation"  # real too: what chooses epochs and sets thresholds
FIRST = ("markov", "language_model")  # generators that are always there

GENERATORS = Path("data/generators")  # trained: those always there and those of the list
GANS = Path("data/gans")  # those of embeddings, apart since they learn from texts of the others
SAMPLES = Path("data/samples")
FAKES = Path("data/fakes")  # further texts of each generator, for detectors to learn from
FEWEST = 20  # texts that a detector learns from: a tenth of them calibrates
SWEEP = Path("data/sweep")  # a folder a generator, a file a temperature
TEMPERATURES = "temperatures.txt"  # in each such folder: those it was written at, one a line


class Source(NamedTuple):
    """The texts of one source.

    Attributes:
        texts: words joined by one space, N of them.
        labels: the name of each text's label, None where it has none.
    """

    texts: list[str]
    labels: list[str | None]


def check_unseen(train_on: str) -> None:
    """Refuse to compare with test text that the generators have learnt from.

    Args:
        train_on: what `prepare.train_on` says.

    Raises:
        UserError: it is `all`.
    """
    if train_on == "all":
        raise UserError(
            "params.yaml: prepare.train_on is all, so the generators have learnt from the test "
            "text too, and no measure against it would mean anything; set it to train to measure, "
            "or let `python -m stages.generate` write from what is trained now"
        )


def generated(params: SimpleNamespace) -> tuple[str, ...]:
    """Name the sources that are generators, as the lists of params.yaml choose them."""
    return (*FIRST, *params.generators, *params.embeddings)


def find_trained(name: str) -> Path:
    """Return the folder of a source's trained model, whether it is there or not."""
    return GANS / name if (GANS / name).exists() else GENERATORS / name


def load_source(name: str) -> Source:
    """Read what a source wrote.

    Raises:
        UserError: there are not as many labels as texts.
    """
    path = SAMPLES / f"{name}.labels"
    texts, labels = read_lines(SAMPLES / f"{name}.txt"), read_lines(path)
    if len(labels) != len(texts):
        raise UserError(
            f"{path}: {len(labels)} lines, expected one a text, {len(texts)}; `dvc repro` writes "
            "it anew"
        )
    return Source(texts, [label or None for label in labels])


def write_source(name: str, texts: Iterable[str], labels: Iterable[str | None]) -> None:
    """Write a source's texts, and their labels beside them: an empty line where there is none."""
    write_lines(SAMPLES / f"{name}.txt", texts)
    write_lines(SAMPLES / f"{name}.labels", (label or "" for label in labels))


def write_platforms(platforms: Iterable[str]) -> None:
    """Write where each real test text comes from, such as youtube; empty lines where unknown."""
    write_lines(SAMPLES / f"{TEST}.platforms", platforms)


def load_platforms() -> list[str]:
    """Read where each real test text comes from, empty where that is not known."""
    return read_lines(SAMPLES / f"{TEST}.platforms")


def write_fakes(name: str, texts: Iterable[str]) -> None:
    """Write the texts by which detectors learn to know a generator."""
    write_lines(FAKES / f"{name}.txt", texts)


def load_fakes(named: Sequence[str] | None, everybody: Sequence[str]) -> dict[str, list[str]]:
    """Read the fakes that detectors learn from, without those that have no word.

    A generator that was not named, and wrote too few, is left out with a warning.

    Args:
        named: what `detector.fakes` says; None takes all generators.
        everybody: all generators of the run.

    Raises:
        UserError: one that was named wrote too few, or all did.
    """
    fakes = {}
    for name in everybody if named is None else named:
        texts = [*filter(None, read_lines(FAKES / f"{name}.txt"))]
        told = f"data/fakes/{name}.txt: {len(texts)} texts with words"
        if len(texts) >= FEWEST:
            fakes[name] = texts
        elif named is None:
            warnings.warn(
                f"{told}; detectors take {FEWEST} or more, and learn without {name}",
                Caution,
                stacklevel=2,
            )
        else:
            raise UserError(
                f"{told}; expected {FEWEST} or more for a detector; leave {name} out of "
                "detector.fakes, or raise sample.fakes"
            )
    if not fakes:
        raise UserError(
            f"data/fakes: no generator wrote {FEWEST} texts with words, which a detector takes; "
            "raise sample.fakes, or train for longer"
        )
    return fakes


def write_sweep(name: str, texts: Mapping[float, Iterable[str]]) -> None:
    """Write a generator's texts at each temperature; nothing at all where it takes none."""
    with replacing(SWEEP / name) as folder:
        folder.mkdir()
        for temperature, lines in texts.items():
            write_lines(folder / f"{temperature}.txt", lines)
        write_lines(folder / TEMPERATURES, map(str, texts))


def load_sweep(name: str) -> dict[float, list[str]]:
    """Read a generator's texts by temperature; empty where it takes none.

    Raises:
        UserError: a line of the list of temperatures is no number.
    """
    folder = SWEEP / name
    shown = read_lines(folder / TEMPERATURES)
    try:
        temperatures = [float(each) for each in shown]
    except ValueError as error:
        raise UserError(
            f"{folder / TEMPERATURES}: {error}; expected a temperature a line; "
            "`dvc repro` writes it anew"
        ) from None
    texts = (read_lines(folder / f"{each}.txt") for each in shown)
    return dict(zip(temperatures, texts, strict=True))
