"""How well each GAN's discriminator tells each generator's texts from test texts, at any threshold.

python tests/check_fakes.py     in the folder of a run, such as the working tree after `dvc repro`

For each discriminator a line says whose fakes it has learnt to know: by the modern recipe the
language model's and those that `gan.fakes` names, by the paper's its own generator's. Then each
source of the run has a line: the area under the ROC curve, and half the width of its 95 % interval.
0.5 is guessing.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import stages  # noqa: F401, I001 - before the libraries load, which it settles

from stages.evaluate_detectors import with_words
from stages.generators.per_label import PerLabel
from stages.generators.protocol import ABOUT, load_generator
from stages.measures.detection import area
from stages.pipeline.sources import GANS, SAMPLES, TEST, VALIDATION, load_source
from stages.pipeline.stage import seed_everything


def main():
    seed_everything(1, 2)
    names = sorted(path.stem for path in SAMPLES.glob("*.txt"))
    folders = sorted(path.parent for path in GANS.glob(f"*/{ABOUT}"))
    if TEST not in names or not folders:
        sys.exit(f"no {SAMPLES}/{TEST}.txt or no GAN in {GANS}: run `dvc repro`")
    sources = {name: with_words(load_source(name)) for name in names if name != VALIDATION}
    real = sources.pop(TEST)
    for folder in folders:
        gan = load_generator(folder, "cpu")
        logits = gan.judge.logits(*real)
        print(f"{folder.name}, which knows {', '.join(list_known(gan))}:")
        for name, source in sources.items():
            found = area(logits, gan.judge.logits(*source))
            print(
                f"  {name:20} {found.value:.3f} +- {(found.high - found.low) / 2:.3f}", flush=True
            )


def list_known(gan):
    """Name the generators whose fakes a GAN's discriminator has learnt to know."""
    part = next(iter(gan.parts.values())) if isinstance(gan, PerLabel) else gan
    fakes = getattr(part.settings, "fakes", None)
    return ["its own generator"] if fakes is None else dict.fromkeys(["language_model", *fakes])


if __name__ == "__main__":
    main()
