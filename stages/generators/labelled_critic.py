"""What a conditional generator's texts are judged by: a discriminator and n-grams, told the label.

Both learn when the generator does no longer. The discriminator reads words by the vectors that the
generator has learnt, and a text's label beside each of them; n-grams have a classifier a label.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from stages.corpus.corpus import Corpus
from stages.corpus.seeds import derive_seed
from stages.generators.labelled_writer import LabelledWriter
from stages.judges.ngram_classifier import NgramClassifier
from stages.judges.per_label_judge import PerLabelJudge
from stages.judges.prefix_judge import PrefixJudge
from stages.networks.labelled_words import LabelledWords, OneLabel
from stages.training.lone_discriminator import LoneDiscriminator
from stages.training.stock import Stock


class Pairs(NamedTuple):
    """Texts, words joined by one space, and the label of each."""

    texts: Sequence[str]
    labels: Sequence[str]


class LabelledCritic:
    """The discriminator and the n-grams of a generator that takes labels.

    Args:
        writer: the generator.
        lone: the discriminator that learns.
        seed: of the texts that it learns from.
    """

    def __init__(self, writer: LabelledWriter, lone: LoneDiscriminator, seed: int) -> None:
        self.writer = writer
        self.lone = lone
        self.seed = seed
        self.ngrams: dict[str, NgramClassifier] = {}  # by label, where there are any

    def learn(
        self, corpus: Corpus, *, ngrams: bool, wrong_labels: bool
    ) -> Iterator[tuple[float, bool]]:
        """Learn real texts from the writer's, of the same labels.

        Yields the loss of each update, and whether it is the last of its pass.

        Args:
            corpus: the real texts.
            ngrams: whether a classifier by n-grams learns too.
            wrong_labels: whether real texts of another label are fakes of a kind of their own.
        """
        real, held_out = (
            Pairs(corpus.texts(split, self.writer.max_length), corpus.name_labels(split))
            for split in (corpus.train, corpus.validation)
        )
        labels, count = [*real.labels, *held_out.labels], len(real.texts)
        batches = self.writer.generate(len(labels), derive_seed(self.seed, "fakes"), labels=labels)
        written = [text for batch in batches for text in batch]
        fakes = Pairs(written[:count], real.labels)
        if ngrams:
            self.ngrams = fit_ngrams(real, fakes, self.writer.labels, self.writer.max_length)
        stock, sources = self._stock("real texts", real), [self._stock("fakes", fakes)]
        if wrong_labels:
            wrong = Pairs(real.texts, self._mistake(real.labels))
            sources.append(self._stock("wrong labels", wrong))
        unseen = None
        if held_out.texts:
            others = Pairs(written[count:], held_out.labels)
            unseen = (
                self._stock("unseen real texts", held_out),
                self._stock("unseen fakes", others),
            )
        for losses, ends_pass in self.lone.warm_up(stock, sources, unseen):
            yield losses.discriminator, ends_pass

    def _mistake(self, labels: Sequence[str]) -> list[str]:
        """Give each text a label that is not its own, any other alike."""
        known = self.writer.labels
        random = np.random.default_rng(derive_seed(self.seed, "wrong labels"))
        places = self.writer.place(labels).numpy() + random.integers(1, len(known), len(labels))
        return [known[place % len(known)] for place in places]

    def _stock(self, name: str, pairs: Pairs) -> Stock:
        words, labels = self._words(), self.writer.place(pairs.labels)
        return Stock(name, words, words.tokenize(pairs.texts, labels, self.writer.max_length))

    def _words(self) -> LabelledWords:
        """The vectors that the discriminator reads by."""
        vectors = self.writer.network.softmax.vectors.weight
        return LabelledWords(vectors, self.writer.ids, len(self.writer.labels))

    @property
    def judge(self) -> PerLabelJudge:
        """Both as a judge of texts, each of its label."""
        words, length = self._words(), self.writer.max_length
        return PerLabelJudge(
            {
                label: PrefixJudge(
                    self.lone.network, OneLabel(words, place), length, self.ngrams.get(label)
                )
                for place, label in enumerate(self.writer.labels)
            }
        )

    def describe(self) -> dict[str, float]:
        """Say how both learnt."""
        values: dict[str, float] = {}
        if self.lone.best:
            values["discriminator_passes"] = self.lone.passes
            values["unseen_loss"] = self.lone.plateau.lowest
        if self.ngrams:
            values["ngrams"] = sum(len(each.runs) for each in self.ngrams.values())
        return values

    def named_ngrams(self) -> dict[str, NgramClassifier]:
        """Name the classifiers by the places of their labels, as a folder's weights have them."""
        return {name_ngrams(place): each for place, each in enumerate(self.ngrams.values())}


def name_ngrams(place: int) -> str:
    """Return the name in a folder's weights of the classifier of a label, given by its place."""
    return f"ngrams_{place}"


def fit_ngrams(
    real: Pairs, fakes: Pairs, labels: Sequence[str], max_length: int
) -> dict[str, NgramClassifier]:
    """Let a classifier a label learn real texts from fakes of that label."""

    def of(pairs: Pairs, wanted: str) -> list[str]:
        return [text for text, label in zip(*pairs, strict=True) if label == wanted]

    return {
        label: NgramClassifier.fit(of(real, label), of(fakes, label), max_length)
        for label in labels
    }
