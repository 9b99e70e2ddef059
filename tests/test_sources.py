from pathlib import Path
from types import SimpleNamespace

import pytest

from stages.corpus.errors import UserError
from stages.pipeline.core_settings import DETECTORS, EMBEDDINGS
from stages.pipeline.sources import (
    FIRST,
    REAL,
    VALIDATION,
    generated,
    load_source,
    load_sweep,
    write_source,
)
from stages.pipeline.whole_file import list_generators


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Run each test in an empty folder."""
    monkeypatch.chdir(tmp_path)


def test_the_generators_come_in_one_order():
    # The two that are always there, those that the user lists, and a GAN for each embedding.
    params = SimpleNamespace(embeddings=["bert", "scalar"], generators=["parrot", "hmm"])
    assert generated(params) == ("markov", "language_model", "parrot", "hmm", "bert", "scalar")
    assert generated(SimpleNamespace(embeddings=[], generators=[])) == FIRST


def test_no_judge_has_the_name_of_another():
    # cross_evaluate has them side by side.
    assert not {*DETECTORS} & {*EMBEDDINGS, *FIRST, *list_generators()}


def test_no_generator_has_the_name_of_real_text():
    names = {*REAL, VALIDATION}
    assert len(names) == 3
    assert not names & {*FIRST}


def test_texts_and_labels_come_back_as_they_were():
    write_source("parrot", ["a b", "", "c"], ["1", None, "0"])
    assert load_source("parrot") == (["a b", "", "c"], ["1", None, "0"])


def test_a_text_and_its_label_stand_in_the_same_line():
    write_source("parrot", iter(["a b", "", "c"]), iter(["1", None, "0"]))
    assert Path("data/samples/parrot.txt").read_bytes() == b"a b\n\nc\n"
    assert Path("data/samples/parrot.labels").read_bytes() == b"1\n\n0\n"


@pytest.mark.parametrize("labels", [[None], [None, None, None]])
def test_labels_that_are_all_missing_are_as_many_as_texts(labels):
    write_source("parrot", [""] * len(labels), labels)
    assert load_source("parrot") == ([""] * len(labels), labels)


@pytest.mark.parametrize("labels", ["", "1\n", "1\n0\n1\n"])
def test_a_damaged_file_of_labels_is_one_line(labels):
    write_source("parrot", ["a", "b"], ["1", "0"])
    Path("data/samples/parrot.labels").write_text(labels)
    with pytest.raises(UserError, match=r"^data/samples/parrot\.labels: . lines, .* 2; .*repro"):
        load_source("parrot")


def test_a_damaged_list_of_temperatures_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Path("data/sweep/parrot")
    folder.mkdir(parents=True)
    (folder / "temperatures.txt").write_text("0.7\nwarm\n", "utf-8")
    with pytest.raises(UserError, match=r"temperatures\.txt: .*'warm'; expected a"):
        load_sweep("parrot")
