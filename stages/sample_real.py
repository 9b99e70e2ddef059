"""Stage sample_real: write the real texts as samples, cropped as the generators' texts are."""

import sys

from stages.corpus.corpus import SPLITS, load_corpus
from stages.pipeline.parameters import load_params
from stages.pipeline.sources import write_source
from stages.pipeline.stage import run_stage


def main() -> None:
    length = load_params("gan.max_length").gan.max_length
    corpus = load_corpus("data/corpus")
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


if __name__ == "__main__":
    run_stage(main)
