"""What a discriminator of real and fake texts minimises.

Each loss takes the logits of real texts and those of fakes, of any shape, and is in nats or, where
it is a margin or a distance, without a unit.
"""

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import relu, softplus


def cross_entropy(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Return -log D(real) and -log(1 - D(fake)), each logit's, D the logit's sigmoid.

    Source: I. Goodfellow et al., "Generative Adversarial Networks", 2014, arXiv:1406.2661.
    """
    return softplus(-real), softplus(fake)


def hinge(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Return max(0, 1 - real) and max(0, 1 + fake).

    Source: J. H. Lim and J. C. Ye, "Geometric GAN", 2017, arXiv:1705.02894.
    """
    return relu(1 - real), relu(1 + fake)


def relativistic(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Return -log sigmoid(real - mean fake) and -log sigmoid(mean real - fake).

    Source: A. Jolicoeur-Martineau, "The relativistic discriminator: a key element missing from
    standard GAN", 2018, arXiv:1807.00734, the relativistic average GAN.
    """
    return softplus(fake.mean() - real), softplus(fake - real.mean())


def relativistic_pairs(real: Tensor, fake: Tensor) -> Tensor:
    """Return -log sigmoid(real - fake) of each pair; ln 2 where the two are alike.

    Source: as of `relativistic`, the relativistic GAN without averages. The loss of who makes the
    fakes is that with the two exchanged.
    """
    return softplus(fake - real)


def wasserstein(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Return -real and fake: their means add up to less the more apart the two are.

    Nothing but the discriminator itself keeps its logits from growing: it must be bounded, see
    `PrefixDiscriminator`.

    Source: M. Arjovsky, S. Chintala and L. Bottou, "Wasserstein GAN", 2017, arXiv:1701.07875.
    """
    return -real, fake


OBJECTIVES: dict[str, Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]] = {
    "cross_entropy": cross_entropy,
    "hinge": hinge,
    "relativistic": relativistic,
    "wasserstein": wasserstein,
}
