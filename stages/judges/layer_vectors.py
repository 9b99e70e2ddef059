"""Vectors of texts from several layers of a BERT, by which a linear detector tells generated ones.

Source: means and standard deviations over a sequence, side by side, are the statistics pooling of
D. Snyder et al., "X-Vectors: Robust DNN Embeddings for Speaker Recognition", ICASSP 2018,
doi:10.1109/ICASSP.2018.8461375. That lower layers know more of the form of a text, and higher ones
of what it means: G. Jawahar et al., "What Does BERT Learn about the Structure of
Language?", ACL 2019, doi:10.18653/v1/P19-1356.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from stages.measures.sentence_vectors import SentenceEncoder
from stages.networks.portable import square_root


class LayerEncoder(SentenceEncoder):
    """A BERT's lowest layers, loaded once; its `encode` takes what a `SentenceEncoder`'s does.

    A text's vector (E,) is, of each layer, the mean of its pieces' vectors and their standard
    deviation, side by side, each brought to length 1: of L layers of width W, E is 2 L W (MiniLM's
    W is 384), and the whole has the length of the square root of 2 L.

    Args:
        device: where it runs.
        model: a BERT, as `pretrained_bert.load_bert` takes it.
        setting: what names the model, for messages; see `pretrained.place_of`.
        num_layers: that are read.

    Raises:
        UserError: as a `SentenceEncoder`, or the BERT has fewer layers.
    """

    def __init__(self, device: str, model: str, setting: str, num_layers: int) -> None:
        super().__init__(device, model, setting, num_layers)
        self.num_layers = num_layers
        self.width *= 2 * num_layers

    def _pool(self, inputs: Mapping[str, Tensor], mask: Tensor) -> Tensor:
        # The first are the pieces' own vectors, before any layer.
        _, *layers = self.bert(**inputs, output_hidden_states=True).hidden_states  # (B, T, W)
        count = mask.sum(1)  # (B, 1)
        parts = []
        for hidden in layers:
            mean = (hidden * mask).sum(1) / count
            # Not divided by the count, as its direction is all that is kept.
            spread = square_root(((hidden - mean.unsqueeze(1)) * mask).square().sum(1))
            parts += [normalize(mean, dim=1), normalize(spread, dim=1)]
        return torch.cat(parts, 1)


class RememberingEncoder:
    """Vectors of texts, each read once, however often it is asked for.

    Args:
        encoder: a `LayerEncoder`.
    """

    def __init__(self, encoder: LayerEncoder) -> None:
        self.model, self.num_layers, self.width = encoder.model, encoder.num_layers, encoder.width
        self.encoder = encoder
        self.vectors: dict[str, np.ndarray] = {}

    def encode(self, texts: Sequence[str], pool: Executor | None = None) -> np.ndarray:
        """Return the vectors of texts, (N, E) float32; see `LayerEncoder`."""
        new = [text for text in dict.fromkeys(texts) if text not in self.vectors]
        if new:
            self.vectors |= zip(new, self.encoder.encode(new, pool), strict=True)
        return np.array([self.vectors[text] for text in texts])
