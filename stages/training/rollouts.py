"""Monte Carlo rollouts: what a text that has only begun is worth, by continuing it several times.

Source: L. Yu et al., "SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient", AAAI
2017, arXiv:1609.05473, section 3.1. All rollouts of all beginnings are written side by side, and
each takes up the state in which its beginning left the network: no word is read twice.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from stages.networks.lstm_language_model import END, State, written
from stages.networks.plain_language_model import PlainLanguageModel

TEXTS = 5000  # judged at a time


class Rollouts(NamedTuple):
    """Texts that begin alike.

    Attributes:
        texts: (M, T), int64, END after the last word.
        rows: of which text each is a rollout, (M,), int64.
        lengths: how many words of that text it has kept, (M,), int64, from 1 to T - 1.
    """

    texts: Tensor
    rows: Tensor
    lengths: Tensor


@torch.no_grad()
def roll_out(
    policy: PlainLanguageModel,
    texts: Tensor,
    count: int,
    random: torch.Generator | None = None,
    *,
    every: int = 1,
) -> Rollouts:
    """Continue each beginning of texts, of one word or more, that has not ended.

    Args:
        policy: writes the continuations; in evaluation mode.
        texts: (B, T), int64, END after the last word.
        count: rollouts of each beginning; they stand side by side.
        random: source of randomness on the CPU; None takes PyTorch's own.
        every: only beginnings of so many words, of twice as many, and so on.
    """
    places = torch.arange(1, texts.shape[1], device=texts.device)
    begun = (texts[:, :-1] != END) & (places % every == 0)  # (B, T - 1)
    lengths, rows = begun.T.nonzero().repeat_interleave(count, 0).unbind(1)  # shorter ones first
    lengths = lengths + 1
    made = texts[rows] * (torch.arange(texts.shape[1], device=texts.device) < lengths.unsqueeze(1))
    active, words, running = rows[:0], rows[:0], None  # rollouts that go on, their last word
    _, state = policy.read(torch.full_like(texts[:, :1], END))
    for place in range(1, texts.shape[1]):
        vectors, state = policy.read(texts[:, place - 1 : place], state)  # (B, 1, H)
        new = (lengths == place).nonzero().squeeze(1)
        vectors, joined = vectors[rows[new]], _pick(state, rows[new])
        if len(active):
            older, running = policy.read(words.unsqueeze(1), running)
            vectors, joined = torch.cat([older, vectors]), _join(running, joined)
        active = torch.cat([active, new])
        if not len(active):
            continue
        words = policy.draw_next(vectors[:, 0], random)
        made[active, place] = words
        goes_on = words != END
        active, words, running = active[goes_on], words[goes_on], _pick(joined, goes_on)
    return Rollouts(made, rows, lengths)


def _pick(state: State, rows: Tensor) -> State:
    return [tuple(part[:, rows] for part in layer) for layer in state]


def _join(first: State, second: State) -> State:
    layers = zip(first, second, strict=True)
    return [tuple(torch.cat(pair, 1) for pair in zip(*layer, strict=True)) for layer in layers]


@torch.no_grad()
def rewards(
    policy: PlainLanguageModel,
    texts: Tensor,
    judge: Callable[[Tensor], Tensor],
    count: int,
    random: torch.Generator | None = None,
    *,
    every: int = 1,
) -> Tensor:
    """Return what each word, and the end, of texts is worth, (B, T), float32; 0 after the end.

    That of the last word or the end is the judge's answer to the text, that of a word before it
    the mean of its answers to the rollouts that begin as the text does up to and with the word.

    Args:
        policy: writes the rollouts; left in evaluation mode.
        texts: (B, T), int64, END after the last word.
        judge: of texts (N, T), (N,), float32.
        count: rollouts of each beginning.
        random: source of randomness on the CPU; None takes PyTorch's own.
        every: only beginnings of so many words, of twice as many, and so on, are continued; a word
            behind another number of them is worth what the text is.
    """
    policy.eval()
    made = roll_out(policy, texts, count, random, every=every)
    judged = torch.cat([judge(part) for part in torch.cat([made.texts, texts]).split(TEXTS)])
    of_rollouts, of_texts = judged.split([len(made.texts), len(texts)])
    mask = written(texts)
    values = of_texts.unsqueeze(1) * mask  # (B, T)
    means = of_rollouts.view(-1, count).mean(1)
    values[made.rows[::count], made.lengths[::count] - 1] = means
    return values
