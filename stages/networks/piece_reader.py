"""The layers of a BERT that go on learning: they read the word pieces of texts.

Source: J. Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language
Understanding", NAACL 2019, arXiv:1810.04805. The code is transformers' `BertModel`. We differ in
that dropout is left out, and in that layers multiply by `portable`, so that what they learn is the
same on every processor. Products inside attention stay PyTorch's.
"""

from typing import Annotated, Any, Literal, NamedTuple, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from stages.corpus.settings import Count, Section, Size
from stages.networks.portable import replace_linear

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

    @classmethod
    def of(cls, config: Any) -> Self:
        """Return the shape of a BERT, from its transformers' `BertConfig`."""
        return cls(
            config.hidden_size,
            config.intermediate_size,
            config.num_attention_heads,
            config.hidden_act,
            config.layer_norm_eps,
        )


class StoredShape(Section):
    """A `BertShape` as a folder says it, with types and ranges."""

    width: Size
    hidden_size: Size
    num_heads: Count
    activation: Literal["gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu"]
    epsilon: Annotated[float, Field(gt=0)]

    @model_validator(mode="after")
    def _check_heads(self) -> Self:
        if self.width % self.num_heads:
            raise ValueError(f"expected num_heads to be a divisor of width, {self.width}")
        return self


class PieceReader(nn.Module):
    """Reads texts of word pieces.

    Args:
        vocabulary_size: V, pieces, markers among them.
        positions: places that a text may have, both its markers included.
        num_layers: layers.
        shape: of each layer.
    """

    def __init__(
        self, vocabulary_size: int, positions: int, num_layers: int, shape: BertShape
    ) -> None:
        super().__init__()
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
        self.frozen = 0
        replace_linear(self)

    @property
    def vectors(self) -> nn.Embedding:
        """The vector of each piece, by which it is read."""
        return self.bert.embeddings.word_embeddings

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.vectors.weight.device

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

    def freeze(self, layers: int) -> None:
        """Keep so many layers, and what is below them, as it is."""
        self.frozen = layers
        if layers:
            for part in (self.bert.embeddings, *self.bert.encoder.layer[:layers]):
                part.requires_grad_(False)

    def read(self, tokens: Tensor, mask: Tensor | None, left_out: int = 0) -> Tensor:
        """Return what the last layer says of each place, or one so many before it.

        Args:
            tokens: (B, T), int64, markers of start and end included.
            mask: which of them are none that pads, (B, T), bool; None where none pads.
            left_out: layers that are not computed, the highest.

        Returns:
            (B, T, D), float32.
        """
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
