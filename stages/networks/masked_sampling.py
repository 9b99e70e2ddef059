"""Texts drawn by a masked language model: how many pieces each has, then the pieces.

The pieces are drawn by Gibbs sampling, whose sources stand in `gibbs_sampling`.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from math import inf

import torch
from torch import Tensor
from torch.nn.functional import pad

from stages.networks.cores import all_cores
from stages.networks.gibbs_sampling import sample_sites
from stages.networks.learnt_pieces import MARKERS, MASK, LearntPieces, frame
from stages.networks.masked_language_model import MaskedLanguageModel

PIECES = {"cpu": 2**9, "cuda": 2**15}  # word pieces that the network sees at a time


def draw_lengths(counts: Sequence[int], count: int, least: int, random: torch.Generator) -> Tensor:
    """Draw how many pieces texts have, (count,), int64, from training texts with so many at least.

    Args:
        counts: how many training texts have 1, 2, ... P pieces.
        count: lengths to draw.
        least: pieces that each text has; where no training text has so many, all have just these.
        random: what is drawn with, on the CPU.
    """
    weights = torch.tensor([0, *counts], dtype=torch.float64)
    weights[:least] = 0
    if not weights.any():
        weights[least] = 1
    running = weights.cumsum(0)
    drawn = torch.rand(count, generator=random, dtype=torch.float64) * running[-1]
    return torch.searchsorted(running, drawn, right=True)


def sample_texts(
    network: MaskedLanguageModel,
    pieces: LearntPieces,
    lengths: Tensor,
    max_length: int,
    beginning: Sequence[int],
    random: torch.Generator,
    *,
    sweeps: int,
    at_once: int,
    **options: float,
) -> list[str]:
    """Draw texts of so many pieces each, those of one length together.

    Args:
        network: of these pieces; in evaluation mode afterwards.
        pieces: of which texts are joined.
        lengths: pieces of each text, (N,), int64.
        max_length: words at which texts are cropped.
        beginning: pieces that each text begins with, as places of `LearntPieces`.
        random: what is drawn with, on the CPU.
        sweeps: in which each piece is drawn again; see `gibbs_sampling.sample_sites`.
        at_once: pieces of a text that are drawn at once.
        options: temperature and top_p of `sample_sites`.

    Returns:
        N texts, words joined by one space.
    """
    device = network.device
    network.eval()
    chunks = []
    for length in lengths.unique().tolist():
        rows = (lengths == length).nonzero().squeeze(1)
        chunks += rows.split(max(1, PIECES[device.type] // (length + 2)))
    # Each has random numbers of its own, so that it does not matter which is done first.
    seeds = torch.randint(2**62, (len(chunks),), generator=random).tolist()

    def draw(rows: Tensor, seed: int) -> list[list[int]]:
        tokens = torch.full((len(rows), int(lengths[rows[0]])), MASK)
        tokens[:, : len(beginning)] = torch.tensor(beginning, dtype=torch.int64)
        drawn = sample_sites(
            partial(conditional_logits, network, pieces, fixed=len(beginning)),
            frame(tokens, lengths[rows]).to(device),
            1 + len(beginning),
            1 + tokens.shape[1],
            MASK,
            torch.Generator().manual_seed(seed),
            sweeps=sweeps,
            at_once=at_once,
            **options,
        )
        return drawn[:, 1:-1].tolist()

    texts = [""] * len(lengths)
    with all_cores() if device.type == "cpu" else nullcontext() as pool:
        drawn = (pool.map if pool else map)(draw, chunks, seeds)
        for rows, places in zip(chunks, drawn, strict=True):
            for row, each in zip(rows.tolist(), places, strict=True):
                texts[row] = pieces.write(each, max_length)
    return texts


def conditional_logits(
    network: MaskedLanguageModel,
    pieces: LearntPieces,
    tokens: Tensor,
    places: Tensor,
    fixed: int = 0,
) -> Tensor:
    """Return logits (B, K, V) of the pieces at places (B, K) of texts (B, T), masked there.

    Markers have none, nor have pieces from inside a word where a word must begin: at the first
    place, and behind a beginning of so many fixed pieces.
    """
    logits = pad(network.predict_at(tokens, places), (MARKERS, 0), value=-inf)
    logits[places == 1 + fixed, pieces.places_inside :] = -inf
    return logits
