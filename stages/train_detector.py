"""Stage train_detector: let a detector learn real training texts and fakes of generators."""

import warnings

from stages.corpus.errors import Caution, UserError
from stages.judges.detector import Detector
from stages.pipeline.detectors import make_learner
from stages.pipeline.files import replacing, write_metrics
from stages.pipeline.parameters import load_params
from stages.pipeline.sources import FEWEST, REAL, VALIDATION, generated, load_fakes, load_source
from stages.pipeline.stage import pick_device, run_stage, seed_everything


def main(kind: str) -> None:
    params = load_params(
        "seed", "device", "threads", "embeddings", "generators", "gan.max_length", "detector"
    )
    seed_everything(params.seed, params.threads)
    texts = {name: [*filter(None, load_source(name).texts)] for name in (REAL[0], VALIDATION)}
    if len(texts[REAL[0]]) < FEWEST:
        raise UserError(
            f"data/samples/{REAL[0]}.txt: {len(texts[REAL[0]])} texts with words; expected "
            f"{FEWEST} or more for a detector"
        )
    device = pick_device(params.device)
    detector = Detector.fit(
        kind,
        texts[REAL[0]],
        texts[VALIDATION],
        load_fakes(params.detector.fakes, generated(params)),
        learn=make_learner(kind, vars(params.detector), seed=params.seed, device=device),
        max_length=params.gan.max_length,
        seed=params.seed,
    )
    if detector.shortest is None:
        warnings.warn(
            f"the detector {kind} tells generated texts from real ones at no length, and will "
            "judge none; give more texts, or raise prepare.validation_share or sample.fakes",
            Caution,
            stacklevel=1,
        )
    with replacing(f"data/detectors/{kind}") as folder:
        detector.save(folder)
    write_metrics("train_detector", describe(detector), kind)


def describe(detector: Detector) -> dict[str, float]:
    """Count what it reads by, and say how it is calibrated."""
    values = detector.scorer.describe() | {"slope": detector.slope}
    if detector.shortest is not None:
        values["shortest"] = detector.shortest
    return values


if __name__ == "__main__":
    run_stage(main)
