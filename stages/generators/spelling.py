"""Texts spelt as characters: what stands for which, and how a text ends.

A character is one Unicode code point: an emoji may be several, and so is a letter with marks that
have no form of their own together. All words of a text are read, those too that
`prepare.vocabulary` leaves out: what can be spelt needs no vocabulary.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

import numpy as np
import torch
from pydantic import AfterValidator, Field
from torch import Tensor

from stages.corpus.corpus import UNKNOWN as UNKNOWN_NAME
from stages.corpus.corpus import Corpus, Split
from stages.networks.lstm_language_model import END, UNKNOWN

SPACE = " "  # between two words
LINE_END = "\n"  # stands for the end of a text, which has no line feed


def _check_characters(characters: list[str]) -> list[str]:
    if characters[:2] != ["", UNKNOWN_NAME]:
        raise ValueError(f"expected an empty text and {UNKNOWN_NAME} before all characters")
    if any(len(each) != 1 or (each != SPACE and each.isspace()) for each in characters[2:]):
        raise ValueError("expected single characters, none of them white space but a space")
    if SPACE not in characters or len({*characters}) < len(characters):
        raise ValueError("expected distinct characters, a space among them")
    return characters


LearntCharacters = Annotated[
    list[str], Field(min_length=4, max_length=2**21), AfterValidator(_check_characters)
]


class Spelt(NamedTuple):
    """Texts as ids of characters.

    Attributes:
        tokens: (N, T), int64, on the CPU; END after a text's last character.
        lengths: (N,), int64: characters of each text that count, its end among them, or the space
            after its last word where it was cropped there.
    """

    tokens: Tensor
    lengths: Tensor


def spell(lines: Sequence[str], known: Mapping[str, int], most: int) -> Spelt:
    """Turn lines, what follows the last word among them, into ids.

    Args:
        lines: as `write_lines` gives them.
        known: the id of each character that is known; all others become UNKNOWN.
        most: characters at which a line is cropped.
    """
    offsets = np.cumsum([0, *map(len, lines)])
    codes = np.frombuffer("".join(lines).encode("utf-32-le", "surrogatepass"), "<u4")
    numbers = np.full(sys.maxunicode + 1, UNKNOWN, np.int32)  # of each code point
    numbers[[ord(character) for character in known]] = [*known.values()]
    numbers[ord(LINE_END)] = END
    ids = Split(numbers[codes], offsets, np.zeros(len(lines), np.int8))
    lengths = np.minimum(ids.lengths, most)
    padded = ids.padded(int(lengths.max(initial=0)))
    return Spelt(torch.from_numpy(padded), torch.from_numpy(lengths))


def write_lines(corpus: Corpus, split: Split, max_length: int) -> list[str]:
    """Write a split's texts, cropped, each with what follows its last word: a space, or its end."""
    texts = corpus.texts(split, max_length)
    goes_on = (split.lengths > max_length).tolist()
    return [text + (SPACE if more else LINE_END) for text, more in zip(texts, goes_on, strict=True)]
