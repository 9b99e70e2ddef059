"""JSON lines and lists: keys, values, lines that are none."""

import pytest

from stages.corpus.errors import UserError
from stages.fetching.json_rows import read_json


def read(content, text="text", label="y"):
    return read_json(content, "some.jsonl", text, label)


def test_each_object_is_a_row():
    found = read('{"text": "a b", "y": 1, "z": []}\n\n{"y": 0, "text": "c"}\r\n')
    assert found.rows == [("a b", "1"), ("c", "0")]
    assert read('[{"text": "a"},\n {"text": "b"}]', label=None).rows == [("a", None), ("b", None)]
    assert read('{"text": "a"}\r{"text": "b"}', label=None).read == 2


def test_labels_are_named_as_they_would_be_in_a_table():
    values = ("1.0", "0.50", "true", '" ham  spam "', "null", '""', "NaN")
    content = "".join(f'{{"text": "a", "y": {value}}}\n' for value in values)
    labels = [label for _, label in read(content).rows]
    assert labels == ["1", "0.5", "True", "ham spam", "", "", ""]


def test_what_is_no_row_is_counted_by_reason():
    lines = [
        *('{"text": "a", "y": 1}', "no JSON", '["a"]', "3", '{"text": "b", "y": 1'),
        *('{"text": 5, "y": 1}', '{"text": "c", "y": [1]}', '{"y": 1}', '{"text": null, "y": 1}'),
        "[" * 100_000,
    ]
    found = read("\n".join(lines))
    assert found.rows == [("a", "1"), ("", "1"), ("", "1")]
    assert found.dropped == {
        "no JSON object": 5,
        "a text that is no JSON string": 1,
        "a label that is a list or an object": 1,
    }
    assert found.read == len(lines)


def test_keys_may_be_in_other_case_and_the_label_s_may_be_missing():
    found = read('{"Text": "a"}\n{"Text": "b"}')
    assert found.rows == [("a", None), ("b", None)]
    assert found.notes == ["no key y among Text, so no labels"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "found: no object"),
        ("hello\nyou", "found: no object"),
        ('{"data": [{"text": "a"}]}', "found: data; set fetch.text to a key among these"),
        ('[{"text": "a"}', "expected a JSON list or JSON lines"),
        ("[" * 100_000, "expected a JSON list or JSON lines"),
    ],
)
def test_what_is_no_such_file_is_told_in_one_line(content, expected):
    with pytest.raises(UserError, match=expected) as caught:
        read(content)
    assert "\n" not in str(caught.value)
