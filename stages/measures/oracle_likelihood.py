"""How likely an oracle would have written texts.

Source: NLL_oracle of L. Yu et al., "SeqGAN: Sequence Generative Adversarial Nets with Policy
Gradient", AAAI 2017, arXiv:1609.05473.
"""

from collections.abc import Sequence

import numpy as np
import torch

from stages.networks.oracle_lstm import OracleLstm, number_words


def oracle_nats(texts: Sequence[str], oracle: OracleLstm) -> tuple[np.ndarray, np.ndarray]:
    """Return -log P of each text under the oracle, and the words it is the sum of.

    The measure, in nats a word, is the ratio of their sums: lower is likelier, and the oracle's own
    texts have its floor, the entropy. It says nothing of variety: one likely text again and again
    is below the floor. Read it beside the likelihood of held-out text, distinct-2 and copied lines.

    A text counts as far as its first word that is not the oracle's; of its own words none is
    impossible, and no end is counted, so texts of any length compare.

    Args:
        texts: words joined by one space, N of them.
        oracle: of an embedding as large as its words' numbers.

    Returns:
        Nats (N,) and words (N,), float64 each; 0 and 0 for a text that begins with another word, or
        has none.
    """
    rows = [_known(row) for row in number_words(texts, oracle.vocabulary_size)]
    lengths = np.array([len(row) for row in rows], np.int64)
    nats = np.zeros(len(rows))
    for length in np.unique(lengths[lengths > 0]).tolist():
        places = np.flatnonzero(lengths == length)
        tokens = torch.from_numpy(np.stack([rows[place] for place in places]))
        nats[places] = -oracle.log_likelihood(tokens).numpy()
    return nats, lengths.astype(np.float64)


def _known(row: np.ndarray) -> np.ndarray:
    """Return the numbers before the first that is none."""
    unknown = np.flatnonzero(row < 0)
    return row[: unknown[0]] if len(unknown) else row
