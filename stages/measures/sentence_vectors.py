"""Sentence vectors of texts: the mean of a BERT's vectors over a text's word pieces.

Source: N. Reimers and I. Gurevych, "Sentence-BERT: Sentence Embeddings using Siamese
BERT-Networks", EMNLP 2019, arXiv:1908.10084; the model is sentence-transformers/all-MiniLM-L6-v2,
which was trained for the mean. Of any other BERT the mean is taken too, also where its makers take
something else (LaBSE: the vector of [CLS], through a dense layer). Numbers that come from these
vectors compare under one model only.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from stages.embeddings.pretrained_bert import MINILM, PIECES, load_bert, load_tokenizer
from stages.embeddings.unknown_pieces import check_pieces

# Word pieces of a text that are read, [CLS] and [SEP] among them, as sentence-transformers
# sets it for MiniLM and LaBSE. The rest of a longer text does not count.
LENGTH = 256
SETTING = "measure.model"  # the key of params.yaml that names the model


class SentenceEncoder:
    """A BERT, loaded once.

    Args:
        device: where it runs.
        model: a BERT, as `pretrained_bert.load_bert` takes it.
        setting: what names the model, for messages; see `pretrained.place_of`.
        num_layers: of it that are kept, the lowest ones; None keeps all.

    Raises:
        UserError: as `load_bert` and `load_tokenizer`.
    """

    def __init__(
        self,
        device: str,
        model: str = MINILM,
        setting: str = SETTING,
        num_layers: int | None = None,
    ) -> None:
        self.device, self.model, self.setting = device, model, setting
        self.tokenizer = load_tokenizer(model, setting)
        self.bert = load_bert(model, device, setting, num_layers)
        self.width = self.bert.config.hidden_size
        self.length = min(LENGTH, self.bert.config.max_position_embeddings)

    def check(self, texts: Sequence[str], name: str) -> None:
        """Refuse texts that the model cannot read; see `unknown_pieces.check_pieces`."""
        check_pieces(self.tokenizer, texts, name=name, model=self.model, setting=self.setting)

    def encode(self, texts: Sequence[str], pool: Executor | None = None) -> np.ndarray:
        """Give each text one vector, in which like meaning is a small angle.

        A text is read between [CLS] and [SEP], both of which count in the mean. Equal texts have
        equal vectors to the bit, at the cost of one.

        Args:
            texts: words joined by one space, N of them, one or more; an empty text has a vector
                too.
            pool: of `all_cores`, whose workers share the texts; None reads them here.

        Returns:
            Vectors (N, E), float32, of length 1; MiniLM's E is 384.
        """
        distinct = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        ids = self.tokenizer([*distinct], truncation=True, max_length=self.length)["input_ids"]
        # Texts of like length together need little padding.
        waiting = sorted(range(len(ids)), key=lambda row: len(ids[row]))
        chunks = []
        while waiting:
            chunks.append(waiting[-max(1, PIECES[self.device] // len(ids[waiting[-1]])) :])
            del waiting[-len(chunks[-1]) :]
        read = map if pool is None else pool.map
        vectors = torch.zeros((len(ids), self.width))  # (N, E)
        parts = read(self._read, ([ids[row] for row in chunk] for chunk in chunks))
        for chunk, part in zip(chunks, parts, strict=True):
            vectors[chunk] = part
        return vectors[[distinct[text] for text in texts]].numpy()

    @torch.no_grad()
    def _read(self, ids: list[list[int]]) -> Tensor:
        """Return the vector of each text, given as its pieces, (B, E)."""
        inputs = self.tokenizer.pad({"input_ids": ids}, return_tensors="pt").to(self.device)
        return self._pool(inputs, inputs["attention_mask"].unsqueeze(2)).cpu()

    def _pool(self, inputs: Mapping[str, Tensor], mask: Tensor) -> Tensor:
        """Return the vectors of texts, (B, E), whose pieces are where `mask` (B, T, 1) is 1."""
        hidden = self.bert(**inputs).last_hidden_state  # (B, T, E)
        # The sum has the mean's direction, which is all that is kept.
        return normalize((hidden * mask).sum(1), dim=1)
