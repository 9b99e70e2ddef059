"""Updates of an autoencoder as an energy, alone and against a generator.

Source: J. Zhao, M. Mathieu and Y. LeCun, "Energy-based Generative Adversarial Network", ICLR 2017,
arXiv:1609.03126; of documents: J. Glover, "Modeling documents with Generative Adversarial
Networks", 2016, arXiv:1612.09122. As in Glover's code the hinge is of a batch's mean energy, where
Zhao et al. take each fake's. Ours shows both updates the same fakes under the same mask; his draws
new ones for the generator's.
"""

from collections.abc import Callable

from torch import Tensor
from torch.optim import Optimizer

from stages.networks.bag_networks import DenoisingAutoencoder


def update_autoencoder(
    autoencoder: DenoisingAutoencoder, real: Tensor, mask: Tensor, optimizer: Optimizer
) -> float:
    """Let the autoencoder learn real bags (B, V); return their mean energy before."""
    energy = autoencoder.energy(real, mask).mean()
    optimizer.zero_grad()
    energy.backward()
    optimizer.step()
    return energy.item()


def update_energies(
    autoencoder: DenoisingAutoencoder,
    generator: Callable[[Tensor], Tensor],
    real: Tensor,
    noise: Tensor,
    mask: Tensor,
    margin: float,
    autoencoder_optimizer: Optimizer,
    generator_optimizer: Optimizer,
) -> tuple[float, float]:
    """Lower the energy of real bags and raise that of fakes; then let the generator lower it.

    Args:
        autoencoder: the discriminator.
        generator: from noise (B, Z) to bags (B, V).
        real: bags (B, V).
        noise: the generator's input (B, Z).
        mask: of words, as `DenoisingAutoencoder.energy` takes it.
        margin: energy above which fakes are not pushed.
        autoencoder_optimizer: over the autoencoder's weights.
        generator_optimizer: over the generator's weights.

    Returns:
        The mean energies of real bags and of fakes before the update.
    """
    fake = generator(noise)  # (B, V)

    # E(real) + max(0, margin - E(fake))
    real_energy = autoencoder.energy(real, mask).mean()
    fake_energy = autoencoder.energy(fake.detach(), mask).mean()
    loss = real_energy + hinge(fake_energy, margin)
    autoencoder_optimizer.zero_grad()
    loss.backward()
    autoencoder_optimizer.step()

    # E(fake), the autoencoder's weights frozen
    autoencoder.requires_grad_(False)
    generator_loss = autoencoder.energy(fake, mask).mean()
    generator_optimizer.zero_grad()
    generator_loss.backward()
    generator_optimizer.step()
    autoencoder.requires_grad_(True)

    return real_energy.item(), fake_energy.item()


def hinge(energy: Tensor, margin: float) -> Tensor:
    """Return max(0, margin - energy), which has no gradient beyond the margin."""
    return (margin - energy).clamp(min=0)
