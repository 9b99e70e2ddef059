"""Stage cross_evaluate: let each discriminator judge every source."""

import numpy as np
import torch
from scipy.special import expit
from tqdm import tqdm

from stages.corpus.corpus import load_corpus
from stages.embeddings.piece_table import lengths_of
from stages.embeddings.protocol import Embedding, load_embedding
from stages.experiment import (
    load_params,
    pick_device,
    read_lines,
    replacing,
    run_stage,
    seed_everything,
    write_json,
)
from stages.measures.verdict import accuracy, mean_squared_error, threshold_for
from stages.models.gan import Gan
from stages.models.language_gan import LanguageGan
from stages.models.load import load_gan
from stages.pictures import draw_verdicts
from stages.seeds import derive_seed

REAL = ("train", "test")
VALIDATION = "validation"  # real, and neither learnt from nor reported: it sets the threshold
BATCH = 500  # texts judged at a time


def main() -> None:
    params = load_params(
        "seed",
        "device",
        "embeddings",
        "gan.max_length",
        "sample.count",
        "cross_evaluate",
    )
    seed_everything(params.seed)
    device = pick_device(params.device)
    sources = (*REAL, "markov", "language_model", *params.embeddings)
    texts = {source: read_lines(f"data/samples/{source}.txt") for source in sources}
    corpus = load_corpus("data/corpus")
    texts[VALIDATION] = corpus.texts(corpus.validation, params.gan.max_length)
    verdicts: dict[str, dict[str, dict[str, float]]] = {}
    for name in params.embeddings:
        embedding = load_embedding(name, f"data/embeddings/{name}", device)
        gan = load_gan(f"data/models/gan-{name}.safetensors", device)
        logits = judge(name, gan, embedding, texts)
        threshold = 0.0
        if isinstance(gan, Gan):  # the paper judges its vectors, before they become words
            made = gan.generate(params.sample.count, params.seed)
            own = torch.cat([gan.discriminator.judge(vectors) for vectors in made]).cpu().numpy()
        else:  # as it writes, before the discriminator has chosen
            made = gan.generator.generate(
                params.sample.count, params.gan.max_length, derive_seed(params.seed, "judge")
            )
            written = {"generator": [text for batch in made for text in batch]}
            own = judge(name, gan, embedding, written)["generator"]
            threshold = threshold_for(logits[VALIDATION], params.cross_evaluate.real_share)
        # The paper's four first, in its order.
        ordered = {source: logits[source] for source in REAL} | {"generator": own} | logits
        del ordered[VALIDATION]
        verdicts[name] = {
            source: {
                "accuracy": accuracy(scores, is_real=source in REAL),
                "mse": mean_squared_error(scores, is_real=source in REAL),
            }
            for source, scores in (
                (source, expit(values - threshold)) for source, values in ordered.items()
            )
        }
    write_json("metrics/cross_evaluate.json", verdicts)
    with replacing("plots/cross_evaluate.png") as path:
        draw_verdicts(path, verdicts, real=REAL)


def judge(
    name: str, gan: Gan | LanguageGan, embedding: Embedding, texts: dict[str, list[str]]
) -> dict[str, np.ndarray]:
    """Give one discriminator's logits of each source's texts, as it sees them in training."""
    length = gan.settings.max_length
    logits = {}
    with tqdm(desc=f"{name} judges", total=sum(map(len, texts.values())), unit="text") as progress:
        for source, lines in texts.items():
            progress.set_postfix(source=source)
            parts = []
            for first in range(0, len(lines), BATCH):
                tokens = embedding.tokenize(lines[first : first + BATCH], length)
                seen = [embedding.embed(tokens)]
                if isinstance(gan, LanguageGan):
                    seen.append(lengths_of(tokens))
                parts.append(gan.discriminator.judge(*seen).cpu().numpy())
                progress.update(len(tokens))
            logits[source] = np.concatenate(parts)
    return logits


if __name__ == "__main__":
    run_stage(main)
