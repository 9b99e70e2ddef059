"""The modern GAN: what it begins as, how it judges, and its folder."""

import numpy as np
import pytest
import torch

from stages.corpus.corpus import Corpus, Split
from stages.corpus.errors import UserError
from stages.corpus.seeds import derive_seed
from stages.embeddings.scalar import ScalarEmbedding
from stages.generators.language_model import LanguageModel, LanguageModelSettings
from stages.generators.modern_gan import ModernGan
from stages.generators.modern_gan_settings import ModernGanSettings
from stages.generators.paper_gan import PaperGan, PaperGanSettings
from stages.generators.protocol import load_generator
from stages.generators.transformer import Transformer, TransformerSettings
from stages.judges.ngram_classifier import NgramClassifier
from stages.judges.prefix_judge import PrefixJudge
from stages.pipeline.files import write_lines
from stages.training.lone_discriminator import UNVALIDATED

WORDS = ["", "the", "soup", "was", "cold"]
LENGTH = 5
PARTS = ("generator", "discriminator")
SETTINGS = {
    "generator": "language_model",
    "hidden_size": 8,
    "num_layers": 1,
    "dropout": 0.0,
    "batch_size": 4,
    "learning_rate": 0.01,
    "epochs": 2,
    "method": "policy_gradient",
    "objective": "cross_entropy",
    "fakes": [],
    "discount": 1.0,
    "likelihood_weight": 0.1,
    "generator_learning_rate": 0.01,
    "warm_up": 0,
    "token_dropout": 0.0,
    "divergence_weight": 0.0,
    "ngrams": False,
}


def make_writer(dropout=0.0, words=WORDS):
    settings = {"batch_size": 4, "learning_rate": 0.01, "epochs": 1}
    shape = {"width": 8, "hidden_size": 8, "num_layers": 1, "dropout": dropout}
    return LanguageModel(
        words, LanguageModelSettings(patience=1, **shape, **settings), LENGTH, "cpu"
    )


def make_transformer(dropout=0.0):
    shape = {"width": 8, "hidden_size": 8, "num_layers": 2, "num_heads": 2, "dropout": dropout}
    learning = {"batch_size": 4, "learning_rate": 0.01, "epochs": 1, "patience": 1}
    settings = TransformerSettings(model=None, **shape, **learning)
    return Transformer(WORDS, settings, LENGTH, "cpu")


WRITERS = {"language_model": make_writer, "transformer": make_transformer}


def make_gan(seed=0, texts=None, **changes):
    """A GAN whose epochs are all as good as each other, with fakes drawn at random or given."""
    torch.manual_seed(seed)
    settings = ModernGanSettings(**{**SETTINGS, **changes})
    writer = WRITERS[settings.generator](settings.dropout)
    gan = ModernGan(ScalarEmbedding(WORDS[1:]), settings, writer, "cpu")
    gan.training.begin(dict.fromkeys([settings.generator, *settings.fakes], texts or TEXTS), seed)
    gan.training._distance_to = lambda held_out: lambda: 0.0
    return gan


def draw_words(count, seed=0):
    """Texts of 0 to LENGTH words, (B, T)."""
    random = torch.Generator().manual_seed(seed)
    words = torch.randint(1, len(WORDS), (count, LENGTH), generator=random)
    sizes = torch.randint(0, LENGTH + 1, (count, 1), generator=random)
    return words * (torch.arange(LENGTH) < sizes)


def write(words):
    return [" ".join(WORDS[word] for word in row if word) for row in words.tolist()]


TEXTS = write(draw_words(12, seed=9))


def make_split(words):
    texts = [row[row > 0].numpy() for row in words]
    offsets = np.cumsum([0, *map(len, texts)])
    tokens = np.concatenate([np.zeros(0, np.int64), *texts])
    return Split(tokens, offsets, np.zeros(len(texts), dtype=np.int8))


def make_corpus(words, held_out=7):
    """A corpus that learns from texts (N, T), under the same numbers of words."""
    validation, test = make_split(draw_words(held_out, seed=7)), make_split(draw_words(3, seed=8))
    return Corpus(WORDS, len(WORDS) - 1, make_split(words), validation, test, LENGTH)


def train_on(gan, corpus):
    return list(gan.train(corpus))


def weights_of(network):
    """Its weights, and the vectors by which its spectral norm is found."""
    return [weight.clone() for weight in network.state_dict().values()]


def is_same(first, second):
    return all(torch.equal(*pair) for pair in zip(first, second, strict=True))


@pytest.mark.parametrize("name", WRITERS)
def test_it_begins_as_the_trained_model_with_the_fakes_that_are_chosen(name, tmp_path):
    torch.manual_seed(0)
    writer, corpus = WRITERS[name](), make_corpus(draw_words(4))
    writer.fingerprint = corpus.fingerprint
    writer.save(tmp_path / name)
    fakes = {name: ["the soup", "", "was"], "markov": ["cold", "cold soup", ""]}
    for source, texts in fakes.items():
        write_lines(tmp_path / f"{source}.txt", texts)

    def build(chosen, weight=0.0):
        changes = {"fakes": chosen, "divergence_weight": weight, "generator": name}
        settings = ModernGanSettings(**{**SETTINGS, **changes})
        extra = {"embedding": ScalarEmbedding(WORDS[1:]), "start": tmp_path}
        extra["encoder"] = "some BERT"
        return ModernGan.build(corpus, settings, seed=1, device="cpu", **extra)

    gan = build(["markov"])
    assert gan.training.fakes == fakes
    assert gan.training.start is None
    assert is_same(weights_of(gan.networks["generator"]), weights_of(writer.network))
    assert gan.writer.words == WORDS
    assert [*gan.generate(9, 1)] == [*writer.generate(9, 1)]
    assert np.array_equal(gan.log_likelihood(TEXTS), writer.log_likelihood(TEXTS))
    assert (gan.max_length, gan.training.encoder) == (LENGTH, "some BERT")
    (tmp_path / "markov.txt").unlink()
    assert [*build([]).training.fakes] == [name]
    # What the penalty compares with is a network of its own, without dropout.
    gan = build([], 0.1)
    assert is_same(weights_of(gan.training.start), weights_of(writer.network))
    assert gan.training.start is not gan.networks["generator"]
    assert not gan.training.start.training
    corpus = make_corpus(draw_words(5))
    with pytest.raises(UserError, match=f"{writer.fingerprint}, which.*{corpus.fingerprint}"):
        build([])


def test_without_validation_texts_the_discriminator_makes_few_passes(tmp_path):
    writer = make_writer()
    for held_out, most in ((7, 9), (0, UNVALIDATED)):
        corpus = make_corpus(draw_words(4), held_out)
        writer.fingerprint = corpus.fingerprint
        (tmp_path / str(held_out)).mkdir()
        writer.save(tmp_path / str(held_out) / "language_model")
        write_lines(tmp_path / str(held_out) / "language_model.txt", TEXTS)
        settings = ModernGanSettings(**{**SETTINGS, "warm_up": 9})
        extra = {"embedding": ScalarEmbedding(WORDS[1:]), "start": tmp_path / str(held_out)}
        gan = ModernGan.build(corpus, settings, seed=1, device="cpu", **extra)
        assert gan.training.lone.most == most


def test_its_own_texts_are_judged_before_any_is_chosen():
    gan = make_gan()
    own = [text for batch in gan.generate(20, derive_seed(3, "judge")) for text in batch]
    assert np.array_equal(gan.judge_own(20, 3), gan.judge.logits(own))


def test_the_size_is_the_number_of_weights():
    gan = make_gan()
    assert gan.describe() == {
        f"{part}_parameters": sum(map(torch.numel, gan.networks[part].parameters()))
        for part in PARTS
    }


def make_larger(seed=0, generator="language_model"):
    shape = {"fakes": ["markov", generator], "dropout": 0.3, "token_dropout": 0.2}
    shape["generator"] = generator
    gan = make_gan(seed, **shape)
    gan.networks.train()
    for _ in range(3):  # which turn the spectral norm
        gan.networks["discriminator"](torch.randn(6, LENGTH, 1), torch.arange(6))
    gan.networks.eval()
    return gan


@pytest.mark.parametrize("generator", WRITERS)
def test_a_saved_gan_is_the_same_gan(generator, tmp_path):
    gan = make_larger(generator=generator)
    gan.save(tmp_path / "gan")
    loaded = load_generator(tmp_path / "gan", "cpu")
    assert isinstance(loaded, ModernGan)
    assert not loaded.networks.training
    assert loaded.settings == gan.settings
    assert type(loaded.writer) is type(gan.writer)
    assert loaded.writer.settings == gan.writer.settings
    assert loaded.writer.words == WORDS
    assert loaded.max_length == LENGTH
    assert is_same(weights_of(loaded.networks), weights_of(gan.networks))
    texts, again = (list(each.generate(20, 1)) for each in (gan, loaded))
    assert texts == again
    assert np.array_equal(loaded.judge.logits(TEXTS), gan.judge.logits(TEXTS))


@pytest.mark.parametrize(
    ("generator", "other", "found"),
    [
        ("language_model", "transformer", "writer.model: Extra inputs"),
        ("transformer", "language_model", "writer.model: Field required"),
    ],
)
def test_a_model_s_settings_are_those_of_its_kind(generator, other, found, tmp_path):
    make_larger(generator=other).save(tmp_path / "gan")
    about = tmp_path / "gan" / "about.json"
    text = about.read_text("utf-8")
    about.write_text(
        text.replace(f'"generator": "{other}"', f'"generator": "{generator}"'), "utf-8"
    )
    with pytest.raises(UserError, match=rf"about.json: .*{found}"):
        load_generator(tmp_path / "gan", "cpu")


@pytest.mark.parametrize("generator", WRITERS)
def test_a_classifier_by_n_grams_learns_from_the_same_texts_and_is_kept(generator, tmp_path):
    corpus = make_corpus(draw_words(10))
    gan = make_gan(generator=generator, warm_up=1, epochs=0, ngrams=True)
    train_on(gan, corpus)
    real = corpus.texts(corpus.train, LENGTH)
    expected = NgramClassifier.fit(real, TEXTS[:10], LENGTH)
    assert len(gan.ngrams.runs) > 0
    assert torch.equal(gan.ngrams(TEXTS), expected(TEXTS))
    network = PrefixJudge(gan.networks["discriminator"], gan.embedding, LENGTH)
    half = (network.log_odds(TEXTS) + expected(TEXTS).float()) / 2
    assert torch.equal(gan.log_odds(TEXTS), half)
    gan.save(tmp_path / "gan")
    loaded = load_generator(tmp_path / "gan", "cpu")
    assert torch.equal(loaded.log_odds(TEXTS), half)
    assert loaded.describe()["ngrams"] == gan.describe()["ngrams"] == len(expected.runs)


def test_without_it_the_network_judges_alone(tmp_path):
    gan = make_gan(warm_up=1, epochs=0)
    train_on(gan, make_corpus(draw_words(10)))
    assert gan.ngrams is None
    gan.save(tmp_path / "gan")
    loaded = load_generator(tmp_path / "gan", "cpu")
    assert loaded.ngrams is None
    assert torch.equal(loaded.log_odds(TEXTS), gan.log_odds(TEXTS))


def test_damaged_runs_of_n_grams_are_refused(tmp_path):
    gan = make_gan(warm_up=1, epochs=0, ngrams=True)
    train_on(gan, make_corpus(draw_words(10)))
    gan.ngrams.runs[0] = -1
    gan.save(tmp_path / "gan")
    with pytest.raises(UserError, match=r"weights.safetensors: ngrams.runs: not rising"):
        load_generator(tmp_path / "gan", "cpu")


def make_paper_gan(seed=0):
    torch.manual_seed(seed)
    shape = {"hidden_size": 4, "num_layers": 2, "dropout": 0.5, "noise": "normal"}
    settings = PaperGanSettings(**shape, batch_size=4, learning_rate=0.01, epochs=1)
    return PaperGan(ScalarEmbedding(WORDS[1:]), settings, LENGTH, "cpu")


def make_language_model(seed=0):
    torch.manual_seed(seed)
    return make_writer()


@pytest.mark.parametrize("make", [make_larger, make_paper_gan, make_language_model])
def test_same_network_same_folder(make, tmp_path):
    # Five of them: an order left to chance may come out the same twice.
    def save(name, seed=0):
        make(seed).save(tmp_path / name)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        return {path.relative_to(tmp_path / name): path.read_bytes() for path in files}

    first, *others = (save(str(number)) for number in range(5))
    assert all(files == first for files in others)
    assert save("other", seed=1) != first
