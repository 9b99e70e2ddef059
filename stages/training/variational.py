"""Learning of generators with codes by a lower bound of the likelihood, and what codes are worth.

log P(text) >= E[log P(text | code)] - KL(q(code | text) || prior), a mean over codes drawn by q:
the ELBO, of reconstruction and KL. The prior is N(0, 1) in each of the code's Z numbers, q a normal
distribution whose numbers are independent, of a mean and a variance that the text decides.

Source: D. P. Kingma and M. Welling, "Auto-Encoding Variational Bayes", ICLR 2014, arXiv:1312.6114;
the rising weight of KL after S. R. Bowman et al., "Generating Sentences from a Continuous Space",
CoNLL 2016, arXiv:1511.06349.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
import torch
from scipy.special import logsumexp
from torch import Tensor
from torch.optim import Optimizer

from stages.corpus.choice import choose_evenly
from stages.networks.lstm_language_model import written
from stages.training.likelihood import BATCH, WARM_UP, deal, update, words_a_batch

SEED = 1  # of the noise that bounds are computed with: always the same
MEASURED = 1000  # texts at most that bounds are computed of, where they are only to be told
START = 0.1  # share of the weight of KL at the first update (texar's example vae_text)
ACTIVE = 0.01  # variance of a number's mean over texts above which the number is in use
ROWS = 100  # codes whose densities under all posteriors are computed at a time


class CodeModel(Protocol):
    """A network with codes, such as `LstmSentenceVae`, which describes each of these."""

    code_size: int
    device: torch.device

    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of q(code | text), (B, Z) each."""
        ...

    def log_likelihood(self, codes: Tensor, tokens: Tensor, *, as_drawn: bool = False) -> Tensor:
        """Return log P(text | code), (B,), float64, in nats."""
        ...


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(q || N(0, 1)) in nats, (B,), 0 or more, of normal distributions (B, Z)."""
    return (mean**2 + log_variance.expm1() - log_variance).sum(1) / 2


def draw_codes(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """Turn draws from N(0, 1) into draws from q, (B, Z)."""
    return mean + (log_variance / 2).exp() * noise


def anneal(step: int, rising: int, *, waiting: int = 0, start: float = START) -> float:
    """Return the share of KL's weight at an update: it waits, then rises evenly to 1.

    Args:
        step: the update, from 0.
        rising: updates in which it rises.
        waiting: updates before these.
        start: the share until then.
    """
    if step >= waiting + rising:
        return 1.0
    return start + (1 - start) * max(0, step - waiting) / max(1, rising)


def draw_noise(draws: int, texts: int, code_size: int) -> Tensor:
    """Draw from N(0, 1), always the same, (K, N, Z)."""
    random = torch.Generator().manual_seed(SEED)
    return torch.randn((draws, texts, code_size), generator=random)


def thin(tokens: Tensor) -> Tensor:
    """Choose `MEASURED` of the texts (N, T) at most, evenly."""
    return tokens[choose_evenly(len(tokens), MEASURED)]


class AuxiliaryModel(CodeModel, Protocol):
    """A network with codes whose decoder has a part that can tell texts alone."""

    def log_likelihoods(self, codes: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return log P(text | code), and the same by that part, (B,) each, float64, in nats."""
        ...


def train_epoch(
    model: CodeModel,
    tokens: Tensor,
    optimizer: Optimizer,
    *,
    batch_size: int,
    learning_rate: float,
    first: int,
    kl_weight: Callable[[int], float],
    auxiliary_weight: float | None = None,
    count_words: Callable[[Tensor], int] = lambda tokens: int(written(tokens).sum()),
) -> Iterator[dict[str, float]]:
    """Make one pass over the texts; see `likelihood.train_epoch`.

    Yields of each update, in nats a word, ends counted, `loss`, the bound of -log P (what is learnt
    by weighs its KL), and `kl_a_word`, its part.

    Args:
        model: trained in place; in evaluation mode after the pass.
        tokens: the training texts (N, T), int64, END after each text's last word.
        optimizer: over the model's weights.
        batch_size: B, texts an update.
        learning_rate: at its height.
        first: updates made in earlier passes.
        kl_weight: of KL, by the number of an update, from 0.
        auxiliary_weight: of -log P by a part of the decoder, where the model is an
            `AuxiliaryModel`, and then yielded as `auxiliary`; None where it is none.
        count_words: of texts (B, T), ends counted.
    """
    model.train()
    lengths = written(tokens).sum(1)  # (N,)
    words = words_a_batch(lengths, batch_size)
    for step, (batch, _) in enumerate(deal(tokens, lengths, batch_size), start=first):
        batch = batch.to(model.device)  # (B, T)
        mean, log_variance = model.encode(batch)
        codes = draw_codes(mean, log_variance, torch.randn_like(mean))
        kl = kl_divergence(mean, log_variance).double().sum()
        alone = None
        if auxiliary_weight is None:
            likelihoods = model.log_likelihood(codes, batch)
        else:
            likelihoods, alone = model.log_likelihoods(codes, batch)
        reconstruction = -likelihoods.sum()
        loss = reconstruction + kl_weight(step) * kl
        if alone is not None:
            loss = loss - auxiliary_weight * alone.sum()
        rate = learning_rate * min(1, (step + 1) / WARM_UP)
        update(model, optimizer, loss / words, rate)
        counted = count_words(batch)
        nats = {"loss": reconstruction.item() + kl.item(), "kl_a_word": kl.item()}
        if alone is not None:
            nats["auxiliary"] = -alone.sum().item()
        yield {name: value / counted for name, value in nats.items()}
    model.eval()


class Read(NamedTuple):
    """What a model makes of N texts.

    Attributes:
        mean: of q, (N, Z), float64.
        log_variance: of q, (N, Z), float64.
        kl: of q and the prior in nats, (N,), float64.
        likelihoods: log P(text | code) of K codes drawn from q, (K, N), float64, in nats.
        weights: the same + log prior(code) - log q(code | text): logarithms of K importance
            weights, whose expectation is P(text).
    """

    mean: np.ndarray
    log_variance: np.ndarray
    kl: np.ndarray
    likelihoods: np.ndarray
    weights: np.ndarray

    @property
    def reconstruction(self) -> np.ndarray:
        """Mean of -log P(text | code) over the codes, (N,), in nats."""
        return -self.likelihoods.mean(0)

    @property
    def elbo(self) -> np.ndarray:
        """Lower bound of log P of each text, (N,), in nats, its KL computed rather than drawn."""
        return -self.reconstruction - self.kl

    @property
    def importance_bound(self) -> np.ndarray:
        """A tighter one, (N,), in nats: the logarithm of the mean weight.

        Source: Y. Burda et al., "Importance Weighted Autoencoders", ICLR 2016, arXiv:1509.00519.
        """
        return logsumexp(self.weights, axis=0) - math.log(len(self.weights))


@torch.no_grad()
def read(model: CodeModel, tokens: Tensor, noise: Tensor, *, as_drawn: bool = False) -> Read:
    """Read texts, draw codes of each, and see how likely these make it.

    Args:
        model: in evaluation mode.
        tokens: (N, T), int64, END after the last word.
        noise: draws from N(0, 1), (K, N, Z); of (K, 1, Z) all texts have the same.
        as_drawn: see `LstmSentenceVae.log_likelihood`.
    """
    size = (len(noise), len(tokens))
    found = Read(
        *(np.empty((size[1], model.code_size)) for _ in range(2)),
        np.empty(size[1]),
        *(np.empty(size) for _ in range(2)),
    )
    lengths = written(tokens).sum(1)
    for places in lengths.argsort(stable=True).split(BATCH):
        batch = tokens[places, : int(lengths[places].max())].to(model.device)
        drawn = (noise if noise.shape[1] == 1 else noise[:, places]).to(model.device)
        mean, log_variance = model.encode(batch)
        at = places.numpy()
        found.mean[at] = mean.cpu().numpy()
        found.log_variance[at] = log_variance.cpu().numpy()
        found.kl[at] = kl_divergence(mean, log_variance).cpu().numpy()
        for number, each in enumerate(drawn):
            codes = draw_codes(mean, log_variance, each)
            likelihoods = model.log_likelihood(codes, batch, as_drawn=as_drawn)
            # What both normal densities have besides, ln(2 pi) / 2 a number, is the same.
            ratios = (each**2 + log_variance - codes**2).double().sum(1) / 2
            found.likelihoods[number, at] = likelihoods.cpu().numpy()
            found.weights[number, at] = (likelihoods + ratios).cpu().numpy()
    return found


def mutual_information(mean: np.ndarray, log_variance: np.ndarray, noise: np.ndarray) -> float:
    """Estimate the nats that a code says of which of N texts it is of.

    The mean KL to the prior less that of the mean posterior to it. At most log N, and now and then
    a little below 0.

    Source: as J. He et al., "Lagging Inference Networks and Posterior Collapse in Variational
    Autoencoders", ICLR 2019, arXiv:1901.05534, after M. D. Hoffman and M. J. Johnson, "ELBO
    surgery", 2016.

    Args:
        mean: of q of each text, (N, Z), as are the others.
        log_variance: of q.
        noise: a draw from N(0, 1), by which one code of each text is drawn.
    """
    codes = mean + np.exp(log_variance / 2) * noise
    own = -(noise**2 + log_variance).sum(1) / 2  # log q(code | its text), (N,), but for a constant
    of_all = np.empty(len(codes))  # log of the mean posterior's density, but for the same
    for first in range(0, len(codes), ROWS):
        apart = codes[first : first + ROWS, None] - mean  # (R, N, Z)
        logs = -(apart**2 / np.exp(log_variance) + log_variance).sum(2) / 2
        of_all[first : first + ROWS] = logsumexp(logs, axis=1) - math.log(len(codes))
    return float((own - of_all).mean())


def count_active(mean: np.ndarray) -> int:
    """Count the numbers of a code whose mean varies from text to text, of means (N, Z).

    Source: Y. Burda et al., "Importance Weighted Autoencoders", ICLR 2016, arXiv:1509.00519.
    """
    return int((mean.var(0) > ACTIVE).sum())


def summarise(found: Read, noise: np.ndarray) -> dict[str, float]:
    """Return means over texts in nats a text, the information of their codes and its size.

    Args:
        found: of `read`.
        noise: (N, Z); see `mutual_information`.
    """
    return {
        "elbo": float(found.elbo.mean()),
        "reconstruction": float(found.reconstruction.mean()),
        "kl": float(found.kl.mean()),
        "mutual_information": mutual_information(found.mean, found.log_variance, noise),
        "active_units": float(count_active(found.mean)),  # no size that adds up over labels
        "importance_bound": float(found.importance_bound.mean()),
    }
