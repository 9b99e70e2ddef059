"""The stage train_embedding: by which test texts it measures the way to vectors and back."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from stages import train_embedding
from stages.corpus.building import build_corpus
from stages.embeddings.protocol import load_embedding
from stages.measures.round_trip import round_trip

PARAMS = Path(__file__).with_name("params.yaml")
# Words that come once: of the tenth that is held out none is known but "the" and "end".
TEXTS = [["the", *(f"w{text}{place}" for place in range(text % 4)), "end"] for text in range(70)]


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train_embedding, "seed_everything", lambda seed, _: torch.manual_seed(seed))
    shutil.copy(PARAMS, "params.yaml")
    made = build_corpus(TEXTS, [0, 1] * 35, 0.1, 0.1, seed=1)
    made.save("data/corpus")
    return made


@pytest.mark.parametrize(("checked", "step"), [(8, 1), (7, 2), (4, 2), (3, 3)])
def test_of_many_test_texts_evenly_drawn_ones_are_measured(corpus, monkeypatch, checked, step):
    # 8 test texts: at most 7 of them are every other one, at most 3 every third.
    assert len(corpus.test) == 8
    monkeypatch.setattr(train_embedding, "CHECKED", checked)
    train_embedding.main("scalar")
    embedding = load_embedding("scalar", "data/embeddings/scalar", "cpu")
    texts = corpus.texts(corpus.test)[::step]
    values = json.loads(Path("metrics/train_embedding/scalar.json").read_text("utf-8"))
    measured = values["train_embedding"]["scalar"]
    expected = round_trip(texts, embedding.decode(embedding.encode(texts)))
    assert measured["round_trip"] == pytest.approx(expected, abs=1e-6)
    unknown = embedding.out_of_vocabulary(texts)
    assert measured["out_of_vocabulary"] == pytest.approx(unknown, abs=1e-6)
