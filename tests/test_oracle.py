"""The oracle as a corpus: its texts through the stages, and the measures that know it."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML

from stages import check, fetch, oracle, prepare, sample_real
from stages.corpus.corpus import load_corpus
from stages.corpus.errors import UserError
from stages.corpus.tokenizer import tokenize
from stages.measures.held_out import held_out_nats
from stages.measures.oracle_likelihood import oracle_nats
from stages.networks.oracle_lstm import OracleLstm, write_texts
from stages.networks.oracle_weights import draw_weights, save_weights
from stages.pipeline.files import read_lines
from stages.pipeline.whole_file import check_parameters
from tests.check_oracle import make_corpus, write_ngrams

PARAMS = Path(__file__).with_name("params.yaml")
PUBLISHED = Path(__file__).parents[2] / "shared/data/oracle/seqgan_oracle.npz"
TINY = {"vocabulary": 40, "width": 3, "hidden_size": 4, "length": 6, "count": 300}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def set_params(source="oracle", max_length=TINY["length"], **changes):
    params = YAML(typ="safe").load(PARAMS)
    params["fetch"]["source"] = source
    params["gan"]["max_length"] = max_length
    params["oracle"] |= {**TINY, **changes}
    YAML().dump(params, Path("params.yaml"))
    return params


def test_all_its_texts_go_through_the_stages_word_for_word():
    set_params()
    oracle.main()
    fetch.main()
    prepare.main()
    sample_real.main()
    written = read_lines("data/oracle/texts/oracle.txt")
    counts = json.loads(Path("metrics/prepare.json").read_text())["prepare"]
    assert counts["rows"] == counts["texts"] == len({*written}) == TINY["count"]
    assert (counts["longest"], counts["mean_length"], counts["labels"]) == (6, 6, {})
    corpus = load_corpus("data/corpus")
    assert (len(corpus.test), len(corpus.validation)) == (30, 15)
    splits = ("train", "validation", "test")
    kept = [line for split in splits for line in read_lines(f"data/samples/{split}.txt")]
    assert sorted(kept) == sorted(written)


def test_a_column_of_labels_that_another_source_has_does_no_harm():
    params = set_params()
    params["fetch"]["label"] = "stars"
    YAML().dump(params, Path("params.yaml"))
    oracle.main()
    fetch.main()
    prepare.main()
    assert load_corpus("data/corpus").label_names == ()


def test_the_tokenizer_leaves_each_word_alone():
    words = write_texts(torch.arange(20_000)[:, None])
    assert [tokenize(word) for word in words] == [[word] for word in words]


def test_the_same_seed_gives_the_same_files():
    found = []
    for _ in range(2):
        set_params()
        oracle.main()
        found.append({p: p.read_bytes() for p in Path("data/oracle").rglob("*") if p.is_file()})
    assert found[0] == found[1]
    assert len(found[0]) == 3


def test_another_source_has_no_oracle():
    set_params()
    oracle.main()
    set_params(source="sample")
    oracle.main()
    assert [path.name for path in Path("data/oracle").rglob("*")] == ["about.txt"]


def test_weights_may_come_from_a_file():
    arrays = draw_weights(40, 3, 4, seed=9)
    save_weights(Path("mine.npz"), arrays)
    set_params(weights="mine.npz")
    oracle.main()
    assert Path("data/oracle/weights.npz").read_bytes() == Path("mine.npz").read_bytes()
    expected = OracleLstm(arrays).sample(300, 6, torch.Generator().manual_seed(1))
    assert read_lines("data/oracle/texts/oracle.txt") == write_texts(expected)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"weights": "none.npz"}, "none.npz: no such file"),
        ({"weights": "bad.npz"}, "bad.npz: File is not a zip file"),
        ({"weights": "mine.npz", "width": 5}, "mine.npz: an oracle of a vocabulary of 40, a width"),
    ],
)
def test_weights_that_do_not_do_are_refused_in_one_line(changes, told):
    save_weights(Path("mine.npz"), draw_weights(40, 3, 4, seed=9))
    Path("bad.npz").write_bytes(b"PK not")
    (line,) = check.check_machine(set_params(**changes))
    assert line.startswith(f"params.yaml: oracle.weights: {told}")
    with pytest.raises(UserError) as error:
        oracle.main()
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_texts_are_cropped_at_their_own_length():
    (line,) = check_parameters(set_params(max_length=32))
    assert line.startswith("params.yaml: gan.max_length is 32; allowed with fetch.source oracle")
    assert check_parameters(set_params()) == []
    assert check_parameters(set_params(source="sample", max_length=32)) == []


def test_a_text_counts_up_to_its_first_word_that_is_not_the_oracle_s():
    model = OracleLstm.draw(5, 2, 3, seed=1)
    nats, words = oracle_nats(["w1 w4 w2", "w1 w4 w5 w2", "dog w1", "", "w3"], model)
    assert words.tolist() == [3, 2, 0, 0, 1]
    expected = [model.log_likelihood(torch.tensor([text])).item() for text in ([1, 4, 2], [1, 4])]
    np.testing.assert_allclose(nats[:2], np.negative(expected), rtol=1e-6)
    assert nats[2:4].tolist() == [0, 0]
    assert nats[4] == pytest.approx(-model.log_likelihood(torch.tensor([[3]])).item())


def test_held_out_text_is_told_over_what_can_be_written():
    # Words and ends: 2 + 1, then 3 of a cropped text; 6 nats over 6.
    texts, logs = ["a b", "a b c d", "z"], np.array([-2.0, -4.0, -np.inf])
    found = held_out_nats(texts, logs, max_length=3)
    assert found == {"nll_test": 1.0, "impossible_test": pytest.approx(1 / 3)}
    assert held_out_nats(["z"], np.array([-np.inf]), 3) == {"impossible_test": 1.0}


@pytest.fixture(scope="module")
def published():
    """Give SeqGAN's oracle and a corpus of its texts, which take a while to draw."""
    model = OracleLstm.load(PUBLISHED)
    return model, make_corpus(model, (10_000, 10, 10))


@pytest.mark.skipif(not PUBLISHED.exists(), reason="SeqGAN's weights are not beside the project")
@pytest.mark.parametrize(
    ("order", "power", "expected", "error"),
    # 8.28 to 8.29 over three draws of an order of 1; the others are of one draw.
    [(0, 1, 10.30, 0.03), (1, 1, 8.28, 0.03), (2, 1, 6.34, 0.06), (1, 2, 7.30, 0.05)],
)
def test_chains_of_the_published_oracle_have_their_known_likelihoods(
    published, order, power, expected, error
):
    model, corpus = published
    texts = write_ngrams(corpus, 2000, order, power)
    nats, words = oracle_nats(texts, model)
    assert nats.sum() / words.sum() == pytest.approx(expected, abs=error)
    assert math.isfinite(nats.sum())
