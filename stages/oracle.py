"""Stage oracle: let an LSTM oracle write the texts, where fetch.source asks for them.

For any other source its folder says that there is no oracle, and `measure` measures by none.
"""

from pathlib import Path

import torch

from stages.networks.oracle_lstm import OracleLstm, write_texts
from stages.networks.oracle_weights import find_weights, save_weights
from stages.pipeline.files import replacing, write_lines
from stages.pipeline.parameters import load_params
from stages.pipeline.stage import run_stage, seed_everything


def main() -> None:
    params = load_params("seed", "fetch.source", "oracle")
    seed_everything(params.seed)
    is_wanted = params.fetch.source == "oracle"
    with replacing("data/oracle") as folder:
        folder.mkdir()
        about = "its weights, and its texts\n" if is_wanted else "no oracle\n"
        (folder / "about.txt").write_text(about, encoding="utf-8")
        if is_wanted:
            write(folder, **vars(params.oracle), seed=params.seed)


def write(
    folder: Path,
    weights: str | None,
    vocabulary: int,
    width: int,
    hidden_size: int,
    length: int,
    count: int,
    seed: int,
) -> None:
    """Write an oracle's weights and, into a folder of their own, its texts.

    Args:
        folder: takes both.
        weights: the path of an .npz, or None to draw them.
        vocabulary: words that it knows.
        width: numbers a word.
        hidden_size: of its LSTM.
        length: words of each text.
        count: texts to write.
        seed: of what is drawn.
    """
    arrays = find_weights(weights, vocabulary, width, hidden_size, seed)
    save_weights(folder / "weights.npz", arrays)
    tokens = OracleLstm(arrays).sample(count, length, torch.Generator().manual_seed(seed))
    write_lines(folder / "texts/oracle.txt", write_texts(tokens))


if __name__ == "__main__":
    run_stage(main)
