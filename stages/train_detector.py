"""Stage train_detector: let a detector learn real training texts and fakes of generators."""

from types import SimpleNamespace
from typing import Any

from stages.corpus.errors import UserError
from stages.judges.detector import Detector
from stages.judges.linear_scorer import RememberingEncoder
from stages.pipeline.files import replacing, write_metrics
from stages.pipeline.parameters import load_params
from stages.pipeline.sources import REAL, VALIDATION, generated, load_fakes, load_source
from stages.pipeline.stage import pick_device, run_stage, seed_everything

FEWEST = 20  # real texts: a tenth of them calibrates where there are few for validation


def main(kind: str) -> None:
    params = load_params(
        "seed", "device", "threads", "embeddings", "generators", "gan.max_length", "detector"
    )
    seed_everything(params.seed, params.threads)
    train = [text for text in load_source(REAL[0]).texts if text]
    if len(train) < FEWEST:
        raise UserError(
            f"data/samples/{REAL[0]}.txt: {len(train)} texts with words; expected {FEWEST} or more "
            "for a detector; set detectors to []"
        )
    settings = getattr(params.detector, kind)
    detector = Detector.fit(
        kind,
        train,
        [text for text in load_source(VALIDATION).texts if text],
        {name: load_known_fakes(name) for name in choose_fakes(params)},
        max_length=params.gan.max_length,
        strength=settings.strength,
        seed=params.seed,
        encoder=load_encoder(settings, pick_device(params.device)),
    )
    with replacing(f"data/detectors/{kind}") as folder:
        detector.save(folder)
    write_metrics("train_detector", describe(detector), kind)


def choose_fakes(params: SimpleNamespace) -> list[str]:
    """Name the generators that a detector learns to know."""
    chosen = params.detector.fakes
    return list(generated(params) if chosen is None else chosen)


def load_known_fakes(name: str) -> list[str]:
    """Read a generator's fakes that have words.

    Raises:
        UserError: too few have.
    """
    texts = [text for text in load_fakes(name) if text]
    if len(texts) < FEWEST:
        raise UserError(
            f"data/fakes/{name}.txt: {len(texts)} texts with words; expected {FEWEST} or more for "
            f"a detector; leave {name} out of detector.fakes, or raise sample.fakes"
        )
    return texts


def load_encoder(settings: SimpleNamespace, device: str) -> Any:
    """Load the BERT that a detector's settings name; None where they name none."""
    model = getattr(settings, "model", None)
    if model is None:
        return None
    from stages.measures.sentence_vectors import SentenceEncoder

    return RememberingEncoder(SentenceEncoder(device, model, "detector.vectors.model"))


def describe(detector: Detector) -> dict[str, float]:
    """Count what it reads by, and say how it is calibrated."""
    values: dict[str, float] = {
        f"{name.removesuffix('_runs')}_runs": len(runs)
        for name, runs in detector.scorer.arrays.items()
        if name.endswith("_runs")
    }
    values["slope"] = detector.slope
    if detector.shortest is not None:
        values["shortest"] = detector.shortest
    return values


if __name__ == "__main__":
    run_stage(main)
