"""Baum-Welch: a hidden Markov model learns from what it expects to have happened in texts.

Source: L. E. Baum et al., "A maximization technique occurring in the statistical analysis of
probabilistic functions of Markov chains", 1970, doi:10.1214/aoms/1177697196. We add pseudo-counts:
a Dirichlet prior, without which an unseen pair of state and word is impossible.
"""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from stages.networks.hidden_markov_model import Batch, Tables, backward, forward


def make_prior(
    texts: Sequence[np.ndarray], states: int, num_words: int, smoothing: float
) -> Tables:
    """Return the pseudo-counts: in each state words and ends as frequent as in all texts.

    Args:
        texts: one or more, each of one word or more, as rows of `Tables.emission`.
        states: K.
        num_words: V.
        smoothing: words a state, and transitions a state, that are added.
    """
    words = np.concatenate(texts)
    share = len(texts) / (len(texts) + len(words))  # of the ends among all events
    frequency = np.bincount(words, minlength=num_words) / len(words)  # (V,)
    prior = Tables(
        np.full(states, 1 / states),
        np.full((states, states), (1 - share) / states),
        np.full(states, share),
        np.repeat(frequency[:, None], states, axis=1),
    )
    return Tables(*(smoothing * table for table in prior))


def update(tables: Tables, batches: Sequence[Batch], prior: Tables) -> tuple[float, Tables]:
    """Make one update, which never lowers log P of the texts and of the prior together.

    Args:
        tables: probabilities.
        batches: the texts, none of them impossible.
        prior: pseudo-counts.

    Returns:
        log P of all texts before it, in nats, and the new probabilities.
    """
    total, counts = expect(tables, batches)
    return total, Tables(*map(np.add, counts, prior)).normalise()


def expect(tables: Tables, batches: Sequence[Batch]) -> tuple[float, Tables]:
    """Return log P of all texts, in nats, and the expected counts of all that happened in them."""
    counts = Tables(*(np.zeros_like(table) for table in tables))
    total = 0.0
    for batch in batches:
        states, scale, ends = forward(tables, batch)
        after, ahead = backward(tables, batch, scale, ends)
        total += np.log(scale).sum() + np.log(ends).sum()
        first, later = batch.places[0], slice(batch.places[0].stop, None)
        counts.transition[:] += states[batch.before[later]].T @ ahead[later]
        states *= after  # P(state | text), (n, K)
        counts.start[:] += states[first].sum(0)
        counts.end[:] += states[batch.last[batch.ended]].sum(0)
        # Which word stands where, as a sparse matrix: its product adds up the states of each word.
        words, columns = np.unique(batch.words, return_inverse=True)
        places = (np.ones(len(columns)), (columns, np.arange(len(columns))))
        counts.emission[words] += sparse.csr_array(places, (len(words), len(columns))) @ states
    counts.transition[:] *= tables.transition
    return float(total), counts
