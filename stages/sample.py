"""Stage sample: write texts of one generator: a GAN's, the language model or the Markov chain."""

from collections.abc import Iterable
from statistics import fmean

import numpy as np
from tqdm import tqdm

from stages.corpus.corpus import load_corpus
from stages.experiment import (
    load_params,
    pick_device,
    run_stage,
    seed_everything,
    write_lines,
    write_metrics,
)


def main(name: str) -> None:
    if name == "markov":
        texts = sample_markov()
    elif name == "language_model":
        texts = sample_language_model()
    else:
        texts = sample_gan(name)
    write_lines(f"data/samples/{name}.txt", texts)
    values = {
        "texts": len(texts),
        "empty": texts.count(""),
        "distinct": len(set(texts)),
        "mean_length": fmean(len(text.split()) for text in texts),
    }
    write_metrics("sample", values, name)


def sample_markov() -> list[str]:
    """Draw texts from the Markov chain, cropped as the GANs' texts are."""
    from stages.models.markov_chain import MarkovChain

    params = load_params("seed", "gan.max_length", "markov.start", "sample.count")
    chain = MarkovChain.load("data/models/markov.safetensors")
    random = np.random.default_rng(params.seed)
    drawn = chain.sample(params.sample.count, params.gan.max_length, random, params.markov.start)
    words = load_corpus("data/corpus").words
    return [" ".join(words[word] for word in text) for text in drawn]


def sample_language_model() -> list[str]:
    """Draw texts from the language model that the modern recipe starts from."""
    from stages.models.language_model import LanguageModel

    params = load_params(
        "seed",
        "device",
        "gan.max_length",
        "sample.count",
        "sample.temperature",
        "sample.top_p",
    )
    seed_everything(params.seed)
    path = "data/models/language_model.safetensors"
    model = LanguageModel.load(path, pick_device(params.device))
    sample = params.sample
    written = model.generate(
        sample.count,
        params.gan.max_length,
        params.seed,
        temperature=sample.temperature,
        top_p=sample.top_p,
    )
    return collect("language_model", sample.count, written)


def sample_gan(name: str) -> list[str]:
    """Let a GAN's generator write, or make vectors of noise, and its embedding words of them."""
    from stages.embeddings.protocol import load_embedding
    from stages.models.gan import Gan
    from stages.models.load import load_gan
    from stages.models.resampling import generate_resampled

    params = load_params("seed", "device", "sample")
    seed_everything(params.seed)
    device = pick_device(params.device)
    gan = load_gan(f"data/models/gan-{name}.safetensors", device)
    if not isinstance(gan, Gan):
        embedding = load_embedding(name, f"data/embeddings/{name}", device)
        sample = params.sample
        written = generate_resampled(
            gan,
            embedding,
            sample.count,
            params.seed,
            temperature=sample.temperature,
            top_p=sample.top_p,
            candidates=sample.candidates,
        )
        return collect(name, sample.count, written)
    embedding = load_embedding(name, f"data/embeddings/{name}", device)
    made = gan.generate(params.sample.count, params.seed)
    return collect(name, params.sample.count, map(embedding.decode, made))


def collect(name: str, count: int, batches: Iterable[list[str]]) -> list[str]:
    """Gather texts with a progress bar."""
    texts: list[str] = []
    with tqdm(desc=f"sample {name}", total=count, unit="text") as progress:
        for batch in batches:
            texts += batch
            progress.update(len(batch))
    return texts


if __name__ == "__main__":
    run_stage(main)
