"""Texts drawn from a hidden Markov model, word by word."""

from collections.abc import Sequence

import numpy as np

from stages.networks.hidden_markov_model import Tables

END = -1  # in place of a word: the text has ended


def sample_texts(
    tables: Tables,
    count: int,
    max_length: int,
    beginning: Sequence[int],
    random: np.random.Generator,
    *,
    temperature: float = 1.0,
    top_p: float = 1.0,
) -> np.ndarray:
    """Draw texts of 1 to `max_length` words.

    Args:
        tables: probabilities.
        count: B, texts to draw.
        max_length: words at which they are cropped.
        beginning: words that each text begins with, as rows of `Tables.emission`.
        random: source of randomness.
        temperature: log P of the next word, or of the end, is divided by it.
        top_p: only the likeliest of these that together reach it are drawn from.

    Returns:
        Rows of the emission, (B, max_length), int64; END after a text's last word.
    """
    texts = np.full((count, max_length), END)
    start, transition, end, emission = tables
    sums = np.cumsum(emission.T, axis=1)  # (K, V)
    # P(next state | words so far), the end as the last of K + 1; no text begins with it.
    following = np.tile(np.append(start, 0), (count, 1))
    active = np.arange(count)
    for place in range(max_length):
        if place < len(beginning):
            words = np.full(count, beginning[place])
        elif temperature == 1 and top_p == 1:
            words = _draw_words(following, sums, random)
        else:
            chances = np.column_stack([following[:, :-1] @ emission.T, following[:, -1]])
            words = _draw_places(_temper(chances, temperature, top_p), random)
            words[words == len(emission)] = END
        texts[active, place] = words
        goes_on = words != END
        active, words = active[goes_on], words[goes_on]
        states = following[goes_on, :-1] * emission[words]
        states /= states.sum(1, keepdims=True)  # P(state | words so far), (B, K)
        following = np.column_stack([states @ transition, states @ end])
    return texts


def _draw_places(weights: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draw a place (B,), int64, from each row of weights (B, N), each as often as it weighs."""
    sums = weights.cumsum(1)
    return (sums <= random.random((len(sums), 1)) * sums[:, -1:]).sum(1)


def _draw_words(following: np.ndarray, sums: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draw next states by (B, K + 1), then a word from each, (B,), by running sums (K, V).

    What it draws is P(word | words so far), without a sum over all states for each word.
    """
    states = _draw_places(following, random)
    words = np.full(len(states), END)
    for state in np.unique(states[states < len(sums)]):
        chosen = np.flatnonzero(states == state)
        drawn = random.random(len(chosen)) * sums[state, -1]
        words[chosen] = np.searchsorted(sums[state], drawn, side="right")
    return words


def _temper(chances: np.ndarray, temperature: float, top_p: float) -> np.ndarray:
    """Sharpen probabilities (B, N) and leave out the least likely; see `Generator.generate`."""
    weights = (chances / chances.max(1, keepdims=True)) ** (1 / temperature)
    if top_p == 1:
        return weights
    order = np.argsort(-weights, axis=1, kind="stable")
    ranked = np.take_along_axis(weights, order, axis=1)
    # A word stays while those likelier than it do not reach top_p: the first always does.
    likelier = np.cumsum(ranked, axis=1) - ranked
    ranked[likelier >= top_p * ranked.sum(1, keepdims=True)] = 0
    np.put_along_axis(weights, order, ranked, axis=1)
    return weights
