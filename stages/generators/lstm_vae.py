"""A variational autoencoder of texts: an LSTM reads a text into a code, another writes from codes.

Source: S. R. Bowman et al., "Generating Sentences from a Continuous Space", CoNLL 2016,
arXiv:1511.06349; its sizes after texar's example vae_text (Z. Hu et al., "Texar: A Modularized,
Versatile, and Extensible Toolkit for Text Generation", ACL 2019, arXiv:1809.00794). We differ in
the vectors and the softmax, which are the language model's, and in when training ends: where the
bound of the validation texts no longer rises.

Its numbers: the likelihood is known by bounds only. `elbo` and the tighter `importance_bound` are
below log P, so a perplexity made of either is above the model's own and no language model's.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import AfterValidator
from torch import Tensor

from stages.corpus.corpus import UNKNOWN, Corpus
from stages.corpus.settings import CountOrZero, Share, Size, Weight
from stages.generators.protocol import Step
from stages.generators.word_model import (
    BATCH,
    WordModel,
    WordModelAbout,
    WordModelSettings,
    check_fitted,
)
from stages.networks.lstm_language_model import written
from stages.networks.lstm_sentence_vae import LstmSentenceVae
from stages.networks.size import count_parameters
from stages.training.variational import anneal, draw_noise, read, summarise, thin, train_epoch

DRAWS = 50  # codes a text, of the importance-weighted bound


class LstmVaeSettings(WordModelSettings):
    """The shape of both LSTMs, and their training.

    Attributes:
        code_size: Z, numbers of a code.
        word_dropout: share of the words before that the decoder does not read in training.
        kl_weight: of KL beside the reconstruction; 1 learns by the ELBO, 0 an autoencoder. Below 1
            (I. Higgins et al., "beta-VAE", ICLR 2017) codes say more of their texts.
        annealing: passes in which that weight rises, from a tenth of it.
    """

    code_size: Size
    word_dropout: Share
    kl_weight: Weight
    annealing: CountOrZero


class _About(WordModelAbout):
    settings: Annotated[LstmVaeSettings, AfterValidator(check_fitted)]


class LstmVae(WordModel):
    """P(text) as the mean of P(text | code) over codes of Z numbers from N(0, 1).

    What it is made of besides says `WordModel`.
    """

    Settings: ClassVar = LstmVaeSettings
    About: ClassVar = _About
    likelihood: ClassVar = "bound"
    latent: ClassVar = True

    held_out: Tensor | None = None  # the validation texts, once it has trained

    @staticmethod
    def make_network(
        words: Sequence[str], settings: LstmVaeSettings, max_length: int
    ) -> LstmSentenceVae:
        """Make the network for words, the end and the unknown one among them."""
        return LstmSentenceVae(
            len(words),
            settings.width,
            settings.hidden_size,
            settings.num_layers,
            settings.dropout,
            UNKNOWN in words,
            code_size=settings.code_size,
            word_dropout=settings.word_dropout,
        )

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Learn from whole texts; an epoch's validation is in nats a word, as its losses are."""
        self.held_out = self.number(corpus, corpus.validation)
        yield from super().train(corpus)

    def _learn(self, tokens: Tensor, first: int, per_epoch: int) -> Iterator[dict[str, float]]:
        settings, rising = self.settings, self.settings.annealing * per_epoch
        return train_epoch(
            self.network,
            tokens,
            self.optimizer,
            batch_size=settings.batch_size,
            learning_rate=settings.learning_rate * self.plateau.share,
            first=first,
            kl_weight=lambda step: settings.kl_weight * anneal(step, rising),
        )

    def _validate(self, tokens: Tensor) -> float:
        """Return the ELBO's bound of -log P a word, whatever weight KL has in learning."""
        found = read(self.network, tokens, self._noise(1, len(tokens)))
        return float(-found.elbo.sum() / written(tokens).sum())

    def _is_settled(self) -> bool:
        return self.epoch >= self.settings.annealing

    def _noise(self, draws: int, texts: int) -> Tensor:
        return draw_noise(draws, texts, self.settings.code_size)

    def _draw(self, count: int, random: torch.Generator, **options: Any) -> Tensor:
        codes = torch.randn((count, self.settings.code_size), generator=random)
        return self.network.sample(codes, self.max_length, random, **options)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return the code of each text; see `protocol.Generator`."""
        for text in texts:
            self.check_words(text, f"text {text!r}")
        tokens = self.tokenize(texts)
        codes = read(self.network.eval(), tokens, self._noise(0, len(texts))).mean
        return codes.astype(np.float32)

    def decode(
        self, codes: np.ndarray, seed: int, *, temperature: float = 1.0, top_p: float = 1.0
    ) -> Iterator[list[str]]:
        """Yield a text of each code; see `protocol.Generator`."""
        random = torch.Generator().manual_seed(seed)
        draw = partial(self.network.sample, temperature=temperature, top_p=top_p)
        for part in torch.from_numpy(np.ascontiguousarray(codes, np.float32)).split(BATCH):
            yield self.write(draw(part, self.max_length, random))

    def log_likelihood(self, texts: Sequence[str]) -> np.ndarray:
        """Return a lower bound of log P of each text (N,), in nats, by importance weights.

        All texts have the same noise, so that a text's bound depends on no other's. -inf without
        words, or where one is unknown.
        """
        known = np.array([*map(self.knows, texts)], dtype=bool)
        values = np.full(len(texts), -np.inf)
        if known.any():
            tokens = self.tokenize(
                [text for text, is_known in zip(texts, known, strict=True) if is_known]
            )
            found = read(self.network.eval(), tokens, self._noise(DRAWS, 1), as_drawn=True)
            values[known] = found.importance_bound
        return values

    def describe(self) -> dict[str, float]:
        """Count words and weights, and say what it makes of some validation texts.

        The latter in nats a text where it has just trained; see `variational.summarise`.
        """
        values: dict[str, float] = {
            "words": len(self.ids) - 1,
            "parameters": count_parameters(self.network),
            "dropout": self.settings.dropout,
        }
        if self.held_out is None or not len(self.held_out):
            return values
        texts = thin(self.held_out)
        noise = self._noise(DRAWS, len(texts))
        found = read(self.network.eval(), texts, noise)
        return values | summarise(found, noise[0].numpy())
