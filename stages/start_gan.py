"""Stage start_gan: gather what the GANs of a recipe start from.

The paper's start from noise: their folder says no more. The modern ones start from the language
model and learn to know other generators' texts. DVC compares contents: what else changes in
data/generators/ retrains no GAN.
"""

import shutil
from pathlib import Path
from types import SimpleNamespace

from tqdm import tqdm

from stages.corpus.corpus import load_corpus
from stages.corpus.seeds import derive_seed
from stages.generators.per_label import part_of
from stages.generators.protocol import load_generator
from stages.pipeline.files import replacing, write_lines
from stages.pipeline.parameters import load_params
from stages.pipeline.stage import pick_device, run_stage, seed_everything

GENERATORS = Path("data/generators")
START = "language_model"


def main(recipe: str) -> None:
    with replacing(f"data/starts/{recipe}") as folder:
        folder.mkdir()
        (folder / "recipe.txt").write_text(f"{recipe}\n", encoding="utf-8")
        if recipe == "modern":
            gather(folder)


def gather(folder: Path) -> None:
    """Copy the language model, and let each source of fakes write as many texts as are real.

    The language model writes further ones, as many as there are validation texts: a discriminator's
    loss on them says when it has learnt enough.
    """
    params = load_params(
        "seed",
        "device",
        "threads",
        "per_label",
        "gan.fakes",
        "gan_overrides",
        "recipes.modern.fakes",
    )
    seed_everything(params.seed, params.threads)
    device = pick_device(params.device)
    corpus = load_corpus("data/corpus")
    names = dict.fromkeys([START, *chosen_fakes(params)])
    sources = {name: load_generator(GENERATORS / name, device) for name in names}
    for name, source in sources.items():
        corpus.check_model(GENERATORS / name, source.fingerprint)
    for place in range(len(corpus.labels)) if params.per_label else [None]:
        label = None if place is None else corpus.labels[place]
        part = corpus if label is None else corpus.of_label(label)
        inner = folder if place is None else part_of(folder, place)
        inner.mkdir(exist_ok=True)
        for name, source in sources.items():
            writer = source if label is None else source.parts[corpus.label_names[label]]
            # Seeded apart, so that none of them is a text of the stage sample.
            count = len(part.train) + (len(part.validation) if name == START else 0)
            batches = writer.generate(count, derive_seed(params.seed, "fakes"))
            texts = (text for batch in batches for text in batch)
            shown = tqdm(texts, f"{name} fakes", total=count, unit="text")
            write_lines(inner / f"{name}.txt", shown)
        model = GENERATORS / START
        shutil.copytree(model if place is None else part_of(model, place), inner / START)


def chosen_fakes(params: SimpleNamespace) -> list[str]:
    """Return the sources of fakes that any embedding's GAN learns to know."""
    own = params.gan.fakes
    chosen = list(params.recipes.modern.fakes if own is None else own)
    for override in vars(params.gan_overrides).values():
        chosen += getattr(override, "fakes", None) or []
    return chosen


if __name__ == "__main__":
    run_stage(main)
