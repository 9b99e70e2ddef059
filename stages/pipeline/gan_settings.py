"""The settings of a GAN: a recipe's numbers, and over them what `gan` and an embedding's set."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, create_model

from stages.corpus.settings import Section
from stages.pipeline.core_settings import RECIPES, Gan
from stages.pipeline.mistakes import find_mistakes, say
from stages.pipeline.parameters import (
    dig,
    load_params,
    nullable,
    peek,
    read_parameters,
    refuse,
)

_Settings = TypeVar("_Settings", bound=BaseModel)


def load_gan_settings(embedding: str, settings: type[_Settings]) -> _Settings:
    """Load what training a GAN takes, settled for one embedding.

    Over the numbers of the recipe that `gan.recipe` names lie those that `gan` sets, and over these
    those that `gan_overrides` sets for the embedding; null sets nothing.

    Args:
        embedding: its name.
        settings: the `Settings` of the recipe's generator.

    Raises:
        UserError: as `load_params`, or a key is set that the recipe does not read.
    """
    values = read_parameters()
    recipe = load_params("gan.recipe").gan.recipe
    layers = ("gan", f"gan_overrides.{embedding}")
    base = dig(values, f"recipes.{recipe}")
    mistakes = find_mistakes(settings, base, f"recipes.{recipe}")
    partial = _all_optional(settings)
    for path in layers:
        mistakes |= find_mistakes(partial, dig(values, path), path)
    refuse(mistakes)
    refuse(dict(find_unread(values, recipe, settings, layers)))
    merged = settle_gan(values, recipe, embedding)
    refuse(find_mistakes(settings, merged, "gan"))
    return settings.model_validate(merged)


def settle_gan(values: Any, recipe: str, embedding: str) -> dict[str, Any]:
    """Lay what `gan`, and then an embedding's overrides, set over the numbers of a recipe."""
    merged = dict(dig(values, f"recipes.{recipe}"))
    for path in ("gan", f"gan_overrides.{embedding}"):
        section = dig(values, path)
        merged |= {key: section[key] for key in merged if section.get(key) is not None}
    return merged


def _all_optional(settings: type[BaseModel]) -> type[BaseModel]:
    """Make settings of which each key may be null or left out, and others stand beside them."""
    fields = {key: (nullable(field), None) for key, field in settings.model_fields.items()}
    return create_model("Partial", __base__=Section, __cls_kwargs__={"extra": "ignore"}, **fields)


def find_unread(
    values: Any, recipe: str, settings: type[BaseModel], sections: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Find keys that are set, but that the recipe does not read.

    Args:
        values: what the whole file holds.
        recipe: what `gan.recipe` names.
        settings: the `Settings` of the recipe's generator.
        sections: dotted keys of `gan` and of overrides.

    Yields:
        A dotted key and the line about it.
    """
    for path in sections:
        read = settings.model_fields | (Gan.model_fields if path == "gan" else {})
        section = peek(values, path)
        for name, value in section.items() if isinstance(section, Mapping) else ():
            if value is None or name in read:
                continue
            others = [
                other for other in RECIPES if name in (peek(values, f"recipes.{other}") or ())
            ]
            switch = f", or gan.recipe to {others[0]}" if others else ""
            yield (
                f"{path}.{name}",
                f"{path}.{name} is {say(value)}, which gan.recipe {recipe} does not read; "
                f"set it to null{switch}",
            )
