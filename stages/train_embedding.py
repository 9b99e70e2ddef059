"""Stage train_embedding: fit one embedding on the training split and measure its round trip."""

import math
from importlib import import_module

from tqdm import tqdm

from stages.corpus.corpus import load_corpus
from stages.embeddings.protocol import find_embedding
from stages.measures.round_trip import round_trip
from stages.pipeline.files import replacing, write_metrics
from stages.pipeline.parameters import load_params, load_settings
from stages.pipeline.stage import pick_device, run_stage, seed_everything

BATCH = 200  # test texts embedded at a time
CHECKED = 2000  # test texts, evenly drawn, by which the round trip is measured


def main(name: str) -> None:
    params = load_params("seed", "device", "threads")
    kind = find_embedding(name)
    settings = load_settings(f"embedding.{name}", import_module(kind.__module__).Settings)
    seed_everything(params.seed, params.threads)
    corpus = load_corpus("data/corpus")
    device = pick_device(params.device)
    embedding = kind.build(corpus, settings, seed=params.seed, device=device)
    with replacing(f"data/embeddings/{name}") as folder:
        embedding.save(folder)

    texts = corpus.texts(corpus.test if len(corpus.test) else corpus.validation)
    texts = texts[:: math.ceil(len(texts) / CHECKED)]
    # Texts of like length together need little padding.
    texts.sort(key=len)
    decoded: list[str] = []
    for first in tqdm(range(0, len(texts), BATCH), desc=f"{name} round trip", unit="batch"):
        decoded += embedding.decode(embedding.encode(texts[first : first + BATCH]))
    values = {
        "width": embedding.width,
        "vocabulary": embedding.vocabulary_size,
        "out_of_vocabulary": embedding.out_of_vocabulary(texts),
        "round_trip": round_trip(texts, decoded),
    }
    write_metrics("train_embedding", values, name)


if __name__ == "__main__":
    run_stage(main)
