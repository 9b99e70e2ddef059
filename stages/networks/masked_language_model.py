"""BERT as it was first trained: it predicts pieces of a text that are masked, from all others.

Source: J. Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language
Understanding", NAACL 2019, arXiv:1810.04805. The code is transformers' `BertModel` and the head of
its `BertForMaskedLM`, which reads and predicts by the same vectors. We differ in that no marker has
a probability, in that dropout is left out, and in that layers multiply by `portable`, so that what
they learn is the same on every processor. Products inside attention stay PyTorch's.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel
from transformers.models.bert.modeling_bert import (
    BertPredictionHeadTransform,
    eager_attention_forward,
)

from stages.networks.portable import multiply, replace_linear

_VECTORS = "embeddings.word_embeddings.weight"


class BertShape(NamedTuple):
    """Numbers of a BERT that its weights do not tell.

    Attributes:
        width: D, of a vector.
        hidden_size: of each layer's inner one, behind its attention.
        num_heads: of attention in each layer; they share out D.
        activation: as transformers names it.
        epsilon: of layer norms.
    """

    width: int
    hidden_size: int
    num_heads: int
    activation: str
    epsilon: float


class MaskedLanguageModel(nn.Module):
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
        super().__init__()
        self.markers = markers
        config = BertConfig(
            vocab_size=vocabulary_size,
            max_position_embeddings=positions,
            type_vocab_size=1,
            num_hidden_layers=num_layers,
            hidden_size=shape.width,
            intermediate_size=shape.hidden_size,
            num_attention_heads=shape.num_heads,
            hidden_act=shape.activation,
            layer_norm_eps=shape.epsilon,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            attn_implementation="eager",  # by products and a softmax
        )
        self.bert = BertModel(config, add_pooling_layer=False)
        self.transform = BertPredictionHeadTransform(config)
        nn.init.normal_(self.transform.dense.weight, std=config.initializer_range)
        nn.init.zeros_(self.transform.dense.bias)
        self.bias = nn.Parameter(torch.zeros(vocabulary_size - markers))
        self.frozen = 0
        replace_linear(self)

    @property
    def vectors(self) -> nn.Embedding:
        """The vector of each piece, by which it is read and predicted."""
        return self.bert.embeddings.word_embeddings

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.bias.device

    def take(self, pretrained: BertModel, ids: Tensor) -> None:
        """Take the weights of a BERT.

        Args:
            pretrained: with as many layers, or more, and of the same shape.
            ids: of its pieces, one for each of ours, (V,), int64.
        """
        weights = pretrained.state_dict()
        own = self.bert.state_dict()
        for name, weight in own.items():
            kept = weights[name]
            own[name] = kept[ids] if name == _VECTORS else kept[: len(weight)]
        self.bert.load_state_dict(own)

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
        self.frozen = layers
        if layers:
            below = [*self.bert.embeddings.children(), *self.bert.encoder.layer[:layers]]
            for part in below:
                part.requires_grad_(part is self.vectors)

    def forward(self, tokens: Tensor, mask: Tensor, chosen: Tensor) -> Tensor:
        """Return logits of the pieces at places of texts.

        Args:
            tokens: (B, T), int64, markers of start and end included.
            mask: which of them are none that pads, (B, T), bool.
            chosen: at which to predict, (B, T), bool, M of them.

        Returns:
            (M, V - markers), float32, in the order of the places.
        """
        hidden = self._read(tokens, mask)
        return self._predict(hidden[chosen])

    @torch.no_grad()
    def predict_one(self, tokens: Tensor, places: Tensor) -> Tensor:
        """Return logits of the piece at one place of each text, for little more than half the work.

        Of the last layer only what that place needs is computed.

        Args:
            tokens: (B, T), int64, markers included and nothing that pads.
            places: one of each text, (B,), int64.

        Returns:
            (B, V - markers), float32.
        """
        hidden = self._read(tokens, None, 1)  # (B, T, D)
        own = hidden[torch.arange(len(places), device=self.device), places].unsqueeze(1)
        layer = self.bert.encoder.layer[-1]
        attention = layer.attention.self
        query, key, value = (
            part(of).unflatten(2, (attention.num_attention_heads, -1)).transpose(1, 2)
            for part, of in (
                (attention.query, own),
                (attention.key, hidden),
                (attention.value, hidden),
            )
        )  # (B, heads, 1 or T, D / heads)
        read, _ = eager_attention_forward(
            attention, query, key, value, None, scaling=attention.scaling
        )
        after = layer.feed_forward_chunk(layer.attention.output(read.flatten(2), own))
        return self._predict(after[:, 0])

    def _read(self, tokens: Tensor, mask: Tensor | None, left_out: int = 0) -> Tensor:
        """Return what the last layer says of each place, (B, T, D), or one so many before it."""
        learns = torch.is_grad_enabled()
        if mask is not None:  # what attention adds to its logits
            mask = torch.where(mask, 0.0, torch.finfo(torch.float32).min)[:, None, None]
        with torch.set_grad_enabled(learns and not self.frozen):
            hidden = self.bert.embeddings(input_ids=tokens)
        layers = self.bert.encoder.layer
        for number, layer in enumerate(layers[: len(layers) - left_out]):
            with torch.set_grad_enabled(learns and number >= self.frozen):
                hidden = layer(hidden, mask)
        return hidden

    def _predict(self, hidden: Tensor) -> Tensor:
        vectors = self.vectors.weight[self.markers :]
        return multiply(self.transform(hidden), vectors.T) + self.bias
