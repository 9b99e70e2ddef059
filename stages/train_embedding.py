"""Stage train_embedding: fit one embedding on the training split and measure its round trip."""

from types import SimpleNamespace

from tqdm import tqdm

from stages.corpus.corpus import Corpus, load_corpus
from stages.embeddings.protocol import Embedding
from stages.experiment import (
    load_params,
    pick_device,
    replacing,
    run_stage,
    seed_everything,
    write_metrics,
)
from stages.measures.round_trip import round_trip

BATCH = 200  # test texts embedded at a time


def main(name: str) -> None:
    params = load_params("seed", "device", f"embedding.{name}")
    seed_everything(params.seed)
    corpus = load_corpus("data/corpus")
    settings = getattr(params.embedding, name)
    embedding = fit(name, corpus, settings, params.seed, pick_device(params.device))
    with replacing(f"data/embeddings/{name}") as folder:
        embedding.save(folder)

    # Texts of like length together need little padding.
    texts = sorted(corpus.texts(corpus.test), key=len)
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


def fit(name: str, corpus: Corpus, settings: SimpleNamespace, seed: int, device: str) -> Embedding:
    """Fit the embedding `name` on the training split."""
    words = corpus.words[1 : corpus.vocabulary_size + 1]
    texts = corpus.texts(corpus.train)
    if name == "scalar":
        from stages.embeddings.scalar import ScalarEmbedding

        if settings.order == "similarity":
            from stages.embeddings.seriation import order_by_similarity

            words = order_by_similarity(texts, words, seed)
        return ScalarEmbedding(words, device)
    if name == "word2vec":
        from stages.embeddings.word2vec import Word2VecEmbedding

        return Word2VecEmbedding.fit(
            texts,
            words,
            vector_size=settings.vector_size,
            window=settings.window,
            epochs=settings.epochs,
            seed=seed,
            device=device,
        )
    from stages.embeddings.bert import BertEmbedding

    return BertEmbedding.fit(
        texts, model=settings.model, vector_size=settings.vector_size, device=device
    )


if __name__ == "__main__":
    run_stage(main)
