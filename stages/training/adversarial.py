"""The adversarial training of the paper: its objective, one update, and the passes over the data.

Source: I. Goodfellow et al., "Generative Adversarial Networks", 2014, arXiv:1406.2661, with the
generator's loss that does not saturate; set up after M. Beneš, "Generating text using LSTM GAN in
PyTorch", 2021, section "Method".
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim import Adam, Optimizer

from stages.models.gan import Gan
from stages.training.step import Step


def train(
    gan: Gan,
    count: int,
    embed: Callable[[Tensor], Tensor],
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
) -> Iterator[Step]:
    """Train both networks, yielding the losses of each update.

    Args:
        gan: both networks; trained in place.
        count: N, training texts.
        embed: turns places (B,), int64, from 0 to N - 1, into the vectors (B, T, E), float32, of
            the training texts there.
        epochs: passes over the texts, each in a new order of PyTorch's own random numbers.
        batch_size: B, texts an update; the last batch of a pass may be smaller.
        learning_rate: of Adam, for both networks.
    """
    gan.train()
    generator_optimizer = Adam(gan.generator.parameters(), learning_rate)
    discriminator_optimizer = Adam(gan.discriminator.parameters(), learning_rate)
    step = 0
    for epoch in range(1, epochs + 1):
        for batch in torch.randperm(count).split(batch_size):
            real = embed(batch)  # (B, T, E)
            noise = gan.draw_noise(len(batch))  # (B, T, E)
            losses = update(gan, real, noise, generator_optimizer, discriminator_optimizer)
            step += 1
            yield Step(step, epoch, *losses)


def update(
    gan: Gan,
    real: Tensor,
    noise: Tensor,
    generator_optimizer: Optimizer,
    discriminator_optimizer: Optimizer,
) -> tuple[float, float]:
    """Let the discriminator learn real = 1 and fake = 0, then the generator to be called real.

    Args:
        gan: both networks, in training mode.
        real: vectors of real texts (B, T, E).
        noise: the generator's input (B, T, E).
        generator_optimizer: over the generator's weights.
        discriminator_optimizer: over the discriminator's weights.

    Returns:
        The generator's and the discriminator's loss before the update, in nats.
    """
    fake = gan.generator(noise)  # (B, T, E)

    # -log D(real) - log(1 - D(fake))
    real_logits = gan.discriminator(real)  # (B,)
    fake_logits = gan.discriminator(fake.detach())  # (B,)
    discriminator_loss = binary_cross_entropy_with_logits(
        real_logits, torch.ones_like(real_logits)
    ) + binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
    discriminator_optimizer.zero_grad()
    discriminator_loss.backward()
    discriminator_optimizer.step()

    # -log D(fake), the discriminator's weights frozen
    gan.discriminator.requires_grad_(False)
    fake_logits = gan.discriminator(fake)  # (B,)
    generator_loss = binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))
    generator_optimizer.zero_grad()
    generator_loss.backward()
    generator_optimizer.step()
    gan.discriminator.requires_grad_(True)

    return generator_loss.item(), discriminator_loss.item()
