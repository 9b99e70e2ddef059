"""One update of the modern discriminator: real from fake, by whole texts and their beginnings."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from stages.networks.prefix_discriminator import PrefixDiscriminator, verdicts
from stages.training.objectives import OBJECTIVES

LARGEST_GRADIENT = 1.0  # norm to which a gradient is clipped


class Texts(NamedTuple):
    """A batch of texts as a discriminator reads them.

    Attributes:
        vectors: (B, T, E), float32.
        lengths: tokens of each text, (B,), int64.
    """

    vectors: Tensor
    lengths: Tensor


class Losses(NamedTuple):
    """The losses of an update, before it and with the discriminator's dropout.

    Attributes:
        generator: the mean of -log D of the first source's whole texts, in nats.
        discriminator: of real texts and that of fakes, added up, the mean over sources.
    """

    generator: float
    discriminator: float


def update_discriminator(
    discriminator: PrefixDiscriminator,
    real: Texts,
    fakes: list[Texts],
    objective: str,
    optimizer: Optimizer,
) -> Losses:
    """Let the discriminator learn real from fake, by whole texts and by their beginnings alike.

    Args:
        discriminator: in training mode.
        real: real texts.
        fakes: one batch a source, the generator's first; sources count alike.
        objective: one of `OBJECTIVES`.
        optimizer: over the discriminator's weights.

    Returns:
        Its loss, and that of the generator's texts.
    """
    texts = [real, *fakes]
    lengths = [each.lengths for each in texts]
    vectors = torch.cat([each.vectors for each in texts])
    logits = discriminator(vectors, torch.cat(lengths)).split([*map(len, lengths)])
    loss = vectors.new_zeros(())
    for source in range(len(fakes)):
        for pick in (verdicts, _read):
            pair = (pick(logits[place][..., source], lengths[place]) for place in (0, 1 + source))
            real_loss, fake_loss = OBJECTIVES[objective](*pair)
            loss = loss + (real_loss.mean() + fake_loss.mean()) / (2 * len(fakes))
    optimizer.zero_grad()
    loss.backward()
    clip_grad_norm_(discriminator.parameters(), LARGEST_GRADIENT)
    optimizer.step()
    return Losses(generator_loss(logits[1][..., 0].detach(), lengths[1]), loss.item())


def generator_loss(logits: Tensor, lengths: Tensor) -> float:
    """Return the mean of -log D of whole texts, in nats, by their logits (B, T + 1)."""
    return softplus(-verdicts(logits, lengths)).mean().item()


@torch.no_grad()
def unseen_loss(
    discriminator: PrefixDiscriminator,
    real: Iterable[Texts],
    fakes: Iterable[Texts],
    objective: str,
) -> float:
    """Return the loss over whole texts that the discriminator has not learnt from.

    Args:
        discriminator: read in evaluation mode, left in training mode.
        real: batches of real texts.
        fakes: batches of the generator's, the first source.
        objective: one of `OBJECTIVES`.

    Returns:
        The mean loss of real texts and that of fakes, added up.
    """
    discriminator.eval()
    sides = [
        torch.cat(
            [
                verdicts(discriminator(*texts), texts.lengths)[:, 0].cpu().double()
                for texts in batches
            ]
        )
        for batches in (real, fakes)
    ]
    discriminator.train()
    return sum(losses.mean().item() for losses in OBJECTIVES[objective](*sides))


def _read(logits: Tensor, lengths: Tensor) -> Tensor:
    """Pick the logits (N,) of beginnings that are all text, and of the whole, from (B, T + 1)."""
    places = torch.arange(logits.shape[1], device=logits.device)
    return logits[places <= lengths.unsqueeze(1)]
