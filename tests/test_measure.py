import csv
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stages import measure as module
from stages.corpus.errors import Caution, UserError
from stages.measure import main
from stages.measures import comparison
from stages.measures.bleu import References, bleu, self_bleu
from stages.measures.bootstrap import Estimate
from stages.measures.lexical import distinct_ngrams, length_distance
from stages.measures.table import BEST, format_table
from stages.measures.trigram_model import TrigramModel, vocabulary_of
from stages.pipeline.command_line import read_texts
from stages.pipeline.measure_arguments import parse_arguments
from stages.pipeline.sources import load_source, write_source

ROOT = Path(__file__).parents[1]
WORDS = ["the", "a", "cat", "dog", "bird", "sees", "likes", "hates", "old", "small", "red", "and"]


def invent(count, seed):
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, size=random.integers(3, 9))) for _ in range(count)]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Run each test in a folder with real text, more of the same kind, and a collapsed source."""
    monkeypatch.chdir(tmp_path)
    files = {
        "train.txt": invent(60, 1),
        "test.txt": invent(30, 2),
        "like.txt": invent(30, 3),
        "stuck.txt": ["meow meow meow"] * 30,
    }
    for name, lines in files.items():
        Path(name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return tmp_path


PLACES = np.arange(30)  # of all texts of such a file
FILES = ("train.txt", "test.txt", "like=like.txt", "stuck=stuck.txt")


# On anyone's files


def measure(*arguments):
    main(*arguments, "--json", "out/measured.json")
    return json.loads(Path("out/measured.json").read_text(encoding="utf-8"))


def values_of(estimates):
    return {name: estimate["value"] for name, estimate in estimates.items() if name != "texts"}


def test_files_are_measured_into_a_table_and_json(capsys):
    measured = measure(*FILES)
    assert [*measured] == ["train", "like", "stuck"]
    for estimates in measured.values():
        # Half of train.txt, and all of the two others.
        assert estimates.pop("texts") == 30
        assert estimates.keys() == BEST.keys()
        for estimate in estimates.values():
            assert estimate.keys() == {"value", "low", "high"}
            assert all(map(math.isfinite, estimate.values()))
            # Written to six digits.
            assert estimate["low"] <= estimate["value"] * (1 + 1e-5)
            assert estimate["value"] <= estimate["high"] * (1 + 1e-5)
    for name in ("frechet", "mauve", "self_bleu_4", "distinct_2", "classifier_words"):
        assert measured["like"][name]["low"] < measured["like"][name]["high"]
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["measure", "best", "train", "like", "stuck"]
    assert table[1].split() == ["texts", "30", "30", "30"]
    assert [row.split()[0] for row in table[2:]] == [*BEST]
    assert len({len(row) for row in table}) == 1


def test_a_source_that_says_one_thing_is_found_out():
    # In words that are in no real text. All are cut to the 30 lines, of three words, that
    # stuck.txt and half of train.txt have.
    stuck = values_of(measure(*FILES)["stuck"])
    assert stuck["known_words"] == stuck["copied_lines"] == stuck["bleu_2"] == 0
    assert stuck["self_bleu_2"] == stuck["classifier_vectors"] == stuck["classifier_words"] == 1
    assert stuck["distinct_lines"] == pytest.approx(1 / 30, rel=1e-5)
    assert stuck["distinct_1"] == pytest.approx(1 / 90, rel=1e-5)
    assert stuck["mauve"] < 0.01


def test_the_held_out_text_itself_is_perfect():
    copy = values_of(measure("train.txt", "test.txt", "copy=test.txt")["copy"])
    assert copy["bleu_3"] == copy["mauve"] == 1
    assert copy["classifier_vectors"] == copy["classifier_words"] == 0.5
    assert copy["length_distance"] == 0
    assert copy["frechet"] == pytest.approx(0, abs=1e-6)


def test_each_measure_is_taken_against_the_right_texts():
    like = values_of(measure("train.txt", "test.txt", "like=like.txt")["like"])
    train, test, texts = (read_texts(f"{name}.txt") for name in ("train", "test", "like"))
    vocabulary = vocabulary_of(train, test)
    nats, events = TrigramModel.fit(train, vocabulary).surprise(texts)
    assert like["forward_perplexity"] == pytest.approx(math.exp(nats.sum() / events.sum()), 1e-5)
    nats, events = TrigramModel.fit(texts, vocabulary).surprise(test)
    assert like["reverse_perplexity"] == pytest.approx(math.exp(nats.sum() / events.sum()), 1e-5)
    assert like["length_distance"] == pytest.approx(length_distance(texts, test)(PLACES), 1e-5)
    for measure_of, values in [
        ("bleu", bleu(texts, References(test))),
        ("self_bleu", self_bleu(texts, PLACES)),
    ]:
        scores = [like[f"{measure_of}_{order}"] for order in (2, 3, 4, 5)]
        np.testing.assert_allclose(scores, values.mean(0), rtol=1e-5)
    for order in (1, 2):
        expected = distinct_ngrams(texts, order)(PLACES)
        assert like[f"distinct_{order}"] == pytest.approx(expected, 1e-5)


def test_mauve_is_the_mean_over_five_clusterings(monkeypatch):
    # In one of them both sides are in the same cluster, which is worth 1; in the others each has a
    # cluster of its own, which is worth 5 B(5, 6) = 5 / 1260.
    seeds = []

    def quantise(real, generated, given):
        seeds.append(given)
        apart = [int(place != 2) for place in range(len(given))]
        return [(np.zeros(len(real), int), np.full(len(generated), each)) for each in apart], 2

    monkeypatch.setattr(comparison, "quantise", quantise)
    train = measure("train.txt", "test.txt")["train"]
    assert train["mauve"]["value"] == pytest.approx((1 + 4 * 5 / 1260) / 5, abs=1e-4)
    assert [len(set(given)) for given in seeds] == [5]


def test_a_copy_is_a_text_of_the_training_file():
    # Ten lines of 30 are from train.txt, each of them known for its word.
    Path("train.txt").write_text("".join(f"own{number}\n" for number in range(60)))
    Path("half.txt").write_text("".join(f"own{6 * n}\nnew{n}\nnew{n}\n" for n in range(10)))
    half = values_of(measure("train.txt", "test.txt", "half=half.txt")["half"])
    assert half["copied_lines"] == half["known_words"] == pytest.approx(1 / 3, rel=1e-5)
    assert half["distinct_lines"] == pytest.approx(2 / 3, rel=1e-5)


def test_real_training_text_is_no_copy_of_itself():
    Path("train.txt").write_text("".join(f"a unlike {number}\n" for number in range(40)))
    train = measure("train.txt", "test.txt")["train"]
    assert train["copied_lines"]["value"] == 0
    # "a" and "unlike" are in the rest of the training text, the number is not.
    assert train["known_words"]["value"] == pytest.approx(2 / 3, rel=1e-5)


def test_no_more_texts_than_asked_are_measured():
    # One of 12 lines is different, and one of 36 words.
    stuck = measure("train.txt", "test.txt", "stuck=stuck.txt", "--count", "12")["stuck"]
    assert stuck["distinct_lines"]["value"] == pytest.approx(1 / 12, rel=1e-5)
    assert stuck["distinct_1"]["value"] == pytest.approx(1 / 36, rel=1e-5)


def test_texts_are_words_joined_by_one_space():
    Path("odd.txt").write_bytes(b"\ta  b \r\n\n c\r\n" + b"d\n" * 20)
    assert read_texts("odd.txt")[:4] == ["a b", "", "c", "d"]


def test_options_and_sources_come_in_any_order():
    paths = {"train": "a", "test": "b", "x": "c", "y": "d"}
    assert parse_arguments(["a", "b", "x=c", "--json", "o", "y=d"]) == (paths, 1000, "o", "MiniLM")
    assert parse_arguments(["--count", "20", "--model", "x", "a", "b", "x=c", "y=d"]) == (
        paths,
        20,
        None,
        "x",
    )


def fails(*arguments):
    with pytest.raises(UserError) as error:
        main(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_is_wrong_with_a_file_is_told():
    assert fails("no.txt", "test.txt") == "no.txt: no such file or directory"
    assert fails("train.txt", "test.txt", "a=.") == ".: is a directory"
    Path("latin.txt").write_bytes(b"caf\xe9\n" * 30)
    assert fails("train.txt", "latin.txt") == (
        "latin.txt: no UTF-8 text (byte 3); save the file as UTF-8"
    )
    Path("empty.txt").write_bytes(b"")
    assert fails("train.txt", "test.txt", "a=empty.txt") == (
        "empty.txt: found 0 texts; expected at least 10, one a line"
    )
    Path("short.txt").write_text("word\n" * 19)
    assert fails("short.txt", "test.txt") == (
        "short.txt: found 19 texts; expected at least 20, one a line"
    )
    Path("blank.txt").write_text(" \n" * 30)
    assert fails("train.txt", "blank.txt") == "blank.txt: found no word; expected real text"


KHMER = ["ញ៉ាំ បាយ ហើយ", "ថ្ងៃ នេះ ក្ដៅ", "ឆ្កែ ធំ មួយ", "ខ្ញុំ ចូលចិត្ត ត្រី", "គាត់ ទៅ ផ្សារ"]


def write_lines_of(path, lines):
    Path(path).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


@pytest.mark.parametrize("place", range(3))
def test_a_file_in_another_script_is_refused_by_its_name(monkeypatch, place):
    # Even texts that share no word would be at a Frechet distance of 0.
    monkeypatch.setattr(module, "measure_all", None)  # nothing is measured
    write_lines_of("khmer.txt", KHMER * 10)
    files = ["train.txt", "test.txt", "like=like.txt"]
    files[place] = "like=khmer.txt" if place == 2 else "khmer.txt"
    assert fails(*files) == (
        "khmer.txt: 100.0 % of its word pieces are unknown to MiniLM ([UNK]); allowed: at most "
        "30 %; set --model to a BERT whose word pieces cover the script, such as "
        "sentence-transformers/LaBSE"
    )


def test_a_file_that_is_read_in_part_is_measured_with_a_warning():
    # 1 of 9 pieces of each line.
    write_lines_of("mixed.txt", ["the old cat sees a small red dog ឆ្កែ"] * 30)
    with pytest.warns(Caution, match=r"^mixed\.txt: 11\.1 % .*; better, set --model to ") as caught:
        measure("train.txt", "test.txt", "mixed=mixed.txt")
    assert len(caught) == 1


def test_another_model_that_is_not_there_is_told_by_its_option():
    Path("empty").mkdir()
    told = fails("train.txt", "test.txt", "--model", "./empty")
    assert told.startswith("--model is './empty', which is neither MiniLM nor a folder")


def test_a_place_that_cannot_be_written_is_told_before_the_work(monkeypatch):
    monkeypatch.setattr(module, "measure_all", None)  # nothing is measured
    Path("file").write_text("")
    for path, told in (
        (".", ". is no file; expected the name of one"),
        ("", "nothing is no file; expected the name of one"),
        ("file/out.json", "file/out.json: file exists"),
    ):
        assert fails("train.txt", "test.txt", "--json", path) == f"--json: {told}"
    monkeypatch.setattr("os.access", lambda *_: False)
    assert fails("train.txt", "test.txt", "--json", "new/out.json") == (
        "--json: new/out.json: no permission to write into new"
    )


def test_a_mark_of_utf_8_is_no_part_of_a_word():
    Path("marked.txt").write_bytes("\ufeffwörd one\n".encode() + b"two\n" * 20)
    assert read_texts("marked.txt")[:2] == ["wörd one", "two"]


def test_a_source_measures_alike_with_and_without_others():
    alone = measure("train.txt", "test.txt", "like=like.txt", "--count", "12")
    beside = measure("train.txt", "test.txt", "stuck=stuck.txt", "like=like.txt", "--count", "12")
    assert alone == {name: beside[name] for name in ("train", "like")}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["train.txt"], "arguments: the following arguments are required: TEST.txt"),
        (["train.txt", "test.txt", "like.txt"], "like.txt: expected NAME=FILE"),
        (["train.txt", "test.txt", "=like.txt"], "=like.txt: expected NAME=FILE"),
        (["train.txt", "test.txt", "like="], "like=: expected NAME=FILE"),
        (["train.txt", "test.txt", "a=like.txt", "a=b.txt"], "a=b.txt: another source is named a"),
        (["train.txt", "test.txt", "train=like.txt"], "another source is named train"),
        (["train.txt", "test.txt", "test=like.txt"], "another source is named test"),
        (["train.txt", "test.txt", "--jsn", "x"], "arguments: unrecognized arguments: --jsn"),
        (["train.txt", "test.txt", "--count", "9"], "--count: found 9; expected at least 10"),
        (["train.txt", "test.txt", "--count", "many"], "arguments: argument --count: invalid int"),
    ],
)
def test_what_is_wrong_with_the_command_line_is_told(arguments, told):
    assert told in fails(*arguments)


def test_a_file_s_name_may_hold_an_equals_sign():
    options = parse_arguments(["train.txt", "test.txt", "a=b=c.txt"])
    assert options.paths == {"train": "train.txt", "test": "test.txt", "a": "b=c.txt"}
    assert (options.count, options.json) == (1000, None)


def test_a_mistake_is_one_line_and_status_1(folder):
    done = subprocess.run(
        [sys.executable, "-m", "stages.measure", "train.txt", "no.txt"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: no.txt: no such file or directory\n"


# As a stage


PARAMS = """\
seed: 1
device: cpu
embeddings: [scalar]
generators: []
prepare: {train_on: train}
measure: {count: 2000, resamples: 20, model: MiniLM}
"""
PLACES_OF = {"train": "train", "test": "test", "like": "markov", "stuck": "scalar"}


@pytest.fixture
def samples(folder):
    """Lay the files out as the pipeline does, labelled but for the language model's."""
    Path("params.yaml").write_text(PARAMS, encoding="utf-8")
    Path("data/samples").mkdir(parents=True)
    for file, source in PLACES_OF.items():
        lines = Path(f"{file}.txt").read_text(encoding="utf-8").splitlines()
        # Label 1 has a word of its own; the source that is stuck never says it.
        labels = [str(place % 2) for place in range(len(lines))]
        if source != "scalar":
            lines = [f"{line} bad" if place % 2 else line for place, line in enumerate(lines)]
        write_source(source, lines, labels)
    source = load_source("markov")
    write_source("language_model", source.texts, [None] * len(source.texts))


def test_the_stage_writes_numbers_intervals_and_picture(samples):
    contents = []
    for _ in range(2):
        main()
        paths = [*sorted(Path("metrics").rglob("*.json")), *sorted(Path("plots").iterdir())]
        contents.append({str(path): path.read_bytes() for path in paths})
    assert contents[0] == contents[1]
    sources = ("language_model", "markov", "scalar", "train")
    assert [*contents[0]] == [
        "metrics/labels.json",
        *(f"metrics/measure/{source}.json" for source in sources),
        "plots/measure.csv",
        "plots/measure.png",
    ]
    values = {source: read_json(f"metrics/measure/{source}.json") for source in sources}
    for measures in values.values():
        assert [*measures] == ["texts", *BEST]
        assert measures["texts"] == 30
    rows = [*csv.DictReader(Path("plots/measure.csv").read_text(encoding="utf-8").splitlines())]
    assert [row["source"] for row in rows[:: len(BEST)]] == [
        "train",
        "markov",
        "language_model",
        "scalar",
    ]
    for row in rows:
        assert float(row["value"]) == values[row["source"]][row["measure"]]
    assert contents[0]["plots/measure.png"].startswith(b"\x89PNG")


def test_real_samples_in_another_script_are_refused_and_generated_ones_measured(samples):
    khmer = load_source("scalar")._replace(texts=KHMER * 6)
    write_source("scalar", *khmer)
    main()
    assert read_json("metrics/measure/scalar.json")["mauve"] < 0.01
    write_source("test", *khmer)
    with pytest.raises(UserError) as error:
        main()
    assert str(error.value).startswith("data/samples/test.txt: 100.0 % of its word pieces are ")
    assert "; set measure.model in params.yaml to " in str(error.value)


def test_a_source_that_is_no_longer_listed_leaves_no_file(samples):
    main()
    Path("params.yaml").write_text(PARAMS.replace("[scalar]", "[bert]"), encoding="utf-8")
    for name in ("txt", "labels"):
        Path(f"data/samples/scalar.{name}").rename(f"data/samples/bert.{name}")
    main()
    names = {path.stem for path in Path("metrics/measure").iterdir()}
    assert names == {"train", "markov", "language_model", "bert"}


def test_labels_are_measured_where_there_are_any(samples):
    main()
    # Of the source that never says "bad", all are taken for 0: right for 15 texts of 30.
    right = {"0": 1.0, "1": 1.0, "balanced": 1.0}
    stuck = {"0": 1.0, "1": 0.0, "balanced": 0.5}
    assert read_json("metrics/labels.json") == {
        "labels": {"test": right, "markov": right, "scalar": stuck}
    }


def test_real_text_without_labels_gives_no_shares(samples):
    train = load_source("train")
    write_source("train", train.texts, [None] * len(train.texts))
    main()
    assert read_json("metrics/labels.json") == {"labels": {}}


def read_json(path):
    return json.loads(Path(path).read_text(encoding="utf-8"))


def test_the_numbers_do_not_depend_on_how_many_cores_there_are(monkeypatch):
    measured = []
    for cores in (1, 3):
        monkeypatch.setattr("stages.networks.cores.count_cores", lambda: cores)  # noqa: B023
        measured.append(measure(*FILES))
    assert measured[0] == measured[1]


def test_many_sources_stand_in_blocks_each_with_real_text():
    estimates = dict.fromkeys(BEST, Estimate(0.5, 0.4, 0.7))
    names = ["train", *(f"s{number}" for number in range(10))]
    lines = format_table(dict.fromkeys(names, estimates), 800).splitlines()
    # A head, the number of texts, and the measures; an empty line between the blocks.
    first, second = lines[: len(BEST) + 2], lines[len(BEST) + 3 :]
    assert first[0].split() == ["measure", "best", *names[:9]]
    assert second[0].split() == ["measure", "best", "train", "s8", "s9"]
    assert len(first) == len(second)
    assert lines[len(BEST) + 2] == ""


def test_a_table_has_as_many_digits_as_say_something():
    estimates = dict.fromkeys(BEST, Estimate(0.5, 0.4, 0.7))
    estimates |= {
        "forward_perplexity": Estimate(61.26, 60.0, 63.0),
        "reverse_perplexity": Estimate(4321.6, 4000.0, 4500.0),
    }
    rows = {row.split()[0]: row for row in format_table({"one": estimates}, 800).splitlines()}
    assert rows["mauve"].endswith("  0.500 ± 0.150")
    assert rows["forward_perplexity"].endswith("  61.3 ± 1.5")
    assert rows["reverse_perplexity"].endswith("  4322 ± 250")


def test_nothing_is_measured_where_the_test_text_was_learnt_from(samples):
    Path("params.yaml").write_text(PARAMS.replace("on: train", "on: all"), encoding="utf-8")
    with pytest.raises(UserError, match=r"prepare.train_on is all, so the generators have learnt"):
        main()
    assert not Path("metrics").exists()


def test_test_text_that_all_stands_in_the_training_text_is_refused(samples):
    with pytest.raises(UserError, match=r"train.txt: each of its texts stands in .*train.txt too"):
        main("data/samples/train.txt", "data/samples/train.txt", "a=data/samples/markov.txt")
