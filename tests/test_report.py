"""The lab book, the README's table and recorded experiments, from small invented metrics."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from stages import report
from stages.corpus.errors import UserError
from stages.measures.table import BEST
from stages.reporting.experiments import FOLDER, keep
from stages.reporting.lab_book import render_lab_book
from stages.reporting.readme import fill_readme
from stages.reporting.record import read_record
from stages.reporting.sections import columns_of, measure_tables, sweep_tables, verdict_tables
from stages.reporting.tables import Number, any_form, error, read_number, share, show, significant
from stages.reporting.training_parts import read_left
from stages.reporting.wording import BY_ORACLE, MEASURES, THEMES

GENERATED = ("markov", "language_model", "hmm", "word2vec")


def write(root, path, values):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(values if isinstance(values, str) else json.dumps(values), encoding="utf-8")


@pytest.fixture
def tree(tmp_path):
    """A working tree after a run with two generators more than are always there."""
    for place, source in enumerate(("train", *GENERATED)):
        values = {"texts": 800, "frechet": round(0.2 + place / 100, 2), "self_bleu_4": 0.3}
        write(tmp_path, f"metrics/measure/{source}.json", values)
    rows = "source,measure,value,low,high\nmarkov,frechet,0.21,0.2049,0.2151\n"
    write(tmp_path, "plots/measure.csv", rows)
    verdict = {"accuracy": 0.875, "mse": 0.25}
    judged = {"word2vec": dict.fromkeys(("train", "test", "generator", *GENERATED), verdict)}
    write(tmp_path, "metrics/cross_evaluate.json", judged)
    curve = {"frechet_at_0.7": 0.4, "frechet_at_real_self_bleu_4": 0.5}
    sweep = {"texts": 150, "train": {"frechet": 0.3, "self_bleu_4": 0.2}, "hmm": curve}
    write(tmp_path, "metrics/sweep.json", {"sweep": sweep})
    rows = "source,temperature,measure,value,low,high\nhmm,0.7,frechet,0.4,0.39,0.42\n"
    write(tmp_path, "plots/sweep.csv", rows)
    labels = {"test": {"0": 0.9, "1": 0.7, "balanced": 0.8}, "hmm": {"0": 0.6}}
    write(tmp_path, "metrics/labels.json", {"labels": labels})
    write(tmp_path, "metrics/prepare.json", {"prepare": {"rows": 3136, "mean_length": 16.4981}})
    trained = {"train_generator": {"hmm": {"steps": 1200}}}
    write(tmp_path, "metrics/train_generator/hmm.json", trained)
    sample = {"sample": {"hmm": {"texts": 800, "empty": 0}}}
    write(tmp_path, "metrics/sample/hmm.json", sample)
    round_trip = {"train_embedding": {"word2vec": {"width": 12, "round_trip": 0.975598}}}
    write(tmp_path, "metrics/train_embedding/word2vec.json", round_trip)
    write(tmp_path, "data/samples/hmm.txt", "".join(f"line {n} .\n" for n in range(20)))
    return tmp_path


def render(root, invented=True, generated=GENERATED):
    return render_lab_book(root, generated, ["word2vec"], invented, "some BERT")


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        (significant, 0.23215, "0.232"),
        (significant, 0.0433, "0.0433"),
        (significant, 0.055, "0.0550"),
        (significant, 1.7058, "1.71"),
        (significant, 16.4981, "16.5"),
        (significant, 4250.1, "4,250"),
        (share, 0.875, "87.5 %"),
        (share, 0.9984, "99.84 %"),
        (share, 0.0025, "0.25 %"),
        (share, 1.0, "100 %"),
        (share, 0, "0 %"),
        (error, 2.2e-08, "2.2e-08"),
        (error, 0.4, "0.40"),
        (any_form, 14786, "14,786"),
        (any_form, 0.465, "0.465"),
    ],
)
def test_a_number_is_written_in_one_form(form, value, text):
    assert form(value) == text


def test_an_interval_stands_behind_its_value_and_a_unit_once():
    assert show(Number(0.467, 0.428, 0.505), share) == "46.7 % (42.8 to 50.5)"
    assert show(Number(0.467), share) == "46.7 %"
    assert show(None, share) == "–"


def test_an_interval_too_narrow_for_the_digits_is_left_out():
    assert show(Number(0.5, 0.49999, 0.50001), share) == "50.0 %"


def test_a_number_is_read_with_its_interval_and_without():
    assert read_number(0.5) == Number(0.5)
    assert read_number({"value": 0.5, "low": 0.4, "high": 0.6}) == Number(0.5, 0.4, 0.6)


def test_every_measure_is_told_in_plain_words_and_stands_in_one_table():
    assert set(MEASURES) >= set(BEST)
    in_themes = [name for names in THEMES.values() for name in names]
    # By an oracle some stand in one more.
    assert sorted({*in_themes, *BY_ORACLE}) == sorted(MEASURES)
    assert len({*in_themes}) == len(in_themes)
    # The same direction in both tables: the terminal's words are shorter.
    said = {"low": "lower", "high": "higher", "as real": "as real", "0.5": "50 %", "0": "lower"}
    for name, best in BEST.items():
        assert said[best] in MEASURES[name].best.replace("real text's", "real"), name


def test_sources_come_in_the_order_of_the_run_real_text_first(tree):
    record = read_record(tree / "metrics", tree / "plots", GENERATED)
    assert [*record.measures] == ["train", *GENERATED]
    assert [*record.verdicts["word2vec"]] == ["train", "test", "generator", *GENERATED]
    assert record.texts == 800
    assert record.swept == 150


def test_what_another_run_left_is_not_shown(tree):
    write(tree, "metrics/measure/seqgan.json", {"frechet": 0.9})
    assert "seqgan" not in render(tree)


def test_an_interval_is_taken_from_the_table_behind_the_picture(tree):
    record = read_record(tree / "metrics", tree / "plots", GENERATED)
    assert record.measures["markov"]["frechet"] == Number(0.21, 0.2049, 0.2151)
    assert record.measures["train"]["frechet"] == Number(0.2)
    assert record.sweep["hmm"]["frechet_at_0.7"] == Number(0.4, 0.39, 0.42)


def test_an_interval_of_another_value_is_not_taken(tree):
    # The table of another run: its value is not the one in the metrics.
    write(tree, "plots/measure.csv", "source,measure,value,low,high\nmarkov,frechet,0.9,0.8,1.0\n")
    record = read_record(tree / "metrics", tree / "plots", GENERATED)
    assert record.measures["markov"]["frechet"] == Number(0.21)


def test_a_broken_file_is_named(tree):
    write(tree, "metrics/sweep.json", "{")
    with pytest.raises(UserError, match=r"sweep\.json: no JSON"):
        render(tree)


def test_the_lab_book_holds_every_number(tree):
    page = render(tree)
    for line in (
        "| rows read | 3,136 |",
        "| words a text, on average | 16.5 |",
        "| hmm | steps 1,200 |",
        "| hmm | 800 | 0 |",
        "| Markov chain | 0.210 (0.205 to 0.215) |",
        "| real training text | 0.300 |",
        "| the judge's own generator | 87.5 % |",
        "| the judge's own generator | 0.25 |",
        "| real test text | 90.0 % | 70.0 % | 80.0 % |",
        "| hmm | 60.0 % | – | – |",
        "| word2vec | 12 | – | – | 97.6 % |",
        "| hmm | 0.400 (0.390 to 0.420) | 0.500 |",
        "800 texts of each source",
    ):
        assert line in page, line
    assert "line 9 ." in page
    assert "line 10 ." not in page


def test_every_row_of_a_table_has_as_many_cells_as_its_head(tree):
    for block in render(tree).split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.split("\n")}) == 1, block


def test_the_same_files_give_the_same_page_and_a_newcomer_adds_a_row(tree):
    page = render(tree)
    assert render(tree) == page
    write(tree, "metrics/measure/seqgan.json", {"texts": 800, "frechet": 0.4321})
    longer = render(tree, generated=(*GENERATED, "seqgan"))
    added = set(longer.split("\n")) - set(page.split("\n"))
    assert added == {"| seqgan | 0.432 |"} | {"| seqgan | 0.432 | – |"} & added


def test_texts_of_real_people_are_not_printed(tree):
    page = render(tree, invented=False)
    assert "line 0 ." not in page
    assert "not printed" in page


def test_a_fence_is_longer_than_any_run_of_backticks_in_it(tree):
    write(tree, "data/samples/hmm.txt", "````` quoted\n")
    assert "``````text\n````` quoted\n``````" in render(tree)


def test_without_any_file_there_is_a_page(tmp_path):
    page = render(tmp_path)
    assert page.startswith("# Lab book\n")
    assert "|" not in page
    assert "## " not in page


@pytest.mark.parametrize(
    "path",
    [
        "metrics/sweep.json",
        "metrics/labels.json",
        "metrics/cross_evaluate.json",
        "metrics/prepare.json",
        "plots/measure.csv",
        "metrics/measure/markov.json",
        "data/samples/hmm.txt",
    ],
)
def test_a_missing_file_leaves_out_its_part_alone(tree, path):
    before = render(tree).split("\n\n")
    (tree / path).unlink()
    after = render(tree).split("\n\n")
    assert before != after
    # All headings that are left were there, in the same order.
    heads = [block for block in before if block.startswith("#")]
    assert [block for block in after if block.startswith("#")] == [b for b in heads if b in after]


def test_few_measures_of_an_experiment_stand_in_one_table(tree):
    record = read_record(tree / "metrics", chosen=GENERATED)
    (block,) = measure_tables(record)
    assert block.startswith("| source | Frechet distance | Self-BLEU-4 |")


def test_a_measure_without_words_is_shown_by_its_key(tree):
    write(tree, "metrics/measure/hmm.json", {"frechet": 0.3, "zipf_slope": 1.25})
    page = render(tree)
    assert "### Other measures" in page
    assert "| hmm | 1.25 |" in page


def test_the_longer_of_judges_and_sources_goes_down_the_rows(tree):
    record = read_record(tree / "metrics", chosen=GENERATED)
    assert verdict_tables(record)[0].startswith("| source: share that is right | GAN, word2vec |")
    few = {f"judge {n}": {"test": {"accuracy": Number(0.5)}} for n in range(3)}
    (block,) = verdict_tables(type(record)(verdicts=few))
    assert block.startswith("| judge: share that is right | real test text |")
    assert "| judge 2 | 50.0 % |" in block


def test_what_has_no_temperature_stands_in_a_table_apart(tree):
    first, second = sweep_tables(read_record(tree / "metrics", chosen=GENERATED))
    assert "real training text" in first
    assert second.startswith("| source | Frechet distance at temperature 0.7 |")


def test_the_readme_gets_the_table_and_keeps_the_rest(tree):
    before = "# Title\n\n<!-- table: measures -->\nold\n<!-- end -->\n\nrest\n"
    after = fill_readme(before, tree, GENERATED)
    assert after.startswith("# Title\n\n<!-- table: measures -->\n| source | Frechet distance (low")
    assert after.endswith("\n<!-- end -->\n\nrest\n")
    # Without intervals, which are not in git.
    assert "| Markov chain | 0.210 | – | – | 0.300 | – | – |" in after
    assert fill_readme(after, tree, GENERATED) == after


def test_a_readme_without_the_block_is_refused(tree):
    with pytest.raises(UserError, match="no table to fill"):
        fill_readme("# Title\n", tree, GENERATED)


def test_a_kept_run_reads_back_as_it_was(tree):
    folder = keep("first", "dvc exp run -S seed=2", GENERATED, note="It works.", root=tree)
    assert folder == tree / FOLDER / "first"
    kept = read_record(folder, chosen=GENERATED)
    assert kept == read_record(tree / "metrics", tree / "plots", GENERATED)
    about = json.loads((folder / "experiment.json").read_text(encoding="utf-8"))
    assert about["command"] == "dvc exp run -S seed=2"
    assert set(about) == {"title", "command", "commit", "processor", "note"}
    page = render(tree)
    assert "### first\n\n```bash\ndvc exp run -S seed=2\n```" in page
    assert page.endswith("\n\nIt works.\n")


def test_a_kept_run_holds_no_text(tree):
    folder = keep("first", "dvc repro", GENERATED, root=tree)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")}
    assert files == {
        "experiment.json",
        "cross_evaluate.json",
        "sweep.json",
        "labels.json",
        *(f"measure/{source}.json" for source in ("train", *GENERATED)),
    }
    for path in folder.rglob("*.json"):
        assert "line 0" not in path.read_text(encoding="utf-8")


def test_a_text_among_the_numbers_is_refused_and_nothing_is_kept(tree):
    write(tree, "metrics/measure/hmm.json", {"frechet": "a stolen line"})
    with pytest.raises(UserError, match=r"hmm\.json: frechet is 'a stolen line'"):
        keep("first", "dvc repro", GENERATED, root=tree)
    assert not (tree / FOLDER).exists()


def test_a_name_that_is_taken_is_refused_unless_it_is_to_give_way(tree):
    keep("first", "dvc repro", GENERATED, note="old", root=tree)
    with pytest.raises(UserError, match=r"first exists; choose another name, or add --replace"):
        keep("first", "dvc repro", GENERATED, root=tree)
    keep("first", "dvc repro", GENERATED, note="new", replace=True, root=tree)
    assert render(tree).endswith("\n\nnew\n")


@pytest.mark.parametrize("name", ["", "../first", "a b", ".hidden"])
def test_what_is_no_name_is_refused(tree, name):
    with pytest.raises(UserError, match="names no experiment"):
        keep(name, "dvc repro", GENERATED, root=tree)


def test_a_run_without_a_command_or_numbers_is_refused(tree, tmp_path_factory):
    with pytest.raises(UserError, match="no command"):
        keep("first", " ", GENERATED, root=tree)
    with pytest.raises(UserError, match="no number"):
        keep("first", "dvc repro", GENERATED, root=tmp_path_factory.mktemp("empty"))


def test_what_fails_midway_leaves_nothing(tree, monkeypatch):
    def write_half(folder, record, about):
        write(folder, "measure/train.json", {"frechet": 0.2})
        raise OSError("disk full")

    monkeypatch.setattr("stages.reporting.experiments._write", write_half)
    with pytest.raises(OSError, match="disk full"):
        keep("first", "dvc repro", GENERATED, root=tree)
    assert not [*(tree / FOLDER).iterdir()]


def test_an_experiment_names_its_sources_as_it_wishes(tree):
    about = {
        "title": "Two chains",
        "command": "dvc repro",
        "commit": "0123456",
        "processor": "any",
        "note": "",
        "names": {"second": "order 2", "first": "order 1"},
    }
    folder = "metrics/experiments/chains"
    write(tree, f"{folder}/experiment.json", about)
    for name in ("first", "second"):
        values = {"frechet": {"value": 0.1, "low": 0.09, "high": 0.11}}
        write(tree, f"{folder}/measure/{name}.json", values)
    page = render(tree)
    assert "| order 2 | 0.100 (0.0900 to 0.110) |\n| order 1 |" in page
    assert "Code: 0123456. Processor: any. In brackets: 95 % intervals" in page


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        ((), "metrics/README.md"),
        ((), "metrics/report.html"),
        (("readme",), "README.md"),
        (
            ("keep", "first", "dvc repro", "--note", "so"),
            "metrics/experiments/first/experiment.json",
        ),
    ],
)
def test_each_command_writes_its_file_alone(tree, monkeypatch, arguments, written):
    fetch = SimpleNamespace(source="sample")
    params = SimpleNamespace(generators=["hmm"], embeddings=["word2vec"], fetch=fetch)
    params.measure, params.report = SimpleNamespace(model="MiniLM"), SimpleNamespace(count=5)
    monkeypatch.setattr(report, "load_params", lambda *paths: params)
    monkeypatch.chdir(tree)
    write(tree, "README.md", "<!-- table: measures -->\n<!-- end -->\n")
    before = {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}
    report.main(*arguments)
    changed = {
        path.relative_to(tree).as_posix()
        for path in tree.rglob("*")
        if path.is_file() and before.get(path) != path.read_bytes()
    }
    assert written in changed
    pages = set() if arguments else {"metrics/README.md", "metrics/report.html"}
    kept = {path for path in changed if path.startswith(f"{FOLDER.as_posix()}/first/")}
    assert changed - kept == pages | ({written} - kept)


@pytest.mark.parametrize("arguments", [("kept",), ("keep",), ("keep", "name"), ("readme", "more")])
def test_a_wrong_argument_is_one_line(arguments):
    with pytest.raises(UserError, match=r"^arguments: .*--help"):
        report.main(*arguments)


ROOT = Path(__file__).parents[1]
EXPERIMENTS = sorted((ROOT / FOLDER).glob("*/experiment.json"))


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.parent.name)
def test_a_recorded_experiment_has_all_it_should_and_only_numbers(path):
    about = json.loads(path.read_text(encoding="utf-8"))
    assert {"title", "command", "commit", "processor", "note"} <= set(about)
    record = read_record(path.parent)
    assert record.measures or record.verdicts or record.sweep or record.detectors
    numbers = [*record.measures.values(), *record.sweep.values()]
    for judged in record.verdicts.values():
        numbers += judged.values()
    for values in numbers:
        for number in values.values():
            assert all(type(part) in (int, float, type(None)) for part in number)
            if number.low is not None:
                assert number.low <= number.value <= number.high


def test_columns_come_in_the_order_of_their_first_source():
    one = {"a": Number(1.0)}
    assert columns_of({"x": one, "y": {"b": Number(2.0), **one}}) == ["a", "b"]


def test_what_each_label_s_generator_left_is_told_by_the_label(tmp_path):
    parts = {"label_0": {"loss": 2.0}, "label_1": {"loss": 3.5}}
    left = {"train_generator": {"markov": {"states": 7, **parts}}}
    write(tmp_path, "metrics/train_generator/markov.json", left)
    told = read_left(tmp_path / "metrics", "train_generator", "markov")
    assert told == {"states": 7, "label_0 loss": 2.0, "label_1 loss": 3.5}
    assert "label 0 loss 2" in render_lab_book(tmp_path, ["markov"], [], True, "").replace("_", " ")


def test_an_oracle_s_measure_stands_beside_the_likelihood_of_test_text(tmp_path):
    for name, value in (
        ("measure/train", {"nll_oracle": 5.7, "distinct_2": 0.95}),
        ("measure/markov", {"nll_oracle": 8.3, "distinct_2": 0.87}),
        ("sample/markov", {"sample": {"markov": {"nll_test": 9.25}}}),
    ):
        path = tmp_path / f"metrics/{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
    page = render(tmp_path)
    part = page[page.index("### Likely to the oracle?") :]
    assert "| Markov chain | 8.300 | 9.250 | 87.0 % |" in part
    assert "| real training text | 5.700 | – | 95.0 % |" in part
    # Each measure is explained once.
    assert part.count("- **NLL by the oracle**") == page.count("- **distinct pairs**") == 1


# Detectors


@pytest.mark.parametrize("told", [0.0, 0.9])
def test_a_detector_that_tells_at_no_length_is_not_left_to_look_perfect(tree, told):
    found = {"false_positives": {"at_0.5": 0.0, "told": told}, "hmm": {"area": 0.5}}
    write(tree, "metrics/evaluate_detectors.json", {"evaluate_detectors": {"ngrams": found}})
    said = "**ngrams: tells generated texts from real ones at no length"
    assert (said in render(tree)) == (told == 0)


# Encoders of whole texts

ENCODERS = {
    "texts": {"queries": 1500, "candidates": 11268, "chance": 0.0503},
    "lsa": {"width": 50, "empty_queries": 3, "precision_at_0.0002": 0.584},
    "tfidf": {"width": 2000, "empty_queries": 0, "precision_at_0.0002": 0.608},
}


def test_encoders_of_whole_texts_have_their_table(tree):
    write(tree, "metrics/evaluate_documents.json", {"evaluate_documents": ENCODERS})
    rows = "source,measure,value,low,high\nlsa,precision_at_0.0002,0.584,0.562,0.606\n"
    write(tree, "plots/documents.csv", rows)
    page = render(tree)
    assert "1,500 test texts look for the nearest of 11,268 training" in page
    assert "by chance it would be 5.0 %." in page
    assert "| lsa | 50 | 58.4 % (56.2 to 60.6) | 3 |" in page
    assert "| tfidf | 2,000 | 60.8 % | 0 |" in page
    assert "| 2 (0.02 %) |" in page
    assert "(../plots/documents.png)" in page


def test_parts_that_are_as_many_texts_have_one_column(tree):
    # Of 2,335 the parts are 0.2, 0.5, 1.2 and 4.7 texts: three times one, and five.
    parts = {f"precision_at_{part}": 0.8 for part in ("0.0001", "0.0002", "0.0005", "0.002")}
    values = {"texts": {"queries": 9, "candidates": 2335, "chance": 0.5}}
    values["lsa"] = {"width": 5, "empty_queries": 1, **parts}
    write(tree, "metrics/evaluate_documents.json", {"evaluate_documents": values})
    assert "| width | 1 (0.05 %) | 5 (0.2 %) | queries" in render(tree)


def test_encoders_of_texts_without_labels_are_told_without_finds(tree):
    values = {"texts": {"queries": 9, "candidates": 90}, "lsa": {"width": 5, "empty_queries": 1}}
    write(tree, "metrics/evaluate_documents.json", {"evaluate_documents": values})
    page = render(tree)
    assert "The texts have no labels" in page
    assert "| lsa | 5 | 1 |" in page


def test_a_recorded_experiment_keeps_its_encoders(tree):
    write(tree, "metrics/evaluate_documents.json", {"evaluate_documents": ENCODERS})
    keep("first", "dvc repro", GENERATED, root=tree)
    (tree / "metrics/evaluate_documents.json").unlink()
    assert "| tfidf | 2,000 | 60.8 % | 0 |" in render(tree)
