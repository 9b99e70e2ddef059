"""Stage train_generator: train one generator of stages/generators/ on the corpus.

With per_label it trains one a label, but for generators that take labels by themselves.
"""

from pathlib import Path

from stages.corpus.corpus import Corpus, load_corpus
from stages.generators.protocol import Generator, find_generator
from stages.pipeline.parameters import load_params, load_settings
from stages.pipeline.stage import pick_device, run_stage, seed_everything
from stages.pipeline.training import train_and_save


def main(name: str) -> None:
    params = load_params(
        "seed", "device", "threads", "checkpoint_minutes", "per_label", "gan.max_length"
    )
    generator = find_generator(name)
    settings = load_settings(name, generator.Settings)
    seed_everything(params.seed, params.threads)
    device = pick_device(params.device)
    corpus = load_corpus("data/corpus", params.gan.max_length)

    def build(part: Corpus, place: int | None) -> Generator:
        return generator.build(part, settings, seed=params.seed, device=device)

    train_and_save(
        build,
        corpus,
        home=Path("data/generators"),
        stage="train_generator",
        name=name,
        per_label=params.per_label and not generator.conditional,
        seed=params.seed,
        checkpoint_minutes=params.checkpoint_minutes,
    )


if __name__ == "__main__":
    run_stage(main)
