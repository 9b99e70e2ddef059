"""What a discriminator has found in each beginning of a text: the information that LeakGAN leaks.

Source: J. Guo et al., "Long Text Generation via Adversarial Training with Leaked Information", AAAI
2018, arXiv:1709.08624. A beginning is read without the ends that may come after it: its features
are those of the windows that lie within it, and a filter for which it is too short has found
nothing, 0. So no word is read twice, as the features of a longer beginning are the largest of the
old answers and of those to the windows that end with the new words; and those of a text with all
the ends that the discriminator reads after it are the discriminator's own. The authors' code reads
each beginning anew, with padding up to the longest text.
"""

import torch
from torch import Tensor

from stages.networks.text_discriminator import TextDiscriminator

NOTHING = -1  # in place of a word before the beginning

# The last words, (1, B, longest width - 1), int64, and each filter's strongest answer, (1, B, F).
Found = tuple[Tensor, Tensor]


def begin(discriminator: TextDiscriminator, count: int) -> Found:
    """Return what is found in so many beginnings that have no word."""
    device = discriminator.device
    recent = torch.full((1, count, max(discriminator.widths) - 1), NOTHING, device=device)
    none = torch.full((1, count, discriminator.num_features), -torch.inf, device=device)
    return recent, none


@torch.no_grad()
def leak(discriminator: TextDiscriminator, words: Tensor, found: Found) -> tuple[Tensor, Found]:
    """Read words on, and return the features after each of them, (B, L, F), and what is found.

    Args:
        discriminator: in evaluation mode; it learns nothing from this.
        words: (B, L), int64, L of 1 or more.
        found: in what comes before them.
    """
    (recent,), (strongest,) = found
    read = torch.cat([recent, words], 1)
    vectors, answers = discriminator.vectors(read.clamp(min=0)), []
    for number, width in enumerate(discriminator.widths):
        first = recent.shape[1] - width + 1  # of the window that ends with the first new word
        answer = discriminator.answer(vectors[:, first:], number)  # (B, L, filters)
        begins = read[:, first : first + words.shape[1]] == NOTHING
        answers.append(answer.masked_fill(begins.unsqueeze(2), -torch.inf))
    answers = torch.cat([strongest.unsqueeze(1), torch.cat(answers, 2)], 1)
    running = answers.cummax(1).values[:, 1:]  # (B, L, F)
    features = features_of(discriminator, running)
    return features, (read[None, :, words.shape[1] :], running[None, :, -1])


@torch.no_grad()
def features_of(discriminator: TextDiscriminator, strongest: Tensor) -> Tensor:
    """Turn filters' strongest answers (B, L, F) into what the last layer would read, (B, L, F)."""
    return discriminator.pass_on(strongest.flatten(0, 1)).view_as(strongest)
