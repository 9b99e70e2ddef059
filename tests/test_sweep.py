"""The stage sweep, with generators and sentence vectors of one's own."""

import csv
import json
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from stages import sweep as module
from stages.pipeline.sources import write_source, write_sweep
from stages.sweep import choose, main

REAL = [f"a b c {number} e" for number in range(20)]  # each like the others in two words of a row
CHAIN = [f"{number} x y {number}" for number in range(12)]


PARAMS = """\
seed: 1
device: cpu
embeddings: [scalar]
generators: []
prepare: {train_on: train}
sweep: {count: 150, temperatures: [1.0, 2.0], resamples: 20}
measure: {model: some BERT}
"""


class Words:
    """A vector of two numbers a text: how many words it has, and 0."""

    checked: ClassVar = []

    def __init__(self, device, model):
        assert (device, model) == ("cpu", "some BERT")

    def check(self, texts, name):
        self.checked.append((name, texts))

    def encode(self, texts):
        return np.array([[len(text.split()), 0] for text in texts], dtype=np.float32)


def write_bolder(count):
    """Write the language model's texts: longer by the temperature, and all alike at 2."""
    words = [*"abcdefgh"]
    texts = {
        1.0: [" ".join([*words[:5], str(number)]) for number in range(count)],
        2.0: [" ".join(words[:6])] * count,
    }
    write_sweep("language_model", texts)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Run in a folder with real text and three generators' texts, of which one is tempered."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(PARAMS, encoding="utf-8")
    for name, texts in (("train", REAL), ("test", REAL), ("markov", CHAIN), ("scalar", CHAIN)):
        write_source(name, texts, [None] * len(texts))
    for name in ("markov", "scalar"):
        write_sweep(name, {})
    write_bolder(150)
    monkeypatch.setattr(module, "SentenceEncoder", Words)
    Words.checked.clear()


@pytest.mark.usefixtures("folder")
def test_all_sources_are_measured_on_as_many_texts_as_the_shortest_has():
    # sweep.count asks for 150; the chain has 12.
    main()
    whole = Path("metrics/sweep.json").read_bytes()
    assert json.loads(whole)["sweep"]["texts"] == 12
    # What is beyond the first 12 plays no part.
    write_bolder(12)
    main()
    assert Path("metrics/sweep.json").read_bytes() == whole


@pytest.mark.usefixtures("folder")
def test_the_numbers_are_those_of_the_texts():
    main()
    metrics = json.loads(Path("metrics/sweep.json").read_text(encoding="utf-8"))["sweep"]
    # Words a text: real 5, chain and scalar 4, the language model 6 at either temperature; none
    # spreads.
    assert metrics["train"]["frechet"] == pytest.approx(0, abs=1e-6)
    assert metrics["markov"]["frechet"] == pytest.approx(1, rel=1e-5)
    assert metrics["language_model"]["frechet_at_1"] == pytest.approx(1, rel=1e-5)
    assert metrics["language_model"]["frechet_at_2"] == pytest.approx(1, rel=1e-5)
    assert metrics.keys() == {"texts", "train", "markov", "scalar", "language_model"}


@pytest.mark.usefixtures("folder")
def test_the_table_has_a_row_a_value_and_a_distance_at_real_text_s_diversity(monkeypatch):
    monkeypatch.setattr(module, "at_equal_diversity", lambda curve, real: real.frechet)
    main()
    with Path("plots/sweep.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["source"], row["temperature"], row["measure"]) for row in csv.DictReader(file)]
    both = ("frechet", "self_bleu_4")
    assert rows == [
        *(("train", "", measure) for measure in both),
        *(("markov", "", measure) for measure in both),
        *(("scalar", "", measure) for measure in both),
        *(("language_model", "1", measure) for measure in both),
        *(("language_model", "2", measure) for measure in both),
        ("language_model", "", "frechet_at_real_self_bleu_4"),
    ]
    metrics = json.loads(Path("metrics/sweep.json").read_text(encoding="utf-8"))["sweep"]
    assert metrics["language_model"]["frechet_at_real_self_bleu_4"] == metrics["train"]["frechet"]


@pytest.mark.usefixtures("folder")
def test_real_text_is_checked_whole_before_anything_is_measured(monkeypatch):
    monkeypatch.setattr(module, "Trade", None)
    with pytest.raises(TypeError):
        main()
    assert Words.checked == [(f"data/samples/{name}.txt", REAL) for name in ("train", "test")]


def test_a_choice_is_of_different_texts_and_the_same_each_time():
    chosen = choose(REAL, 12, seed=1)
    assert len(set(chosen)) == 12
    assert set(chosen) <= set(REAL)
    assert chosen == choose(REAL, 12, seed=1)
    assert chosen != choose(REAL, 12, seed=2)
