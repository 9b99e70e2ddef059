"""A linear classifier of texts by the words, pairs of words and longer runs that are in them.

A network that reads a few numbers a word sees how words follow each other, but hardly which ones
they are; this one sees nothing else. So the two err in different places.

Source: logistic regression on runs of words, as in I. Solaiman et al., "Release Strategies and the
Social Impacts of Language Models", 2019, arXiv:1908.09203, who find it a strong detector of
generated text; a linear part beside a network as in H.-T. Cheng et al., "Wide & Deep Learning for
Recommender Systems", 2016, arXiv:1606.07792, where both learn together; here each learns alone.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from stages.judges.hashed_runs import find_repeated, hash_runs

LONGEST = 3  # words of a run
STRENGTH = 0.1  # inverse of the penalty on squared weights, scikit-learn's C
MOST_PASSES = 200  # of the solver; some 50 are needed


class NgramClassifier(nn.Module):
    """Log P(real) - log P(fake) of a text, as a sum over the runs of words that are in it.

    Args:
        count: K, runs that count.
        max_length: words of a text that are read; the rest is cropped.
    """

    def __init__(self, count: int, max_length: int) -> None:
        super().__init__()
        self.max_length = max_length
        self.register_buffer("runs", torch.zeros(count, dtype=torch.int64))  # hashed, rising
        self.register_buffer("weights", torch.zeros(count, dtype=torch.float64))
        self.register_buffer("bias", torch.zeros(1, dtype=torch.float64))

    @classmethod
    def fit(cls, real: Sequence[str], fakes: Sequence[str], max_length: int) -> Self:
        """Learn to tell real texts from fakes; both sides count alike, whatever their numbers.

        Args:
            real: words joined by one space, at least one text.
            fakes: likewise.
            max_length: words of a text that are read.
        """
        features = hash_runs(_crop([*real, *fakes], max_length), 1, LONGEST)
        runs = find_repeated(features)
        classifier = cls(len(runs), max_length)
        if len(runs):
            solver = LogisticRegression(
                C=STRENGTH, class_weight="balanced", max_iter=MOST_PASSES
            ).fit(features[:, runs], np.repeat([1, 0], [len(real), len(fakes)]))
            classifier.runs.copy_(torch.from_numpy(runs))
            classifier.weights.copy_(torch.from_numpy(solver.coef_[0]))
            classifier.bias.copy_(torch.from_numpy(solver.intercept_))
        return classifier

    def forward(self, texts: Sequence[str]) -> torch.Tensor:
        """Return the logit of each text, (N,) float64, on the CPU; above 0 means real."""
        features = hash_runs(_crop(texts, self.max_length), 1, LONGEST)[:, self.runs.numpy()]
        return torch.from_numpy(features @ self.weights.numpy()) + self.bias


def _crop(texts: Sequence[str], length: int) -> list[str]:
    return [" ".join(text.split()[:length]) for text in texts]
