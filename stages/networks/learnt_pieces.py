"""The word pieces of a corpus' texts, spelt as the corpus has them.

A BERT that knows no capitals or accents reads a word with them as one without, and one that knows
no emoji reads it as [UNK]. Here a piece is the part of the word that it was read from, so that
texts can be written as the corpus has them. Only pieces of the training texts are known.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

# Places before those of all pieces: of BERT's own markers, which no text has.
PADDING, START, END, MASK, UNKNOWN, MARKERS = range(6)


class LearntPieces:
    """Word pieces, and how a text is read as places of them and written back.

    A piece that begins a word is told from the same letters inside one.

    Args:
        beginning: pieces that words begin with, distinct.
        inside: pieces that go on with a word, distinct.
    """

    def __init__(self, beginning: Sequence[str], inside: Sequence[str]) -> None:
        self.beginning, self.inside = list(beginning), list(inside)
        self.places_inside = MARKERS + len(beginning)  # where those inside a word begin
        self.size = self.places_inside + len(inside)
        self.spelling = [*[""] * MARKERS, *beginning, *inside]
        self._place = (
            {piece: MARKERS + number for number, piece in enumerate(beginning)},
            {piece: self.places_inside + number for number, piece in enumerate(inside)},
        )
        self._longest = max(map(len, self.spelling))
        self._words: dict[str, list[int]] = {}

    def read_word(self, word: str) -> list[int]:
        """Return the places of a word's pieces, the longest that fit first; none where none fit."""
        if word not in self._words:
            self._words[word] = self._split(word)
        return self._words[word]

    def _split(self, word: str) -> list[int]:
        # next_at[start]: where the longest piece ends that leaves a rest that can be split, too.
        next_at = {len(word): len(word)}
        for start in reversed(range(len(word))):
            known = self._place[start > 0]
            for end in range(min(len(word), start + self._longest), start, -1):
                if end in next_at and word[start:end] in known:
                    next_at[start] = end
                    break
        places, start = [], 0
        while start < len(word) and start in next_at:
            places.append(self._place[start > 0][word[start : next_at[start]]])
            start = next_at[start]
        return places

    def read(self, texts: Iterable[str], most: int | None = None) -> tuple[Tensor, Tensor]:
        """Turn texts into places.

        Args:
            texts: words joined by one space.
            most: pieces to keep of each text; None keeps all.

        Returns:
            Places (N, T), int64, PADDING after the last, UNKNOWN for a word that cannot be read;
            how many each text has, (N,), int64.
        """
        rows = [
            [place for word in text.split() for place in self.read_word(word) or [UNKNOWN]][:most]
            for text in texts
        ]
        lengths = torch.tensor([len(row) for row in rows], dtype=torch.int64)
        tokens = torch.full((len(rows), max(map(len, rows), default=0)), PADDING)
        for row, places in enumerate(rows):
            tokens[row, : len(places)] = torch.tensor(places, dtype=torch.int64)
        return tokens, lengths

    def write(self, places: Iterable[int], most: int) -> str:
        """Join pieces, none of them a marker, to a text of so many words at most."""
        words: list[str] = []
        for place in places:
            if place < self.places_inside or not words:
                words.append(self.spelling[place])
            else:
                words[-1] += self.spelling[place]
        return " ".join(words[:most])


def frame(tokens: Tensor, lengths: Tensor) -> Tensor:
    """Put markers around texts (B, T) of so many pieces each (B,): (B, T + 2)."""
    framed = pad(tokens, (1, 1), value=PADDING)
    framed[:, 0] = START
    return framed.scatter(1, lengths.unsqueeze(1) + 1, END)


class Found(NamedTuple):
    """What `find_pieces` finds.

    Attributes:
        pieces: in order of appearance.
        ids: of BERT's pieces, one a place, markers included, int64; several places may share one.
    """

    pieces: LearntPieces
    ids: Tensor


def find_pieces(tokenizer: Any, texts: Sequence[str]) -> Found:
    """Find the word pieces of texts.

    Args:
        tokenizer: of a BERT, as `pretrained_bert.load_tokenizer` gives it.
        texts: words joined by one space.
    """
    words = list(dict.fromkeys(word for text in texts for word in text.split()))
    found: tuple[dict[str, int], dict[str, int]] = {}, {}  # piece to BERT's id: beginning, inside
    encoding = tokenizer(words, add_special_tokens=False, return_offsets_mapping=True)
    for word, ids, spans in zip(
        words, encoding["input_ids"], encoding["offset_mapping"], strict=True
    ):
        starts = [0, *(start for start, _ in spans[1:]), len(word)]
        for start, end, number in zip(starts[:-1], starts[1:], ids, strict=len(spans) > 0):
            if start < end:  # several pieces may be of one character
                found[start > 0].setdefault(word[start:end], number)
    markers = [
        tokenizer.pad_token_id,
        tokenizer.cls_token_id,
        tokenizer.sep_token_id,
        tokenizer.mask_token_id,
        tokenizer.unk_token_id,
    ]
    ids = torch.tensor([*markers, *found[0].values(), *found[1].values()])
    return Found(LearntPieces([*found[0]], [*found[1]]), ids)
