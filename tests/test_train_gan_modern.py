"""The wiring of the modern recipe: whose texts the discriminator reads, and by which numbers."""

from itertools import pairwise
from pathlib import Path
from statistics import fmean
from types import SimpleNamespace

import pytest
import torch

from stages import sweep, train_gan_modern
from stages.corpus.corpus import build_corpus
from stages.embeddings.piece_table import lengths_of
from stages.embeddings.scalar import ScalarEmbedding
from stages.models.language_gan import LanguageGan, LanguageGanSettings
from stages.models.language_model import LanguageModel, LanguageModelSettings
from stages.models.markov_chain import MarkovChain
from stages.models.prefix_discriminator import verdicts
from stages.train_gan_modern import look_up, train_gan, write_fakes
from stages.training.language_gan import train

WORDS = ["", "the", "soup", "was", "cold"]
TEXTS = [["the", "soup"], ["soup", "was", "cold"], ["was", "the", "cold"]] * 5
LENGTH = 5
PARTS = ("generator", "discriminator")


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    """A corpus, with its chain in the file in which the recipe looks for it."""
    monkeypatch.chdir(tmp_path)
    corpus = build_corpus(TEXTS, [0] * len(TEXTS), 0.2, 0.2, seed=1)
    Path("data/models").mkdir(parents=True)
    MarkovChain.fit(list(corpus.train), corpus.vocabulary_size).save(
        Path("data/models/markov.safetensors")
    )
    return corpus


def make_model():
    torch.manual_seed(0)
    return LanguageModel(WORDS, LanguageModelSettings(8, 8, 1, 0.0)).eval()


def make_params(seed=1):
    return SimpleNamespace(
        seed=seed,
        gan=SimpleNamespace(max_length=LENGTH),
        markov=SimpleNamespace(start="empirical"),
    )


@pytest.mark.parametrize("source", ["language_model", "markov"])
def test_as_many_fakes_as_asked_for_by_the_seed(corpus, source):
    model = make_model()
    first, again, other = (
        write_fakes(source, 40, make_params(seed), corpus, model) for seed in (1, 1, 2)
    )
    assert first == again != other
    assert len(first) == 40
    assert all(1 <= len(text.split()) <= LENGTH for text in first)
    assert {word for text in first for word in text.split()} <= set(WORDS)


def test_the_chain_s_fakes_follow_the_chain(corpus):
    follows = {pair for text in TEXTS for pair in pairwise(text)}
    for text in write_fakes("markov", 40, make_params(), corpus, make_model()):
        words = text.split()
        assert set(pairwise(words)) <= follows


def test_the_fakes_are_none_of_the_sampled_texts(corpus):
    model = make_model()
    sampled = [text for batch in model.generate(200, LENGTH, 1) for text in batch]
    fakes = write_fakes("language_model", 200, make_params(), corpus, model)
    # Of the same random numbers all 200 would be alike, in their order.
    alike = sum(one == other for one, other in zip(sampled, fakes, strict=True))
    assert alike < 50


def test_texts_are_looked_up_by_their_places():
    texts = ["the soup", "", "was cold the soup was cold"]
    embedding = ScalarEmbedding(WORDS[1:])
    places = torch.tensor([2, 0, 2, 1])
    read = look_up("real", embedding, texts, LENGTH)(places)
    tokens = embedding.tokenize([texts[place] for place in places.tolist()], LENGTH)
    assert torch.equal(read.vectors, embedding.embed(tokens))
    assert read.lengths.tolist() == lengths_of(tokens).tolist() == [5, 2, 5, 0]


def run_training(corpus, **settings):
    """Train in batches of four of the nine texts, three updates a pass."""
    make_model().save(Path("data/models/language_model.safetensors"))
    params = make_params()
    params.gan = SimpleNamespace(
        max_length=LENGTH,
        hidden_size=16,
        num_layers=1,
        dropout=0.0,
        token_dropout=0.0,
        method="policy_gradient",
        objective="cross_entropy",
        discount=0.5,
        likelihood_weight=1.0,
        generator_learning_rate=0.01,
        learning_rate=0.01,
        batch_size=4,
        **settings,
    )
    return train_gan("scalar", params, corpus, ScalarEmbedding(WORDS[1:]), "cpu")


def copy_weights(network):
    return [weight.clone() for weight in network.state_dict().values()]


def is_same(first, second):
    return all(torch.equal(*pair) for pair in zip(first, second, strict=True))


@pytest.mark.parametrize(
    ("distances", "best"),
    [([0.3, 0.1, 0.2], 2), ([0.1, 0.3, 0.2], 1), ([0.3, 0.2, 0.1], 3)],
    ids=["inside", "first", "last"],
)
@pytest.mark.parametrize("warm_up", [0, 2])
def test_the_epoch_kept_has_the_least_distance_to_the_validation_texts(
    monkeypatch, corpus, distances, best, warm_up
):
    gans, seen, told = [], [], iter(distances)

    def train_in_sight(gan, *arguments, **options):
        gans.append(gan)
        return train(gan, *arguments, **options)

    def distance_to(held_out, seed, length, device):
        assert held_out == corpus.texts(corpus.validation) != corpus.texts(corpus.test)
        return distance

    def distance(generator):
        (gan,) = gans
        assert generator is gan.generator
        seen.append({part: copy_weights(getattr(gan, part)) for part in PARTS})
        return next(told)

    monkeypatch.setattr(train_gan_modern, "train", train_in_sight)
    monkeypatch.setattr(train_gan_modern, "distance_to", distance_to)
    gan, steps, values = run_training(corpus, epochs=3, warm_up=warm_up, fakes=["markov"])
    assert (values["best_epoch"], values["validation_frechet"]) == (best, 0.1)
    for part in PARTS:
        alike = [is_same(copy_weights(getattr(gan, part)), weights[part]) for weights in seen]
        assert alike == [epoch == best for epoch in (1, 2, 3)]
    assert [step.epoch for step in steps] == [0] * 3 * warm_up + [1] * 3 + [2] * 3 + [3] * 3
    of_best = [step for step in steps if step.epoch == best]
    assert values["generator_loss"] == fmean(step.generator for step in of_best)
    assert values["discriminator_loss"] == fmean(step.discriminator for step in of_best)


@pytest.mark.parametrize(
    "fakes",
    [["markov"], ["language_model"], ["markov", "language_model"], ["language_model", "markov"]],
    ids=" then ".join,
)
def test_a_source_has_the_logit_of_its_place(monkeypatch, corpus, fakes):
    # Both repeat a word, which no real text does.
    written = {"markov": "the the the the", "language_model": "cold cold cold cold"}

    def write(source, count, *_):
        return [written[source]] * count

    monkeypatch.setattr(train_gan_modern, "write_fakes", write)
    monkeypatch.setattr(train_gan_modern, "distance_to", lambda *_: lambda _: 0.0)
    gan, _, _ = run_training(corpus, epochs=1, warm_up=40, fakes=fakes)
    sources = ["language_model", *fakes]  # the first is the generator's, before it learns
    for source in sources:
        look = look_up(source, ScalarEmbedding(WORDS[1:]), [written[source]], LENGTH)
        text = look(torch.tensor([0]))
        logits = verdicts(gan.eval().discriminator(*text), text.lengths)[0]
        assert [logit < 0 for logit in logits.tolist()] == [other == source for other in sources]


def test_the_sweep_chooses_among_as_many_candidates_as_the_sample(monkeypatch):
    torch.manual_seed(0)
    gan = LanguageGan(LanguageGanSettings(1, LENGTH, 8, 1, 0.0, 0.0, 1), make_model()).eval()
    with torch.no_grad():
        gan.discriminator.head[-1].weight *= 2000
    monkeypatch.setattr(sweep, "load_gan", lambda path, device: gan)
    monkeypatch.setattr(sweep, "load_embedding", lambda *_: ScalarEmbedding(WORDS[1:]))
    monkeypatch.setattr(sweep.LanguageModel, "load", lambda path, device: make_model())

    def write(candidates):
        params = SimpleNamespace(
            seed=3,
            embeddings=["scalar"],
            gan=SimpleNamespace(max_length=LENGTH),
            sample=SimpleNamespace(candidates=candidates),
        )
        generators = sweep.load_generators(params, 20, "cpu")
        assert [*generators] == ["language_model", "scalar"]
        return {
            name: [text for batch in generator(temperature=0.8) for text in batch]
            for name, generator in generators.items()
        }

    alone, chosen = write(1), write(5)
    assert [len(texts) for written in (alone, chosen) for texts in written.values()] == [20] * 4
    # One candidate is what the generator writes, here the language model's twin.
    assert alone["scalar"] == alone["language_model"] == chosen["language_model"]
    assert chosen["scalar"] != alone["scalar"]
