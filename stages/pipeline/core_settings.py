"""The sections of params.yaml that belong to stages; each embedding and generator types its own."""

from typing import Annotated, Literal

from pydantic import Field

from stages.corpus.settings import (
    Count,
    Distinct,
    Part,
    Rate,
    Rising,
    Section,
    Size,
    Temperature,
    Text,
)

EMBEDDINGS = ("scalar", "word2vec", "bert")
RECIPES = ("modern", "paper")  # recipe `name` is the generator `name_gan`

Texts = Annotated[int, Field(ge=10)]  # fewer tell nothing
Resamples = Annotated[int, Field(ge=2)]  # an interval takes two


class Fetch(Section):
    """Where the raw tables come from."""

    source: Text = Field(description="sample, mendeley, or a folder of *_parsed_dataset.csv files")


class Prepare(Section):
    """Which texts are kept, and how they are split."""

    min_words: Count
    max_words: Count
    test_share: Part
    validation_share: Part


class Gan(Section, extra="ignore"):
    """What is the same for the GANs of all embeddings; the other keys are its recipe's."""

    recipe: Literal[RECIPES]
    max_length: Size


class Sample(Section):
    """How texts are drawn from each generator."""

    count: Texts
    temperature: Temperature
    top_p: Rate
    candidates: Count
    label: Literal[0, 1, "as_real"] | None


class Sweep(Section):
    """The temperatures at which generators are compared."""

    count: Texts
    temperatures: Rising[Temperature]
    resamples: Resamples


class CrossEvaluate(Section):
    """How judges are made comparable."""

    real_share: Part


class Measure(Section):
    """How much of each source is measured."""

    count: Texts
    resamples: Resamples


class Core(Section, extra="ignore"):
    """The whole file, without the sections that embeddings and generators type."""

    seed: Annotated[int, Field(ge=0, le=2**32 - 1)]  # what NumPy takes
    device: Literal["auto", "cpu", "cuda"]
    threads: Annotated[int, Field(ge=1, le=64)]
    checkpoint_minutes: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    embeddings: Annotated[Distinct[Literal[EMBEDDINGS]], Field(min_length=1)]
    generators: Distinct[str] = Field(
        description="a list of modules in stages/generators beside markov and language_model, "
        "each once"
    )
    per_label: bool
    fetch: Fetch
    prepare: Prepare
    gan: Gan
    sample: Sample
    sweep: Sweep
    cross_evaluate: CrossEvaluate
    measure: Measure
