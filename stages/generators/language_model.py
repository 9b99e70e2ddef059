"""The language model: an LSTM that learns the likelihood of the training texts."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import AfterValidator

from stages.corpus.corpus import UNKNOWN
from stages.generators.word_model import (
    LikelihoodModel,
    WordModelAbout,
    WordModelSettings,
    check_fitted,
)
from stages.networks.lstm_language_model import LstmLanguageModel


class LanguageModelSettings(WordModelSettings):
    """The shape of the network, and its training; see `WordModelSettings`."""


LearntSettings = Annotated[LanguageModelSettings, AfterValidator(check_fitted)]


class _About(WordModelAbout):
    settings: LearntSettings


class LanguageModel(LikelihoodModel):
    """P(text) as the product of P(word | words before it), the end of the text among the words.

    What it is made of says `WordModel`.
    """

    Settings: ClassVar = LanguageModelSettings
    Learnt: ClassVar = LearntSettings
    About: ClassVar = _About

    @staticmethod
    def make_network(
        words: Sequence[str], settings: LanguageModelSettings, max_length: int
    ) -> LstmLanguageModel:
        """Make the network for words, the end and the unknown one among them."""
        shape = settings.width, settings.hidden_size, settings.num_layers
        return LstmLanguageModel(len(words), *shape, settings.dropout, UNKNOWN in words)
