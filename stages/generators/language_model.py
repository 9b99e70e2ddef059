"""The language model: an LSTM that learns the likelihood of the training texts."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import AfterValidator
from torch import Tensor

from stages.corpus.corpus import UNKNOWN
from stages.generators.word_model import (
    WordModel,
    WordModelAbout,
    WordModelSettings,
    check_fitted,
)
from stages.networks.lstm_language_model import LstmLanguageModel
from stages.networks.size import count_parameters
from stages.training.likelihood import log_likelihood, negative_log_likelihood, train_epoch


class LanguageModelSettings(WordModelSettings):
    """The shape of the network, and its training; see `WordModelSettings`."""


LearntSettings = Annotated[LanguageModelSettings, AfterValidator(check_fitted)]


class _About(WordModelAbout):
    settings: LearntSettings


class LanguageModel(WordModel):
    """P(text) as the product of P(word | words before it), the end of the text among the words.

    What it is made of says `WordModel`.
    """

    Settings: ClassVar = LanguageModelSettings
    About: ClassVar = _About
    likelihood: ClassVar = "exact"
    latent: ClassVar = False

    @staticmethod
    def make_network(words: Sequence[str], settings: LanguageModelSettings) -> LstmLanguageModel:
        """Make the network for words, the end and the unknown one among them."""
        shape = settings.width, settings.hidden_size, settings.num_layers
        return LstmLanguageModel(len(words), *shape, settings.dropout, UNKNOWN in words)

    def _learn(self, tokens: Tensor, first: int, per_epoch: int) -> Iterator[dict[str, float]]:
        losses = train_epoch(
            self.network,
            tokens,
            self.optimizer,
            batch_size=self.settings.batch_size,
            learning_rate=self.settings.learning_rate * self.plateau.share,
            first=first,
        )
        return ({"loss": loss} for loss in losses)

    def _validate(self, tokens: Tensor) -> float:
        return negative_log_likelihood(self.network, tokens)

    def _draw(self, count: int, random: torch.Generator, **options: Any) -> Tensor:
        return self.network.sample(count, self.max_length, random, **options)

    def log_likelihood(self, texts: Sequence[str]) -> np.ndarray:
        """Return log P of each text (N,), in nats; -inf without words, or where one is unknown."""
        known = [*map(self.knows, texts)]
        tokens = self.tokenize(
            ["", *(text if is_known else "" for text, is_known in zip(texts, known, strict=True))]
        )
        empty, *values = log_likelihood(self.network.eval(), tokens, as_drawn=True).numpy()
        # `generate` writes no empty text, so the probability of one goes to all others.
        return np.where(known, np.array(values) - np.log1p(-np.exp(empty)), -np.inf)

    def describe(self) -> dict[str, float]:
        """Count the words that it writes and the weights; say the dropout it learnt with."""
        return {
            "words": len(self.ids) - 1,
            "parameters": count_parameters(self.network),
            "dropout": self.settings.dropout,
        }
