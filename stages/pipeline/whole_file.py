"""params.yaml as a whole: every mistake in it, found at once and before any work."""

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import BaseModel, create_model
from pydantic.fields import FieldInfo

from stages.corpus.settings import Section
from stages.documents.protocol import find_document_model
from stages.generators.protocol import find_generator
from stages.pipeline.core_settings import DOCUMENT_MODELS, EMBEDDINGS, RECIPES, Core, Documents, Gan
from stages.pipeline.gan_settings import find_unread, settle_gan
from stages.pipeline.mistakes import find_mistakes, find_nearest, say
from stages.pipeline.parameters import concerns, nullable, peek
from stages.pipeline.sources import FIRST

GENERATORS = Path(__file__).parents[1] / "generators"
# In that folder, but not for the list of params.yaml to name.
NOT_LISTED = {
    "__init__",
    "protocol",
    "folder",
    "per_label",
    "chosen",
    "history_checks",
    "history_counts",
    "label_part",
    "labelled_critic",
    "labelled_model",
    "labelled_writer",
    "adversarial_model",
    "modern_gan_settings",
    "modern_gan_training",
    "plateau_model",
    "pretrained_transformer",
    "subwords",
    "word_model",
    "spelling",
    "spelling_model",
    *FIRST,
} | {f"{recipe}_gan" for recipe in RECIPES}


def check_parameters(values: Any) -> list[str]:
    """Find every mistake in params.yaml.

    Args:
        values: what the whole file holds.

    Returns:
        A line for each mistake, with key, value and what is allowed.
    """
    recipe = peek(values, "gan.recipe")
    recipes = {name: _find_settings(f"{name}_gan") for name in RECIPES}
    mistakes = find_mistakes(_type_whole_file(values, recipes), values)
    for key, line in _compare(values, mistakes):
        mistakes.setdefault(key, line)
    if recipe in RECIPES:
        layers = ("gan", *(f"gan_overrides.{name}" for name in EMBEDDINGS))
        for key, line in find_unread(values, recipe, recipes[recipe], layers):
            mistakes.setdefault(key, line)
        read = ("embeddings", f"recipes.{recipe}", *layers)
        if not any(concerns(path, mistakes) for path in read):
            # Each allowed by itself, but not together.
            for name in values["embeddings"]:
                merged = settle_gan(values, recipe, name)
                mistakes |= find_mistakes(recipes[recipe], merged, "gan")
    return [f"params.yaml: {line}" for line in mistakes.values()]


def list_generators() -> list[str]:
    """Name the generators that `generators` may list, each a module in stages/generators."""
    return sorted({path.stem for path in GENERATORS.glob("*.py")} - NOT_LISTED)


def _find_settings(generator: str) -> type[BaseModel]:
    return find_generator(generator).Settings


def _type_whole_file(values: Any, recipes: Mapping[str, type[BaseModel]]) -> type[BaseModel]:
    """Type the whole file: what belongs to stages, and each section of a generator, embedding."""
    listed = peek(values, "generators")
    recipe = peek(values, "gan.recipe")
    keys: dict[str, FieldInfo] = {}
    for settings in recipes.values():
        keys = settings.model_fields | keys
    # A key of several recipes may have another range in each.
    if recipe in RECIPES:
        keys |= recipes[recipe].model_fields
    gan = {key: nullable(field) for key, field in keys.items()}
    overrides = create_model(
        "Overrides", __base__=Section, **{key: (kind, None) for key, kind in gan.items()}
    )
    embeddings = {name: import_module(f"stages.embeddings.{name}").Settings for name in EMBEDDINGS}
    models = {name: find_document_model(name).Settings for name in DOCUMENT_MODELS}
    generators = {name: (_find_settings(name), ...) for name in FIRST} | {
        # A section may wait for its name in the list.
        name: (_find_settings(name), ... if isinstance(listed, list) and name in listed else None)
        for name in list_generators()
    }
    return create_model(
        "Parameters",
        __base__=Core,
        __cls_kwargs__={"extra": "forbid"},
        embedding=create_model("Embedding", __base__=Section, **embeddings),
        gan=create_model("Gan", __base__=Gan, __cls_kwargs__={"extra": "forbid"}, **gan),
        gan_overrides=create_model(
            "GanOverrides", __base__=Section, **dict.fromkeys(EMBEDDINGS, overrides)
        ),
        documents=create_model(
            "Documents", __base__=Documents, __cls_kwargs__={"extra": "forbid"}, **models
        ),
        recipes=create_model("Recipes", __base__=Section, **recipes),
        **generators,
    )


def _compare(values: Any, mistakes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Check what depends on several values, each allowed by itself: yield key and line."""

    def are_sound(*keys: str) -> bool:
        return not any(concerns(key, mistakes) for key in keys)

    def get(key: str) -> Any:
        return peek(values, key)

    key, length = "gan.max_length", "oracle.length"
    is_oracle = are_sound(key, length, "fetch.source") and get("fetch.source") == "oracle"
    if is_oracle and get(key) != get(length):
        yield (
            key,
            f"{key} is {get(key)}; allowed with fetch.source oracle, whose texts have one length: "
            f"{length}, which is {get(length)}",
        )
    low, high = "prepare.min_words", "prepare.max_words"
    if are_sound(low, high) and get(low) > get(high):
        yield low, f"{low} is {get(low)}; allowed: at most {high}, which is {get(high)}"
    first, second = "prepare.test_share", "prepare.validation_share"
    if are_sound(first, second) and get(first) + get(second) >= 1:
        yield (
            second,
            f"{second} is {get(second)}; allowed: below 1 together with {first}, "
            f"which is {get(first)}",
        )
    for key in ("sample.temperature", "sample.top_p"):
        if are_sound(key, "gan.recipe") and get("gan.recipe") == "paper" and get(key) != 1:
            yield (
                key,
                f"{key} is {get(key)}; allowed with gan.recipe paper, whose generator draws no "
                "words: 1; set it to 1, or gan.recipe to modern",
            )
    label = "sample.label"
    if are_sound(label, "per_label") and get(label) is not None and not get("per_label"):
        yield (
            label,
            f"{label} is {say(get(label))}; allowed while per_label is false: null; "
            "set it to null, or per_label to true",
        )
    for key in ("detector.fakes", "blind_test.generators"):
        if not are_sound("generators", "embeddings", key):
            continue
        there = [*FIRST, *get("generators"), *get("embeddings")]
        for name in get(key) or []:
            if name not in there:
                yield (
                    f"{key}.{name}",
                    f"{key} is {say(get(key))}, but {name} is no generator of this run; allowed: "
                    f"null, or any of {', '.join(there)}",
                )
    if are_sound("generators"):
        yield from _check_gan_sources(values, mistakes)
        known = list_generators()
        for name in get("generators"):
            if name not in known:
                yield f"generators.{name}", _tell_unlisted(get("generators"), name, known)
        if are_sound("fetch.label", "fetch.source"):
            yield from _check_labels(values, known)


def _check_labels(values: Any, known: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Refuse generators that take labels where texts have none for sure: yield key and line."""
    if peek(values, "fetch.label") is None:
        why = "fetch.label null"
    elif peek(values, "fetch.source") == "oracle":
        why = "fetch.source oracle"
    else:
        return
    for name in values["generators"]:
        if name in known and find_generator(name).conditional:
            yield (
                f"generators.{name}",
                f"generators has {name}, which learns texts of several labels; with {why} texts "
                f"have none; take {name} out, or learn from texts with labels",
            )


def _check_gan_sources(values: Any, mistakes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield key and line where a GAN is to start from, or to know, what is not there before it."""
    there = [*FIRST, *peek(values, "generators")]
    model = "transformer.model"
    pretrained = None if concerns(model, mistakes) else peek(values, model)
    sections = ["gan", *(f"gan_overrides.{name}" for name in EMBEDDINGS)]
    if peek(values, "gan.recipe") != "paper":
        sections.append("recipes.modern")
    for section in sections:
        key = f"{section}.generator"
        chosen = None if concerns(key, mistakes) else peek(values, key)
        if chosen is not None and chosen not in there:
            yield (
                key,
                f"{key} is {chosen}, which this run does not train; add {chosen} to the list "
                "generators",
            )
        elif chosen == "transformer" and pretrained is not None:
            yield (
                key,
                f"{key} is transformer; allowed while {model} is {say(pretrained)}: "
                "language_model; a pretrained model has no vocabulary of the corpus",
            )
        key = f"{section}.fakes"
        if concerns(key, mistakes):
            continue
        for name in peek(values, key) or []:
            if name not in there:
                yield (
                    f"{key}.{name}",
                    f"{key} is {say(peek(values, key))}, but {name} is no generator that is "
                    f"trained before the GANs; allowed: a list of any of {', '.join(there)}, each "
                    "once, or null; `generators` names further ones",
                )


def _tell_unlisted(listed: list[str], name: str, known: list[str]) -> str:
    nearest = find_nearest(name, known)
    hint = f"did you mean {nearest}? " if nearest else ""
    if name in FIRST:
        why = f"{name} is always there"
    elif (GENERATORS / f"{name}.py").is_file():
        why = f"stages/generators/{name}.py is not for this list"
    else:
        why = f"there is no stages/generators/{name}.py"
    allowed = f"a list of any of {', '.join(known)}, each once" if known else "[]"
    return f"generators is {say(listed)}, but {why}; {hint}allowed: {allowed}"
