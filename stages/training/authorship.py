"""To tell who wrote a text: real people or a generator, and if so which.

Source: fine-tuned BERTs as detectors of generated text: I. Solaiman et al., "Release Strategies and
the Social Impacts of Language Models", 2019, arXiv:1908.09203; which generator it was: A. Uchendu
et al., "Authorship Attribution for Neural Text Generation", EMNLP 2020,
doi:10.18653/v1/2020.emnlp-main.673.
"""

from collections.abc import Iterator

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.optim import Optimizer

from stages.networks.learnt_pieces import frame
from stages.networks.piece_classifier import PieceClassifier
from stages.training.likelihood import crop, deal_places, mask_of, share_of_rate, update


def train_pass(
    network: PieceClassifier,
    tokens: Tensor,
    lengths: Tensor,
    owners: Tensor,
    optimizer: Optimizer,
    *,
    batch_size: int,
    learning_rate: float,
    first: int,
    steps: int,
    resemblance: bool = True,
) -> Iterator[float]:
    """Make one pass over texts, yielding each update's loss in nats a text.

    Args:
        network: trained in place; in evaluation mode after the pass.
        tokens: texts (N, T), int64, as places of `LearntPieces`.
        lengths: pieces of each, (N,), int64.
        owners: of each, (N,), int64: 0 for real text, or the number of a generator from 1.
        optimizer: over the network's weights.
        batch_size: texts an update.
        learning_rate: at its height.
        first: updates made in earlier passes.
        steps: updates of all passes.
        resemblance: whether it learns to tell generators from each other too.
    """
    network.train()
    for step, places in enumerate(deal_places(lengths, batch_size), start=first):
        batch, counts = crop(tokens, lengths, places)
        texts = frame(batch, counts).to(network.device)  # (B, T)
        scores = network(texts, mask_of(texts, counts + 2))  # (B, 1 + K)
        loss = author_loss(scores, owners[places].to(network.device), resemblance=resemblance)
        update(network, optimizer, loss, learning_rate * share_of_rate(step, steps))
        yield loss.item()
    network.eval()


def author_loss(scores: Tensor, owners: Tensor, *, resemblance: bool = True) -> Tensor:
    """Return the mean loss of texts in nats: -log P(real or not) - log P(generator | generated).

    Args:
        scores: (B, 1 + K): log P(real) - log P(generated), then a logit a generator.
        owners: (B,), int64, as for `train_pass`; the second part counts for generated texts alone.
        resemblance: whether there is a second part.
    """
    is_real = owners == 0
    loss = binary_cross_entropy_with_logits(scores[:, 0], is_real.to(scores.dtype))
    if not resemblance or is_real.all():
        return loss
    made = cross_entropy(scores[~is_real, 1:], owners[~is_real] - 1, reduction="sum")
    return loss + made / len(owners)
