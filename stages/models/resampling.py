"""Texts of a generator, chosen by its discriminator.

Of several candidates one is drawn by its odds of being real, which for a discriminator trained on
cross-entropy are P(real) / P(generator): with many candidates, texts come out as the discriminator
believes real ones to be distributed. Of texts drawn at another temperature or top_p than 1, or by
another objective, the odds are no more than a preference.

Source: D. B. Rubin, "Using the SIR algorithm to simulate posterior distributions", Bayesian
Statistics 3, 1988; for GANs S. Azadi et al., "Discriminator Rejection Sampling", 2019,
arXiv:1810.06758; for text Y. Deng et al., "Residual Energy-Based Models for Text Generation", 2020,
arXiv:2004.11714, from whom we differ in drawing each text from candidates of its own, so that none
is used twice.
"""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

from stages.embeddings.piece_table import lengths_of
from stages.embeddings.protocol import Embedding
from stages.models.language_gan import LanguageGan
from stages.models.language_model import draw_places
from stages.models.prefix_discriminator import verdicts
from stages.seeds import derive_seed


def resample(
    batches: Iterable[list[str]],
    log_odds: Callable[[list[str]], Tensor],
    candidates: int,
    seed: int,
) -> Iterator[list[str]]:
    """Yield one of every `candidates` texts, drawn by its odds.

    Args:
        batches: the texts, in batches of any size; what is left over at the end goes.
        log_odds: from texts to the logarithm of each one's odds of being real, (N,).
        candidates: texts from which one is drawn, at least 1; of 1 each is kept, unjudged.
        seed: of the draw.
    """
    if candidates == 1:
        yield from batches
        return
    random = torch.Generator().manual_seed(seed)
    waiting: list[str] = []
    for batch in batches:
        waiting += batch
        groups = len(waiting) // candidates
        texts, waiting = waiting[: groups * candidates], waiting[groups * candidates :]
        if groups:
            odds = log_odds(texts).double().view(groups, candidates).softmax(1)
            chosen = draw_places(odds, random).tolist()
            yield [texts[row * candidates + place] for row, place in enumerate(chosen)]


def generate_resampled(
    gan: LanguageGan,
    embedding: Embedding,
    count: int,
    seed: int,
    *,
    temperature: float,
    top_p: float,
    candidates: int,
) -> Iterator[list[str]]:
    """Yield `count` texts of a GAN's generator, chosen by its discriminator; see `resample`."""
    length = gan.settings.max_length

    @torch.no_grad()
    def log_odds(texts: list[str]) -> Tensor:
        tokens = embedding.tokenize(texts, length)
        lengths = lengths_of(tokens)
        return verdicts(gan.discriminator(embedding.embed(tokens), lengths), lengths)[:, 0].cpu()

    batches = gan.generator.generate(
        count * candidates, length, seed, temperature=temperature, top_p=top_p
    )
    return resample(batches, log_odds, candidates, derive_seed(seed, "resample"))
