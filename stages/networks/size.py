"""How large a network is, and of what shapes, without making it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.overrides import TorchFunctionMode


def count_parameters(network: nn.Module) -> int:
    """Count the weights of a network."""
    return sum(parameter.numel() for parameter in network.parameters())


@contextmanager
def unallocated() -> Iterator[None]:
    """Let networks that are made here have weights of a shape, and no memory or numbers."""
    with torch.device("meta"), _Undrawn():
        yield


class _Undrawn(TorchFunctionMode):
    """Answers what networks ask when they are made by something of the same shape.

    Else PyTorch would load its compiler, a second's work, to find the shapes of no numbers.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == nn.init.__name__:
            return kwargs["tensor"]
        if func in (Tensor.normal_, Tensor.uniform_, Tensor.div, normalize):
            return args[0]
        # Spectral normalisation divides by a number that products with vectors give.
        if func in (torch.mv, torch.vdot):
            return args[0].select(-1, 0)
        return func(*args, **kwargs)
