"""A learning rate that falls where validation has stopped falling, and the end of training.

No number of passes has to be known: a corpus of 2,000 texts and one of 200,000 are each learnt for
as long as that helps. As in S. Merity et al., "Regularizing and Optimizing LSTM Language Models",
ICLR 2018, arXiv:1708.02182, validation is what triggers; they average weights from there on, where
we lower the rate. What learns late may be given first passes in which it does not fall.
"""

import math
from typing import Any

GAIN = 0.002  # share of its size by which validation must fall for a pass to have helped
FALL = 0.3  # of the rate, each time
FALLS = 2  # after which one more plateau ends training
# Share of its size by which validation must fall for learning to have begun: the loss of 130 texts,
# the sample's, moves by less than half as much while a discriminator tells nothing.
BEGUN = 0.03
UNVALIDATED = 12  # passes at most where no held-out text tells when to stop

_STATE = ("passes", "first", "lowest", "waited", "falls")  # what a plateau goes on from


def limit_passes(most: int, held_out: int, unvalidated: int = UNVALIDATED) -> int:
    """Return how many passes are made at most, with so many held-out texts to tell when to stop.

    Args:
        most: passes that are allowed.
        held_out: texts by which each pass is validated.
        unvalidated: passes at most where there is none.
    """
    return most if held_out else min(most, unvalidated)


class Plateau:
    """The height of the learning rate, by the validation of the passes so far.

    Args:
        patience: passes that have not helped, after which the rate falls.
        late: of the first passes, so many do not lower the rate while no validation lies `BEGUN`
            below that before any pass; see `begin`.
    """

    def __init__(self, patience: int, late: int = 0) -> None:
        self.patience = patience
        self.late = late
        self.passes = 0  # offered
        self.first = math.inf  # the validation before any pass, where it was told
        self.lowest = math.inf
        self.waited = 0  # passes since one that helped, or since the rate fell
        self.falls = 0

    @property
    def share(self) -> float:
        """Of the full rate that is left."""
        return FALL**self.falls

    @property
    def is_over(self) -> bool:
        """Whether validation has stopped falling for good."""
        return self.falls > FALLS

    def begin(self, validation: float) -> None:
        """Take the validation before any pass, of a network that has learnt nothing."""
        self.first = validation

    def offer(self, validation: float) -> None:
        """Take the validation of a pass."""
        self.passes += 1
        helped = validation < self.lowest - GAIN * abs(validation)
        self.lowest = min(self.lowest, validation)
        counts = self.passes > self.late or self.lowest < self.first - BEGUN * abs(self.first)
        self.waited = self.waited + 1 if counts and not helped else 0
        if self.waited >= self.patience:
            self.falls, self.waited = self.falls + 1, 0

    def state_dict(self) -> dict[str, Any]:
        """Return what resuming needs."""
        return {name: getattr(self, name) for name in _STATE}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take what `state_dict` returned."""
        for name in _STATE:
            setattr(self, name, state[name])
