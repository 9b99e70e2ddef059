"""The vectors of a set of texts: made once where they fit, else batch by batch."""

from collections.abc import Callable

import torch
from torch import Tensor
from tqdm import tqdm

from stages.embeddings.protocol import Embedding

# The vectors of a set of texts are made once where they take no more bytes than this, else batch by
# batch. A fixed number, as the two round differently: free memory must not change what comes out.
VECTORS_KEPT = 2 * 10**9
BATCH = 500  # texts embedded at a time before training


def embed_by_place(name: str, embedding: Embedding, tokens: Tensor) -> Callable[[Tensor], Tensor]:
    """Give the function from places among the texts to their vectors.

    Args:
        name: of the texts, for the progress bar.
        embedding: a frozen embedding, so that each pass over the texts sees the same vectors.
        tokens: the texts (N, T), as the embedding's `tokenize` gives them.
    """
    if tokens.numel() * embedding.width * 4 > VECTORS_KEPT:
        return lambda places: embedding.embed(tokens[places.to(tokens.device)])
    batches = tqdm(tokens.split(BATCH), desc=f"{name} vectors", unit="batch")
    vectors = torch.cat([embedding.embed(batch) for batch in batches])  # (N, T, E)
    return lambda places: vectors[places.to(vectors.device)]
