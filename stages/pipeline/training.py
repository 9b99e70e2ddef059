"""What the stages train_generator and train_gan share: one generator, or one a label."""

from collections.abc import Callable, Sequence
from pathlib import Path

from stages.corpus.corpus import Corpus
from stages.generators.per_label import PerLabel, label_shares
from stages.generators.protocol import Generator
from stages.pipeline.files import replacing, write_metrics
from stages.pipeline.trainer import (
    Training,
    checkpoint_key,
    fit,
    remove_checkpoints,
    write_curve,
)


def train_and_save(
    build: Callable[[Corpus, int | None], Generator],
    corpus: Corpus,
    *,
    stage: str,
    name: str,
    per_label: bool,
    seed: int,
    checkpoint_minutes: float,
    inputs: Sequence[Path] = (),
) -> None:
    """Train a generator; write it, its losses and its metrics.

    Args:
        build: from a corpus, and the label of its texts or None, to an untrained generator.
        corpus: all texts.
        stage: of DVC; `name` and it name the files.
        name: of the source.
        per_label: whether to train one generator a label.
        seed: of all that is random.
        checkpoint_minutes: see `trainer.fit`.
        inputs: folders that `build` reads.
    """
    trained: dict[int | None, tuple[Generator, Training]] = {}
    names = (
        {label: f"{name}-label_{label}" for label in corpus.labels} if per_label else {None: name}
    )
    for label, called in names.items():
        part = corpus if label is None else corpus.of_label(label)
        generator = build(part, label)
        key = checkpoint_key(generator, part, seed, inputs)
        trained[label] = generator, fit(generator, part, called, key, checkpoint_minutes)
    if per_label:
        parts = {label: generator for label, (generator, _) in trained.items()}
        whole = PerLabel(parts, label_shares(corpus))
    else:
        whole = trained[None][0]
    with replacing(f"data/generators/{name}") as folder:
        whole.save(folder)
    summaries = {label: training.summary() for label, (_, training) in trained.items()}
    values = whole.describe() | (
        {f"label_{label}": summary for label, summary in summaries.items()}
        if per_label
        else summaries[None]
    )
    write_metrics(stage, values, name)
    steps = [step for _, training in trained.values() for step in training.steps]
    write_curve(f"plots/{stage}/{name}.csv", steps)
    for called in names.values():
        remove_checkpoints(called)
