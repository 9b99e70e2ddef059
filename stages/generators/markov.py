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
from scipy import sparse

from stages.corpus.checked_files import WordsAfterEnd, damaged
from stages.corpus.corpus import UNKNOWN, Corpus
from stages.corpus.errors import UserError
from stages.corpus.settings import Section, Size
from stages.generators.folder import WEIGHTS, load_about, load_arrays, save_folder
from stages.generators.protocol import GeneratorAbout, Step, check_request, check_vocabulary

END = 0  # in place of a next word: the text ends here; word ids start at 1
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
        keys: for each length n from 1 to `order`, the sorted keys (N,), int64, of the distinct
            histories. The key of a history is `row * (V + 1) + word`, where `row` is the place of
            the history without its last word among those of length n - 1, and 0 for n = 1.
        counts: for each length, how often each word followed each history, sparse (N, V + 1),
            int64; column `END` is the end of the text.
        starts: how often each word began a text, (V + 1,), int64.
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
        self.keys: list[np.ndarray] = []
        self.counts: list[sparse.csr_array] = []
        self.starts = np.zeros(len(words), dtype=np.int64)
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
        if self.keys:
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
        order, vocabulary_size = self.settings.order, len(self.words) - 1
        lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
        if not lengths.size or not lengths.all():
            raise ValueError("a Markov chain needs one text or more, and none without a word")
        words = np.concatenate([np.asarray(sequence, dtype=np.int64) for sequence in sequences])
        known = words <= vocabulary_size
        if not known.any():
            raise ValueError("a Markov chain needs a word that it knows")
        ends = np.cumsum(lengths)
        first = ends - lengths
        here = np.arange(len(words))
        begins = np.repeat(first, lengths)
        # Known words before each, back to the text's beginning or to an unknown word; of that, -1.
        place = here - np.maximum.accumulate(np.where(known, begins, here + 1))
        following = np.append(words[1:], END)
        # Where all texts have so many words, as an oracle's, nothing shows that one can end before.
        can_end = (lengths != self.max_length).any()
        following[ends - 1] = END if can_end else vocabulary_size + 1

        keys, counts = [], []
        rows = np.zeros(len(words), dtype=np.int64)
        for length in range(1, order + 1):
            last = np.flatnonzero(place >= length - 1)  # where a history of this length ends
            before = rows[last - 1] if length > 1 else 0
            unique, found = np.unique(
                before * (vocabulary_size + 1) + words[last], return_inverse=True
            )
            shape = (len(unique), vocabulary_size + 1)
            keys.append(unique)
            counts.append(_count(found, following[last], shape))
            counts[-1].data = self._sharpen(counts[-1].data)
            rows = np.zeros(len(words), dtype=np.int64)
            rows[last] = found
        self.keys, self.counts = keys, counts
        starts = np.bincount(words[first[known[first]]], minlength=vocabulary_size + 1)
        self.starts = self._sharpen(starts)
        if not self.starts.any():
            self.starts[keys[0]] = 1

    def _sharpen(self, counts: np.ndarray) -> np.ndarray:
        """Raise counts to the power of the settings.

        Raises:
            UserError: their sum would be beyond int64.
        """
        power = self.settings.sharpening
        if (counts.astype(np.float64) ** power).sum() >= 2**62:
            raise UserError(
                f"params.yaml: markov.sharpening is {power}, and a count of {counts.max():,} to "
                "that power is too large; lower it"
            )
        return counts**power

    def describe(self) -> dict[str, float]:
        """Count the distinct histories of full order, and the words or ends that follow them."""
        return {"states": len(self.keys[-1]), "transitions": self.counts[-1].nnz}

    def transition(self, history: Sequence[int]) -> np.ndarray:
        """Return the probabilities (V + 1,) of the next word after a history of 1 to order words.

        Raises:
            KeyError: the history was not seen in training.
        """
        window = np.asarray(history, dtype=np.int64)[None]
        row = self._rows(window)[0]
        counts = self.counts[window.shape[1] - 1]
        if row < 0:
            raise KeyError(f"history {list(history)} was not seen in training")
        following = counts[[row]].toarray()[0]
        return following / following.sum()

    def _rows(self, windows: np.ndarray) -> np.ndarray:
        """Find the rows (B,) of histories (B, n) among those of length n; -1 for the unseen."""
        rows = np.zeros(len(windows), dtype=np.int64)
        seen = np.ones(len(windows), dtype=bool)
        for keys, words in zip(self.keys, windows.T, strict=False):
            wanted = rows * len(self.starts) + words
            rows = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
            seen &= keys[rows] == wanted
        return np.where(seen, rows, -1)

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
        if history and self._rows(np.array([history]))[0] < 0:
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
        sums = [np.concatenate([[0], np.cumsum(counts.data)]) for counts in self.counts]
        active = np.arange(count)
        for column in range(max(1, len(given)), self.max_length):
            length = min(column, self.settings.order)
            counts, running = self.counts[length - 1], sums[length - 1]
            rows = self._rows(texts[active, column - length : column])
            low, high = running[counts.indptr[rows]], running[counts.indptr[rows + 1]]
            drawn = np.searchsorted(running, random.integers(low, high), side="right") - 1
            texts[active, column] = counts.indices[drawn]
            active = active[texts[active, column] != END]
        return [text[text != END].tolist() for text in texts]

    def _draw_first(self, count: int, random: np.random.Generator) -> np.ndarray:
        if self.settings.start == "uniform":
            return random.choice(self.keys[0], count)
        total = np.cumsum(self.starts)
        return np.searchsorted(total, random.integers(0, total[-1], count), side="right")

    def log_likelihood(self, texts: Sequence[str]) -> np.ndarray:
        """Return log P of each text (N,), in nats; -inf where a transition was never seen."""
        return self._log_likelihood(
            [[self._ids.get(word, -1) for word in text.split()] for text in texts]
        )

    def _log_likelihood(self, sequences: Sequence[Sequence[int]]) -> np.ndarray:
        firsts = np.zeros(len(self.words))
        if self.settings.start == "uniform":
            firsts[self.keys[0]] = 1 / len(self.keys[0])
        else:
            firsts = self.starts / self.starts.sum()
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
                with np.errstate(divide="ignore"):
                    logs = np.log(self._probabilities(windows, firsts))
                np.add.at(values, owners, logs)
        return values

    def _probabilities(self, windows: np.ndarray, firsts: np.ndarray) -> np.ndarray:
        """Return P(last | the others) of windows (B, n + 1) of ids; an unknown id is -1."""
        known = (windows >= 0).all(1)
        windows = np.where(windows < 0, END, windows)
        history, word = windows[:, :-1], windows[:, -1]
        if not history.shape[1]:
            return np.where(known, firsts[word], 0)
        counts = self.counts[history.shape[1] - 1]
        rows = self._rows(history)
        seen = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
        codes = seen * counts.shape[1] + counts.indices  # rising
        wanted = rows * counts.shape[1] + word
        places = np.searchsorted(codes, wanted).clip(max=len(codes) - 1)
        known &= (rows >= 0) & (codes[places] == wanted)
        totals = np.bincount(seen, counts.data)
        return np.where(known, counts.data[places] / totals[rows], 0)

    def state_dict(self) -> dict[str, Any]:
        """Return the counts; nothing else is needed to resume."""
        weights = {"starts": self.starts}
        for length, (keys, counts) in enumerate(zip(self.keys, self.counts, strict=True), start=1):
            weights[f"keys_{length}"] = keys
            weights[f"data_{length}"] = counts.data
            weights[f"indices_{length}"] = counts.indices
            weights[f"indptr_{length}"] = counts.indptr
        return {"weights": weights, "training": {}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the counts; see `protocol.Generator`."""
        arrays = {name: np.asarray(value) for name, value in state["weights"].items()}
        self.starts, self.keys, self.counts = arrays["starts"], [], []
        for length in range(1, sum(name.startswith("keys_") for name in arrays) + 1):
            self.keys.append(arrays[f"keys_{length}"])
            parts = tuple(arrays[f"{part}_{length}"] for part in ("data", "indices", "indptr"))
            shape = (len(self.keys[-1]), len(self.starts))
            self.counts.append(sparse.csr_array(parts, shape=shape))

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
        expected = {"starts": ("int64", (len(about.words),))}
        for length in range(1, about.settings.order + 1):
            expected[f"keys_{length}"] = ("int64", (f"histories of {length}",))
            expected[f"indptr_{length}"] = ("int32 int64", (f"ends of {length}",))
            expected[f"indices_{length}"] = ("int32 int64", (f"transitions of {length}",))
            expected[f"data_{length}"] = ("int64", (f"transitions of {length}",))
        arrays = load_arrays(folder, expected)
        try:
            _check_arrays(arrays, len(about.words), about.settings.order)
        except ValueError as error:
            raise damaged(folder / WEIGHTS, str(error)) from None
        chain = cls(about.words, about.settings, about.max_length)
        chain.fingerprint = about.corpus
        chain.load_state_dict({"weights": arrays})
        return chain


def _count(rows: np.ndarray, words: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
    """Count how often each word, or END, follows each history.

    A history that unknown words alone follow is followed by END.

    Args:
        rows: of each event, its history (N,).
        words: of each event, what follows (N,); words beyond the columns are not counted.
        shape: histories, and known words with the end.
    """
    known = words < shape[1]
    rest = np.flatnonzero(np.bincount(rows[known], minlength=shape[0]) == 0)
    rows = np.concatenate([rows[known], rest])
    words = np.concatenate([words[known], np.full(len(rest), END)])
    ones = np.ones(len(rows), dtype=np.int64)
    return sparse.coo_array((ones, (rows, words)), shape=shape).tocsr()


def _check_arrays(arrays: Mapping[str, np.ndarray], size: int, order: int) -> None:
    """Refuse arrays that do not fit each other, or lead to a history that was never seen.

    Args:
        arrays: of `Markov.state_dict`, of the right types.
        size: V + 1, words and the end.
        order: of the chain.

    Raises:
        ValueError: names the array.
    """
    shorter = suffixes = np.zeros(1, dtype=np.int64)  # the history of no words
    for length in range(1, order + 1):
        keys, ends, following, counts = (
            arrays[f"{part}_{length}"] for part in ("keys", "indptr", "indices", "data")
        )
        rows, words = np.divmod(keys, size)
        is_sound = _is_rising(keys) and _is_within(rows, 0, len(shorter)) and (words != END).all()
        if not is_sound or (length == 1 and not len(keys)):
            raise ValueError(f"keys_{length}: expected rising keys of histories")
        is_sound = len(ends) == len(keys) + 1 and _is_rising(ends)
        if not is_sound or ends[0] != 0 or ends[-1] != len(following):
            raise ValueError(f"indptr_{length}: expected where each history's words begin and end")
        here = np.repeat(np.arange(len(keys)), np.diff(ends))
        if not _is_within(following, 0, size) or not _is_rising(here * size + following):
            raise ValueError(f"indices_{length}: expected rising ids of words after each history")
        _check_counts(f"data_{length}", counts, fewest=1)
        # The places of the histories without their first word, among those of a word less.
        if length > 1:
            suffixes = _find(f"keys_{length}", shorter, suffixes[rows] * size + words)
        else:
            suffixes = np.zeros(len(keys), dtype=np.int64)
        goes_on = following != END
        next_keys = (here if length < order else suffixes[here]) * size + following
        _find(f"indices_{length}", arrays[f"keys_{min(length + 1, order)}"], next_keys[goes_on])
        shorter = keys
    _check_counts("starts", arrays["starts"], fewest=0)
    if not arrays["starts"].any():
        raise ValueError("starts: expected a word that begins a text")
    _find("starts", arrays["keys_1"], np.flatnonzero(arrays["starts"]))


def _is_rising(numbers: np.ndarray) -> bool:
    return bool((numbers[1:] > numbers[:-1]).all())


def _is_within(numbers: np.ndarray, low: int, end: int) -> bool:
    return bool(((numbers >= low) & (numbers < end)).all())


def _check_counts(name: str, counts: np.ndarray, fewest: int) -> None:
    # Sums of them are int64.
    if not _is_within(counts, fewest, 2**62) or counts.sum(dtype=np.float64) >= 2**62:
        raise ValueError(f"{name}: expected counts of {fewest} or more")


def _find(name: str, keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return where each wanted key is among rising keys."""
    places = np.searchsorted(keys, wanted).clip(max=max(len(keys) - 1, 0))
    if len(wanted) and (not len(keys) or (keys[places] != wanted).any()):
        raise ValueError(f"{name}: expected histories and words that the chain has seen")
    return places
