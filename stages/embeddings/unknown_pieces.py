"""Texts in a script that a BERT's word pieces do not cover: refused, or warned of.

A word with a letter that has no piece becomes the piece [UNK] as a whole. Where many do, texts that
share no word look alike to the model, and every number that comes from its vectors says "perfect".
A few unknown pieces, such as emoji, do no harm.
"""

import warnings
from collections.abc import Sequence
from typing import Any

from stages.corpus.errors import Caution, UserError

# Shares of unknown pieces. English comments and tweets have up to 0.13 %. Up to the second,
# MiniLM's vectors still tell texts apart, in Tamil (25 %) as in English; see data/README.md.
WARNED, REFUSED = 0.05, 0.3
# Google's BERT of 109 languages: F. Feng et al., "Language-agnostic BERT Sentence Embedding", 2020,
# arXiv:2007.01852. Cased, 501,153 pieces, 768 wide.
MULTILINGUAL = "sentence-transformers/LaBSE"
_BATCH = 500  # texts whose pieces are held at a time


def unknown_pieces(tokenizer: Any, texts: Sequence[str]) -> float:
    """Return the share of [UNK] among the word pieces of texts, from 0 to 1.

    Args:
        tokenizer: of `pretrained_bert.load_tokenizer`.
        texts: words joined by one space; texts without a piece have the share 0.
    """
    pieces = unknown = 0
    for first in range(0, len(texts), _BATCH):
        batch = list(texts[first : first + _BATCH])
        for ids in tokenizer(batch, add_special_tokens=False)["input_ids"]:
            pieces += len(ids)
            unknown += ids.count(tokenizer.unk_token_id)
    return unknown / pieces if pieces else 0.0


def check_pieces(
    tokenizer: Any, texts: Sequence[str], *, name: str, model: str, setting: str
) -> None:
    """Refuse texts that a BERT cannot read; warn, as a `Caution`, of those it reads in part.

    Args:
        tokenizer: of the BERT.
        texts: words joined by one space.
        name: of the texts: a file, or where they stand.
        model: the BERT's name.
        setting: what names the BERT: a key of params.yaml, or an option.

    Raises:
        UserError: more than `REFUSED` of the pieces are unknown.
    """
    share = unknown_pieces(tokenizer, texts)
    if share <= WARNED:
        return
    where = setting if setting.startswith("--") else f"{setting} in params.yaml"
    other = "" if model == MULTILINGUAL else f", such as {MULTILINGUAL}"
    advice = f"set {where} to a BERT whose word pieces cover the script{other}"
    found = f"{name}: {100 * share:.1f} % of its word pieces are unknown to {model} ([UNK])"
    if share > REFUSED:
        raise UserError(f"{found}; allowed: at most {100 * REFUSED:.0f} %; {advice}")
    caution = f"{found}, so that different texts may look alike; better, {advice}"
    warnings.warn(caution, Caution, stacklevel=2)
