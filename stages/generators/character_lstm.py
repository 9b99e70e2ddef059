"""A character LSTM: learns characters, and by them to write words, sentences, whole reviews.

Source: A. Graves, "Generating Sequences With Recurrent Neural Networks", 2013, arXiv:1308.0850;
I. Sutskever et al., "Generating Text with Recurrent Neural Networks", ICML 2011; A. Karpathy,
char-rnn, 2015, https://github.com/karpathy/char-rnn. They read a corpus as one long text, in pieces
at whose borders the gradient ends, and never write an end. We read each text for itself and whole,
in batches of texts of like length, and the end of a text is a symbol that is learnt. The network is
that of the language model, with characters in the place of words.

A character is one Unicode code point: an emoji may be several, and so is a letter with marks that
have no form of their own together. All words of a text are read, those too that
`prepare.vocabulary` leaves out: what can be spelt needs no vocabulary.
"""

import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple, Self

import numpy as np
import torch
from pydantic import AfterValidator, Field
from torch import Tensor
from torch.nn.functional import pad

from stages.corpus.corpus import UNKNOWN as UNKNOWN_NAME
from stages.corpus.corpus import Corpus, Split
from stages.corpus.errors import UserError
from stages.corpus.settings import Count, NetworkSettings, Size
from stages.generators.folder import load_about, load_network, save_folder
from stages.generators.plateau_model import PlateauModel
from stages.generators.protocol import GeneratorAbout, Step, check_request
from stages.networks.lstm_language_model import END, UNKNOWN, LstmLanguageModel, draw_likeliest
from stages.networks.size import count_parameters
from stages.training.likelihood import log_likelihood, mask_of, train_epoch
from stages.training.plateau import FALL, FALLS

BATCH = 500  # texts written at a time
READ = 250  # texts read at a time, of like length, where nothing is learnt
# Characters of a text at most, for each word of `max_length`: three times what words of English
# comments and the spaces behind them have. Of 57,466 comments cropped at 32 words 5 had more.
PER_WORD = 16
MOST_LOGITS = 2**23  # computed at a time where probabilities are asked for
SPACE = " "  # between two words
LINE_END = "\n"  # stands for the end of a text, which has no line feed


class CharacterLstmSettings(NetworkSettings):
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


def _check_characters(characters: list[str]) -> list[str]:
    if characters[:2] != ["", UNKNOWN_NAME]:
        raise ValueError(f"expected an empty text and {UNKNOWN_NAME} before all characters")
    if any(len(each) != 1 or (each != SPACE and each.isspace()) for each in characters[2:]):
        raise ValueError("expected single characters, none of them white space but a space")
    if SPACE not in characters or len({*characters}) < len(characters):
        raise ValueError("expected distinct characters, a space among them")
    return characters


class _About(GeneratorAbout):
    settings: CharacterLstmSettings
    max_length: Size
    max_characters: Size
    characters: Annotated[
        list[str], Field(min_length=4, max_length=2**21), AfterValidator(_check_characters)
    ]


class Spelt(NamedTuple):
    """Texts as ids of characters.

    Attributes:
        tokens: (N, T), int64, on the CPU; END after a text's last character.
        lengths: (N,), int64: characters of each text that count, its end among them, or the space
            after its last word where it was cropped there.
    """

    tokens: Tensor
    lengths: Tensor


class CharacterLstm(PlateauModel):
    """P(text) as the product of P(character | characters before it), the end among them.

    A text never begins with a space, has no two in a row, and does not end in one.

    Args:
        characters: characters[0] is "", the end; characters[1] stands for those that are unknown;
            the others by falling frequency, a space among them.
        settings: of the network and its training.
        max_length: words at which texts are cropped.
        max_characters: C, at which they are cropped too.
        device: where the network lives.
    """

    Settings: ClassVar = CharacterLstmSettings
    conditional: ClassVar = False
    tempered: ClassVar = True
    prefixed: ClassVar = True
    likelihood: ClassVar = "exact"
    chooses: ClassVar = False
    stops_early: ClassVar = True
    latent: ClassVar = False
    fingerprint: str | None = None

    def __init__(
        self,
        characters: Sequence[str],
        settings: CharacterLstmSettings,
        max_length: int,
        max_characters: int,
        device: str,
    ) -> None:
        self.characters = list(characters)
        self.ids = {each: number for number, each in enumerate(characters) if number > UNKNOWN}
        self.space = self.ids[SPACE]
        self.max_length = max_length
        self.max_characters = max_characters
        super().__init__(make_network(characters, settings).to(device), settings)

    @classmethod
    def build(
        cls, corpus: Corpus, settings: CharacterLstmSettings, *, seed: int, device: str
    ) -> Self:
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
                "from; lower character_lstm.rarest, or give more texts"
            )
        kept[SPACE] = spaces
        ranked = sorted(kept, key=kept.__getitem__, reverse=True)  # equal ones as they came
        longest = min(max(map(len, lines)), PER_WORD * corpus.max_length)
        characters = ["", UNKNOWN_NAME, *ranked]
        model = cls(characters, settings, corpus.max_length, longest, device)
        model.fingerprint = corpus.fingerprint
        return model

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Learn by likelihood; losses and validations are in nats a word, its characters' sum."""
        learnt, held_out = (self.number(corpus, part) for part in (corpus.train, corpus.validation))
        most, per_word = self._most(corpus), self._characters_a_word(learnt)
        per_epoch = self.count_steps(corpus) // most
        while self.epoch < most and not self.plateau.is_over:
            first = self.epoch * per_epoch
            losses = train_epoch(
                self.network,
                learnt.tokens,
                self.optimizer,
                batch_size=self.settings.batch_size,
                learning_rate=self.settings.learning_rate * self._share(most),
                first=first,
                lengths=learnt.lengths,
            )
            epoch = self.epoch + 1
            for step, loss in enumerate(losses, start=first + 1):
                if step < first + per_epoch:
                    yield Step(step, epoch, {"loss": loss * per_word})
            self.epoch, validation = epoch, None
            if len(corpus.validation):
                bits = self.bits(held_out)
                self.plateau.offer(bits)
                validation = bits * math.log(2) * self._characters_a_word(held_out)
            yield Step(step, epoch, {"loss": loss * per_word}, validation, ends_epoch=True)

    def _share(self, most: int) -> float:
        """Return the share of the learning rate for the next of `most` passes.

        Where no plateau has come before the last passes it falls in these as it would after one: at
        its full height ends come too often or too seldom, by chance.
        """
        falling = min(FALLS, most // 4)
        return min(self.plateau.share, FALL ** max(0, falling + 1 - (most - self.epoch)))

    def number(self, corpus: Corpus, split: Split) -> Spelt:
        """Turn a split's texts, cropped, into ids; characters it does not know become UNKNOWN."""
        return self._spell(write_lines(corpus, split, self.max_length))

    def _spell(self, lines: Sequence[str]) -> Spelt:
        """Turn lines, what follows the last word among them, into ids, cropped at C characters."""
        offsets = np.cumsum([0, *map(len, lines)])
        codes = np.frombuffer("".join(lines).encode("utf-32-le", "surrogatepass"), "<u4")
        numbers = np.full(sys.maxunicode + 1, UNKNOWN, np.int32)  # of each code point
        numbers[[ord(character) for character in self.ids]] = [*self.ids.values()]
        numbers[ord(LINE_END)] = END
        ids = Split(numbers[codes], offsets, np.zeros(len(lines), np.int8))
        lengths = np.minimum(ids.lengths, self.max_characters)
        padded = ids.padded(int(lengths.max(initial=0)))
        return Spelt(torch.from_numpy(padded), torch.from_numpy(lengths))

    def _characters_a_word(self, texts: Spelt) -> float:
        """Return how many characters count for each word or end of the texts."""
        counted = texts.tokens[mask_of(*texts)]
        words = (counted == self.space).sum() + 2 * (counted == END).sum()  # the last, and the end
        return len(counted) / max(words.item(), 1)

    def bits(self, texts: Spelt) -> float:
        """Return the bits a character of texts, ends counted, by what it has learnt; 0 or more."""
        self.network.eval()
        nats = 0.0
        for rows in texts.lengths.argsort(stable=True).split(READ):
            lengths = texts.lengths[rows]
            tokens = texts.tokens[rows, : int(lengths.max())]
            nats -= log_likelihood(self.network, tokens, lengths=lengths).sum().item()
        return nats / texts.lengths.sum().item() / math.log(2)

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
        for character in prefix:
            if character not in self.ids:
                raise UserError(
                    f"prefix: the character LSTM has not learnt the character {character!r}"
                )
        random = torch.Generator().manual_seed(seed)
        for first in range(0, count, BATCH):
            size = min(BATCH, count - first)
            tokens = self._sample(size, prefix, random, temperature=temperature, top_p=top_p)
            yield self.write(tokens)

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
        *,
        temperature: float,
        top_p: float,
    ) -> Tensor:
        """Draw texts as ids (B, C), int64, END after the last character."""
        network = self.network.eval()
        beginning = [self.ids[character] for character in prefix]
        before = torch.tensor([END, *beginning], device=network.device).repeat(count, 1)
        tokens = torch.full((count, self.max_characters), END, device=network.device)
        tokens[:, : len(beginning)] = before[:, 1:]
        symbol, state = before[:, -1], None  # (B,)
        if beginning:
            _, state = network.read(before[:, :-1])
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
                state = [(hidden[:, goes_on], cell[:, goes_on]) for hidden, cell in state]
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

    def log_likelihood(self, texts: Sequence[str]) -> np.ndarray:
        """Return log P of each text (N,), in nats; -inf without words, or of unknown characters.

        Words need not be known. Of a text that is cropped, at words or characters, P is that of all
        texts that begin so.
        """
        cropped = [self._crop(text) for text in texts]
        known = [bool(text) and self.ids.keys() >= {*text} for text in cropped]
        lines = [
            f"{text}{LINE_END}" for text, is_known in zip(cropped, known, strict=True) if is_known
        ]
        values = np.full(len(texts), -np.inf)
        size = max(1, MOST_LOGITS // (self.max_characters * len(self.characters)))
        parts = [self._log_likelihood(lines[at : at + size]) for at in range(0, len(lines), size)]
        values[known] = np.concatenate([[], *parts])
        return values

    @torch.no_grad()
    def _log_likelihood(self, lines: Sequence[str]) -> np.ndarray:
        """Return log P (N,) of lines of known characters, each with its end, as they are drawn."""
        network, texts = self.network.eval(), self._spell(lines)
        tokens, mask = texts.tokens.to(network.device), mask_of(*texts).to(network.device)
        before = pad(tokens[:, :-1], (1, 0), value=END)
        logits = network.softmax.log_probabilities(network.read(before)[0][mask])  # (M, V)
        self._exclude(logits, before[mask])
        logs = logits.log_softmax(1)
        drawn = tokens[mask]
        chosen = logs.gather(1, drawn.unsqueeze(1)).squeeze(1)
        # A text that a space would crop is written by that space as well as by its end.
        words = [len(line.split()) for line in lines]
        is_full = torch.tensor(words, device=network.device) == self.max_length
        is_full |= texts.lengths.to(network.device) == self.max_characters
        either = (drawn == END) & is_full.unsqueeze(1).expand(mask.shape)[mask]
        chosen = torch.where(either, logs[:, [END, self.space]].logsumexp(1), chosen)
        values = torch.zeros(mask.shape, dtype=torch.float64)
        values[mask.cpu()] = chosen.cpu().double()
        return values.sum(1).numpy()

    def describe(self) -> dict[str, float]:
        """Count the characters that it writes and the weights; say the bits a character.

        These are of validation texts, after the pass that was kept, known until it is saved.
        """
        size = {"characters": len(self.ids), "parameters": count_parameters(self.network)}
        is_validated = math.isfinite(self.plateau.lowest)
        return size | ({"bits_a_character": self.plateau.lowest} if is_validated else {})

    def save(self, folder: Path) -> None:
        """Write the model, its characters included; see `protocol.Generator`."""
        about = {
            "settings": self.settings.model_dump(),
            "corpus": self.fingerprint,
            "max_length": self.max_length,
            "max_characters": self.max_characters,
            "characters": self.characters,
        }
        save_folder(folder, "character_lstm", about, self.network.state_dict())

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Read what `save` wrote, in evaluation mode."""
        about = load_about(folder, _About)
        characters, settings = about.characters, about.settings
        weights = load_network(
            folder, lambda: make_network(characters, settings), settings.num_layers
        )
        model = cls(characters, settings, about.max_length, about.max_characters, device)
        model.fingerprint = about.corpus
        model.network.load_state_dict(weights)
        model.network.eval()
        return model


def make_network(characters: Sequence[str], settings: CharacterLstmSettings) -> LstmLanguageModel:
    """Make the network for characters, the end and the unknown one among them."""
    shape = settings.width, settings.hidden_size, settings.num_layers
    network = LstmLanguageModel(len(characters), *shape, settings.dropout)
    # Where all of a batch lacks the vector of an e it is hard to read: after nine passes over the
    # sample 1.62 bits a character without this dropout, 1.71 with it (one seed).
    network.word_dropout = 0.0
    return network


def write_lines(corpus: Corpus, split: Split, max_length: int) -> list[str]:
    """Write a split's texts, cropped, each with what follows its last word: a space, or its end."""
    texts = corpus.texts(split, max_length)
    goes_on = (split.lengths > max_length).tolist()
    return [text + (SPACE if more else LINE_END) for text, more in zip(texts, goes_on, strict=True)]
