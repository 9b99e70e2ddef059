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

# From texts (B, T) and a place in each (B,), which is masked there, to logits (B, V).
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
    temperature: float = 1.0,
    top_p: float = 1.0,
) -> Tensor:
    """Draw all places of texts from left to right, then again in as many sweeps as are asked for.

    At first all of them are masked, so that each is drawn from what stands before it. A sweep draws
    each once more, given all others, in a random order of the text's own.

    Args:
        conditional: from texts and a place of each to logits of what may stand there.
        tokens: texts (B, T), int64; what stands before `first` and from `last` on stays.
        first: the first place that is drawn.
        last: the place behind the last one that is drawn.
        mask: what stands at a place that is not known.
        random: what is drawn with, on the CPU.
        sweeps: 0 or more.
        temperature: logits are divided by it.
        top_p: only the likeliest that together reach it are drawn from.

    Returns:
        Texts (B, T), int64.
    """
    tokens = tokens.clone()
    tokens[:, first:last] = mask
    rows = torch.arange(len(tokens), device=tokens.device)

    def draw(places: Tensor) -> None:
        places = places.to(tokens.device)
        tokens[rows, places] = mask
        logits = conditional(tokens, places) / temperature
        tokens[rows, places] = draw_likeliest(logits, top_p, random)

    for place in range(first, last):
        draw(torch.full((len(tokens),), place))
    for _ in range(sweeps):
        for places in draw_orders(len(tokens), first, last, random):
            draw(places)
    return tokens


def draw_orders(count: int, first: int, last: int, random: torch.Generator) -> Tensor:
    """Draw an order of the places from `first` to `last` for each text: (places, count), int64."""
    numbers = torch.rand((count, last - first), generator=random, dtype=torch.float64)
    return first + numbers.argsort(dim=1, stable=True).T
