"""A character LSTM: learns characters, and by them to write words, sentences, whole reviews.

Source: A. Graves, "Generating Sequences With Recurrent Neural Networks", 2013, arXiv:1308.0850;
I. Sutskever et al., "Generating Text with Recurrent Neural Networks", ICML 2011; A. Karpathy,
char-rnn, 2015, https://github.com/karpathy/char-rnn. They read a corpus as one long text, in pieces
at whose borders the gradient ends, and never write an end. We read each text for itself and whole,
in batches of texts of like length, and the end of a text is a symbol that is learnt. The network is
that of the language model, with characters in the place of words.
"""

import math
from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np

from stages.corpus.corpus import Corpus
from stages.generators.protocol import Step
from stages.generators.spelling import Spelt
from stages.generators.spelling_model import (
    MOST_LOGITS,
    SpellingAbout,
    SpellingModel,
    SpellingSettings,
)
from stages.networks.lstm_language_model import LstmLanguageModel
from stages.networks.size import count_parameters
from stages.training.likelihood import log_likelihood, train_epoch
from stages.training.plateau import FALL, FALLS

READ = 250  # texts read at a time, of like length, where nothing is learnt


class _About(SpellingAbout):
    settings: SpellingSettings


class CharacterLstm(SpellingModel):
    """P(text) as the product of P(character | characters before it), the end among them.

    What it is made of says `SpellingModel`.
    """

    Settings: ClassVar = SpellingSettings
    About: ClassVar = _About
    likelihood: ClassVar = "exact"
    latent: ClassVar = False

    bits_a_word: float  # nats a word of validation texts are so many times their bits a character

    @staticmethod
    def make_network(
        characters: Sequence[str], settings: SpellingSettings, max_characters: int
    ) -> LstmLanguageModel:
        """Make the network for characters, the end and the unknown one among them."""
        shape = settings.width, settings.hidden_size, settings.num_layers
        network = LstmLanguageModel(len(characters), *shape, settings.dropout)
        # Where all of a batch lacks the vector of an e it is hard to read: after nine passes over
        # the sample 1.62 bits a character without this dropout, 1.71 with it (one seed).
        network.word_dropout = 0.0
        return network

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Learn by likelihood; losses and validations are in nats a word, its characters' sum."""
        learnt, held_out = (self.number(corpus, part) for part in (corpus.train, corpus.validation))
        most, per_word = self._most(corpus), self._characters_a_word(learnt)
        self.bits_a_word = math.log(2) * self._characters_a_word(held_out)

        def learn(first: int, per_epoch: int) -> Iterator[dict[str, float]]:
            losses = train_epoch(
                self.network,
                learnt.tokens,
                self.optimizer,
                batch_size=self.settings.batch_size,
                learning_rate=self.settings.learning_rate * self._share(most),
                first=first,
                lengths=learnt.lengths,
            )
            return ({"loss": loss * per_word} for loss in losses)

        def validate() -> float:
            return self.bits(held_out) * self.bits_a_word

        yield from self._make_passes(corpus, learn, validate)

    def _share(self, most: int) -> float:
        """Return the share of the learning rate for the next of `most` passes.

        Where no plateau has come before the last passes it falls in these as it would after one: at
        its full height ends come too often or too seldom, by chance.
        """
        falling = min(FALLS, most // 4)
        return min(self.plateau.share, FALL ** max(0, falling + 1 - (most - self.epoch)))

    def bits(self, texts: Spelt) -> float:
        """Return the bits a character of texts, ends counted, by what it has learnt; 0 or more."""
        self.network.eval()
        nats = 0.0
        for rows in texts.lengths.argsort(stable=True).split(READ):
            lengths = texts.lengths[rows]
            tokens = texts.tokens[rows, : int(lengths.max())]
            nats -= log_likelihood(self.network, tokens, lengths=lengths).sum().item()
        return nats / texts.lengths.sum().item() / math.log(2)

    def log_likelihood(self, texts: Sequence[str]) -> np.ndarray:
        """Return log P of each text (N,), in nats; -inf without words, or of unknown characters.

        Words need not be known. Of a text that is cropped, at words or characters, P is that of all
        texts that begin so.
        """
        self.network.eval()
        known, lines = self._spell_known(texts)
        values = np.full(len(texts), -np.inf)
        size = max(1, MOST_LOGITS // (self.max_characters * len(self.characters)))
        parts = [
            self._log_likelihood(self._spell(lines[at : at + size]).tokens).numpy()
            for at in range(0, len(lines), size)
        ]
        values[known] = np.concatenate([[], *parts])
        return values

    def describe(self) -> dict[str, float]:
        """Count the characters that it writes and the weights; say the bits a character.

        These are of validation texts, after the pass that was kept, known until it is saved.
        """
        size = {"characters": len(self.ids), "parameters": count_parameters(self.network)}
        is_validated = math.isfinite(self.plateau.lowest)
        if not is_validated:
            return size
        return size | {"bits_a_character": self.plateau.lowest / self.bits_a_word}
