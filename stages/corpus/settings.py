"""What typed settings are made of: the class of a section of params.yaml, and kinds of values.

A value's kind says by itself what is allowed, and a user's mistake is told in these words. Where a
kind says too little, `Field(description="...")` on the field puts words in its place.
"""

from itertools import pairwise
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

_T = TypeVar("_T")


class Section(BaseModel):
    """A section of params.yaml: no unknown keys, no value of another type, no NaN, no infinity.

    Where several values must fit together, a `model_validator` may raise a ValueError such as
    "low is 3; allowed: at most high, which is 2"; the section's name is put before it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @field_validator("*", mode="wrap")
    @classmethod
    def _keep_type(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        # A Literal compares by ==, so that true and 1.0 would pass for 1.
        result = handler(value)
        if type(result) is int and type(value) is not int:
            raise ValueError("not a whole number")
        return result


def _each_once(values: list[_T]) -> list[_T]:
    if any(value in values[:place] for place, value in enumerate(values)):
        raise ValueError("each once")
    return values


def _rising(values: list[_T]) -> list[_T]:
    if any(before >= after for before, after in pairwise(values)):
        raise ValueError("rising")
    return values


Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]  # what NumPy takes
Count = Annotated[int, Field(ge=1)]
CountOrZero = Annotated[int, Field(ge=0)]  # 0 leaves the thing out
Size = Annotated[int, Field(ge=1, le=10**6)]  # beyond it PyTorch cannot even count the weights
Share = Annotated[float, Field(ge=0, lt=1)]  # may be nothing, never all: dropout
Part = Annotated[float, Field(gt=0, lt=1)]  # neither nothing nor all: a split of the texts
UnitInterval = Annotated[float, Field(ge=0, le=1)]  # both ends allowed: a discount
Rate = Annotated[float, Field(gt=0, le=1)]  # a learning rate, top_p
Weight = Annotated[float, Field(ge=0)]  # of one term beside another
Temperature = Annotated[float, Field(ge=0.01, le=100)]  # below it logits overflow
Text = Annotated[str, Field(pattern=r"\S")]  # not blank; say in a description what it stands for
Bert = Annotated[
    Text, Field(description="MiniLM, a folder, or the name of a BERT on the Hugging Face hub")
]
# Distinct[Literal["a", "b"]]: a list of any of them, each once; may be empty.
Distinct = Annotated[
    list[_T], AfterValidator(_each_once), Field(json_schema_extra={"uniqueItems": True})
]
# Rising[Temperature]: a list of one or more, each above the one before.
Rising = Annotated[
    list[_T],
    Field(min_length=1),
    AfterValidator(_rising),
    Field(json_schema_extra={"rising": True}),
]


class NetworkSettings(Section):
    """An LSTM and its training."""

    hidden_size: Size  # of the LSTM layers
    num_layers: Count
    dropout: Share
    batch_size: Count  # texts a step
    learning_rate: Rate  # of Adam
    epochs: Count  # passes over the training split


class BertSettings(Section):
    """A pretrained BERT that goes on learning.

    Attributes:
        model: MiniLM, which comes with the requirements, a folder, or a name on the hub.
        num_layers: of the BERT that are kept, the lowest ones.
        trained_layers: of these that learn, the highest ones.
    """

    model: Bert
    num_layers: Count
    trained_layers: CountOrZero

    @model_validator(mode="after")
    def _check_layers(self) -> Self:
        if self.trained_layers > self.num_layers:
            raise ValueError(
                f"trained_layers is {self.trained_layers}; allowed: at most num_layers, which is "
                f"{self.num_layers}"
            )
        return self
