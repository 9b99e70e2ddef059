"""The paper's discriminator as a judge of texts, through the embedding it was trained with."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from torch import Tensor

from stages.embeddings.protocol import Embedding
from stages.networks.vector_discriminator import VectorDiscriminator

BATCH = 500  # texts judged at a time


class VectorJudge:
    """Logits of texts by their vectors; see `protocol.Judge`.

    Args:
        network: the trained discriminator.
        embedding: from texts to the vectors it reads.
        max_length: T, tokens a text.
    """

    calibrated: ClassVar = False

    def __init__(self, network: VectorDiscriminator, embedding: Embedding, max_length: int) -> None:
        self.network = network.eval()
        self.embedding = embedding
        self.max_length = max_length

    def logits(
        self, texts: Sequence[str], labels: Sequence[str | None] | None = None
    ) -> np.ndarray:
        """Return the logit of each text (N,)."""
        tokens = self.embedding.tokenize(texts, self.max_length)
        batches = tokens.split(BATCH)
        return np.concatenate(
            [self.judge_vectors(self.embedding.embed(batch)) for batch in batches]
        )

    def judge_vectors(self, vectors: Tensor) -> np.ndarray:
        """Return the logit of each text of vectors (B, T, E), (B,)."""
        return self.network.judge(vectors).cpu().numpy()
