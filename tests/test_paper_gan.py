"""The paper's GAN: both networks, their training, their memory, and the judge."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from stages.corpus.corpus import Corpus, Split
from stages.corpus.errors import UserError
from stages.embeddings.scalar import ScalarEmbedding
from stages.generators import paper_gan
from stages.generators.paper_gan import PaperGan, PaperGanSettings, check_memory, make_networks
from stages.judges.vector_judge import VectorJudge
from stages.networks.portable import Linear
from stages.networks.size import count_parameters
from stages.networks.vector_generator import draw_noise
from stages.training.adversarial import update

SETTINGS = PaperGanSettings(
    hidden_size=4,
    num_layers=2,
    dropout=0.5,
    batch_size=4,
    learning_rate=0.01,
    epochs=2,
    noise="normal",
)
WIDTH, LENGTH = 3, 5
WORDS = "abcdefghij"


def make_pair(seed=0, **changes):
    torch.manual_seed(seed)
    networks = make_networks(WIDTH, SETTINGS.model_copy(update=changes), LENGTH)
    return networks["generator"], networks["discriminator"]


def make_gan(seed=0, **changes):
    torch.manual_seed(seed)
    settings = SETTINGS.model_copy(update=changes)
    return PaperGan(ScalarEmbedding(WORDS), settings, LENGTH, "cpu")


def make_corpus(count=10):
    """Make a corpus of the texts "a", "b", …, each split the same."""
    split = Split(np.arange(1, count + 1), np.arange(count + 1), np.zeros(count, np.int8))
    words = ["", *WORDS[:count]]
    return Corpus(words, count, split, split, split, max_length=LENGTH)


def test_shapes_are_the_papers():
    generator, discriminator = make_pair()
    vectors = generator(draw_noise("normal", 7, generator))
    assert vectors.shape == (7, LENGTH, WIDTH)
    assert discriminator(vectors).shape == (7,)
    assert not discriminator.judge(vectors).requires_grad


def test_number_of_weights_is_the_papers():
    # An LSTM layer from I to H numbers: 4H(I + H) weights and two biases of 4H. E=3, H=4, T=5.
    # Two layers: 4*4*(3 + 4) + 2*16 = 144, 4*4*(4 + 4) + 2*16 = 160: 304.
    # Generator's dense layer from 4*5 to 3*5: 20*15 + 15 = 315.
    # Discriminator's: from 4*5 to 4: 20*4 + 4 = 84, then from 4 to 1: 5.
    generator, discriminator = make_pair()
    assert count_parameters(generator) == 304 + 315
    assert count_parameters(discriminator) == 304 + 84 + 5
    # At E=1 the first layer has 4*4*(1 + 4) + 2*16 = 112, the dense one 20*5 + 5 = 105.
    sizes = {"generator_parameters": 272 + 105, "discriminator_parameters": 272 + 84 + 5}
    assert make_gan().describe() == sizes


def test_generator_is_the_dense_layer_over_the_flattened_lstm():
    generator, _ = make_pair()
    noise = draw_noise("normal", 2, generator)
    hidden = generator.lstm(noise)[0]  # (B, T, H)
    weight, bias = generator.head.weight, generator.head.bias
    # Number e of word t is row 3t + e of the dense layer, over all words' hidden numbers.
    expected = torch.stack([hidden[b].reshape(-1) @ weight.T + bias for b in range(2)])
    assert torch.allclose(generator(noise), expected.reshape(2, LENGTH, WIDTH))


def test_dropout_stands_after_the_lstm_and_after_the_hidden_layer():
    _, discriminator = make_pair()
    kinds = [type(layer) for layer in discriminator.head]
    assert kinds == [nn.Dropout, Linear, nn.ReLU, nn.Dropout, Linear]
    vectors = torch.randn(4, LENGTH, WIDTH)
    discriminator.train()
    assert not torch.equal(discriminator(vectors), discriminator(vectors))
    discriminator.eval()
    assert torch.equal(discriminator(vectors), discriminator(vectors))


@pytest.mark.parametrize(
    ("noise", "deviation", "limit"), [("normal", 1, 6), ("uniform", 3**-0.5, 1)]
)
def test_noise_has_its_distribution(noise, deviation, limit):
    # 30,000 numbers: the mean within 5 standard errors, 5/sqrt(30000) = 0.029; the deviation of
    # a uniform number from -1 to 1 is 1/sqrt(3).
    numbers = draw_noise(noise, 2000, make_pair()[0])
    assert numbers.shape == (2000, LENGTH, WIDTH)
    assert numbers.mean().item() == pytest.approx(0, abs=0.029)
    assert numbers.std().item() == pytest.approx(deviation, abs=0.029)
    assert numbers.abs().max() <= limit


def test_another_noise_is_refused():
    with pytest.raises(ValueError, match="noise is 'pink'; allowed: normal, uniform"):
        draw_noise("pink", 1, make_pair()[0])


def test_one_update_equals_the_textbook():
    # The same update with the loss written out, -log D(real) - log(1 - D(fake)), then -log D(fake)
    # after the discriminator's step. Without dropout, as its draws would differ.
    (generator, discriminator), twins = make_pair(dropout=0.0), make_pair(dropout=0.0)
    twin_generator, twin_discriminator = twins
    real, noise = torch.randn(6, LENGTH, WIDTH), draw_noise("normal", 6, generator)
    losses = update(
        generator,
        discriminator,
        real,
        noise,
        torch.optim.SGD(generator.parameters(), 0.1),
        torch.optim.SGD(discriminator.parameters(), 0.1),
    )

    def step(network, loss):
        weights = list(network.parameters())
        for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            weight.data -= 0.1 * gradient

    fake = twin_generator(noise)
    discriminator_loss = -(
        torch.sigmoid(twin_discriminator(real)).log().mean()
        + (1 - torch.sigmoid(twin_discriminator(fake.detach()))).log().mean()
    )
    step(twin_discriminator, discriminator_loss)
    generator_loss = -torch.sigmoid(twin_discriminator(fake)).log().mean()
    step(twin_generator, generator_loss)

    assert losses == pytest.approx((generator_loss.item(), discriminator_loss.item()))
    for network, twin in zip((generator, discriminator), twins, strict=True):
        for ours, textbook in zip(network.parameters(), twin.parameters(), strict=True):
            assert torch.allclose(ours, textbook, atol=1e-6)
            assert ours.requires_grad


def test_each_network_learns_against_a_resting_opponent():
    # First the discriminator, then the generator against what it has learnt: the loss must fall
    # to below a tenth of log 2 a text, what guessing costs, while the other one's weights rest.
    networks = make_pair(dropout=0.0)
    generator = networks[0]
    real = 1 + 0.1 * torch.randn(64, LENGTH, WIDTH)

    def learn(*rates):
        optimizers = [
            torch.optim.Adam(network.parameters(), rate)
            for network, rate in zip(networks, rates, strict=True)
        ]
        before = [nn.utils.parameters_to_vector(network.parameters()) for network in networks]
        for _ in range(200):
            losses = update(*networks, real, draw_noise("normal", 64, generator), *optimizers)
        after = [nn.utils.parameters_to_vector(network.parameters()) for network in networks]
        return losses, [not torch.equal(*pair) for pair in zip(before, after, strict=True)]

    (_, loss), moved = learn(0.0, 0.02)
    assert loss / 2 < 0.1 * math.log(2)
    assert moved == [False, True]
    (loss, _), moved = learn(0.02, 0.0)
    assert loss < 0.1 * math.log(2)
    assert moved == [True, False]


def test_training_passes_over_every_text_in_each_epoch(monkeypatch):
    gan, seen, modes = make_gan(), [], []
    train = paper_gan.update

    def spy(generator, discriminator, real, *rest):
        # Text n is word n alone, whose vector is its number; nothing follows it.
        assert (real[:, 1:] == 0).all()
        seen.extend(real[:, 0, 0].int().tolist())
        modes.append(generator.training and discriminator.training)
        return train(generator, discriminator, real, *rest)

    monkeypatch.setattr(paper_gan, "update", spy)
    corpus = make_corpus(10)
    assert gan.count_steps(corpus) == 6
    steps = list(gan.train(corpus))
    # Ten texts in batches of four: three updates a pass.
    assert [(step.step, step.epoch, step.ends_epoch) for step in steps] == [
        (1, 1, False), (2, 1, False), (3, 1, True), (4, 2, False), (5, 2, False), (6, 2, True)
    ]  # fmt: skip
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(1, 11))
    assert seen[:10] != seen[10:]
    assert all(list(step.losses) == ["generator", "discriminator"] for step in steps)
    assert all(step.validation is None for step in steps)
    assert modes == [True] * 6
    assert not gan.networks.training


def test_same_seed_same_training():
    def run(seed):
        return list(make_gan(seed).train(make_corpus()))

    assert run(1) == run(1) != run(2)


def test_the_learning_rate_is_the_settings():
    # Adam's first step moves each weight that has a gradient by its learning rate.
    gan = make_gan(learning_rate=0.125, epochs=1, batch_size=10, dropout=0.0)
    before = nn.utils.parameters_to_vector(gan.networks.parameters())
    list(gan.train(make_corpus()))
    moved = (nn.utils.parameters_to_vector(gan.networks.parameters()) - before).abs()
    assert moved.max().item() == pytest.approx(0.125, rel=1e-3)


def test_generated_texts_depend_on_the_seed_alone(monkeypatch):
    monkeypatch.setattr(paper_gan, "BATCH", 300)
    gan = make_gan()
    first = list(gan.make_vectors(700, 1))
    torch.randn(5)
    again, other = (torch.cat(list(gan.make_vectors(700, seed))) for seed in (1, 2))
    assert [vectors.shape for vectors in first] == [(size, LENGTH, 1) for size in (300, 300, 100)]
    assert not first[0].requires_grad
    assert torch.equal(torch.cat(first), again)
    assert not torch.equal(torch.cat(first), other)
    assert not torch.equal(first[0], first[1])


def test_texts_are_the_decoded_vectors(monkeypatch):
    monkeypatch.setattr(paper_gan, "BATCH", 4)
    gan = make_gan()
    with torch.no_grad():
        gan.networks["generator"].head.weight *= 100  # of other words than the first
    texts = list(gan.generate(10, 3))
    assert texts == [gan.embedding.decode(vectors) for vectors in gan.make_vectors(10, 3)]
    assert [len(batch) for batch in texts] == [4, 4, 2]
    assert len({text for batch in texts for text in batch}) > 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.5}, "temperature of 0.5"),
        ({"top_p": 0.9}, "top_p of 0.9"),
        ({"labels": [1]}, "no labels"),
        ({"prefix": "a b"}, "cannot continue a beginning such as 'a b'"),
    ],
)
def test_what_it_cannot_do_is_refused(options, message):
    with pytest.raises(UserError, match=f"^PaperGan: .*{message}"):
        list(make_gan().generate(1, 1, **options))


def test_it_has_no_likelihood():
    with pytest.raises(UserError, match=r"^PaperGan: .*no likelihood"):
        make_gan().log_likelihood(["a"])


def test_saved_gan_is_the_same_gan(tmp_path):
    gan = make_gan(noise="uniform")
    gan.save(tmp_path / "gan")
    loaded = PaperGan.load(tmp_path / "gan", "cpu")
    assert (loaded.settings, loaded.max_length) == (gan.settings, LENGTH)
    assert loaded.embedding.words == gan.embedding.words
    assert not loaded.networks.training
    assert torch.equal(*(torch.cat(list(each.make_vectors(9, 1))) for each in (gan, loaded)))
    assert (gan.judge.logits(["a b", "j"]) == loaded.judge.logits(["a b", "j"])).all()


def test_the_judge_reads_texts_as_the_discriminator_read_them_in_training(monkeypatch):
    monkeypatch.setattr("stages.judges.vector_judge.BATCH", 2)
    gan = make_gan()
    gan.networks.train()
    judge = gan.judge
    assert isinstance(judge, VectorJudge)
    assert not judge.calibrated
    # By hand: ids from 1, 0 for a word that training lacks and after the end, cropped at five.
    texts = ["a c", "b unheard a", "", "a b c d e f", "j"]
    ids = [[1, 3, 0, 0, 0], [2, 0, 1, 0, 0], [0] * 5, [1, 2, 3, 4, 5], [10, 0, 0, 0, 0]]
    vectors = torch.tensor(ids, dtype=torch.float32).unsqueeze(2)
    with torch.no_grad():
        expected = gan.networks["discriminator"].eval()(vectors)
    logits = judge.logits(texts)
    assert logits.dtype == np.float32
    assert logits == pytest.approx(expected.numpy(), rel=1e-5)
    assert (judge.logits(texts, [0, 1, 0, 1, None]) == logits).all()  # it has learnt no label
    assert len(set(logits.tolist())) == 5


def test_it_judges_its_own_vectors_before_they_become_words(monkeypatch):
    monkeypatch.setattr(paper_gan, "BATCH", 4)
    gan = make_gan()
    made = torch.cat(list(gan.make_vectors(10, 3)))
    own = gan.judge_own(10, 3)
    assert own == pytest.approx(gan.judge.judge_vectors(made), rel=1e-5)
    assert not np.allclose(own, gan.judge.logits(gan.embedding.decode(made)))


def test_a_gan_beyond_the_memory_is_refused_before_it_is_made(tmp_path):
    # The paper's shape at BERT's width: a dense layer from 20 * 1200 to 768 * 1200 numbers is
    # 24,000 * 921,600 + 921,600 = 22,119,321,600 weights, 16 bytes each in training: 354 GB.
    settings = SETTINGS.model_copy(update={"hidden_size": 20})
    with pytest.raises(UserError, match=r"needs 35\d\.\d GB .* max_length 1200") as error:
        check_memory(768, settings, 1200, "cpu")
    assert "\n" not in str(error.value)
    check_memory(WIDTH, SETTINGS, LENGTH, "cpu")
    # At 100 times the length and a width of 1 one dense layer alone has 20 * 120,000 * 120,000.
    corpus = Corpus(["", "a"], 1, *[make_corpus().train] * 3, max_length=120_000)
    with pytest.raises(UserError, match="max_length 120000"):
        PaperGan.build(
            corpus, settings, seed=1, device="cpu", embedding=ScalarEmbedding("a"), start=tmp_path
        )


def test_it_is_built_for_the_corpus(tmp_path):
    gan = PaperGan.build(
        make_corpus(),
        SETTINGS,
        seed=1,
        device="cpu",
        embedding=ScalarEmbedding(WORDS),
        start=tmp_path / "nothing there",
    )
    assert (gan.max_length, gan.settings) == (LENGTH, SETTINGS)
    assert len(next(gan.generate(7, 1))) == 7
