"""The stage start_gan: what a GAN starts from, and whose fakes it learns to know."""

import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from ruamel.yaml import YAML

from stages import start_gan
from stages.corpus.building import build_corpus
from stages.corpus.corpus import load_corpus
from stages.corpus.errors import UserError
from stages.generators.hmm import Hmm, HmmSettings
from stages.generators.language_model import LanguageModel, LanguageModelSettings
from stages.generators.markov import Markov, MarkovSettings
from stages.generators.per_label import PerLabel, label_shares
from stages.generators.protocol import load_generator
from stages.generators.transformer import Transformer, TransformerSettings
from stages.pipeline.files import read_lines
from stages.start_gan import choices, main

PARAMS = Path(__file__).with_name("params.yaml")
LENGTH = 5
# Label 0 speaks of soup, label 1 of the moon.
SOUP = [["the", "soup"], ["soup", "was", "cold"], ["was", "the", "cold"]]
MOON = [["my", "moon"], ["moon", "is", "dark", "is", "my", "moon"]]
# Of 300 and 105 texts three in five are learnt from, one in five validates: 180 and 63, 60 and 21.
TEXTS, LABELS = 100 * SOUP + 50 * MOON + 5 * MOON[:1], [0] * 300 + [1] * 105
FAKES = {"markov": 243, "language_model": 243 + 81}
FAKES_OF_LABEL = {
    0: {"markov": 180, "language_model": 180 + 60},
    1: {"markov": 63, "language_model": 63 + 21},
}
FOLDER = Path("data/starts/modern")


def write_params(
    *, seed=1, per_label=False, generator=None, fakes=None, overrides=None, generators=()
):
    params = YAML(typ="safe").load(PARAMS)
    params |= {"seed": seed, "per_label": per_label}
    params["generators"] = [*generators]
    params["gan"] |= {"generator": generator, "fakes": fakes}
    for name, chosen in (overrides or {}).items():
        params["gan_overrides"][name] = chosen
    YAML().dump(params, Path("params.yaml"))


def make_generators(corpus):
    """The chain, and an untrained language model, of a corpus."""
    settings = MarkovSettings(order=1, start="empirical")
    chain = Markov.build(corpus, settings, seed=1, device="cpu")
    chain.fit(corpus.train)
    torch.manual_seed(0)
    shape = {"width": 8, "hidden_size": 8, "num_layers": 1, "dropout": 0.0}
    settings = LanguageModelSettings(
        **shape, batch_size=4, learning_rate=0.01, patience=1, epochs=1
    )
    model = LanguageModel.build(corpus, settings, seed=1, device="cpu")
    return {"markov": chain, "language_model": model}


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    """A corpus of 243 training texts, with both generators where the stage looks for them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(start_gan, "seed_everything", lambda seed, _: torch.manual_seed(seed))
    build_corpus(TEXTS, LABELS, 0.2, 0.2, seed=1).save("data/corpus")
    corpus = load_corpus("data/corpus", LENGTH)
    Path("data/generators").mkdir()
    for name, generator in make_generators(corpus).items():
        generator.save(Path("data/generators") / name)
    return corpus


def read_fakes(source, **params):
    """Run the stage; give one source's fakes."""
    write_params(**params)
    main("modern")
    return read_lines(FOLDER / f"{source}.txt")


def names_of(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.iterdir())


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("source", ["language_model", "markov"])
def test_as_many_fakes_as_training_texts_by_the_seed_and_the_models_unseen_ones(corpus, source):
    first, again, other = (read_fakes(source, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert (len(corpus.train), len(corpus.validation)) == (243, 81)
    assert len(first) == FAKES[source]
    assert all(1 <= len(text.split()) <= LENGTH for text in first)
    assert {word for text in first for word in text.split()} <= set(corpus.words)


def test_the_chain_s_fakes_follow_the_chain(corpus):
    follows = {pair for text in TEXTS for pair in pairwise(text)}
    fakes = read_fakes("markov")
    assert len({*fakes}) > 5
    for text in fakes:
        assert set(pairwise(text.split())) <= follows


@pytest.mark.parametrize("source", ["language_model", "markov"])
def test_the_fakes_are_none_of_the_sampled_texts(corpus, source):
    fakes = read_fakes(source)
    generator = load_generator(Path("data/generators") / source, "cpu")
    sampled = [text for batch in generator.generate(FAKES[source], 1) for text in batch]
    # Of the same random numbers all would be alike, in their order. The chain has few texts to
    # write, so that more of its are alike by chance.
    alike = sum(one == other for one, other in zip(sampled, fakes, strict=True))
    assert alike < FAKES[source] / 3


def test_the_folder_holds_the_language_model_and_the_fakes_alone(corpus):
    # And none of what else there is among the generators.
    (Path("data/generators") / "newcomer").mkdir()
    write_params()
    main("modern")
    chosen = ["language_model", "language_model.txt", "markov.txt", "recipe.txt"]
    assert names_of(FOLDER) == chosen
    assert read_lines(FOLDER / "recipe.txt") == ["modern"]
    assert contents(FOLDER / "language_model") == contents(Path("data/generators/language_model"))


@pytest.mark.parametrize(
    ("own", "overrides", "files"),
    [
        # The recipe's own is [markov]. The language model's texts are always there: before it
        # learns, it is the generator.
        (None, {}, ["language_model.txt", "markov.txt"]),
        ([], {}, ["language_model.txt"]),
        ([], {"bert": {"fakes": []}}, ["language_model.txt"]),
        (["language_model"], {"bert": {"fakes": ["markov"]}}, ["language_model.txt", "markov.txt"]),
    ],
)
def test_the_fakes_are_those_that_any_embedding_s_gan_learns_to_know(corpus, own, overrides, files):
    write_params(fakes=own, overrides=overrides)
    main("modern")
    assert [name for name in names_of(FOLDER) if name not in ("language_model", "recipe.txt")] == (
        files
    )


def test_what_gan_and_its_overrides_choose():
    def choose(own, **overrides):
        sections = {name: SimpleNamespace(**section) for name, section in overrides.items()}
        return choices("fakes", own, ["a"], SimpleNamespace(**sections))

    assert choose(None, scalar={}, bert={"hidden_size": 3}) == [["a"]]
    assert choose(["b"], scalar={}) == [["b"]]
    assert choose([], scalar={"fakes": ["c"]}, bert={"fakes": ["d"]}) == [[], ["c"], ["d"]]
    assert choose([], scalar={"fakes": ["c"]}, bert={"fakes": []}) == [[], ["c"], []]
    assert choose(None, scalar={"fakes": ["c"]}, bert={"fakes": None}) == [["a"], ["c"]]


def test_choosing_leaves_the_recipe_s_own_list_alone():
    recipe, overrides = ["a"], SimpleNamespace(scalar=SimpleNamespace(fakes=["c"]))
    first = choices("fakes", None, recipe, overrides)
    assert choices("fakes", None, recipe, overrides) == first == [["a"], ["c"]]
    assert recipe == ["a"]


def test_embeddings_may_start_from_different_models(corpus):
    shape = {"width": 8, "hidden_size": 8, "num_layers": 1, "num_heads": 2, "dropout": 0.0}
    learning = {"batch_size": 4, "learning_rate": 0.01, "patience": 1, "epochs": 1}
    settings = TransformerSettings(model=None, **shape, **learning)
    transformer = Transformer.build(corpus, settings, seed=1, device="cpu")
    transformer.save(Path("data/generators/transformer"))
    models = ["transformer", "transformer.txt"]
    write_params(generator="transformer", fakes=[], generators=["transformer"])
    main("modern")
    assert names_of(FOLDER) == ["recipe.txt", *models]
    overrides = {"scalar": {"generator": "language_model"}, "bert": {"hidden_size": 4}}
    write_params(generator="transformer", fakes=[], overrides=overrides, generators=["transformer"])
    main("modern")
    assert names_of(FOLDER) == ["language_model", "language_model.txt", "recipe.txt", *models]
    for name in ("language_model", "transformer"):
        assert contents(FOLDER / name) == contents(Path("data/generators") / name)
        assert len(read_lines(FOLDER / f"{name}.txt")) == 243 + 81


def test_per_label_each_part_has_fakes_of_its_label(corpus):
    parts = {label: make_generators(corpus.of_label(label)) for label in corpus.labels}
    for name in ("markov", "language_model"):
        whole = PerLabel({str(label): parts[label][name] for label in parts}, label_shares(corpus))
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir("data/generators")
            for path in sorted(Path(name).rglob("*"), reverse=True):
                path.unlink()
            Path(name).rmdir()
            whole.save(Path(name))
    write_params(per_label=True)
    main("modern")
    assert names_of(FOLDER) == ["label_0", "label_1", "recipe.txt"]
    words = [{word for text in texts for word in text} for texts in (SOUP, MOON)]
    for label, counts in FAKES_OF_LABEL.items():
        part = FOLDER / f"label_{label}"
        assert names_of(part) == ["language_model", "language_model.txt", "markov.txt"]
        for name, count in counts.items():
            fakes = read_lines(part / f"{name}.txt")
            assert len(fakes) == count
            assert {word for text in fakes for word in text.split()} <= words[label]
        source = Path(f"data/generators/language_model/label_{label}")
        assert contents(part / "language_model") == contents(source)


def test_any_trained_generator_of_the_list_may_be_known(corpus):
    settings = HmmSettings(states=2, epochs=1, smoothing=1.0)
    hmm = Hmm.build(corpus, settings, seed=1, device="cpu")
    hmm.save(Path("data/generators/hmm"))
    write_params(fakes=["hmm"], generators=["hmm"])
    main("modern")
    assert names_of(FOLDER) == ["hmm.txt", "language_model", "language_model.txt", "recipe.txt"]
    assert len(read_lines(FOLDER / "hmm.txt")) == 243


def test_who_takes_labels_by_itself_is_asked_for_each_label_s_texts(corpus):
    class Echo:
        def generate(self, count, seed, labels=None):
            yield [str(labels and labels[place]) for place in range(count)]

    assert [*start_gan.write(Echo(), "b", 2, 1)] == [["b", "b"]]
    assert [*start_gan.write(Echo(), None, 2, 1)] == [["None", "None"]]


@pytest.mark.parametrize("name", ["markov", "language_model"])
def test_a_generator_of_another_corpus_is_refused(corpus, name):
    other = build_corpus(TEXTS[1:], LABELS[1:], 0.2, 0.2, seed=1)
    folder = Path("data/generators") / name
    shutil.rmtree(folder)
    make_generators(replace(other, max_length=LENGTH))[name].save(folder)
    write_params()
    match = f"{folder} .* {other.fingerprint}, which is not data/corpus .{corpus.fingerprint}"
    with pytest.raises(UserError, match=match):
        main("modern")
    assert not FOLDER.exists()


def test_the_paper_s_gan_starts_from_nothing_that_could_change(tmp_path, monkeypatch):
    # No parameter, no corpus, no generator is read: there is none.
    monkeypatch.chdir(tmp_path)
    main("paper")
    assert contents(tmp_path) == {Path("data/starts/paper/recipe.txt"): b"paper\n"}
    main("paper")
    assert contents(tmp_path) == {Path("data/starts/paper/recipe.txt"): b"paper\n"}
