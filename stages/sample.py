"""Stage sample: write the texts of one generator, a GAN's or the Markov chain's."""

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
    texts = sample_markov() if name == "markov" else sample_gan(name)
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
    chain = MarkovChain.load("data/models/markov.npz")
    random = np.random.default_rng(params.seed)
    drawn = chain.sample(params.sample.count, params.gan.max_length, random, params.markov.start)
    words = load_corpus("data/corpus").words
    return [" ".join(words[word] for word in text) for text in drawn]


def sample_gan(name: str) -> list[str]:
    """Let a GAN's generator make vectors of noise, and its embedding words of them."""
    from stages.embeddings.protocol import load_embedding
    from stages.models.gan import Gan

    params = load_params("seed", "device", "sample.count")
    seed_everything(params.seed)
    device = pick_device(params.device)
    embedding = load_embedding(name, f"data/embeddings/{name}", device)
    gan = Gan.load(f"data/models/gan-{name}.safetensors", device)
    texts: list[str] = []
    with tqdm(desc=f"sample {name}", total=params.sample.count, unit="text") as progress:
        for vectors in gan.generate(params.sample.count, params.seed):
            texts += embedding.decode(vectors)
            progress.update(len(vectors))
    return texts


if __name__ == "__main__":
    run_stage(main)
