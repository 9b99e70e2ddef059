"""Stage train_gan: train a generator and a discriminator against each other, by either recipe."""

from pathlib import Path

from stages.corpus.corpus import Corpus, load_corpus
from stages.embeddings.pretrained_bert import load_tokenizer
from stages.embeddings.protocol import load_embedding
from stages.embeddings.unknown_pieces import check_pieces
from stages.generators.per_label import part_of
from stages.generators.protocol import Generator, find_generator
from stages.measures.sentence_vectors import SETTING
from stages.pipeline.gan_settings import load_gan_settings
from stages.pipeline.parameters import load_params
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
        "measure.model",
    )
    gan = find_generator(f"{params.gan.recipe}_gan")
    settings = load_gan_settings(name, gan.Settings)
    seed_everything(params.seed, params.threads)
    device = pick_device(params.device)
    corpus, encoder = load_corpus("data/corpus", params.gan.max_length), params.measure.model
    # What judges a modern GAN's epochs, and measures any GAN's texts once it is trained.
    check_pieces(
        load_tokenizer(encoder, SETTING),
        corpus.texts(corpus.validation),
        name="data/corpus",
        model=encoder,
        setting=SETTING,
    )
    folder = Path("data/embeddings") / name
    embedding = load_embedding(name, folder, device)
    corpus.check_model(folder, embedding.fingerprint)
    start = Path("data/starts") / params.gan.recipe

    def build(part: Corpus, place: int | None) -> Generator:
        return gan.build(
            part,
            settings,
            seed=params.seed,
            device=device,
            embedding=embedding,
            start=start if place is None else part_of(start, place),
            encoder=encoder,
        )

    train_and_save(
        build,
        corpus,
        home=Path("data/gans"),
        stage="train_gan",
        name=name,
        per_label=params.per_label,
        seed=params.seed,
        checkpoint_minutes=params.checkpoint_minutes,
        inputs=[start, folder],
        also=[encoder],
    )


if __name__ == "__main__":
    run_stage(main)
