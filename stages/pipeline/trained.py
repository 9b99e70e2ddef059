"""Trained models, as the commands for people find them."""

from pathlib import Path

from stages.corpus.errors import UserError
from stages.generators.protocol import ABOUT, Generator, load_generator
from stages.pipeline.sources import GANS, GENERATORS, find_trained

CORPUS = Path("data/corpus")
DETECTORS = Path("data/detectors")
THREADS = 2  # as in params.yaml: another number could write other texts
LIKELIEST = 1e-9  # the top_p that the likeliest word reaches alone


def find_model(model: str) -> Path:
    """Return the folder of a model that is given by its folder or by its name.

    Raises:
        UserError: there is none.
    """
    if not model.strip():
        raise UserError("MODEL: found nothing; expected the name or the folder of a model")
    for folder in (Path(model), find_trained(model)):
        if (folder / ABOUT).is_file():
            return folder
    if Path(model).is_dir():
        raise UserError(f"{model}: no {ABOUT} there; expected the whole folder of a trained model")
    there = [path for home in (GENERATORS, GANS) for path in home.glob(f"*/{ABOUT}")]
    known = ", ".join(sorted({path.parent.name for path in there}))
    expected = (
        f"{known}, or a model's folder; `dvc repro` trains others that `generators` or "
        "`embeddings` in params.yaml names"
        if known
        else "a trained model: run `dvc repro` first"
    )
    raise UserError(f"{model}: no such model here, in {GENERATORS} or {GANS}; expected {expected}")


def find_detector(detector: str) -> Path:
    """Return the folder of a detector that is given by its folder or by its name.

    Raises:
        UserError: there is none.
    """
    for folder in (Path(detector), DETECTORS / detector):
        if detector.strip() and (folder / ABOUT).is_file():
            return folder
    known = ", ".join(sorted(path.parent.name for path in DETECTORS.glob(f"*/{ABOUT}")))
    expected = (
        f"{known}, or a detector's folder; `dvc exp run -S "
        "'detectors=[ngrams,vectors,fine_tuned_bert]'` trains all three"
        if known
        else "a detector: run `dvc repro` first"
    )
    raise UserError(
        f"--detector: {detector or 'nothing'}: no such detector here or in {DETECTORS}; expected "
        f"{expected}"
    )


def load_model(folder: Path, device: str) -> Generator:
    """Load a model of which every file is there.

    Raises:
        UserError: a file is missing or damaged.
    """
    try:
        return load_generator(folder, device)
    except FileNotFoundError as error:
        raise UserError(
            f"{' '.join(str(error).split())}; expected the whole folder of a trained model"
        ) from None
