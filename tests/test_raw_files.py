"""Raw files of every form, among them the layouts of public data sets, with invented texts."""

import gzip

import pytest

from stages.corpus.errors import UserError
from stages.fetching.forms import form_of, is_tabbed
from stages.fetching.raw_files import Reading, read_raw_file


@pytest.fixture
def read(tmp_path):
    def read(name, content, text="Text", label="oh_label", **options):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_raw_file(path, name, Reading(text, label, **options))

    return read


@pytest.mark.parametrize(
    ("name", "form"),
    [
        *(("a.csv", "table"), ("A.TSV.gz", "table"), ("a.tab", "table"), ("b.txt", "text")),
        *(("b.json", "JSON"), ("b.jsonl", "JSON"), ("b.ndjson.GZ", "JSON"), ("b.txt.gz", "text")),
        *(("a", None), ("a.gz", None), ("a.xlsx", None), ("a.csv.zip", None), ("csv", None)),
    ],
)
def test_a_file_s_name_says_its_form(name, form):
    assert form_of(name) == form
    assert is_tabbed("a.tsv.gz")
    assert not is_tabbed("a.csv")


# Plain text

POEM = "the moon is cold\nand far away\n \nthe sun\r\nis warm\n\n\n"


@pytest.mark.parametrize(
    ("unit", "texts"),
    [
        ("line", [["the moon is cold"], ["and far away"], ["the sun"], ["is warm"]]),
        ("block", [["the moon is cold", "and far away"], ["the sun", "is warm"]]),
        ("file", [["the moon is cold", "and far away", " ", "the sun", "is warm"]]),
    ],
)
def test_plain_text_falls_into_lines_blocks_or_is_one_text(read, unit, texts):
    found = read("poem.txt", POEM, unit=unit)
    assert [text.strip("\n").split("\n") for text, _ in found.rows] == texts
    assert {label for _, label in found.rows} == {None}
    assert (found.notes, found.warnings) == ([f"plain text by {unit}"], [])


def test_only_line_ends_end_a_line(read):
    found = read("a.txt", "one\u2028still one\x85and\x1cthis\rthat\ntwo")
    assert [text for text, _ in found.rows] == ["one\u2028still one\x85and\x1cthis\rthat", "two"]
    assert len(read("a.txt", "one\rtwo\r").rows) == 2


def test_the_folder_of_a_text_may_be_its_label(read):
    for folder in ("pos", "neg"):
        found = read(f"train/{folder}/0_9.txt", "so\n\nmuch", label="folder", unit="file")
        assert found.rows == [("so\n\nmuch", folder)]
    # IMDB's own folder has lists of addresses above those of texts.
    assert read("urls_pos.txt", "an address", label="folder").rows == [("an address", "")]


def test_a_text_file_with_a_header_is_a_table(read):
    assert read("a.txt", "id\tText\toh_label\n1\thi\t0\n").rows == [("hi", "0")]
    assert read("a.txt", "id\ttext\toh_label\n1\thi\t0\n").rows == [("hi", "0")]
    assert read("a.txt", '{"Text": "hi", "oh_label": 0}\n').rows == [("hi", "0")]
    assert read("a.txt", "Text\nhi\n").rows == [("Text", None), ("hi", None)]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ('{"Text": "hi", "oh_label": 1}\n', [("hi", "1")]),
        ('[{"Text": "hi", "oh_label": 1}]', [("hi", "1")]),
        ("Text,oh_label\nhi,1\n", [("hi", "1")]),
        ("hi there\nyou\n", [("hi there", None), ("you", None)]),
        ("{hi there}\n[{you\n", [("{hi there}", None), ("[{you", None)]),
    ],
)
def test_a_file_of_another_name_is_what_it_looks_like(read, content, rows):
    assert read("mine", content).rows == rows


def test_how_a_file_was_read_is_told(read):
    packed = gzip.compress("Text;oh_label\ncafé £5;1\n".encode("cp1252"))
    assert read("a.csv.gz", packed).notes == [
        "packed by gzip",
        "in cp1252 (a guess, by which it reads café, £5;1; fetch.encoding sets another)",
        "separated by semicolon",
    ]
    assert read("a.csv", "Text,oh_label\ncafé,1\n").notes == []


def test_broken_bytes_are_counted(read):
    found = read("a.csv", b"Text,oh_label\n" + "été,1\n".encode() * 30 + b"t\xe9,0\n")
    assert found.rows[-1] == ("t\ufffd", "0")
    assert found.warnings == ["a.csv: 1 broken bytes, each now U+FFFD"]


def test_what_is_wrong_with_a_file_names_it_as_the_user_knows_it(read):
    with pytest.raises(UserError, match=r"^deep/a.csv: expected a header"):
        read("deep/a.csv", "a,b\n1,2\n")


# The layouts of public data sets: file, text, label, what comes out.

LAYOUTS = {
    "Davidson et al. 2017": (
        *("labeled_data.csv", "tweet", "class"),
        ",count,hate_speech,offensive_language,neither,class,tweet\n"
        '0,3,0,0,3,2,"!!! RT @someone: the bus, it ""stops"" here"\n'
        "1,3,0,3,0,1,you are a clown\n",
        [('!!! RT @someone: the bus, it "stops" here', "2"), ("you are a clown", "1")],
    ),
    "OLID": (
        *("olid-training-v1.0.tsv", "tweet", "subtask_a"),
        "id\ttweet\tsubtask_a\tsubtask_b\tsubtask_c\n"
        '1\t"@USER so it begins\tNOT\tNULL\tNULL\n2\t@USER you "genius" URL\tOFF\tTIN\tIND\n',
        [('"@USER so it begins', "NOT"), ('@USER you "genius" URL', "OFF")],
    ),
    "HASOC 2019": (
        *("english_dataset.tsv", "text", "task_1"),
        "text_id\ttext\ttask_1\ttask_2\ttask_3\n"
        'hasoc_en_1\t"two\nlines, here"\tNOT\tNONE\tNONE\nhasoc_en_2\tyou fool\tHOF\tOFFN\tTIN\n',
        [("two\nlines, here", "NOT"), ("you fool", "HOF")],
    ),
    "Jigsaw 2018": (
        *("train.csv", "comment_text", "toxic"),
        '"id","comment_text","toxic","severe_toxic"\n'
        '"00a","Why?\n\nI said ""no"", twice.",0,0\n"00b","You bore",1,0\n',
        [('Why?\n\nI said "no", twice.', "0"), ("You bore", "1")],
    ),
    "Sentiment140": (
        *("training.1600000.processed.noemoticon.csv", 6, 1),
        b'"0","1467","Mon Apr 06","NO_QUERY","someone","@you - Awww, that\'s a caf\xe9"\n'
        b'"4","2193","Tue Jun 16","NO_QUERY","other","happy day"\n',
        [("@you - Awww, that's a café", "0"), ("happy day", "4")],
    ),
    "IMDB, one file": (
        *("IMDB Dataset.csv", "review", "sentiment"),
        'review,sentiment\n"A long film.<br /><br />It ended, at last.",negative\n'
        '"So good, so ""fun""",positive\n',
        [
            ("A long film.<br /><br />It ended, at last.", "negative"),
            ('So good, so "fun"', "positive"),
        ],
    ),
    "SMS Spam Collection": (
        *("SMSSpamCollection", 2, 1),
        'ham\tGo until the end, "ok..\nspam\tFree entry in 2 a wkly comp\n',
        [('Go until the end, "ok..', "ham"), ("Free entry in 2 a wkly comp", "spam")],
    ),
    "SMS Spam, one file": (
        *("spam.csv", "v2", "v1"),
        b'v1,v2,,,\r\nham,"Go, now",,,\r\nspam,Win \xa3100 cash,,,\r\n',
        [("Go, now", "ham"), ("Win £100 cash", "spam")],
    ),
    "TweetEval": (
        *("tweets.jsonl", "text", "label"),
        '{"text": "good day \\ud83d\\ude0a", "label": 3}\n{"text": "late @user", "label": 12}\n',
        [("good day 😊", "3"), ("late @user", "12")],
    ),
    "Civil Comments": (
        *("civil.csv", "comment_text", "target"),
        "id,target,comment_text\n1,0.0,well said\n2,0.166666,hm\n3,0.6,you clown\n",
        [("well said", "0"), ("hm", "0.166666"), ("you clown", "0.6")],
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_public_data_sets_are_read_as_they_are(read, layout):
    name, text, label, content, rows = LAYOUTS[layout]
    found = read(name, content, text, label)
    assert found.rows == rows
    assert found.dropped == {}
    assert found.warnings == []
