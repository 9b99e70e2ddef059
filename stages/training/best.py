"""The weights of the best epoch, by a number stated before."""

import math

from torch import nn


class Best:
    """Keeps a copy of a network's weights as they were when a number was lowest.

    Attributes:
        value: the lowest number offered; infinite before.
        epoch: its epoch; 0 before.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.value = math.inf
        self.epoch = 0
        self._weights = self._copy()

    def offer(self, value: float, epoch: int) -> None:
        """Keep the weights as they are now if `value` is lower than all before."""
        if value < self.value:
            self.value, self.epoch, self._weights = value, epoch, self._copy()

    def restore(self) -> None:
        """Give the network the weights that were kept."""
        self.network.load_state_dict(self._weights)

    def _copy(self) -> dict:
        return {name: weight.clone() for name, weight in self.network.state_dict().items()}
