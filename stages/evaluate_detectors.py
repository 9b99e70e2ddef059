"""Stage evaluate_detectors: what each detector catches, whom it wrongs, and what transfers.

False positives on real test text come first: by label, length and platform. Then each generator's
texts, once judged by a detector that has learnt its fakes, once by one that has learnt all but its.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from scipy.special import expit
from tqdm import tqdm

from stages.corpus.choice import choose_evenly
from stages.judges.detector import Detector
from stages.measures.bootstrap import Estimate
from stages.measures.detection import area, calibration_error, class_of, share
from stages.pipeline.detectors import make_learner
from stages.pipeline.files import replacing, write_csv, write_metrics
from stages.pipeline.parameters import load_params
from stages.pipeline.pictures import draw_detectors
from stages.pipeline.sources import (
    REAL,
    VALIDATION,
    Source,
    check_unseen,
    generated,
    load_fakes,
    load_platforms,
    load_source,
)
from stages.pipeline.stage import pick_device, run_stage, seed_everything

TRAIN, TEST = REAL
FEWEST = 10  # texts of each side whose area means something


def main() -> None:
    params = load_params(
        "seed",
        "device",
        "threads",
        "embeddings",
        "generators",
        "detectors",
        "prepare.train_on",
        "gan.max_length",
        "detector",
    )
    check_unseen(params.prepare.train_on)
    seed_everything(params.seed, params.threads)
    device = pick_device(params.device)
    settings = vars(params.detector)
    fakes = load_fakes(params.detector.fakes, generated(params))
    train = [text for text in load_source(TRAIN).texts if text]
    validation = [text for text in load_source(VALIDATION).texts if text]
    test = load_source(TEST)
    real = with_words(test)
    platforms = [name for name, text in zip(load_platforms(), test.texts, strict=True) if text]
    judged = {name: with_words(load_source(name)).texts for name in generated(params)}
    judged = {name: texts for name, texts in judged.items() if texts}
    values, rows = {}, []
    for kind in params.detectors:
        detector = Detector.load(Path(f"data/detectors/{kind}"), device)
        learns_anew = kind != "fine_tuned_bert" or params.detector.fine_tuned_bert.not_met
        if detector.scorer.encoder is not None:
            from stages.judges.layer_vectors import RememberingEncoder

            # For each generator the others' texts are read again.
            detector.scorer.encoder = RememberingEncoder(detector.scorer.encoder)
        learner = make_learner(
            kind,
            settings,
            seed=params.seed,
            device=device,
            encoder=detector.scorer.encoder,
        )
        learn = partial(
            Detector.fit,
            kind,
            train,
            validation,
            learn=learner,
            max_length=params.gan.max_length,
            seed=params.seed,
            resemblance=False,
        )
        own = detector.logits(real.texts)
        values[kind] = {"false_positives": wronged(detector, own, real, platforms)}
        for name, texts in tqdm(judged.items(), desc=f"{kind} detector", unit="source"):
            logits = detector.logits(texts)
            found = caught(detector, own, logits, real.texts, texts)
            others = {each: fakes[each] for each in fakes if each != name}
            if name in fakes and others and learns_anew:
                without = learn(others)
                found["area_not_met"] = area(without.logits(real.texts), without.logits(texts))
            values[kind][name] = found
        rows += list_rows(kind, values[kind])
    write_csv("plots/detectors.csv", ("source", "measure", *Estimate._fields), rows)
    write_metrics("evaluate_detectors", {kind: only_values(each) for kind, each in values.items()})
    with replacing("plots/detectors.png") as path:
        draw_detectors(path, values)


def with_words(source: Source) -> Source:
    """Leave out a source's empty texts, about which nothing can be told."""
    kept = [place for place, text in enumerate(source.texts) if text]
    return Source(*([column[place] for place in kept] for column in source))


def wronged(
    detector: Detector, logits: np.ndarray, real: Source, platforms: Sequence[str]
) -> dict[str, Estimate | float]:
    """Return the shares of real texts that are taken for generated.

    Args:
        detector: that judged them.
        logits: of real texts, (N,).
        real: these texts, all with words.
        platforms: where each comes from, N of them, empty where that is not known.

    Returns:
        By threshold: `at_0.5`, and those that let 99 and 95 % of the validation texts pass; at 0.5
        also by label, by length in words, and by platform (`from`) where there are several.
        `told` is the share long enough to tell.
    """
    taken = logits < 0
    values: dict[str, Estimate | float] = {"at_0.5": share(taken)}
    values |= {
        f"at_{threshold}": share(logits < value) for threshold, value in detector.thresholds.items()
    }
    labels = np.array([label or "" for label in real.labels])
    lengths = np.array(class_of([len(text.split()) for text in real.texts]))
    for kind, column in (("label", labels), ("words", lengths), ("from", np.array(platforms))):
        names = sorted({*column.tolist()} - {""}, key=_by_number)
        if kind == "from" and len(names) < 2:
            continue
        for name in names:
            values[f"{kind} {name}"] = share(taken[column == name])
    return values | {"told": float(detector.can_tell(real.texts).mean())}


def caught(
    detector: Detector,
    own: np.ndarray,
    logits: np.ndarray,
    real: list[str],
    texts: list[str],
) -> dict[str, Estimate | float]:
    """Say how well a detector tells one generator's texts from real ones.

    Args:
        detector: that judged them.
        own: logits of the real texts, (N,).
        logits: of the generator's, (M,).
        real: real texts.
        texts: the generator's.

    Returns:
        `area` under the ROC curve, also by length in words; `accuracy` where both sides count
        alike; `caught_at_0.01` and `caught_at_0.05`, shares of the generated texts beyond the
        thresholds that let 99 and 95 % of the validation texts pass; `calibration_error`.
    """
    values: dict[str, Estimate | float] = {"area": area(own, logits)}
    balanced = (float(np.mean(own >= 0)) + float(np.mean(logits < 0))) / 2
    values["accuracy"] = balanced
    for threshold, value in detector.thresholds.items():
        values[f"caught_at_{threshold}"] = share(logits < value)
    truth = np.repeat([False, True], [len(own), len(logits)])
    count = min(len(own), len(logits))  # as many of each, as its probabilities suppose
    # Real texts stand in the order of the files that they are from.
    both = np.concatenate([own[choose_evenly(len(own), count)], logits[:count]])
    values["calibration_error"] = calibration_error(
        expit(-both), np.repeat([False, True], [count, count])
    )
    lengths = np.array(class_of([len(text.split()) for text in [*real, *texts]]))
    everything = np.concatenate([own, logits])
    for name in sorted({*lengths.tolist()}, key=_by_number):
        sides = [everything[(lengths == name) & (truth == side)] for side in (False, True)]
        if min(map(len, sides)) >= FEWEST:
            values[f"area_words {name}"] = area(*sides)
    return values


def only_values(
    sources: dict[str, dict[str, Estimate | float]],
) -> dict[str, dict[str, float]]:
    """Give each estimate's value without its interval."""
    return {
        source: {
            name: each.value if isinstance(each, Estimate) else each for name, each in found.items()
        }
        for source, found in sources.items()
    }


def list_rows(
    kind: str, sources: dict[str, dict[str, Estimate | float]]
) -> Iterator[tuple[str, ...]]:
    """List those of a detector's numbers that have an interval, a row each."""
    for source, found in sources.items():
        for name, value in found.items():
            if isinstance(value, Estimate):
                yield f"{kind}/{source}", name, *(f"{each:.6g}" for each in value)


def _by_number(name: str) -> tuple[int, str]:
    """Sort classes of lengths by their first number, and labels likewise."""
    digits = name.rstrip("+").split("-")[0]
    return (int(digits), name) if digits.isdecimal() else (0, name)


if __name__ == "__main__":
    run_stage(main)
