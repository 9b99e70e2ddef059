"""Draws of words that a gradient can pass: the Gumbel-max trick, made soft.

Source: E. Jang, S. Gu and B. Poole, "Categorical Reparameterization with Gumbel-Softmax", ICLR
2017, arXiv:1611.01144. With the inverse temperature `beta` of W. Nie et al., "RelGAN", ICLR 2019.
"""

import torch
from torch import Tensor


def draw_gumbel(like: Tensor) -> Tensor:
    """Draw numbers of the standard Gumbel distribution, of the shape of `like`, on its device."""
    uniform = torch.rand(like.shape, device=like.device).clamp_min_(torch.finfo(like.dtype).tiny)
    return uniform.log_().neg_().log_().neg_()


def draw_softly(logits: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    """Draw a word from each row of logits, and the soft form of that draw.

    Args:
        logits: (B, V), float32; -inf where a word is impossible.
        beta: above 0; the larger, the nearer is the soft form to the word's one-hot vector.

    Returns:
        Words (B,), int64, as likely as their softmax says, and softmax(beta (logits + noise)),
        (B, V), whose largest number is the word's. Only the latter has a gradient.
    """
    noisy = logits + draw_gumbel(logits)
    return noisy.argmax(1), (beta * noisy).softmax(1)
