"""Operations whose bytes do not depend on who made the processor.

On a CPU, PyTorch multiplies matrices by MKL, whose fast kernels round one way on Intel's processors
and another on AMD's; those that `stages/__init__.py` asks for round alike and take twice as long.
oneDNN, which runs the LSTM layers there, chooses its kernels by the instructions alone and is fast.
For square roots MKL starts from an estimate by the processor, and each maker has its own.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


def multiply(first: Tensor, second: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return first @ second + bias of (M, K), (K, N) and (N,), float32; on a CPU by oneDNN."""
    if first.device.type == "cpu" and torch.backends.mkldnn.is_available():
        return _Product.apply(first, second, bias)
    return _multiply_plainly(first, second, bias)


def square_root(numbers: Tensor) -> Tensor:
    """Return the square roots of numbers without gradient; on a CPU those nearest to them."""
    if numbers.device.type == "cpu":
        return torch.from_numpy(np.asarray(np.sqrt(numbers.numpy())))
    return numbers.sqrt()


class Linear(nn.Linear):
    """`nn.Linear` by `multiply`."""

    def forward(self, vectors: Tensor) -> Tensor:
        """Turn vectors (…, in) into vectors (…, out)."""
        product = multiply(vectors.reshape(-1, self.in_features), self.weight.T, self.bias)
        return product.view(*vectors.shape[:-1], self.out_features)


def replace_linear(module: nn.Module) -> None:
    """Turn each `nn.Linear` inside a module into a `Linear`, its weights as they are."""
    for child in module.modules():
        if type(child) is nn.Linear:
            child.__class__ = Linear  # which differs in `forward` alone


class _Product(torch.autograd.Function):
    """first (M, K) @ second (K, N) + bias (N,), and its gradients, by oneDNN."""

    @staticmethod
    def forward(context: Any, first: Tensor, second: Tensor, bias: Tensor | None) -> Tensor:
        context.save_for_backward(first, second)
        if not first.numel() or not second.numel():
            return _multiply_plainly(first, second, bias)  # oneDNN knows no empty matrices
        # What PyTorch's compiler calls for a linear layer on a CPU.
        return torch.ops.mkldnn._linear_pointwise(first, second.T, bias, "none", [], "")

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        first, second = context.saved_tensors
        gradient = gradient.contiguous()  # of one with gaps oneDNN takes a hundred times as long
        of_first, of_second, of_bias = context.needs_input_grad
        # By itself, so that gradients of gradients are right, too.
        return (
            _Product.apply(gradient, second.T, None) if of_first else None,
            _Product.apply(first.T, gradient, None) if of_second else None,
            gradient.sum(0) if of_bias else None,
        )


def _multiply_plainly(first: Tensor, second: Tensor, bias: Tensor | None) -> Tensor:
    return first @ second if bias is None else first @ second + bias
