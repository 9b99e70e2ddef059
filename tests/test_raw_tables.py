import time
from pathlib import Path

import pandas as pd
import pytest

from stages.corpus.errors import UserError
from stages.fetching.raw_tables import merge_tables, read_table


@pytest.fixture
def write(tmp_path):
    def write(content, name="some.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def table(*rows):
    return pd.DataFrame(rows, columns=["text", "label"], dtype=str)


# Reading


def test_only_the_text_and_the_label_are_read(write):
    path = write("index,oh_label,Date,Text\n0,1,2012,you clown\n1,0.0,,nice\n")
    read = read_table(path)
    assert list(read.columns) == ["text", "label"]
    assert read.values.tolist() == [["you clown", "1"], ["nice", "0.0"]]


@pytest.mark.parametrize("text", ["NA", "null", "nan", "None", "007", "1e5", "True", "#N/A"])
def test_a_comment_that_looks_like_a_value_stays_text(write, text):
    assert read_table(write(f"Text,oh_label\n{text},1\n"))["text"].tolist() == [text]


def test_quotes_newlines_commas_and_emoji_inside_a_text_stay(write):
    path = write('Text,oh_label\n"so, ""that"" is\nit \U0001f602",1\n')
    assert read_table(path)["text"].tolist() == ['so, "that" is\nit \U0001f602']


def test_a_byte_order_mark_is_no_part_of_the_header(write):
    assert read_table(write(b"\xef\xbb\xbfText,oh_label\nhi,0\n")).values.tolist() == [["hi", "0"]]


def test_a_row_that_ends_early_has_an_empty_label(write):
    assert read_table(write("Text,oh_label\nhi\n")).values.tolist() == [["hi", ""]]


def test_a_header_alone_is_an_empty_table(write):
    assert len(read_table(write("Text,oh_label\n"))) == 0


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "found an empty file"),
        (b"\n\n", "found an empty file"),
        (b"index,Text\n0,hi\n", "found no oh_label among: index, Text"),
        (b"index;Text;oh_label\n0;hi;1\n", "found no Text and no oh_label among: index;Text;oh"),
        # The third line holds the byte: the header, one row, then this one.
        (b"Text,oh_label\nhi,0\ncaf\xe9,1\n", "found byte 0xe9 in line 3"),
        (b"\xff\xfeT\x00e\x00x\x00t\x00", "found byte 0xff in line 1"),
        (b'Text,oh_label\n"hi,0\n', "expected a well-formed CSV file"),
        (b"Text,oh_label\nhi,0\na,b,1\n", "Expected 2 fields in line 3, saw 3"),
        (b"Text,oh_label,oh_label\nhi,0,1\n", "expected one column oh_label, found several"),
        (b"Text,oh_label\na,hi,0\nb,ho,1\n", "expected as many fields in a row as in the header"),
    ],
)
def test_a_file_that_is_no_such_table_is_explained_in_one_line(write, content, expected):
    path = write(content)
    with pytest.raises(UserError) as caught:
        read_table(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: expected ")
    assert expected in message
    assert "\n" not in message


def test_a_folder_with_the_name_of_a_table_is_explained(tmp_path):
    with pytest.raises(UserError, match="expected a CSV file, found: "):
        read_table(tmp_path)


# Merging


def test_rows_without_a_text_or_a_label_of_0_or_1_are_dropped():
    rows = [("a", "0"), ("b", "1.0"), ("c", " 1 "), ("d", "0.0")]
    mess = [("", "1"), (" \n\t", "0"), ("e", ""), ("f", "2"), ("g", "0.5"), ("h", "True")]
    merged, counts = merge_tables({"some.csv": table(*rows, *mess)})
    assert merged["text"].tolist() == ["a", "b", "c", "d"]
    assert merged["label"].tolist() == [0, 1, 1, 0]
    assert merged["label"].dtype == "int8"
    assert counts == {"rows": 10, "dropped": 6, "duplicates": 0, "relabelled": 0}


def test_a_text_is_1_if_any_of_its_rows_says_so():
    # "a" comes as 0, 1, 0 and "b" as 1, 0: both disagree. "c" comes as 0 twice: it does not.
    # Seven rows hold three distinct texts, so four are beyond the first.
    rows = [("a", "0"), ("b", "1"), ("a", "1"), ("c", "0"), ("c", "0"), ("b", "0"), ("a", "0")]
    merged, counts = merge_tables({"some.csv": table(*rows)})
    assert merged[["text", "label"]].values.tolist() == [["a", 1], ["b", 1], ["c", 0]]
    assert counts == {"rows": 7, "dropped": 0, "duplicates": 4, "relabelled": 2}


def test_a_label_on_a_dropped_row_counts_for_nothing():
    merged, counts = merge_tables({"some.csv": table(("a", "0"), ("a", "2"))})
    assert merged["label"].tolist() == [0]
    assert counts == {"rows": 2, "dropped": 1, "duplicates": 0, "relabelled": 0}


def test_texts_are_equal_only_to_the_letter():
    merged, _ = merge_tables({"some.csv": table(("Hi", "0"), ("hi", "0"), ("hi ", "0"))})
    assert merged["text"].tolist() == ["Hi", "hi", "hi "]


def test_the_source_is_that_of_the_first_row_in_file_name_order():
    tables = {
        "youtube_parsed_dataset.csv": table(("both", "1"), ("tube", "0")),
        "mine.csv": table(("own", "0")),
        "kaggle_parsed_dataset.csv": table(("both", "0")),
    }
    merged, _ = merge_tables(tables)
    assert merged.values.tolist() == [
        ["both", 1, "kaggle"],
        ["own", 0, "unknown"],
        ["tube", 0, "youtube"],
    ]
    backwards, _ = merge_tables(dict(reversed(tables.items())))
    pd.testing.assert_frame_equal(merged, backwards)


def test_tables_without_a_row_merge_to_none():
    merged, counts = merge_tables({"some.csv": table()})
    assert merged.empty
    assert counts == {"rows": 0, "dropped": 0, "duplicates": 0, "relabelled": 0}


def test_450000_rows_merge_in_seconds():
    texts = pd.Series(range(450_000)).mod(196_000).map("comment number {} of them all".format)
    rows = pd.DataFrame({"text": texts, "label": "0"})
    start = time.process_time()
    merged, counts = merge_tables({"some.csv": rows})
    assert time.process_time() - start < 5
    assert len(merged) == 196_000
    assert counts["duplicates"] == 254_000


# The real files

REAL = Path(__file__).parents[2] / "shared" / "data" / "cyberbullying"


@pytest.mark.skipif(not REAL.is_dir(), reason="the real comments are not on this machine")
def test_the_real_files_merge():
    tables = {path.name: read_table(path) for path in REAL.glob("*.csv")}
    merged, counts = merge_tables(tables)
    # Counts only: a failing comparison of texts would print them.
    assert counts["rows"] == sum(map(len, tables.values()))
    assert counts["rows"] == counts["dropped"] + counts["duplicates"] + len(merged)
    assert bool(merged["text"].is_unique)
    assert set(merged["source"]) == {"kaggle", "twitter", "youtube"}
