"""One label of a generator that takes labels, as a generator that takes none."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Protocol

import numpy as np
from torch import Tensor

from stages.generators.protocol import Generator, check_request


class LabelledGenerator(Generator, Protocol):
    """A generator that takes labels and says how likely a text is given one."""

    labels: list[str]

    def log_likelihood_given(self, texts: Sequence[str], label: str) -> np.ndarray:
        """Return log P(text | label) of each text, (N,), in nats."""
        ...

    def log_odds_given(self, texts: Sequence[str], label: str) -> Tensor:
        """Return the logarithm of what texts of a label are drawn by, (N,); see `chosen`."""
        ...


class LabelPart:
    """Writes texts of one label; see `protocol.Generator`.

    Args:
        whole: of all labels; it `chooses`.
        label: of the texts.
    """

    conditional: ClassVar = False
    chooses: ClassVar = True
    latent: ClassVar = False

    def __init__(self, whole: LabelledGenerator, label: str) -> None:
        self.whole = whole
        self.label = label
        self.tempered, self.prefixed = whole.tempered, whole.prefixed
        self.likelihood = whole.likelihood
        self.max_length, self.fingerprint = whole.max_length, whole.fingerprint

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
        """Yield texts of the label; see `protocol.Generator`."""
        options = {"temperature": temperature, "top_p": top_p, "prefix": prefix}
        check_request(self, labels=labels, **options)
        return self.whole.generate(count, seed, labels=[self.label] * count, **options)

    def log_likelihood(self, texts: Sequence[str]) -> np.ndarray:
        """Return log P(text | label) of each text, (N,), in nats."""
        return self.whole.log_likelihood_given(texts, self.label)

    def log_odds(self, texts: Sequence[str]) -> Tensor:
        """Return the logarithm of what the label's texts are drawn by, (N,); see `chosen`."""
        return self.whole.log_odds_given(texts, self.label)


def split_labels(whole: LabelledGenerator) -> dict[str, LabelPart]:
    """Give each label of a generator as one by itself, by the label's name."""
    return {label: LabelPart(whole, label) for label in whole.labels}
