"""What training a network takes in memory, known before any of it is taken."""

import psutil
import torch
from torch import nn

from stages.errors import UserError
from stages.models.gan import Gan, GanSettings


def count_parameters(network: nn.Module) -> int:
    """Count the weights of a network."""
    return sum(parameter.numel() for parameter in network.parameters())


def check_memory(settings: GanSettings, device: str) -> None:
    """Refuse a GAN whose training cannot fit in the memory that is free.

    Counted are the weights, their gradients and Adam's two running means, float32 each; what one
    batch needs comes on top.

    Args:
        settings: the shape of the GAN, which is not allocated.
        device: where it would be trained.

    Raises:
        UserError: it does not fit; names its size, what is free, and what makes it smaller.
    """
    with torch.device("meta"):
        parameters = count_parameters(Gan(settings))
    needed = 4 * 4 * parameters
    free = torch.cuda.mem_get_info()[0] if device == "cuda" else psutil.virtual_memory().available
    if needed > free:
        raise UserError(
            f"the GAN needs {needed / 1e9:.1f} GB to train ({parameters:,} weights: width "
            f"{settings.width}, max_length {settings.max_length}, hidden_size "
            f"{settings.hidden_size}), and {free / 1e9:.1f} GB are free on {device}; lower "
            "gan.max_length, gan.hidden_size or the embedding's vector_size"
        )
