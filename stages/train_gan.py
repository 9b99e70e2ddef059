"""Stage train_gan: train a generator and a discriminator against each other, by either recipe."""

from pathlib import Path

from stages.corpus.corpus import Corpus, load_corpus
from stages.embeddings.protocol import load_embedding
from stages.generators.per_label import part_of
from stages.generators.protocol import Generator, find_generator
from stages.pipeline.parameters import load_gan_settings, load_params
from stages.pipeline.stage import pick_device, run_stage, seed_everything
from stages.pipeline.training import train_and_save


def main(name: str) -> None:
    params = load_params(
        "seed",
        "device",
        "threads",
        "checkpoint_minutes",
        "per_label",
        "gan.recipe",
        "gan.max_length",
    )
    gan = find_generator(f"{params.gan.recipe}_gan")
    settings = load_gan_settings(name, gan.Settings)
    seed_everything(params.seed, params.threads)
    device = pick_device(params.device)
    corpus = load_corpus("data/corpus", params.gan.max_length)
    folder = Path("data/embeddings") / name
    embedding = load_embedding(name, folder, device)
    corpus.check_model(folder, embedding.fingerprint)
    start = Path("data/starts") / params.gan.recipe

    def build(part: Corpus, label: int | None) -> Generator:
        return gan.build(
            part,
            settings,
            seed=params.seed,
            device=device,
            embedding=embedding,
            start=start if label is None else part_of(start, label),
        )

    train_and_save(
        build,
        corpus,
        stage="train_gan",
        name=name,
        per_label=params.per_label,
        seed=params.seed,
        checkpoint_minutes=params.checkpoint_minutes,
        inputs=[start, folder],
    )


if __name__ == "__main__":
    run_stage(main)
