"""The transformer: a small GPT-2 that learns the likelihood of the training texts.

Source: A. Radford et al., "Language Models are Unsupervised Multitask Learners", 2019.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import AfterValidator, model_validator

from stages.corpus.corpus import UNKNOWN
from stages.corpus.settings import Count
from stages.generators.word_model import (
    LikelihoodModel,
    WordModelAbout,
    WordModelSettings,
    check_fitted,
)

if TYPE_CHECKING:
    from stages.networks.transformer_language_model import TransformerLanguageModel


class TransformerSettings(WordModelSettings):
    """The shape of the network, and its training.

    Attributes:
        num_heads: of attention, a layer.
    """

    num_heads: Count

    @model_validator(mode="after")
    def _check_heads(self) -> Self:
        if self.width % self.num_heads:
            raise ValueError(
                f"num_heads is {self.num_heads}; allowed: a divisor of width, which is {self.width}"
            )
        return self


class _About(WordModelAbout):
    settings: Annotated[TransformerSettings, AfterValidator(check_fitted)]


class Transformer(LikelihoodModel):
    """P(text) as the product of P(word | words before it), the end of the text among the words.

    What it is made of says `WordModel`.
    """

    Settings: ClassVar = TransformerSettings
    About: ClassVar = _About

    @staticmethod
    def make_network(
        words: Sequence[str], settings: TransformerSettings, max_length: int
    ) -> "TransformerLanguageModel":
        """Make the network for words, the end and the unknown one among them."""
        # Here, so that stages that only look at the settings load no transformers.
        from stages.networks.transformer_language_model import TransformerLanguageModel

        return TransformerLanguageModel(
            len(words),
            settings.width,
            settings.hidden_size,
            settings.num_layers,
            settings.num_heads,
            settings.dropout,
            max_length,
            UNKNOWN in words,
        )
