"""Gibbs sampling of texts from conditionals: each place drawn given all others, again and again.

Source: S. Geman and D. Geman, "Stochastic Relaxation, Gibbs Distributions, and the Bayesian
Restoration of Images", 1984, doi:10.1109/TPAMI.1984.4767596; for texts by BERT A. Wang and K. Cho,
"BERT has a Mouth, and It Must Speak: BERT as a Markov Random Field Language Model", NeuralGen 2019,
arXiv:1902.04094.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from stages.networks.lstm_language_model import draw_likeliest

# From texts (B, T) and places in each (B, K), which are masked there, to logits (B, K, V).
Conditional = Callable[[Tensor, Tensor], Tensor]


def sample_sites(
    conditional: Conditional,
    tokens: Tensor,
    first: int,
    last: int,
    mask: int,
    random: torch.Generator,
    *,
    sweeps: int,
    at_once: int = 1,
    temperature: float = 1.0,
    top_p: float = 1.0,
) -> Tensor:
    """Draw all places of texts from left to right, then again in as many sweeps as are asked for.

    At first all of them are masked, so that each is drawn from what stands before it. A sweep draws
    each once more, given all others, in a random order of the text's own. Of places drawn at once
    each is given those that are not among them, and the more there are, the less neighbours agree.

    Args:
        conditional: from texts and a place of each to logits of what may stand there.
        tokens: texts (B, T), int64; what stands before `first` and from `last` on stays.
        first: the first place that is drawn.
        last: the place behind the last one that is drawn.
        mask: what stands at a place that is not known.
        random: what is drawn with, on the CPU.
        sweeps: 0 or more.
        at_once: places of a text that are drawn at once, 1 or more.
        temperature: logits are divided by it.
        top_p: only the likeliest that together reach it are drawn from.

    Returns:
        Texts (B, T), int64.
    """
    tokens = tokens.clone()
    tokens[:, first:last] = mask

    def draw(places: Tensor) -> None:
        places = places.to(tokens.device)  # (B, K)
        tokens.scatter_(1, places, mask)
        logits = conditional(tokens, places) / temperature  # (B, K, V)
        drawn = draw_likeliest(logits.flatten(0, 1), top_p, random)
        tokens.scatter_(1, places, drawn.view(places.shape))

    for places in torch.arange(first, last).split(at_once):
        draw(places.expand(len(tokens), -1))
    for _ in range(sweeps):
        for places in draw_orders(len(tokens), first, last, random).split(at_once, 1):
            draw(places)
    return tokens


def draw_orders(count: int, first: int, last: int, random: torch.Generator) -> Tensor:
    """Draw an order of the places from `first` to `last` for each text: (count, places), int64."""
    numbers = torch.rand((count, last - first), generator=random, dtype=torch.float64)
    return first + numbers.argsort(dim=1, stable=True)
