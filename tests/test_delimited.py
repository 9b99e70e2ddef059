"""Tables as they are in the wild: separators, line ends, quotes, headers."""

import csv

import pytest

from stages.corpus.errors import UserError
from stages.fetching.delimited import has_header, read_delimited


def read(content, text="Text", label="oh_label", **options):
    return read_delimited(content, "some.csv", text, label, **options)


def rows(*args, **options):
    return read(*args, **options).rows


def test_only_the_text_and_the_label_are_read():
    content = "index,oh_label,Date,Text\n0,1,2012,you clown\n1,0.0,,nice\n"
    assert rows(content) == [("you clown", "1"), ("nice", "0")]


@pytest.mark.parametrize("text", ["NA", "null", "nan", "None", "007", "1e5", "True", "#N/A"])
def test_a_comment_that_looks_like_a_value_stays_text(text):
    assert rows(f"Text,oh_label\n{text},1\n") == [(text, "1")]


def test_quotes_newlines_commas_and_emoji_inside_a_text_stay():
    content = 'Text,oh_label\n"so, ""that"" is\nit \U0001f602",1\n'
    assert rows(content) == [('so, "that" is\nit \U0001f602', "1")]


def test_a_row_that_ends_early_has_an_empty_label_and_is_told():
    found = read("Text,oh_label\na,1\nhi\nyou\n")
    assert found.rows == [("a", "1"), ("hi", ""), ("you", "")]
    (warning,) = found.warnings
    assert warning.startswith("some.csv: 2 rows have fewer than 2 fields, the first in line 3; a")
    broken = read("id,Text,date\n1,hello there\nmy friend,2020\n2,good day,2021\n", label=None)
    assert [text for text, _ in broken.rows] == ["hello there", "2020", "good day"]
    assert broken.warnings[0].startswith("some.csv: 2 rows have fewer than 3 fields")


def test_blank_lines_are_no_rows():
    found = read("\n\nText,oh_label\n\nhi,0\n , \n\n")
    assert found.rows == [("hi", "0")]
    assert found.read == 1


# Line ends


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_will_do(end):
    content = end.join(["Text,oh_label", "hi,0", '"two', 'lines",1', ""])
    assert [text.split() for text, _ in rows(content)] == [["hi"], ["two", "lines"]]


def test_a_carriage_return_inside_a_text_is_a_blank():
    assert rows("Text,oh_label\nthe\rcat was warm,1\nhi,0\n") == [
        ("the cat was warm", "1"),
        ("hi", "0"),
    ]


def test_where_the_header_ends_in_a_carriage_return_all_lines_do():
    # As old spreadsheets for the Macintosh write cells of two lines.
    assert rows('Text,oh_label\r"one\ntwo",1\rthree,0\r') == [("one\ntwo", "1"), ("three", "0")]


# Separators


@pytest.mark.parametrize(
    ("separator", "name"), [("\t", "tab"), (";", "semicolon"), ("|", "bar"), (",", None)]
)
def test_the_separator_is_the_one_by_which_the_header_names_the_texts(separator, name):
    lines = [("id", "Text", "oh_label"), ("1", "so; it, is: here", "0"), ("2", "b", "1")]
    content = "".join(
        separator.join(f'"{field}"' if separator in field else field for field in line) + "\n"
        for line in lines
    )
    found = read(content)
    assert found.rows == [("so; it, is: here", "0"), ("b", "1")]
    assert found.notes == ([f"separated by {name}"] if name else [])


def test_the_separator_that_excel_names_is_taken():
    found = read("sep=;\r\nText;oh_label\r\na,b;1\r\n")
    assert found.rows == [("a,b", "1")]


def test_a_column_alone_has_no_separator():
    found = read('Text\nhello, you; there\n"quoted, too"\n', label=None)
    assert found.rows == [("hello, you; there", None), ("quoted, too", None)]


# Headers


@pytest.mark.parametrize(
    "header",
    [
        "Text, oh_label",
        " Text ,oh_label ",
        "text,OH_LABEL",
        '"Text", "oh_label"',
        "\ufeffText,oh_label",
    ],
)
def test_names_may_have_blanks_around_them_and_any_case(header):
    assert rows(f"{header}\nhi, 1\n") == [("hi", "1")]


def test_a_quote_after_a_padded_separator_is_a_quote():
    assert rows('oh_label, Text\n1, "a, b"\n') == [("a, b", "1")]


def test_a_name_as_it_stands_comes_before_one_in_other_case():
    assert rows("TEXT,Text,oh_label\na,b,1\n") == [("b", "1")]


def test_a_header_without_labels_gives_texts_without():
    found = read("id,Text\n1,hi\n")
    assert found.rows == [("hi", None)]
    assert found.notes == ["no column oh_label among id, Text, so no labels"]
    assert read("id,Text\n1,hi\n", label=None).notes == []


def test_a_header_that_comes_again_is_counted():
    found = read("Text,oh_label\na,0\nText,oh_label\nb,1\n\ufeffText,oh_label\nc,1\n")
    assert [text for text, _ in found.rows] == ["a", "b", "c"]
    assert found.dropped == {"the header again": 2}


def test_a_header_cell_longer_than_python_s_csv_takes_and_such_a_text():
    before = csv.field_size_limit()
    long = "word " * 40_000
    assert rows(f'Text,oh_label,"{long}\n"\n{long},1,x\n') == [(long, "1")]
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "found an empty file"),
        ("\n \n", "found an empty file"),
        (
            "index,Body\n0,hi\n",
            r"names the column Text, found \(separated by comma\): index, Body;",
        ),
        ("a\tb\tc\n1\t2\t3\n", r"found \(separated by tab\): a, b, c; set fetch.text to a name"),
        ("Text,oh_label,oh_label\nhi,0,1\n", "expected one column oh_label, found 2"),
        ("Text,Text,oh_label\nhi,0,1\n", "expected one column Text, found 2"),
        ("w,oh_label\n" + "x" * 500, "set fetch.text"),
        ('"Text,oh_label"\n"hello, you",1\n', "Text,oh_label, in quotes that hide the separator;"),
    ],
)
def test_a_table_without_the_columns_is_told_in_one_line(content, expected):
    with pytest.raises(UserError, match=expected) as caught:
        read(content)
    message = str(caught.value)
    assert message.startswith("some.csv: expected ")
    assert "\n" not in message
    assert len(message) < 400


def test_text_and_label_are_two_columns():
    with pytest.raises(UserError, match=r"fetch.text and fetch.label name one column, Text"):
        read("Text,oh_label\nhi,0\n", label="text")


# Rows of other widths


def test_rows_with_more_fields_are_counted_unless_these_are_empty():
    found = read("Text,oh_label\nhi,0,,\na,b,1\nc,d,1\ne,1\n")
    assert found.rows == [("hi", "0"), ("e", "1")]
    assert found.dropped == {"more than 2 fields": 2}
    assert found.read == 4


# Quotes


def test_rows_that_a_quote_swallows_are_rows_again_where_all_come_out_even():
    found = read('Text,oh_label\n"well this is late,0\nthe bus was cold,1\n"you like the song,1\n')
    assert found.rows == [
        ('"well this is late', "0"),
        ("the bus was cold", "1"),
        ('"you like the song', "1"),
    ]
    assert found.notes == ["quotes are plain signs"]


def test_rows_that_a_quote_swallows_among_sound_ones_are_rows_again_and_told():
    found = read(
        'Text,oh_label\n"a, quoted",0\n"b, quoted",1\n'
        '"well this is late,0\nthe bus was cold,1\n"you like the song,1\n"c, quoted",1\n'
    )
    assert [text for text, _ in found.rows] == [
        *("a, quoted", "b, quoted", '"well this is late', "the bus was cold"),
        *('"you like the song', "c, quoted"),
    ]
    assert found.warnings == [
        "some.csv: line 4: a quote there runs over 3 lines that are rows; read as 3 rows"
    ]


def test_lines_that_look_like_rows_inside_a_text_are_told():
    found = read('Text,oh_label\nhi,0\n"he wrote\nyou are late,0\nand left",0\n')
    assert found.rows == [("hi", "0"), ("he wrote\nyou are late,0\nand left", "0")]
    (warning,) = found.warnings
    assert warning.startswith("some.csv: line 3: a quote there runs over 3 lines, of which 1 look")


def test_rows_that_a_quote_swallows_are_told_where_there_are_no_labels():
    content = 'id,Text\n1,"well this is late\n2,the bus\n3,"you like it\n4,"end, yes"\n'
    found = read(content, label=None)
    assert [text for text, _ in found.rows] == [
        *('"well this is late', "the bus", '"you like it', "end, yes"),
    ]
    assert found.warnings == [
        "some.csv: line 2: a quote there runs over 3 lines that are rows; read as 3 rows"
    ]


def test_a_quoted_row_that_a_quote_swallows_is_told():
    sound = "".join(f'"a, {number}",{number % 2}\n' for number in range(6))
    found = read(f'Text,oh_label\n{sound}"u5, day,1\n"u6 ""was"" ok",0\n')
    (warning,) = found.warnings
    assert warning.startswith("some.csv: line 8: a quote there runs over 2 lines")


def test_a_sound_text_with_lines_like_rows_stays_one():
    found = read('Text,oh_label\n"score 1,0\nscore 2",1\nb,0\n')
    assert found.rows == [("score 1,0\nscore 2", "1"), ("b", "0")]
    assert found.warnings == []


def test_one_ragged_row_leaves_the_quotes_of_a_file_plain_signs():
    content = 'id\tText\n1\t"well this is late\n2\tthe bus\n3\t"you like\n4\tragged\tx\n5\tend\n'
    found = read(content, label=None, tabbed=True)
    assert [text for text, _ in found.rows] == [
        *('"well this is late', "the bus", '"you like', "end")
    ]
    assert found.dropped == {"more than 2 fields": 1}


def test_a_text_of_several_lines_is_no_suspect():
    # The second line has as many fields, but no label that any row has.
    found = read('Text,oh_label\nhi,0\n"dear,\nyou, there\nbye",1\n')
    assert found.warnings == []


def test_quotes_of_tab_separated_text_are_plain_signs_where_they_do_not_pair():
    content = 'id\tText\toh_label\n1\t"so it begins\t0\n2\tshe said "no" twice\t1\n3\t"yes"\t0\n'
    found = read(content, tabbed=True)
    assert [text for text, _ in found.rows] == ['"so it begins', 'she said "no" twice', '"yes"']


def test_paired_quotes_of_tab_separated_text_are_quotes():
    found = read('Text\toh_label\n"two\nlines"\t0\n"a ""b"""\t1\n', tabbed=True)
    assert found.rows == [("two\nlines", "0"), ('a "b"', "1")]


def test_a_quote_that_closes_too_early_leaves_the_rest_of_the_file_quoted():
    found = read('Text,oh_label\n"a",0\n"b" or so,1\n"c, d",1\n"e",0\n')
    assert [text for text, _ in found.rows] == ["a", "b or so", "c, d", "e"]


def test_a_quote_that_never_closes_is_told_with_its_line():
    content = 'Text,oh_label\n"a, b",0\nhi,1\n"so it goes, on\nmore\n'
    with pytest.raises(UserError, match=r"some.csv: expected that each quote .* in line 4 that"):
        read(content)


# Without a header


def test_columns_may_be_numbered_where_there_is_no_header():
    found = read("ham\tGo, until\nspam\tWin, now\n", 2, 1)
    assert found.rows == [("Go, until", "ham"), ("Win, now", "spam")]
    assert found.notes == ["separated by tab", "no header"]
    assert rows('"0","7","a, b"\n"4","8","c"\n', 3, 1) == [("a, b", "0"), ("c", "4")]
    assert rows("a,b\nc,d\n", 1, None) == [("a", None), ("c", None)]


def test_a_number_beyond_the_columns_is_told():
    with pytest.raises(UserError, match="expected rows of 6 columns or more, found 2; set fetch"):
        read("a,b\nc,d\n", 6, 1)


def test_a_header_is_told_from_text():
    assert has_header("id\tText\n1\thi\n", "Text")
    assert has_header("\n\nText, oh_label\nhi,1\n", "Text")
    assert not has_header("Text\nhi\n", "Text")
    assert not has_header("my, Texts are, here\n", "Text")
    assert not has_header("", "Text")
