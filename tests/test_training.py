"""What the training stages leave: one generator or one a label, its losses, its metrics."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from stages.corpus.building import build_corpus
from stages.generators.markov import Markov, MarkovSettings
from stages.generators.per_label import PerLabel
from stages.generators.protocol import Step, load_generator
from stages.pipeline.training import name_parts, train_and_save

TEXTS = [
    text.split() for text in ["a day is long", "a day is warm"] * 10 + ["my moon is dark"] * 20
]
LABELS = [0] * 20 + [1] * 20


class Slow(Markov):
    """A chain that counts in three epochs, the second of them the best, by a dropout of its own."""

    def describe(self):
        return super().describe() | {"dropout": 0.5}

    def train(self, corpus):
        for step in super().train(corpus):
            for epoch, validation in enumerate((3.0, 1.0, 2.0), start=1):
                yield Step(epoch, epoch, {"loss": 10.0 * epoch}, validation, ends_epoch=True)
            assert step


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return build_corpus(TEXTS, LABELS, 0.1, 0.1, seed=1)


def train(corpus, per_label):
    labels = []

    def build(part, label):
        labels.append(label)
        return Slow(
            part.words[: part.vocabulary_size + 1], MarkovSettings(order=1, start="empirical"), 8
        )

    train_and_save(
        build,
        corpus,
        home=Path("data/generators"),
        stage="train_generator",
        name="slow",
        per_label=per_label,
        seed=1,
        checkpoint_minutes=0,
    )
    return labels


def test_one_generator_is_trained_on_all_texts(corpus, tmp_path):
    assert train(corpus, per_label=False) == [None]
    written = json.loads((tmp_path / "metrics/train_generator/slow.json").read_text())
    values = written["train_generator"]["slow"]
    # The kept epoch is the second: its validation is lowest.
    assert (values["best_epoch"], values["validation"], values["loss"]) == (2, 1.0, 20.0)
    assert (values["steps"], values["dropout"]) == (3, 0.5)
    rows = list(csv.DictReader((tmp_path / "plots/train_generator/slow.csv").open()))
    assert [row["loss"] for row in rows] == ["10", "20", "30"]
    assert [row["validation"] for row in rows] == ["3", "1", "2"]
    texts = [
        text
        for batch in load_generator("data/generators/slow", "cpu").generate(99, 1)
        for text in batch
    ]
    assert {text.split()[0] for text in texts} == {"a", "my"}


def test_one_generator_a_label_is_trained_on_its_texts(corpus, tmp_path):
    assert train(corpus, per_label=True) == [0, 1]
    generator = load_generator("data/generators/slow", "cpu")
    assert isinstance(generator, PerLabel)
    assert generator.shares == {"0": 0.5, "1": 0.5}
    (texts,) = generator.generate(4, 1, labels=[*"1010"])
    assert [text.split()[0] for text in texts] == ["my", "a", "my", "a"]
    written = json.loads((tmp_path / "metrics/train_generator/slow.json").read_text())
    values = written["train_generator"]["slow"]
    assert values["label_1"]["best_epoch"] == values["label_0"]["best_epoch"] == 2
    # Sizes are those of both together: "a day is long, warm" and "my moon is dark".
    assert values["states"] == 5 + 4
    assert (values["label_0"]["states"], values["label_1"]["states"]) == (5, 4)
    # And what they learnt by is that of each.
    assert values["label_0"]["dropout"] == values["label_1"]["dropout"] == 0.5
    assert "dropout" not in values
    assert [*tmp_path.joinpath(".checkpoints").glob("*")] == []


def test_the_training_of_a_label_is_called_by_it_where_a_file_may_be(corpus):
    named = replace(corpus, label_names=("ham", "not-spam"))
    assert name_parts("hmm", named) == ["hmm-label_ham", "hmm-label_not-spam"]
    for label in ("a/b", "..", "", "ä b"):
        named = replace(corpus, label_names=("ham", label))
        assert name_parts("hmm", named) == ["hmm-label_0", "hmm-label_1"]
