"""What params.yaml may hold: every key, its type and its range."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from stages.errors import UserError

EMBEDDINGS = ("scalar", "word2vec", "bert")


@dataclass(frozen=True)
class Rule:
    """One value's condition, and the words that tell a user what is allowed."""

    allowed: str
    accepts: Callable[[Any], bool]


def whole(low: int, high: float = math.inf) -> Rule:
    """Accept an integer from `low` to `high`."""
    limits = f"from {low} to {high}" if high < math.inf else f"of at least {low}"
    return Rule(
        f"a whole number {limits}",
        lambda value: type(value) is int and low <= value <= high,
    )


def real(low: float, high: float, *, open_low: bool = False, open_high: bool = False) -> Rule:
    """Accept a finite number from `low` to `high`, either end excluded where `open_` says so."""

    def accepts(value: Any) -> bool:
        if type(value) not in (int, float) or not math.isfinite(value):
            return False
        above = value > low if open_low else value >= low
        return above and (value < high if open_high else value <= high)

    left = f"above {low}" if open_low else f"from {low}"
    right = "" if high == math.inf else f" and below {high}" if open_high else f" to {high}"
    return Rule(f"a number {left}{right}", accepts)


def choice(*names: str) -> Rule:
    """Accept one of `names`."""
    return Rule("one of " + ", ".join(names), lambda value: value in names)


def text(what: str) -> Rule:
    """Accept a text that is not blank."""
    return Rule(what, lambda value: isinstance(value, str) and bool(value.strip()))


def optional(rule: Rule) -> Rule:
    """Accept null beside what `rule` accepts."""
    return Rule(f"{rule.allowed}, or null", lambda value: value is None or rule.accepts(value))


def names_of(known: tuple[str, ...]) -> Rule:
    """Accept a list of one or more distinct names out of `known`."""

    def accepts(value: Any) -> bool:
        return (
            isinstance(value, list)
            and bool(value)
            and all(isinstance(name, str) and name in known for name in value)
            and len(set(value)) == len(value)
        )

    return Rule("a list of one or more of " + ", ".join(known) + ", each once", accepts)


def numbers(rule: Rule) -> Rule:
    """Accept a list of one or more distinct numbers, each as `rule` has it, in rising order."""

    def accepts(value: Any) -> bool:
        return (
            isinstance(value, list)
            and bool(value)
            and all(map(rule.accepts, value))
            and all(before < after for before, after in pairwise(value))
        )

    return Rule(f"a list of one or more, rising, each {rule.allowed}", accepts)


def any_of(*known: str) -> Rule:
    """Accept a list of distinct names out of `known`, which may be empty."""
    some = names_of(known)
    return Rule(
        "a list of any of " + ", ".join(known) + ", each once",
        lambda value: value == [] or some.accepts(value),
    )


_LARGEST = 10**6  # beyond it PyTorch cannot even count the weights

# An LSTM and its training. Each recipe has values of its own for it; `gan` may set any of them.
NETWORK = {
    "hidden_size": whole(1, _LARGEST),
    "num_layers": whole(1),
    "dropout": real(0, 1, open_high=True),
    "batch_size": whole(1),
    "learning_rate": real(0, 1, open_low=True),
    "epochs": whole(1),
}

GAN = {
    "recipe": choice("modern", "paper"),
    "max_length": whole(1, _LARGEST),
    **{key: optional(rule) for key, rule in NETWORK.items()},
    "noise": choice("normal", "uniform"),
    "method": choice("policy_gradient", "maligan", "likelihood"),
    "objective": choice("cross_entropy", "hinge", "relativistic", "wasserstein"),
    "fakes": any_of("markov", "language_model"),
    "discount": real(0, 1),
    "likelihood_weight": real(0, math.inf),
    "generator_learning_rate": real(0, 1, open_low=True),
    "warm_up": whole(0),
    "token_dropout": real(0, 1, open_high=True),
}
# Of one embedding's GAN alone. How long texts are is all generators' and all splits'.
OVERRIDES = {key: rule for key, rule in GAN.items() if key != "max_length"}

TEMPERATURE = real(0.01, 100)  # below it the logits overflow


@dataclass(frozen=True)
class Overrides:
    """A mapping that may leave out any of its keys."""

    keys: Mapping[str, Rule]


SCHEMA = {
    "seed": whole(0, 2**32 - 1),
    "device": choice("auto", "cpu", "cuda"),
    "embeddings": names_of(EMBEDDINGS),
    "fetch": {"source": text("sample, mendeley, or a folder of *_parsed_dataset.csv files")},
    "prepare": {
        "min_words": whole(1),
        "max_words": whole(1),
        "test_share": real(0, 1, open_low=True, open_high=True),
        "validation_share": real(0, 1, open_low=True, open_high=True),
    },
    "embedding": {
        "scalar": {"order": choice("appearance", "similarity"), "gan": Overrides(OVERRIDES)},
        "word2vec": {
            "vector_size": whole(1),
            "window": whole(1),
            "epochs": whole(1),
            "gan": Overrides(OVERRIDES),
        },
        "bert": {
            "model": text("MiniLM, a folder, or the name of a BERT on the Hugging Face hub"),
            "vector_size": optional(whole(1)),
            "gan": Overrides(OVERRIDES),
        },
    },
    "language_model": {"width": whole(1, _LARGEST), **NETWORK},
    "gan": GAN,
    "recipes": {"paper": NETWORK, "modern": NETWORK},
    "markov": {"order": whole(1, 10), "start": choice("uniform", "empirical")},
    "sample": {
        "count": whole(10),
        "temperature": TEMPERATURE,
        "top_p": real(0, 1, open_low=True),
        "candidates": whole(1),
    },
    "sweep": {
        "count": whole(10),
        "temperatures": numbers(TEMPERATURE),
        "resamples": whole(2),
    },
    "cross_evaluate": {"real_share": real(0, 1, open_low=True, open_high=True)},
    "measure": {"count": whole(10), "resamples": whole(2)},
}


def check_parameters(values: Any, schema: Any = SCHEMA, path: str = "") -> None:
    """Check what params.yaml holds against the schema.

    Args:
        values: what the file, or the part of it at `path`, holds.
        schema: nested mappings that end in rules.
        path: the dotted key of `values`, "" for the whole file.

    Raises:
        UserError: a key is unknown or missing, or a value is not allowed; names key and value.
    """
    if isinstance(schema, Rule):
        if not schema.accepts(values):
            raise UserError(f"params.yaml: {path} is {values!r}; allowed: {schema.allowed}")
        return
    partial = isinstance(schema, Overrides)
    keys = schema.keys if partial else schema
    where = path or "the file"
    if not isinstance(values, Mapping):
        raise UserError(
            f"params.yaml: {where} is {values!r}; allowed: a mapping with the keys "
            + ", ".join(keys)
        )
    for key, value in values.items():
        if key not in keys:
            name = f"{path}.{key}" if path else str(key)
            raise UserError(
                f"params.yaml: {name} (value {value!r}) is an unknown key; "
                f"allowed in {where}: " + ", ".join(keys)
            )
    for key, rule in keys.items():
        name = f"{path}.{key}" if path else key
        if key in values:
            check_parameters(values[key], rule, name)
        elif not partial:
            allowed = rule.allowed if isinstance(rule, Rule) else "a mapping"
            raise UserError(f"params.yaml: {name} is missing; allowed: {allowed}")
    if not path:
        _check_together(values)


def _check_together(values: Mapping[str, Any]) -> None:
    """Check what depends on several values, each allowed by itself."""
    prepare, sample = values["prepare"], values["sample"]
    if prepare["min_words"] > prepare["max_words"]:
        raise UserError(
            f"params.yaml: prepare.min_words is {prepare['min_words']}; allowed: at most "
            f"prepare.max_words, which is {prepare['max_words']}"
        )
    if prepare["test_share"] + prepare["validation_share"] >= 1:
        raise UserError(
            f"params.yaml: prepare.validation_share is {prepare['validation_share']}; "
            f"allowed: below 1 together with prepare.test_share, which is {prepare['test_share']}"
        )
    for name in values["embeddings"]:
        recipe = values["embedding"][name]["gan"].get("recipe", values["gan"]["recipe"])
        if recipe == "paper" and (sample["temperature"] != 1 or sample["top_p"] != 1):
            raise UserError(
                f"params.yaml: sample.temperature is {sample['temperature']} and sample.top_p "
                f"{sample['top_p']}; the generator of gan.recipe paper, {name}, draws no words; "
                "set both to 1, or gan.recipe to modern"
            )
