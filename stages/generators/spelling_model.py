"""What generators share that spell: characters, texts and their folder."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from stages.corpus.corpus import UNKNOWN as UNKNOWN_NAME
from stages.corpus.corpus import Corpus, Split
from stages.corpus.errors import UserError
from stages.corpus.settings import Count, NetworkSettings, Size
from stages.generators.folder import load_about, load_network, save_folder
from stages.generators.plateau_model import PlateauModel
from stages.generators.protocol import GeneratorAbout, check_request, not_learnt
from stages.generators.spelling import (
    LINE_END,
    SPACE,
    LearntCharacters,
    Spelt,
    spell,
    write_lines,
)
from stages.networks.drawing import draw_batches
from stages.networks.lstm_language_model import (
    END,
    UNKNOWN,
    NextWordModel,
    State,
    draw_likeliest,
    written,
)
from stages.training.likelihood import mask_of

BATCH = 250  # as in `word_model`
# Characters of a text at most, for each word of `max_length`: three times what words of English
# comments and the spaces behind them have. Of 57,466 comments cropped at 32 words 5 had more.
PER_WORD = 16
MOST_LOGITS = 2**23  # computed at a time where probabilities are asked for


class SpellingSettings(NetworkSettings):
    """The shape of the network, and its training.

    Attributes:
        width: numbers a character.
        epochs: passes at most; training ends where validation has stopped falling.
        patience: passes that have not helped after which the learning rate falls; see `Plateau`.
        rarest: times that a character must come in the training texts; one that comes less often
            is unknown, which is learnt but never written.
    """

    width: Size
    patience: Count
    rarest: Count


class SpellingAbout(GeneratorAbout):
    """What about.json of such a generator says; each adds its `settings`."""

    max_length: Size
    max_characters: Size
    characters: LearntCharacters


class SpellingModel(PlateauModel):
    """A generator by a network over characters; see `protocol.Generator`.

    A text never begins with a space, has no two in a row, and does not end in one. Each kind says
    its network (`make_network`), which part of it writes (`writer`), and the states that texts
    begin in (`_begin`).

    Args:
        characters: characters[0] is "", the end; characters[1] stands for those that are unknown;
            the others by falling frequency, a space among them.
        settings: of the network and its training.
        max_length: words at which texts are cropped.
        max_characters: C, at which they are cropped too.
        device: where the network lives.
    """

    About: ClassVar[type[SpellingAbout]]
    conditional: ClassVar = False
    tempered: ClassVar = True
    prefixed: ClassVar = True
    chooses: ClassVar = False
    stops_early: ClassVar = True
    fingerprint: str | None = None

    def __init__(
        self,
        characters: Sequence[str],
        settings: Any,
        max_length: int,
        max_characters: int,
        device: str,
    ) -> None:
        self.characters = list(characters)
        self.ids = {each: number for number, each in enumerate(characters) if number > UNKNOWN}
        self.space = self.ids[SPACE]
        self.max_length = max_length
        self.max_characters = max_characters
        network = self.make_network(characters, settings, max_characters)
        super().__init__(network.to(device), settings)

    @staticmethod
    def make_network(characters: Sequence[str], settings: Any, max_characters: int) -> nn.Module:
        """Make the network for characters, the end and the unknown one among them."""
        raise NotImplementedError

    @property
    def writer(self) -> NextWordModel:
        """The part of the network that writes one character after the other."""
        return self.network

    def _begin(self, count: int, random: torch.Generator) -> State | None:
        """Return the states that so many texts begin in; None for the network's own."""
        return None

    @property
    def name(self) -> str:
        """Of its module."""
        return type(self).__module__.rpartition(".")[2]

    @classmethod
    def _most_characters(cls, longest: int, max_length: int, settings: Any) -> int:
        """Return C, for training texts of at most so many characters."""
        return min(longest, PER_WORD * max_length)

    @classmethod
    def build(cls, corpus: Corpus, settings: Any, *, seed: int, device: str) -> Self:
        """Make an untrained model of the training texts' characters; see `protocol.Generator`.

        Raises:
            UserError: no character comes often enough to be learnt.
        """
        lines = write_lines(corpus, corpus.train, corpus.max_length)
        counts = Counter("".join(lines))  # in order of first appearance
        del counts[LINE_END], counts[SPACE]
        spaces = sum(line.count(SPACE) for line in lines)
        kept = {each: count for each, count in counts.items() if count >= settings.rarest}
        if not kept:
            raise UserError(
                f"{corpus.name}: no character comes {settings.rarest} times in the texts to learn "
                f"from; lower {cls.__module__.rpartition('.')[2]}.rarest, or give more texts"
            )
        kept[SPACE] = spaces
        ranked = sorted(kept, key=kept.__getitem__, reverse=True)  # equal ones as they came
        longest = cls._most_characters(max(map(len, lines)), corpus.max_length, settings)
        characters = ["", UNKNOWN_NAME, *ranked]
        model = cls(characters, settings, corpus.max_length, longest, device)
        model.fingerprint = corpus.fingerprint
        return model

    def number(self, corpus: Corpus, split: Split) -> Spelt:
        """Turn a split's texts, cropped, into ids; characters it does not know become UNKNOWN."""
        return self._spell(write_lines(corpus, split, self.max_length))

    def _spell(self, lines: Sequence[str]) -> Spelt:
        """Turn lines, what follows the last word among them, into ids, cropped at C characters."""
        return spell(lines, self.ids, self.max_characters)

    def _characters_a_word(self, texts: Spelt) -> float:
        """Return how many characters count for each word or end of the texts."""
        counted = texts.tokens[mask_of(*texts)]
        words = (counted == self.space).sum() + 2 * (counted == END).sum()  # the last, and the end
        return len(counted) / max(words.item(), 1)

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
        """Yield texts; see `protocol.Generator`. A beginning may have any words that it can spell.

        The temperature is that of each character, so it changes texts more than one of each word.
        """
        check_request(self, temperature=temperature, top_p=top_p, labels=labels, prefix=prefix)
        prefix = self._crop(prefix)
        self.check_characters(prefix, "prefix")

        def draw(first: int, size: int, random: torch.Generator) -> list[str]:
            state = self._begin(size, random)
            options = {"temperature": temperature, "top_p": top_p}
            return self.write(self._sample(size, prefix, random, state, **options))

        yield from draw_batches(draw, count, BATCH, seed, self.network)

    def check_characters(self, text: str, what: str) -> None:
        """Refuse a text with a character that the model has not learnt.

        Raises:
            UserError: names what it is, and the character.
        """
        for character in text:
            if character not in self.ids:
                raise not_learnt(what, self.name, "character", character)

    def write(self, tokens: Tensor) -> list[str]:
        """Turn ids (N, T) into texts, without the space by which one is cropped."""
        return [
            "".join([self.characters[token] for token in row]).rstrip(SPACE)
            for row in tokens.tolist()
        ]

    @torch.no_grad()
    def _sample(
        self,
        count: int,
        prefix: str,
        random: torch.Generator,
        state: State | None,
        *,
        temperature: float,
        top_p: float,
    ) -> Tensor:
        """Draw texts as ids (B, C), int64, END after the last character."""
        self.network.eval()
        network = self.writer
        beginning = [self.ids[character] for character in prefix]
        before = torch.tensor([END, *beginning], device=network.device).repeat(count, 1)
        tokens = torch.full((count, self.max_characters), END, device=network.device)
        tokens[:, : len(beginning)] = before[:, 1:]
        symbol = before[:, -1]  # (B,)
        if beginning:
            _, state = network.read(before[:, :-1], state)
        active = torch.arange(count, device=network.device)
        words = (before == self.space).sum(1) + 1  # (B,), the one that is being written too
        if len(prefix.split()) == self.max_length:
            return tokens
        for place in range(len(beginning), self.max_characters):
            hidden, state = network.read(symbol.unsqueeze(1), state)  # (B, 1, W)
            logits = network.softmax.log_probabilities(hidden[:, 0]) / temperature  # (B, V)
            self._exclude(logits, symbol, ends_word=0 < place == len(beginning))
            symbol = draw_likeliest(logits, top_p, random)
            tokens[active, place] = symbol
            words = words + (symbol == self.space)
            goes_on = (symbol != END) & (words <= self.max_length)
            if not goes_on.all():
                active, symbol, words = active[goes_on], symbol[goes_on], words[goes_on]
                state = [tuple(each[:, goes_on] for each in layer) for layer in state]
            if not len(active):
                break
        return tokens

    def _exclude(self, logits: Tensor, before: Tensor, *, ends_word: bool = False) -> None:
        """Make impossible, in logits (N, V), what is never written after the symbols before (N,).

        Args:
            logits: changed in place.
            before: END at the beginning of a text.
            ends_word: whether a word must end here, as a beginning's last one does.
        """
        borders = [END, self.space]
        begins_word = (before == END) | (before == self.space)
        kept = logits[:, borders].masked_fill(begins_word.unsqueeze(1), -torch.inf)
        if ends_word:
            logits.fill_(-torch.inf)
        logits[:, borders] = kept
        logits[:, UNKNOWN] = -torch.inf

    def _crop(self, text: str) -> str:
        """Return a text's words, joined by one space, as far as it would write them."""
        words = text.split()[: self.max_length]
        return SPACE.join(words)[: self.max_characters].rstrip(SPACE)

    @torch.no_grad()
    def _log_likelihood(self, tokens: Tensor, state: State | None = None) -> Tensor:
        """Return log P of texts of known characters, as they are drawn, (N,), float64.

        Args:
            tokens: (N, T), int64, END after the last character unless that is the C-th.
            state: that they begin in.
        """
        writer = self.writer
        tokens = tokens.to(writer.device)
        mask = written(tokens)
        before = pad(tokens[:, :-1], (1, 0), value=END)
        hidden = writer.read(before, state)[0][mask]
        logits = writer.softmax.log_probabilities(hidden)  # (M, V)
        self._exclude(logits, before[mask])
        logs = logits.log_softmax(1)
        drawn = tokens[mask]
        chosen = logs.gather(1, drawn.unsqueeze(1)).squeeze(1)
        # A text that a space would crop is written by that space as well as by its end.
        is_full = (tokens == self.space).sum(1) + 1 == self.max_length
        is_full |= mask.sum(1) == self.max_characters
        either = (drawn == END) & is_full.unsqueeze(1).expand(mask.shape)[mask]
        chosen = torch.where(either, logs[:, [END, self.space]].logsumexp(1), chosen)
        values = torch.zeros(mask.shape, dtype=torch.float64)
        values[mask.cpu()] = chosen.cpu().double()
        return values.sum(1)

    def _spell_known(self, texts: Sequence[str]) -> tuple[np.ndarray, list[str]]:
        """Say which texts it could write, (N,) bool, and give those, cropped, with their ends."""
        known = np.array([*map(self.knows, texts)], dtype=bool)
        cropped = (
            self._crop(text) for text, is_known in zip(texts, known, strict=True) if is_known
        )
        return known, [f"{text}{LINE_END}" for text in cropped]

    def knows(self, text: str) -> bool:
        """Say whether a text has words, and only characters that it can write."""
        cropped = self._crop(text)
        return bool(cropped) and self.ids.keys() >= {*cropped}

    def save(self, folder: Path) -> None:
        """Write the model, its characters included; see `protocol.Generator`."""
        about = {
            "settings": self.settings.model_dump(),
            "corpus": self.fingerprint,
            "max_length": self.max_length,
            "max_characters": self.max_characters,
            "characters": self.characters,
        }
        save_folder(folder, self.name, about, self.network.state_dict())

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Read what `save` wrote, in evaluation mode."""
        about = load_about(folder, cls.About)
        characters, settings = about.characters, about.settings
        weights = load_network(
            folder,
            lambda: cls.make_network(characters, settings, about.max_characters),
            settings.num_layers,
        )
        model = cls(characters, settings, about.max_length, about.max_characters, device)
        model.fingerprint = about.corpus
        model.network.load_state_dict(weights)
        model.network.eval()
        return model
