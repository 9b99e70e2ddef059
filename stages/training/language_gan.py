"""The adversarial training of a language model: rewards, one update, and the passes over the data.

The discriminator's logits estimate log P(real) - log P(generator) of a text's first words. What a
word adds to them is its reward, so that the sum over a text is the reward of KL(generator || real).

Sources: policy gradient by R. J. Williams, "Simple statistical gradient-following algorithms for
connectionist reinforcement learning", 1992, doi:10.1007/BF00992696, with a discounted reward for
each word as in C. de Masson d'Autume et al., "Training language GANs from Scratch", 2019,
arXiv:1905.09922 (theirs rewards a word by the discriminator's own output there, ours by how it
changes it); MaliGAN by T. Che et al., "Maximum-Likelihood Augmented Discrete Generative Adversarial
Networks", 2017, arXiv:1702.07983. Both keep a share of maximum likelihood, so that the generator
does not leave the language while the discriminator still learns.

Where an embedding's vectors know the words around them, as BERT's do, the logit after a word has
also seen hints of those to come: the sum over a text is still its verdict, but which word a part of
it is put down to is less certain.

The adversary teaches which word comes next where a text goes on, and likelihood alone where it
ends: a text that ends early has no later word to be blamed for, so rewards would shorten texts.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad, softplus
from torch.nn.utils import clip_grad_norm_
from torch.optim import Adam, AdamW, Optimizer

from stages.embeddings.piece_table import PieceTable, lengths_of
from stages.models.language_gan import LanguageGan
from stages.models.language_model import END, LanguageModel, written
from stages.models.prefix_discriminator import verdicts
from stages.training.objectives import OBJECTIVES
from stages.training.step import Step

LARGEST_GRADIENT = 1.0  # norm to which a gradient is clipped


class Texts(NamedTuple):
    """A batch of texts as the discriminator reads them.

    Attributes:
        vectors: (B, T, E), float32.
        lengths: tokens of each text, (B,), int64.
    """

    vectors: Tensor
    lengths: Tensor


@dataclass(frozen=True)
class Data:
    """What training reads, and how the discriminator sees it.

    Attributes:
        words: the training texts as the generator writes them, (N, T), int64.
        real: from places among the training texts (B,) to those texts.
        early: from a number of texts to as many of the generator's as it is before training; None
            where nobody asks for them.
        others: for each other source of fakes, from a number of texts to as many of them.
        pieces: from the generator's words to the embedding's tokens.
        embed: from those tokens (B, T) to vectors (B, T, E).
    """

    words: Tensor
    real: Callable[[Tensor], Texts]
    early: Callable[[int], Texts] | None
    others: Sequence[Callable[[int], Texts]]
    pieces: PieceTable
    embed: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Method:
    """How both networks learn.

    Attributes:
        name: of the generator's: `policy_gradient`, `maligan`, or `likelihood` (the control: it
            learns from real texts alone, as before it met the discriminator).
        objective: of the discriminator, one of `objectives.OBJECTIVES`.
        discount: of a later word's reward, from 0 (a word answers for itself alone) to 1.
        likelihood_weight: of the real texts' likelihood beside the adversarial loss.
        generator_learning_rate: of Adam.
        learning_rate: the discriminator's, of AdamW, falling along a cosine towards 0; higher, so
            that it keeps up (M. Heusel et al., 2017, arXiv:1706.08500).
    """

    name: str
    objective: str
    discount: float
    likelihood_weight: float
    generator_learning_rate: float
    learning_rate: float


def train(
    gan: LanguageGan,
    data: Data,
    method: Method,
    *,
    warm_up: int,
    epochs: int,
    batch_size: int,
) -> Iterator[Step]:
    """Train both networks, yielding the losses of each update.

    Args:
        gan: both networks; trained in place, and left in training mode.
        data: what they learn from.
        method: how.
        warm_up: passes over the texts in which the discriminator learns alone, of epoch 0.
        epochs: passes in which both learn, each in a new order.
        batch_size: B, texts an update; the last batch of a pass may be smaller.

    Yields:
        -log D of the generator's texts, and the discriminator's losses of real texts and fakes.
    """
    generator_optimizer = Adam(gan.generator.parameters(), method.generator_learning_rate)
    discriminator_optimizer = AdamW(gan.discriminator.parameters(), method.learning_rate)
    total = (warm_up + epochs) * math.ceil(len(data.words) / batch_size)
    step = 0
    gan.train()
    for epoch in range(1 - warm_up, epochs + 1):
        for places in torch.randperm(len(data.words)).split(batch_size):
            for group in discriminator_optimizer.param_groups:
                group["lr"] = method.learning_rate * (1 + math.cos(math.pi * step / total)) / 2
            if epoch > 0:
                words = gan.generator.sample(len(places), data.words.shape[1])  # (B, T)
                tokens, ends = data.pieces.tokenize(words)
                fake = Texts(data.embed(tokens), lengths_of(tokens))
            else:
                fake = data.early(len(places))
            fakes = [fake, *(other(len(places)) for other in data.others)]
            discriminator_loss = update_discriminator(
                gan, data.real(places), fakes, method.objective, discriminator_optimizer
            )
            gan.discriminator.eval()
            with torch.no_grad():
                logits = gan.discriminator(*fake)[..., 0]  # (B, T' + 1), against the generator
            gan.discriminator.train()
            if epoch > 0:
                weights = weigh(method, logits, fake.lengths, ends, words)  # (B, T)
                update_generator(
                    gan.generator,
                    words,
                    weights,
                    data.words[places].to(words.device),
                    method.likelihood_weight,
                    generator_optimizer,
                )
            step += 1
            generator_loss = softplus(-verdicts(logits, fake.lengths)).mean().item()
            yield Step(step, max(epoch, 0), generator_loss, discriminator_loss)


def update_discriminator(
    gan: LanguageGan, real: Texts, fakes: list[Texts], objective: str, optimizer: Optimizer
) -> float:
    """Let the discriminator learn real from fake, by whole texts and by their beginnings alike.

    Args:
        gan: both networks, in training mode.
        real: real texts.
        fakes: one batch a source, the generator's first; sources count alike.
        objective: one of `OBJECTIVES`.
        optimizer: over the discriminator's weights.

    Returns:
        The loss of real texts and that of fakes, added up, the mean over sources, before the
        update.
    """
    texts = [real, *fakes]
    lengths = [each.lengths for each in texts]
    vectors = torch.cat([each.vectors for each in texts])
    logits = gan.discriminator(vectors, torch.cat(lengths)).split([*map(len, lengths)])
    loss = vectors.new_zeros(())
    for source in range(len(fakes)):
        for pick in (verdicts, _read):
            pair = (pick(logits[place][..., source], lengths[place]) for place in (0, 1 + source))
            real_loss, fake_loss = OBJECTIVES[objective](*pair)
            loss = loss + (real_loss.mean() + fake_loss.mean()) / (2 * len(fakes))
    optimizer.zero_grad()
    loss.backward()
    clip_grad_norm_(gan.discriminator.parameters(), LARGEST_GRADIENT)
    optimizer.step()
    return loss.item()


def update_generator(
    generator: LanguageModel,
    words: Tensor,
    weights: Tensor,
    real_words: Tensor,
    likelihood_weight: float,
    optimizer: Optimizer,
) -> None:
    """Make the generator's own words as much likelier as they weigh, and real texts likelier.

    Of its own it is the likelihood of a word given that the text goes on; where its texts end is
    not touched.

    Args:
        generator: in training mode.
        words: texts it has written (B, T), int64.
        weights: of each word, (B, T), float32; below 0 makes a word less likely. Those of ends are
            not read.
        real_words: real texts (B, T), int64.
        likelihood_weight: of the real texts' mean negative log-likelihood a word.
        optimizer: over the generator's weights.
    """
    own = words != END
    mask = torch.cat([own, written(real_words)])
    likelihoods, ends = generator.log_likelihoods(torch.cat([words, real_words]), mask)
    count = int(own.sum())  # its own words come before the real ones
    going = torch.log1p(-ends[:count].exp().clamp(max=1 - 1e-6))  # log P(no end)
    loss = -(weights[own] * (likelihoods[:count] - going)).mean()
    loss = loss - likelihood_weight * likelihoods[count:].mean()
    optimizer.zero_grad()
    loss.backward()
    clip_grad_norm_(generator.parameters(), LARGEST_GRADIENT)
    optimizer.step()


def weigh(method: Method, logits: Tensor, lengths: Tensor, ends: Tensor, words: Tensor) -> Tensor:
    """Turn a discriminator's logits into how much likelier each word should become, (B, T).

    A reward counts for what it is beyond the mean of its place over the texts, on one scale for
    all places. Ends weigh nothing.

    Args:
        method: how the generator learns.
        logits: of its texts, (B, T' + 1), as `PrefixDiscriminator` gives them.
        lengths: tokens of each text, (B,).
        ends: a text's tokens up to and with each word, (B, T).
        words: the texts (B, T), int64.
    """
    mask = words != END
    if method.name == "likelihood":
        return torch.zeros_like(mask, dtype=logits.dtype)
    if method.name == "maligan":
        # D / (1 - D) = exp(logit), normalised over the batch, less the baseline 1.
        ratios = verdicts(logits, lengths).softmax(0) * len(words)  # (B,)
        return (ratios - 1).unsqueeze(1) * mask
    returns = reward(logits, lengths, ends, words, method.discount)  # (B, T)
    means = (returns * mask).sum(0) / mask.sum(0).clamp(min=1)  # (T,)
    beyond = (returns - means) * mask
    return beyond / (beyond[mask].square().mean().sqrt() + 1e-6)


def reward(logits: Tensor, lengths: Tensor, ends: Tensor, words: Tensor, discount: float) -> Tensor:
    """Reward each word, or end, by what it and those after it add to the logit, (B, T).

    Before the first word the logit is 0: nothing is known. The last that was written, the end of
    the text or the word at which it was cropped, answers for the verdict on the whole text.
    """
    mask = written(words)
    after = pad(logits, (1, 0)).gather(1, ends)  # (B, T); after `ends` tokens
    is_last = mask & ~pad(mask[:, 1:], (0, 1))  # (B, T)
    after = torch.where(is_last, verdicts(logits, lengths).unsqueeze(1), after)
    added = (after - pad(after[:, :-1], (1, 0))) * mask  # (B, T)
    total = torch.zeros_like(added[:, 0])
    rewards = torch.empty_like(added)
    for place in range(added.shape[1] - 1, -1, -1):
        total = added[:, place] + discount * total
        rewards[:, place] = total
    return rewards


def _read(logits: Tensor, lengths: Tensor) -> Tensor:
    """Pick the logits (N,) of beginnings that are all text, and of the whole, from (B, T + 1)."""
    places = torch.arange(logits.shape[1], device=logits.device)
    return logits[places <= lengths.unsqueeze(1)]
