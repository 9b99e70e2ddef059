"""Merging rows into distinct texts: what each becomes, and that each is counted."""

import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from stages.corpus.corpus import NO_LABEL
from stages.corpus.errors import UserError
from stages.fetching.delimited import Rows
from stages.fetching.merging import merge_files
from stages.fetching.raw_files import Reading, read_raw_file


def file(*rows, **dropped):
    return Rows([*rows], Counter(dropped), [], [])


def merge(*rows, mapping=None):
    return merge_files({"some.csv": file(*rows)}, mapping)


def test_rows_without_a_text_or_a_label_are_dropped_and_counted_by_file_and_reason():
    rows = [("a", "0"), ("b", "1"), ("", "1"), (" \n\t", "0"), ("e", ""), ("", "")]
    files = {"one.csv": file(*rows, broken=3), "two.txt": file(("f", None), ("g", None))}
    merged = merge_files(files)
    assert merged.comments[["text", "label"]].values.tolist() == [["a", 0], ["b", 1]]
    assert merged.comments["label"].dtype == "int8"
    assert merged.counts == {
        **{"rows": 11, "dropped": 9, "duplicates": 0, "relabelled": 0, "mended": 0}
    }
    assert merged.dropped == {
        ("broken", "one.csv"): 3,
        ("no text", "one.csv"): 3,
        ("no label", "one.csv"): 1,
        ("no label", "two.txt"): 2,
    }


def test_labels_are_classes_in_the_order_of_their_values():
    merged = merge(("a", "10"), ("b", "9"), ("c", "-1"), ("d", "ham"), ("e", "9"))
    assert merged.label_names == ("-1", "9", "10", "ham")
    assert merged.comments["label"].tolist() == [2, 1, 0, 3, 1]
    assert merged.labels == {"10": 1, "9": 2, "-1": 1, "ham": 1}


def test_a_mapping_makes_0_and_1_of_labels_and_drops_the_rest_by_name():
    # Of 0, 1, 2 in the ratio 2 : 2 : 1 the last is a fifth.
    rows = [(f"text {number}", "00112"[number % 5]) for number in range(50)]
    merged = merge(*rows, mapping={0: 1, 1: 0})
    assert merged.label_names == ("0", "1")
    assert merged.comments["label"].value_counts().to_dict() == {1: 20, 0: 20}
    assert merged.dropped == {("label 2", "some.csv"): 10}


def test_texts_without_labels_have_none():
    merged = merge_files({"a.txt": file(("a", None), ("b", None), ("", None))})
    assert merged.label_names == ()
    assert merged.comments["label"].tolist() == [NO_LABEL, NO_LABEL]
    assert merged.counts["dropped"] == 1
    with pytest.raises(UserError, match=r"prepare.labels is set, but no file has a column"):
        merge_files({"a.txt": file(("a", None))}, {"ham": 0})


def test_utf_8_that_was_taken_for_another_encoding_is_mended_where_that_is_certain():
    rows = [("cafÃ© au lait", "0"), ("itâ€™s late", "0"), ("café au lait", "1"), ("Ã", "0")]
    merged = merge(*rows)
    # The first and the third are one text then.
    assert merged.comments["text"].tolist() == ["café au lait", "it’s late", "Ã"]
    assert (merged.counts["mended"], merged.counts["duplicates"]) == (2, 1)
    assert merged.comments["label"].tolist() == [1, 0, 0]


def test_a_text_is_1_if_any_of_its_rows_says_so():
    # "a" comes as 0, 1, 0 and "b" as 1, 0: both disagree. "c" comes as 0 twice: it does not.
    # Seven rows hold three distinct texts, so four are beyond the first.
    rows = [("a", "0"), ("b", "1"), ("a", "1"), ("c", "0"), ("c", "0"), ("b", "0"), ("a", "0")]
    merged = merge(*rows)
    comments = merged.comments[["text", "label"]]
    assert comments.values.tolist() == [["a", 1], ["b", 1], ["c", 0]]
    assert merged.counts == {
        **{"rows": 7, "dropped": 0, "duplicates": 4, "relabelled": 2, "mended": 0}
    }


def test_a_label_on_a_dropped_row_counts_for_nothing():
    merged = merge(("a", "0"), ("a", "2"), mapping={0: 0, 1: 1})
    assert merged.comments["label"].tolist() == [0]
    assert (merged.counts["dropped"], merged.counts["relabelled"]) == (1, 0)


def test_texts_are_equal_only_to_the_letter():
    merged = merge(("Hi", "0"), ("hi", "0"), ("hi ", "0"))
    assert merged.comments["text"].tolist() == ["Hi", "hi", "hi "]


def test_the_source_is_that_of_the_first_row_in_file_name_order():
    tables = {
        "youtube_parsed_dataset.csv": file(("both", "1"), ("tube", "0")),
        "mine.csv": file(("own", "0")),
        "kaggle_parsed_dataset.csv": file(("both", "0")),
    }
    merged = merge_files(tables).comments
    assert merged.values.tolist() == [
        ["both", 1, "kaggle"],
        ["own", 0, "unknown"],
        ["tube", 0, "youtube"],
    ]
    backwards = merge_files(dict(reversed(tables.items()))).comments
    pd.testing.assert_frame_equal(merged, backwards)


def test_files_without_a_row_merge_to_none():
    merged = merge()
    assert merged.comments.empty
    assert {*merged.counts.values()} == {0}


def test_450000_rows_merge_in_seconds():
    rows = [(f"comment number {place % 196_000} of them all", "0") for place in range(450_000)]
    start = time.process_time()
    merged = merge(*rows)
    assert time.process_time() - start < 5
    assert len(merged.comments) == 196_000
    assert merged.counts["duplicates"] == 254_000


# The real files

REAL = Path(__file__).parents[2] / "shared" / "data" / "cyberbullying"


@pytest.mark.skipif(not REAL.is_dir(), reason="the real comments are not on this machine")
def test_the_real_files_merge():
    reading = Reading("Text", "oh_label")
    files = {path.name: read_raw_file(path, path.name, reading) for path in REAL.glob("*.csv")}
    merged = merge_files(files)
    counts, comments = merged.counts, merged.comments
    # Counts only: a failing comparison of texts would print them.
    assert counts["rows"] == sum(file.read for file in files.values())
    assert counts["rows"] == counts["dropped"] + counts["duplicates"] + len(comments)
    assert bool(comments["text"].is_unique)
    assert set(comments["source"]) == {"kaggle", "twitter", "youtube"}
    assert merged.label_names == ("0", "1")
