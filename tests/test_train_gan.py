"""The stage train_gan: what it starts from must have been made from its corpus."""

from pathlib import Path

import pytest
import torch
from ruamel.yaml import YAML

from stages import train_gan
from stages.corpus.corpus import build_corpus
from stages.corpus.errors import UserError
from stages.embeddings.scalar import ScalarEmbedding, Settings

PARAMS = Path(__file__).with_name("params.yaml")
TEXTS, LABELS = [["the", "soup"], ["soup", "was", "cold"]] * 20, [0, 1] * 20


def test_an_embedding_of_another_corpus_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train_gan, "seed_everything", lambda seed, _: torch.manual_seed(seed))
    YAML().dump(YAML(typ="safe").load(PARAMS), Path("params.yaml"))
    corpus, other = (build_corpus(texts, LABELS, 0.2, 0.2, 1) for texts in (TEXTS, TEXTS[::-1]))
    corpus.save("data/corpus")
    embedding = ScalarEmbedding.build(other, Settings(order="appearance"), seed=1, device="cpu")
    Path("data/embeddings").mkdir()
    embedding.save(Path("data/embeddings/scalar"))
    match = f"data/embeddings/scalar .* {other.fingerprint}, which is not data/corpus"
    with pytest.raises(UserError, match=f"{match} .{corpus.fingerprint}"):
        train_gan.main("scalar")
    assert not Path("data/generators").exists()
