"""What the stages train_generator and train_gan share: one generator, or one a label."""

import re
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
    home: Path,
    stage: str,
    name: str,
    per_label: bool,
    seed: int,
    checkpoint_minutes: float,
    inputs: Sequence[Path] = (),
    also: Sequence[str] = (),
) -> None:
    """Train a generator; write it, its losses and its metrics.

    Args:
        build: from a corpus, and the place of its texts' label among those that training texts
            have, or None, to an untrained generator.
        corpus: all texts.
        home: the folder that takes the generator's.
        stage: of DVC; `name` and it name the files.
        name: of the source.
        per_label: whether to train one generator a label.
        seed: of all that is random.
        checkpoint_minutes: see `trainer.fit`.
        inputs: folders that `build` reads.
        also: what else it takes that is no setting of the generator's own.
    """
    trained: dict[str | None, tuple[Generator, Training]] = {}
    names = name_parts(name, corpus) if per_label else [name]
    for place, called in enumerate(names):
        part = corpus.of_label(corpus.labels[place]) if per_label else corpus
        generator = build(part, place if per_label else None)
        key = checkpoint_key(generator, part, seed, inputs, also)
        label = corpus.label_names[corpus.labels[place]] if per_label else None
        trained[label] = generator, fit(generator, part, called, key, checkpoint_minutes)
    if per_label:
        parts = {label: generator for label, (generator, _) in trained.items()}
        whole = PerLabel(parts, label_shares(corpus))
    else:
        whole = trained[None][0]
    with replacing(home / name) as folder:
        whole.save(folder)
    summaries = {
        label: generator.describe() | training.summary()
        for label, (generator, training) in trained.items()
    }
    values = whole.describe() | (
        {f"label_{label}": summary for label, summary in summaries.items()}
        if per_label
        else summaries[None]
    )
    write_metrics(stage, values, name)
    steps = [step for _, training in trained.values() for step in training.steps]
    write_curve(f"plots/{stage}/{name}.csv", steps)
    for called in names:
        remove_checkpoints(called)


def name_parts(name: str, corpus: Corpus) -> list[str]:
    """Name the training of each label, by the label where all may stand in the name of a file."""
    labels = [corpus.label_names[label] for label in corpus.labels]
    if not all(re.fullmatch("[A-Za-z0-9_-]{1,30}", label) for label in labels):
        labels = [str(place) for place in range(len(labels))]
    return [f"{name}-label_{label}" for label in labels]
