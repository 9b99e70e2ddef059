"""The trainer of every generator: progress, the finite check, the best epoch, checkpoints."""

import copy
import hashlib
import math
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from stages.corpus.corpus import SPLITS, Corpus
from stages.corpus.errors import UserError
from stages.generators.folder import to_array
from stages.generators.protocol import Generator, Step
from stages.pipeline.checkpoint import load_checkpoint, save_checkpoint
from stages.pipeline.cost import Cost
from stages.pipeline.files import write_csv

CHECKPOINTS = Path(".checkpoints")
ASIDE = ".set_aside.safetensors"
SHARE = 0.02  # of its time that a training may spend on checkpoints


class Training(NamedTuple):
    """What came of a training.

    Attributes:
        steps: every update.
        best_epoch: the epoch whose weights were kept: that of the lowest validation, or the last
            where nothing was validated.
        best_validation: its validation, None where nothing was validated.
    """

    steps: list[Step]
    best_epoch: int
    best_validation: float | None

    def summary(self) -> dict[str, float]:
        """Return the numbers of a training for the metrics; losses are the kept epoch's means."""
        kept = [step for step in self.steps if step.epoch == self.best_epoch]
        names = kept[0].losses
        values = {name: fmean(step.losses[name] for step in kept) for name in names}
        values |= {"steps": len(self.steps), "best_epoch": self.best_epoch}
        if self.best_validation is not None:
            values["validation"] = self.best_validation
        return values


def fit(generator: Generator, corpus: Corpus, name: str, key: str, minutes: float = 1) -> Training:
    """Train a generator, from its checkpoint where an earlier run was cut off.

    The last checkpoint stays until the generator is saved: who has saved it calls
    `remove_checkpoints`.

    Args:
        generator: untrained; left with the weights of its best epoch.
        corpus: what it learns from.
        name: of the training, for the progress bar and the checkpoint.
        key: of `checkpoint_key`; only a checkpoint of the same key is gone on from.
        minutes: between two checkpoints, at the least; both are at the end of an epoch. More where
            writing them would take more than 2 % of the time. Of 0 there is one after each epoch.

    Raises:
        UserError: a loss is no longer finite, or a checkpoint of the same key does not fit.
    """
    path = CHECKPOINTS / f"{name}.safetensors"
    steps, best = [], _Best()
    state = _read(path, key)
    if state is not None:
        try:
            steps = [Step(*step) for step in state["steps"]]
            best = _Best(**state["best"])
            generator.load_state_dict(state["generator"])
            torch.set_rng_state(state["random"])
            if state["random_cuda"] is not None:
                torch.cuda.set_rng_state(state["random_cuda"])
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
            # The generator may have taken half of it.
            reason = " ".join(str(error).split())[:100]
            raise UserError(
                f"{path}: a checkpoint that does not fit its training ({reason}); remove it"
            ) from None

    def save() -> None:
        state = {"key": key, "steps": steps, "best": vars(best)}
        state |= {"generator": generator.state_dict(), "random": torch.get_rng_state()}
        # A network's dropout on CUDA draws there.
        used = torch.cuda.is_initialized()
        state["random_cuda"] = torch.cuda.get_rng_state() if used else None
        try:
            save_checkpoint(path, state)
        except OSError as error:
            tqdm.write(f"warning: {path}: not written ({error}); training goes on", sys.stderr)

    saved, wait = time.monotonic(), 60 * minutes
    total = generator.count_steps(corpus)
    cost = Cost(name, corpus, len(steps), total, stops_early=generator.stops_early)
    with tqdm(desc=name, total=total, initial=len(steps), unit="step") as progress:
        for step in generator.train(corpus):
            _check_finite(name, step)
            steps.append(step)
            progress.update()
            progress.set_postfix({of: f"{loss:.3f}" for of, loss in step.losses.items()})
            if line := cost.after(step):
                tqdm.write(line, sys.stderr)
            if step.validation is not None:
                best.offer(step.validation, step.epoch, generator)
            if step.ends_epoch:
                progress.total = cost.total = generator.count_steps(corpus)
            if step.ends_epoch and (now := time.monotonic()) - saved >= wait:
                save()
                saved = time.monotonic()
                wait = max(60 * minutes, (saved - now) / SHARE) if minutes else 0
        progress.total = len(steps)  # it may have ended early
        progress.refresh()
    if best.weights is not None:
        generator.load_state_dict({"weights": best.weights})
    validated = best.weights is not None
    if (
        validated
        and best.epoch == steps[-1].epoch > 1
        and len(steps) == generator.count_steps(corpus)
    ):
        tqdm.write(
            f"{name}: best after its last epoch, {best.epoch}; it may learn from more epochs",
            sys.stderr,
        )
    return Training(
        steps,
        best.epoch if validated else steps[-1].epoch,
        best.validation if validated else None,
    )


def remove_checkpoints(name: str) -> None:
    """Remove the checkpoints of a training that has been saved, also set aside or half-written."""
    for pattern in (f"{name}.safetensors", f"{name}{ASIDE}", f".{name}.safetensors.*.partial"):
        for path in CHECKPOINTS.glob(pattern):
            path.unlink()


def checkpoint_key(
    generator: Generator,
    corpus: Corpus,
    seed: int,
    inputs: Sequence[Path],
    also: Sequence[str] = (),
) -> str:
    """Return one number for all that makes a training what it is.

    Args:
        generator: untrained: its settings, its device, and the weights it begins with.
        corpus: what it learns from.
        seed: of all that is random.
        inputs: folders that it was built from besides.
        also: what else it was built from, such as the name of a model that judges its epochs.
    """
    about = [type(generator).__name__, generator.settings, seed, *also]
    about += [torch.__version__, np.__version__, torch.get_num_threads()]
    digest = hashlib.sha256(" ".join(map(str, about)).encode())
    for name, weights in generator.state_dict()["weights"].items():
        digest.update(f"{name} {getattr(weights, 'device', 'cpu')}".encode())
        digest.update(to_array(weights).tobytes())
    for split in SPLITS:
        for array in vars(getattr(corpus, split)).values():
            digest.update(array.tobytes())
    digest.update("\n".join([str(corpus.max_length), *corpus.words]).encode())
    loaded = [module for name, module in sorted(sys.modules.items()) if name.startswith("stages.")]
    files = [Path(module.__file__) for module in loaded if module.__file__]
    files += [path for folder in inputs for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in files:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def write_curve(path: str, steps: Sequence[Step]) -> None:
    """Write the losses of each update as CSV, `validation` where an epoch has ended."""
    validated = any(step.validation is not None for step in steps)
    header = ["step", "epoch", *steps[0].losses, *(["validation"] if validated else [])]
    rows = (
        (
            step.step,
            step.epoch,
            *(f"{loss:.6g}" for loss in step.losses.values()),
            *([_shown(step.validation)] if validated else []),
        )
        for step in steps
    )
    write_csv(path, header, rows)


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


class _Best:
    """The weights as they were when validation was lowest."""

    def __init__(
        self,
        validation: float = math.inf,
        epoch: int = 0,
        weights: Mapping[str, Any] | None = None,
    ) -> None:
        self.validation = validation
        self.epoch = epoch
        self.weights = weights

    def offer(self, validation: float, epoch: int, generator: Generator) -> None:
        if validation < self.validation:
            self.validation, self.epoch = validation, epoch
            self.weights = copy.deepcopy(generator.state_dict()["weights"])


def _check_finite(name: str, step: Step) -> None:
    for loss_name, loss in step.losses.items():
        if not math.isfinite(loss):
            raise UserError(
                f"{name}: the loss {loss_name} is no longer finite at step {step.step}; "
                "lower its learning rate"
            )


def _read(path: Path, key: str) -> Any:
    """Read a checkpoint; one that is damaged or of another key is set aside, with a warning."""
    if not path.exists():
        return None
    reason = f"{path}: a checkpoint of other settings, texts or code"
    try:
        state = load_checkpoint(path)
        if isinstance(state, dict) and state.get("key") == key:
            return state
    except ValueError as error:
        reason = str(error)
    aside = path.with_name(path.stem + ASIDE)
    path.replace(aside)
    print(f"warning: {reason}; set aside as {aside.name}, training starts anew", file=sys.stderr)
    return None
