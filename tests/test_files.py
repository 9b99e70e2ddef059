import json
import math
from pathlib import Path

import pytest

from stages.corpus.errors import UserError
from stages.pipeline.files import (
    read_lines,
    replacing,
    write_csv,
    write_json,
    write_lines,
    write_metrics,
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Run each test in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_file_takes_its_place_and_makes_its_folder():
    with replacing("new/place/file.txt") as path:
        path.write_text("content")
        assert not Path("new/place/file.txt").exists()
    assert [path.name for path in Path("new/place").iterdir()] == ["file.txt"]
    assert Path("new/place/file.txt").read_text() == "content"


def test_an_earlier_file_gives_way():
    Path("file.txt").write_text("old")
    with replacing("file.txt") as path:
        path.write_text("new")
    assert Path("file.txt").read_text() == "new"


def test_an_earlier_folder_gives_way_with_all_it_held():
    Path("folder").mkdir()
    Path("folder/old.txt").write_text("old")
    with replacing("folder") as path:
        path.mkdir()
        (path / "new.txt").write_text("new")
    assert [path.name for path in Path("folder").iterdir()] == ["new.txt"]
    assert not list(Path().glob(".*"))


def test_a_file_never_takes_the_place_of_a_folder():
    Path("folder").mkdir()
    Path("folder/thesis.txt").write_text("years of work")
    with pytest.raises(OSError, match="folder"):
        write_json("folder", {"a": 1})
    assert Path("folder/thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_earlier_file_and_nothing_else(folder, error):
    Path("file.txt").write_text("old")

    def write():
        with replacing("file.txt") as path:
            path.write_text("half")
            raise error

    with pytest.raises(error):
        write()
    assert Path("file.txt").read_text() == "old"
    assert {path.name for path in folder.iterdir()} == {"file.txt"}


def test_a_failure_leaves_the_earlier_folder_and_nothing_else(folder):
    Path("folder").mkdir()
    Path("folder/old.txt").write_text("old")

    def write():
        with replacing("folder") as path:
            path.mkdir()
            (path / "half.txt").write_text("half")
            raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        write()
    assert [path.name for path in Path("folder").iterdir()] == ["old.txt"]
    assert {path.name for path in folder.iterdir()} == {"folder"}


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [""],
        ["", ""],
        ["one", "", "two", ""],
        # What str.splitlines and universal newlines would take for the end of a line.
        ["a\x85b", "a\u2028b", "a\rb", "a\r", "\x0b\x0c\x1c", "a\u2029"],
        ["\ufeffmark", "naïve 🙂", " spaces "],
    ],
)
def test_lines_come_back_as_they_were(lines):
    write_lines("lines.txt", lines)
    assert read_lines("lines.txt") == lines
    assert Path("lines.txt").read_bytes().count(b"\n") == len(lines)


def test_a_last_line_may_lack_its_end():
    Path("lines.txt").write_bytes(b"one\ntwo")
    assert read_lines("lines.txt") == ["one", "two"]


def test_lines_that_are_no_utf_8_are_refused_in_one_line():
    Path("texts.txt").write_bytes(b"caf\xc3\xa9\ncaf\xe9\n")
    with pytest.raises(UserError, match=r"^texts\.txt: no UTF-8 text \(byte 9\); .*`dvc repro`"):
        read_lines("texts.txt")


def test_numbers_are_rounded_to_six_digits():
    values = {"third": 1 / 3, "large": 123456789.0, "tiny": 1.23456789e-12, "count": 123456789}
    write_json("new/numbers.json", {"nested": values})
    # Counts stay whole: only a measure has digits that mean nothing.
    expected = {"third": 0.333333, "large": 123457000, "tiny": 1.23457e-12, "count": 123456789}
    assert json.loads(Path("new/numbers.json").read_text()) == {"nested": expected}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused(value):
    Path("numbers.json").write_text("{}")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json("numbers.json", {"nested": {"loss": value}})
    assert Path("numbers.json").read_text() == "{}"


def test_metrics_are_nested_under_the_stage_and_the_item():
    write_metrics("prepare", {"rows": 2})
    write_metrics("train_gan", {"steps": 3}, "bert")
    assert json.loads(Path("metrics/prepare.json").read_text()) == {"prepare": {"rows": 2}}
    assert json.loads(Path("metrics/train_gan/bert.json").read_text()) == {
        "train_gan": {"bert": {"steps": 3}}
    }


def test_a_table_is_written_as_csv():
    write_csv("new/table.csv", ("name", "value"), [("a,b", 1), ('say "c"', 2.5)])
    expected = b'name,value\n"a,b",1\n"say ""c""",2.5\n'
    assert Path("new/table.csv").read_bytes() == expected
