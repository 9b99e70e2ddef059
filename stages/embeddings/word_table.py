"""What the two embeddings of whole words share: ids of words, words of ids, the nearest row."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from stages.corpus.checked_files import check_words, damaged, read_lines

NOT_A_WORD = 0


def tokenize_words(texts: Sequence[str], ids: Mapping[str, int], length: int | None) -> Tensor:
    """Turn texts into word ids (B, T), int32; 0 for words that `ids` lacks and after the end.

    Args:
        texts: words joined by one space.
        ids: of the known words.
        length: T, words a text, cropped or padded; None takes the longest text's.
    """
    rows = [[ids.get(word, NOT_A_WORD) for word in text.split()[:length]] for text in texts]
    if length is None:
        length = max(map(len, rows), default=0)
    tokens = torch.zeros((len(rows), length), dtype=torch.int32)
    for place, row in enumerate(rows):
        tokens[place, : len(row)] = torch.tensor(row, dtype=torch.int32)
    return tokens


def unknown_share(texts: Sequence[str], ids: Mapping[str, int]) -> float:
    """Return the share of the texts' words that `ids` lacks, from 0 to 1."""
    known = [word in ids for text in texts for word in text.split()]
    return 1 - sum(known) / len(known)


def join_words(rows: Tensor, words: Sequence[str]) -> list[str]:
    """Turn ids (B, T) into texts; each ends before its first 0."""
    texts = []
    for ids in rows.tolist():
        end = ids.index(NOT_A_WORD) if NOT_A_WORD in ids else len(ids)
        texts.append(" ".join(words[index] for index in ids[:end]))
    return texts


def nearest_rows(vectors: Tensor, table: Tensor, *, cosine: bool) -> Tensor:
    """Find the row of `table` nearest to each vector.

    Args:
        vectors: (…, E), float32.
        table: (K, E), float32, on the same device.
        cosine: measure by the angle instead of the Euclidean distance.

    Returns:
        Rows (…), int64, from 0 to K - 1.
    """
    if cosine:
        table, offset = torch.nn.functional.normalize(table, dim=1), 0
    else:
        # |v - t|² = |v|² - 2 (v·t - |t|² / 2), and |v|² is the same for every row t.
        offset = table.square().sum(1) / 2
    # A word's vector comes as often as the word.
    distinct, places = vectors.reshape(-1, vectors.shape[-1]).unique(dim=0, return_inverse=True)
    # 2²¹ similarities at a time are 8 MB, whatever the table's size: more are slower to go through.
    parts = distinct.split(max(1, 2**21 // len(table)))
    rows = torch.cat([(part @ table.T).sub_(offset).argmax(1) for part in parts])
    return rows[places].view(vectors.shape[:-1])


def write_words(path: Path, words: Sequence[str]) -> None:
    """Write one word a line."""
    path.write_bytes("".join(f"{word}\n" for word in words).encode("utf-8"))


def read_words(path: Path, count: int) -> list[str]:
    """Read so many words, one a line.

    Raises:
        UserError: there are more or fewer, one comes twice, or a line is no word.
    """
    *words, rest = read_lines(path)
    if len(words) != count or rest:
        raise damaged(path, f"expected {count} lines, found {len(words)}")
    try:
        return check_words(words)
    except ValueError as error:
        raise damaged(path, str(error)) from None
