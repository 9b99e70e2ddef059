"""Updates of RelGAN: a discriminator of soft texts, and a generator that draws them.

Source: W. Nie, N. Narodytska and A. Patel, "RelGAN: Relational Generative Adversarial Networks for
Text Generation", ICLR 2019, with the relativistic loss of A. Jolicoeur-Martineau, "The relativistic
discriminator: a key element missing from standard GAN", 2018, arXiv:1807.00734.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from stages.networks.relational_language_model import RelationalLanguageModel
from stages.networks.representation_discriminator import RepresentationDiscriminator
from stages.training.objectives import relativistic_pairs

LARGEST_GRADIENT = 5.0  # norm to which a gradient is clipped


def update_discriminator(
    generator: RelationalLanguageModel,
    discriminator: RepresentationDiscriminator,
    real: Tensor,
    beta: float,
    optimizer: Optimizer,
) -> float:
    """Let each representation tell a real text from a soft one of the generator's.

    Args:
        generator: draws as many texts as there are real ones.
        discriminator: in training mode.
        real: texts (B, T), int64.
        beta: how sharp soft texts are; see `draw_softly`.
        optimizer: over the discriminator's weights.

    Returns:
        The loss before the update, in nats; ln 2 where it cannot tell one from the other.
    """
    with torch.no_grad():
        fake, _ = generator.draw_soft_texts(*real.shape, beta)  # (B, T, V)
    real_logits = discriminator(discriminator.embed(real))  # (B, R)
    fake_logits = discriminator(discriminator.embed_soft(fake))
    loss = relativistic_pairs(real_logits, fake_logits).mean()
    _step(discriminator, optimizer, loss)
    return loss.item()


def update_generator(
    generator: RelationalLanguageModel,
    discriminator: RepresentationDiscriminator,
    real: Tensor,
    beta: float,
    optimizer: Optimizer,
) -> float:
    """Let the generator's soft texts seem more real than real ones; arguments as above.

    Returns:
        The loss before the update, in nats.
    """
    discriminator.requires_grad_(False)
    fake, _ = generator.draw_soft_texts(*real.shape, beta)
    real_logits = discriminator(discriminator.embed(real))
    fake_logits = discriminator(discriminator.embed_soft(fake))
    loss = relativistic_pairs(fake_logits, real_logits).mean()
    _step(generator, optimizer, loss)
    discriminator.requires_grad_(True)
    return loss.item()


def _step(model: nn.Module, optimizer: Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    clip_grad_norm_(model.parameters(), LARGEST_GRADIENT)
    optimizer.step()
