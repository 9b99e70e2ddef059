"""One contract, every generator: those that are always there, those of the list, and both GANs."""

import gc
import json
import math
import re
import shutil
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML

from stages.corpus.building import build_corpus
from stages.corpus.corpus import UNKNOWN
from stages.corpus.errors import UserError
from stages.embeddings.scalar import ScalarEmbedding
from stages.generators.chosen import with_choice
from stages.generators.per_label import PerLabel, label_shares
from stages.generators.protocol import find_generator, load_generator
from stages.pipeline.checkpoint import load_checkpoint, save_checkpoint
from stages.pipeline.files import write_lines
from stages.pipeline.trainer import fit
from stages.pipeline.whole_file import list_generators
from tests.tampering import JSON, TENSORS, array_is, is_refused, put, said
from tests.tiny_gpt2 import make_gpt2

LENGTH = 6  # words at which texts are cropped
PARAMS = YAML(typ="safe").load(Path(__file__).with_name("params.yaml"))
ROOT_PARAMS = YAML(typ="safe").load(Path(__file__).parents[1] / "params.yaml")

# Label 0 speaks of the day, label 1 of the night; the two share "is" and "good".
DAY = [
    "the sun is warm",
    "the sun is good",
    "a day is long",
    "a day is good and warm and so bright",
]
NIGHT = ["my moon is cold", "my moon is good", "one night is dark", "one night is good"]
TEXTS = [text.split() for text in 10 * DAY + 10 * NIGHT]
LABELS = [0] * (10 * len(DAY)) + [1] * (10 * len(NIGHT))

NETWORK = {"num_layers": 1, "dropout": 0.1, "batch_size": 20, "learning_rate": 0.01, "epochs": 3}
TINY = {
    "language_model": {
        "width": 5,
        "hidden_size": 6,
        "patience": 1,
        **NETWORK,
        "learning_rate": 0.1,
    },
    "lstm_vae": {
        **{"width": 8, "hidden_size": 8, "code_size": 2, "patience": 1, **NETWORK},
        **{"word_dropout": 0.2, "kl_weight": 1.0, "annealing": 2, "epochs": 6},
        "learning_rate": 0.05,
    },
    "hybrid_vae": {
        **{"width": 8, "hidden_size": 8, "code_size": 2, "patience": 1, "rarest": 1, **NETWORK},
        **{"convolutions": 3, "channels": 8, "features": 6, "max_characters": 40, "delay": 1},
        **{"auxiliary_weight": 0.2, "kl_weight": 1.0, "annealing": 1, "epochs": 8},
        "learning_rate": 0.03,
    },
    "transformer": {
        **{"model": None, "width": 8, "hidden_size": 6, "num_heads": 2, "patience": 1, **NETWORK},
        "learning_rate": 0.05,
    },
    "pretrained_transformer": {
        **{"model": "a folder, made below", "dropout": 0.1, "batch_size": 20, "patience": 1},
        **{"learning_rate": 0.02, "epochs": 3},
    },
    "paper_gan": {"hidden_size": 4, "noise": "normal", **NETWORK},
    "modern_gan": {
        "generator": "language_model",
        **{"hidden_size": 4, "method": "policy_gradient", "objective": "cross_entropy"},
        **{"fakes": ["markov"], "discount": 0.5, "likelihood_weight": 1.0, "warm_up": 1},
        **{"generator_learning_rate": 0.01, "token_dropout": 0.1, "divergence_weight": 0.1},
        **{"ngrams": True},
        **NETWORK,
    },
    "conditional_gan": {
        **{"width": 5, "hidden_size": 6, "num_layers": 1, "dropout": 0.1, "patience": 1},
        **{"batch_size": 20, "learning_rate": 0.1, "warm_up": 3, "discriminator_size": 4},
        **{"discriminator_dropout": 0.1, "discriminator_learning_rate": 0.01},
        **{"discriminator_warm_up": 2, "token_dropout": 0.1, "wrong_labels": True},
        "discriminator_batch_size": 5,
        **{"ngrams": True, "guidance": 1.0},
    },
    "character_lstm": {
        **{"width": 5, "patience": 1, "rarest": 2},
        **NETWORK,
        **{"hidden_size": 6, "batch_size": 4, "learning_rate": 0.3},
    },
    "relgan": {
        **{"width": 5, "num_slots": 1, "num_heads": 2, "head_size": 3, "batch_size": 20},
        **{"learning_rate": 0.1, "patience": 1, "warm_up": 6, "method": "adversarial"},
        **{"adversarial_epochs": 2, "updates": 2, "discriminator_steps": 2, "beta_max": 2.0},
        **{"adversarial_learning_rate": 0.01, "discriminator_learning_rate": 0.01},
        **{"beta_steps": 4, "representations": 2, "representation_width": 2, "filters": 3},
        **{"filter_widths": [2, 8], "hidden_size": 4, "dropout": 0.1},
    },
    "seqgan": {
        **{"width": 5, "hidden_size": 6, "warm_up": 3, "patience": 1, "keep": "best", **NETWORK},
        **{"learning_rate": 0.1, "discriminator_width": 4, "widths": [1, 3], "filters": [3, 4]},
        **{"discriminator_dropout": 0.1, "discriminator_penalty": 0.2, "rollouts": 2},
        **{"discriminator_learning_rate": 0.01, "discriminator_texts": 20},
        **{"discriminator_epochs": 1, "discriminator_rounds": 1, "discriminator_warm_up": 2},
        **{"adversarial_epochs": 2, "adversarial_learning_rate": 0.01, "generator_steps": 2},
        "method": "policy_gradient",
    },
    "bert_gibbs": {
        **{"model": "MiniLM", "num_layers": 1, "trained_layers": 1, "masking": "any"},
        **{"batch_size": 10, "learning_rate": 0.003, "epochs": 2, "sweeps": 1, "at_once": 2},
    },
}
PRETRAINED = ["pretrained_transformer"]  # know more than the corpus
del TINY["seqgan"]["epochs"]  # it has phases
TINY["sentigan"] = {**TINY["seqgan"], "warm_up": 12, "batch_size": 5}
TINY["leakgan"] = {
    **{**TINY["seqgan"], "goal_size": 3, "horizon": 2, "cycle": 2, "sharpening": 1.0},
    "discriminator_warm_up": 1,
}
NAMES = ["markov", "language_model", "paper_gan", "modern_gan", *list_generators(), *PRETRAINED]
# Write characters or pieces of words, so that their words may be new.
SPELLERS = ["character_lstm", "hybrid_vae", "bert_gibbs", *PRETRAINED]
DRAW_MORE = ["bert_gibbs"]  # than pieces: how many a text has, and in which order


# What each generator learns from: all 17 words, or 12 without and, so, bright, dark and cold.
MOST_WORDS = {"all words": None, "12 words": 12}


@pytest.fixture(scope="module", params=MOST_WORDS)
def corpus(request):
    corpus = build_corpus(TEXTS, LABELS, 0.2, 0.2, seed=1, most_words=MOST_WORDS[request.param])
    return replace(corpus, max_length=LENGTH)


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """Give the folder of a model that spells with the corpus' characters."""
    return make_gpt2(tmp_path_factory.mktemp("gpt2"), [*DAY, *NIGHT], std=0.3)


def settings_of(name, model=None):
    """Return small settings of a generator; those of a listed one are its section's."""
    section = TINY.get(name) or PARAMS.get(name) or ROOT_PARAMS[name]
    if name in PRETRAINED:
        section = {**section, "model": str(model)}
    return find_generator(name).Settings(**section)


@pytest.fixture(scope="module")
def make(corpus, pretrained, tmp_path_factory):
    """Give the function from a name, and a part of the corpus, to an untrained generator."""
    start = tmp_path_factory.mktemp("start")
    torch.manual_seed(0)
    for name in ("markov", "language_model"):
        built = find_generator(name).build(corpus, settings_of(name), seed=1, device="cpu")
        for _ in built.train(corpus):
            pass
        # As start_gan writes them; those beyond the training texts are not learnt from.
        fakes = built.generate(len(corpus.train) + len(corpus.validation), 2)
        write_lines(start / f"{name}.txt", [text for batch in fakes for text in batch])
        if name == "language_model":
            built.save(start / name)

    def build(name, part=corpus):
        torch.manual_seed(1)
        extra = {}
        if name in GANS:
            extra = {"embedding": ScalarEmbedding(corpus.known_words), "start": start}
        kind = find_generator(name)
        settings = settings_of(name, pretrained)
        return kind.build(part, settings, seed=1, device="cpu", **extra)

    return build


@pytest.fixture(scope="module", autouse=True)
def _few_texts_judge_an_epoch():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stages.generators.modern_gan_training.CHECKED", 50)
        yield


@pytest.fixture(scope="module", params=NAMES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def trained(name, make, corpus, tmp_path_factory):
    """Give a trained generator, its steps, and the folder it was saved to."""
    generator = make(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("run"))
        training = fit(generator, corpus, name, "key")
    folder = tmp_path_factory.mktemp("saved") / name
    generator.save(folder)
    return generator, training, folder


def write(generator, count=40, seed=1, **options):
    return [text for batch in generator.generate(count, seed, **options) for text in batch]


def test_training_yields_numbered_steps_and_ends_its_epochs(trained, corpus):
    generator, training, _ = trained
    steps = training.steps
    assert [step.step for step in steps] == [*range(1, len(steps) + 1)]
    assert len(steps) <= generator.count_steps(corpus)
    assert generator.stops_early or len(steps) == generator.count_steps(corpus)
    assert steps[-1].ends_epoch
    assert len({tuple(step.losses) for step in steps}) == 1
    assert all(math.isfinite(loss) for step in steps for loss in step.losses.values())
    validated = [step.validation for step in steps if step.validation is not None]
    assert validated == [] or training.best_validation == min(validated)
    assert all(math.isfinite(value) for value in generator.describe().values())


def test_no_number_hides_another_of_the_same_name(trained):
    generator, training, _ = trained
    assert not generator.describe().keys() & training.summary().keys()


def test_same_seed_same_texts(trained):
    generator, _, _ = trained
    texts = write(generator)
    assert len(texts) == 40
    assert write(generator) == texts
    # A collapsed generator may write one text whatever the seed: the paper's does.
    assert len(set(texts)) == 1 or write(generator, seed=2) != texts


def test_saved_is_loaded(trained, tmp_path):
    generator, _, folder = trained
    loaded = load_generator(folder, "cpu")
    assert type(loaded) is type(generator)
    assert write(loaded) == write(generator)
    loaded.save(tmp_path / "again")
    for path in folder.rglob("*.*"):
        assert (tmp_path / "again" / path.relative_to(folder)).read_bytes() == path.read_bytes()


def test_who_only_writes_has_no_optimizer(trained):
    _, _, folder = trained
    before = count_optimizers()
    loaded = load_generator(folder, "cpu")
    assert write(loaded, 2)
    assert count_optimizers() == before


def count_optimizers():
    gc.collect()
    return sum(issubclass(type(each), torch.optim.Optimizer) for each in gc.get_objects())


def test_it_says_what_made_it(trained, corpus):
    generator, _, folder = trained
    assert generator.fingerprint == corpus.fingerprint
    assert load_generator(folder, "cpu").fingerprint == corpus.fingerprint
    about = json.loads((folder / "about.json").read_text("utf-8"))
    assert (about["format"], about["corpus"]) == (1, corpus.fingerprint)
    assert about["settings"] == generator.settings.model_dump()
    # The same on any machine: nothing of the processor, such as +cpu.
    assert {*about["versions"]} == {"numpy", "scipy", "torch"}
    assert all(re.fullmatch(r"[\d.]+", version) for version in about["versions"].values())


ANY, MODELS = [*NAMES], [name for name in NAMES if name not in ("paper_gan", *SPELLERS)]
NETWORKS = [
    "language_model",
    "lstm_vae",
    "transformer",
    "paper_gan",
    "modern_gan",
    "character_lstm",
    "hybrid_vae",
    "conditional_gan",
    "seqgan",
    "sentigan",
    "leakgan",
]
GANS = ["paper_gan", "modern_gan"]
NO_NAMES = ["../markov", "a/b", "..", ".", "", "os.path", "stages.check", "Markov", "m\u00e4rkov"]
NO_ROOMS = {"nowhere": "found none", "protocol": "found none", "folder": "Folder", "chosen": "Chos"}
# Which generators, which file, what is done to it, and what the message says.
DAMAGES = {
    **{f"about: {key}": (ANY, "about.json", *case) for key, case in JSON.items()},
    **{
        f"about without {key}": (ANY, "about.json", said(key), f"{key}: Field required")
        for key in ("generator", "versions", "corpus", "settings", "max_length")
    },
    **{
        f"generator {found!r}": (
            ANY,
            "about.json",
            said("generator", value=found),
            "expected the name of a module in stages/generators",
        )
        for found in NO_NAMES
    },
    **{
        f"generator {found}": (ANY, "about.json", said("generator", value=found), f"{match}")
        for found, match in NO_ROOMS.items()
    },
    "generator 1": (ANY, "about.json", said("generator", value=1), "valid string, found 1"),
    "generator per_label": (
        *(ANY, "about.json", said("generator", value="per_label")),
        "shares: Field required",
    ),
    **{
        f"{key} is {value!r}": (ANY, "about.json", said(key, value=value), f"{key}.*: .*found ")
        for key, values in {
            "corpus": ("../x", "", 5, "0123456789ABCDEF"),
            "versions": ([], {"torch": 2}),
            "max_length": (0, -1, 10**9, 10**400, 5.0, "5", True, None, [5]),
            "settings": ([], None, 1),
        }.items()
        for value in values
    },
    "an unknown setting": (
        *(ANY, "about.json", said("settings", value=lambda old: {**old, "more": 1})),
        "settings.more: Extra inputs",
    ),
    "no settings": (ANY, "about.json", said("settings", value={}), r"settings\..*Field required"),
    **{
        f"words: {key}": (MODELS, "about.json", said("words", value=change), f"words.*{match}")
        for key, (change, match) in {
            "a text": ("the sun", "valid list"),
            "none": ([], "at least"),
            "a number": (lambda words: [*words[:-1], 1], "valid string"),
            "two words in one": (lambda words: [*words[:-1], "a b"], "white space"),
            "a line feed": (lambda words: [*words[:-1], "a\n"], "white space"),
            "an empty one": (lambda words: [*words[:-1], ""], "white space"),
            "one twice": (lambda words: [*words[:-1], words[-2]], "distinct"),
        }.items()
    },
    **{
        f"words: {key}": (MODELS, "about.json", said("words", value=change), "of the shape")
        for key, change in {
            "one fewer": lambda words: words[:-1],
            "one more": lambda words: [*words, "more"],
        }.items()
    },
    "words: an unknown one among them": (
        [
            "language_model",
            "lstm_vae",
            "transformer",
            "modern_gan",
            "conditional_gan",
            "relgan",
            "seqgan",
            "leakgan",
        ],
        "about.json",
        said("words", value=lambda words: [*words[:-1], UNKNOWN]),
        "expected <unk> before all other words",
    ),
    "words: an unknown one alone": (
        [
            "language_model",
            "lstm_vae",
            "transformer",
            "modern_gan",
            "conditional_gan",
            "relgan",
            "seqgan",
            "leakgan",
        ],
        "about.json",
        said("words", value=["", UNKNOWN]),
        "expected <unk> before all other words",
    ),
    "words: none but an unknown one": (
        *(["hmm"], "about.json", said("words", value=[UNKNOWN])),
        "expected one beside <unk>",
    ),
    **{f"weights: {key}": (ANY, "weights.safetensors", *case) for key, case in TENSORS.items()},
    **{
        f"weights: {value}": (
            *([*NETWORKS, "bert_gibbs", "relgan", *PRETRAINED], "weights.safetensors"),
            *(array_is(None, put(..., value)), "finite"),
        )
        for value in (math.nan, math.inf, -math.inf)
    },
    **{
        f"{key} is {value!r}": (NETWORKS, "about.json", said("settings", key, value=value), match)
        for key, value, match in (
            ("hidden_size", 7, "of the shape"),
            ("hidden_size", 10**6, "of the shape"),
            ("hidden_size", 10**9, "hidden_size: .*found 10"),
            ("num_layers", 2, "is missing"),
            ("num_layers", 10**9, "too few for a num_layers of 1000000000"),
            ("dropout", 1.0, "dropout: "),
            ("learning_rate", math.nan, "learning_rate: "),
        )
    },
    "absurd together": (
        ["paper_gan"],
        "about.json",
        lambda path: [
            said(*keys, value=10**6)(path)
            for keys in (["settings", "hidden_size"], ["max_length"], ["width"])
        ],
        "cannot be made",
    ),
    **{
        f"embedding {value!r}": (GANS, "about.json", said("embedding", value=value), match)
        for value, match in {
            "../scalar": "embedding: Input should be 'scalar', 'word2vec' or 'bert'",
            "os": "embedding: Input should be",
            "word2vec": "embedding: Input should be 'word2vec', found 'scalar'",
        }.items()
    },
    **{
        f"a dropout of {key} that is null": (
            *([name], "about.json", said(key, "dropout", value=None)),
            f"{key}: .*dropout that it learnt with, found null",
        )
        for name, key in (
            ("language_model", "settings"),
            ("lstm_vae", "settings"),
            ("transformer", "settings"),
            ("modern_gan", "writer"),
            ("conditional_gan", "settings"),
        )
    },
    "another code_size": (
        *(["lstm_vae"], "about.json", said("settings", "code_size", value=3), "of the shape"),
    ),
    "another width": (GANS, "about.json", said("width", value=2), "of the shape"),
    "an embedding of another corpus": (
        *(GANS, "embedding/about.json", said("corpus", value="0" * 16)),
        "made from the corpus 0000000000000000, but .* from [0-9a-f]{16}",
    ),
    **{
        f"{name} is {key}": (["markov"], "weights.safetensors", array_is(name, change), match)
        for name, key, change, match in (
            ("starts", "negative", put(1, -1), "starts: "),
            ("starts", "nothing", put(..., 0), "starts: "),
            ("starts", "an end", put(0, 1), "starts: "),
            ("starts", "too many", put(..., 2**60), "starts: "),
            ("keys_1", "falling", lambda keys: keys[::-1], "keys_1: expected rising"),
            ("keys_1", "negative", put(0, -1), "keys_1: "),
            ("keys_1", "an end", put(0, 0), "keys_1: "),
            ("keys_1", "too large", put(-1, 2**62), "keys_1: "),
            ("indptr_1", "beyond", put(-1, 10**6), "indptr_1: "),
            ("indptr_1", "falling", put(1, 0), "indptr_1: "),
            ("indptr_1", "shorter", lambda ends: ends[:-1], "indptr_1: "),
            ("indices_1", "beyond", put(-1, 10**6), "indices_1: "),
            ("indices_1", "negative", put(0, -1), "indices_1: "),
            ("data_1", "zero", put(0, 0), "data_1: "),
            ("data_1", "negative", put(0, -5), "data_1: "),
            ("data_1", "too many", put(..., 2**61), "data_1: "),
            ("data_1", "shorter", lambda data: data[:-1], "of the shape"),
            ("data_1", "no whole numbers", lambda data: data / 2, "expected int64"),
        )
    },
    "an order of 2": (["markov"], "about.json", said("settings", "order", value=2), "is missing"),
    "an order of 11": (["markov"], "about.json", said("settings", "order", value=11), "order: "),
    **{
        f"{name} is {key}": (["hmm"], "weights.safetensors", array_is(name, change), match)
        for name in ("start", "transition", "end", "emission")
        for key, change, match in (
            ("negative", put((0,), -1.0), "probabilities"),
            ("more than 1", put((0,), 2.0), "probabilities"),
            ("no number", put((0,), math.nan), "finite"),
            ("endless", put((0,), math.inf), "finite"),
            ("of less precision", lambda table: table.astype(np.float32), "expected float64"),
        )
    },
    "another number of states": (
        *(["hmm"], "about.json", said("settings", "states", value=2000), "of the shape"),
    ),
    "10**9 states": (["hmm"], "about.json", said("settings", "states", value=10**9), "states: "),
}
CASES = [
    pytest.param(name, *case, id=f"{name}-{key}")
    for key, (names, *case) in DAMAGES.items()
    for name in names
    if name in NAMES
]


@pytest.mark.parametrize("corpus", ["all words"], indirect=True)
@pytest.mark.parametrize(("name", "file", "damage", "match"), CASES, indirect=["name"])
def test_a_folder_that_was_tampered_with_is_refused(trained, tmp_path, file, damage, match):
    folder = tmp_path / "tampered"
    shutil.copytree(trained[2], folder)
    damage(folder / file)
    is_refused(lambda: load_generator(folder, "cpu"), f"^{re.escape(str(folder))}.*{match}")


WAYS = [{}, {"temperature": 3.0}, {"temperature": 0.5, "top_p": 0.9}, {"top_p": 0.5}]


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_texts_are_words_of_the_corpus_cropped(trained, name, corpus, options):
    generator, known = trained[0], set(corpus.known_words)
    if options and not generator.tempered:
        pytest.skip("it takes no temperature")
    for text in write(generator, 1000, **options):
        words = text.split(" ") if text else []
        assert len(words) <= LENGTH
        # No marker of an end, of padding or of an unknown word, and no empty word.
        assert set(words) <= known or name in SPELLERS
        assert "" not in words
        assert {*"".join(words)} <= {*"".join(corpus.words)}


def test_probabilities_of_all_texts_sum_to_one(trained, name, corpus, monkeypatch):
    generator = trained[0]
    if generator.likelihood != "exact" or name in SPELLERS:
        pytest.skip("it has no exact likelihood, or a test of its own")
    monkeypatch.setattr(getattr(generator, "writer", generator), "max_length", 2)
    words = corpus.known_words
    texts = [*words, *map(" ".join, product(words, repeat=2))]
    assert np.exp(generator.log_likelihood(texts)).sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("corpus", ["12 words"], indirect=True)
@pytest.mark.parametrize("word", ["dark", UNKNOWN])
def test_a_word_that_was_left_out_is_impossible(trained, name, corpus, word):
    if name in SPELLERS:
        pytest.skip("it reads all words, and may write any")
    generator = trained[0]
    assert corpus.has_unknown
    assert word not in corpus.known_words
    if generator.likelihood != "none":
        texts = [word, f"{word} is good", f"a day is {word}"]
        assert generator.log_likelihood(texts).tolist() == [-np.inf] * 3
    if generator.prefixed:
        with pytest.raises(UserError, match=f"^prefix: .* the word '{word}'"):
            write(generator, prefix=f"a {word}")
    assert generator.describe().get("words", 12) == 12


@pytest.mark.parametrize("corpus", ["all words"], indirect=True)
def test_a_vocabulary_that_leaves_out_no_word_changes_nothing(name, make, corpus, tmp_path):
    same = build_corpus(TEXTS, LABELS, 0.2, 0.2, seed=1, most_words=17)
    for place, part in enumerate((corpus, replace(same, max_length=LENGTH))):
        generator = make(name, part)
        for _ in generator.train(part):
            pass
        generator.save(tmp_path / str(place))
    for path in (tmp_path / "0").rglob("*.*"):
        assert (tmp_path / "1" / path.relative_to(tmp_path / "0")).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("corpus", ["all words"], indirect=True)
def test_texts_without_a_known_word_are_refused(name, make, corpus):
    if name in GANS or name in SPELLERS or find_generator(name).conditional:
        pytest.skip("it starts from a language model, reads all words, or takes no single label")
    # The vocabulary is a word of the day: the night's texts have none of it.
    texts = [["sun"]] * 40 + [[word] for word in "abcdefghijklmnopqrst"]
    corpus = build_corpus(texts, [0] * 40 + [1] * 20, 0.1, 0.1, seed=1, most_words=1)
    with pytest.raises(UserError, match=r"^the corpus: no text .* the 1 words .*vocabulary"):
        make(name, replace(corpus, max_length=LENGTH).of_label(1))


class Killed(Exception):
    pass


def test_resumed_is_unbroken(trained, name, make, corpus, tmp_path):
    _whole, training, _ = trained
    ends = [place for place, step in enumerate(training.steps) if step.ends_epoch]
    if len(ends) == 1:
        pytest.skip("its training is one epoch")
    broken, steps = make(name), []
    for step in broken.train(corpus):
        steps.append(step)
        if step.ends_epoch:
            break
    # Through a file, as the trainer does, into a generator of another process.
    save_checkpoint(tmp_path / "state", [broken.state_dict(), torch.get_rng_state()])
    state, random = load_checkpoint(tmp_path / "state")
    resumed = make(name)
    resumed.load_state_dict(state)
    torch.set_rng_state(random)
    steps += resumed.train(corpus)
    assert steps == training.steps
    unbroken = make(name)
    for _ in unbroken.train(corpus):
        pass
    weights = [each.state_dict()["weights"] for each in (resumed, unbroken)]
    assert weights[0].keys() == weights[1].keys()
    for key in weights[0]:
        assert np.array_equal(np.asarray(weights[0][key]), np.asarray(weights[1][key]))


def test_likelihoods_are_those_of_probabilities(trained):
    generator, _, _ = trained
    if generator.likelihood == "none":
        with pytest.raises(UserError, match="no likelihood"):
            generator.log_likelihood(["the sun is warm"])
        return
    # Few words, cropped at LENGTH: what was drawn often must be as likely as it was often.
    texts = write(generator, 4000, seed=3)
    common = max(set(texts), key=texts.count)
    share = texts.count(common) / len(texts)
    probability = math.exp(generator.log_likelihood([common])[0])
    if generator.likelihood == "exact":
        # Five standard errors of a share of 4,000 draws.
        error = 5 * math.sqrt(probability * (1 - probability) / len(texts))
        assert share == pytest.approx(probability, abs=error)
    values = generator.log_likelihood([*texts[:50], "the unheard sun?"])
    assert values.dtype == np.float64
    assert (values <= 0).all()
    assert values[-1] == -np.inf
    assert np.isfinite(values[:-1]).all()


def test_a_beginning_is_continued(trained):
    generator, _, _ = trained
    if not generator.prefixed:
        with pytest.raises(UserError, match="cannot continue"):
            write(generator, prefix="the sun")
        return
    texts = write(generator, prefix="the sun")
    assert all(f"{text} ".startswith("the sun ") for text in texts)
    with pytest.raises(UserError, match=r"^prefix: "):
        write(generator, prefix="unheard?")


def test_a_temperature_makes_texts_tamer(trained, name):
    generator, _, _ = trained
    if not generator.tempered:
        with pytest.raises(UserError, match="temperature"):
            write(generator, temperature=0.5)
        return
    tame, plain = (write(generator, 200, temperature=value) for value in (0.1, 1.0))
    # Each text of a code of its own differs from all others, spelt as it may be.
    kinds = "".join if generator.latent and name in SPELLERS else list
    assert len({*kinds(tame)}) < len({*kinds(plain)})
    if not generator.latent and name not in DRAW_MORE:  # a latent one draws codes besides
        options = {"labels": ["1"] * 200} if generator.conditional else {}
        options["top_p"] = 0.01
        assert write(generator, 200, **options) == write(generator, 200, seed=9, **options)


def test_a_code_of_a_text_becomes_a_text(trained, name, corpus):
    generator, _, _ = trained
    assert generator.latent == hasattr(generator, "encode")
    if not generator.latent:
        pytest.skip("its texts have no codes")
    codes = generator.encode(["the sun is", "my moon is good"])
    assert codes.dtype == np.float32
    assert codes.ndim == len(codes) == 2
    (texts,) = generator.decode(codes, 1)
    assert texts == next(generator.decode(codes, 1))
    written = {word for text in texts for word in text.split()}
    assert written <= {*corpus.known_words} or name in SPELLERS
    (tame,) = generator.decode(codes, 1, top_p=1e-9)
    assert [tame] == [*generator.decode(codes, 2, top_p=1e-9)]
    with pytest.raises(UserError, match="'9'"):
        generator.encode(["the sun", "the 9 sun"])


def test_labels_are_taken_where_they_were_learnt(trained):
    generator, _, _ = trained
    if not generator.conditional:
        with pytest.raises(UserError, match="labels"):
            write(generator, 2, labels=["0", "1"])
        return
    assert generator.labels == ["0", "1"]
    labels = generator.draw_labels(40, 1)
    assert labels == generator.draw_labels(40, 1)
    assert {*labels} == {"0", "1"}
    assert write(generator) == write(generator, labels=labels)
    assert write(generator, labels=["0"] * 40) != write(generator, labels=["1"] * 40)
    assert write(generator, 0, labels=[]) == []
    with pytest.raises(UserError, match=r"^label 2: none was learnt; expected one of 0, 1$"):
        write(generator, 2, labels=["0", "2"])


@pytest.mark.parametrize("label_names", [("0", "1"), ()], ids=["one label", "no labels"])
def test_who_takes_labels_refuses_a_corpus_of_fewer_than_two(name, make, corpus, label_names):
    if not find_generator(name).conditional:
        pytest.skip("it takes no labels")
    one = replace(corpus.of_label(1), label_names=label_names)
    if not label_names:
        splits = {
            split: replace(getattr(one, split), labels=getattr(one, split).labels * 0 - 1)
            for split in ("train", "validation", "test")
        }
        one = replace(one, **splits)
    told = "one label, 1;" if label_names else "no labels;"
    with pytest.raises(UserError, match=f"^the corpus: its texts have {told} .*two or more"):
        make(name, one)


def test_one_generator_a_label_writes_text_of_the_label(name, make, corpus, tmp_path):
    if find_generator(name).conditional:
        pytest.skip("it takes labels by itself")
    parts = {}
    for place in corpus.labels:
        part, label = corpus.of_label(place), corpus.label_names[place]
        # GANs start from a language model of their own label in the pipeline, not here.
        if name in GANS:
            pytest.skip("tested with the stages start_gan and train_gan")
        parts[label] = make(name, part)
        for _ in parts[label].train(part):
            pass
    both = PerLabel(parts, label_shares(corpus))
    labels = [*"100110"] * 5
    texts = write(both, len(labels), labels=labels)
    night = {word for text in NIGHT for word in text.split()}
    day = {word for text in DAY for word in text.split()}
    for text, label in zip(texts, labels, strict=True):
        words = night if label == "1" else day
        if name in PRETRAINED:  # it has known the characters of both
            assert text
        elif name in SPELLERS:
            assert {*text} <= {*" ".join(words)}
        else:
            assert set(text.split()) <= words
    both.save(tmp_path / "both")
    assert write(load_generator(tmp_path / "both", "cpu"), len(labels), labels=labels) == texts


def test_a_discriminator_that_chooses_is_used(trained):
    generator, _, _ = trained
    chosen = with_choice(generator, 3)
    assert (chosen is generator) != generator.chooses
    if generator.chooses:
        assert len(write(chosen)) == 40
        assert write(chosen) == write(chosen)
        part = generator.parts["1"] if generator.conditional else generator
        odds = part.log_odds(write(generator, 5))
        assert odds.shape == (5,)


def test_a_module_without_its_class_is_told_in_one_line():
    with pytest.raises(UserError, match=r"folder\.py: expected a class Folder, found none"):
        find_generator("folder")
    with pytest.raises(UserError, match=r"nowhere\.py, found none"):
        find_generator("nowhere")


def test_a_language_model_without_validation_texts_keeps_its_last_epoch(make, corpus):
    split = corpus.validation
    empty = replace(
        split, tokens=split.tokens[:0], offsets=split.offsets[:1], labels=split.labels[:0]
    )
    steps = [*make("language_model").train(replace(corpus, validation=empty))]
    assert {step.validation for step in steps} == {None}
