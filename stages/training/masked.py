"""Masked-language modelling: to predict pieces of a text that are masked, from all others.

Source: J. Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language
Understanding", NAACL 2019, arXiv:1810.04805. The pseudo-log-likelihood is J. Besag's ("Statistical
Analysis of Non-Lattice Data", 1975, doi:10.2307/2987782), of masked language models J. Salazar et
al.'s ("Masked Language Model Scoring", ACL 2020, arXiv:1910.14659). It is no log-likelihood: of a
rare word of several pieces each is easily told from its others.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

from stages.networks.learnt_pieces import MARKERS, MASK, frame
from stages.networks.masked_language_model import MaskedLanguageModel
from stages.training.likelihood import deal, mask_of, share_of_rate, update

CHOSEN = 0.15  # share of a text's pieces that BERT predicts
MASKED, OTHER = 0.8, 0.1  # of these: shares that are masked, and that another piece stands for
READ = 2**11  # pieces read at a time where nothing is learnt


def train_epoch(
    network: MaskedLanguageModel,
    tokens: Tensor,
    lengths: Tensor,
    optimizer: Optimizer,
    *,
    masking: str,
    batch_size: int,
    learning_rate: float,
    first: int,
    steps: int,
) -> Iterator[float]:
    """Make one pass over the texts, yielding each update's loss in nats a predicted piece.

    Args:
        network: trained in place; in evaluation mode after the pass.
        tokens: texts (N, T), int64, as places of `LearntPieces`.
        lengths: pieces of each, (N,), int64.
        optimizer: over the network's weights.
        masking: see `choose`.
        batch_size: texts an update.
        learning_rate: at its height.
        first: updates made in earlier passes.
        steps: updates of all passes.
    """
    network.train()
    device, pieces = network.device, len(network.vectors.weight)
    for step, (batch, counts) in enumerate(deal(tokens, lengths, batch_size), start=first):
        texts = frame(batch, counts)  # (B, T)
        chosen = choose(texts >= MARKERS, masking)
        hidden = hide(texts, chosen, masking, pieces).to(device)
        logits = network(hidden, mask_of(texts, counts + 2).to(device), chosen.to(device))
        loss = cross_entropy(logits, texts[chosen].to(device) - MARKERS)
        update(network, optimizer, loss, learning_rate * share_of_rate(step, steps))
        yield loss.item()
    network.eval()


def choose(mask: Tensor, masking: str) -> Tensor:
    """Choose the places of texts to predict, at least one of each text that has any.

    Args:
        mask: places that may be chosen, (B, T), bool.
        masking: `bert`, `CHOSEN` of them; or `any`, from one of them to all, each number as likely.

    Returns:
        (B, T), bool.
    """
    possible = mask.sum(1)  # (B,)
    if masking == "bert":
        wanted = (CHOSEN * possible).round().long()
    else:
        wanted = 1 + (torch.rand(len(mask)) * possible).long()
    wanted = torch.minimum(wanted.clamp(min=1), possible)
    order = torch.rand(mask.shape).masked_fill(~mask, 2).argsort(dim=1)
    ranks = order.argsort(dim=1)  # of each place, in the order in which they are chosen
    return ranks < wanted.unsqueeze(1)


def hide(tokens: Tensor, chosen: Tensor, masking: str, pieces: int) -> Tensor:
    """Return texts (B, T) with the chosen places (B, T) masked, or as BERT hides them.

    Args:
        tokens: int64.
        chosen: bool.
        masking: as for `choose`; only for `bert` some are another piece, or stay.
        pieces: all, markers included.
    """
    if masking != "bert":
        return tokens.masked_fill(chosen, MASK)
    kind = torch.rand(tokens.shape)
    hidden = tokens.masked_fill(chosen & (kind < MASKED), MASK)
    other = torch.randint(MARKERS, pieces, tokens.shape)
    return torch.where(chosen & (kind >= MASKED) & (kind < MASKED + OTHER), other, hidden)


@torch.no_grad()
def pseudo_log_likelihood(network: MaskedLanguageModel, tokens: Tensor, lengths: Tensor) -> Tensor:
    """Return the sums of log P(piece | the text's other pieces) of texts, (N,), float64, in nats.

    A place that could not be read is given, and not counted.

    Args:
        network: in evaluation mode.
        tokens: texts (N, T), int64, as places of `LearntPieces`.
        lengths: pieces of each, (N,), int64.
    """
    sums = torch.zeros(len(tokens), dtype=torch.float64)
    for length in lengths.unique().tolist():
        rows = (lengths == length).nonzero().squeeze(1)
        texts = frame(tokens[rows, :length], lengths[rows])
        which, places = (texts >= MARKERS).nonzero(as_tuple=True)  # each counted place of each text
        size = max(1, READ // (length + 2))
        if not len(which):
            continue
        for part, place in zip(which.split(size), places.split(size), strict=True):
            true = texts[part, place] - MARKERS
            hidden = texts[part].scatter(1, place.unsqueeze(1), MASK)
            at = place.unsqueeze(1).to(network.device)
            logits = network.predict_at(hidden.to(network.device), at)[:, 0]
            logs = logits.log_softmax(1).cpu().double()
            sums.index_add_(0, rows[part], logs.gather(1, true.unsqueeze(1)).squeeze(1))
    return sums
