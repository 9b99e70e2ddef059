"""Maximum likelihood: what a language model learns before it meets a discriminator."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.optim import Adam

from stages.models.language_model import LanguageModel, written

LARGEST_GRADIENT = 1.0  # norm to which a gradient is clipped
WARM_UP = 100  # updates in which the learning rate rises to its full height
SORTED = 50  # batches whose texts are sorted by length together
BATCH = 250  # texts read at a time where nothing is learnt


class LikelihoodStep(NamedTuple):
    """One update: its number and its pass, both from 1, and its batch's loss in nats a word."""

    step: int
    epoch: int
    loss: float


def train_likelihood(
    model: LanguageModel,
    tokens: Tensor,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
) -> Iterator[LikelihoodStep]:
    """Train on the likelihood of the texts' words and ends, yielding the loss of each update.

    The learning rate rises over the first updates and falls along a cosine towards 0 at the last
    (I. Loshchilov and F. Hutter, "SGDR", 2017, arXiv:1608.03983). Texts of like length share a
    batch, yet every word of the training texts counts alike, as far as gradients are not clipped.

    Args:
        model: trained in place; in evaluation mode after each pass.
        tokens: the training texts (N, T), int64, as `LanguageModel.tokenize` gives them.
        epochs: passes over the texts, each in a new order of PyTorch's own random numbers.
        batch_size: B, texts an update.
        learning_rate: of Adam, at its height.
    """
    optimizer = Adam(model.parameters(), learning_rate)
    lengths = written(tokens).sum(1)  # (N,)
    total = epochs * math.ceil(len(tokens) / batch_size)
    # Words of a full batch, on average.
    words_a_batch = lengths.double().mean().item() * min(batch_size, len(tokens))
    step = 0
    for epoch in range(1, epochs + 1):
        model.train()
        for places in _batches(lengths, batch_size):
            share = min(1, (step + 1) / WARM_UP) * (1 + math.cos(math.pi * step / total)) / 2
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * share
            batch = tokens[places, : int(lengths[places].max())].to(model.device)  # (B, T)
            losses = -model.log_likelihood(batch, written(batch))  # (N,)
            optimizer.zero_grad()
            # Not their mean: in a batch of short texts each word, and each end, would count more.
            (losses.sum() / words_a_batch).backward()
            clip_grad_norm_(model.parameters(), LARGEST_GRADIENT)
            optimizer.step()
            step += 1
            if step % math.ceil(len(tokens) / batch_size) == 0:
                model.eval()
            yield LikelihoodStep(step, epoch, losses.mean().item())


def _batches(lengths: Tensor, batch_size: int) -> list[Tensor]:
    """Deal places among N texts out to batches in which texts are of like length."""
    batches: list[Tensor] = []
    for chunk in torch.randperm(len(lengths)).split(SORTED * batch_size):
        batches += chunk[lengths[chunk].argsort(stable=True)].split(batch_size)
    return [batches[place] for place in torch.randperm(len(batches)).tolist()]


@torch.no_grad()
def negative_log_likelihood(model: LanguageModel, tokens: Tensor) -> float:
    """Return the mean of -log P over the words and ends of texts (N, T), in nats; 0 or more.

    The model must be in evaluation mode, else dropout makes it a matter of chance.
    """
    parts = []
    for batch in tokens.split(BATCH):
        batch = batch.to(model.device)
        parts.append(model.log_likelihood(batch, written(batch)).cpu())
    return -torch.cat(parts).mean().item()
