"""BERT as it was first trained: it predicts pieces of a text that are masked, from all others.

Source: J. Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language
Understanding", NAACL 2019, arXiv:1810.04805. The code is transformers' `BertModel` and the head of
its `BertForMaskedLM`, which reads and predicts by the same vectors. We differ in that no marker has
a probability, and as `PieceReader` says.
"""

import numpy as np
import torch
from torch import Tensor, nn
from transformers.models.bert.modeling_bert import (
    BertPredictionHeadTransform,
    eager_attention_forward,
)

from stages.networks.piece_reader import BertShape, PieceReader
from stages.networks.portable import multiply, replace_linear


class MaskedLanguageModel(PieceReader):
    """P(piece | the text's other pieces), for each place of a text that is masked.

    Args:
        vocabulary_size: V, pieces, markers among them.
        markers: M, of them, which come first and have no probability.
        positions: places that a text may have, both its markers included.
        num_layers: layers.
        shape: of each layer.
    """

    def __init__(
        self, vocabulary_size: int, markers: int, positions: int, num_layers: int, shape: BertShape
    ) -> None:
        super().__init__(vocabulary_size, positions, num_layers, shape)
        self.markers = markers
        config = self.bert.config
        self.transform = BertPredictionHeadTransform(config)
        nn.init.normal_(self.transform.dense.weight, std=config.initializer_range)
        nn.init.zeros_(self.transform.dense.bias)
        self.bias = nn.Parameter(torch.zeros(vocabulary_size - markers))
        replace_linear(self)

    @torch.no_grad()
    def start_from(self, counts: Tensor) -> None:
        """Let each piece be about as likely as it is frequent, before anything is learnt.

        Args:
            counts: how often each piece comes in the texts, (V,), int64.
        """
        frequent = counts[self.markers :].double() + 0.5
        self.bias.copy_(torch.from_numpy(np.log(frequent.numpy())) - np.log(frequent.sum().item()))

    def freeze(self, layers: int) -> None:
        """Keep so many layers, and what is below them, as it is.

        The vectors of pieces still learn, by what they predict.
        """
        super().freeze(layers)
        self.vectors.requires_grad_(True)

    def forward(self, tokens: Tensor, mask: Tensor, chosen: Tensor) -> Tensor:
        """Return logits of the pieces at places of texts.

        Args:
            tokens: (B, T), int64, markers of start and end included.
            mask: which of them are none that pads, (B, T), bool.
            chosen: at which to predict, (B, T), bool, N of them.

        Returns:
            (N, V - M), float32, in the order of the places.
        """
        hidden = self.read(tokens, mask)
        return self._predict(hidden[chosen])

    @torch.no_grad()
    def predict_at(self, tokens: Tensor, places: Tensor) -> Tensor:
        """Return logits of pieces at few places of each text, for little more than half the work.

        Of the last layer only what these places need is computed.

        Args:
            tokens: (B, T), int64, markers included and nothing that pads.
            places: of each text, (B, K), int64.

        Returns:
            (B, K, V - M), float32.
        """
        hidden = self.read(tokens, None, 1)  # (B, T, D)
        rows = torch.arange(len(places), device=self.device).unsqueeze(1)
        own = hidden[rows, places]  # (B, K, D)
        layer = self.bert.encoder.layer[-1]
        attention = layer.attention.self
        query, key, value = (
            part(of).unflatten(2, (attention.num_attention_heads, -1)).transpose(1, 2)
            for part, of in (
                (attention.query, own),
                (attention.key, hidden),
                (attention.value, hidden),
            )
        )  # (B, heads, K or T, D / heads)
        read, _ = eager_attention_forward(
            attention, query, key, value, None, scaling=attention.scaling
        )
        after = layer.feed_forward_chunk(layer.attention.output(read.flatten(2), own))
        return self._predict(after.flatten(0, 1)).unflatten(0, places.shape)

    def _predict(self, hidden: Tensor) -> Tensor:
        vectors = self.vectors.weight[self.markers :]
        return multiply(self.transform(hidden), vectors.T, self.bias)
