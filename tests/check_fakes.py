"""How well each GAN's discriminator tells each generator's texts from test texts, at any threshold.

python tests/check_fakes.py     in the folder of a run, such as the working tree after `dvc repro`

Printed is the area under the ROC curve, half the width of its 95 % interval behind it, of a line
for each discriminator: first the generators whose fakes it has learnt to know, as `gan.fakes` says,
then its verdict on each source of the run. 0.5 is guessing.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import stages  # noqa: F401, I001 - before the libraries load, which it settles

from stages.generators.protocol import ABOUT, load_generator
from stages.measures.detection import area
from stages.pipeline.sources import GANS, SAMPLES, TEST, VALIDATION, load_source
from stages.pipeline.stage import seed_everything


def main():
    seed_everything(1, 2)
    names = sorted(path.stem for path in SAMPLES.glob("*.txt"))
    texts = {name: [*filter(None, load_source(name).texts)] for name in names}
    real = texts.pop(TEST)
    texts.pop(VALIDATION)
    for folder in sorted(path.parent for path in GANS.glob(f"*/{ABOUT}")):
        gan = load_generator(folder, "cpu")
        logits = gan.judge.logits(real)
        known = ", ".join(["language_model", *getattr(gan.settings, "fakes", [])])
        print(f"{folder.name}, which knows {known}:")
        for name, own in texts.items():
            found = area(logits, gan.judge.logits(own))
            print(
                f"  {name:20} {found.value:.3f} +- {(found.high - found.low) / 2:.3f}", flush=True
            )


if __name__ == "__main__":
    main()
