"""What generators share whose one network learns pass by pass, until validation falls no more."""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

from torch import nn
from torch.optim import Adam

from stages.corpus.corpus import Corpus
from stages.generators.protocol import Step
from stages.training.plateau import Plateau, limit_passes


class PlateauModel:
    """A network, its optimizer and the passes it has made; see `protocol.Generator`.

    Args:
        network: on its device.
        settings: batch size, learning rate, patience, and epochs at most.
    """

    def __init__(self, network: nn.Module, settings: Any) -> None:
        self.settings = settings
        self.network = network
        self.plateau = Plateau(settings.patience)
        self.epoch = 0  # passes made

    @cached_property
    def optimizer(self) -> Adam:
        """Made when training asks for it: PyTorch takes a second to make the first."""
        return Adam(self.network.parameters(), self.settings.learning_rate, fused=True)

    def count_steps(self, corpus: Corpus) -> int:
        """Return how many updates `train` makes at most."""
        return self._most(corpus) * self._updates_a_pass(corpus)

    def _updates_a_pass(self, corpus: Corpus) -> int:
        return math.ceil(len(corpus.train) / self.settings.batch_size)

    def _most(self, corpus: Corpus) -> int:
        """Return how many passes `train` makes at most."""
        return limit_passes(self.settings.epochs, len(corpus.validation))

    def may_learn(self, corpus: Corpus) -> bool:
        """Say whether `train` would make another pass."""
        return self.epoch < self._most(corpus) and not self.plateau.is_over

    def _is_settled(self) -> bool:
        """Say whether validation tells by now when to stop."""
        return True

    def _make_passes(
        self,
        corpus: Corpus,
        learn: Callable[[int, int], Iterator[dict[str, float]]],
        validate: Callable[[], float],
    ) -> Iterator[Step]:
        """Make passes until validation falls no more; see `protocol.Generator.train`.

        Args:
            corpus: whose training split is learnt.
            learn: makes a pass, yielding each update's losses, from how many updates were made
                before it and how many a pass has.
            validate: gives what a pass is judged by; not called where there is no validation text.
        """
        per_epoch = self._updates_a_pass(corpus)
        while self.may_learn(corpus):
            first, epoch = self.epoch * per_epoch, self.epoch + 1
            for step, losses in enumerate(learn(first, per_epoch), start=first + 1):
                if step < first + per_epoch:
                    yield Step(step, epoch, losses)
            self.epoch = epoch
            validation = validate() if len(corpus.validation) else None
            if validation is not None and self._is_settled():
                self.plateau.offer(validation)
            yield Step(step, epoch, losses, validation, ends_epoch=True)

    def state_dict(self) -> dict[str, Any]:
        """Return weights, the optimizer's state and the passes made."""
        training = {"optimizer": self.optimizer.state_dict(), "epoch": self.epoch}
        training["plateau"] = self.plateau.state_dict()
        return {"weights": self.network.state_dict(), "training": training}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take weights and, where they are given, what resuming needs."""
        self.network.load_state_dict(state["weights"])
        if "training" in state:
            self.optimizer.load_state_dict(state["training"]["optimizer"])
            self.plateau.load_state_dict(state["training"]["plateau"])
            self.epoch = state["training"]["epoch"]
