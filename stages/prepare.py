"""Stage prepare: merge the raw files, tokenize the texts, and split them into three."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from stages.corpus.building import build_corpus, draw_splits
from stages.corpus.corpus import NO_LABEL, TEST_PLATFORMS, Corpus
from stages.corpus.errors import UserError
from stages.corpus.tokenizer import tokenize
from stages.fetching.raw_files import Reading
from stages.fetching.raw_folder import read_folder
from stages.pipeline.core_settings import Prepare
from stages.pipeline.corpus_checks import check_labels, check_sizes
from stages.pipeline.files import replacing, write_csv, write_lines, write_metrics
from stages.pipeline.parameters import load_params, load_settings
from stages.pipeline.pictures import draw_lengths
from stages.pipeline.stage import run_stage


def main() -> None:
    params = load_params("seed", "fetch", "per_label", "sample.label")
    settings = load_settings("prepare", Prepare)
    fetch = params.fetch
    raw = {"sample": "data/invented", "oracle": "data/oracle/texts"}.get(fetch.source, "data/raw")
    reading = Reading(fetch.text, fetch.label, fetch.encoding, fetch.unit)
    if fetch.source == "oracle":
        reading = Reading(fetch.text, None, "utf-8", "line")
    merged = read_folder(Path(raw), reading, settings.labels, tell)
    comments = merged.comments
    comments["words"] = [tokenize(text) for text in tqdm(comments["text"], "tokenize", unit="text")]
    comments, outside = drop_by_length(comments, settings.min_words, settings.max_words)
    # A label of which no text is left is none.
    labels, label_names = renumber(comments["label"].to_numpy(), merged.label_names)
    texts = comments["words"].tolist()
    corpus = build_corpus(
        texts,
        labels,
        settings.test_share,
        settings.validation_share,
        params.seed,
        label_names=label_names,
        most_words=settings.vocabulary,
        train_on_all=settings.train_on == "all",
    )
    check_sizes(corpus, len(texts))
    check_labels(corpus, per_label=params.per_label, wanted=params.sample.label)

    write_words(texts, [*label_names, ""], labels, comments["source"])
    with replacing("data/corpus") as folder:
        corpus.save(folder)
        drawn = draw_splits(labels, settings.test_share, settings.validation_share, params.seed)
        tested = drawn["test"][: len(corpus.test)]  # none where all is learnt
        write_lines(folder / TEST_PLATFORMS, comments["source"].to_numpy()[tested])
    lengths = comments["words"].str.len().to_numpy()
    counts = merged.counts | outside
    write_metrics("prepare", counts | count_texts(corpus, labels, lengths))
    with replacing("plots/prepare-lengths.png") as path:
        draw_lengths(path, group_lengths(lengths, labels, label_names))
    tell_rows(counts, len(texts))


def tell(line: str) -> None:
    """Tell the user one line; a progress bar that is shown stays below it."""
    tqdm.write(line, sys.stderr)


def tell_rows(counts: Mapping[str, int], texts: int) -> None:
    """Tell what became of all rows, which together are all that were read."""
    kinds = ("dropped", "duplicates", "too_long", "too_short")
    gone = ", ".join(f"{counts[kind]:,} {kind.replace('_', ' ')}" for kind in kinds)
    mended = f"; {counts['mended']:,} mended" if counts["mended"] else ""
    tell(f"{counts['rows']:,} rows: {texts:,} texts; {gone}{mended}")


def drop_by_length(
    comments: pd.DataFrame, min_words: int, max_words: int
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Drop the texts outside min_words to max_words, and count them.

    Raises:
        UserError: none is left.
    """
    lengths = comments["words"].str.len()
    too_long, too_short = lengths > max_words, lengths < min_words
    kept = comments[~(too_long | too_short)].reset_index(drop=True)
    if kept.empty:
        raise UserError(
            f"params.yaml: none of {len(comments)} texts has from {min_words} to {max_words} "
            f"words (they have {lengths.min()} to {lengths.max()}); "
            "change prepare.min_words or prepare.max_words"
        )
    return kept, {"too_long": int(too_long.sum()), "too_short": int(too_short.sum())}


def renumber(labels: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Leave out the labels that no text has.

    Args:
        labels: of each text, (N,) int8, a place in `names`, or NO_LABEL.
        names: of the labels.

    Returns:
        Labels (N,), int8, and the names that are left.
    """
    used = np.unique(labels)
    used = used[used != NO_LABEL]
    places = np.searchsorted(used, labels).astype(np.int8)
    return np.where(labels == NO_LABEL, NO_LABEL, places).astype(np.int8), tuple(
        names[label] for label in used
    )


def write_words(
    texts: Sequence[Sequence[str]],
    names: Sequence[str],
    labels: np.ndarray,
    sources: Iterable[str],
) -> None:
    """Write data/words.txt, the paper's table: the list of words as Python writes it.

    Args:
        texts: words of each.
        names: of the labels, and last what is written for no label.
        labels: of each text, a place in `names`.
        sources: who wrote each.
    """
    rows = zip(texts, (names[label] for label in labels), sources, strict=True)
    write_csv("data/words.txt", ("text", "label", "source"), rows)


def group_lengths(
    lengths: np.ndarray, labels: np.ndarray, label_names: Sequence[str]
) -> dict[str, np.ndarray]:
    """Group lengths by label, for the picture."""
    if not label_names:
        return {"texts": lengths}
    return {f"label {name}": lengths[labels == place] for place, name in enumerate(label_names)}


def count_texts(corpus: Corpus, labels: np.ndarray, lengths: np.ndarray) -> dict[str, object]:
    """Count what is left: texts, splits, the vocabulary's words, words a text.

    Texts that differ in case or spaces alone are the same words, so that a test text may be a
    training text too.
    """
    learnt = set(corpus.texts(corpus.train))
    return {
        "texts": len(labels),
        "labels": {
            name: int((labels == place).sum()) for place, name in enumerate(corpus.label_names)
        },
        "train": len(corpus.train),
        "validation": len(corpus.validation),
        "test": len(corpus.test),
        "test_also_in_train": sum(text in learnt for text in corpus.texts(corpus.test)),
        "vocabulary": len(corpus.known_words),
        "longest": int(lengths.max()),
        "mean_length": float(lengths.mean()),
    }


if __name__ == "__main__":
    run_stage(main)
