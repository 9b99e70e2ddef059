"""Encoders of documents: bags, TF-IDF, LSA, the autoencoder, its adversary, and their stages."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML
from scipy.sparse import csr_array

from stages import evaluate_documents, train_document_model
from stages.corpus.building import build_corpus
from stages.corpus.corpus import NO_LABEL, SPLITS
from stages.corpus.errors import UserError
from stages.documents.bags import Bags, measure_rarity, weigh
from stages.documents.lsa import Lsa, find_directions
from stages.documents.protocol import MODELS, find_document_model, load_document_model
from stages.documents.tfidf import Tfidf
from stages.documents.word2vec import Word2vec
from stages.measures.retrieval import measure_precision
from stages.pipeline.core_settings import DOCUMENT_MODELS
from stages.pipeline.trainer import checkpoint_key, fit

PARAMS = YAML(typ="safe").load(Path(__file__).with_name("params.yaml"))
TOPICS = (
    ["cat", "dog", "bird", "fish", "pet", "fur", "paw", "tail"],
    ["bread", "soup", "salt", "cheese", "plate", "spoon", "oven", "cook"],
)
LEARNT = [name for name in MODELS if name != "minilm"]  # which reads a BERT of 90 MB
NETWORKS = ("autoencoder", "adversarial")
each_learnt = pytest.mark.parametrize("name", LEARNT)
each_network = pytest.mark.parametrize("name", NETWORKS)


def make_corpus(count=80, labelled=True):
    """Invent texts of two topics, which are their labels."""
    random = np.random.default_rng(5)
    texts, labels = [], []
    for place in range(count):
        words = random.choice(TOPICS[place % 2], 5).tolist()
        texts.append([*words, *random.choice(["the", "a", "of"], 3).tolist()])
        labels.append(place % 2 if labelled else NO_LABEL)
    names = ("animals", "kitchen") if labelled else ()
    return build_corpus(texts, labels, 0.2, 0.2, 1, label_names=names)


CORPUS = make_corpus()


def build(name, corpus=CORPUS, seed=1, **changes):
    kind = find_document_model(name)
    settings = kind.Settings(**PARAMS["documents"][name] | changes)
    torch.manual_seed(seed)
    return kind.build(corpus, settings, seed=seed, device="cpu")


def train(name, corpus=CORPUS, seed=1, **changes):
    model = build(name, corpus, seed, **changes)
    steps = [*model.train(corpus)]
    return model, steps


def texts_of(split="test"):
    return CORPUS.texts(getattr(CORPUS, split))


def written(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


# Bags


def test_the_most_frequent_words_count_of_equal_ones_those_that_came_first():
    # b comes three times, c and a twice each, c first; d once.
    bags = Bags.fit(["c b b", "a b a", "c d"], 3)
    assert bags.words == ["b", "c", "a"]
    assert bags.count(["b x b a", "x", ""]).toarray().tolist() == [[2, 0, 1], [0, 0, 0], [0, 0, 0]]


def test_tf_idf_by_hand():
    # a is in 2 of 4 texts, b in 1, c in all: ln 2, ln 4, 0.
    bags = Bags(["a", "b", "c"])
    counts = bags.count(["a c", "a b b c", "c", "c c"])
    rarity = measure_rarity(counts)
    assert rarity == pytest.approx([np.log(2), np.log(4), 0])
    # Of "a b b c": 1 * ln 2 and (1 + ln 2) * ln 4, made one long.
    own = np.array([np.log(2), (1 + np.log(2)) * np.log(4), 0])
    weights = weigh(counts, rarity).toarray()
    assert weights[1] == pytest.approx(own / np.linalg.norm(own))
    assert weights[0] == pytest.approx([1, 0, 0])
    assert not weights[2].any()  # a word that all texts have says nothing


def test_a_word_that_no_text_has_weighs_nothing():
    assert measure_rarity(Bags(["a", "z"]).count(["a", "b"]))[1] == 0


def test_tfidf_encodes_by_its_training_texts():
    model, _ = train("tfidf")
    counts = model.bags.count(texts_of("train"))
    own = weigh(model.bags.count(texts_of()), measure_rarity(counts)).toarray()
    assert model.encode(texts_of()) == pytest.approx(own.astype(np.float32))


@pytest.mark.parametrize("width", [3, 15, 99])
def test_lsa_is_the_singular_value_decomposition(width):
    # Few of many are found by iteration, more by the whole decomposition; 19 words weigh something.
    counts = Bags.fit(texts_of("train"), 99).count(texts_of("train"))
    weights = weigh(counts, measure_rarity(counts))
    _, _, whole = np.linalg.svd(weights.toarray(), full_matrices=False)
    found = find_directions(weights, width)
    wanted = whole[:width].T
    assert found.shape == wanted.shape
    ranked = found[:, : min(width, 16)]  # beyond the rank directions are arbitrary
    signs = np.sign((ranked * wanted[:, : ranked.shape[1]]).sum(0))
    assert ranked == pytest.approx(wanted[:, : ranked.shape[1]] * signs, abs=1e-8)
    assert all(column[np.abs(column).argmax()] > 0 for column in found.T)


def test_weights_of_nothing_have_directions_too():
    # As where all texts have the same words, however often.
    assert find_directions(csr_array((30, 20)), 3).shape == (20, 3)


def test_lsa_s_vectors_are_the_weights_along_the_directions():
    model, _ = train("lsa", width=4)
    weights = weigh(model.bags.count(texts_of()), model.arrays["rarity"])
    assert model.encode(texts_of()) == pytest.approx(weights @ model.arrays["directions"], abs=1e-6)
    assert model.encode(texts_of()).shape == (len(CORPUS.test), 4)


def test_word2vec_takes_the_mean_of_the_known_words():
    settings = Word2vec.Settings(**PARAMS["documents"]["word2vec"])
    model = Word2vec(Bags(["a", "b"]), settings)
    model.arrays = {"table": np.array([[1, 2], [3, 6]], np.float32)}
    # (1 + 1 + 3) / 3 and (2 + 2 + 6) / 3; x is unknown.
    assert model.encode(["a x b a"])[0] == pytest.approx([5 / 3, 10 / 3])


def test_minilm_encodes_as_sentence_vectors_and_keeps_no_weights(tmp_path):
    model, steps = train("minilm")
    assert len(steps) == 1
    vectors = model.encode(["cat fur", "", "bread"])
    assert vectors[[0, 2]] == pytest.approx(model.encoder.encode(["cat fur", "bread"]), abs=1e-6)
    assert not vectors[1].any()
    assert model.knows(["cat", ""]).tolist() == [True, False]
    assert model.encode([]).shape == (0, 384)
    model.save(tmp_path / "model")
    assert [*written(tmp_path / "model")] == ["about.json"]
    loaded = load_document_model(tmp_path / "model", "cpu")
    assert np.array_equal(loaded.encode(["cat fur", "", "bread"]), vectors)
    assert loaded.describe() == model.describe() == {"width": 384}


def test_a_bert_that_is_gone_is_told_by_where_it_is_named(tmp_path):
    model, _ = train("minilm")
    model.save(tmp_path / "model")
    path = tmp_path / "model/about.json"
    path.write_text(path.read_text().replace('"MiniLM"', f'"{tmp_path}"'))
    with pytest.raises(UserError, match=f"^{path}: settings.model is .*neither MiniLM"):
        load_document_model(tmp_path / "model", "cpu")


# What all have in common


@each_learnt
def test_it_finds_texts_of_the_same_topic(name):
    changes = {"epochs": 8, "updates": 40, "learning_rate": 0.01} if name in NETWORKS else {}
    changes |= {"epochs": 60} if name == "word2vec" else {}
    model, _ = train(name, **changes)
    vectors = (model.encode(texts_of("train")), CORPUS.train.labels)
    precision = measure_precision(*vectors, model.encode(texts_of()), CORPUS.test.labels, [0.2])
    assert precision.mean() > 0.7  # by chance 0.5


@each_learnt
def test_saved_and_loaded_it_encodes_the_same(name, tmp_path):
    model, _ = train(name)
    model.save(tmp_path / "first")
    loaded = load_document_model(tmp_path / "first", "cpu")
    assert type(loaded) is type(model)
    assert loaded.fingerprint == CORPUS.fingerprint
    assert loaded.describe() == model.describe()
    assert np.array_equal(loaded.encode(texts_of()), model.encode(texts_of()))
    loaded.save(tmp_path / "again")
    assert written(tmp_path / "again") == written(tmp_path / "first")


@each_learnt
def test_the_same_seed_gives_the_same_bytes(name, tmp_path):
    for folder, seed in (("first", 1), ("again", 1), ("other", 2)):
        train(name, seed=seed)[0].save(tmp_path / folder)
    assert written(tmp_path / "first") == written(tmp_path / "again")
    is_drawn = name in ("word2vec", *NETWORKS)
    assert (written(tmp_path / "first") != written(tmp_path / "other")) == is_drawn


@each_learnt
def test_a_text_without_a_known_word_is_zeros_and_said_so(name):
    model, _ = train(name)
    texts = ["cat fur", "", "xylophone zither"]
    assert model.knows(texts).tolist() == [True, False, False]
    vectors = model.encode(texts)
    assert vectors.dtype == np.float32
    assert vectors.any(1).tolist() == [True, False, False]
    assert model.encode([]).shape == (0, vectors.shape[1])


@each_learnt
def test_a_damaged_folder_is_refused_in_one_line(name, tmp_path):
    model, _ = train(name)
    model.save(tmp_path / "model")
    about = json.loads((tmp_path / "model/about.json").read_text())
    about["words"] = about["words"][:-1]
    (tmp_path / "model/about.json").write_text(json.dumps(about))
    with pytest.raises(UserError, match="damaged or not the pipeline's") as caught:
        load_document_model(tmp_path / "model", "cpu")
    assert "\n" not in str(caught.value)


def test_an_unknown_encoder_is_refused_by_name():
    with pytest.raises(UserError, match="'lda': expected one of tfidf, lsa, autoencoder"):
        find_document_model("lda")


def test_each_encoder_can_be_named_in_params():
    assert MODELS == DOCUMENT_MODELS


def test_the_vocabulary_is_what_the_settings_say():
    assert train("tfidf", vocabulary=7)[0].encode(["cat"]).shape == (1, 7)


# The networks


@each_network
def test_it_goes_on_as_if_it_had_never_stopped(name, tmp_path):
    whole, steps = train(name)
    broken = build(name)
    kept = []
    for step in broken.train(CORPUS):
        kept.append(step)
        if step.epoch == 2 and step.ends_epoch:
            state, random = broken.state_dict(), torch.get_rng_state()
            break
    resumed = build(name, seed=9)
    resumed.load_state_dict(state)
    torch.set_rng_state(random)
    kept += resumed.train(CORPUS)
    assert kept == steps
    assert np.array_equal(resumed.encode(texts_of()), whole.encode(texts_of()))
    assert len(steps) == whole.count_steps(CORPUS) == 30
    assert [step.step for step in steps if step.ends_epoch] == [10, 20, 30]
    assert all((step.validation is not None) == step.ends_epoch for step in steps)


def test_the_trainer_keeps_the_epoch_that_finds_the_most(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = build("autoencoder", learning_rate=0.01)
    key = checkpoint_key(model, CORPUS, 1, [])
    training = fit(model, CORPUS, "document_autoencoder", key)
    validated = [step.validation for step in training.steps if step.ends_epoch]
    assert training.best_validation == min(validated)
    # The model is left as it was then; one nearest training text a validation text.
    sides = [(model.encode(texts_of(name)), getattr(CORPUS, name).labels) for name in SPLITS[:2]]
    precision = measure_precision(*sides[0], *sides[1], [0.0002])
    assert training.best_validation == 1 - precision.mean()


@each_network
def test_without_labels_it_is_validated_by_its_energy(name):
    corpus = make_corpus(labelled=False)
    model, steps = train(name, corpus)
    texts = corpus.texts(corpus.validation)
    bags = (model.bags.count(texts).toarray() > 0).astype(np.float32)
    with torch.no_grad():
        made = model.autoencoder.decoder(model.autoencoder.encode(torch.from_numpy(bags)))
    energy = ((made.numpy() - bags) ** 2).sum(1).mean()
    assert steps[-1].validation == pytest.approx(energy, rel=1e-5)


@each_network
def test_texts_without_a_known_word_are_counted_and_not_learnt(name, monkeypatch):
    corpus = make_corpus()
    # Two words alone are known; of 48 training texts some have neither.
    model = build(name, corpus, vocabulary=2)
    empty = (~model.knows(corpus.texts(corpus.train))).sum()
    assert model.describe()["empty_texts"] == empty
    assert 0 < empty < len(corpus.train)
    seen = []
    monkeypatch.setattr(model, "update", lambda real: seen.append(real) or {"real": 0.0})
    [*model.train(corpus)]
    assert all(real.any(1).all() for real in seen)


def test_an_autoencoder_of_empty_bags_is_refused():
    tokens = np.zeros_like(CORPUS.train.tokens)[:0]
    offsets = np.zeros_like(CORPUS.train.offsets)
    corpus = replace(CORPUS, train=replace(CORPUS.train, tokens=tokens, offsets=offsets))
    with pytest.raises(UserError, match="0 training texts have a word of the vocabulary"):
        build("autoencoder", corpus)


def test_the_margin_is_a_twentieth_of_the_vocabulary():
    # The published 100 of 2,000 words; here 19 words, so 0.95.
    assert build("adversarial").margin == pytest.approx(0.05 * 19)
    assert build("adversarial", vocabulary=10, margin=0.5).margin == pytest.approx(5)


def test_the_mask_keeps_what_it_should():
    model = build("autoencoder", kept=0.6)
    # One row a batch, the same for all texts; 200 rows of 19 words: 0.6 ± 0.032 (4 deviations).
    rows = torch.cat([model.draw_mask(64) for _ in range(200)])
    assert rows.shape == (200, 19)
    assert set(rows.unique().tolist()) == {0.0, 1.0}
    assert rows.mean().item() == pytest.approx(0.6, abs=0.032)
    model = build("autoencoder", kept=0.6, mask="text", rescaled=True)
    rows = model.draw_mask(200)
    assert rows.shape == (200, 19)
    # What is kept is as large as what was there, on average.
    assert rows.max().item() == pytest.approx(1 / 0.6)
    assert rows.mean().item() == pytest.approx(1, abs=0.054)


@pytest.mark.parametrize("inputs", ["binary", "tfidf"])
def test_both_kinds_of_inputs_are_of_the_same_size(inputs):
    model, steps = train("adversarial", inputs=inputs)
    rows = model._read(texts_of("train")).toarray()
    distinct = np.array([len({*text.split()}) for text in texts_of("train")])
    assert (rows**2).sum(1).mean() == pytest.approx(distinct.mean(), rel=1e-5)
    if inputs == "binary":
        assert rows.sum(1).tolist() == distinct.tolist()
    else:
        made = model.make(torch.randn(7, model.settings.noise_size))
        assert made.square().sum(1).sqrt().tolist() == pytest.approx([model.length] * 7, rel=1e-5)
    assert {*steps[0].losses} == {"real", "fake"}


# The stages


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def prepare(corpus, models):
        corpus.save("data/corpus")
        with Path("params.yaml").open("wb") as file:
            YAML().dump(PARAMS | {"document_models": models}, file)
        for name in models:
            train_document_model.main(name)
        evaluate_documents.main()
        values = json.loads(Path("metrics/evaluate_documents.json").read_text())
        return values["evaluate_documents"]

    return prepare


def test_the_stages_train_and_compare_encoders(folder):
    values = folder(CORPUS, ["tfidf", "lsa", "adversarial"])
    assert values["texts"] == {"queries": 16, "candidates": 64, "chance": 0.5}
    assert [*values] == ["texts", "tfidf", "lsa", "adversarial"]
    assert values["lsa"]["width"] == 8
    assert values["lsa"]["precision_at_0.2"] > 0.9
    header, *rows = Path("plots/documents.csv").read_text().splitlines()
    assert header == "source,measure,value,low,high"
    assert len(rows) == 3 * 7
    curve = Path("plots/train_document_model/adversarial.csv").read_text().splitlines()
    assert curve[0] == "step,epoch,real,fake,validation"
    assert len(curve) == 31
    trained = json.loads(Path("metrics/train_document_model/adversarial.json").read_text())
    assert trained["train_document_model"]["adversarial"]["steps"] == 30
    assert not [*Path(".checkpoints").glob("*")]
    picture = Path("plots/documents.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    evaluate_documents.main()
    assert Path("plots/documents.png").read_bytes() == picture


def test_an_encoder_of_another_corpus_is_refused(folder):
    folder(CORPUS, ["tfidf"])
    make_corpus(60).save("data/corpus")
    with pytest.raises(UserError, match=r"tfidf was made from the corpus .*: run `dvc repro`"):
        evaluate_documents.main()


def test_texts_without_labels_are_drawn_and_not_searched(folder):
    values = folder(make_corpus(labelled=False), ["tfidf", "autoencoder"])
    assert values["texts"] == {"queries": 16, "candidates": 64}
    assert values["tfidf"] == {"width": 19, "empty_queries": 0}
    assert Path("plots/documents.csv").read_text() == "source,measure,value,low,high\n"
    assert Path("plots/documents.png").exists()


def test_queries_without_a_known_word_are_counted(folder, monkeypatch):
    settings = PARAMS["documents"] | {"tfidf": {"vocabulary": 1}}
    monkeypatch.setitem(PARAMS, "documents", settings)
    values = folder(CORPUS, ["tfidf"])
    model = Tfidf.load(Path("data/documents/tfidf"), "cpu")
    assert values["tfidf"]["empty_queries"] == (~model.encode(texts_of()).any(1)).sum() > 0


def test_lsa_of_few_texts_has_fewer_directions(tmp_path):
    model, _ = train("lsa", width=500)
    assert model.encode(["cat"]).shape == (1, min(len(CORPUS.train), 19))
    model.save(tmp_path / "model")
    assert Lsa.load(tmp_path / "model", "cpu").describe()["width"] == 19
