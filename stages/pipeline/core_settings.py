"""The sections of params.yaml that belong to stages; each embedding and generator types its own."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stages.corpus.settings import (
    Bert,
    BertSettings,
    Count,
    Distinct,
    Part,
    Rate,
    Rising,
    Section,
    Seed,
    Size,
    Temperature,
    Text,
)

EMBEDDINGS = ("scalar", "word2vec", "bert")
DEVICES = ("auto", "cpu", "cuda")
DETECTORS = ("ngrams", "vectors", "fine_tuned_bert")  # none has a GAN's name
DOCUMENT_MODELS = ("tfidf", "lsa", "autoencoder", "adversarial", "word2vec", "minilm")
RECIPES = ("modern", "paper")  # recipe `name` is the generator `name_gan`

# What stands in the cell of a YAML mapping's key, or after `label:`.
Label = Annotated[int | float | bool | str, Field(union_mode="left_to_right")]
Column = Annotated[int, Field(ge=1)] | Text
COLUMN = "the name of the column, or in a file without a header its number, of"
Texts = Annotated[int, Field(ge=10)]  # fewer tell nothing
Fakes = Annotated[int, Field(ge=20)]  # a tenth of them calibrates
Strength = Annotated[float, Field(gt=0, le=10**6)]  # scikit-learn's C
Resamples = Annotated[int, Field(ge=2)]  # an interval takes two


class Fetch(Section):
    """Where texts come from, and how they are read."""

    source: Text = Field(description="sample, mendeley, oracle, or the path of a file or folder")
    text: Column = Field(description=f"{COLUMN} texts")
    label: Column | None = Field(description=f"{COLUMN} labels, or null")
    encoding: Text | None = Field(description="null, or a name such as utf-8 or cp1252")
    unit: Literal["line", "block", "file"]

    @model_validator(mode="after")
    def _number_both(self) -> Self:
        if self.label is not None and isinstance(self.text, int) != isinstance(self.label, int):
            kind = "number" if isinstance(self.text, int) else "name"
            raise ValueError(
                f"label is {self.label!r}; allowed: a {kind}, as text is ({self.text!r}), or null"
            )
        return self


class Oracle(Section):
    """The LSTM that writes the texts of fetch.source oracle."""

    weights: Text | None = Field(description="null, or the path of an .npz")
    vocabulary: Annotated[int, Field(ge=2, le=10**6)]
    width: Size
    hidden_size: Size
    length: Size
    count: Texts


class Prepare(Section):
    """Which texts are kept, and how they are split."""

    min_words: Count
    max_words: Count
    vocabulary: Count | None
    labels: Annotated[dict[Label, Literal[0, 1]], Field(min_length=1)] | None = Field(
        description="null, or a mapping of labels to 0 or 1, such as {ham: 0, spam: 1}"
    )
    train_on: Literal["train", "all"]
    test_share: Part
    validation_share: Part


class Gan(Section, extra="ignore"):
    """What is the same for the GANs of all embeddings; the other keys are its recipe's."""

    recipe: Literal[RECIPES]
    max_length: Size


class Sample(Section):
    """How texts are drawn from each generator."""

    count: Texts
    fakes: Fakes
    temperature: Temperature | Literal["validated"] = Field(
        description="a number from 0.01 to 100, or validated"
    )
    top_p: Rate
    candidates: Count
    label: int | Text | None = Field(
        description="the name of a label, such as 1, or as_real, or null"
    )


class Sweep(Section):
    """The temperatures at which generators are compared."""

    count: Texts
    temperatures: Rising[Temperature]
    resamples: Resamples


class CrossEvaluate(Section):
    """How judges are made comparable."""

    real_share: Part


class NgramDetector(Section):
    """A detector of generated text by the runs of words and of characters that are in it."""

    strength: Strength


class VectorDetector(Section):
    """A detector of generated text by vectors of a BERT's lower layers."""

    strength: Strength
    model: Bert
    num_layers: Size


class BertDetector(BertSettings):
    """A detector of generated text by a BERT that is fine-tuned; see `judges.bert_scorer`."""

    max_pieces: Size
    texts: Fakes | None
    epochs: Count
    batch_size: Count
    learning_rate: Rate
    not_met: bool


class Detectors(Section):
    """What detectors of generated text learn from, and how."""

    fakes: Annotated[Distinct[Text], Field(min_length=1)] | None = Field(
        description="null, or a list of generators of this run, each once"
    )
    ngrams: NgramDetector
    vectors: VectorDetector
    fine_tuned_bert: BertDetector


class BlindTest(Section):
    """Whose texts people are asked about, and how many of each."""

    count: Count
    generators: Annotated[Distinct[Text], Field(min_length=1)] | None = Field(
        description="null, or a list of generators of this run, each once"
    )


class Measure(Section):
    """How much of each source is measured, and by which model's sentence vectors."""

    count: Texts
    resamples: Resamples
    model: Bert


class Report(Section):
    """What the page of a run shows."""

    count: Annotated[int, Field(ge=1, le=2000)]  # a page of more is too large to open


class Documents(Section, extra="ignore"):
    """What encoders of documents are compared by; the other keys are each encoder's section."""

    queries: Texts
    candidates: Texts
    mapped: Texts


class Core(Section, extra="ignore"):
    """The whole file, without the sections that embeddings and generators type."""

    seed: Seed
    device: Literal[DEVICES]
    threads: Annotated[int, Field(ge=1, le=64)]
    checkpoint_minutes: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    embeddings: Annotated[Distinct[Literal[EMBEDDINGS]], Field(min_length=1)]
    generators: Distinct[str] = Field(
        description="a list of modules in stages/generators beside markov and language_model, "
        "each once"
    )
    detectors: Annotated[Distinct[Literal[DETECTORS]], Field(min_length=1)]
    document_models: Annotated[Distinct[Literal[DOCUMENT_MODELS]], Field(min_length=1)]
    per_label: bool
    fetch: Fetch
    oracle: Oracle
    prepare: Prepare
    gan: Gan
    sample: Sample
    sweep: Sweep
    cross_evaluate: CrossEvaluate
    detector: Detectors
    blind_test: BlindTest
    measure: Measure
    report: Report
    documents: Documents
