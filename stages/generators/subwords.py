"""The pieces of words that a pretrained language model reads and writes, by its own tokenizer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from tokenizers import Tokenizer

from stages.corpus.checked_files import MOST_TEXT, damaged, read_bytes
from stages.corpus.errors import UserError
from stages.corpus.tokenizer import tokenize
from stages.networks.pretrained import load_pretrained, place_of

FILE = "tokenizer.json"


class Subwords:
    """Texts to ids of pieces, and back.

    Args:
        tokenizer: of the library tokenizers.
        start: the piece that stands before the first one of a text.
        end: the piece behind the last one.
    """

    def __init__(self, tokenizer: Tokenizer, start: int, end: int) -> None:
        self.tokenizer = tokenizer
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.start, self.end = start, end

    @classmethod
    def load_pretrained(cls, model: str, setting: str) -> Self:
        """Load a pretrained model's; where it has no start, its end stands there, as in GPT-2.

        Args:
            model: a folder, or a name on the hub.
            setting: what names it, for the message.

        Raises:
            UserError: there is no such model, or no tokenizer that tokenizer.json can hold, or it
                has no end of a text.
        """
        loaded = load_pretrained("AutoTokenizer", model, setting)
        tokenizer = getattr(loaded, "backend_tokenizer", None)
        if not isinstance(tokenizer, Tokenizer):
            raise UserError(
                f"{place_of(setting)} is {model!r}, whose tokenizer is {type(loaded).__name__}; "
                f"expected one with a file {FILE}, as gpt2 has it"
            )
        if loaded.eos_token_id is None:
            raise UserError(
                f"{place_of(setting)} is {model!r}, whose tokenizer names no eos_token, the end of "
                "a text; expected one that does, as gpt2's"
            )
        start = loaded.eos_token_id if loaded.bos_token_id is None else loaded.bos_token_id
        return cls(tokenizer, start, loaded.eos_token_id)

    @property
    def size(self) -> int:
        """One more than the highest id of a piece."""
        return max(self.tokenizer.get_vocab(with_added_tokens=True).values()) + 1

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Turn texts into ids of pieces, neither start nor end among them."""
        return [each.ids for each in self.tokenizer.encode_batch(texts, add_special_tokens=False)]

    def decode(self, pieces: Sequence[Sequence[int]]) -> list[str]:
        """Turn ids of pieces into what they spell, blanks and all."""
        return self.tokenizer.decode_batch([*map(list, pieces)], skip_special_tokens=False)

    def read(self, pieces: Sequence[Sequence[int]]) -> list[list[str]]:
        """Turn ids of pieces into words, as the tokenizer of the corpus writes them."""
        return [tokenize(text) for text in self.decode(pieces)]

    def find_special(self, size: int) -> np.ndarray:
        """Say which of the ids below `size` stand for no part of a text, but its end; (size,)."""
        special = np.ones(size, dtype=bool)
        special[[*self.tokenizer.get_vocab(with_added_tokens=True).values()]] = False
        added = self.tokenizer.get_added_tokens_decoder()
        special[[number for number, token in added.items() if token.special]] = True
        special[self.start] = True
        special[self.end] = False
        return special

    def find_begins(self, size: int) -> np.ndarray:
        """Say which of the ids below `size` are pieces that begin with a blank, (size,), bool."""
        begins = np.zeros(size, dtype=bool)
        # Behind another piece, since some tokenizers write no blank at the start.
        (other,) = self.encode(["a"])
        (before,) = self.decode([other])
        for number, text in enumerate(self.decode([[*other, each] for each in range(self.size)])):
            begins[number] = text[len(before) : len(before) + 1].isspace()
        return begins

    def save(self, folder: Path) -> None:
        """Write the tokenizer into a folder."""
        (folder / FILE).write_bytes(self.tokenizer.to_str(pretty=True).encode())

    @classmethod
    def load(cls, folder: Path, start: int, end: int) -> Self:
        """Read what `save` wrote.

        Raises:
            UserError: it is damaged, or has no such pieces.
        """
        path = folder / FILE
        content = read_bytes(path, MOST_TEXT)
        try:
            tokenizer = Tokenizer.from_str(content.decode())
        except Exception as error:  # the library raises no other class
            reason = " ".join(str(error).split())[:100]
            raise damaged(path, f"expected a tokenizer ({reason})") from None
        subwords = cls(tokenizer, start, end)
        if not tokenizer.get_vocab() or max(start, end) >= subwords.size:
            raise damaged(path, f"expected a tokenizer with the pieces {start} and {end}")
        return subwords
