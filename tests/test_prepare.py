import csv
import json
import shutil
from ast import literal_eval
from functools import reduce
from itertools import product
from operator import getitem
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from ruamel.yaml import YAML

from stages.corpus.corpus import SPLITS, TEST_PLATFORMS, UNKNOWN, load_corpus
from stages.corpus.errors import UserError
from stages.fetching.raw_folder import USUAL_LABEL
from stages.measures import comparison
from stages.pipeline import corpus_checks
from stages.pipeline.pictures import draw_lengths
from stages.prepare import main

PARAMS = Path(__file__).with_name("params.yaml")
REAL = Path(__file__).parents[2] / "shared" / "data" / "cyberbullying"
KEYS = [
    *("rows", "dropped", "duplicates", "relabelled", "mended", "too_long", "too_short", "texts"),
    *("labels", "train", "validation", "test", "test_also_in_train", "vocabulary", "longest"),
    "mean_length",
]
FEWEST = corpus_checks.FEWEST
OUTPUTS = [
    *("data/words.txt", "data/corpus/words.txt", "data/corpus/test-tokens.npy"),
    *("metrics/prepare.json", "plots/prepare-lengths.png"),
]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Run each test on a few tables of its own, in a folder that holds nothing else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(corpus_checks, "FEWEST", {})
    set_params({"fetch.source": "tables"})
    Path("data/raw").mkdir(parents=True)
    return tmp_path


def set_params(changes):
    """Change values of params.yaml by their dotted keys; the tests' own to begin with."""
    path = Path("params.yaml")
    params = YAML(typ="safe").load(path if path.exists() else PARAMS)
    for key, value in changes.items():
        *parents, last = key.split(".")
        reduce(getitem, parents, params)[last] = value
    YAML().dump(params, path)


def set_prepare(**changes):
    set_params({f"prepare.{key}": value for key, value in changes.items()})


def write_table(name, *rows, folder="data/raw"):
    with Path(folder, name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["index", "Text", "oh_label"], *([0, *row] for row in rows)])


def read_metrics():
    return json.loads(Path("metrics/prepare.json").read_text(encoding="utf-8"))["prepare"]


def read_words():
    with Path("data/words.txt").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["text", "label", "source"]
    return [(literal_eval(text), int(label), source) for text, label, source in rows[1:]]


def write_three_tables():
    write_table(
        "kaggle_parsed_dataset.csv",
        ("You clown", "1"),
        ("a nice day", "0.0"),
        ("", "1"),
        ("You clown", "0"),
        ("one two three four five six", "0"),
        ("\u200b", "0"),
    )
    write_table(
        "twitter_parsed_dataset.csv",
        ("a nice day", "0"),
        ("you clown", "0"),
        ("it's \"fine\", \\ 'ok' 😂", "0"),
        ("no label", ""),
    )
    write_table("zz.csv", ("word " * 11, "1"))


# Five comments are left of the three tables when texts have from 1 to 10 words.
LEFT = [
    (["you", "clown"], 1, "kaggle"),
    (["a", "nice", "day"], 0, "kaggle"),
    (["one", "two", "three", "four", "five", "six"], 0, "kaggle"),
    (["you", "clown"], 0, "twitter"),
    (["it's", '"', "fine", '"', ",", "\\", "'", "ok", "'", "😂"], 0, "twitter"),
]


@pytest.mark.parametrize("train_on", ["train", "all"])
def test_where_test_texts_come_from_stands_beside_the_corpus(train_on):
    write_table(
        "kaggle_parsed_dataset.csv", *((f"here {'i ' * number}", "0") for number in range(9))
    )
    write_table(
        "youtube_parsed_dataset.csv", *((f"there {'i ' * number}", "1") for number in range(9))
    )
    set_prepare(test_share=0.4, validation_share=0.2, train_on=train_on)
    main()
    corpus = load_corpus("data/corpus")
    places = {"here": "kaggle", "there": "youtube"}
    expected = [places[text.split()[0]] for text in corpus.texts(corpus.test)]
    assert Path("data/corpus", TEST_PLATFORMS).read_text().splitlines() == expected
    assert {*expected} == ({*places.values()} if train_on == "train" else set())


def test_the_counts_are_those_worked_out_by_hand():
    # Eleven rows. Dropped: one without a text, one without a label. Duplicates: "You clown" and
    # "a nice day" once each; the former came as 1 and 0. Too long: the eleven words. Too short:
    # the invisible text. Five are left, of 2, 3, 6, 2 and 10 words: 23 / 5 = 4.6. Of the
    # four with label 0 one is tested and two validate; the single one with label 1 does neither, as
    # 0.25 and 0.5 round to none.
    write_three_tables()
    set_prepare(max_words=10, test_share=0.25, validation_share=0.5)
    main()
    metrics = read_metrics()
    vocabulary = metrics.pop("vocabulary")
    del metrics["test_also_in_train"]  # whether "you clown" is on both sides is left to chance
    assert metrics == {
        "rows": 11,
        "dropped": 2,
        "duplicates": 2,
        "relabelled": 1,
        "mended": 0,
        "too_long": 1,
        "too_short": 1,
        "texts": 5,
        "labels": {"0": 4, "1": 1},
        "train": 2,
        "validation": 2,
        "test": 1,
        "longest": 10,
        "mean_length": 4.6,
    }
    corpus = load_corpus("data/corpus")
    assert vocabulary == len(set(" ".join(corpus.texts(corpus.train)).split()))


def test_the_metrics_have_the_keys_of_the_design_in_order():
    write_three_tables()
    set_prepare(test_share=0.25, validation_share=0.5)
    main()
    assert list(read_metrics()) == KEYS


def test_words_are_written_as_python_lists_one_row_a_comment():
    write_three_tables()
    set_prepare(max_words=10, test_share=0.25, validation_share=0.5)
    main()
    # "You clown" and "you clown" are two comments, although they have the same words.
    assert read_words() == LEFT
    lines = Path("data/words.txt").read_bytes().decode().split("\n")
    assert lines[:3] == [
        "text,label,source",
        "\"['you', 'clown']\",1,kaggle",
        "\"['a', 'nice', 'day']\",0,kaggle",
    ]


def test_the_test_texts_that_are_training_texts_too_are_counted():
    # One word in 32 spellings, which are one text to every model; and 32 words.
    spellings = ["".join(letters) for letters in product("nN", "iI", "cC", "eE", "rR")]
    write_table("mine.csv", *((text, "0") for text in spellings))
    set_prepare(test_share=0.25, validation_share=0.25)
    main()
    assert (read_metrics()["test"], read_metrics()["test_also_in_train"]) == (8, 8)
    write_table("mine.csv", *((f"nicer{number}", "0") for number in range(32)))
    main()
    assert (read_metrics()["test"], read_metrics()["test_also_in_train"]) == (8, 0)


def test_the_corpus_keeps_whole_texts():
    write_three_tables()
    set_prepare(max_words=10, test_share=0.25, validation_share=0.5)
    main()
    corpus = load_corpus("data/corpus")
    splits = (corpus.train, corpus.validation, corpus.test)
    whole = [text for split in splits for text in corpus.texts(split)]
    assert sorted(whole) == sorted(" ".join(words) for words, _, _ in LEFT)


def test_the_sample_is_read_where_it_was_invented():
    Path("data/invented").mkdir()
    for folder, word in (("data/raw", "fetched"), ("data/invented", "invented")):
        rows = [(f"{word} {number}", "0") for number in range(8)]
        write_table("mine.csv", *rows, folder=folder)
    set_prepare(test_share=0.25, validation_share=0.25)
    for source, word in (("sample", "invented"), ("tables", "fetched"), ("mendeley", "fetched")):
        set_params({"fetch.source": source})
        main()
        assert {words[0] for words, _, _ in read_words()} == {word}


def test_the_same_tables_and_seed_give_the_same_bytes():
    write_three_tables()
    set_prepare(test_share=0.25, validation_share=0.5)

    def run():
        main()
        return [Path(name).read_bytes() for name in OUTPUTS]

    assert run() == run()


def test_the_limits_are_within_what_is_kept():
    words = [" ".join([word] * count) for count in range(1, 9) for word in ("a", "b")]
    write_table("mine.csv", *((text, "0") for text in words))
    set_prepare(min_words=3, max_words=6, test_share=0.25, validation_share=0.5)
    main()
    metrics = read_metrics()
    # Kept: 3, 4, 5 and 6 words; 1 and 2 are too short, 7 and 8 too long.
    assert (metrics["too_short"], metrics["texts"], metrics["too_long"]) == (4, 8, 4)
    assert metrics["longest"] == 6


# What the user did wrong


def test_as_many_texts_are_asked_for_as_are_measured():
    assert FEWEST == {"train": 2 * comparison.FEWEST, "test": comparison.FEWEST}


@pytest.mark.parametrize(
    # 6 of 60 texts are tested; 20 of 40, and 2 validate.
    ("count", "share", "told"),
    [
        (60, 0.1, "the test split has 6; the measures need 10; give more texts, or raise"),
        (
            40,
            0.5,
            "the train split has 18; the measures need 20; give more texts, or lower",
        ),
        (12, 0.3, "12 texts are too few to learn from and to be measured; give at least 32"),
    ],
)
def test_texts_too_few_to_measure_are_told_before_any_training(count, share, told, monkeypatch):
    monkeypatch.setattr(corpus_checks, "FEWEST", FEWEST)
    write_table("mine.csv", *((f"text {number}", "0") for number in range(count)))
    set_prepare(test_share=share, validation_share=0.05)
    with pytest.raises(UserError, match=told):
        main()
    assert not Path("data/corpus").exists()


def test_no_files_are_explained():
    with pytest.raises(UserError, match="expected files, found none; run the stage fetch"):
        main()


def test_no_usable_rows_are_explained():
    write_table("mine.csv", ("", "1"), ("hi", ""))
    with pytest.raises(UserError, match="none of 2 rows of 1 files has a text and a label that"):
        main()


def told(capsys):
    """Return what the stage has told, without its progress bars."""
    lines = capsys.readouterr().err.replace("\r", "\n").splitlines()
    return [line for line in lines if line and "tokenize:" not in line]


def test_each_row_that_goes_is_told_by_file_and_reason(capsys):
    rows = [(f"text {number}", "0112"[number % 4]) for number in range(40)]
    write_table("one.csv", *rows, ("", "1"), ("text 1", "1"), ("long " * 9, "0"))
    write_table("two.csv", *((f"word {number}", "2") for number in range(3)), ("word", ""))
    Path("data/raw/three.txt").write_text("no label here\n")
    set_prepare(labels={0: 0, 1: 1}, max_words=8)
    main()
    # 43 + 4 + 1 rows; label 2 has 10 and 3 of them; a duplicate, and one too long.
    assert told(capsys) == [
        "one.csv: 43 rows",
        "three.txt: 1 row, plain text by line",
        "two.csv: 4 rows",
        "dropped: label 2: 10 rows of one.csv",
        "dropped: label 2: 3 rows of two.csv",
        "dropped: no text: 1 row of one.csv",
        "dropped: no label: 1 row of three.txt (fetch.label=null keeps them)",
        "dropped: no label: 1 row of two.csv (fetch.label=null keeps them)",
        "labels: 1 (21 rows), 2 (13 rows), 0 (11 rows)",
        "48 rows: 30 texts; 16 dropped, 1 duplicates, 1 too long, 0 too short",
    ]
    metrics = read_metrics()
    assert (metrics["rows"], metrics["dropped"], metrics["texts"]) == (48, 16, 30)


def test_how_files_were_read_and_what_may_be_wrong_is_told(capsys):
    body = "".join(f"text {number};{number % 2}\n" for number in range(30))
    swallowed = '"one row;0\nanother;1\n"a third;1\n"and; quoted";0\n' + '"x; y";1\n' * 3
    content = f"Text;oh_label\n{body}{swallowed}caf\xe9;1\n".encode("cp1252")
    Path("data/raw/mine.csv").write_bytes(content)
    main()
    first, second, last = told(capsys)
    assert first == (
        "mine.csv: 38 rows, in cp1252 (a guess, by which it reads café;1; fetch.encoding sets "
        "another), separated by semicolon"
    )
    assert second == (
        "warning: mine.csv: line 32: a quote there runs over 3 lines that are rows; read as 3 rows"
    )
    assert last.startswith("38 rows: 36 texts; 0 dropped, 2 duplicates,")


def test_many_files_are_told_of_in_few_lines(capsys):
    for number in range(30):
        write_table(f"{number}.csv", (f"text {number}", "0"), ("", "1"))
    main()
    lines = told(capsys)
    assert len([line for line in lines if line.startswith("dropped: no text: 1 row of ")]) == 20
    assert lines.count("and 10 more such lines") == 2


# Texts of any kind


def write_lines(name, *lines):
    Path("data/raw", name).parent.mkdir(parents=True, exist_ok=True)
    Path("data/raw", name).write_text("\n".join(lines), encoding="utf-8")


def test_texts_without_labels_make_a_corpus_without():
    write_lines("mine.txt", *(f"text number {number}" for number in range(40)))
    main()
    assert read_metrics()["labels"] == {}
    corpus = load_corpus("data/corpus")
    assert (corpus.label_names, corpus.labels) == ((), [])
    words = Path("data/words.txt").read_text().splitlines()
    assert words[1].endswith(",,unknown")


def test_labels_of_any_name_are_classes():
    write_table(
        "mine.csv",
        *((f"text {number}", ["ham", "spam", "eggs"][number % 3]) for number in range(60)),
    )
    main()
    assert read_metrics()["labels"] == {"eggs": 20, "ham": 20, "spam": 20}
    assert load_corpus("data/corpus").label_names == ("eggs", "ham", "spam")
    assert ",eggs,unknown" in Path("data/words.txt").read_text()


def test_a_label_column_that_the_user_named_and_no_file_has_is_refused():
    write_table("mine.csv", *((f"text {number}", "ab"[number % 2]) for number in range(40)))
    set_params({"fetch.label": "ohlabel"})
    with pytest.raises(UserError) as caught:
        main()
    assert str(caught.value) == (
        "params.yaml: fetch.label is ohlabel, but no file has that; found: the columns index, "
        "Text, oh_label; set it to a name among these, or to null for texts without labels"
    )
    rows = (f'{{"Text": "word {number}", "ohlabel": "a"}}' for number in range(40))
    write_lines("other.jsonl", *rows)
    main()  # one file has it
    assert read_metrics()["dropped"] == 40


def test_the_label_that_nobody_need_name_is_that_of_params():
    params = YAML(typ="safe").load(PARAMS.parents[1] / "params.yaml")
    assert params["fetch"]["label"] == USUAL_LABEL


def test_a_json_key_of_labels_that_no_object_has_is_refused():
    write_lines("mine.jsonl", *(f'{{"Text": "text {number}"}}' for number in range(40)))
    set_params({"fetch.label": "class"})
    with pytest.raises(
        UserError, match=r"is class, but no file has that; found: the keys Text; set"
    ):
        main()
    set_params({"fetch.label": "oh_label"})
    main()  # as it comes: texts without labels
    assert read_metrics()["labels"] == {}


def test_the_labels_that_all_files_lack_are_told_with_what_each_has():
    write_lines("a.csv", "index,Text", *(f"1,text {number}" for number in range(40)))
    write_lines("b.csv", "Text,stars", *(f"word {number},1" for number in range(40)))
    write_lines("c.txt", *(f"line {number}" for number in range(40)))
    set_params({"fetch.label": "star"})
    found = "the columns index, Text; the columns Text, stars; plain text, without columns; set it"
    with pytest.raises(UserError, match=found):
        main()
    set_params({"fetch.label": "stars"})
    main()
    assert read_metrics()["labels"] == {"1": 40}


def test_a_label_of_the_mapping_that_no_row_has_is_told(capsys):
    write_table("mine.csv", *((f"text {number}", "ab"[number % 2]) for number in range(40)))
    set_prepare(labels={"a": 0, "b": 1, "bee": 1, True: 1})
    main()
    warnings = [line for line in told(capsys) if line.startswith("warning: ")]
    assert warnings == [
        f"warning: prepare.labels names {label}, which no row has" for label in ("bee", "True")
    ]


def test_a_label_of_which_no_text_is_left_is_none():
    rows = [(f"text {number}", "ab"[number % 2]) for number in range(40)]
    write_table("mine.csv", *rows, *((f"long text {number} " * 9, "aa") for number in range(3)))
    set_prepare(max_words=8)
    main()
    assert read_metrics()["labels"] == {"a": 20, "b": 20}
    corpus = load_corpus("data/corpus")
    assert (corpus.label_names, corpus.labels) == (("a", "b"), [0, 1])
    assert sorted(corpus.name_labels(corpus.test))[:1] == ["a"]


def test_rare_words_are_left_out_of_the_vocabulary():
    write_lines("mine.txt", *(f"text number word{number}" for number in range(40)))
    set_prepare(vocabulary=2)
    main()
    corpus = load_corpus("data/corpus")
    assert corpus.words[:4] == ["", "text", "number", UNKNOWN]
    assert read_metrics()["vocabulary"] == 2
    assert "text number word7" in {
        text for split in SPLITS for text in corpus.texts(getattr(corpus, split))
    }


def test_all_texts_are_learnt_from_where_that_is_asked_for(monkeypatch):
    monkeypatch.setattr(corpus_checks, "FEWEST", FEWEST)
    write_lines("mine.txt", *(f"text number {number}" for number in range(40)))
    set_prepare(train_on="all")
    main()
    metrics = read_metrics()
    assert (metrics["texts"], metrics["train"], metrics["test"]) == (40, 40, 0)


@pytest.mark.parametrize(
    ("labels", "changes", "match"),
    [
        (
            [None],
            {"per_label": True},
            r"per_label is true, but the texts have no labels; set it to",
        ),
        ([None], {"sample.label": 1}, r"sample.label is 1; allowed for these texts: null, since"),
        (["a", "b"], {"sample.label": "c"}, r"sample.label is c; allowed .*: null, as_real, a, b"),
        (["0", "1"], {"sample.label": 2}, r"sample.label is 2; allowed .*: null, as_real, 0, 1"),
        ([None], {"prepare.labels": {"a": 1}}, r"prepare.labels is set, but no file has"),
        (["a", "b"], {"prepare.labels": {"c": 1}}, r"prepare.labels names c, but .* a \(20 rows\)"),
        (["a"] * 30 + ["b"], {"per_label": True}, r"of the label b the train split has . texts"),
    ],
)
def test_what_needs_labels_that_are_not_there_is_told_before_any_training(labels, changes, match):
    if labels == [None]:
        write_lines("mine.txt", *(f"text number {number}" for number in range(40)))
    else:
        rows = [(f"text {number}", labels[number % len(labels)]) for number in range(40)]
        write_table("mine.csv", *rows)
    set_params(changes)
    with pytest.raises(UserError, match=match) as caught:
        main()
    assert "\n" not in str(caught.value)
    assert not Path("data/corpus").exists()


@pytest.mark.parametrize("label", ["as_real", "b", None])
def test_labels_that_are_there_may_be_asked_for(label):
    write_table("mine.csv", *((f"text {number}", "ab"[number % 2]) for number in range(80)))
    set_params({"per_label": True, "sample.label": label})
    main()
    assert Path("data/corpus").exists()


def test_no_rows_at_all_are_explained():
    write_table("mine.csv")
    with pytest.raises(UserError, match=r"expected texts, but mine.csv is empty"):
        main()


def test_limits_that_leave_nothing_are_explained():
    write_table("mine.csv", ("hi there", "1"), ("one two three", "0"))
    set_prepare(min_words=5)
    with pytest.raises(UserError, match=r"none of 2 texts has from 5 .*\(they have 2 to 3\)"):
        main()


def test_a_failed_run_leaves_no_output():
    write_table("mine.csv", ("hi there", "1"))
    with pytest.raises(UserError, match="leave 0 to the train split"):
        main()
    assert sorted(path.name for path in Path().rglob("*")) == [
        *("data", "mine.csv", "params.yaml", "raw")
    ]


# The picture


def test_the_picture_shows_the_lengths_of_each_label(monkeypatch):
    def draw(path, lengths):
        drawn.update(lengths)
        path.touch()

    drawn = {}
    monkeypatch.setattr("stages.prepare.draw_lengths", draw)
    write_three_tables()
    set_prepare(max_words=10, test_share=0.25, validation_share=0.5)
    main()
    assert {name: np.array(value).tolist() for name, value in drawn.items()} == {
        "label 0": [3, 6, 2, 10],
        "label 1": [2],
    }


def test_the_picture_is_one_whatever_its_name_and_shows_its_numbers(tmp_path):
    lengths = {"label 0": np.arange(1, 60), "label 1": np.array([4, 4, 1200])}
    draw_lengths(tmp_path / "a.png", lengths)
    draw_lengths(tmp_path / "b.partial", lengths)
    draw_lengths(tmp_path / "c.png", {**lengths, "label 1": np.array([4, 5, 1200])})
    first, second, other = (
        (tmp_path / name).read_bytes() for name in ("a.png", "b.partial", "c.png")
    )
    assert first == second != other
    assert b"atplotlib" not in first
    assert imread(tmp_path / "a.png").std() > 0.05


@pytest.mark.parametrize("lengths", [[1], [1, 1, 1], [2000]])
def test_few_texts_and_an_empty_group_can_be_drawn(tmp_path, lengths, recwarn):
    groups = {"label 0": np.array(lengths), "label 1": np.array([], dtype=int)}
    draw_lengths(tmp_path / "a.png", groups)
    assert [str(warning.message) for warning in recwarn] == []


# The real files


@pytest.mark.skipif(not REAL.is_dir(), reason="the real comments are not on this machine")
def test_the_real_files_add_up():
    for path in REAL.glob("*.csv"):
        shutil.copy(path, "data/raw")
    main()
    metrics = read_metrics()
    gone = ("dropped", "duplicates", "too_long", "too_short")
    assert metrics["rows"] == sum(metrics[key] for key in gone) + metrics["texts"]
    assert metrics["texts"] == sum(metrics[name] for name in ("train", "validation", "test"))
    # Counts only: a failing comparison of texts would print them.
    words = read_words()
    assert len(words) == metrics["texts"]
    assert sum(label for _, label, _ in words) == metrics["labels"]["1"]
    assert sum(len(text) for text, _, _ in words) / len(words) == pytest.approx(
        metrics["mean_length"], rel=1e-5
    )
    corpus = load_corpus("data/corpus")
    assert len(corpus.train) == metrics["train"]
    assert len(corpus.test) == metrics["test"]
