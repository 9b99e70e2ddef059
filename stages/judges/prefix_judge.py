"""The modern recipe's discriminator as a judge of texts, through its embedding.

Beside it may stand a classifier by n-grams. Of the two odds that a text is real, rather than the
generator's, the judge then takes the geometric mean.

Source: T. Heskes, "Selecting Weighting Factors in Logarithmic Opinion Pools", NIPS 1997; the two
count alike, as held-out texts are too few to weigh them by.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from stages.embeddings.piece_table import lengths_of
from stages.embeddings.protocol import Embedding
from stages.judges.ngram_classifier import NgramClassifier
from stages.networks.prefix_discriminator import PrefixDiscriminator, combine, verdicts

BATCH = 500  # texts judged at a time


class PrefixJudge:
    """Logits of texts after their last word; see `protocol.Judge`.

    Args:
        network: the trained discriminator.
        embedding: from texts to the vectors it reads.
        max_length: T, tokens a text.
        ngrams: the classifier beside it.
    """

    calibrated: ClassVar = True

    def __init__(
        self,
        network: PrefixDiscriminator,
        embedding: Embedding,
        max_length: int,
        ngrams: NgramClassifier | None = None,
    ) -> None:
        self.network = network.eval()
        self.embedding = embedding
        self.max_length = max_length
        self.ngrams = ngrams

    def logits(
        self, texts: Sequence[str], labels: Sequence[str | None] | None = None
    ) -> np.ndarray:
        """Return the logit of each text (N,) against all sources of fakes together."""
        return combine(self._verdicts(texts)).numpy()

    def log_odds(self, texts: Sequence[str]) -> Tensor:
        """Return the logit of each text (N,) against the discriminator's own generator alone."""
        return self._verdicts(texts)[:, 0]

    @torch.no_grad()
    def _verdicts(self, texts: Sequence[str]) -> Tensor:
        """Return the logits (N, S) of texts against each source of fakes, on the CPU.

        The generator's own texts are the first source.
        """
        parts = []
        for tokens in self.embedding.tokenize(texts, self.max_length).split(BATCH):
            lengths = lengths_of(tokens)
            logits = self.network(self.embedding.embed(tokens), lengths)
            parts.append(verdicts(logits, lengths).cpu())
        logits = torch.cat(parts)
        if self.ngrams is not None:
            logits[:, 0] = (logits[:, 0] + self.ngrams(texts).float()) / 2
        return logits
