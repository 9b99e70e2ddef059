"""The modern recipe's discriminator as a judge of texts, through its embedding.

Beside it may stand a classifier by n-grams: of the two odds that a text is real, rather than the
generator's, the judge then makes one; see `opinion_pool`.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from stages.embeddings.piece_table import lengths_of
from stages.embeddings.protocol import Embedding
from stages.judges.ngram_classifier import NgramClassifier
from stages.judges.opinion_pool import OpinionPool
from stages.networks.prefix_discriminator import PrefixDiscriminator, combine, verdicts

BATCH = 500  # texts judged at a time


class PrefixJudge:
    """Logits of texts after their last word; see `protocol.Judge`.

    Args:
        network: the trained discriminator.
        embedding: from texts to the vectors it reads.
        max_length: T, tokens a text.
        ngrams: the classifier beside it.
        pool: of the two; None gives them equal weights.
    """

    calibrated: ClassVar = True

    def __init__(
        self,
        network: PrefixDiscriminator,
        embedding: Embedding,
        max_length: int,
        ngrams: NgramClassifier | None = None,
        pool: OpinionPool | None = None,
    ) -> None:
        self.network = network.eval()
        self.embedding = embedding
        self.max_length = max_length
        self.ngrams = ngrams
        self.pool = OpinionPool() if pool is None else pool

    def logits(
        self, texts: Sequence[str], labels: Sequence[str | None] | None = None
    ) -> np.ndarray:
        """Return the logit of each text (N,) against all sources of fakes together."""
        return combine(self._verdicts(texts)).numpy()

    def log_odds(self, texts: Sequence[str]) -> Tensor:
        """Return the logit of each text (N,) against the discriminator's own generator alone."""
        return self._verdicts(texts)[:, 0]

    def weigh(self, real: Sequence[str], fakes: Sequence[str]) -> None:
        """Weigh discriminator and n-grams by texts that neither has learnt from; see `OpinionPool`.

        Args:
            real: real texts, at least one.
            fakes: of the discriminator's own generator, at least one.
        """
        opinions = (
            torch.stack([self._read(texts)[:, 0].double(), self.ngrams(texts)], 1)
            for texts in (real, fakes)
        )
        self.pool.fit(*opinions)

    def _verdicts(self, texts: Sequence[str]) -> Tensor:
        """Return the logits (N, S) of texts against each source of fakes, on the CPU.

        The generator's own texts are the first source, by which alone n-grams judge.
        """
        logits = self._read(texts)
        if self.ngrams is not None:
            logits[:, 0] = self.pool(torch.stack([logits[:, 0].double(), self.ngrams(texts)], 1))
        return logits

    @torch.no_grad()
    def _read(self, texts: Sequence[str]) -> Tensor:
        """Return the discriminator's logits (N, S), on the CPU."""
        parts = []
        for tokens in self.embedding.tokenize(texts, self.max_length).split(BATCH):
            lengths = lengths_of(tokens)
            logits = self.network(self.embedding.embed(tokens), lengths)
            parts.append(verdicts(logits, lengths).cpu())
        return torch.cat(parts)
