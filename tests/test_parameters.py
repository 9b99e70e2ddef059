import math
import sys
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError, model_validator
from ruamel.yaml import YAML

from stages.corpus.errors import UserError
from stages.corpus.settings import (
    Count,
    Distinct,
    Part,
    Rate,
    Rising,
    Section,
    Share,
    Size,
    Temperature,
    Text,
    UnitInterval,
    Weight,
)
from stages.embeddings.bert import Settings as BertSettings
from stages.generators.markov import Markov
from stages.generators.modern_gan import ModernGan
from stages.generators.paper_gan import PaperGan
from stages.pipeline import whole_file
from stages.pipeline.core_settings import EMBEDDINGS, Core
from stages.pipeline.gan_settings import load_gan_settings
from stages.pipeline.mistakes import find_mistakes, say, say_allowed
from stages.pipeline.parameters import load_params, load_settings
from stages.pipeline.whole_file import check_parameters

ROOT = Path(__file__).parents[1]
PARAMS = YAML(typ="safe").load(Path(__file__).with_name("params.yaml"))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Run each test in a folder that holds nothing but the tests' params.yaml."""
    monkeypatch.chdir(tmp_path)
    write(PARAMS)
    return tmp_path


def write(values):
    with Path("params.yaml").open("wb") as file:
        YAML().dump(values, file)


def changed(path, value, values=PARAMS):
    """Return parameters with the value at a dotted path set."""
    values = deepcopy(values)
    *parents, last = path.split(".")
    section = values
    for key in parents:
        section = section[key]
    section[last] = value
    return values


def without(path):
    """Return parameters without the key at a dotted path."""
    values = deepcopy(PARAMS)
    *parents, last = path.split(".")
    section = values
    for key in parents:
        section = section[key]
    del section[last]
    return values


def mistake_in(values):
    """Return the only mistake in some parameters, without the name of the file."""
    (line,) = check_parameters(values)
    assert "\n" not in line
    return line.removeprefix("params.yaml: ")


# What is allowed, in words


class Kinds(Section):
    count: Count
    size: Size
    order: Annotated[int, Field(ge=1, le=10)]
    inner: Annotated[int, Field(gt=1, lt=10)]
    most: Annotated[int, Field(le=10)]
    free: int
    share: Share
    part: Part
    unit: UnitInterval
    rate: Rate
    weight: Weight
    temperature: Temperature
    choice: Literal["auto", "cpu", "cuda"]
    only: Literal["cpu"]
    label: Literal[0, 1, "as_real"] | None
    flag: bool
    maybe: Count | None
    either: Count | Literal["all"]
    text: Text
    any_text: str
    told: Text = Field(description="a folder")
    told_or_none: Annotated[Text, Field(description="a folder")] | None
    some: Annotated[Distinct[Literal["a", "b"]], Field(min_length=1)]
    any_of: Distinct[Literal["a", "b"]]
    maybe_any: Distinct[Literal["a", "b"]] | None
    sizes: Annotated[list[Size], Field(min_length=2)]
    rising: Rising[Temperature]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("count", "a whole number of at least 1"),
        ("size", "a whole number from 1 to 1000000"),
        ("order", "a whole number from 1 to 10"),
        ("inner", "a whole number from 2 to 9"),
        ("most", "a whole number of at most 10"),
        ("free", "a whole number"),
        ("share", "a number of at least 0 and below 1"),
        ("part", "a number above 0 and below 1"),
        ("unit", "a number from 0 to 1"),
        ("rate", "a number above 0 and at most 1"),
        ("weight", "a number of at least 0"),
        ("temperature", "a number from 0.01 to 100"),
        ("choice", "one of auto, cpu, cuda"),
        ("only", "cpu"),
        ("label", "one of 0, 1, as_real, or null"),
        ("flag", "true or false"),
        ("maybe", "a whole number of at least 1, or null"),
        ("either", "a whole number of at least 1 or all"),
        ("text", "a text that is not blank"),
        ("any_text", "a text"),
        ("told", "a folder"),
        ("told_or_none", "a folder, or null"),
        ("some", "a list of one or more of a, b, each once"),
        ("any_of", "a list of any of a, b, each once"),
        ("maybe_any", "a list of any of a, b, each once, or null"),
        ("sizes", "a list of 2 or more, each a whole number from 1 to 1000000"),
        ("rising", "a list of one or more, rising, each a number from 0.01 to 100"),
    ],
)
def test_a_field_says_by_itself_what_is_allowed(name, words):
    assert say_allowed(Kinds, name) == words


def test_every_parameter_says_what_is_allowed():
    def words(model):
        for name, field in model.model_fields.items():
            yield say_allowed(model, name)
            if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
                yield from words(field.annotation)

    for model in (Core, Markov.Settings, ModernGan.Settings, PaperGan.Settings, BertSettings):
        for allowed in words(model):
            assert "anything" not in allowed


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "true"),
        (0, "0"),
        (1.0, "1.0"),
        ("1", "'1'"),
        ("x" * 100, "'" + "x" * 56 + "..."),
    ],
)
def test_a_value_is_written_as_in_the_file(value, words):
    assert say(value) == words


class Pair(Section):
    low: Count
    high: Count

    @model_validator(mode="after")
    def check(self):
        if self.low > self.high:
            raise ValueError(f"low is {self.low}; allowed: at most high, which is {self.high}")
        return self


class Nested(Section):
    pair: Pair


def test_values_that_do_not_fit_together_are_told_with_their_section():
    assert find_mistakes(Pair, {"low": 2, "high": 2}, "x") == {}
    line = "low is 3; allowed: at most high, which is 2"
    assert find_mistakes(Pair, {"low": 3, "high": 2}) == {"": line}
    assert find_mistakes(Nested, {"pair": {"low": 3, "high": 2}}, "x") == {
        "x.pair": f"x.pair.{line}"
    }


def test_settings_cannot_be_changed():
    settings = Pair(low=1, high=2)
    with pytest.raises(ValidationError, match="frozen"):
        settings.low = 2


# The whole file


def test_the_tests_parameters_and_the_repository_s_are_allowed():
    assert check_parameters(PARAMS) == []
    assert check_parameters(YAML(typ="safe").load(ROOT / "params.yaml")) == []


def test_the_tests_parameters_have_all_sections_of_the_repository_s_own():
    own = YAML(typ="safe").load(ROOT / "params.yaml")
    assert own.keys() - PARAMS.keys() == own.keys() & set(whole_file.list_generators())


def test_all_mistakes_are_told_at_once():
    values = changed("markov.order", 0)
    values = changed("gan.hiden_size", 40, values)
    values = changed("embedding.bert.model", " ", values)
    values = changed("recipes.paper.noise", "pink", values)
    values = changed("prepare.min_words", 2000, values)
    values = changed("sample.label", 1, values)
    del values["sweep"]["count"]
    told = {line.split()[1] for line in check_parameters(values)}
    assert told == {
        "markov.order",
        "gan.hiden_size",
        "embedding.bert.model",
        "recipes.paper.noise",
        "prepare.min_words",
        "sample.label",
        "sweep.count",
    }


@pytest.mark.parametrize(
    ("path", "hint", "known"),
    [
        ("gann", "gan", "seed, device, threads"),
        ("sede", "seed", "seed, device, threads"),
        ("glove", None, "seed, device, threads"),
        ("gan.hiden_size", "gan.hidden_size", "recipe, max_length, hidden_size"),
        ("gan.lr", None, "recipe, max_length"),
        ("embedding.glove", None, "scalar, word2vec, bert"),
        ("embedding.word2vec.vector_sise", "embedding.word2vec.vector_size", "vector_size, window"),
        ("embedding.word2vec.gan", None, "vector_size, window, epochs"),
        ("gan_overrides.word2vek", "gan_overrides.word2vec", "scalar, word2vec, bert"),
        ("gan_overrides.scalar.epoch", "gan_overrides.scalar.epochs", "hidden_size, num_layers"),
        ("gan_overrides.bert.max_length", None, "hidden_size, num_layers"),
        ("gan_overrides.bert.recipe", None, "hidden_size, num_layers"),
        ("recipes.modern.noise", None, "hidden_size, num_layers"),
        ("recipes.papers", "recipes.paper", "modern, paper"),
        ("markov.7", None, "order, start"),
    ],
)
def test_an_unknown_key_is_told_with_its_value_and_the_nearest_known(path, hint, known):
    line = mistake_in(changed(path, 40))
    parent = path.rpartition(".")[0] or "the file"
    meant = f"did you mean {hint}? " if hint else ""
    assert line.startswith(
        f"{path} (value 40) is an unknown key; {meant}allowed in {parent}: {known}"
    )


def test_a_key_that_is_no_text_is_unknown_too():
    values = deepcopy(PARAMS)
    values["gan"][7] = 1
    assert "gan.7 (value 1) is an unknown key" in mistake_in(values)


def test_a_misspelt_key_is_one_mistake_and_not_a_missing_key_besides():
    values = without("markov.order")
    values["markov"]["ordre"] = 2
    assert mistake_in(values).startswith("markov.ordre (value 2) is an unknown key; did you mean")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("seed", "a whole number from 0 to 4294967295"),
        ("per_label", "true or false"),
        ("gan", "a mapping with the keys recipe, max_length"),
        ("gan.noise", "one of normal, uniform, or null"),
        ("gan_overrides", "a mapping with the keys scalar, word2vec, bert"),
        ("gan_overrides.scalar", "a mapping with the keys hidden_size"),
        ("recipes.paper.noise", "one of normal, uniform"),
        ("embedding.bert", "a mapping with the keys model, num_layers, vector_size"),
        ("embedding.bert.model", "MiniLM, a folder, or the name"),
        ("markov", "a mapping with the keys order, start"),
        ("language_model", "a mapping with the keys"),
    ],
)
def test_a_missing_key_is_told_with_what_is_allowed(path, allowed):
    assert mistake_in(without(path)).startswith(f"{path} is missing; allowed: {allowed}")


@pytest.mark.parametrize("path", ["prepare", "embedding.bert", "gan_overrides.scalar", "gan"])
@pytest.mark.parametrize(("value", "word"), [(None, "null"), (3, "3"), ([1], "[1]")])
def test_a_section_is_a_mapping(path, value, word):
    assert mistake_in(changed(path, value)).startswith(f"{path} is {word}; allowed: a mapping with")


@pytest.mark.parametrize(("values", "word"), [(None, "null"), ([], "[]"), ("seed", "'seed'")])
def test_the_file_is_a_mapping(values, word):
    assert mistake_in(values).startswith(f"the file is {word}; allowed: a mapping with the keys")


@pytest.mark.parametrize(
    ("path", "value", "allowed"),
    [
        # A wrong type. True is an int to Python, and 1 == 1.0 == True to a Literal.
        ("seed", True, "a whole number from 0 to 4294967295"),
        ("seed", "1", "a whole number from 0 to 4294967295"),
        ("gan.hidden_size", 20.0, "a whole number from 1 to 1000000, or null"),
        ("language_model.hidden_size", None, "a whole number from 1 to 1000000"),
        ("gan.learning_rate", "1e-05", "a number above 0 and at most 1, or null"),
        ("gan.dropout", False, "a number of at least 0 and below 1, or null"),
        ("device", 0, "one of auto, cpu, cuda"),
        ("device", ["cpu"], "one of auto, cpu, cuda"),
        ("per_label", 1, "true or false"),
        ("per_label", "yes", "true or false"),
        ("sample.label", True, "the name of a label, such as 1, or as_real, or null"),
        ("sample.label", 1.0, "the name of a label, such as 1, or as_real, or null"),
        ("fetch.text", 0, "the name of the column, or in a file without a header its number, of"),
        ("fetch.text", None, "the name of the column, or in a file without a header its number"),
        ("fetch.label", " ", "the name of the column, or in a file without a header its number"),
        ("fetch.encoding", "", "null, or a name such as utf-8 or cp1252"),
        ("fetch.unit", "page", "one of line, block, file"),
        ("prepare.vocabulary", 0, "a whole number of at least 1, or null"),
        ("prepare.labels", {"ham": 2}, "null, or a mapping of labels to 0 or 1, such as {ham: 0"),
        ("prepare.labels", {}, "null, or a mapping of labels to 0 or 1, such as {ham: 0"),
        ("prepare.labels", ["ham"], "null, or a mapping of labels to 0 or 1, such as {ham: 0"),
        ("prepare.train_on", "test", "one of train, all"),
        ("fetch.source", None, "sample, mendeley, oracle, or the path of a file or folder"),
        ("embedding.bert.model", 7, "MiniLM, a folder, or the name of a BERT"),
        # Out of range, or no number at all.
        ("seed", -1, "a whole number from 0 to 4294967295"),
        ("seed", 2**32, "a whole number from 0 to 4294967295"),
        ("sample.count", 9, "a whole number of at least 10"),
        ("sample.count", math.inf, "a whole number of at least 10"),
        ("sample.temperature", 1e-40, "a number from 0.01 to 100, or validated"),
        ("sample.temperature", "warm", "a number from 0.01 to 100, or validated"),
        ("sample.candidates", 0, "a whole number of at least 1"),
        ("sample.candidates", 1.5, "a whole number of at least 1"),
        ("sweep.resamples", 1, "a whole number of at least 2"),
        ("sweep.temperatures", [1, 0.5], "a list of one or more, rising, each a number from"),
        ("sweep.temperatures", [1, 1], "a list of one or more, rising, each a number from"),
        ("sweep.temperatures", [], "a list of one or more, rising, each a number from"),
        ("sweep.temperatures", [0.001], "a list of one or more, rising, each a number from"),
        ("markov.order", 11, "a whole number from 1 to 10"),
        ("markov.start", "random", "one of uniform, empirical"),
        ("prepare.test_share", 0, "a number above 0 and below 1"),
        ("prepare.test_share", 1, "a number above 0 and below 1"),
        ("prepare.validation_share", 0, "a number above 0 and below 1"),
        ("gan.recipe", "papper", "one of modern, paper"),
        ("gan.max_length", 10**6 + 1, "a whole number from 1 to 1000000"),
        ("gan.dropout", -0.1, "a number of at least 0 and below 1, or null"),
        ("gan.dropout", 1.0, "a number of at least 0 and below 1, or null"),
        ("language_model.dropout", 1.0, "a number of at least 0 and below 1, or null"),
        ("language_model.patience", 0, "a whole number of at least 1"),
        ("gan.learning_rate", 0, "a number above 0 and at most 1, or null"),
        ("gan.learning_rate", math.nan, "a number above 0 and at most 1, or null"),
        ("gan.likelihood_weight", math.inf, "a number of at least 0, or null"),
        ("gan.fakes", ["markov"] * 2, "a list of generators of this run, no GAN of an embedding,"),
        ("gan_overrides.bert.hidden_size", 0, "a whole number from 1 to 1000000, or null"),
        ("recipes.modern.warm_up", -1, "a whole number of at least 0"),
        ("fetch.source", " ", "sample, mendeley, oracle, or the path of a file"),
        ("embedding.bert.vector_size", 0, "a whole number of at least 1, or null"),
        ("embedding.bert.num_layers", 0, "a whole number of at least 1, or null"),
        # Lists of names.
        ("embeddings", [], "a list of one or more of scalar, word2vec, bert, each once"),
        ("embeddings", ["scalar"] * 2, "a list of one or more of scalar, word2vec, bert, each"),
        ("embeddings", ["scalar", "glove"], "a list of one or more of scalar, word2vec, bert"),
        ("embeddings", "scalar", "a list of one or more of scalar, word2vec, bert, each once"),
        ("embeddings", [["scalar"]], "a list of one or more of scalar, word2vec, bert, each once"),
        ("generators", "hmm", "a list of modules in stages/generators beside markov and"),
        ("generators", None, "a list of modules in stages/generators beside markov and"),
        ("generators", [1], "a list of modules in stages/generators beside markov and"),
    ],
)
def test_a_value_that_is_not_allowed_is_told_by_key_value_and_rule(path, value, allowed):
    assert mistake_in(changed(path, value)).startswith(
        f"{path} is {say(value)}; allowed: {allowed}"
    )


@pytest.mark.parametrize("path", ["gan.fakes", "gan_overrides.bert.fakes", "recipes.modern.fakes"])
def test_a_gan_knows_generators_alone_that_are_trained_before_it(path):
    listed = changed("hmm", {"states": 2, "epochs": 1, "smoothing": 1.0})
    listed = changed("generators", ["hmm"], listed)
    for name in ("bert", "seqgan"):  # a GAN of an embedding, and one that is not of this run
        assert mistake_in(changed(path, ["markov", name], listed)).startswith(
            f"{path} is ['markov', '{name}'], but {name} is no generator that is trained before "
            "the GANs; allowed: a list of any of markov, language_model, hmm, each once, or null"
        )
    assert check_parameters(changed(path, ["hmm", "language_model"], listed)) == []


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [("fetch.label", None, "fetch.label null"), ("fetch.source", "oracle", "fetch.source oracle")],
)
def test_what_takes_labels_is_refused_where_texts_have_none(key, value, why):
    whole = YAML(typ="safe").load(ROOT / "params.yaml")
    listed = changed("generators", ["hmm", "conditional_gan", "seqgan"], whole)
    assert check_parameters(listed) == []
    unlabelled = changed(key, value, changed("oracle.length", whole["gan"]["max_length"], listed))
    assert mistake_in(unlabelled) == (
        f"generators has conditional_gan, which learns texts of several labels; with {why} texts "
        "have none; take conditional_gan out, or learn from texts with labels"
    )
    assert check_parameters(changed("generators", ["hmm", "seqgan"], unlabelled)) == []


@pytest.mark.parametrize("section", ["gan", "gan_overrides.bert", "recipes.modern"])
def test_a_gan_starts_from_a_model_that_this_run_trains_on_the_corpus_words(section):
    key = f"{section}.generator"
    chosen = changed(key, "transformer")
    assert mistake_in(chosen) == (
        f"{key} is transformer, which this run does not train; add transformer to the list "
        "generators"
    )
    paper = changed("recipes.modern.generator", "transformer", changed("gan.recipe", "paper"))
    assert check_parameters(paper) == []  # which does not read it
    shape = YAML(typ="safe").load(ROOT / "params.yaml")["transformer"]
    listed = changed("generators", ["transformer"], changed("transformer", shape, chosen))
    assert check_parameters(listed) == []
    assert mistake_in(changed("transformer.model", "gpt2", listed)).startswith(
        f"{key} is transformer; allowed while transformer.model is 'gpt2': language_model; a "
    )
    # What is no model at all is the one mistake.
    assert mistake_in(changed("transformer.model", 5, listed)).startswith("transformer.model is 5;")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("seed", 0),
        ("seed", 2**32 - 1),
        ("gan.dropout", 0),
        ("gan.learning_rate", 1e-05),
        ("gan.learning_rate", 1),
        ("gan.fakes", []),
        ("gan.warm_up", 0),
        ("gan.epochs", 0),
        ("gan.divergence_weight", 0),
        ("language_model.dropout", None),
        ("language_model.dropout", 0),
        ("sample.temperature", 2),
        ("sample.temperature", "validated"),
        ("sample.count", 10),
        ("prepare.test_share", 0.949),
        ("embedding.bert.vector_size", None),
        ("gan_overrides.scalar", {"epochs": 3, "method": "maligan", "dropout": None}),
        *(("embeddings", [name]) for name in EMBEDDINGS),
        ("fetch.source", "some folder/of tables"),
    ],
)
def test_a_value_at_the_edge_of_what_is_allowed_passes(path, value):
    assert check_parameters(changed(path, value)) == []


# Values that must fit together


def test_some_texts_are_left_to_train_on():
    values = changed("prepare.validation_share", 0.25)
    assert check_parameters(changed("prepare.test_share", 0.74, values)) == []
    line = mistake_in(changed("prepare.test_share", 0.75, values))
    assert line == (
        "prepare.validation_share is 0.25; allowed: below 1 together with prepare.test_share, "
        "which is 0.75"
    )


def test_the_shortest_text_is_not_longer_than_the_longest():
    values = changed("prepare.max_words", 5)
    assert check_parameters(changed("prepare.min_words", 5, values)) == []
    line = mistake_in(changed("prepare.min_words", 6, values))
    assert line == "prepare.min_words is 6; allowed: at most prepare.max_words, which is 5"


@pytest.mark.parametrize(("key", "value"), [("temperature", 0.9), ("top_p", 0.5)])
def test_the_paper_s_generator_is_not_asked_to_draw_words(key, value):
    values = changed(f"sample.{key}", value)
    assert check_parameters(values) == []  # the modern recipe's generator does
    line = mistake_in(changed("gan.recipe", "paper", values))
    assert line.startswith(f"sample.{key} is {value}; allowed with gan.recipe paper")
    assert line.endswith("set it to 1, or gan.recipe to modern")


@pytest.mark.parametrize("label", [0, 1, "as_real"])
def test_a_wanted_label_takes_a_generator_a_label(label):
    values = changed("sample.label", label)
    assert check_parameters(changed("per_label", True, values)) == []
    line = mistake_in(values)
    assert line.startswith(f"sample.label is {label!r}; allowed while per_label is false: null")


@pytest.mark.parametrize(
    ("recipe", "key", "value", "other"),
    [("paper", "objective", "hinge", "modern"), ("modern", "noise", "uniform", "paper")],
)
@pytest.mark.parametrize("section", ["gan", "gan_overrides.scalar"])
def test_a_key_that_the_recipe_does_not_read_is_refused(section, recipe, key, value, other):
    values = changed(f"{section}.{key}", value)
    assert check_parameters(changed("gan.recipe", other, values)) == []
    line = mistake_in(changed("gan.recipe", recipe, values))
    assert line == (
        f"{section}.{key} is {value!r}, which gan.recipe {recipe} does not read; "
        f"set it to null, or gan.recipe to {other}"
    )


def test_a_key_of_both_recipes_is_held_to_what_the_chosen_one_takes(monkeypatch):
    class Settings(PaperGan.Settings):
        epochs: Annotated[int, Field(ge=1, le=5)]

    monkeypatch.setattr(PaperGan, "Settings", Settings)
    values = changed("recipes.paper.epochs", 5)
    values = changed("gan.epochs", 9, values)
    assert check_parameters(values) == []
    line = mistake_in(changed("gan.recipe", "paper", values))
    assert line == "gan.epochs is 9; allowed: a whole number from 1 to 5, or null"


def test_what_is_mistaken_by_itself_is_told_once():
    values = changed("prepare.min_words", "many")
    values = changed("sample.temperature", -1, values)
    values = changed("gan.recipe", "paper", values)
    values = changed("gan.objective", "hing", values)
    values = changed("generators", 3, values)
    lines = check_parameters(values)
    assert len(lines) == 4
    assert all("; allowed: " in line for line in lines)


# Generators of one's own


class ParrotSettings(Section):
    feathers: Count


@pytest.fixture
def parrot(tmp_path, monkeypatch):
    """Let stages/generators hold one generator of the list, with its section in the parameters."""
    (tmp_path / "rooms").mkdir()
    for name in (
        "__init__",
        "protocol",
        "folder",
        "markov",
        "language_model",
        "paper_gan",
        "parrot",
    ):
        (tmp_path / "rooms" / f"{name}.py").touch()
    module = ModuleType("stages.generators.parrot")
    own = {"__module__": module.__name__, "Settings": ParrotSettings, "load": None}
    module.Parrot = type("Parrot", (), own)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(whole_file, "GENERATORS", tmp_path / "rooms")
    return changed("parrot", {"feathers": 3}, changed("generators", ["parrot"]))


def test_a_generator_brings_its_section_and_its_name(parrot):
    assert check_parameters(parrot) == []
    # The section may stand there before its name does.
    assert check_parameters(changed("generators", [], parrot)) == []
    line = mistake_in(changed("parrot.feathers", 0, parrot))
    assert line == "parrot.feathers is 0; allowed: a whole number of at least 1"
    assert (
        "parrot.fathers (value 3) is an unknown key; did you mean parrot.feathers?"
        in mistake_in(changed("parrot", {"fathers": 3}, parrot))
    )
    assert mistake_in(changed("parrot", None, parrot)).startswith(
        "parrot is null; allowed: a mapping"
    )


def test_a_generator_without_its_section_is_told(parrot):
    del parrot["parrot"]
    assert mistake_in(parrot) == "parrot is missing; allowed: a mapping with the keys feathers"
    parrot["parot"] = {"feathers": 3}
    line = mistake_in(parrot)
    assert line.startswith("parot (value {'feathers': 3}) is an unknown key; did you mean parrot?")


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["parot"], "but there is no stages/generators/parot.py; did you mean parrot? "),
        (["parrot", "hen"], "but there is no stages/generators/hen.py; "),
        (["parrot", "markov"], "but markov is always there; "),
        (["language_model"], "but language_model is always there; "),
        (["paper_gan"], "but stages/generators/paper_gan.py is not for this list; "),
    ],
)
def test_a_name_that_is_no_generator_is_told(parrot, names, why):
    line = mistake_in(changed("generators", names, parrot))
    assert line == f"generators is {names}, {why}allowed: a list of any of parrot, each once"


def test_each_name_that_is_no_generator_is_told(parrot):
    first, second = check_parameters(changed("generators", ["hen", "parrot", "cock"], parrot))
    assert "stages/generators/hen.py" in first
    assert "stages/generators/cock.py" in second


def test_an_empty_list_is_what_is_allowed_where_there_is_no_other_generator(parrot):
    (whole_file.GENERATORS / "parrot.py").unlink()
    del parrot["parrot"]
    assert mistake_in(parrot).endswith("there is no stages/generators/parrot.py; allowed: []")
    assert check_parameters(changed("generators", [], parrot)) == []


def test_a_generator_is_listed_once(parrot):
    line = mistake_in(changed("generators", ["parrot", "parrot"], parrot))
    assert line.startswith("generators is ['parrot', 'parrot']; allowed: ")


def test_a_section_of_no_generator_is_unknown(parrot):
    line = mistake_in(changed("hen", {"eggs": 3}, parrot))
    assert line.startswith("hen (value {'eggs': 3}) is an unknown key; allowed in the file: seed")


# Loading


def test_only_what_was_asked_for_is_loaded():
    params = load_params("seed", "markov", "gan.max_length")
    assert vars(params).keys() == {"seed", "markov", "gan"}
    assert vars(params.markov).keys() == {"order", "start", "sharpening"}
    assert vars(params.gan).keys() == {"max_length"}


def test_one_section_is_loaded_in_parts():
    params = load_params("embedding.word2vec.window", "embedding.word2vec.epochs", "embeddings")
    assert vars(params.embedding).keys() == {"word2vec"}
    assert vars(params.embedding.word2vec).keys() == {"window", "epochs"}
    assert isinstance(params.embeddings, list)


def test_numbers_and_lists_are_read_as_dvc_writes_them():
    # `dvc exp run -S` writes YAML 1.2: an exponent without a point, and lists in blocks.
    write(changed("embeddings", ["scalar", "bert"], changed("gan.learning_rate", 12345)))
    text = Path("params.yaml").read_text(encoding="utf-8")
    assert "- scalar\n- bert\n" in text
    Path("params.yaml").write_text(text.replace("12345", "1e-05"), encoding="utf-8")
    params = load_params("embeddings", "gan.learning_rate")
    assert params.embeddings == ["scalar", "bert"]
    assert params.gan.learning_rate == 0.00001
    assert load_gan_settings("bert", ModernGan.Settings).learning_rate == 0.00001


def test_what_was_asked_for_is_checked_and_nothing_else():
    values = changed("prepare.min_words", 0, changed("seed", -1))
    write(values)
    assert load_params("prepare.max_words", "device").device == "cpu"
    with pytest.raises(UserError) as error:
        load_params("prepare", "seed")
    assert str(error.value).splitlines() == [
        "params.yaml: seed is -1; allowed: a whole number from 0 to 4294967295",
        "params.yaml: prepare.min_words is 0; allowed: a whole number of at least 1",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is null; allowed: a mapping"),
        (b"seed: [1", "not valid YAML"),
        (b"seed: 1\nseed: 2", "not valid YAML"),
        (b"seed: \xff", "not valid YAML"),
        (b"- seed", "allowed: a mapping"),
    ],
)
def test_a_file_that_holds_no_parameters_is_told_in_one_line(content, message):
    Path("params.yaml").write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        load_params("seed")
    assert str(error.value).startswith("params.yaml: ")
    assert "\n" not in str(error.value)


def test_a_missing_file_is_told_with_the_way_out(folder):
    Path("params.yaml").unlink()
    for load in (load_params, lambda path: load_settings(path, Markov.Settings)):
        with pytest.raises(UserError, match=rf"^params\.yaml: not found in {folder.name}/; run st"):
            load("markov")


def test_a_path_that_names_nothing_is_told_with_the_known_names():
    for load in (
        lambda: load_params("seed", "embedding.glove"),
        lambda: load_settings("embedding.glove", BertSettings),
        lambda: load_gan_settings("glove", ModernGan.Settings),
    ):
        with pytest.raises(UserError, match="glove: 'glove' is none of scalar, word2vec, bert"):
            load()
    with pytest.raises(UserError, match=r"seed\.low: 'low' is none of 1"):
        load_params("seed.low")


def test_a_section_is_loaded_as_its_settings():
    settings = load_settings("embedding.bert", BertSettings)
    assert settings == BertSettings(model="MiniLM", num_layers=None, vector_size=48)


def test_the_mistakes_of_a_section_are_told_and_no_others():
    write(changed("seed", -1, changed("markov", {"order": 0, "strat": "uniform"})))
    with pytest.raises(UserError) as error:
        load_settings("markov", Markov.Settings)
    assert str(error.value).splitlines() == [
        "params.yaml: markov.order is 0; allowed: a whole number from 1 to 10",
        "params.yaml: markov.strat (value 'uniform') is an unknown key; "
        "did you mean markov.start? allowed in markov: order, start, sharpening",
    ]


def test_null_in_the_gan_s_section_is_the_recipe_s_value():
    modern = load_gan_settings("bert", ModernGan.Settings)
    assert modern.model_dump() == PARAMS["recipes"]["modern"]
    write(changed("gan.epochs", 3, changed("gan.recipe", "paper")))
    paper = load_gan_settings("bert", PaperGan.Settings)
    assert paper.model_dump() == PARAMS["recipes"]["paper"] | {"epochs": 3}


def test_an_embedding_overrides_the_gan_s_settings_for_itself_alone():
    values = changed("gan.hidden_size", 9, changed("gan.epochs", 3))
    over = {"hidden_size": 7, "epochs": None, "method": "maligan"}
    write(changed("gan_overrides.scalar", over, values))
    common = PARAMS["recipes"]["modern"] | {"hidden_size": 9, "epochs": 3}
    scalar = load_gan_settings("scalar", ModernGan.Settings)
    assert scalar.model_dump() == common | {"hidden_size": 7, "method": "maligan"}
    assert load_gan_settings("word2vec", ModernGan.Settings).model_dump() == common


@pytest.mark.parametrize("section", ["gan", "gan_overrides.bert"])
def test_a_gan_makes_one_pass_at_least(section):
    # Of the recipe's own four passes of the discriminator alone and one of both, either may go.
    none = changed(f"{section}.epochs", 0)
    assert check_parameters(none) == []
    assert check_parameters(changed(f"{section}.warm_up", 0)) == []
    none = changed(f"{section}.warm_up", 0, none)
    line = "gan.epochs is 0; allowed while warm_up is 0: 1 or more"
    assert mistake_in(none) == line
    write(none)
    with pytest.raises(UserError) as error:
        load_gan_settings("bert", ModernGan.Settings)
    assert str(error.value) == f"params.yaml: {line}"
    if section == "gan_overrides.bert":  # it is nothing to the others
        load_gan_settings("scalar", ModernGan.Settings)
        assert check_parameters(changed("embeddings", ["scalar", "word2vec"], none)) == []


def test_what_zero_and_an_empty_list_set_is_set():
    write(changed("gan.warm_up", 0, changed("gan.fakes", [])))
    settings = load_gan_settings("bert", ModernGan.Settings)
    assert (settings.warm_up, settings.fakes) == (0, [])


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("gan.hidden_size", 0, "gan.hidden_size is 0; allowed: "),
        ("gan_overrides.bert.epochs", 0.5, "gan_overrides.bert.epochs is 0.5; allowed: "),
        ("recipes.modern.warm_up", -1, "recipes.modern.warm_up is -1; allowed: "),
        ("gan.recipe", "papers", "gan.recipe is 'papers'; allowed: one of modern, paper"),
        ("gan.noise", "normal", "gan.noise is 'normal', which gan.recipe modern does not read; "),
        ("gan_overrides.bert.noise", "normal", "gan_overrides.bert.noise is 'normal', which gan."),
        ("gan_overrides.bert.recipe", "paper", "gan_overrides.bert.recipe is 'paper', which gan."),
        ("gan_overrides.bert", None, "gan_overrides.bert is null; allowed: a mapping"),
    ],
)
def test_a_mistake_in_the_gan_s_settings_is_told_where_it_stands(path, value, told):
    write(changed(path, value))
    with pytest.raises(UserError) as error:
        load_gan_settings("bert", ModernGan.Settings)
    assert str(error.value).startswith(f"params.yaml: {told}")
    assert "\n" not in str(error.value)


def test_a_mistake_in_another_embedding_s_or_recipe_s_settings_is_not_this_one_s():
    values = changed("gan_overrides.scalar.epochs", 0, changed("recipes.paper.epochs", 0))
    write(values)
    assert load_gan_settings("bert", ModernGan.Settings).epochs == 1
