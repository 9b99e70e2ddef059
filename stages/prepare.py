"""Stage prepare: merge the raw tables, tokenize the comments, and split them into three."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from stages.corpus.corpus import Corpus, build_corpus
from stages.corpus.errors import UserError
from stages.corpus.tokenizer import tokenize
from stages.fetching.raw_tables import is_usable, merge_tables, read_table
from stages.pipeline.files import replacing, write_csv, write_metrics
from stages.pipeline.parameters import load_params
from stages.pipeline.pictures import draw_lengths
from stages.pipeline.stage import run_stage

FEWEST = {"train": 20, "test": 10}  # texts that the stage measure can measure


def main() -> None:
    params = load_params("seed", "fetch.source", "prepare")
    is_sample = params.fetch.source == "sample"
    comments, counts = read_comments(Path("data/invented" if is_sample else "data/raw"))
    comments["words"] = [tokenize(text) for text in tqdm(comments["text"], "tokenize", unit="text")]
    comments, outside = drop_by_length(comments, params.prepare.min_words, params.prepare.max_words)
    texts, labels = comments["words"].tolist(), comments["label"].to_numpy()
    shares = params.prepare.test_share, params.prepare.validation_share
    corpus = build_corpus(texts, labels, *shares, params.seed)
    for name, fewest in FEWEST.items():
        found = len(getattr(corpus, name))
        if found < fewest:
            raise UserError(
                f"params.yaml: of {len(labels)} texts the {name} split has {found}; the measures "
                f"need {fewest}; give more texts or change prepare.test_share"
            )

    write_words(comments)
    with replacing("data/corpus") as folder:
        corpus.save(folder)
    lengths = comments["words"].str.len().to_numpy()
    write_metrics("prepare", counts | outside | count_texts(corpus, labels, lengths))
    with replacing("plots/prepare-lengths.png") as path:
        by_label = {f"label {label}": lengths[labels == label] for label in (0, 1)}
        draw_lengths(path, by_label)


def read_comments(folder: Path) -> tuple[pd.DataFrame, dict[str, int]]:
    """Read and merge all CSV files of a folder, as `merge_tables` does; warn of useless ones.

    Raises:
        UserError: there is no file, or none of them has a usable row.
    """
    paths = sorted(folder.glob("*.csv"))
    if not paths:
        raise UserError(f"{folder}: expected CSV files, found none; run the stage fetch first")
    tables = {path.name: read_table(path) for path in paths}
    comments, counts = merge_tables(tables)
    if comments.empty:
        raise UserError(
            f"{folder}: expected rows with a text and a label of 0 or 1, found none among "
            f"{counts['rows']} rows of {len(paths)} files; check the columns Text and oh_label"
        )
    for name, table in tables.items():
        dropped = int((~is_usable(table)).sum())
        if dropped > len(table) / 2:
            print(
                f"warning: {folder / name}: {dropped} of {len(table)} rows are dropped, having no "
                "text or a label other than 0 and 1",
                file=sys.stderr,
            )
    return comments, counts


def drop_by_length(
    comments: pd.DataFrame, min_words: int, max_words: int
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Drop the comments outside min_words to max_words, and count them.

    Raises:
        UserError: none is left.
    """
    lengths = comments["words"].str.len()
    too_long, too_short = lengths > max_words, lengths < min_words
    kept = comments[~(too_long | too_short)].reset_index(drop=True)
    if kept.empty:
        raise UserError(
            f"params.yaml: none of {len(comments)} comments has from {min_words} to {max_words} "
            f"words (they have {lengths.min()} to {lengths.max()}); "
            "change prepare.min_words or prepare.max_words"
        )
    return kept, {"too_long": int(too_long.sum()), "too_short": int(too_short.sum())}


def write_words(comments: pd.DataFrame) -> None:
    """Write data/words.txt, the paper's table: the list of words as Python writes it."""
    rows = zip(comments["words"], comments["label"], comments["source"], strict=True)
    write_csv("data/words.txt", ("text", "label", "source"), rows)


def count_texts(corpus: Corpus, labels: np.ndarray, lengths: np.ndarray) -> dict[str, float]:
    """Count what is left: texts, splits, the training split's words, words a text.

    Comments that differ in case or spaces alone are the same words, so that a test text may be a
    training text too.
    """
    learnt = set(corpus.texts(corpus.train))
    return {
        "texts": len(labels),
        "positive": int(labels.sum()),
        "train": len(corpus.train),
        "validation": len(corpus.validation),
        "test": len(corpus.test),
        "test_also_in_train": sum(text in learnt for text in corpus.texts(corpus.test)),
        "vocabulary": corpus.vocabulary_size,
        "longest": int(lengths.max()),
        "mean_length": float(lengths.mean()),
    }


if __name__ == "__main__":
    run_stage(main)
