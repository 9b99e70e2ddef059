"""The transformer: a small GPT-2 that learns the training texts, or a pretrained one fine-tuned.

Source: A. Radford et al., "Language Models are Unsupervised Multitask Learners", 2019. The
pretrained kind is in pretrained_transformer.py.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from stages.corpus.corpus import UNKNOWN, Corpus
from stages.corpus.settings import Count, Rate, Size, Text
from stages.generators.word_model import (
    LikelihoodModel,
    WordModelAbout,
    WordModelSettings,
    check_fitted,
)

if TYPE_CHECKING:
    from stages.networks.transformer_language_model import TransformerLanguageModel

# What null stands for in the small GPT-2; a pretrained model has its own.
SHAPE = {"width": 128, "num_layers": 2, "num_heads": 4}
INNER = 4  # times the width is the hidden size, as in GPT-2
# What a learning rate of null stands for; the second is what transformers' Trainer begins with.
FROM_NOTHING, FINE_TUNING = 0.003, 0.00005


class TransformerSettings(WordModelSettings):
    """Which model, the shape of the small one, and its training.

    Attributes:
        model: of which pretrained model to go on; null is a small GPT-2 from nothing.
        width: of the small one, as are `hidden_size`, `num_layers` and `num_heads`: null for a
            pretrained model; else it takes `SHAPE` and `INNER`.
        num_heads: of attention, a layer.
        dropout: null fits it to the corpus, or keeps a pretrained model's own.
        learning_rate: null takes what suits the model.
    """

    model: Text | None = Field(
        description="null, a folder, or the name of a causal language model on the Hugging Face hub"
    )
    width: Size | None
    hidden_size: Size | None
    num_layers: Count | None
    num_heads: Count | None
    learning_rate: Rate | None

    @model_validator(mode="after")
    def _check_shape(self) -> Self:
        if self.model is not None:
            for key in ("width", "hidden_size", "num_layers", "num_heads"):
                if (value := getattr(self, key)) is not None:
                    raise ValueError(
                        f"{key} is {value}, which a pretrained model does not read; set it to "
                        f"null, or model, which is {self.model!r}"
                    )
            return self
        shape = self.fill()
        if shape["width"] % shape["num_heads"]:
            raise ValueError(
                f"num_heads is {shape['num_heads']}; allowed: a divisor of width, which is "
                f"{shape['width']}"
            )
        return self

    def fill(self) -> dict[str, Any]:
        """Return the settings with what null stands for, but in dropout and model."""
        values = self.model_dump()
        rate = {"learning_rate": FROM_NOTHING if self.model is None else FINE_TUNING}
        shape = SHAPE | {"hidden_size": INNER * (self.width or SHAPE["width"])}
        for key, value in (rate if self.model else rate | shape).items():
            values[key] = value if values[key] is None else values[key]
        return values


def _check_filled(settings: TransformerSettings) -> TransformerSettings:
    check_fitted(settings)
    if settings.model is not None:
        raise ValueError(f"expected a model of null, found {settings.model!r}")
    for key, value in settings:
        if value is None and key != "model":
            raise ValueError(f"expected the {key} of its network, found null")
    return settings


LearntSettings = Annotated[TransformerSettings, AfterValidator(_check_filled)]


class _About(WordModelAbout):
    settings: LearntSettings


class Transformer(LikelihoodModel):
    """P(text) as the product of P(word | words before it), the end of the text among the words.

    What it is made of says `WordModel`.
    """

    Settings: ClassVar = TransformerSettings
    Learnt: ClassVar = LearntSettings
    About: ClassVar = _About

    @classmethod
    def build(cls, corpus: Corpus, settings: TransformerSettings, *, seed: int, device: str) -> Any:
        """Make an untrained small GPT-2, or load the pretrained model that the settings name."""
        filled = settings.fill()
        if settings.model is None:
            filled = TransformerSettings(**filled)
            return super().build(corpus, filled, seed=seed, device=device)
        from stages.generators.pretrained_transformer import PretrainedTransformer

        kind = PretrainedTransformer.Settings
        read = kind(**{key: filled[key] for key in kind.model_fields})
        return PretrainedTransformer.build(corpus, read, seed=seed, device=device)

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
