"""Fuzzing: whatever a file holds, each row is kept, counted or told of; a mistake is one line.

The same cases are drawn each time: 3,250, or FUZZ times as many where the environment says so.
"""

import csv
import gzip
import io
import json
import os
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from stages import prepare
from stages.corpus.errors import UserError
from stages.corpus.tokenizer import tokenize
from stages.fetching.merging import merge_files
from stages.fetching.raw_files import Reading, read_raw_file
from stages.pipeline import corpus_checks

TIMES = int(os.environ.get("FUZZ", "1"))
PARAMS = Path(__file__).with_name("params.yaml")


def cases(count):
    return settings(
        max_examples=count * TIMES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[*HealthCheck],
        phases=[Phase.generate],  # a case that fails is shown as it was drawn
    )


# What has a meaning to a reader of files, between words and arbitrary signs.
PIECES = st.one_of(
    st.sampled_from(
        [
            *('"', '""', "'", ",", "\t", ";", "|", "\n", "\r", "\r\n", "\n\n", " ", "\\", "\0"),
            *("Text", "oh_label", "0", "1", "2", "1.0", "ham", "sep=;", "{", "}", "[", "]", ":"),
            *(
                '{"Text": "a", "oh_label": 1}',
                "null",
                "\ufeff",
                "\u2028",
                "\x85",
                "cafÃ©",
                "é",
                "’",
            ),
            *("the bus", "was late", "😂", "你好", "สวัสดี", "<br />", "f**k", "&amp;", "\ud800"),
        ]
    ),
    st.text(max_size=8),
)
MESS = st.lists(PIECES, max_size=40).map("".join)
TEXTS = st.lists(PIECES, max_size=6).map("".join)
NAMES = st.sampled_from(["a.csv", "b.tsv", "c.txt", "d.jsonl", "e.json", "f", "g.csv.gz"])
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252", "utf-16-le", "cp1251"])
READINGS = st.builds(
    Reading,
    st.sampled_from(["Text", "text", "0", "a"]),
    st.sampled_from(["oh_label", None, "folder", "1"]),
    st.sampled_from([None, None, None, "utf-8", "latin-1"]),
    st.sampled_from(["line", "block", "file"]),
) | st.builds(
    lambda text, label: Reading(text, label), st.integers(1, 3), st.none() | st.integers(1, 3)
)
CONTENTS = st.one_of(
    st.binary(max_size=200),
    st.builds(lambda text, code: text.encode(code, "replace"), MESS, ENCODINGS),
    st.builds(lambda text, code: f"Text,oh_label\n{text}".encode(code, "replace"), MESS, ENCODINGS),
    st.builds(lambda text: gzip.compress(text.encode("utf-8", "replace")), MESS),
)


def check_line(error):
    """Assert that a mistake is told in one line of bounded length."""
    assert "\n" not in str(error)
    assert len(str(error)) < 1000


def read(content, name, reading):
    """Read bytes as a file; give what came out, None where a mistake was told in one line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        try:
            return read_raw_file(path, name, reading)
        except UserError as error:
            check_line(error)
            return None


@cases(600)
@given(CONTENTS, NAMES, READINGS)
def test_any_bytes_become_rows_that_are_kept_or_counted(content, name, reading):
    found = read(content, name, reading)
    if found is None:
        return
    for file in (found, found._replace(rows=[(text, None) for text, _ in found.rows])):
        try:
            merged = merge_files({name: file})
        except UserError as error:
            check_line(error)
            continue
        counts = merged.counts
        assert counts["rows"] == file.read
        assert counts["rows"] == counts["dropped"] + counts["duplicates"] + len(merged.comments)
        assert counts["dropped"] == merged.dropped.total()


ROWS = st.lists(st.tuples(TEXTS, st.sampled_from(["0", "1", "", "ham"])), min_size=1, max_size=8)


@cases(600)
@given(
    ROWS,
    st.sampled_from([",", "\t", ";", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_a_table_that_is_written_by_the_rules_is_read_as_it_was(rows, sign, end, quoting, code):
    # What no reader can tell from another: a line end inside a text, a mark, a row without a sign.
    # A file with many control signs is none of texts.
    controls = [*range(9), *range(14, 27), 127]
    gone = dict.fromkeys(["\ufeff", "\ud800", *map(chr, controls)], "")
    clean = str.maketrans({"\r": " ", **gone})
    rows = [(text.translate(clean), label) for text, label in rows]
    rows = [(text, label) for text, label in rows if text.strip() or label]
    assume(rows)
    # A row that holds another one by itself is suspected, see test_delimited.py.
    assume(not any("\n" in text and sign in text for text, _ in rows))
    # Where nothing is quoted by the rules a quote might be a sign of its own, and rows of one
    # text that looks like the header are the header.
    assume(not any("Text" in text for text, _ in rows))
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=sign, lineterminator=end, quoting=quoting)
    writer.writerows([("Text", "oh_label"), *rows])
    try:
        content = file.getvalue().encode(code)
    except UnicodeEncodeError:
        return
    found = read(content, "a.csv", Reading("Text", "oh_label"))
    assert found.rows == rows
    assert found.dropped == {}


WORDS = st.lists(
    st.sampled_from(["bus", "late", "cat", "a, b", 'he said ""no""', "x;y", "so: it", "day"]),
    max_size=3,
).map(" ".join)


@cases(600)
@given(
    st.lists(st.tuples(WORDS, st.sampled_from("01"), st.booleans()), min_size=2, max_size=12),
    st.sampled_from([("Text", "oh_label"), ("oh_label", "Text"), ("id", "Text")]),
    st.sampled_from([",", "\t", ";"]),
    st.data(),
)
def test_a_quote_that_is_missing_costs_no_row_in_silence(rows, header, sign, data):
    # Each text begins with a word of its own, by which it is known again.
    lines = []
    for number, (words, label, quoted) in enumerate(rows):
        text = f"row{number}x {words}"
        if quoted or sign in text or '"' in text:
            text = f'"{text}"'
        fields = {"Text": text, "oh_label": label, "id": str(number)}
        lines.append(sign.join(fields[name] for name in header))
    content = "\n".join([sign.join(header), *lines, ""])
    quotes = [place for place, letter in enumerate(content) if letter == '"']
    if quotes:
        gone = data.draw(st.sampled_from(quotes))
        content = content[:gone] + content[gone + 1 :]
    found = read(content.encode(), "a.csv", Reading("Text", "oh_label"))
    if found is None or found.warnings:
        return
    known = [re.findall(r"row(\d+)x", text) for text, _ in found.rows]
    assert all(len(numbers) == 1 for numbers in known)
    assert len({numbers[0] for numbers in known}) + found.dropped.total() == len(rows)
    if "oh_label" in header:
        for [number], (_, label) in zip(known, found.rows, strict=True):
            assert label == rows[int(number)][1]


@cases(300)
@given(st.lists(st.tuples(TEXTS, st.sampled_from([0, 1, "ham", None])), min_size=1, max_size=8))
def test_json_lines_are_read_as_they_were(rows):
    content = "\n".join(json.dumps({"Text": text, "oh_label": label}) for text, label in rows)
    found = read(content.encode(), "a.jsonl", Reading("Text", "oh_label"))
    labels = ["" if label is None else str(label) for _, label in rows]
    if any(label is not None for _, label in rows):
        assert found.rows == [(text, label) for (text, _), label in zip(rows, labels, strict=True)]
    assert found.read == len(rows)


@cases(1000)
@given(MESS)
def test_words_joined_by_blanks_are_the_same_words_again(text):
    words = tokenize(text)
    assert all(word.split() == [word] for word in words)
    assert tokenize(" ".join(words)) == words


LINES = st.lists(TEXTS).map(lambda texts: "\n".join(texts).encode("utf-8", "replace"))
SETTINGS = st.fixed_dictionaries(
    {
        "min_words": st.integers(1, 3),
        "max_words": st.integers(3, 30),
        "vocabulary": st.none() | st.integers(1, 20),
        "labels": st.none() | st.sampled_from([{0: 0, 1: 1}, {"ham": 1}, {True: 1}]),
        "train_on": st.sampled_from(["train", "all"]),
        "test_share": st.floats(0.1, 0.4),
        "validation_share": st.floats(0.1, 0.4),
    }
)


@cases(150)
@given(
    st.dictionaries(
        NAMES,
        CONTENTS | st.lists(TEXTS).map(lambda texts: "\n".join(texts).encode("utf-8", "replace")),
        min_size=1,
        max_size=3,
    ),
    READINGS,
    SETTINGS,
)
def test_prepare_keeps_or_counts_each_row_or_tells_a_mistake(files, reading, chosen):
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus_checks, "FEWEST", {})
        patch.setattr(prepare, "draw_lengths", lambda path, _: path.touch())
        patch.chdir(folder)
        values = YAML(typ="safe").load(PARAMS)
        values["fetch"] |= {"source": "mine", **reading._asdict()}
        values["prepare"] = chosen
        YAML().dump(values, Path("params.yaml"))
        for name, content in files.items():
            Path("data/raw").mkdir(parents=True, exist_ok=True)
            Path("data/raw", name).write_bytes(content)
        try:
            prepare.main()
        except UserError as error:
            check_line(error)
            assert not Path("data/corpus").exists()
        else:
            counts = json.loads(Path("metrics/prepare.json").read_text())["prepare"]
            gone = ("dropped", "duplicates", "too_long", "too_short")
            assert counts["rows"] == counts["texts"] + sum(counts[kind] for kind in gone)
    assert Path.cwd() == here
