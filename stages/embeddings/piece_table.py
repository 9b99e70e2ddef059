"""From a generator's words to an embedding's tokens, without a detour over strings."""

from collections.abc import Sequence

import torch
from torch import Tensor

from stages.embeddings.protocol import Embedding

NO_TOKEN = 0  # of every embedding: what stands after the end


class PieceTable:
    """The tokens of each word of a vocabulary, which are those it has in any text.

    Args:
        embedding: whose tokens of a text are those of its words, one after the other.
        words: of the vocabulary; the first, which is no word, has no tokens.
        length: T', tokens to which a text is cropped.
    """

    def __init__(self, embedding: Embedding, words: Sequence[str], length: int) -> None:
        self.length = length
        self.pieces = embedding.tokenize(words)[:, :length].long()  # (V, P)
        self.pieces[0] = NO_TOKEN
        self.counts = (self.pieces != NO_TOKEN).sum(1)  # (V,)

    def tokenize(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """Turn texts into the embedding's tokens.

        Args:
            words: places in the vocabulary (B, T), int64, 0 after the end.

        Returns:
            Tokens (B, T'), int64, those of the embedding's `tokenize`; how many of a text's
            tokens there are up to and with each word, (B, T), int64, T' at most.
        """
        words = words.to(self.pieces.device)
        counts = self.counts[words]  # (B, T)
        ends = counts.cumsum(1)  # (B, T)
        # One column too many takes what is cropped.
        tokens = self.pieces.new_full((len(words), self.length + 1), NO_TOKEN)
        for number in range(int(counts.max())):
            places = torch.where(number < counts, ends - counts + number, self.length)
            tokens.scatter_(1, places.clamp(max=self.length), self.pieces[words, number])
        return tokens[:, : self.length], ends.clamp(max=self.length)


def lengths_of(tokens: Tensor) -> Tensor:
    """Count the tokens (B,) of texts (B, T) up to the last that is one."""
    places = torch.arange(1, tokens.shape[1] + 1, device=tokens.device)
    return ((tokens != NO_TOKEN) * places).amax(1)
