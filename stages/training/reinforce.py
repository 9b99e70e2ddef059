"""One update of a generator of words by the rewards of its own texts.

Source: R. J. Williams, "Simple statistical gradient-following algorithms for connectionist
reinforcement learning", 1992, doi:10.1007/BF00992696, as in L. Yu et al., "SeqGAN: Sequence
Generative Adversarial Nets with Policy Gradient", AAAI 2017, arXiv:1609.05473: no baseline.
"""

import torch
from torch import Tensor

from stages.networks.lstm_language_model import NextWordModel, written


def expected_reward(generator: NextWordModel, texts: Tensor, rewards: Tensor) -> Tensor:
    """Return a number whose gradient is, in expectation, that of the sum of texts' rewards.

    The sum of log P(word) by its reward over the words and ends of texts that the generator has
    drawn; P is that by which it draws: no text begins with its end, and none has an unknown word.

    Args:
        generator: in training mode.
        texts: that it has drawn (B, T), int64.
        rewards: of each word and end, (B, T), float32.
    """
    likelihoods = drawn_likelihood(generator, texts)
    return (likelihoods * rewards[written(texts)]).sum()


def drawn_likelihood(
    generator: NextWordModel, texts: Tensor, hidden: Tensor | None = None
) -> Tensor:
    """Return log P (N,) of each word and end of texts (B, T), as they are drawn; see above.

    Args:
        generator: in training mode.
        texts: that it has drawn.
        hidden: what it predicts their words from, (B, T, W), where it has read them already.
    """
    mask = written(texts)
    likelihoods, ends = generator.log_likelihoods(texts, mask, mask, hidden=hidden)  # (N,)
    is_first = torch.zeros_like(mask)
    is_first[:, 0] = True
    not_end = torch.log1p(-ends.exp().clamp(max=1 - 1e-6))  # log P(not end)
    return likelihoods - not_end * is_first[mask]
