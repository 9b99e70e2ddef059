"""A language model to which each text's label is an input, beside every word."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import ClassVar, Self

import numpy as np
import torch
from scipy.special import logsumexp
from torch import Tensor
from torch.nn.functional import one_hot

from stages.corpus.corpus import UNKNOWN, Corpus, Split
from stages.corpus.errors import UserError
from stages.generators.per_label import check_labels, draw_labels, label_shares
from stages.generators.protocol import Step, check_request
from stages.generators.word_model import BATCH, LikelihoodModel, WordModelSettings, fit_to
from stages.networks.conditioned_language_model import ConditionedLanguageModel
from stages.training.likelihood import negative_log_likelihood, train_epoch

FEWEST = 2  # labels: of one there is nothing to be told


class LabelledWriter(LikelihoodModel):
    """P(text | label), and P(text) as the mixture over labels; see `WordModel`.

    Args:
        words: as of `WordModel`.
        shares: of each label among the training texts, adding up to 1, by its name.
        settings: of the network and its training; dropout a number.
        max_length: words at which texts are cropped.
        device: where the network lives.
    """

    Settings: ClassVar = WordModelSettings
    conditional: ClassVar = True

    def __init__(
        self,
        words: Sequence[str],
        shares: Mapping[str, float],
        settings: WordModelSettings,
        max_length: int,
        device: str,
    ) -> None:
        self.shares = dict(shares)
        super().__init__(words, settings, max_length, device)

    def make_network(
        self, words: Sequence[str], settings: WordModelSettings, max_length: int
    ) -> ConditionedLanguageModel:
        """Make the network for words, the end and the unknown one among them."""
        return make_network(words, len(self.shares), settings)

    @classmethod
    def build(cls, corpus: Corpus, settings: WordModelSettings, *, seed: int, device: str) -> Self:
        """Make an untrained model of the training texts' words and labels.

        Raises:
            UserError: the texts have fewer labels than two, or none of the vocabulary's words.
        """
        check_labelled(corpus)
        words, settings = fit_to(corpus, settings)
        model = cls(words, label_shares(corpus), settings, corpus.max_length, device)
        model.fingerprint = corpus.fingerprint
        return model

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Learn from whole texts and labels; an epoch's validation is in nats a word."""
        places = {label: place for place, label in enumerate(corpus.labels)}

        def read(split: Split) -> tuple[Tensor, Tensor]:
            labels = torch.tensor([places[label] for label in split.labels.tolist()])
            return self.number(corpus, split), self.code(labels)

        learnt, held_out = read(corpus.train), read(corpus.validation)
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

    @property
    def labels(self) -> list[str]:
        """The names of the labels that it has learnt."""
        return [*self.shares]

    def draw_labels(self, count: int, seed: int) -> list[str]:
        """Draw labels as the training texts have them; same seed, same labels."""
        return draw_labels(self.shares, count, seed)

    def code(self, labels: Tensor) -> Tensor:
        """Turn places of labels (N,), int64, into codes (N, K), float32: one of K numbers is 1."""
        return one_hot(labels.long(), len(self.shares)).float()

    def place(self, labels: Sequence[str]) -> Tensor:
        """Turn labels into their places among those learnt, (N,), int64.

        Raises:
            UserError: a label is none of those learnt.
        """
        check_labels(labels, self.labels)
        places = {label: place for place, label in enumerate(self.shares)}
        return torch.tensor([places[label] for label in labels], dtype=torch.int64)

    def generate(
        self,
        count: int,
        seed: int,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        labels: Sequence[str] | None = None,
        prefix: str = "",
    ) -> Iterator[list[str]]:
        """Yield texts, text i of labels[i]; None draws labels; see `protocol.Generator`."""
        check_request(self, temperature=temperature, top_p=top_p, labels=labels, prefix=prefix)
        self.check_words(prefix, "prefix")
        options = {"temperature": temperature, "top_p": top_p}
        options["prefix"] = [self.ids[word] for word in prefix.split()]
        random = torch.Generator().manual_seed(seed)
        wanted = self.draw_labels(count, seed) if labels is None else labels
        for codes in self.code(self.place(wanted)).to(self.network.device).split(BATCH):
            state = self.network.begin(codes)
            yield self.write(
                self.network.sample(len(codes), self.max_length, random, state=state, **options)
            )

    def log_likelihood(self, texts: Sequence[str]) -> np.ndarray:
        """Return log P of each text (N,), in nats, whatever its label: the labels' mixture."""
        logs = [
            np.log(share) + self.log_likelihood_given(texts, label)
            for label, share in self.shares.items()
        ]
        return logsumexp(logs, axis=0)

    def log_likelihood_given(self, texts: Sequence[str], label: str) -> np.ndarray:
        """Return log P(text | label) of each text, (N,), in nats."""
        codes = self.code(self.place([label] * (len(texts) + 1)))
        return super().log_likelihood(texts, codes=codes)


def make_network(
    words: Sequence[str], labels: int, settings: WordModelSettings
) -> ConditionedLanguageModel:
    """Make the network for words, the end and the unknown one among them, and so many labels."""
    shape = settings.width, settings.hidden_size, settings.num_layers
    has_unknown = UNKNOWN in words
    return ConditionedLanguageModel(
        len(words), *shape, settings.dropout, has_unknown, code_size=labels
    )


def check_labelled(corpus: Corpus) -> None:
    """Refuse a corpus that has too few labels to learn from.

    Raises:
        UserError: says how many it has.
    """
    found = len(corpus.labels)
    if found < FEWEST:
        names = ", ".join(corpus.label_names[label] for label in corpus.labels)
        told = f"one label, {names}" if found else "no labels"
        raise UserError(
            f"{corpus.name}: its texts have {told}; a generator that takes labels learns from two "
            "or more: set fetch.label, or leave it out of generators"
        )
