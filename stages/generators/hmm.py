"""A hidden Markov model over words: a chain of hidden states, each of which writes one word.

Source: L. R. Rabiner, "A tutorial on hidden Markov models and selected applications in speech
recognition", 1989, doi:10.1109/5.18626; A. M. Fraser, "Hidden Markov Models and Dynamical Systems",
2008, doi:10.1137/1.9780898717747. Training by L. E. Baum et al., "A maximization technique [...]",
1970, doi:10.1214/aoms/1177697196. We add the end of a text, which each state has a probability of,
and pseudo-counts: a Dirichlet prior, without which an unseen pair of state and word is impossible.
With a state for each word, which writes nothing else, it is the Markov chain of order 1.

Where rare words were left out of the vocabulary, the unknown word is learnt like any. In writing,
each state leaves it out and writes its other words the more often: the path through the states, and
with it the lengths of texts, stays as it was learnt.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from stages.corpus.checked_files import Words, damaged
from stages.corpus.corpus import UNKNOWN, Corpus, Split
from stages.corpus.errors import UserError
from stages.corpus.settings import Count, Section, Size
from stages.generators.folder import WEIGHTS, load_about, load_arrays, save_folder
from stages.generators.protocol import (
    ABOUT,
    GeneratorAbout,
    Step,
    check_request,
    check_vocabulary,
)

BATCH = 500  # texts written at a time
ROWS = 8192  # words of texts read at a time: their arrays of 100 states stay near the processor
END = -1  # in place of a word: the text has ended


class HmmSettings(Section):
    """The model's size, and its training.

    Attributes:
        states: K, hidden states; the time a pass takes grows with its square.
        epochs: passes over the training split at most.
        smoothing: pseudo-counts a state: so many words drawn from all texts alike, and so many
            transitions to all states alike, are added to what it is expected to have done.
    """

    states: Annotated[int, Field(ge=1, le=2000)]
    epochs: Count
    smoothing: Annotated[float, Field(gt=0)]


class _About(GeneratorAbout):
    settings: HmmSettings
    max_length: Size
    words: Words


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
        """Return the probabilities when no state writes a word.

        A state that writes nothing else writes all others alike.
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
    """Pack texts of one word or more into batches of about `ROWS` words and of like length."""
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
    """Return log P of all texts of the batches, (N,), in nats, in the order they were packed in."""
    values = np.empty(sum(len(batch.texts) for batch in batches))
    for batch in batches:
        _, scale, ends = forward(tables, batch)
        with np.errstate(divide="ignore"):
            logs = np.log(scale)
            values[batch.texts] = np.log(ends) + np.bincount(batch.owners, logs)
    return values


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


class Hmm:
    """P(text) as a sum over all paths through the hidden states, each of which writes one word.

    Args:
        words: words[v] is the word of row v of the emission; one may be `UNKNOWN`, which is learnt
            but never written.
        settings: its size and its training.
        max_length: words at which texts are cropped.

    Attributes:
        tables: the probabilities.
        epoch: passes made over the training split.
    """

    Settings: ClassVar = HmmSettings
    conditional: ClassVar = False
    tempered: ClassVar = True
    prefixed: ClassVar = True
    likelihood: ClassVar = "exact"
    chooses: ClassVar = False
    latent: ClassVar = False
    stops_early: ClassVar = False
    fingerprint: str | None = None

    tables: Tables

    def __init__(self, words: Sequence[str], settings: HmmSettings, max_length: int) -> None:
        self.words = list(words)
        self.ids = {word: row for row, word in enumerate(words)}  # of those it writes
        self.unknown = self.ids.pop(UNKNOWN, None)
        self.settings = settings
        self.max_length = max_length
        self.epoch = 0

    @classmethod
    def build(cls, corpus: Corpus, settings: HmmSettings, *, seed: int, device: str) -> Self:
        """Make a model whose states differ by chance alone; see `protocol.Generator`."""
        found = np.unique(corpus.learnable(corpus.train).tokens)
        check_vocabulary(corpus, found)
        words = [corpus.words[token] for token in found[found > 0]]
        model = cls(words, settings, corpus.max_length)
        model.fingerprint = corpus.fingerprint
        random = np.random.default_rng(seed)
        prior = model._prior(model._number(corpus, corpus.train))
        noisy = (table * random.standard_exponential(table.shape) for table in prior)
        model.tables = Tables(*noisy).normalise()
        return model

    def _number(self, corpus: Corpus, split: Split) -> list[np.ndarray]:
        """Turn a split's texts into rows of the emission; other words become the unknown one.

        Where it has none they are left out, as is a text of which nothing is left.
        """
        other = -1 if self.unknown is None else self.unknown
        rows = np.array([self.ids.get(word, other) for word in corpus.words])
        texts = (rows[tokens] for tokens in split)
        return [kept for text in texts if len(kept := text[text >= 0])]

    def _prior(self, texts: Sequence[np.ndarray]) -> Tables:
        """Return the pseudo-counts: in each state words and ends as frequent as in all texts."""
        states, words = self.settings.states, np.concatenate(texts)
        share = len(texts) / (len(texts) + len(words))  # of the ends among all events
        frequency = np.bincount(words, minlength=len(self.words)) / len(words)  # (V,)
        prior = Tables(
            np.full(states, 1 / states),
            np.full((states, states), (1 - share) / states),
            np.full(states, share),
            np.repeat(frequency[:, None], states, axis=1),
        )
        return Tables(*(self.settings.smoothing * table for table in prior))

    def count_steps(self, corpus: Corpus) -> int:
        """Return the passes over the training split, each of which is one update."""
        return self.settings.epochs

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Learn by Baum-Welch from whole texts; loss and validation are in nats a word or end.

        An update never lowers log P of the training texts and of the prior together.
        """
        learnt, held_out = (
            self._number(corpus, split) for split in (corpus.train, corpus.validation)
        )
        prior = self._prior(learnt)
        batches, judged = (pack(texts, [True] * len(texts)) for texts in (learnt, held_out))
        events, judged_events = (sum(map(len, texts)) + len(texts) for texts in (learnt, held_out))
        while self.epoch < self.settings.epochs:
            total, counts = expect(self.tables, batches)
            self.tables = Tables(*map(np.add, counts, prior)).normalise()
            self.epoch += 1
            validation = None
            if judged:
                validation = float(-log_likelihood(self.tables, judged).sum() / judged_events)
            losses = {"loss": -total / events}
            yield Step(self.epoch, self.epoch, losses, validation, ends_epoch=True)

    @property
    def drawn(self) -> Tables:
        """The probabilities by which texts are written."""
        return self.tables if self.unknown is None else self.tables.without(self.unknown)

    def filter(self, words: Sequence[str]) -> np.ndarray:
        """Return P(state | words up to this one) at each of a text's T words, (T, K).

        Args:
            words: one or more, all of them the model's, as for `smooth` and `viterbi`.
        """
        return self._read(words)[1]

    def smooth(self, words: Sequence[str]) -> np.ndarray:
        """Return P(state | the whole text, its end included) at each of its T words, (T, K)."""
        batch, states, scale, ends = self._read(words)
        return states * backward(self.tables, batch, scale, ends)[0]

    def _read(self, words: Sequence[str]) -> tuple[Batch, np.ndarray, np.ndarray, np.ndarray]:
        rows = np.array([self.ids[word] for word in words])
        (batch,) = pack([rows], [len(rows) < self.max_length])
        return batch, *forward(self.tables, batch)

    def viterbi(self, words: Sequence[str]) -> np.ndarray:
        """Return the likeliest path of a text of T words through the states, (T,) int64."""
        rows = [self.ids[word] for word in words]
        with np.errstate(divide="ignore"):
            start, transition, end, emission = map(np.log, self.tables)
        best = start + emission[rows[0]]  # (K,), log P of the likeliest path to each state
        origins = []
        for row in rows[1:]:
            paths = best[:, None] + transition  # (K, K)
            origins.append(paths.argmax(0))
            best = paths.max(0) + emission[row]
        path = [(best + end if len(rows) < self.max_length else best).argmax()]
        for origin in reversed(origins):
            path.append(origin[path[-1]])
        return np.array(path[::-1])

    def generate(
        self,
        count: int,
        seed: int,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        labels: Sequence[str] | None = None,
        prefix: str = "",
    ) -> Iterator[list[str]]:
        """Yield texts; see `protocol.Generator`."""
        check_request(self, temperature=temperature, top_p=top_p, labels=labels, prefix=prefix)
        beginning = prefix.split()
        for word in beginning:
            if word not in self.ids:
                raise UserError(f"prefix: the hidden Markov model has not learnt the word {word!r}")
        random = np.random.default_rng(seed)
        for first in range(0, count, BATCH):
            size = min(BATCH, count - first)
            texts = self._write(size, beginning, random, temperature=temperature, top_p=top_p)
            yield [" ".join(self.words[row] for row in text if row != END) for text in texts]

    def _write(
        self,
        count: int,
        beginning: Sequence[str],
        random: np.random.Generator,
        *,
        temperature: float,
        top_p: float,
    ) -> np.ndarray:
        """Draw texts as rows of the emission, (B, max_length); END after a text's last word."""
        texts = np.full((count, self.max_length), END)
        start, transition, end, emission = self.drawn
        sums = np.cumsum(emission.T, axis=1)  # (K, V)
        # P(next state | words so far), the end as the last of K + 1; no text begins with it.
        following = np.tile(np.append(start, 0), (count, 1))
        active = np.arange(count)
        for place in range(self.max_length):
            if place < len(beginning):
                words = np.full(count, self.ids[beginning[place]])
            elif temperature == 1 and top_p == 1:
                words = _draw_words(following, sums, random)
            else:
                chances = np.column_stack([following[:, :-1] @ emission.T, following[:, -1]])
                words = draw_places(_temper(chances, temperature, top_p), random)
                words[words == len(emission)] = END
            texts[active, place] = words
            goes_on = words != END
            active, words = active[goes_on], words[goes_on]
            states = following[goes_on, :-1] * emission[words]
            states /= states.sum(1, keepdims=True)  # P(state | words so far), (B, K)
            following = np.column_stack([states @ transition, states @ end])
        return texts

    def log_likelihood(self, texts: Sequence[str]) -> np.ndarray:
        """Return log P of each text (N,), in nats; -inf where a word is not the model's."""
        rows = [[self.ids.get(word, -1) for word in text.split()] for text in texts]
        known = [place for place, text in enumerate(rows) if text and min(text) >= 0]
        cropped = [np.array(rows[place][: self.max_length]) for place in known]
        values = np.full(len(texts), -np.inf)
        values[known] = log_likelihood(
            self.drawn, pack(cropped, [len(text) < self.max_length for text in cropped])
        )
        return values

    def describe(self) -> dict[str, float]:
        """Count the words that it writes and the probabilities."""
        return {"words": len(self.ids), "parameters": sum(table.size for table in self.tables)}

    def state_dict(self) -> dict[str, Any]:
        """Return the probabilities, and the passes made."""
        return {"weights": self.tables._asdict(), "training": {"epoch": self.epoch}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the probabilities and, where it is given, the number of passes made."""
        self.tables = Tables(
            **{name: np.asarray(state["weights"][name]) for name in Tables._fields}
        )
        if "training" in state:
            self.epoch = state["training"]["epoch"]

    def save(self, folder: Path) -> None:
        """Write the model, its words included; see `protocol.Generator`."""
        about = {
            "settings": self.settings.model_dump(),
            "corpus": self.fingerprint,
            "max_length": self.max_length,
            "words": self.words,
        }
        save_folder(folder, "hmm", about, self.tables._asdict())

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Read what `save` wrote."""
        about = load_about(folder, _About)
        if about.words == [UNKNOWN]:
            raise damaged(folder / ABOUT, f"words: expected one beside {UNKNOWN}")
        states, words = about.settings.states, len(about.words)
        shapes = {
            "start": (states,),
            "transition": (states, states),
            "end": (states,),
            "emission": (words, states),
        }
        arrays = load_arrays(folder, {name: ("float64", shape) for name, shape in shapes.items()})
        tables = Tables(**arrays)
        if not tables.are_probabilities():
            raise damaged(folder / WEIGHTS, "expected probabilities, which sum to 1")
        model = cls(about.words, about.settings, about.max_length)
        model.fingerprint = about.corpus
        model.tables = tables
        return model


def draw_places(weights: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draw one place of each row of weights (B, N), (B,) int64."""
    sums = weights.cumsum(1)
    return (sums <= random.random((len(sums), 1)) * sums[:, -1:]).sum(1)


def _draw_words(following: np.ndarray, sums: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draw next states by (B, K + 1), then a word from each, (B,), by running sums (K, V).

    What it draws is P(word | words so far), without a sum over all states for each word.
    """
    states = draw_places(following, random)
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
