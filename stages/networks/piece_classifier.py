"""A BERT that learns to classify texts: a dense layer over the mean of its vectors of all places.

Source: J. Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language
Understanding", NAACL 2019, arXiv:1810.04805, for fine-tuning. We differ in that the mean of all
places is read instead of the vector of [CLS], as MiniLM was trained for the mean, and as
`PieceReader` says.
"""

import torch
from torch import Tensor, nn

from stages.networks.learnt_pieces import PADDING, frame
from stages.networks.piece_reader import BertShape, PieceReader
from stages.networks.portable import replace_linear


class PieceClassifier(PieceReader):
    """Scores of texts of word pieces.

    Args:
        vocabulary_size: V, pieces, markers among them.
        positions: places that a text may have, both its markers included.
        num_layers: layers.
        shape: of each layer.
        classes: S, scores a text; all are 0 before anything is learnt.
    """

    def __init__(
        self, vocabulary_size: int, positions: int, num_layers: int, shape: BertShape, classes: int
    ) -> None:
        super().__init__(vocabulary_size, positions, num_layers, shape)
        self.scores = nn.Linear(shape.width, classes)
        nn.init.zeros_(self.scores.weight)
        nn.init.zeros_(self.scores.bias)
        replace_linear(self)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Return the scores of texts, (B, S), float32.

        Args:
            tokens: (B, T), int64, markers of start and end included.
            mask: which of them are none that pads, (B, T), bool.
        """
        hidden = self.read(tokens, mask)  # (B, T, D)
        weights = mask.unsqueeze(2).to(hidden.dtype)
        return self.scores((hidden * weights).sum(1) / weights.sum(1))

    @torch.no_grad()
    def answer(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Return the scores of texts, (B, S), float32, on the CPU.

        Args:
            tokens: (B, T), int64, without markers of start and end, PADDING after the last piece.
            lengths: pieces of each, (B,), int64.
        """
        texts = frame(tokens[:, : int(lengths.max())], lengths).to(self.device)
        return self(texts, texts != PADDING).cpu()
