"""Words as a discriminator reads them that is told each text's label, by vectors of anyone's."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor


class LabelledWords:
    """Turns texts of K labels into tokens, each of a word and its text's label, and into vectors.

    Token 0 stands behind the end of a text. A word that has no vector is one of zeros beside its
    label, as a word that the discriminator's `token_dropout` hides is.

    Args:
        vectors: of words, (V, W), float32; the first is that of no word.
        ids: places of words among them, from 1.
        labels: K.
    """

    def __init__(self, vectors: Tensor, ids: Mapping[str, int], labels: int) -> None:
        # To a mean square of 1, whatever scale they were learnt in, by the CPU alone.
        numbers = vectors.detach().cpu().numpy().astype(np.float64)
        numbers /= np.sqrt(np.square(numbers[1:]).mean())
        numbers[0] = 0
        self.vectors = torch.from_numpy(numbers.astype(np.float32)).to(vectors.device)
        self.ids = dict(ids)
        self.labels = labels
        self.width = vectors.shape[1] + labels  # E

    def tokenize(self, texts: Sequence[str], labels: Tensor, length: int) -> Tensor:
        """Turn texts into tokens (B, length), int64, on the vectors' device.

        Args:
            texts: words joined by one space.
            labels: place of each text's label, (B,), int64, from 0 to K - 1.
            length: words to which texts are cropped.
        """
        tokens = torch.zeros((len(texts), length), dtype=torch.int64)
        for row, (text, label) in enumerate(zip(texts, labels.tolist(), strict=True)):
            words = [self.ids.get(word, 0) for word in text.split()[:length]]
            tokens[row, : len(words)] = 1 + label * len(self.vectors) + torch.tensor(words).long()
        return tokens.to(self.vectors.device)

    def embed(self, tokens: Tensor) -> Tensor:
        """Turn tokens (B, T) into vectors (B, T, W + K), float32; 0 behind the end of a text."""
        is_word = tokens > 0
        places = torch.where(is_word, tokens - 1, 0)
        words = self.vectors[places % len(self.vectors)]  # (B, T, W)
        labels = torch.arange(self.labels, device=tokens.device)
        is_label = places.unsqueeze(2) // len(self.vectors) == labels  # (B, T, K)
        return torch.cat([words, is_label.float()], 2) * is_word.unsqueeze(2)


class OneLabel:
    """`LabelledWords` for texts of one label, as a judge or a `Stock` reads them.

    Args:
        words: of all labels.
        label: place of the label.
    """

    def __init__(self, words: LabelledWords, label: int) -> None:
        self.words = words
        self.label = label
        self.width = words.width
        self.embed = words.embed

    def tokenize(self, texts: Sequence[str], length: int) -> Tensor:
        """Turn texts into tokens (B, length), int64; see `LabelledWords.tokenize`."""
        labels = torch.full((len(texts),), self.label)
        return self.words.tokenize(texts, labels, length)
