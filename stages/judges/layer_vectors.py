"""Vectors of texts from several layers of a BERT, by which a linear detector tells generated ones.

Source: means and standard deviations over a sequence, side by side, are the statistics pooling of
D. Snyder et al., "X-Vectors: Robust DNN Embeddings for Speaker Recognition", ICASSP 2018,
doi:10.1109/ICASSP.2018.8461375. That lower layers know more of how a text is written, and the
highest more of what it says: G. Jawahar et al., "What Does BERT Learn about the Structure of
Language?", ACL 2019, doi:10.18653/v1/P19-1356.
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import normalize

from stages.measures.sentence_vectors import SentenceEncoder


class LayerEncoder(SentenceEncoder):
    """A BERT's lowest layers, loaded once; `encode` as of a `SentenceEncoder`.

    A text's vector is, of each layer, the mean of its pieces' vectors and their standard deviation,
    either of length 1, side by side: E is twice the layers times the BERT's width, MiniLM's 384.

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
        _, *layers = self.bert(**inputs, output_hidden_states=True).hidden_states  # (B, T, 384)
        count = mask.sum(1)  # (B, 1)
        parts = []
        for hidden in layers:
            mean = (hidden * mask).sum(1) / count
            spread = ((hidden - mean.unsqueeze(1)) * mask).square().sum(1).sqrt()
            parts += [normalize(mean, dim=1), normalize(spread, dim=1)]
        return torch.cat(parts, 1)
