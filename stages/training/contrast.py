"""Learning of a `TextDiscriminator` which class a text is of.

Source: L. Yu et al., "SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient", AAAI
2017, arXiv:1609.05473, and its code LantaoYu/SeqGAN, discriminator.py, whose penalty is on the last
layer alone.
"""

from statistics import fmean

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

from stages.networks.text_discriminator import TextDiscriminator


def learn_classes(
    discriminator: TextDiscriminator,
    texts: Tensor,
    classes: Tensor,
    optimizer: Optimizer,
    *,
    batch_size: int,
    penalty: float,
    epochs: int,
) -> float:
    """Make passes over texts of known classes.

    Args:
        discriminator: trained in place; in evaluation mode afterwards.
        texts: (N, T), int64.
        classes: of each, (N,), int64.
        optimizer: over the discriminator's weights.
        batch_size: texts an update.
        penalty: of half the sum of the last layer's squares, beside the mean cross-entropy.
        epochs: passes.

    Returns:
        The mean cross-entropy of the last pass in nats a text, each batch before it was learnt.
    """
    device = discriminator.device
    discriminator.train()
    for _ in range(epochs):
        losses = []
        for places in torch.randperm(len(texts)).split(batch_size):
            logits = discriminator(texts[places].to(device))
            loss = cross_entropy(logits, classes[places].to(device))
            losses.append(loss.item())
            squares = sum(weight.square().sum() for weight in discriminator.last.parameters())
            optimizer.zero_grad()
            (loss + penalty / 2 * squares).backward()
            optimizer.step()
    discriminator.eval()
    return fmean(losses)
