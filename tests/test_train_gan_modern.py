"""The wiring of the modern recipe: whose texts the discriminator reads, and by which numbers."""

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from stages import sweep
from stages.corpus.corpus import build_corpus
from stages.embeddings.piece_table import lengths_of
from stages.embeddings.scalar import ScalarEmbedding
from stages.models.language_gan import LanguageGan, LanguageGanSettings
from stages.models.language_model import LanguageModel, LanguageModelSettings
from stages.models.markov_chain import MarkovChain
from stages.train_gan_modern import look_up, write_fakes

WORDS = ["", "the", "soup", "was", "cold"]
TEXTS = [["the", "soup"], ["soup", "was", "cold"], ["was", "the", "cold"]] * 5
LENGTH = 5


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    """A corpus, with its chain in the file in which the recipe looks for it."""
    monkeypatch.chdir(tmp_path)
    corpus = build_corpus(TEXTS, [0] * len(TEXTS), 0.2, 0.2, seed=1)
    Path("data/models").mkdir(parents=True)
    MarkovChain.fit(list(corpus.train), corpus.vocabulary_size).save(Path("data/models/markov.npz"))
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
            sweep=SimpleNamespace(count=20),
        )
        generators = sweep.load_generators(params, "cpu")
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
