"""A convolutional classifier of texts, the discriminator of SeqGAN, LeakGAN and SentiGAN.

Source: L. Yu et al., "SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient", AAAI
2017, arXiv:1609.05473, and its code LantaoYu/SeqGAN, discriminator.py; convolutions and the maximum
over time after Y. Kim, "Convolutional Neural Networks for Sentence Classification", EMNLP 2014,
arXiv:1408.5882; the highway layer after R. K. Srivastava et al., "Highway Networks", 2015,
arXiv:1505.00387. Convolutions are dense layers over shifted places, whose products are `portable`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, pad

from stages.networks.lstm_language_model import END
from stages.networks.portable import Linear, multiply

SPREAD, RISE = 0.1, 0.1  # of the filters' weights at first: standard deviation; their biases
CARRY = -2.0  # what is added to the highway's gate: at first it passes most on as it is
TEXTS = 1024  # whose windows are held at a time where nothing is learnt


class TextDiscriminator(nn.Module):
    """Tells k classes of texts apart by the strongest answer of each filter anywhere in a text.

    Word vectors, convolutions of several widths, their maximum over time, ReLU, a highway layer,
    dropout and a dense layer. A text is followed by ends up to T words, which are read like words:
    so it can see how long a text is.

    Args:
        vocabulary_size: V, words, END among them.
        width: E, numbers a word.
        widths: of the convolutions, in words, each once.
        filters: how many each of them has; F together.
        dropout: share of the features dropped in training.
        classes: k.
    """

    def __init__(
        self,
        vocabulary_size: int,
        width: int,
        widths: Sequence[int],
        filters: Sequence[int],
        dropout: float,
        classes: int,
    ) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.vectors = nn.Embedding(vocabulary_size, width)
        nn.init.uniform_(self.vectors.weight, -1, 1)
        self.convolutions = nn.ModuleList(
            Linear(size * width, count) for size, count in zip(widths, filters, strict=True)
        )
        for convolution in self.convolutions:
            nn.init.trunc_normal_(convolution.weight, std=SPREAD, a=-2 * SPREAD, b=2 * SPREAD)
            nn.init.constant_(convolution.bias, RISE)
        self.num_features = sum(filters)
        self.highway = Linear(self.num_features, 2 * self.num_features)
        nn.init.xavier_uniform_(self.highway.weight[: self.num_features])
        nn.init.xavier_uniform_(self.highway.weight[self.num_features :])
        nn.init.zeros_(self.highway.bias)
        self.dropout = nn.Dropout(dropout)
        self.last = Linear(self.num_features, classes)
        nn.init.trunc_normal_(self.last.weight, std=SPREAD, a=-2 * SPREAD, b=2 * SPREAD)
        nn.init.constant_(self.last.bias, RISE)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.last.bias.device

    def forward(self, tokens: Tensor) -> Tensor:
        """Turn texts (B, T), int64, into logits (B, k), float32."""
        return self.last(self.features(tokens))

    def features(self, tokens: Tensor) -> Tensor:
        """Turn texts (B, T), int64, into what the last layer reads, (B, F)."""
        return self.pass_on(self.strongest(tokens))

    def pass_on(self, strongest: Tensor) -> Tensor:
        """Turn the strongest answers (B, F) into features (B, F): bias, ReLU, highway, dropout."""
        biases = torch.cat([convolution.bias for convolution in self.convolutions])
        before = (strongest + biases).relu()
        answer, gate = self.highway(before).chunk(2, 1)
        gate = (gate + CARRY).sigmoid()
        return self.dropout(before + gate * (answer.relu() - before))

    def strongest(self, tokens: Tensor) -> Tensor:
        """Return the strongest answer of each filter in texts (B, T), biases left out, (B, F)."""
        tokens = pad(tokens, (0, max(0, max(self.widths) - tokens.shape[1])), value=END)
        if not torch.is_grad_enabled() and tokens.numel() > 2 * self.vectors.num_embeddings:
            return self._look_up(tokens)
        vectors = self.vectors(tokens)  # (B, T, E)
        return torch.cat(
            [self.answer(vectors, number).amax(1) for number in range(len(self.widths))], 1
        )

    def answer(self, vectors: Tensor, number: int) -> Tensor:
        """Return what the convolution of a number says of each window, its biases left out.

        Args:
            vectors: of words, (B, L, E).
            number: of it in `widths`, where it is w words wide; L is w or more.

        Returns:
            (B, L - w + 1, filters of the convolution).
        """
        width, last = self.widths[number], vectors.shape[1] - self.widths[number] + 1
        windows = torch.cat([vectors[:, at : at + last] for at in range(width)], 2)
        products = multiply(windows.flatten(0, 1), self.convolutions[number].weight.T)
        return products.view(len(vectors), last, -1)

    def _look_up(self, tokens: Tensor) -> Tensor:
        """Do the same where words come often: each word's product with each filter is made once.

        A window's answer is then a sum of numbers that are looked up, one a word of the window.
        """
        known, tokens = tokens.unique(return_inverse=True)
        vectors, answers = self.vectors(known), []  # (U, E)
        for width, convolution in zip(self.widths, self.convolutions, strict=True):
            count = convolution.out_features
            # The filters' part for each word of a window beside those for the others.
            parts = convolution.weight.unflatten(1, (width, -1)).transpose(0, 1)  # (w, count, E)
            table = multiply(vectors, parts.flatten(0, 1).T).view(-1, count)  # (U * w, count)
            places = torch.arange(width, device=tokens.device)
            found = []
            for batch in tokens.split(TEXTS):
                windows = batch.unfold(1, width, 1) * width + places  # (B, L, w)
                sums = embedding_bag(windows.flatten(0, 1), table, mode="sum")
                found.append(sums.unflatten(0, windows.shape[:2]).amax(1))
            answers.append(torch.cat(found))
        return torch.cat(answers, 1)
