"""The pretrained transformer: it is the model of transformers, and writes the corpus' words."""

import json
import math
import shutil
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BertConfig,
    BertLMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
)

from stages.corpus.errors import UserError
from stages.corpus.tokenizer import tokenize
from stages.generators import pretrained_transformer
from stages.generators.pretrained_transformer import PretrainedTransformer
from stages.generators.protocol import load_generator
from stages.generators.transformer import Transformer, TransformerSettings
from stages.networks.portable import Linear
from stages.networks.transformer_language_model import Conv1D
from tests.tampering import bytes_are, is_refused, said
from tests.test_language_model import make_corpus
from tests.tiny_gpt2 import make_gpt2

TEXTS = ["the sun is warm", "my moon is cold", "the sun is good", "a night is so long"]
# The last word is the first one again, however alike what stands between.
ECHOES = ["hot tea is hot", "cold tea is cold"]
NO_SHAPE = dict.fromkeys(("width", "hidden_size", "num_layers", "num_heads"))
SETTINGS = {
    **{"model": None, "dropout": 0.0, "batch_size": 8, "learning_rate": 0.01, "patience": 1},
    **{"epochs": 2, **NO_SHAPE},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model that spells with a few characters, far from where all are equally likely."""
    return make_gpt2(tmp_path_factory.mktemp("gpt2"), TEXTS + ECHOES, std=0.5)


@pytest.fixture(scope="module")
def wild(tmp_path_factory):
    """A model that writes any bytes."""
    return make_gpt2(tmp_path_factory.mktemp("wild"), TEXTS, all_bytes=True, std=0.1)


def build(folder, texts=TEXTS, max_length=6, **changes):
    torch.manual_seed(1)
    settings = TransformerSettings(**{**SETTINGS, "model": str(folder), **changes})
    return Transformer.build(make_corpus(texts, texts, max_length), settings, seed=1, device="cpu")


def write(model, count=50, seed=1, **options):
    return [text for batch in model.generate(count, seed, **options) for text in batch]


def mend(folder, where, change):
    """Copy a folder, and change the copy."""
    shutil.copytree(folder, where)
    change(where)
    return where


# What it reads


def test_the_transformer_of_a_folder_is_the_pretrained_one(folder):
    model = build(folder)
    assert isinstance(model, PretrainedTransformer)
    plain = AutoModelForCausalLM.from_pretrained(folder)
    weights = {name for name, _ in plain.named_parameters()}
    assert model.network.state_dict().keys() == weights  # the vectors, shared by two layers, once
    for name, weight in plain.named_parameters():
        assert torch.equal(model.network.state_dict()[name], weight)


def test_a_likelihood_is_the_loss_of_transformers_times_its_pieces(folder):
    model, plain = build(folder), AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for text in TEXTS:
        ids = torch.tensor([[0, *tokenizer(text)["input_ids"], 0]])  # 0 is <|endoftext|>
        with torch.no_grad():
            read = plain(ids, labels=ids)
        expected = -read.loss.item() * (ids.shape[1] - 1)
        whole = model.number(make_corpus([text], [text], 6), make_corpus([text], [text], 6).train)
        assert -model.validate(whole) * whole.words == pytest.approx(expected, rel=1e-5)
        # What it draws begins with no end.
        no_end = math.log(1 - read.logits[0, 0].softmax(0)[0].item())
        assert model.log_likelihood([text])[0] == pytest.approx(expected - no_end, rel=1e-5)


def test_layers_multiply_alike_on_every_processor(folder):
    kinds = {type(layer) for layer in build(folder).network.modules()}
    assert {Conv1D, Linear} <= kinds
    assert torch.nn.Linear not in kinds


def test_texts_of_other_lengths_beside_it_do_not_change_a_text_s_likelihood(folder):
    model = build(folder)
    together = model.log_likelihood(TEXTS)
    apart = [model.log_likelihood([text])[0] for text in TEXTS]
    np.testing.assert_allclose(together, apart, rtol=1e-5)


def test_batches_fit_the_memory_and_change_nothing(folder, monkeypatch):
    model = build(folder)
    whole = model.log_likelihood(TEXTS * 5)
    monkeypatch.setattr(pretrained_transformer, "MOST_LOGITS", 1)
    np.testing.assert_allclose(model.log_likelihood(TEXTS * 5), whole, rtol=1e-5)


def test_a_cropped_text_is_as_likely_as_all_that_begin_with_its_words(folder):
    # Its pieces, then its end or a piece that begins a word.
    model = build(folder, max_length=2)
    (ids,) = model.subwords.encode(["the sun"])
    tokens = torch.tensor([[*ids, 0]])
    with torch.no_grad():
        logits = model.network.predict(tokens)[0]
        logits[0, 0] = -torch.inf
        logs = logits.log_softmax(1)
    words = sum(logs[place, piece].item() for place, piece in enumerate(ids))
    names = [*map(model.subwords.tokenizer.id_to_token, range(logs.shape[1]))]
    after = [number for number, name in enumerate(names) if number == 0 or name[0] == "Ġ"]
    expected = words + math.log(logs[-1, after].exp().sum().item())
    found = model.log_likelihood(["the sun", "the sun is warm"])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_what_it_cannot_write_is_impossible(folder):
    texts = ["", "The sun", "the sun.", "the sun .", "the zebra", "<|endoftext|>"]
    assert build(folder).log_likelihood(texts).tolist() == [-np.inf] * len(texts)


def test_the_bounds_of_all_texts_sum_to_at_most_one(tmp_path):
    # Pieces: a, b, a blank, no longer ones; so each text is cut in one way, and the bound is exact
    # but for what is never written: a blank at the start or two in a row.
    folder = make_gpt2(tmp_path / "ab", ["a b"], pieces=4, std=0.5, n_embd=8)
    model = build(folder, ["a b"], max_length=1)
    model.max_pieces = 5
    words = ["".join(each) for size in range(1, 6) for each in product("ab", repeat=size)]
    total = np.exp(model.log_likelihood(words)).sum()
    assert 0.3 < total < 1
    texts = write(model, 4000)
    common = max(set(texts), key=texts.count)
    # A text with a blank before it is read without it, so that a word may come more often than its
    # bound says, but not less: five standard errors of a share of 4,000 draws.
    probability = math.exp(model.log_likelihood([common])[0])
    assert texts.count(common) / 4000 > probability - 5 * math.sqrt(0.25 / 4000)


# What it writes


@pytest.mark.parametrize("prefix", ["", "the sun"])
def test_drawing_with_a_cache_is_drawing_without(folder, prefix):
    model = build(folder)
    texts = write(model, 3, prefix=prefix, top_p=1e-9)  # the likeliest piece alone
    (pieces,) = model.subwords.encode([prefix])
    given = len(pieces)
    for place in range(given, model.max_pieces):
        with torch.no_grad():
            logits = model.network.predict(torch.tensor([[*pieces, 0]]))[0, -1]
        logits[0 if place == 0 else []] = -torch.inf
        if 0 < place == given:
            logits[~model.network.is_border] = -torch.inf
        piece = int(logits.argmax())
        if piece == 0 or len(model.subwords.read([[*pieces, piece]])[0]) > 6:
            break
        pieces.append(piece)
    assert texts == [" ".join(model.subwords.read([pieces])[0][:6])] * 3


def test_texts_are_as_the_tokenizer_of_the_corpus_writes_them(wild):
    model = build(wild)
    for options in ({}, {"temperature": 3.0}, {"top_p": 0.8}, {"prefix": "the sun"}):
        texts = write(model, 200, **options)
        assert len(texts) == 200
        for text in texts:
            words = text.split(" ")
            assert tokenize(text) == words
            assert 1 <= len(words) <= 6
            assert "endoftext" not in text
            assert not options.get("prefix") or words[:2] == ["the", "sun"]
        assert np.isfinite(model.log_likelihood(texts)).all()


def test_pieces_that_stand_for_no_text_are_never_drawn(folder, tmp_path):
    def change(copy):
        path = copy / "tokenizer_config.json"
        config = json.loads(path.read_text("utf-8"))
        path.write_text(json.dumps({**config, "pad_token": "<pad>"}), "utf-8")

    # Of 80 pieces that the weights know, the tokenizer knows <|endoftext|> and 59 others.
    grown = make_gpt2(tmp_path / "grown", TEXTS + ECHOES, vocab_size=80)
    model = build(mend(grown, tmp_path / "padded", change))
    known = model.subwords.tokenizer.get_vocab_size()
    pad = model.subwords.tokenizer.token_to_id("<pad>")
    texts = model.network.sample(
        500, 20, lambda texts: [False] * len(texts), torch.Generator().manual_seed(1)
    )
    drawn = {piece for text in texts for piece in text}
    assert drawn == {*range(1, known)} - {pad}
    assert model.describe()["pieces"] == len(drawn)


def test_a_beginning_goes_on_with_another_word(folder):
    # "sun" is no beginning of "sunny".
    for text in write(build(folder), 200, prefix="the sun"):
        assert text == "the sun" or text.startswith("the sun ")


def test_a_beginning_that_is_long_enough_is_all(folder):
    model = build(folder, max_length=3)
    assert write(model, 5, prefix="the sun is warm") == ["the sun is"] * 5


@pytest.mark.parametrize("word", ["sun?", "Sun", "zebra"])
def test_a_beginning_that_it_cannot_write_is_refused(folder, word):
    with pytest.raises(UserError) as error:
        write(build(folder), prefix=f"the {word}")
    expected = f"prefix: the transformer cannot write the word {word!r}; expected words as"
    assert str(error.value).startswith(expected)


def test_texts_without_a_word_are_drawn_again_and_at_last_refused(folder, monkeypatch):
    model = build(folder)
    blank = model.subwords.tokenizer.token_to_id("Ġ")
    draws = iter([[[blank], [blank, blank]], [[blank], *model.subwords.encode(["sun"])]])
    monkeypatch.setattr(model.network, "sample", lambda *_, **__: next(draws))
    monkeypatch.setattr(pretrained_transformer, "TRIES", 2)
    with pytest.raises(UserError, match=r"^transformer: of 2 draws of a text none has a word"):
        write(model, 2)


def test_same_seed_same_texts_in_batches(folder, monkeypatch):
    monkeypatch.setattr(pretrained_transformer, "BATCH", 40)
    model = build(folder)
    first = list(model.generate(100, 1))
    torch.randn(5)
    assert [len(batch) for batch in first] == [40, 40, 20]
    assert first == list(model.generate(100, 1)) != list(model.generate(100, 2))


# How it learns


@pytest.fixture(scope="module")
def echo(folder):
    model = build(folder, ECHOES * 40, epochs=14, patience=3)
    return model, list(model.train(make_corpus(ECHOES * 40, ECHOES, 6)))


def test_it_learns_what_no_two_neighbours_tell(echo):
    # But for the first word, one of two, all is known: log 2 over four words and an end.
    model, steps = echo
    assert steps[-1].validation == pytest.approx(math.log(2) / 5, abs=0.05)
    texts = write(model, 200)
    # Each is half of them; 70 is below that by four standard deviations, sqrt(200) / 2 = 7.
    assert all(texts.count(text) > 70 for text in ECHOES)


@pytest.mark.parametrize("options", [{"temperature": 0.05}, {"top_p": 0.5}])
def test_a_beginning_is_continued_as_it_is_told(echo, options):
    assert write(echo[0], 20, prefix="cold tea", **options) == ["cold tea is cold"] * 20


def test_a_text_counts_its_end_unless_it_is_cropped(folder):
    model = build(folder, max_length=3)
    corpus = make_corpus(["the sun", "the sun is warm"], [], 3)
    texts = model.number(corpus, corpus.train)
    whole, cropped = model.subwords.encode(["the sun", "the sun is"])
    assert texts.lengths.tolist() == [len(whole) + 1, len(cropped)]
    assert texts.tokens[0, : len(whole) + 1].tolist() == [*whole, 0]
    assert texts.words == 2 + 1 + 3


def test_a_text_with_more_pieces_than_the_model_has_places_is_cropped(tmp_path):
    folder = make_gpt2(tmp_path / "short", TEXTS, n_positions=8)
    model = build(folder, ["warm " * 20], max_length=20)
    assert model.max_pieces == 7
    corpus = make_corpus(["warm " * 20], [], 20)
    assert model.number(corpus, corpus.train).lengths.tolist() == [7]
    assert np.isfinite(model.log_likelihood(["warm " * 20])).all()
    assert len(write(model, 20)) == 20
    assert write(model, 2, prefix="warm " * 19) == [" ".join(["warm"] * 19)] * 2


@pytest.mark.parametrize(("dropout", "expected"), [(None, 0.1), (0.3, 0.3)])
def test_a_dropout_of_null_is_the_model_s_own(folder, dropout, expected):
    model = build(folder, dropout=dropout)
    shares = {each.p for each in model.network.modules() if isinstance(each, torch.nn.Dropout)}
    assert shares == {expected}


def test_words_that_the_vocabulary_leaves_out_are_read(folder):
    model, corpus = build(folder), make_corpus(TEXTS, [], 6)
    few = replace(corpus, vocabulary_size=2)
    assert torch.equal(
        model.number(few, few.train).tokens, model.number(corpus, corpus.train).tokens
    )


# What null stands for


def test_a_learning_rate_of_null_suits_the_model(folder):
    assert build(folder, learning_rate=None).settings.learning_rate == 5e-5
    small = TransformerSettings(**{**SETTINGS, "learning_rate": None}).fill()
    assert small["learning_rate"] == 0.003


def test_a_shape_of_null_is_that_of_the_small_one():
    keys = ("width", "hidden_size", "num_layers", "num_heads")
    filled = TransformerSettings(**SETTINGS).fill()
    assert [filled[key] for key in keys] == [128, 512, 2, 4]
    filled = TransformerSettings(**{**SETTINGS, "width": 8, "num_layers": 1}).fill()
    assert [filled[key] for key in keys] == [8, 32, 1, 4]
    with pytest.raises(ValidationError, match=r"num_heads is 4; allowed: a divisor of width, .* 6"):
        TransformerSettings(**{**SETTINGS, "width": 6})


@pytest.mark.parametrize("key", NO_SHAPE)
def test_a_shape_that_a_pretrained_model_does_not_read_is_refused(key):
    message = f"{key} is 8, which a pretrained model does not read; set it to null, or model"
    with pytest.raises(ValidationError, match=message):
        TransformerSettings(**{**SETTINGS, "model": "gpt2", key: 8})


# How it is kept


def test_a_saved_model_writes_without_the_pretrained_one(folder, tmp_path):
    copy = mend(folder, tmp_path / "gpt2", lambda _: None)
    model = build(copy)
    for _ in model.train(make_corpus(TEXTS * 5, TEXTS, 6)):
        pass
    model.save(tmp_path / "model")
    shutil.rmtree(copy)
    loaded = load_generator(tmp_path / "model", "cpu")
    assert isinstance(loaded, PretrainedTransformer)
    assert write(loaded) == write(model)
    np.testing.assert_array_equal(loaded.log_likelihood(TEXTS), model.log_likelihood(TEXTS))
    loaded.save(tmp_path / "again")
    names = ["about.json", "tokenizer.json", "weights.safetensors"]
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == names
    for name in names:
        first, second = ((tmp_path / folder / name).read_bytes() for folder in ("model", "again"))
        assert first == second


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        ("about.json", said("config", "n_embd", value=18), "of the shape"),
        ("about.json", said("config", "n_layer", value=3), "is missing"),
        ("about.json", said("config", "n_layer", value=10**9), "too few for a num_layers of"),
        ("about.json", said("config", "n_head", value=3), "cannot be made"),
        ("about.json", said("config", "vocab_size", value=10**15), "of the shape|cannot be made"),
        ("about.json", said("config", "activation_function", value="no"), "cannot be made"),
        ("about.json", said("config", "model_type", value="no"), "cannot be made"),
        ("about.json", said("config", "model_type"), "cannot be made"),
        ("about.json", said("config", value=[]), "config: .*dictionary"),
        ("about.json", said("end", value=-1), "end: .*greater than or equal"),
        ("about.json", said("end", value=10**6), "expected a tokenizer with the pieces"),
        ("tokenizer.json", bytes_are(b"{}"), "expected a tokenizer"),
        ("tokenizer.json", bytes_are(b"\xff"), "expected a tokenizer"),
        ("tokenizer.json", said("model", "vocab", value={}), "expected a tokenizer"),
        (
            "tokenizer.json",
            said("model", "vocab", value=lambda old: {**old, "more": 10**6}),
            "more than the model has",
        ),
    ],
)
def test_a_damaged_folder_is_refused(folder, tmp_path, file, damage, message):
    build(folder).save(tmp_path / "model")
    damage(tmp_path / "model" / file)
    is_refused(lambda: load_generator(tmp_path / "model", "cpu"), message)


def test_no_code_is_run_that_a_damaged_folder_names(folder, tmp_path):
    build(folder).save(tmp_path / "model")
    (tmp_path / "model" / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')", "utf-8")
    for key, value in (
        ("auto_map", {"AutoModelForCausalLM": "own.Own", "AutoConfig": "own.Own"}),
        ("_name_or_path", str(tmp_path / "model")),
    ):
        said("config", key, value=value)(tmp_path / "model" / "about.json")
    load_generator(tmp_path / "model", "cpu")
    assert not (tmp_path / "ran").exists()


# Which models it takes


def refused(folder):
    with pytest.raises(UserError) as error:
        build(folder)
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(f"params.yaml: transformer.model is {str(folder)!r}, ")
    return message


def test_a_folder_without_a_model_is_refused_in_one_line(tmp_path):
    assert "which is neither a folder nor a model the Hugging Face hub gives" in refused(tmp_path)


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("config.json", {"n_head": "two"}),
        ("config.json", {"activation_function": "no"}),
        (
            "config.json",
            {"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}},
        ),
        ("tokenizer.json", None),
    ],
)
def test_a_model_that_transformers_cannot_load_is_refused_in_one_line(
    folder, tmp_path, file, change
):
    def damage(copy):
        config = json.loads((copy / file).read_text("utf-8")) if change else {}
        (copy / file).write_text(json.dumps({**config, **(change or {})}), "utf-8")

    assert "nor a model the Hugging Face hub gives" in refused(
        mend(folder, tmp_path / "damaged", damage)
    )


def test_weights_that_are_no_safetensors_are_refused(folder, tmp_path):
    def pickle(copy):
        weights = load_file(copy / "model.safetensors")
        (copy / "model.safetensors").unlink()
        torch.save(weights, copy / "pytorch_model.bin")

    assert "neither" in refused(mend(folder, tmp_path / "pickled", pickle))


@pytest.mark.parametrize("damage", ["cut", "lacking", "nan", "shape"])
def test_damaged_weights_are_refused(folder, tmp_path, damage):
    def change(copy):
        path = copy / "model.safetensors"
        weights = load_file(path)
        name = "transformer.h.0.ln_1.weight"
        if damage == "cut":
            path.write_bytes(path.read_bytes()[:-9])
            return
        if damage == "lacking":
            del weights[name]
        elif damage == "nan":
            weights[name][0] = math.nan
        else:
            weights[name] = torch.ones(3)
        save_file(weights, path, {"format": "pt"})

    message = refused(mend(folder, tmp_path / "damaged", change))
    assert ("neither" in message) if damage == "cut" else ("h.0.ln_1.weight" in message)


def test_code_that_comes_with_a_model_is_never_run(folder, tmp_path):
    def change(copy):
        path = copy / "config.json"
        config = json.loads(path.read_text("utf-8"))
        config["model_type"] = "own"
        config["auto_map"] = {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Own"}
        path.write_text(json.dumps(config), "utf-8")
        (copy / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')", "utf-8")

    assert "neither" in refused(mend(folder, tmp_path / "own", change))
    assert not (tmp_path / "ran").exists()


def test_a_tokenizer_without_an_end_is_refused(folder, tmp_path):
    def change(copy):
        path = copy / "tokenizer_config.json"
        config = json.loads(path.read_text("utf-8"))
        del config["eos_token"]
        path.write_text(json.dumps(config), "utf-8")

    assert "names no eos_token" in refused(mend(folder, tmp_path / "endless", change))


def test_a_tokenizer_of_another_model_is_refused(folder, wild, tmp_path):
    def change(copy):
        shutil.copy(wild / "tokenizer.json", copy)

    assert "pieces and whose weights" in refused(mend(folder, tmp_path / "other", change))


def test_a_model_that_reads_words_to_come_is_refused(folder, tmp_path):
    def change(copy):
        sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
        BertLMHeadModel(BertConfig(vocab_size=60, intermediate_size=16, **sizes)).save_pretrained(
            copy
        )

    assert "reads the words behind" in refused(mend(folder, tmp_path / "bert", change))


def test_another_causal_model_than_gpt_2_does_too(folder, tmp_path):
    def change(copy):
        sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
        places = {"intermediate_size": 16, "max_position_embeddings": 64}
        ends = {"bos_token_id": 0, "eos_token_id": 0}
        torch.manual_seed(1)
        config = GPTNeoXConfig(vocab_size=60, **sizes, **places, **ends)
        GPTNeoXForCausalLM(config).save_pretrained(copy)

    model = build(mend(folder, tmp_path / "neo", change), dropout=0.3)
    assert model.max_pieces == min(63, pretrained_transformer.PER_WORD * 6)
    assert model.config["attention_dropout"] == 0.3
    for _ in model.train(make_corpus(TEXTS * 5, TEXTS, 6)):
        pass
    model.save(tmp_path / "model")
    loaded = load_generator(tmp_path / "model", "cpu")
    assert write(loaded) == write(model)
    np.testing.assert_array_equal(loaded.log_likelihood(TEXTS), model.log_likelihood(TEXTS))
