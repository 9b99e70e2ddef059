"""A discriminator that learns alone, from real texts and fakes that are all there."""

import copy
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW

from stages.networks.prefix_discriminator import PrefixDiscriminator
from stages.training.discriminator import Losses, unseen_loss, update_discriminator
from stages.training.plateau import Plateau, limit_passes
from stages.training.stock import Stock

PATIENCE = 2  # passes that do not help on unseen texts, after which the rate falls
# Passes at the start that do not lower the rate while it tells nothing: at a rate that has fallen
# by then it would never learn. On the sample word2vec's takes nine to thirteen.
LATE = 12
UNVALIDATED = 4  # passes at most where no held-out text tells when to stop


class LoneDiscriminator:
    """Its passes, until its loss on unseen texts falls no more; its best weights are kept.

    Args:
        network: on its device.
        batch_size: texts of each source an update.
        learning_rate: of AdamW, at its height.
        most: passes at most.
        objective: one of `OBJECTIVES`; by cross entropy its logit is the logarithm of the odds of
            being real.
    """

    def __init__(
        self,
        network: PrefixDiscriminator,
        batch_size: int,
        learning_rate: float,
        most: int,
        objective: str = "cross_entropy",
    ) -> None:
        self.network = network
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.most = most
        self.objective = objective
        self.plateau = Plateau(PATIENCE, LATE)
        self.best: dict[str, Tensor] = {}  # its weights where its loss on unseen texts was lowest
        self.passes = 0

    @cached_property
    def optimizer(self) -> AdamW:
        """Made when training asks for it: PyTorch takes a second to make the first."""
        return AdamW(self.network.parameters(), self.learning_rate, fused=True)

    def limit(self, held_out: int) -> None:
        """Limit its passes, with so many held-out texts to tell when to stop."""
        self.most = limit_passes(self.most, held_out, UNVALIDATED)

    @property
    def is_over(self) -> bool:
        """Whether it has learnt as long as that helped."""
        return self.plateau.is_over or self.passes >= self.most

    def warm_up(
        self, real: Stock, sources: Sequence[Stock], unseen: tuple[Stock, Stock] | None
    ) -> Iterator[tuple[Losses, bool]]:
        """Make passes until it is over, yielding each update's losses and whether it ends a pass.

        A pass is validated before its last update is yielded, so that `is_over` is known by then.

        Args:
            real: the real texts.
            sources: of fakes; see `learn`.
            unseen: real texts, and fakes of the first source, by which each pass is validated; None
                where there are none.
        """
        per_pass = math.ceil(len(real.lengths) / self.batch_size)
        if unseen and not self.passes and not self.is_over:
            self.plateau.begin(self._loss(*unseen))
        while not self.is_over:
            for number, losses in enumerate(self.learn(real, sources), start=1):
                if number < per_pass:
                    yield losses, False
            if unseen:
                self.validate(*unseen)
            yield losses, True

    def learn(self, real: Stock, sources: Sequence[Stock]) -> Iterator[Losses]:
        """Make a pass over the real texts, yielding what each update found.

        Args:
            real: the real texts.
            sources: of fakes; as many of each as real ones are drawn at each update.
        """
        self.set_rate()
        self.network.train()
        for places in torch.randperm(len(real.lengths)).split(self.batch_size):
            fakes = [source.draw(len(places)) for source in sources]
            yield update_discriminator(
                self.network, real.at(places), fakes, self.objective, self.optimizer
            )
        self.network.eval()
        self.passes += 1

    def set_rate(self) -> None:
        """Give the optimizer the rate that the passes so far have left."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate * self.plateau.share

    def validate(self, real: Stock, fakes: Stock) -> None:
        """Let the rate follow the loss on texts not learnt from; when it is over, take the best."""
        loss = self._loss(real, fakes)
        if loss < self.plateau.lowest:
            self.best = copy.deepcopy(self.network.state_dict())
        self.plateau.offer(loss)
        if self.best and self.is_over:
            self.network.load_state_dict(self.best)

    def _loss(self, real: Stock, fakes: Stock) -> float:
        """Return the loss on texts not learnt from; leave evaluation mode."""
        loss = unseen_loss(self.network, real.batches(), fakes.batches(), self.objective)
        self.network.eval()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """Return what resuming needs beside the network's weights."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "plateau": self.plateau.state_dict(),
            "best": self.best,
            "passes": self.passes,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take what `state_dict` returned."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.plateau.load_state_dict(state["plateau"])
        self.best, self.passes = state["best"], state["passes"]
