"""A Markov chain over words, on a sparse transition matrix.

Source: M. Beneš, "Generating text using LSTM GAN in PyTorch", 2021, section "Method": the next word
is drawn by how often it followed in training. We add the end of a text as a state, so that lengths
come out by themselves, orders above 1, and the choice of the first word.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from stages.corpus.checked_files import WordsAfterEnd, damaged
from stages.corpus.corpus import UNKNOWN, Corpus
from stages.corpus.errors import UserError
from stages.corpus.settings import Section, Size
from stages.generators.folder import WEIGHTS, load_about, load_arrays, save_folder
from stages.generators.history_checks import check_arrays, expected_arrays
from stages.generators.history_counts import END, HistoryCounts, count_histories
from stages.generators.protocol import GeneratorAbout, Step, check_request, check_vocabulary

BATCH = 5000  # texts drawn at a time
LOOKED_UP = 25_000  # training texts whose likelihood is taken at a time


class MarkovSettings(Section):
    """How the chain counts and begins.

    Attributes:
        order: longest history in words.
        start: the first word: `uniform` over the vocabulary, as in the paper, or `empirical`, by
            how often each began a text.
        sharpening: power to which counts are raised: above 1 likely words become likelier, as by a
            temperature of one over it.
    """

    order: Annotated[int, Field(ge=1, le=10)]
    start: Literal["uniform", "empirical"]
    sharpening: Annotated[int, Field(ge=1, le=10)] = 1  # left out by folders of earlier chains


class _About(GeneratorAbout):
    settings: MarkovSettings
    max_length: Size
    words: WordsAfterEnd


class Markov:
    """Next-word counts after every history of 1 to `order` words seen in training.

    A text's first words have fewer than `order` words before them; what follows them is drawn by
    the shorter histories, counted over the whole training split. So every history that sampling
    reaches has been seen, whatever the first word.

    Where rare words were left out of the vocabulary, the chain writes none of them, and words on
    their two sides are no neighbours. The next word is drawn from the known ones that followed; if
    none did, the text ends there. If no text began with a known word, all begin a text alike.

    Where all training texts have `max_length` words, none shows that a text can end before: a text
    of the chain then does only where no word ever followed.

    Args:
        words: words[i] is the word of id i; words[END] is ""; higher ids are of unknown words.
        settings: its order and its first word.
        max_length: words at which texts are cropped.

    Attributes:
        histories: what followed each history in training, sharpened; none before `fit`.
    """

    Settings: ClassVar = MarkovSettings
    conditional: ClassVar = False
    tempered: ClassVar = False
    prefixed: ClassVar = True
    likelihood: ClassVar = "exact"
    chooses: ClassVar = False
    latent: ClassVar = False
    stops_early: ClassVar = False
    fingerprint: str | None = None

    def __init__(self, words: Sequence[str], settings: MarkovSettings, max_length: int) -> None:
        self.words = list(words)
        self.settings = settings
        self.max_length = max_length
        self.histories = HistoryCounts([], [], np.zeros(len(words), dtype=np.int64))
        self._ids = {word: number for number, word in enumerate(words)}

    @classmethod
    def build(cls, corpus: Corpus, settings: MarkovSettings, *, seed: int, device: str) -> Self:
        """Make a chain without counts; see `protocol.Generator`."""
        check_vocabulary(corpus, corpus.train.tokens)
        chain = cls(["", *corpus.known_words], settings, corpus.max_length)
        chain.fingerprint = corpus.fingerprint
        return chain

    def count_steps(self, corpus: Corpus) -> int:
        """Counting is one step."""
        return 1

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Count the training split's transitions; the loss is in nats a word, ends counted.

        The loss is that of a chain to which the unknown word is a word like any.
        """
        if self.histories.keys:
            return  # taken up again after its one epoch
        learnt = corpus.learnable(corpus.train)
        self.fit(learnt)
        judged = self
        if corpus.has_unknown:
            judged = Markov([*self.words, UNKNOWN], self.settings, self.max_length)
            judged.fit(learnt)
        lengths = np.minimum(learnt.lengths, self.max_length)
        events = (lengths + (learnt.lengths < self.max_length)).sum()
        texts = list(learnt)
        # A part at a time: all words of a large corpus with their histories take gigabytes.
        parts = (texts[first : first + LOOKED_UP] for first in range(0, len(texts), LOOKED_UP))
        loss = -np.concatenate([*map(judged._log_likelihood, parts)]).sum() / events
        yield Step(1, 1, {"loss": float(loss)}, ends_epoch=True)

    def fit(self, sequences: Sequence[Sequence[int]]) -> None:
        """Count the transitions of texts.

        Args:
            sequences: word ids of each text, one or more a text; from 1 to V, or above V where a
                word is unknown.

        Raises:
            ValueError: there is no text, one without a word, or no known word.
        """
        counted = count_histories(
            sequences, len(self.words) - 1, self.settings.order, self.max_length
        )
        self.histories = counted.sharpen(self.settings.sharpening)

    def describe(self) -> dict[str, float]:
        """Count the distinct histories of full order, and the words or ends that follow them."""
        keys, counts = self.histories.keys[-1], self.histories.counts[-1]
        return {"states": len(keys), "transitions": counts.nnz}

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
        random = np.random.default_rng(seed)
        beginning = self._encode(prefix)
        for first in range(0, count, BATCH):
            texts = self.sample(min(BATCH, count - first), random, beginning)
            yield [" ".join(self.words[word] for word in text) for text in texts]

    def _encode(self, prefix: str) -> list[int]:
        """Turn a beginning into ids; it must have been seen as far as the chain looks back."""
        ids = []
        for word in prefix.split():
            if word not in self._ids:
                raise UserError(f"prefix: the chain has not seen the word {word!r} in training")
            ids.append(self._ids[word])
        history = ids[-self.settings.order :]
        if history and self.histories.find(np.array([history]))[0] < 0:
            raise UserError(
                f"prefix: the chain has not seen {prefix!r} in training; expected its last "
                f"{len(history)} words in one training text"
            )
        return ids

    def sample(
        self, count: int, random: np.random.Generator, prefix: Sequence[int] = ()
    ) -> list[list[int]]:
        """Draw texts.

        Args:
            count: texts to draw.
            random: source of randomness.
            prefix: word ids that each text begins with; its last words have been seen.

        Returns:
            Word ids of each text, 1 to `max_length` of them.
        """
        texts = np.full((count, self.max_length), END, dtype=np.int64)
        given = list(prefix)[: self.max_length]
        if given:
            texts[:, : len(given)] = given
        else:
            texts[:, 0] = self._draw_first(count, random)
        # The running sums of all counts of one matrix: a row's counts lie between two of them.
        sums = [np.concatenate([[0], np.cumsum(counts.data)]) for counts in self.histories.counts]
        active = np.arange(count)
        for column in range(max(1, len(given)), self.max_length):
            length = min(column, self.settings.order)
            counts, running = self.histories.counts[length - 1], sums[length - 1]
            rows = self.histories.find(texts[active, column - length : column])
            low, high = running[counts.indptr[rows]], running[counts.indptr[rows + 1]]
            drawn = np.searchsorted(running, random.integers(low, high), side="right") - 1
            texts[active, column] = counts.indices[drawn]
            active = active[texts[active, column] != END]
        return [text[text != END].tolist() for text in texts]

    def _draw_first(self, count: int, random: np.random.Generator) -> np.ndarray:
        if self.settings.start == "uniform":
            return random.choice(self.histories.keys[0], count)
        total = np.cumsum(self.histories.starts)
        return np.searchsorted(total, random.integers(0, total[-1], count), side="right")

    def log_likelihood(self, texts: Sequence[str]) -> np.ndarray:
        """Return log P of each text (N,), in nats; -inf where a transition was never seen."""
        return self._log_likelihood(
            [[self._ids.get(word, -1) for word in text.split()] for text in texts]
        )

    def _log_likelihood(self, sequences: Sequence[Sequence[int]]) -> np.ndarray:
        firsts = np.zeros(len(self.words))
        if self.settings.start == "uniform":
            begins = self.histories.keys[0]
            firsts[begins] = 1 / len(begins)
        else:
            firsts = self.histories.starts / self.histories.starts.sum()
        events = [
            (number, [*text[: self.max_length], *([END] if len(text) < self.max_length else [])])
            for number, text in enumerate(sequences)
        ]
        values = np.zeros(len(sequences))
        order = self.settings.order
        for length in range(order + 1):
            # All events that are looked up by a history of this many words.
            found = [
                (number, line[place - length : place + 1])
                for number, line in events
                for place in range(length, len(line) if length == order else length + 1)
                if place < len(line)
            ]
            if found:
                owners, windows = map(np.array, zip(*found, strict=True))
                if length:
                    chances = self.histories.probabilities(windows)
                else:
                    chances = np.where(windows[:, 0] >= 0, firsts[windows[:, 0]], 0)
                with np.errstate(divide="ignore"):
                    logs = np.log(chances)
                np.add.at(values, owners, logs)
        return values

    def state_dict(self) -> dict[str, Any]:
        """Return the counts; nothing else is needed to resume."""
        return {"weights": self.histories.to_arrays(), "training": {}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the counts; see `protocol.Generator`."""
        arrays = {name: np.asarray(value) for name, value in state["weights"].items()}
        self.histories = HistoryCounts.from_arrays(arrays)

    def save(self, folder: Path) -> None:
        """Write the chain; see `protocol.Generator`."""
        about = {
            "settings": self.settings.model_dump(),
            "corpus": self.fingerprint,
            "max_length": self.max_length,
            "words": self.words,
        }
        save_folder(folder, "markov", about, self.state_dict()["weights"])

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Read what `save` wrote."""
        about = load_about(folder, _About)
        size, order = len(about.words), about.settings.order
        arrays = load_arrays(folder, expected_arrays(size, order))
        try:
            check_arrays(arrays, size, order)
        except ValueError as error:
            raise damaged(folder / WEIGHTS, str(error)) from None
        chain = cls(about.words, about.settings, about.max_length)
        chain.fingerprint = about.corpus
        chain.load_state_dict({"weights": arrays})
        return chain
