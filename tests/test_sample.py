"""The stage sample: texts of the labels asked for, and the sweep's at each temperature."""

import json
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML

from stages import sample
from stages.corpus.errors import UserError
from stages.corpus.seeds import derive_seed
from stages.embeddings.scalar import ScalarEmbedding
from stages.generators.chosen import with_choice
from stages.generators.language_model import LanguageModel, LanguageModelSettings
from stages.generators.markov import Markov, MarkovSettings
from stages.generators.modern_gan import ModernGan
from stages.generators.modern_gan_settings import ModernGanSettings
from stages.generators.per_label import PerLabel
from stages.measures.temperature import match_diversity
from stages.pipeline.files import read_lines
from stages.pipeline.sources import load_source, load_sweep, write_source
from stages.sample import main

PARAMS = Path(__file__).with_name("params.yaml")
NETWORK = {"num_layers": 1, "dropout": 0.0, "batch_size": 4, "learning_rate": 0.01, "epochs": 1}
SOUP, MOON = ["", "the", "soup", "was", "cold"], ["", "my", "moon", "is", "dark"]
LENGTH = 5
SEED = 3
COUNT = 40  # of the sample; the sweep has 12 texts a temperature
SHARES = {"0": 0.25, "1": 0.75}


def make_model(words=SOUP):
    torch.manual_seed(0)
    settings = LanguageModelSettings(width=8, hidden_size=8, patience=1, **NETWORK)
    return LanguageModel(words, settings, LENGTH, "cpu")


def make_chain(words=SOUP):
    chain = Markov(words, MarkovSettings(order=1, start="uniform"), LENGTH)
    chain.fit([[1, 2, 3, 4], [2, 1, 4], [3, 3]])
    return chain


VALIDATION = [f"the {word} was {other}" for word in SOUP[1:] for other in SOUP[1:]] * 2


TEST = ["the soup was cold", "soup the cold", "", "the soup was off", "soup soup soup soup soup"]


def make_gan(words=SOUP):
    """A GAN whose discriminator is sure of what it likes."""
    settings = {"method": "policy_gradient", "objective": "cross_entropy", "fakes": []}
    settings |= {
        "generator": "language_model",
        "discount": 0.5,
        "likelihood_weight": 1.0,
        "generator_learning_rate": 0.01,
    }
    settings |= {"warm_up": 0, "token_dropout": 0.0, "divergence_weight": 0.0, "ngrams": True}
    settings |= {"hidden_size": 8, **NETWORK}
    gan = ModernGan(
        ScalarEmbedding(words[1:]), ModernGanSettings(**settings), make_model(words), "cpu"
    )
    gan.networks["discriminator"].head[-1].weight.data *= 2000
    gan.networks.eval()
    return gan


def make_both(make):
    return PerLabel({"0": make(SOUP), "1": make(MOON)}, SHARES)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sample, "seed_everything", lambda seed, _: torch.manual_seed(seed))
    Path("data/generators").mkdir(parents=True)
    write_source("validation", [*VALIDATION, ""], [None] * (len(VALIDATION) + 1))
    write_source("test", TEST, [None] * len(TEST))


def run(generator, name="mine", **settings):
    """Run the stage on one generator; give what it writes."""
    params = YAML(typ="safe").load(PARAMS)
    params["seed"] = SEED
    params["sample"] |= {"count": COUNT, **settings}
    params["sweep"] |= {"count": 12, "temperatures": [0.5, 1.0, 1.25]}
    YAML().dump(params, Path("params.yaml"))
    if not Path(f"data/generators/{name}").exists():
        generator.save(Path(f"data/generators/{name}"))
    main(name)
    return load_source(name)


def write(generator, count=COUNT, **options):
    return [text for batch in generator.generate(count, SEED, **options) for text in batch]


@pytest.mark.parametrize("make", [make_chain, make_model])
def test_texts_are_the_generator_s_own_by_the_seed_without_labels(make):
    source = run(make())
    assert source.texts == write(make())
    assert source.labels == [None] * COUNT
    assert Path("data/samples/mine.labels").read_text() == "\n" * COUNT


def test_temperature_and_top_p_are_those_of_the_sample_where_words_are_drawn():
    settings = {"temperature": 0.7, "top_p": 0.8}
    texts = run(make_model(), **settings).texts
    assert texts == write(make_model(), **settings) != write(make_model())
    # A chain draws as it always does, rather than stop the pipeline.
    assert run(make_chain(), "chain", **settings).texts == write(make_chain())


def test_a_gan_s_texts_are_chosen_among_as_many_candidates_as_asked_for():
    one, five = (run(make_gan(), candidates=number).texts for number in (1, 5))
    assert one == write(make_gan())
    chosen = with_choice(make_gan(), 5)
    assert five == write(chosen) != one
    values = json.loads(Path("metrics/sample/mine.json").read_text())["sample"]["mine"]
    assert values["effective_sample_size"] == pytest.approx(
        chosen.effective_sample_size(), rel=1e-4
    )
    gains = chosen.likelihood_gain(VALIDATION)
    assert values["likelihood_gain"] == pytest.approx(gains.mean(), rel=1e-4)


def test_of_another_temperature_the_choice_is_not_told_in_likelihoods():
    run(make_gan(), candidates=5, temperature=0.9)
    values = json.loads(Path("metrics/sample/mine.json").read_text())["sample"]["mine"]
    assert [*values] == ["texts", "empty", "distinct", "mean_length"]


def test_a_validated_temperature_is_found_told_and_used():
    texts = run(make_model(), temperature="validated").texts
    values = json.loads(Path("metrics/sample/mine.json").read_text())["sample"]["mine"]

    def at(temperature):
        batches = make_model().generate(
            len(VALIDATION), derive_seed(SEED, "validated"), temperature=temperature, top_p=1.0
        )
        return [text for batch in batches for text in batch]

    found, tried = match_diversity(at, VALIDATION)
    assert len(tried) == 3
    assert values["temperature"] == found
    assert texts == write(make_model(), temperature=found)


def test_of_a_few_validation_texts_no_temperature_is_found():
    write_source("validation", VALIDATION[:5], [None] * 5)
    with pytest.raises(UserError, match="5 validation texts do not tell, it takes 20"):
        run(make_model(), temperature="validated")


def test_the_metrics_count_texts():
    class Writer:
        chooses = conditional = tempered = False
        likelihood, max_length = "exact", 5

        def generate(self, count, seed, labels):
            yield ["a b c", "", "a"] + ["a b"] * (count - 3)

        def log_likelihood(self, texts):
            assert texts == [text for text in TEST if text]
            return np.array([-3.0, -5.0, -np.inf, -4.0])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sample, "load_generator", lambda folder, device: Writer())
        Path("data/generators/mine").mkdir()
        run(None)
    metrics = json.loads(Path("metrics/sample/mine.json").read_text())
    # 3, 0 and 1 words, and 37 times 2, over 40.
    values = {"texts": 40, "empty": 1, "distinct": 4, "mean_length": 78 / 40}
    # 4 and 3 words and their ends, and the 5 of a cropped text: 3 + 5 + 4 nats over 5 + 4 + 5.
    values |= {"impossible_test": 0.25, "nll_test": round(12 / 14, 6)}
    assert metrics == {"sample": {"mine": values}}


# Labels.


@pytest.mark.parametrize("label", [0, 1, "1"])
def test_the_label_asked_for_is_written(label):
    source = run(make_both(make_model), label=label)
    assert source.labels == [str(label)] * COUNT
    assert {*chain(*map(str.split, source.texts))} <= {*(SOUP, MOON)[int(label)]}


@pytest.mark.parametrize("label", [None, "as_real"])
def test_labels_are_as_often_as_in_real_text_where_none_is_asked_for(label):
    both = make_both(make_chain)
    source = run(both, label=label)
    assert source.labels == both.draw_labels(COUNT, SEED)
    for text, label_of_text in zip(*source, strict=True):
        assert {*text.split()} <= {*(SOUP, MOON)[int(label_of_text)]}
    # Of 40 texts within five standard deviations: 5 * sqrt(0.75 * 0.25 / 40) = 0.34.
    assert np.mean([label == "1" for label in source.labels]) == pytest.approx(0.75, abs=0.34)
    assert {*source.labels} == {"0", "1"}


def test_each_part_s_discriminator_chooses_among_texts_of_its_label():
    source = run(make_both(make_gan), candidates=3, label="as_real")
    for text, label in zip(*source, strict=True):
        assert {*text.split()} <= {*(SOUP, MOON)[int(label)]}
    assert source.texts == write(with_choice(make_both(make_gan), 3), labels=source.labels)
    assert source.texts != write(make_both(make_gan), labels=source.labels)


@pytest.mark.parametrize("label", [0, 1, "as_real"])
@pytest.mark.parametrize("make", [make_chain, make_gan])
def test_a_label_is_refused_by_what_has_learnt_none(make, label):
    with pytest.raises(UserError, match=f"sample.label is {label!r}.*per_label to true"):
        run(make(), label=label)
    assert not Path("data/samples/mine.txt").exists()


# The sweep.


TEMPERATURES = [0.5, 1.0, 1.25]


def test_the_sweep_s_texts_are_written_by_temperature():
    run(make_model(), temperature=0.7, top_p=0.8)
    # At each temperature of its own, and with all words.
    texts = {at: write(make_model(), 12, temperature=at) for at in TEMPERATURES}
    assert load_sweep("mine") == texts
    files = {path.name for path in Path("data/sweep/mine").iterdir()}
    assert files == {"0.5.txt", "1.0.txt", "1.25.txt", "temperatures.txt"}
    assert read_lines("data/sweep/mine/0.5.txt") == texts[0.5]


def test_the_sweep_chooses_among_as_many_candidates_as_the_sample():
    run(make_gan(), candidates=1)
    alone = load_sweep("mine")
    run(make_gan(), candidates=5)
    chosen = load_sweep("mine")
    for temperature in (0.5, 1.25):
        # One candidate is what the generator writes, as the language model it was does.
        assert alone[temperature] == write(make_model(), 12, temperature=temperature)
        five = write(with_choice(make_gan(), 5), 12, temperature=temperature)
        assert chosen[temperature] == five != alone[temperature]


@pytest.mark.parametrize("settings", [{"temperature": 0.5}, {"candidates": 5}, {"count": 12}])
def test_at_the_sample_s_own_temperature_the_sweep_has_its_first_texts(settings):
    source = run(make_gan(), **settings)
    assert load_sweep("mine")[settings.get("temperature", 1.0)] == source.texts[:12]


@pytest.mark.parametrize("settings", [{"temperature": 0.5, "top_p": 0.8}, {"count": 11}])
def test_the_sweep_has_texts_of_its_own_where_the_sample_s_are_others_or_too_few(settings):
    source = run(make_model(), **settings)
    own = load_sweep("mine")
    assert own == {at: write(make_model(), 12, temperature=at) for at in TEMPERATURES}
    assert own[settings.get("temperature", 1.0)] != source.texts[:12]


def test_the_sweep_has_no_texts_where_nothing_has_a_temperature():
    Path("data/sweep/mine").mkdir(parents=True)
    Path("data/sweep/mine/1.txt").write_text("of an earlier run\n")
    run(make_chain())
    assert load_sweep("mine") == {}
    assert [path.name for path in Path("data/sweep/mine").iterdir()] == ["temperatures.txt"]


def test_the_sweep_s_labels_are_as_often_as_in_real_text_whatever_the_sample_s():
    run(make_both(make_model), label=1)
    for temperature in (0.5, 1.0):
        texts = load_sweep("mine")[temperature]
        assert texts == write(make_both(make_model), 12, temperature=temperature)
        assert {*chain(*map(str.split, texts))} & {*SOUP}
