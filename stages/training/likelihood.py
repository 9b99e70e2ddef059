"""Maximum likelihood: what a language model learns before it meets a discriminator."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from stages.networks.lstm_language_model import NextWordModel, written

LARGEST_GRADIENT = 1.0  # norm to which a gradient is clipped
WARM_UP = 100  # updates in which the learning rate rises to its full height
TUNING_RISE = 0.1  # share of the updates in which it rises where a pretrained model is fine-tuned
SORTED = 50  # batches whose texts are sorted by length together
BATCH = 250  # texts read at a time where nothing is learnt


def train_epoch(
    model: NextWordModel,
    tokens: Tensor,
    optimizer: Optimizer,
    *,
    batch_size: int,
    learning_rate: float,
    first: int,
    lengths: Tensor | None = None,
    codes: Tensor | None = None,
    largest_gradient: float | None = None,
    judge: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None,
) -> Iterator[float]:
    """Make one pass over the texts, yielding each update's loss in nats a word, ends counted.

    The learning rate rises over the first updates of all. Texts of like length share a batch, yet
    every word of the training texts counts alike, as far as gradients are not clipped.

    Args:
        model: trained in place; in evaluation mode after the pass.
        tokens: the training texts (N, T), int64, END after each text's last word.
        optimizer: over the model's weights.
        batch_size: B, texts an update.
        learning_rate: at its height.
        first: updates made in earlier passes.
        lengths: how many words of each text count, its end among them, (N,), int64; None takes all
            that `written` says.
        codes: of each text, (N, Z), float32, which a `ConditionedLanguageModel` begins from.
        largest_gradient: norm to which a gradient is clipped; None takes LARGEST_GRADIENT.
        judge: gives -log P (N,) of the words that a mask (B, T) picks of texts (B, T), and a
            further loss, of which nothing is told; None takes the model's likelihood alone.
    """
    lengths = written(tokens).sum(1) if lengths is None else lengths  # (N,)
    words = words_a_batch(lengths, batch_size)
    model.train()
    for step, places in enumerate(deal_places(lengths, batch_size), start=first):
        batch, counted = crop(tokens, lengths, places)
        mask, begun = mask_of(batch, counted), _begin(model, codes, places)
        batch, mask, further = batch.to(model.device), mask.to(model.device), 0.0
        if judge is None:
            losses = -model.log_likelihood(batch, mask, **begun)
        else:
            losses, further = judge(batch, mask)
        rate = learning_rate * min(1, (step + 1) / WARM_UP)
        # Not their mean: in a batch of short texts each word, and each end, would count more.
        update(model, optimizer, losses.sum() / words + further, rate, largest_gradient)
        yield losses.mean().item()
    model.eval()


def words_a_batch(lengths: Tensor, batch_size: int) -> float:
    """Return how many words a full batch of texts has that have lengths (N,), on average."""
    return lengths.double().mean().item() * min(batch_size, len(lengths))


def deal(tokens: Tensor, lengths: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Deal texts (N, T) out to batches of like length.

    Args:
        tokens: the texts.
        lengths: of each, (N,), int64.
        batch_size: texts of a batch.

    Yields:
        Texts (B, T), cropped to the longest of them, and their lengths (B,).
    """
    for places in deal_places(lengths, batch_size):
        yield crop(tokens, lengths, places)


def deal_places(lengths: Tensor, batch_size: int) -> Iterator[Tensor]:
    """Deal the places of texts that have lengths (N,) out to batches of like length, (B,) each."""
    batches: list[Tensor] = []
    for chunk in torch.randperm(len(lengths)).split(SORTED * batch_size):
        batches += chunk[lengths[chunk].argsort(stable=True)].split(batch_size)
    for number in torch.randperm(len(batches)).tolist():
        yield batches[number]


def crop(tokens: Tensor, lengths: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Take the texts at places (B,) from (N, T), cropped to their longest, and lengths (B,)."""
    return tokens[places, : int(lengths[places].max())], lengths[places]


def _begin(model: NextWordModel, codes: Tensor | None, places: Tensor) -> dict[str, Any]:
    """Give the state that the texts at places (B,) begin in, where they have codes (N, Z)."""
    return {} if codes is None else {"state": model.begin(codes[places].to(model.device))}


def update(
    model: nn.Module,
    optimizer: Optimizer,
    loss: Tensor,
    learning_rate: float,
    largest_gradient: float | None = None,
) -> None:
    """Make a step against the gradient of a loss, clipped to a norm."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    optimizer.zero_grad()
    loss.backward()
    clip_grad_norm_(model.parameters(), largest_gradient or LARGEST_GRADIENT)
    optimizer.step()


def share_of_rate(step: int, steps: int) -> float:
    """Return the share of the highest learning rate at an update, from 0, of so many of all passes.

    It rises over the first updates and then falls to 0 in a straight line, as BERT's does.
    """
    return min((step + 1) / (TUNING_RISE * steps), 1 - step / steps)


def mask_of(tokens: Tensor, lengths: Tensor) -> Tensor:
    """Say which places of texts (B, T) are among the first, of which each has its length (B,)."""
    places = torch.arange(tokens.shape[1], device=tokens.device)
    return places < lengths.to(tokens.device).unsqueeze(1)


@torch.no_grad()
def log_likelihood(
    model: NextWordModel,
    tokens: Tensor,
    *,
    as_drawn: bool = False,
    lengths: Tensor | None = None,
    codes: Tensor | None = None,
) -> Tensor:
    """Return log P (N,), float64, in nats, of each text of (N, T), over its words and its end.

    The model must be in evaluation mode, else dropout makes it a matter of chance.

    Args:
        model: in evaluation mode.
        tokens: (N, T), int64.
        as_drawn: whether P is that by which the model draws texts, none with an unknown word, or
            that which it learns; the same where the model has no unknown word.
        lengths: see `train_epoch`, as for codes.
    """
    lengths = written(tokens).sum(1) if lengths is None else lengths
    sums = torch.zeros(len(tokens), dtype=torch.float64)
    # Texts of like length together, so that little padding is read.
    for places in lengths.argsort(stable=True).split(BATCH):
        batch, counted = crop(tokens, lengths, places)
        mask, begun = mask_of(batch, counted), _begin(model, codes, places)
        batch, drawn = batch.to(model.device), mask.to(model.device) if as_drawn else None
        found = model.log_likelihood(batch, mask.to(model.device), drawn, **begun)
        values = torch.zeros(mask.shape, dtype=torch.float64)
        values[mask] = found.cpu().double()
        sums[places] = values.sum(1)
    return sums


def negative_log_likelihood(
    model: NextWordModel, tokens: Tensor, codes: Tensor | None = None
) -> float:
    """Return the mean of -log P over the words and ends of texts (N, T), in nats; 0 or more."""
    total = log_likelihood(model, tokens, codes=codes).sum()
    return -(total / written(tokens).sum()).item()
