"""A language model to which each text's label is an input, beside every word."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from stages.corpus.corpus import UNKNOWN, Corpus
from stages.generators.labelled_model import LabelledModel, label_places
from stages.generators.protocol import Step
from stages.generators.word_model import LikelihoodModel, WordModelSettings
from stages.networks.conditioned_language_model import LabelledLanguageModel
from stages.training.likelihood import negative_log_likelihood, train_epoch


class LabelledWriter(LabelledModel, LikelihoodModel):
    """P(text | label), and P(text) as the mixture over labels; see `LabelledModel`."""

    Settings: ClassVar = WordModelSettings
    name: ClassVar = "conditional_gan"  # whose part it is

    def make_network(
        self, words: Sequence[str], settings: WordModelSettings, max_length: int
    ) -> LabelledLanguageModel:
        """Make the network for words, the end and the unknown one among them."""
        return make_network(words, len(self.shares), settings)

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Learn from whole texts and labels; an epoch's validation is in nats a word."""
        learnt, held_out = (
            (self.number(corpus, split), self.code(label_places(corpus, split)))
            for split in (corpus.train, corpus.validation)
        )
        learn = partial(self._learn_labelled, *learnt)
        validate = partial(negative_log_likelihood, self.network, *held_out)
        yield from self._make_passes(corpus, learn, validate)

    def _learn_labelled(
        self, tokens: Tensor, codes: Tensor, first: int, per_epoch: int
    ) -> Iterator[dict[str, float]]:
        losses = train_epoch(
            self.network,
            tokens,
            self.optimizer,
            batch_size=self.settings.batch_size,
            learning_rate=self.settings.learning_rate * self.plateau.share,
            first=first,
            codes=codes,
        )
        return ({"loss": loss} for loss in losses)

    def code(self, labels: Tensor) -> Tensor:
        """Turn places of labels (N,), int64, into codes (N, K), float32: one of K numbers is 1."""
        return one_hot(labels, len(self.shares)).float()

    def _draw_labelled(self, labels: Tensor, random: torch.Generator, **options: Any) -> Tensor:
        state = self.network.begin(self.code(labels).to(self.network.device))
        return self.network.sample(len(labels), self.max_length, random, state=state, **options)

    def log_likelihood_given(self, texts: Sequence[str], label: str) -> np.ndarray:
        """Return log P(text | label) of each text, (N,), in nats."""
        codes = self.code(self.place([label] * (len(texts) + 1)))
        return self._log_likelihood_by(self.network, texts, codes)


def make_network(
    words: Sequence[str], labels: int, settings: WordModelSettings
) -> LabelledLanguageModel:
    """Make the network for words, the end and the unknown one among them, and so many labels."""
    shape = settings.width, settings.hidden_size, settings.num_layers
    has_unknown = UNKNOWN in words
    return LabelledLanguageModel(
        len(words), *shape, settings.dropout, has_unknown, code_size=labels
    )
