"""Stage cross_evaluate: let each GAN's discriminator, and each detector, judge every source."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.special import expit
from tqdm import tqdm

from stages.generators.protocol import load_generator
from stages.judges.detector import Detector
from stages.judges.protocol import Judge
from stages.measures.verdict import accuracy, mean_squared_error, threshold_for
from stages.pipeline.files import replacing, write_json
from stages.pipeline.judgements import JUDGEMENTS, write_judgements
from stages.pipeline.parameters import load_params
from stages.pipeline.pictures import draw_verdicts
from stages.pipeline.sources import (
    GANS,
    REAL,
    VALIDATION,
    Source,
    check_unseen,
    generated,
    load_source,
)
from stages.pipeline.stage import pick_device, run_stage, seed_everything

OWN = "generator"  # what a discriminator's own generator makes, as it comes out of it


def main() -> None:
    params = load_params(
        "seed",
        "device",
        "threads",
        "embeddings",
        "generators",
        "detectors",
        "prepare.train_on",
        "sample.count",
        "cross_evaluate",
    )
    check_unseen(params.prepare.train_on)
    seed_everything(params.seed, params.threads)
    device = pick_device(params.device)
    count = params.sample.count
    names = (*REAL, *generated(params))
    whole = {name: load_source(name) for name in names}
    lines = {name: choose(len(source.texts), count, params.seed) for name, source in whole.items()}
    sources = {name: cut(whole[name], lines[name]) for name in names}
    sources[VALIDATION] = load_source(VALIDATION)
    verdicts: dict[str, dict[str, dict[str, float]]] = {}
    answers: dict[str, dict[str, np.ndarray]] = {}
    for name in (*params.embeddings, *params.detectors):
        if name in params.embeddings:
            gan = load_generator(GANS / name, device)
            judge, own = gan.judge, {OWN: gan.judge_own(count, params.seed)}
        else:
            judge, own = Detector.load(Path(f"data/detectors/{name}"), device), {}
        logits = judge_sources(name, judge, sources) | own
        threshold = 0.0
        if judge.calibrated:
            threshold = threshold_for(logits[VALIDATION], params.cross_evaluate.real_share)
        # The paper's four first, in its order.
        verdicts[name] = {
            source: verdict(logits[source] - threshold, is_real=source in REAL)
            for source in (*REAL, *own, *generated(params))
        }
        answers[name] = {source: logits[source] - threshold for source in names}
    with replacing(JUDGEMENTS) as folder:
        for name, said in answers.items():
            write_judgements(folder / f"{name}.csv", said, lines)
    write_json("metrics/cross_evaluate.json", verdicts)
    with replacing("plots/cross_evaluate.png") as path:
        draw_verdicts(path, verdicts, real=REAL, own=OWN)


def choose(size: int, count: int, seed: int) -> list[int]:
    """Choose `count` of `size` lines at random, all in their order where there are no more."""
    if size <= count:
        return [*range(size)]
    return np.random.default_rng(seed).permutation(size)[:count].tolist()


def cut(source: Source, lines: Sequence[int]) -> Source:
    """Keep some texts of a source, with their labels."""
    return Source(*([column[line] for line in lines] for column in source))


def judge_sources(name: str, judge: Judge, sources: dict[str, Source]) -> dict[str, np.ndarray]:
    """Give one judge's logits of each source's texts."""
    with tqdm(sources.items(), desc=f"{name} judges", unit="source") as progress:
        return {source: judge.logits(*given) for source, given in progress}


def verdict(logits: np.ndarray, *, is_real: bool) -> dict[str, float]:
    """Say how right a judge is about one source."""
    scores = expit(logits)
    return {
        "accuracy": accuracy(scores, is_real=is_real),
        "mse": mean_squared_error(scores, is_real=is_real),
    }


if __name__ == "__main__":
    run_stage(main)
