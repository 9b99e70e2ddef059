"""The stage sweep, with generators and sentence vectors of one's own."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from stages import sweep as module
from stages.measures import trade
from stages.sweep import choose, main

ROOT = Path(__file__).parents[1]
REAL = [f"a b c {number} e" for number in range(20)]  # each like the others in two words of a row
CHAIN = [f"{number} x y {number}" for number in range(12)]


class Words:
    """A vector of two numbers a text: how many words it has, and 0."""

    def __init__(self, device):
        self.device = device

    def encode(self, texts):
        return np.array([[len(text.split()), 0] for text in texts], dtype=np.float32)


def write(temperature, count):
    """Write texts that are longer by the temperature, and all alike at 2."""
    words = list("abcdefgh")[: 4 + round(temperature)]
    texts = [" ".join(words if temperature == 2 else [*words, str(n)]) for n in range(count)]
    return [texts[:3], texts[3:]]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Run in a folder with real text and the chain's, and one generator that is `write`."""
    monkeypatch.chdir(tmp_path)
    params = (ROOT / "params.yaml").read_text(encoding="utf-8")
    params = params.replace("temperatures: [0.7, 1.0, 1.3]", "temperatures: [1.0, 2.0]")
    Path("params.yaml").write_text(params, encoding="utf-8")
    Path("data/samples").mkdir(parents=True)
    for name, texts in (("train", REAL), ("test", REAL), ("markov", CHAIN)):
        Path(f"data/samples/{name}.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    monkeypatch.setattr(trade, "SentenceEncoder", Words)
    asked = []

    def load(params, count, device):
        asked.append(count)
        return {"mine": lambda temperature: write(temperature, count)}

    monkeypatch.setattr(module, "load_generators", load)
    return asked


def test_all_sources_are_measured_on_as_many_texts_as_the_shortest_has(folder):
    # sweep.count asks for 150; the chain has 12.
    main()
    metrics = json.loads(Path("metrics/sweep.json").read_text(encoding="utf-8"))["sweep"]
    assert folder == [12]
    assert metrics["texts"] == 12


def test_the_numbers_are_those_of_the_texts(folder):
    main()
    metrics = json.loads(Path("metrics/sweep.json").read_text(encoding="utf-8"))["sweep"]
    # Words a text: real 5, chain 4, the generator's 6 at either temperature; none spreads.
    assert metrics["train"]["frechet"] == pytest.approx(0, abs=1e-6)
    assert metrics["markov"]["frechet"] == pytest.approx(1, rel=1e-5)
    assert metrics["mine"]["frechet_at_1"] == pytest.approx(1, rel=1e-5)
    assert metrics["mine"]["frechet_at_2"] == pytest.approx(1, rel=1e-5)
    assert metrics.keys() == {"texts", "train", "markov", "mine"}


def test_the_table_has_a_row_a_value_and_a_distance_at_real_text_s_diversity(folder, monkeypatch):
    monkeypatch.setattr(module, "at_equal_diversity", lambda curve, real: real.frechet)
    main()
    with Path("plots/sweep.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["source"], row["temperature"], row["measure"]) for row in csv.DictReader(file)]
    both = ("frechet", "self_bleu_4")
    assert rows == [
        *(("train", "", measure) for measure in both),
        *(("markov", "", measure) for measure in both),
        *(("mine", "1", measure) for measure in both),
        *(("mine", "2", measure) for measure in both),
        ("mine", "", "frechet_at_real_self_bleu_4"),
    ]
    metrics = json.loads(Path("metrics/sweep.json").read_text(encoding="utf-8"))["sweep"]
    assert metrics["mine"]["frechet_at_real_self_bleu_4"] == metrics["train"]["frechet"]


def test_a_choice_is_of_different_texts_and_the_same_each_time():
    chosen = choose(REAL, 12, seed=1)
    assert len(set(chosen)) == 12
    assert set(chosen) <= set(REAL)
    assert chosen == choose(REAL, 12, seed=1)
    assert chosen != choose(REAL, 12, seed=2)
