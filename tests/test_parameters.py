import math
from copy import deepcopy
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages.errors import UserError
from stages.parameters import EMBEDDINGS, check_parameters

PARAMS = YAML(typ="safe").load(Path(__file__).parents[1] / "params.yaml")


def changed(path, value):
    """Return params.yaml with the value at a dotted path set."""
    values = deepcopy(PARAMS)
    *parents, last = path.split(".")
    section = values
    for key in parents:
        section = section[key]
    section[last] = value
    return values


def without(path):
    """Return params.yaml without the key at a dotted path."""
    values = deepcopy(PARAMS)
    *parents, last = path.split(".")
    section = values
    for key in parents:
        section = section[key]
    del section[last]
    return values


def message_about(values):
    with pytest.raises(UserError) as error:
        check_parameters(values)
    message = str(error.value)
    assert message.startswith("params.yaml: ")
    assert "\n" not in message
    return message


def test_the_repository_s_own_parameters_are_allowed():
    check_parameters(PARAMS)


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("gann", "seed, device, embeddings"),
        ("gan.hiden_size", "recipe, max_length"),
        ("embedding.glove", "scalar, word2vec, bert"),
        ("embedding.word2vec.dropout", "vector_size, window, epochs, gan"),
        ("embedding.scalar.gan.hiden_size", "recipe, hidden_size"),
        ("embedding.bert.gan.max_length", "recipe, hidden_size"),
        ("markov.7", "order, start"),
    ],
)
def test_an_unknown_key_is_named_with_its_value_and_its_neighbours(path, known):
    message = message_about(changed(path, 40))
    assert f"{path} (value 40) is an unknown key" in message
    assert known in message


def test_a_key_that_is_no_text_is_unknown_too():
    assert "gan.7 (value 1) is an unknown key" in message_about(changed("gan", {7: 1}))


@pytest.mark.parametrize(
    "path",
    ["seed", "gan", "gan.noise", "embedding.bert", "embedding.bert.model", "embedding.scalar.gan"],
)
def test_a_missing_key_is_named(path):
    assert f"{path} is missing; allowed: " in message_about(without(path))


def test_a_missing_value_comes_with_what_is_allowed():
    message = message_about(without("gan.noise"))
    assert message.endswith("allowed: one of normal, uniform")


@pytest.mark.parametrize("section", ["prepare", "embedding.bert", "embedding.scalar.gan"])
@pytest.mark.parametrize("value", [None, 3, [1]])
def test_a_section_is_a_mapping(section, value):
    assert f"{section} is {value!r}; allowed: a mapping with" in message_about(
        changed(section, value)
    )


@pytest.mark.parametrize("values", [None, [], "seed: 1", 1])
def test_the_file_is_a_mapping(values):
    assert f"the file is {values!r}; allowed: a mapping with" in message_about(values)


@pytest.mark.parametrize(
    ("path", "value", "allowed"),
    [
        # A wrong type. `True` is an int to Python, and PyYAML takes 1e-05 for a text.
        ("seed", True, "a whole number from 0 to 4294967295"),
        ("seed", "1", "a whole number from 0 to 4294967295"),
        ("gan.hidden_size", 20.0, "a whole number from 1 to 1000000"),
        ("language_model.hidden_size", None, "a whole number from 1 to 1000000"),
        ("sample.count", 9, "a whole number of at least 10"),
        ("sample.temperature", 1e-40, "a number from 0.01 to 100"),
        ("gan.learning_rate", "1e-05", "a number above 0 to 1"),
        ("gan.dropout", False, "a number from 0 and below 1"),
        ("device", 0, "one of auto, cpu, cuda"),
        ("device", ["cpu"], "one of auto, cpu, cuda"),
        ("fetch.source", None, "sample, mendeley, or a folder"),
        ("embedding.bert.model", 7, "MiniLM, a folder, or the name"),
        # Out of range, or no number at all.
        ("seed", -1, "a whole number from 0 to 4294967295"),
        ("seed", 2**32, "a whole number from 0 to 4294967295"),
        ("sample.count", 0, "a whole number of at least 1"),
        ("sample.count", math.inf, "a whole number of at least 1"),
        ("markov.order", 11, "a whole number from 1 to 10"),
        ("markov.start", "random", "one of uniform, empirical"),
        ("prepare.test_share", 0, "a number above 0 and below 1"),
        ("prepare.test_share", 1, "a number above 0 and below 1"),
        ("prepare.validation_share", 0, "a number above 0 and below 1"),
        ("sample.candidates", 0, "a whole number of at least 1"),
        ("sample.candidates", 1.5, "a whole number of at least 1"),
        ("gan.dropout", -0.1, "a number from 0 and below 1"),
        ("gan.dropout", 1.0, "a number from 0 and below 1"),
        ("gan.learning_rate", 0, "a number above 0 to 1"),
        ("gan.learning_rate", math.nan, "a number above 0 to 1"),
        ("gan.learning_rate", math.inf, "a number above 0 to 1"),
        ("fetch.source", " ", "sample, mendeley, or a folder"),
        ("embedding.bert.vector_size", 0, "a whole number of at least 1, or null"),
        ("embedding.word2vec.gan", {"hidden_size": 0}, "a whole number from 1 to 1000000"),
        # Lists of names.
        ("embeddings", [], "scalar, word2vec, bert, each once"),
        ("embeddings", ["scalar", "scalar"], "scalar, word2vec, bert, each once"),
        ("embeddings", ["scalar", "glove"], "scalar, word2vec, bert, each once"),
        ("embeddings", "scalar", "scalar, word2vec, bert, each once"),
        ("embeddings", [["scalar"]], "scalar, word2vec, bert, each once"),
    ],
)
def test_a_value_that_is_not_allowed_is_told_by_key_value_and_rule(path, value, allowed):
    message = message_about(changed(path, value))
    key, value = (path, value) if not isinstance(value, dict) else (f"{path}.hidden_size", 0)
    assert f"{key} is {value!r}; allowed: " in message
    assert allowed in message


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("seed", 0),
        ("seed", 2**32 - 1),
        ("gan.dropout", 0),
        ("gan.learning_rate", 1e-05),
        ("gan.learning_rate", 1),
        ("prepare.test_share", 0.949),
        ("embedding.bert.vector_size", None),
        ("embedding.scalar.gan", {"epochs": 3, "noise": "uniform"}),
        *(("embeddings", [name]) for name in EMBEDDINGS),
        ("fetch.source", "some folder/of tables"),
    ],
)
def test_a_value_at_the_edge_of_what_is_allowed_passes(path, value):
    check_parameters(changed(path, value))


def test_some_texts_are_left_to_train_on():
    values = changed("prepare.validation_share", 0.25)
    values["prepare"]["test_share"] = 0.75
    message = message_about(values)
    assert "prepare.validation_share is 0.25; allowed: below 1 together with" in message
    assert "prepare.test_share, which is 0.75" in message


def test_the_shortest_text_is_not_longer_than_the_longest():
    values = changed("prepare.max_words", 5)
    values["prepare"]["min_words"] = 5
    check_parameters(values)
    values["prepare"]["min_words"] = 6
    message = message_about(values)
    assert "prepare.min_words is 6; allowed: at most prepare.max_words, which is 5" in message


@pytest.mark.parametrize(("key", "value"), [("temperature", 0.9), ("top_p", 0.5)])
def test_the_paper_s_generator_is_not_asked_to_draw_words(key, value):
    values = changed(f"sample.{key}", value)
    check_parameters(values)  # the modern recipe's is
    values["embedding"]["bert"]["gan"] = {"recipe": "paper"}
    message = message_about(values)
    assert "the generator of gan.recipe paper, bert, draws no words" in message
    values["embeddings"] = ["scalar", "word2vec"]
    check_parameters(values)
    values["gan"]["recipe"] = "paper"
    assert "paper, scalar, draws no words" in message_about(values)
