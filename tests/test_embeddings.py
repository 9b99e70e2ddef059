"""The three embeddings: text to vectors and back."""

import json
import math
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tqdm import tqdm
from transformers import BertConfig, BertModel

from stages.corpus.building import build_corpus
from stages.corpus.corpus import UNKNOWN
from stages.corpus.errors import Caution, UserError
from stages.embeddings import bert as bert_module
from stages.embeddings.bert import BertEmbedding, draw_evenly
from stages.embeddings.pretrained_bert import (
    encode_pieces,
    load_bert,
    load_tokenizer,
    tokenize_pieces,
)
from stages.embeddings.protocol import CLASSES, find_embedding, load_copy, load_embedding
from stages.embeddings.scalar import ScalarEmbedding
from stages.embeddings.seriation import order_by_similarity
from stages.embeddings.word2vec import Word2VecEmbedding
from stages.embeddings.word_table import nearest_rows
from tests.tampering import (
    JSON,
    TENSORS,
    array_is,
    bytes_are,
    is_huge,
    is_huge_and_sound,
    is_refused,
    put,
    said,
)

TEXTS = [
    "the match was great and the keeper was great",
    "the soup was cold and the waiter was slow !!!",
    "@ivy don't eat the soup :)",
    "who saw the match ?",
] * 5
WORDS = list(dict.fromkeys(word for text in TEXTS for word in text.split()))


def fit_word2vec(seed=1, epochs=3):
    return Word2VecEmbedding.fit(TEXTS, WORDS, vector_size=12, window=3, epochs=epochs, seed=seed)


@pytest.fixture(scope="module")
def bert():
    return BertEmbedding.fit(TEXTS, model="MiniLM", vector_size=10)


@pytest.fixture(scope="module")
def embeddings(bert):
    return {"scalar": ScalarEmbedding(WORDS), "word2vec": fit_word2vec(), "bert": bert}


# What all three have in common.


@pytest.mark.parametrize("name", CLASSES)
def test_vectors_have_the_promised_shape_and_end_in_not_a_word(embeddings, name):
    embedding = embeddings[name]
    vectors = embedding.encode(["the soup", "the match was great and the keeper"], 4)
    assert vectors.shape == (2, 4, embedding.width)
    assert vectors.dtype == torch.float32
    # The shorter text ends after two words: what follows is the same vector in every place.
    assert torch.equal(vectors[0, 2], vectors[0, 3])
    assert not torch.allclose(vectors[0, 2], vectors[1, 2])
    assert torch.equal(
        vectors,
        embedding.embed(embedding.tokenize(["the soup", "the match was great and the keeper"], 4)),
    )


@pytest.mark.parametrize("name", CLASSES)
def test_training_texts_come_back_whole(embeddings, name):
    embedding = embeddings[name]
    assert embedding.decode(embedding.encode(TEXTS)) == TEXTS
    assert embedding.decode(embedding.encode(TEXTS, 2))[0] == "the match"


@pytest.mark.parametrize("name", CLASSES)
def test_an_empty_text_comes_back_empty(embeddings, name):
    embedding = embeddings[name]
    assert embedding.decode(embedding.encode(["", "the soup"], 3)) == ["", "the soup"]


@pytest.mark.parametrize("name", CLASSES)
def test_a_text_is_cut_at_its_first_not_a_word(embeddings, name):
    embedding = embeddings[name]
    vectors = embedding.encode(["the soup was cold", ""], 4)
    vectors[0, 2] = vectors[1, 0]
    assert embedding.decode(vectors)[0] == "the soup"


@pytest.mark.parametrize("name", CLASSES)
def test_a_saved_embedding_is_the_same_embedding(embeddings, name, tmp_path):
    embedding = embeddings[name]
    embedding.save(tmp_path / "saved")
    loaded = load_embedding(name, tmp_path / "saved", "cpu")
    texts = ["the soup was unheard of", *TEXTS]
    assert torch.equal(loaded.encode(texts, 6), embedding.encode(texts, 6))
    assert loaded.decode(loaded.encode(texts)) == embedding.decode(embedding.encode(texts))
    assert (loaded.width, loaded.vocabulary_size) == (embedding.width, embedding.vocabulary_size)


@pytest.mark.parametrize("name", CLASSES)
def test_out_of_vocabulary_is_the_share_of_unknown_tokens(embeddings, name):
    # Two of four words are unknown, to BERT two of four word pieces.
    assert embeddings[name].out_of_vocabulary(["the zebra", "soup yes"]) == pytest.approx(0.5)
    assert embeddings[name].out_of_vocabulary(TEXTS) == 0


def test_bert_cannot_give_back_what_it_has_no_piece_for():
    # Six words, one of them an emoji that BERT reads as [UNK], also where training texts have it.
    with pytest.warns(Caution):
        embedding = BertEmbedding.fit(["the soup 🦤", "a cold soup"], model="MiniLM", vector_size=2)
    assert embedding.out_of_vocabulary(["the soup 🦤", "a cold soup"]) == pytest.approx(1 / 6)


def test_bert_warns_of_texts_it_reads_in_part_and_refuses_others_before_the_work(monkeypatch):
    # One of six pieces is unknown; then two of six.
    with pytest.warns(Caution, match=r"^the training texts: 16\.7 % .* set embedding\.bert\."):
        BertEmbedding.fit(["the soup 🦤", "a cold soup"], model="MiniLM", vector_size=2)
    monkeypatch.setattr("stages.embeddings.bert.load_bert", None)
    with pytest.raises(UserError, match=r"^the training texts: 33\.3 % .*; allowed: at most 30 %;"):
        BertEmbedding.fit(["the soup 🦤", "a cold 🦤"], model="MiniLM", vector_size=2)


def test_a_bert_of_many_pieces_counts_those_of_the_texts_alone(bert, monkeypatch):
    monkeypatch.setattr("stages.embeddings.bert.MOST_ROWS", 10)
    few = BertEmbedding.fit(TEXTS, model="MiniLM", vector_size=10)
    assert few.pieces == bert.pieces
    assert torch.equal(few.begins, bert.begins)
    assert torch.equal(few.mapping, bert.mapping)
    assert torch.allclose(few.center, bert.center, atol=1e-6)
    assert few.decode(few.encode(TEXTS)) == TEXTS
    # The same directions, each turned round or not.
    assert torch.allclose(few.discriminants.abs(), bert.discriminants.abs(), rtol=1e-2, atol=1e-3)


# Built from a corpus.

SETTINGS = {
    "scalar": {"order": "appearance"},
    "word2vec": {"vector_size": 12, "window": 3, "epochs": 3},
    "bert": {"model": "MiniLM", "num_layers": None, "vector_size": 10},
}


@pytest.fixture(scope="module")
def corpus():
    """A training split, and a word of another split; who reads that split fails."""
    texts = [text.split() for text in TEXTS]
    corpus = build_corpus(texts, [0] * len(texts), 0.1, 0.1, seed=1)
    return replace(corpus, words=[*corpus.words, "zebra"], validation=None, test=None)


def build(name, corpus, seed=1, **changes):
    kind = find_embedding(name)
    settings = sys.modules[kind.__module__].Settings(**{**SETTINGS[name], **changes})
    return kind.build(corpus, settings, seed=seed, device="cpu")


@pytest.mark.parametrize("name", CLASSES)
def test_an_embedding_is_found_and_built_by_its_name(corpus, name):
    embedding = build(name, corpus)
    assert embedding.name == name
    texts = corpus.texts(corpus.train)
    assert embedding.decode(embedding.encode(texts)) == texts
    assert embedding.width == SETTINGS[name].get("vector_size", 1)


@pytest.mark.parametrize("name", CLASSES)
def test_an_embedding_says_what_made_it(corpus, name, tmp_path):
    embedding = build(name, corpus)
    assert embedding.fingerprint == corpus.fingerprint
    embedding.save(tmp_path / "saved")
    loaded = load_embedding(name, tmp_path / "saved", "cpu")
    assert (loaded.fingerprint, loaded.settings) == (corpus.fingerprint, embedding.settings)
    about = json.loads((tmp_path / "saved/about.json").read_text("utf-8"))
    assert (about["format"], about["corpus"]) == (1, corpus.fingerprint)
    assert about["settings"] == SETTINGS[name]
    libraries = {"torch", "transformers"} if name == "bert" else {"gensim", "numpy"}
    assert {*about["versions"]} == libraries
    assert all(re.fullmatch(r"[\d.]+", version) for version in about["versions"].values())
    loaded.save(tmp_path / "again")
    for path in (tmp_path / "saved").iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


# Damaged and crafted folders.

OF_WORDS, OF_VECTORS = ["scalar", "word2vec"], ["word2vec", "bert"]
# Which embeddings, which file, what is done to it, and what the message says.
DAMAGES = {
    **{f"about: {key}": ([*CLASSES], "about.json", *case) for key, case in JSON.items()},
    **{
        f"about without {key}": ([*CLASSES], "about.json", said(key), f"{key}: Field required")
        for key in ("embedding", "versions", "corpus", "settings")
    },
    **{
        f"embedding {found!r}": ([*CLASSES], "about.json", said("embedding", value=found), "found")
        for found in ("../scalar", "glove", "", 1)
    },
    **{
        f"vectors: {key}": (OF_VECTORS, "vectors.safetensors", *case)
        for key, case in TENSORS.items()
    },
    **{
        f"{name} is {value}": (
            [of],
            "vectors.safetensors",
            array_is(name, put(..., value)),
            "finite",
        )
        for of, names in {
            "word2vec": ["table"],
            "bert": ["mapping", "center", "discriminants"],
        }.items()
        for name in names
        for value in (math.nan, math.inf)
    },
    **{
        f"words: {key}": (OF_WORDS, "words.txt", bytes_are(change), match)
        for key, (change, match) in {
            "none": (b"", "lines, found 0"),
            "one fewer": (lambda words: words.split(b"\n", 1)[1], "lines, found"),
            "one more": (lambda words: words + b"more\n", "lines, found"),
            "cut off": (lambda words: words[:-1], "lines, found"),
            "not UTF-8": (lambda words: words.replace(b"the", b"\xff"), "UTF-8"),
            "two in one line": (lambda words: words.replace(b"soup", b"a b"), "white space"),
            "an empty one": (lambda words: words.replace(b"soup", b""), "white space"),
            "one twice": (lambda words: words.replace(b"soup", b"cold"), "distinct"),
        }.items()
    },
    "huge words": (OF_WORDS, "words.txt", is_huge, "expected at most"),
    **{
        f"vocabulary_size {value!r}": (
            OF_WORDS,
            "about.json",
            said("vocabulary_size", value=value),
            match,
        )
        for value, match in {
            0: "found 0",
            10**12: "expected 10{12} lines",
            "5": "found '5'",
        }.items()
    },
    "another width": (
        *(["word2vec"], "about.json", said("settings", "vector_size", value=13), "of the shape"),
    ),
    "vectors that no memory holds": (
        *(["word2vec"], "vectors.safetensors"),
        lambda path: [
            said("settings", value=None)(path.with_name("about.json")),
            is_huge_and_sound([19, 10**10])(path),
        ],
        "760.0 GB, and .* GB of memory are free",
    ),
    **{
        f"pieces: {key}": (["bert"], "about.json", said("pieces", value=change), match)
        for key, (change, match) in {
            "a text": ("the", "pieces: .*list"),
            "one fewer": (lambda pieces: pieces[:-1], "of the shape"),
            "one more": (lambda pieces: [*pieces, "more"], "of the shape"),
            "no first": (lambda pieces: ["a", *pieces[1:]], "empty text as the first"),
            "an empty one": (lambda pieces: [*pieces[:-1], ""], "white space"),
            "a number": (lambda pieces: [*pieces[:-1], 1], "valid string"),
        }.items()
    },
    "project is 1": (["bert"], "about.json", said("project", value=1), "project: "),
    "about without num_layers": (
        *(["bert"], "about.json", said("num_layers"), "num_layers: Field required"),
    ),
    **{
        f"num_layers {value!r}": (["bert"], "about.json", said("num_layers", value=value), match)
        for value, match in {
            0: "num_layers: .*found 0",
            "3": "num_layers: .*found '3'",
        }.items()
    },
    "a blank model": (["bert"], "about.json", said("model", value=" "), "model: "),
    "begins of numbers": (
        *(["bert"], "vectors.safetensors"),
        array_is("begins", lambda begins: begins.astype("int64")),
        "begins: expected bool",
    ),
    "a narrower mapping": (
        *(["bert"], "vectors.safetensors"),
        array_is("mapping", lambda mapping: mapping[:, 1:]),
        r"mapping: expected float32 of the shape \(24, 384\), found",
    ),
}
CASES = [
    pytest.param(name, *case, id=f"{name}-{key}")
    for key, (names, *case) in DAMAGES.items()
    for name in names
]


@pytest.fixture(scope="module")
def saved(embeddings, tmp_path_factory):
    """Give the folder with a folder of each embedding."""
    folder = tmp_path_factory.mktemp("saved")
    for name, embedding in embeddings.items():
        embedding.settings = sys.modules[type(embedding).__module__].Settings(**SETTINGS[name])
        embedding.save(folder / name)
    return folder


@pytest.mark.parametrize(("name", "file", "damage", "match"), CASES)
def test_a_folder_that_was_tampered_with_is_refused(saved, tmp_path, name, file, damage, match):
    folder = tmp_path / "tampered"
    shutil.copytree(saved / name, folder)
    damage(folder / file)
    is_refused(lambda: load_embedding(name, folder, "cpu"), f"^{re.escape(str(folder))}.*{match}")


@pytest.mark.parametrize("name", CLASSES)
def test_a_copy_of_another_width_is_refused(saved, embeddings, name):
    width, folder = embeddings[name].width, saved / name
    assert load_copy(name, folder, "cpu", width=width, fingerprint=None).width == width
    match = f"^{folder}: {width} numbers a token, but {saved} reads 5"
    is_refused(lambda: load_copy(name, folder, "cpu", width=5, fingerprint=None), match)


def test_an_unknown_bert_in_a_folder_is_told(saved, tmp_path):
    shutil.copytree(saved / "bert", tmp_path / "tampered")
    said("model", value=str(tmp_path / "../nowhere"))(tmp_path / "tampered/about.json")
    told = f"^{tmp_path}/tampered/about.json: model is .*nowhere', which is neither MiniLM nor a f"
    with pytest.raises(UserError, match=told):
        load_embedding("bert", tmp_path / "tampered", "cpu")


def test_more_layers_than_a_folder_s_bert_has_are_told(saved, tmp_path):
    shutil.copytree(saved / "bert", tmp_path / "tampered")
    said("num_layers", value=7)(tmp_path / "tampered/about.json")
    told = f"^{tmp_path}/tampered/about.json: num_layers is 7; allowed for MiniLM: at most 6"
    with pytest.raises(UserError, match=told):
        load_embedding("bert", tmp_path / "tampered", "cpu")


def test_the_two_embeddings_of_words_know_the_training_split_s(corpus):
    words = corpus.words[1 : corpus.vocabulary_size + 1]
    assert build("scalar", corpus).words == ["", *words]
    word2vec = build("word2vec", corpus)
    assert word2vec.words == ["", *words]
    fitted = Word2VecEmbedding.fit(
        corpus.texts(corpus.train), words, **SETTINGS["word2vec"], seed=1
    )
    assert torch.equal(word2vec.table, fitted.table)


@pytest.fixture(scope="module")
def limited():
    """A corpus of few words, and the same of all."""
    texts = [text.split() for text in TEXTS]
    return [
        build_corpus(texts, [0] * len(texts), 0.1, 0.1, 1, most_words=most) for most in (6, None)
    ]


@pytest.mark.parametrize("name", ["scalar", "word2vec"])
def test_the_unknown_word_is_none_of_an_embedding_of_words(limited, name):
    corpus, _ = limited
    embedding = build(name, corpus)
    assert sorted(embedding.words[1:]) == sorted(corpus.known_words)
    assert embedding.vocabulary_size == 6
    rare = corpus.words[-1]
    assert embedding.out_of_vocabulary([f"{corpus.words[1]} {rare}"]) == 0.5
    assert UNKNOWN not in " ".join(embedding.decode(torch.randn(50, 5, embedding.width) * 9))
    # In scalar it stands for 0, in word2vec for the word that is closest in letters.
    assert (embedding.tokenize([rare]) > 0).item() == (name == "word2vec")


def test_vectors_and_order_are_fitted_on_texts_with_the_unknown_word(limited):
    corpus, _ = limited
    texts = corpus.texts(corpus.learnable(corpus.train))
    assert any(UNKNOWN in text.split() for text in texts)
    fitted = Word2VecEmbedding.fit(texts, corpus.known_words, **SETTINGS["word2vec"], seed=1)
    assert torch.equal(build("word2vec", corpus).table, fitted.table)
    ordered = order_by_similarity(texts, corpus.known_words, 1)
    assert build("scalar", corpus, order="similarity").words[1:] == ordered


def test_bert_reads_rare_words_as_they_are(limited, monkeypatch):
    read = []
    fit = BertEmbedding.fit
    monkeypatch.setattr(
        BertEmbedding,
        "fit",
        lambda texts, **options: read.append(texts) or fit(texts[:2], **options),
    )
    build("bert", limited[0], vector_size=1)
    assert read == [limited[1].texts(limited[1].train)]


def test_scalar_orders_words_as_its_settings_say(corpus):
    words = corpus.words[1 : corpus.vocabulary_size + 1]
    texts = corpus.texts(corpus.train)
    for seed in (1, 2):
        embedding = build("scalar", corpus, seed, order="similarity")
        assert embedding.words[1:] == order_by_similarity(texts, words, seed)
        assert embedding.words[1:] != words


def test_an_embedding_that_is_not_there_is_told():
    with pytest.raises(UserError, match="embedding glove: unknown; expected one of scalar, word2"):
        find_embedding("glove")


# Scalar.


def test_scalar_numbers_words_by_first_appearance():
    # The paper's example: {"who": 1, "am": 2, "i": 3, "you": 4, "are": 5}, 0 for what is unknown.
    embedding = ScalarEmbedding(["who", "am", "i", "you", "are"])
    vectors = embedding.encode(["who are they", "i"], 3)
    assert vectors.squeeze(-1).tolist() == [[1, 5, 0], [3, 0, 0]]


def test_scalar_rounds_to_the_nearest_id():
    embedding = ScalarEmbedding(["who", "am", "i"])
    vectors = torch.tensor([[[0.6], [1.4], [99.0], [2.6]], [[0.4], [1.0], [1.0], [1.0]]])
    # 0.6 and 1.4 round to 1, what lies above the last id is nearest to it, 0.4 rounds to 0.
    assert embedding.decode(vectors) == ["who who i i", ""]
    assert embedding.decode(torch.tensor([[[-5.0]]])) == [""]


# word2vec.


def test_word2vec_gives_an_unknown_word_the_vector_of_the_closest_word():
    # By rapidfuzz's ratio, 100 * 2 * common / (both lengths): "soups" and "soup" 89, nothing
    # else above 60; "matches" and "match" 83.
    embedding = fit_word2vec()
    assert torch.equal(embedding.encode(["soups matches"], 2), embedding.encode(["soup match"], 2))


def test_word2vec_decodes_by_the_angle_not_by_the_length():
    embedding = fit_word2vec()
    assert embedding.decode(100 * embedding.encode(["the soup"], 2)) == ["the soup"]


def test_word2vec_equals_gensims_own_vectors():
    from gensim.models import Word2Vec

    sentences = [[*text.split(), "<not-a-word>"] for text in TEXTS]
    model = Word2Vec(sentences, vector_size=12, window=3, min_count=1, workers=1, seed=1, epochs=3)
    vectors = fit_word2vec().encode(["the soup"], 3)[0].numpy()
    assert (vectors == model.wv[["the", "soup", "<not-a-word>"]]).all()


def test_word2vec_learns_at_the_rate_it_is_told():
    from gensim.models import Word2Vec

    sentences = [[*text.split(), "<not-a-word>"] for text in TEXTS]
    settings = {"vector_size": 12, "window": 3, "seed": 1, "epochs": 3}
    model = Word2Vec(sentences, min_count=1, workers=1, alpha=0.1, **settings)
    embedding = Word2VecEmbedding.fit(TEXTS, WORDS, learning_rate=0.1, **settings)
    assert (embedding.table[1:].numpy() == model.wv[WORDS]).all()


def test_word2vec_is_the_same_in_every_process():
    # gensim must not lean on Python's own string hashes, which change with PYTHONHASHSEED.
    other = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    script = (
        "from stages.embeddings.word2vec import Word2VecEmbedding\n"
        "settings = {'vector_size': 12, 'window': 3, 'epochs': 3, 'seed': 1}\n"
        f"print(Word2VecEmbedding.fit({TEXTS}, {WORDS}, **settings).table.tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONHASHSEED": other},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{fit_word2vec().table.tolist()}\n"
    assert not torch.equal(fit_word2vec(seed=2).table, fit_word2vec(seed=1).table)


# BERT.


def test_bert_gives_the_models_own_vectors():
    tokenizer, model = load_tokenizer("MiniLM"), load_bert("MiniLM", "cpu")
    text = "the soup was cold and the waiter was slow !!!"
    inputs = tokenizer(text, return_tensors="pt")
    expected = model(**inputs).last_hidden_state[0]
    tokens, begins = tokenize_pieces(tokenizer, ["who", text])
    vectors, ends = encode_pieces(model, tokenizer, tokens)
    assert torch.allclose(vectors[1], expected[1:-1], atol=1e-5)
    assert torch.allclose(ends[1], expected[-1], atol=1e-5)
    assert not vectors[0, 1:].any()
    # "!!!" is one of our words and three of BERT's pieces.
    assert begins[1].tolist() == [True] * 10 + [False] * 2


def test_bert_keeps_its_own_vectors_without_a_projection(corpus):
    embedding = build("bert", corpus, vector_size=None)
    assert embedding.width == 384
    tokenizer, model = load_tokenizer("MiniLM"), load_bert("MiniLM", "cpu")
    tokens, _ = tokenize_pieces(tokenizer, ["the soup"])
    expected, _ = encode_pieces(model, tokenizer, tokens)
    assert torch.allclose(embedding.encode(["the soup"], 2), expected, atol=1e-5)
    assert embedding.decode(embedding.encode(TEXTS)) == TEXTS


@pytest.mark.parametrize("num_layers", [1, 3, 6])
def test_bert_reads_by_its_lowest_layers(num_layers, tmp_path):
    embedding = BertEmbedding.fit(TEXTS, model="MiniLM", num_layers=num_layers)
    tokenizer, model = load_tokenizer("MiniLM"), load_bert("MiniLM", "cpu")
    inputs = tokenizer("the soup was cold", return_tensors="pt")
    expected = model(**inputs, output_hidden_states=True).hidden_states[num_layers]
    assert torch.allclose(embedding.encode(["the soup was cold"]), expected[:, 1:-1], atol=1e-5)
    assert embedding.decode(embedding.encode(TEXTS)) == TEXTS
    embedding.save(tmp_path / "saved")
    loaded = BertEmbedding.load(tmp_path / "saved", "cpu")
    assert torch.equal(loaded.encode(TEXTS), embedding.encode(TEXTS))


def test_long_texts_are_read_in_overlapping_windows():
    # Ten positions leave room for eight pieces; windows of 17 pieces start at 0, 4, 8 and 9, and
    # share out their overlaps at 6, 10 and 12 (rounded down).
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=50,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=10,
    )
    model = BertModel(config).eval()

    class Tokenizer:
        pad_token_id, cls_token_id, sep_token_id = 0, 1, 2

    tokens = torch.zeros((2, 17), dtype=torch.int32)
    tokens[0] = torch.arange(3, 20)
    tokens[1, :8] = torch.arange(20, 28)
    with tqdm(total=2) as progress:
        vectors, ends = encode_pieces(model, Tokenizer, tokens, progress)
    assert progress.n == 2  # texts, whatever their windows

    def run(pieces):
        inputs = torch.tensor([[1, *pieces.tolist(), 2]])
        return model(input_ids=inputs, attention_mask=torch.ones_like(inputs)).last_hidden_state[0]

    for start, low, high in [(0, 0, 6), (4, 6, 10), (8, 10, 12), (9, 12, 17)]:
        window = run(tokens[0, start : start + 8])
        expected = window[1 + low - start : 1 + high - start]
        assert torch.allclose(vectors[0, low:high], expected, atol=1e-5)
    assert torch.allclose(ends[0], window[-1], atol=1e-5)
    whole = run(tokens[1, :8])
    assert torch.allclose(vectors[1, :8], whole[1:-1], atol=1e-5)
    assert torch.allclose(ends[1], whole[-1], atol=1e-5)


def test_bert_projection_has_mean_zero_and_mean_square_one_over_training(bert):
    tokenizer = load_tokenizer("MiniLM")
    tokens, _ = tokenize_pieces(tokenizer, TEXTS)
    vectors, ends = encode_pieces(load_bert("MiniLM", "cpu"), tokenizer, tokens)
    training = torch.cat([vectors[tokens != tokenizer.pad_token_id], ends])
    projected = (training - bert.center) @ bert.discriminants
    assert projected.shape[1] == 10
    assert projected.mean(0) == pytest.approx(torch.zeros(10), abs=1e-3)
    assert projected.square().mean().item() == pytest.approx(1, rel=1e-3)


def test_bert_discriminants_span_those_of_scikit_learn():
    # Two classes that differ along the first axis, along which nothing else varies; the second
    # axis varies most, within the classes. The discriminant is the first axis, up to its length.
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    from stages.embeddings.bert import _Moments

    torch.manual_seed(0)
    labels = torch.randint(0, 4, (2000,))
    centers = torch.randn(4, 6)
    vectors = centers[labels] + torch.randn(2000, 6) * torch.tensor([0.3, 5, 1, 1, 2, 0.5])
    moments = _Moments(torch.arange(4), width=6)
    begins = torch.ones(2000, dtype=torch.bool)
    moments.add(labels, begins, vectors, torch.zeros((0, 6)))
    ours = vectors @ moments.discriminants(3)
    theirs = LinearDiscriminantAnalysis(solver="eigen").fit(vectors, labels).transform(vectors)
    for column in range(3):
        both = torch.stack([ours[:, column], torch.from_numpy(theirs[:, column]).float()])
        # The thousandth that we add to the scatter within turns the directions a little.
        assert abs(torch.corrcoef(both)[0, 1].item()) > 0.999


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (9, [0, 1, 2, 3, 4, 5]),  # there are no more
        (8, [0, 1, 2, 3, 4]),  # 6 · 8 / 9 = 5.3 texts
        (3, [0, 3]),
        (1, [0]),  # one at the least
    ],
)
def test_texts_with_so_many_words_are_drawn_evenly(words, kept):
    texts = ["a b", "c", "d e", "f", "g h", "i"]  # 9 words
    assert draw_evenly(texts, words) == [texts[place] for place in kept]


def test_bert_s_mapping_of_a_large_corpus_is_that_of_texts_drawn_evenly(monkeypatch, capsys):
    half = BertEmbedding.fit(TEXTS[::2], model="MiniLM")
    monkeypatch.setattr(bert_module, "WORDS_READ", sum(len(text.split()) for text in TEXTS) // 2)
    capsys.readouterr()
    drawn = BertEmbedding.fit(TEXTS, model="MiniLM")
    assert drawn.pieces == half.pieces
    assert torch.equal(drawn.mapping, half.mapping)
    assert "10/10" in capsys.readouterr().err  # of 20 texts


def test_bert_refuses_what_is_no_bert(tmp_path):
    with pytest.raises(UserError, match="neither MiniLM nor a folder"):
        load_bert(str(tmp_path), "cpu")
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(UserError, match="of type 'gpt2'; expected a BERT"):
        load_bert(str(tmp_path), "cpu")
    with pytest.raises(UserError, match="vector_size is 385; allowed for MiniLM: at most"):
        BertEmbedding.fit(TEXTS, model="MiniLM", vector_size=385)
    with pytest.raises(UserError, match=r"bert\.num_layers is 7; allowed for MiniLM: at most 6"):
        BertEmbedding.fit(TEXTS, model="MiniLM", num_layers=7)


def test_bert_refuses_another_padding_than_the_piece_0(tmp_path):
    BertConfig(vocab_size=6).save_pretrained(tmp_path)
    pieces = ["[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"]
    (tmp_path / "vocab.txt").write_text("\n".join(["[PAD]", *pieces]))
    assert load_tokenizer(str(tmp_path)).pad_token_id == 0
    (tmp_path / "vocab.txt").write_text("\n".join([*pieces, "[PAD]"]))
    with pytest.raises(UserError, match="whose padding is the piece 5; expected 0"):
        load_tokenizer(str(tmp_path))


# The nearest row.


@pytest.mark.parametrize("cosine", [True, False])
def test_nearest_row_equals_a_plain_search(cosine):
    torch.manual_seed(0)
    vectors, table = torch.randn(3, 50, 7), torch.randn(40, 7)
    if cosine:
        similarity = torch.nn.functional.cosine_similarity(vectors.unsqueeze(-2), table, dim=-1)
        expected = similarity.argmax(-1)
    else:
        expected = torch.cdist(vectors, table.expand(3, -1, -1)).argmin(-1)
    assert torch.equal(nearest_rows(vectors, table, cosine=cosine), expected)


@pytest.mark.parametrize("cosine", [True, False])
def test_equal_vectors_have_one_nearest_row_in_any_shape(cosine):
    torch.manual_seed(0)
    vectors, table = torch.randn(5, 7), torch.randn(40, 7)
    rows = nearest_rows(vectors, table, cosine=cosine)
    places = torch.tensor([[3, 0, 3], [1, 3, 4]])
    assert torch.equal(nearest_rows(vectors[places], table, cosine=cosine), rows[places])
    assert nearest_rows(vectors[:0].view(0, 1, 7), table, cosine=cosine).shape == (0, 1)
