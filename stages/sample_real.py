"""Stage sample_real: write the real texts as samples, cropped as the generators' texts are."""

from stages.corpus.corpus import SPLITS, load_corpus
from stages.pipeline.parameters import load_params
from stages.pipeline.sources import write_source
from stages.pipeline.stage import run_stage


def main() -> None:
    length = load_params("gan.max_length").gan.max_length
    corpus = load_corpus("data/corpus")
    for name in SPLITS:
        split = getattr(corpus, name)
        write_source(name, corpus.texts(split, length), corpus.name_labels(split))


if __name__ == "__main__":
    run_stage(main)
