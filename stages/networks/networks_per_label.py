"""Language models of several labels, one each, as one module."""

import torch
from torch import Tensor, nn

from stages.networks.plain_language_model import PlainLanguageModel


class NetworksPerLabel(nn.ModuleList):
    """The network of each label, in the order of labels."""

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self[0].device

    def sample(self, labels: Tensor, max_length: int, random: torch.Generator | None, **options):
        """Draw a text of each label, given by its place (B,); (B, T), int64, on the CPU.

        Args:
            labels: int64, on the CPU.
            max_length: T, words at which a text is cropped.
            random: source of randomness on the CPU; None takes PyTorch's own.
            options: see `NextWordModel.sample`.
        """
        tokens = torch.zeros((len(labels), max_length), dtype=torch.int64)
        for place, network in enumerate(self):
            rows = (labels == place).nonzero().squeeze(1)
            if len(rows):
                tokens[rows] = network.sample(len(rows), max_length, random, **options).cpu()
        return tokens


def make_networks(
    labels: int, vocabulary_size: int, shape: tuple[int, int, int, float], has_unknown: bool
) -> NetworksPerLabel:
    """Make the networks of so many labels; see `PlainLanguageModel`.

    Args:
        labels: their number.
        vocabulary_size: V.
        shape: width, hidden size, layers, dropout.
        has_unknown: whether the unknown word is one that is read and learnt.
    """
    return NetworksPerLabel(
        PlainLanguageModel(vocabulary_size, *shape, has_unknown) for _ in range(labels)
    )
