"""Stage cross_evaluate: let each discriminator judge every source."""

import numpy as np
import torch
from tqdm import tqdm

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
from stages.measures.verdict import accuracy, mean_squared_error
from stages.models.gan import Gan
from stages.models.language_gan import LanguageGan
from stages.models.load import load_gan
from stages.pictures import draw_verdicts

REAL = ("train", "test")
BATCH = 500  # texts judged at a time


def main() -> None:
    params = load_params("seed", "device", "embeddings", "sample.count")
    seed_everything(params.seed)
    device = pick_device(params.device)
    sources = (*REAL, "markov", "language_model", *params.embeddings)
    texts = {source: read_lines(f"data/samples/{source}.txt") for source in sources}
    verdicts: dict[str, dict[str, dict[str, float]]] = {}
    for name in params.embeddings:
        embedding = load_embedding(name, f"data/embeddings/{name}", device)
        gan = load_gan(f"data/models/gan-{name}.safetensors", device)
        scores = judge(name, gan, embedding, texts)
        own = scores[name]
        if isinstance(gan, Gan):  # the paper judges its vectors, before they become words
            made = gan.generate(params.sample.count, params.seed)
            own = torch.cat([gan.discriminator.score(vectors) for vectors in made]).cpu().numpy()
        # The paper's four first, in its order.
        scores = {**{source: scores[source] for source in REAL}, "generator": own, **scores}
        verdicts[name] = {
            source: {
                "accuracy": accuracy(values, is_real=source in REAL),
                "mse": mean_squared_error(values, is_real=source in REAL),
            }
            for source, values in scores.items()
        }
    write_json("metrics/cross_evaluate.json", verdicts)
    with replacing("plots/cross_evaluate.png") as path:
        draw_verdicts(path, verdicts, real=REAL)


def judge(
    name: str, gan: Gan | LanguageGan, embedding: Embedding, texts: dict[str, list[str]]
) -> dict[str, np.ndarray]:
    """Score the texts of each source by one discriminator, as it sees them in training."""
    length = gan.settings.max_length
    scores = {}
    with tqdm(desc=f"{name} judges", total=sum(map(len, texts.values())), unit="text") as progress:
        for source, lines in texts.items():
            progress.set_postfix(source=source)
            parts = []
            for first in range(0, len(lines), BATCH):
                tokens = embedding.tokenize(lines[first : first + BATCH], length)
                seen = [embedding.embed(tokens)]
                if isinstance(gan, LanguageGan):
                    seen.append(lengths_of(tokens))
                parts.append(gan.discriminator.score(*seen).cpu().numpy())
                progress.update(len(tokens))
            scores[source] = np.concatenate(parts)
    return scores


if __name__ == "__main__":
    run_stage(main)
