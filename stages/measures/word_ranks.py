"""How expected each word of a text is: its rank among all words under a language model.

Source: S. Gehrmann, H. Strobelt and A. Rush, "GLTR: Statistical Detection and Visualization of
Generated Text", ACL 2019 (demonstrations), arXiv:1906.04043.
"""

from collections.abc import Sequence
from typing import Any

import torch

from stages.networks.lstm_language_model import END, UNKNOWN

NOT_RANKED = 0  # of a word that the language model does not know


@torch.no_grad()
def word_ranks(model: Any, text: str) -> list[int]:
    """Return the rank of each word of a text, 1 for the one most expected after those before it.

    A word that the model does not know has `NOT_RANKED`; to the words behind it, it is the model's
    unknown word, or where there is none, it is not there.

    Args:
        model: a `LikelihoodModel`, in evaluation mode, on a CPU.
        text: words joined by one space.
    """
    words = text.split()
    numbers = [model.ids.get(word, model.unknown) for word in words]
    read = [number for number in numbers if number is not None]
    if not read:
        return [NOT_RANKED] * len(words)
    hidden, _ = model.network.read(torch.tensor([[END, *read[:-1]]]))  # (1, T, W)
    logs = model.network.softmax.log_probabilities(hidden[0])  # (T, V)
    logs[0, END] = -torch.inf  # no text is empty
    if model.unknown is not None:
        logs[:, UNKNOWN] = -torch.inf
    own = logs.gather(1, torch.tensor(read).unsqueeze(1))  # (T, 1)
    ranks = iter(((logs > own).sum(1) + 1).tolist())
    found = [NOT_RANKED if number is None else next(ranks) for number in numbers]
    return [
        NOT_RANKED if number == model.unknown else rank
        for number, rank in zip(numbers, found, strict=True)
    ]


def find_reader(model: Any, label: str | None) -> Any | None:
    """Return the language model that ranks texts of a label, None where there is none.

    Args:
        model: a `LikelihoodModel`, or several, one a label: a `PerLabel`.
        label: of the texts.
    """
    parts = getattr(model, "parts", None)
    return model if parts is None else parts.get(label)


def rank_texts(
    model: Any, texts: Sequence[str], labels: Sequence[str | None]
) -> list[list[int] | None]:
    """Return the ranks of the words of each text; None for a text that no model reads."""
    readers = [find_reader(model, label) for label in labels]
    return [
        None if reader is None else word_ranks(reader, text)
        for reader, text in zip(readers, texts, strict=True)
    ]
