"""One update of the paper's adversarial training.

Source: I. Goodfellow et al., "Generative Adversarial Networks", 2014, arXiv:1406.2661, with the
generator's loss that does not saturate; set up after M. Beneš, "Generating text using LSTM GAN in
PyTorch", 2021, section "Method".
"""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim import Optimizer

from stages.networks.vector_discriminator import VectorDiscriminator
from stages.networks.vector_generator import VectorGenerator


def update(
    generator: VectorGenerator,
    discriminator: VectorDiscriminator,
    real: Tensor,
    noise: Tensor,
    generator_optimizer: Optimizer,
    discriminator_optimizer: Optimizer,
) -> tuple[float, float]:
    """Let the discriminator learn real = 1 and fake = 0, then the generator to be called real.

    Args:
        generator: in training mode.
        discriminator: in training mode.
        real: vectors of real texts (B, T, E).
        noise: the generator's input (B, T, E).
        generator_optimizer: over the generator's weights.
        discriminator_optimizer: over the discriminator's weights.

    Returns:
        The generator's and the discriminator's loss before the update, in nats.
    """
    fake = generator(noise)  # (B, T, E)

    # -log D(real) - log(1 - D(fake))
    real_logits = discriminator(real)  # (B,)
    fake_logits = discriminator(fake.detach())  # (B,)
    discriminator_loss = binary_cross_entropy_with_logits(
        real_logits, torch.ones_like(real_logits)
    ) + binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
    discriminator_optimizer.zero_grad()
    discriminator_loss.backward()
    discriminator_optimizer.step()

    # -log D(fake), the discriminator's weights frozen
    discriminator.requires_grad_(False)
    fake_logits = discriminator(fake)  # (B,)
    generator_loss = binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))
    generator_optimizer.zero_grad()
    generator_loss.backward()
    generator_optimizer.step()
    discriminator.requires_grad_(True)

    return generator_loss.item(), discriminator_loss.item()
