"""Texts of a generator, chosen by its discriminator.

Of several candidates of like length one is drawn by its odds of being real, which for a
discriminator trained on cross-entropy are P(real) / P(generator): with many candidates, texts of a
length come out as the discriminator believes real ones of that length to be distributed. How long
texts are stays the generator's choice: the longer a text, the more gives it away, so that odds
would shorten texts. Of texts drawn at another temperature or top_p than 1, or by another objective,
the odds are no more than a preference.

Source: D. B. Rubin, "Using the SIR algorithm to simulate posterior distributions", Bayesian
Statistics 3, 1988; for GANs S. Azadi et al., "Discriminator Rejection Sampling", 2019,
arXiv:1810.06758; for text Y. Deng et al., "Residual Energy-Based Models for Text Generation", 2020,
arXiv:2004.11714, from whom we differ in drawing each text from candidates of its own, so that none
is used twice, and of its length.
"""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

from stages.embeddings.piece_table import lengths_of
from stages.embeddings.protocol import Embedding
from stages.models.language_gan import LanguageGan
from stages.models.language_model import BATCH, draw_places
from stages.models.prefix_discriminator import verdicts
from stages.seeds import derive_seed


def resample(
    batches: Iterable[list[str]],
    log_odds: Callable[[list[str]], Tensor],
    candidates: int,
    seed: int,
) -> Iterator[list[str]]:
    """Yield one of every `candidates` texts, drawn by its odds among texts of like length.

    Args:
        batches: the texts, in batches of any size; what is left over at the end goes.
        log_odds: from up to `BATCH` texts to the logarithm of each one's odds of being real, (N,).
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
        while len(waiting) >= BATCH * candidates:
            yield _choose(waiting[: BATCH * candidates], log_odds, candidates, random)
            waiting = waiting[BATCH * candidates :]
    groups = len(waiting) // candidates
    if groups:
        yield _choose(waiting[: groups * candidates], log_odds, candidates, random)


def _choose(
    texts: list[str],
    log_odds: Callable[[list[str]], Tensor],
    candidates: int,
    random: torch.Generator,
) -> list[str]:
    """Draw one text of each group; texts are grouped by length and come out in any order."""
    odds = torch.cat(
        [log_odds(texts[first : first + BATCH]) for first in range(0, len(texts), BATCH)]
    )
    lengths = torch.tensor([len(text.split()) for text in texts])
    groups = lengths.argsort(stable=True).view(-1, candidates)
    drawn = draw_places(odds.double()[groups].softmax(1), random)
    chosen = groups.gather(1, drawn.unsqueeze(1)).squeeze(1)
    order = torch.randperm(len(chosen), generator=random)
    return [texts[place] for place in chosen[order].tolist()]


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
