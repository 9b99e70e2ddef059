"""A hidden Markov model's probabilities, and what they say of texts: forward, backward, Viterbi.

Source: L. R. Rabiner, "A tutorial on hidden Markov models and selected applications in speech
recognition", 1989, doi:10.1109/5.18626; A. M. Fraser, "Hidden Markov Models and Dynamical Systems",
2008, doi:10.1137/1.9780898717747. We add the end of a text, which each state has a probability of.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

ROWS = 8192  # words of texts read at a time: their arrays of 100 states stay near the processor


class Tables(NamedTuple):
    """Probabilities, or the counts that they are made of, float64.

    Attributes:
        start: of a text's first state, (K,).
        transition: from a state (row) to the next (column), (K, K).
        end: of the end in place of a next state, (K,); with its row of `transition` it sums to 1.
        emission: of each word (row) in a state (column), (V, K).
    """

    start: np.ndarray
    transition: np.ndarray
    end: np.ndarray
    emission: np.ndarray

    def normalise(self) -> "Tables":
        """Turn counts into probabilities."""
        total = self.transition.sum(1) + self.end  # (K,)
        return Tables(
            self.start / self.start.sum(),
            self.transition / total[:, None],
            self.end / total,
            self.emission / self.emission.sum(0),
        )

    def without(self, word: int) -> "Tables":
        """Return the probabilities where one word, by its row of `emission`, is never written.

        Each state writes its other words the more often; one that writes no other, all alike.
        """
        emission = self.emission.copy()
        emission[word] = 0
        emission[:, emission.sum(0) == 0] = 1
        emission[word] = 0
        return self._replace(emission=emission / emission.sum(0))

    def are_probabilities(self) -> bool:
        """Say whether they are not negative and sum to 1 where they must."""
        sums = np.concatenate(
            [[self.start.sum()], self.transition.sum(1) + self.end, self.emission.sum(0)]
        )
        return all((table >= 0).all() for table in self) and np.allclose(sums, 1, rtol=0, atol=1e-6)


class Batch(NamedTuple):
    """Texts packed place by place, the longest first: all first words, all second words, and so on.

    Attributes:
        texts: (B,), which of the texts that were packed these are.
        words: (n,), rows of `Tables.emission`.
        places: T slices of `words`, one for each place in the texts.
        owners: (n,), whose word it is, from 0 to B - 1.
        before: (n,), where the same text's word before it stands; of a first word nothing.
        last: (B,), where each text's last word stands.
        ended: (B,), bool, whether its end counts.
    """

    texts: np.ndarray
    words: np.ndarray
    places: list[slice]
    owners: np.ndarray
    before: np.ndarray
    last: np.ndarray
    ended: np.ndarray


def pack(texts: Sequence[np.ndarray], ended: Sequence[bool]) -> list[Batch]:
    """Pack texts into batches of about `ROWS` words and of like length.

    Args:
        texts: N, each of one word or more, as rows of `Tables.emission`.
        ended: N, whether a text's end counts; not that of a cropped one.
    """
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    order = np.argsort(-lengths, kind="stable")
    number = (np.cumsum(lengths[order]) - lengths[order]) // ROWS
    batches = []
    for chosen in np.split(order, np.flatnonzero(np.diff(number)) + 1) if len(texts) else []:
        size = lengths[chosen]
        going = [np.flatnonzero(size > place) for place in range(size[0])]
        starts = np.cumsum([0, *map(len, going)])
        before = [start + owners for start, owners in zip([0, *starts], going, strict=False)]
        rows = np.concatenate([starts[:length] + owner for owner, length in enumerate(size)])
        words = np.empty_like(rows)
        words[rows] = np.concatenate([texts[text] for text in chosen])
        batches.append(
            Batch(
                texts=chosen,
                words=words,
                places=[slice(*pair) for pair in pairwise(starts)],
                owners=np.concatenate(going),
                before=np.concatenate(before),
                last=starts[size - 1] + np.arange(len(size)),
                ended=np.asarray(ended)[chosen],
            )
        )
    return batches


def forward(tables: Tables, batch: Batch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read texts from their first word to their last.

    Returns:
        P(state | words up to this one), (n, K); P(word | words before it), (n,); and the
        probability of each text's end after its words, (B,), 1 where it does not count.
    """
    states = tables.emission[batch.words]  # (n, K)
    scale = np.empty(len(states))
    for place, here in enumerate(batch.places):
        states[here] *= states[batch.before[here]] @ tables.transition if place else tables.start
        scale[here] = states[here].sum(1)
        total = scale[here, None]
        np.divide(states[here], total, out=states[here], where=total > 0)
    return states, scale, np.where(batch.ended, states[batch.last] @ tables.end, 1)


def backward(
    tables: Tables, batch: Batch, scale: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Read texts, none of them impossible, from their last word to their first.

    Args:
        tables: probabilities.
        batch: what `forward` read.
        scale: of `forward`, (n,).
        ends: of `forward`, (B,).

    Returns:
        P(what follows | state) / P(what follows | words up to this one), (n, K); and the same
        times P(word | state) / P(word | words before it), (n, K).
    """
    after = np.empty((len(scale), len(tables.start)))
    after[batch.last] = np.where(batch.ended[:, None], tables.end, 1) / ends[:, None]
    ahead = tables.emission[batch.words] / scale[:, None]
    for place, here in reversed(list(enumerate(batch.places))):
        ahead[here] *= after[here]
        if place:
            after[batch.before[here]] = ahead[here] @ tables.transition.T
    return after, ahead


def log_likelihood(tables: Tables, batches: Sequence[Batch]) -> np.ndarray:
    """Return log P of all texts of the batches, (N,), in nats, -inf where it is 0.

    They come in the order in which they were given to `pack`.
    """
    values = np.empty(sum(len(batch.texts) for batch in batches))
    for batch in batches:
        _, scale, ends = forward(tables, batch)
        with np.errstate(divide="ignore"):
            logs = np.log(scale)
            values[batch.texts] = np.log(ends) + np.bincount(batch.owners, logs)
    return values


def viterbi(tables: Tables, rows: Sequence[int], *, ended: bool) -> np.ndarray:
    """Return the likeliest path of a text through the states, (T,) int64.

    Args:
        tables: probabilities.
        rows: the text's T words, one or more, as rows of `Tables.emission`.
        ended: whether its end counts.
    """
    with np.errstate(divide="ignore"):
        start, transition, end, emission = map(np.log, tables)
    best = start + emission[rows[0]]  # (K,), log P of the likeliest path to each state
    origins = []
    for row in rows[1:]:
        paths = best[:, None] + transition  # (K, K)
        origins.append(paths.argmax(0))
        best = paths.max(0) + emission[row]
    path = [(best + end if ended else best).argmax()]
    for origin in reversed(origins):
        path.append(origin[path[-1]])
    return np.array(path[::-1])
