"""What each update of a GAN yields, and how it is followed."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from tqdm import tqdm

from stages.errors import UserError


class Step(NamedTuple):
    """One update: its number and its pass, both from 1, and both losses.

    The generator's is in nats, and the discriminator's unless its objective has no unit. Passes in
    which the discriminator learns alone are of epoch 0.
    """

    step: int
    epoch: int
    generator: float
    discriminator: float


def follow(updates: Iterator[Step], progress: tqdm) -> list[Step]:
    """Run the updates to their end, with both losses on a progress bar.

    Raises:
        UserError: a loss is no longer finite.
    """
    steps = []
    for step in updates:
        if not math.isfinite(step.generator + step.discriminator):
            raise UserError(
                f"{progress.desc}: a loss is no longer finite at step {step.step}; "
                "lower gan.learning_rate"
            )
        steps.append(step)
        progress.update()
        progress.set_postfix(
            generator=f"{step.generator:.3f}", discriminator=f"{step.discriminator:.3f}"
        )
    return steps
