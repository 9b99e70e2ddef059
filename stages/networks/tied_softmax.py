"""A softmax over words that predicts by the vectors it reads, rare words in groups of their own.

Source: one matrix for both directions after O. Press and L. Wolf, "Using the Output Embedding to
Improve Language Models", EACL 2017, arXiv:1608.05859, and H. Inan et al., "Tying Word Vectors and
Word Classifiers", ICLR 2017, arXiv:1611.01462; groups of rare words after É. Grave et al.,
"Efficient softmax approximation for GPUs", ICML 2017, arXiv:1609.04309, from whom we differ in that
rare words keep vectors of full width: the tie makes them cheap, and a group is computed only where
a word of it is predicted.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from stages.networks.portable import multiply

# The first 1,000 words and the groups of the others are told apart at once; the words after these
# and those beyond the first 6,000 are each told apart within their group. On text of the web the
# first make up four fifths of all words, and the last are seen a few times each.
CUTOFFS = (1000, 6000)


class TiedSoftmax(nn.Module):
    """Vectors of words, and P(word | hidden) by the products of hidden with these vectors.

    Args:
        vocabulary_size: V, words; ids by falling frequency, so that rare words share groups.
        width: W, numbers a word.
    """

    def __init__(self, vocabulary_size: int, width: int) -> None:
        super().__init__()
        # Where each group begins, and V.
        self.cutoffs = sorted({min(cutoff, vocabulary_size - 1) for cutoff in CUTOFFS})
        self.cutoffs.append(vocabulary_size)
        groups = len(self.cutoffs) - 1
        self.vectors = nn.Embedding(vocabulary_size, width)
        nn.init.normal_(self.vectors.weight, std=0.1)  # of N(0, 1) the gates would saturate
        self.bias = nn.Parameter(torch.zeros(vocabulary_size))
        self.group_vectors = nn.Parameter(torch.zeros(groups, width))
        self.group_bias = nn.Parameter(torch.zeros(groups))

    def head(self, hidden: Tensor) -> Tensor:
        """Return the logits of the frequent words and of each group, (N, K + groups).

        Args:
            hidden: (N, W), float32.
        """
        return self._head(hidden, *self._split())

    def group(self, number: int, hidden: Tensor) -> Tensor:
        """Return the logits of a group's words among themselves, (N, words of the group)."""
        vectors, bias = self._split()
        return multiply(hidden, vectors[1 + number].T, bias[1 + number])

    def _split(self) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
        """Split vectors and biases into those of the frequent words and those of each group.

        Split once an update: the gradient of each slice of its own would be as large as the whole.
        """
        sizes = [self.cutoffs[0], *(stop - start for start, stop in pairwise(self.cutoffs))]
        return self.vectors.weight.split(sizes), self.bias.split(sizes)

    def _head(self, hidden: Tensor, vectors: Sequence[Tensor], bias: Sequence[Tensor]) -> Tensor:
        columns = torch.cat([vectors[0], self.group_vectors]).T
        return multiply(hidden, columns, torch.cat([bias[0], self.group_bias]))

    def log_probabilities(self, hidden: Tensor) -> Tensor:
        """Return log P of every word, (N, V), in nats."""
        head, first = self.head(hidden).log_softmax(1), self.cutoffs[0]
        parts = [head[:, :first]]
        for number in range(len(self.cutoffs) - 1):
            inside = self.group(number, hidden).log_softmax(1)
            parts.append(head[:, first + number, None] + inside)
        return torch.cat(parts, 1)

    def log_likelihoods(
        self, hidden: Tensor, words: Tensor, impossible: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return log P (N,), in nats, of one word each, and of the first word of all, (N,).

        Args:
            hidden: (N, W).
            words: (N,), int64.
            impossible: (N, K + groups), bool: frequent words and groups that have no probability;
                None of none.
        """
        vectors, bias = self._split()
        head = self._head(hidden, vectors, bias)  # (N, K + groups)
        if impossible is not None:
            head = head.masked_fill(impossible, -torch.inf)
        head = head.log_softmax(1)
        columns, inside = words.clone(), head.new_zeros(len(words))
        for number, (start, stop) in enumerate(pairwise(self.cutoffs)):
            rows = ((words >= start) & (words < stop)).nonzero().squeeze(1)
            if len(rows):
                logits = multiply(hidden[rows], vectors[1 + number].T, bias[1 + number])
                chosen = (words[rows] - start).unsqueeze(1)
                inside[rows] = logits.log_softmax(1).gather(1, chosen).squeeze(1)
                columns[rows] = self.cutoffs[0] + number
        return head.gather(1, columns.unsqueeze(1)).squeeze(1) + inside, head[:, 0]
