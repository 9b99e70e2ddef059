"""Stage sample_real: write the real texts as samples, cropped as the generators' texts are.

Beside the test texts it writes where each comes from, by which detectors are evaluated.
"""

import sys
from pathlib import Path

from stages.corpus.checked_files import damaged
from stages.corpus.corpus import SPLITS, TEST_PLATFORMS, load_corpus
from stages.pipeline.files import read_lines
from stages.pipeline.parameters import load_params
from stages.pipeline.sources import write_platforms, write_source
from stages.pipeline.stage import run_stage


def main() -> None:
    length = load_params("gan.max_length").gan.max_length
    corpus = load_corpus("data/corpus")
    path = Path("data/corpus", TEST_PLATFORMS)
    # A corpus that was not made by `prepare` has none.
    platforms = read_lines(path) if path.exists() else [""] * len(corpus.test)
    if len(platforms) != len(corpus.test):
        reason = f"{len(platforms)} lines, expected one a test text, {len(corpus.test)}"
        raise damaged(path, reason, "dvc repro prepare")
    splits = {name: getattr(corpus, name) for name in SPLITS}
    longer = sum(int((split.lengths > length).sum()) for split in splits.values())
    if longer:
        texts = sum(map(len, splits.values()))
        print(
            f"{longer:,} of {texts:,} texts are longer than gan.max_length, {length} words; "
            "networks learn and measures compare their beginnings",
            file=sys.stderr,
        )
    for name, split in splits.items():
        write_source(name, corpus.texts(split, length), corpus.name_labels(split))
    write_platforms(platforms)


if __name__ == "__main__":
    run_stage(main)
