"""Stage start_gan: gather what the GANs of a recipe start from.

The paper's start from noise: their folder says no more. The modern ones start from a generator that
has learnt already, and learn to know other generators' texts: those of any that `generators` names,
which is why they wait for all of these. DVC compares contents: what else changes there retrains no
GAN.
"""

import shutil
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tqdm import tqdm

from stages.corpus.corpus import load_corpus
from stages.corpus.seeds import derive_seed
from stages.generators.per_label import PerLabel, part_of
from stages.generators.protocol import Generator, load_generator
from stages.pipeline.files import replacing, write_lines
from stages.pipeline.parameters import load_params
from stages.pipeline.stage import pick_device, run_stage, seed_everything

GENERATORS = Path("data/generators")


def main(recipe: str) -> None:
    with replacing(f"data/starts/{recipe}") as folder:
        folder.mkdir()
        (folder / "recipe.txt").write_text(f"{recipe}\n", encoding="utf-8")
        if recipe == "modern":
            gather(folder)


def gather(folder: Path) -> None:
    """Copy what GANs start from, and let each source of fakes write as many texts as are real.

    What they start from writes further ones, as many as there are validation texts: a
    discriminator's loss on them says when it has learnt enough.
    """
    params = load_params(
        "seed",
        "device",
        "threads",
        "per_label",
        "gan.generator",
        "gan.fakes",
        "gan_overrides",
        "recipes.modern.generator",
        "recipes.modern.fakes",
    )
    seed_everything(params.seed, params.threads)
    device = pick_device(params.device)
    corpus = load_corpus("data/corpus")
    recipe, overrides = params.recipes.modern, params.gan_overrides
    starts = dict.fromkeys(choices("generator", params.gan.generator, recipe.generator, overrides))
    fakes = choices("fakes", params.gan.fakes, recipe.fakes, overrides)
    names = dict.fromkeys([*starts, *chain.from_iterable(fakes)])
    sources = {name: load_generator(GENERATORS / name, device) for name in names}
    for name, source in sources.items():
        corpus.check_model(GENERATORS / name, source.fingerprint)
    for place in range(len(corpus.labels)) if params.per_label else [None]:
        label = None if place is None else corpus.labels[place]
        part = corpus if label is None else corpus.of_label(label)
        inner = folder if place is None else part_of(folder, place)
        inner.mkdir(exist_ok=True)
        for name, source in sources.items():
            count = len(part.train) + (len(part.validation) if name in starts else 0)
            # Seeded apart, so that none of them is a text of the stage sample.
            seed = derive_seed(params.seed, "fakes")
            batches = write(
                source, None if label is None else corpus.label_names[label], count, seed
            )
            texts = (text for batch in batches for text in batch)
            shown = tqdm(texts, f"{name} fakes", total=count, unit="text")
            write_lines(inner / f"{name}.txt", shown)
        for name in starts:
            model = GENERATORS / name
            shutil.copytree(model if place is None else part_of(model, place), inner / name)


def write(source: Generator, label: str | None, count: int, seed: int) -> Iterator[list[str]]:
    """Let a generator write texts, of one label or of all."""
    if label is None:
        return source.generate(count, seed)
    if isinstance(source, PerLabel):
        return source.parts[label].generate(count, seed)
    return source.generate(count, seed, labels=[label] * count)


def choices(key: str, own: Any, recipe: Any, overrides: SimpleNamespace) -> list[Any]:
    """Return what the embeddings' GANs have for a key, first what those without an override have.

    Args:
        key: of the section `gan`.
        own: its value there; null is the recipe's.
        recipe: its value in the recipe.
        overrides: the section `gan_overrides`.
    """
    others = (getattr(override, key, None) for override in vars(overrides).values())
    return [recipe if own is None else own, *(each for each in others if each is not None)]


if __name__ == "__main__":
    run_stage(main)
