"""What LeakGAN's manager and worker learn from: features that a discriminator has leaked.

Source: J. Guo et al., "Long Text Generation via Adversarial Training with Leaked Information", AAAI
2018, arXiv:1709.08624, and its code CR-Gjx/LeakGAN. Where the two differ we follow the paper: in
the code the mean cosine of a whole batch stands for that of each goal and each word, and rescaled
rewards are handed out in the order in which they came, not by rank.
"""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from stages.networks.leaked_language_model import LeakedLanguageModel
from stages.networks.lstm_language_model import written
from stages.training.reinforce import drawn_likelihood

STEEPNESS = 16.0  # of rescaled rewards: from nearly 0 to nearly 1


def judge_real(network: LeakedLanguageModel, texts: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return -log P (N,), in nats, of the N words that a mask picks, and the manager's loss.

    That is the mean of -cos between each goal and what the features became in c words; -1 to 1.

    Args:
        network: in training mode.
        texts: real ones (B, T), int64.
        mask: (B, T), bool: their words and ends.
    """
    led = network.lead(texts)
    likelihoods, _ = network.log_likelihoods(texts, mask, hidden=led.hidden)
    return -likelihoods, -follow(led.goals, led.features, mask, network.horizon)[mask].mean()


def follow(goals: Tensor, features: Tensor, mask: Tensor, horizon: int) -> Tensor:
    """Return how well features went where goals point, a cosine each, (B, T); only of the mask.

    Args:
        goals: (B, T, F), the first of those before any word.
        features: (B, T + 1, F); see `Led`.
        mask: (B, T), bool: the words and the end of each text. Near its end a goal is compared with
            the features of the whole.
        horizon: c, words that a goal looks ahead.
    """
    places = later_places(mask, torch.arange(mask.shape[1], device=mask.device), horizon)
    later = features.gather(1, places.unsqueeze(2).expand_as(goals))
    return cosine(later - features[:, :-1], goals)


def later_places(mask: Tensor, places: Tensor, horizon: int) -> Tensor:
    """Return places (L,) plus the horizon, but where a text has fewer words, (B, L)."""
    return torch.minimum(places + horizon, mask.sum(1, keepdim=True))


def cosine(first: Tensor, second: Tensor) -> Tensor:
    """Return the cosine of the angle between vectors (…, F), (…); 0 where one is 0."""
    return (normalize(first, dim=-1) * normalize(second, dim=-1)).sum(-1)


@torch.no_grad()
def intrinsic_rewards(goals: Tensor, features: Tensor, horizon: int) -> Tensor:
    """Return how well each word followed the goals before it, (B, T), from -1 to 1.

    The mean, over the last c goals or as many as there are, of the cosine between a goal and what
    the features have become since.

    Args:
        goals: (B, T, F).
        features: (B, T + 1, F).
        horizon: c.
    """
    count = goals.shape[1]
    total = torch.zeros(goals.shape[:2], device=goals.device)
    for back in range(1, min(horizon, count) + 1):
        change = features[:, back:] - features[:, :-back]  # (B, T + 1 - back, F)
        total[:, back - 1 :] += cosine(change, goals[:, : count + 1 - back])
    return total / torch.arange(1, count + 1, device=goals.device).clamp(max=horizon)


def rescale(rewards: Tensor, counted: Tensor) -> Tensor:
    """Rescale rewards (B, L) by their rank among those of a place that count: 1 / (1 + e^-x).

    Of B that count, the smallest has x = 16 / B - 8, the largest 8: bootstrapped rescaled
    activation, by which there are always texts with high rewards, and others with low ones.

    Args:
        rewards: of any range.
        counted: (B, L), bool; the others are given 0.
    """
    is_less = (rewards.unsqueeze(0) <= rewards.unsqueeze(1)) & counted.unsqueeze(0)  # (B, B, L)
    ranks = is_less.sum(1) / counted.sum(0).clamp(min=1)
    return (STEEPNESS * ranks - STEEPNESS / 2).sigmoid() * counted


def leaked_gain(
    network: LeakedLanguageModel, texts: Tensor, rewards: Tensor
) -> tuple[Tensor, float]:
    """Return what manager and worker should raise, and the mean cosine of goals and what came.

    The manager's part is the mean of the cosines of each c-th goal, from the first, times the
    rescaled reward of the beginning that the goal leads to. The worker's is the mean of log P of
    each word and end times its intrinsic reward. None of them has a baseline.

    Args:
        network: in training mode.
        texts: that it has drawn (B, T), int64.
        rewards: (B, T), of each c-th word and of the last word or end; see `rollouts.rewards`.
    """
    mask, horizon = written(texts), network.horizon
    led = network.lead(texts)
    cosines = follow(led.goals, led.features, mask, horizon)  # (B, T)
    places = torch.arange(0, texts.shape[1], horizon, device=texts.device)
    counted = mask[:, places]
    reached = rewards.gather(1, later_places(mask, places, horizon) - 1)
    of_manager = (rescale(reached, counted) * cosines[:, places])[counted].mean()
    intrinsic = intrinsic_rewards(led.goals, led.features, horizon)[mask]
    of_worker = (drawn_likelihood(network, texts, led.hidden) * intrinsic).mean()
    return of_manager + of_worker, cosines[mask].mean().item()
