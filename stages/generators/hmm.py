"""A hidden Markov model over words: a chain of hidden states, each of which writes one word.

With a state for each word, which writes nothing else, it is the Markov chain of order 1. Sources
stand with the parts: `networks.hidden_markov_model`, `training.baum_welch`.

Where rare words were left out of the vocabulary, the unknown word is learnt like any. In writing,
each state leaves it out and writes its other words the more often: the path through the states, and
with it the lengths of texts, stays as it was learnt.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field

from stages.corpus.checked_files import Words, damaged
from stages.corpus.corpus import UNKNOWN, Corpus, Split
from stages.corpus.settings import Count, Section, Size
from stages.generators.folder import WEIGHTS, load_about, load_arrays, save_folder
from stages.generators.protocol import (
    ABOUT,
    GeneratorAbout,
    Step,
    check_request,
    check_vocabulary,
    not_learnt,
)
from stages.networks.hidden_markov_model import (
    Batch,
    Tables,
    backward,
    forward,
    log_likelihood,
    pack,
    viterbi,
)
from stages.networks.hmm_sampling import END, sample_texts
from stages.training.baum_welch import make_prior, update

BATCH = 500  # texts written at a time


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
        return make_prior(texts, self.settings.states, len(self.words), self.settings.smoothing)

    def count_steps(self, corpus: Corpus) -> int:
        """Return the passes over the training split, each of which is one update."""
        return self.settings.epochs

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Learn by Baum-Welch from whole texts; loss and validation are in nats a word or end."""
        learnt, held_out = (
            self._number(corpus, split) for split in (corpus.train, corpus.validation)
        )
        prior = self._prior(learnt)
        batches, judged = (pack(texts, [True] * len(texts)) for texts in (learnt, held_out))
        events, judged_events = (sum(map(len, texts)) + len(texts) for texts in (learnt, held_out))
        while self.epoch < self.settings.epochs:
            total, self.tables = update(self.tables, batches, prior)
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
        """Return P(state | the whole text) at each of its T words, (T, K).

        Its end counts, unless it has `max_length` words or more.
        """
        batch, states, scale, ends = self._read(words)
        return states * backward(self.tables, batch, scale, ends)[0]

    def _read(self, words: Sequence[str]) -> tuple[Batch, np.ndarray, np.ndarray, np.ndarray]:
        rows = np.array([self.ids[word] for word in words])
        (batch,) = pack([rows], [len(rows) < self.max_length])
        return batch, *forward(self.tables, batch)

    def viterbi(self, words: Sequence[str]) -> np.ndarray:
        """Return the likeliest path of a text of T words through the states, (T,) int64.

        Its end counts, as for `smooth`.
        """
        rows = [self.ids[word] for word in words]
        return viterbi(self.tables, rows, ended=len(rows) < self.max_length)

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
        for word in prefix.split():
            if word not in self.ids:
                raise not_learnt("prefix", "hidden Markov model", "word", word)
        beginning = [self.ids[word] for word in prefix.split()]
        random = np.random.default_rng(seed)
        for first in range(0, count, BATCH):
            texts = sample_texts(
                self.drawn,
                min(BATCH, count - first),
                self.max_length,
                beginning,
                random,
                temperature=temperature,
                top_p=top_p,
            )
            yield [" ".join(self.words[row] for row in text if row != END) for text in texts]

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
