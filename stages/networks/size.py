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


def shapes_of(make: Callable[[], Mapping[str, Any]]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return type and shape of each weight that `make` gives, as `read_tensors` expects them.

    Args:
        make: makes a network, which is not allocated, and returns its weights by name.
    """
    with unallocated():
        weights = make()
    return {
        name: (str(each.dtype).removeprefix("torch."), tuple(each.shape))
        for name, each in weights.items()
    }


class _Undrawn(TorchFunctionMode):
    """Gives networks that are made what they ask PyTorch for, in shape alone.

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
