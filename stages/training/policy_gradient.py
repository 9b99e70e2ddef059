"""One update of the modern recipe's generator: words become likelier by their advantages.

The discriminator's logits estimate log P(real) - log P(generator) of a text's first words. What a
word adds to them is its reward, so that the rewards of a text add up to the logit of the whole: the
return of KL(generator || real).

Sources: policy gradient by R. J. Williams, "Simple statistical gradient-following algorithms for
connectionist reinforcement learning", 1992, doi:10.1007/BF00992696, with a discounted return for
each word as in C. de Masson d'Autume et al., "Training language GANs from Scratch", 2019,
arXiv:1905.09922 (theirs rewards a word by the discriminator's own output there, ours by how it
changes it); MaliGAN by T. Che et al., "Maximum-Likelihood Augmented Discrete Generative Adversarial
Networks", 2017, arXiv:1702.07983. Both keep a share of maximum likelihood, so that the generator
does not leave the language while the discriminator still learns.

Where an embedding's vectors know the words around them, as BERT's do, the logit after a word has
also seen hints of those to come: the rewards of a text still add up to its verdict, but which word
earned which part of it is less certain.

Rewards teach which word comes next; likelihood alone teaches where texts end. Rewards would teach
the generator to stop early, since later words could no longer be penalised.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from stages.networks.lstm_language_model import END, NextWordModel, written
from stages.networks.portable import square_root
from stages.networks.prefix_discriminator import verdicts
from stages.training.discriminator import LARGEST_GRADIENT


def update_generator(
    generator: NextWordModel,
    words: Tensor,
    advantages: Tensor,
    real_words: Tensor,
    likelihood_weight: float,
    optimizer: Optimizer,
) -> None:
    """Make the generator's own words likelier by their advantages, and real texts likelier.

    For generated texts the loss uses log P(word | not end), so where texts end is not touched. P
    is that by which they were drawn, without the unknown word, which real texts may hold.

    Args:
        generator: in training mode.
        words: texts it has written (B, T), int64.
        advantages: of each word, (B, T), float32; below 0 makes a word less likely. Those of ends
            are not read.
        real_words: real texts (B, T), int64.
        likelihood_weight: of the real texts' mean negative log-likelihood a word.
        optimizer: over the generator's weights.
    """
    own = words != END
    mask = torch.cat([own, written(real_words)])
    drawn = torch.cat([own, torch.zeros_like(real_words, dtype=torch.bool)])
    likelihoods, ends = generator.log_likelihoods(torch.cat([words, real_words]), mask, drawn)
    count = int(own.sum())  # its own words come before the real ones
    not_end = torch.log1p(-ends[:count].exp().clamp(max=1 - 1e-6))  # log P(not end)
    loss = -(advantages[own] * (likelihoods[:count] - not_end)).mean()
    loss = loss - likelihood_weight * likelihoods[count:].mean()
    optimizer.zero_grad()
    loss.backward()
    clip_grad_norm_(generator.parameters(), LARGEST_GRADIENT)
    optimizer.step()


def advantages(
    method: str, logits: Tensor, lengths: Tensor, ends: Tensor, words: Tensor, discount: float
) -> Tensor:
    """Return the advantage of each word, (B, T): how much likelier it should become.

    The return minus the batch mean at that position, divided by the root mean square over all
    positions. Ends have the advantage 0.

    Args:
        method: `policy_gradient`, `maligan`, or `likelihood` (the control: the generator learns
            from real texts alone, as before it met the discriminator).
        logits: of the generator's texts, (B, T' + 1), as `PrefixDiscriminator` gives them.
        lengths: tokens of each text, (B,).
        ends: a text's tokens up to and with each word, (B, T).
        words: the texts (B, T), int64.
        discount: of a later word's reward, from 0 (a word answers for itself alone) to 1.
    """
    mask = words != END
    if method == "likelihood":
        return torch.zeros_like(mask, dtype=logits.dtype)
    if method == "maligan":
        # D / (1 - D) = exp(logit), normalised over the batch, less the baseline 1.
        ratios = verdicts(logits, lengths).softmax(0) * len(words)  # (B,)
        return (ratios - 1).unsqueeze(1) * mask
    gained = returns(logits, lengths, ends, words, discount)  # (B, T)
    means = (gained * mask).sum(0) / mask.sum(0).clamp(min=1)  # (T,)
    centred = (gained - means) * mask
    return centred / (square_root(centred[mask].square().mean()) + 1e-6)


@torch.no_grad()
def divergence(generator: NextWordModel, start: NextWordModel, words: Tensor) -> Tensor:
    """Return log P(word) of the generator less that of its start, centred over the words, (B, T).

    Weighted and taken off the advantages, it penalises KL(generator || start) of each word, given
    those before it. D. M. Ziegler et al., "Fine-Tuning Language Models from Human Preferences",
    2019, arXiv:1909.08593, penalise that of whole texts: there a word answers for what it leads to.

    Args:
        generator: read without dropout; its mode is left as it was.
        start: what it was before it met the discriminator, in evaluation mode.
        words: texts that the generator has written (B, T), int64.
    """
    own, training = words != END, generator.training
    generator.eval()
    ratios = generator.log_likelihood(words, own, own) - start.log_likelihood(words, own, own)
    generator.train(training)
    values = torch.zeros_like(words, dtype=ratios.dtype)
    values[own] = ratios - ratios.mean()
    return values


def returns(
    logits: Tensor, lengths: Tensor, ends: Tensor, words: Tensor, discount: float
) -> Tensor:
    """Return the discounted sum of the rewards of each word, or end, and of those after it, (B, T).

    A reward is what a word adds to the logit; before the first word the logit is 0. The last event
    of a text, its end or the word at which it was cropped, takes the logit of the whole text.
    """
    mask = written(words)
    after = pad(logits, (1, 0)).gather(1, ends)  # (B, T); after `ends` tokens
    is_last = mask & ~pad(mask[:, 1:], (0, 1))  # (B, T)
    after = torch.where(is_last, verdicts(logits, lengths).unsqueeze(1), after)
    added = (after - pad(after[:, :-1], (1, 0))) * mask  # (B, T)
    total = torch.zeros_like(added[:, 0])
    discounted = torch.empty_like(added)
    for place in range(added.shape[1] - 1, -1, -1):
        total = added[:, place] + discount * total
        discounted[:, place] = total
    return discounted
