"""The stage train_gan: what it starts from and what it learns from must fit, before it learns."""

from pathlib import Path

import pytest
import torch
from ruamel.yaml import YAML

from stages import train_gan
from stages.corpus.building import build_corpus
from stages.corpus.errors import UserError
from stages.embeddings.scalar import ScalarEmbedding, Settings

PARAMS = Path(__file__).with_name("params.yaml")
TEXTS, LABELS = [["the", "soup"], ["soup", "was", "cold"]] * 20, [0, 1] * 20


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Run each test in a folder that holds nothing but the tests' params.yaml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train_gan, "seed_everything", lambda seed, _: torch.manual_seed(seed))
    YAML().dump(YAML(typ="safe").load(PARAMS), Path("params.yaml"))


@pytest.mark.parametrize("recipe", ["modern", "paper"])
def test_a_corpus_that_the_measures_cannot_read_is_refused_before_the_training(recipe):
    params = YAML(typ="safe").load(PARAMS)
    params["gan"]["recipe"] = recipe
    YAML().dump(params, Path("params.yaml"))
    build_corpus([["ថ្ងៃ", "នេះ"], ["ឆ្កែ"]] * 20, LABELS, 0.2, 0.2, 1).save("data/corpus")
    with pytest.raises(UserError, match=r"^data/corpus: 100.0 % .* set measure\.model in params"):
        train_gan.main("scalar")


def test_an_embedding_of_another_corpus_is_refused():
    corpus, other = (build_corpus(texts, LABELS, 0.2, 0.2, 1) for texts in (TEXTS, TEXTS[::-1]))
    corpus.save("data/corpus")
    embedding = ScalarEmbedding.build(other, Settings(order="appearance"), seed=1, device="cpu")
    Path("data/embeddings").mkdir()
    embedding.save(Path("data/embeddings/scalar"))
    match = f"data/embeddings/scalar .* {other.fingerprint}, which is not data/corpus"
    with pytest.raises(UserError, match=f"{match} .{corpus.fingerprint}"):
        train_gan.main("scalar")
    assert not Path("data/gans").exists()
