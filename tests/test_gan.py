"""Both networks, their training and their memory."""

import math

import pytest
import torch
from torch import nn
from tqdm import tqdm

from stages.errors import UserError
from stages.models.gan import Gan, GanSettings
from stages.training.adversarial import train, update
from stages.training.memory import check_memory, count_parameters
from stages.training.step import Step, follow

SETTINGS = GanSettings(
    width=3, max_length=5, hidden_size=4, num_layers=2, dropout=0.5, noise="normal"
)


def make_gan(seed=0, **changes):
    torch.manual_seed(seed)
    return Gan(GanSettings(**{**vars(SETTINGS), **changes}))


def test_shapes_are_the_papers():
    gan = make_gan()
    vectors = gan.generator(gan.draw_noise(7))
    assert vectors.shape == (7, 5, 3)
    assert gan.discriminator(vectors).shape == (7,)
    assert not gan.discriminator.judge(vectors).requires_grad


def test_number_of_weights_is_the_papers():
    # An LSTM layer from I to H numbers: 4H(I + H) weights and two biases of 4H. E=3, H=4, T=5.
    # Two layers: 4*4*(3 + 4) + 2*16 = 144, 4*4*(4 + 4) + 2*16 = 160: 304.
    # Generator's dense layer from 4*5 to 3*5: 20*15 + 15 = 315.
    # Discriminator's: from 4*5 to 4: 20*4 + 4 = 84, then from 4 to 1: 5.
    gan = make_gan()
    assert count_parameters(gan.generator) == 304 + 315
    assert count_parameters(gan.discriminator) == 304 + 84 + 5


def test_generator_is_the_dense_layer_over_the_flattened_lstm():
    gan = make_gan()
    noise = gan.draw_noise(2)
    hidden = gan.generator.lstm(noise)[0]  # (B, T, H)
    weight, bias = gan.generator.head.weight, gan.generator.head.bias
    # Number e of word t is row 3t + e of the dense layer, over all words' hidden numbers.
    expected = torch.stack([hidden[b].reshape(-1) @ weight.T + bias for b in range(2)])
    assert torch.allclose(gan.generator(noise), expected.reshape(2, 5, 3))


def test_dropout_stands_after_the_lstm_and_after_the_hidden_layer():
    gan = make_gan()
    kinds = [type(layer) for layer in gan.discriminator.head]
    assert kinds == [nn.Dropout, nn.Linear, nn.ReLU, nn.Dropout, nn.Linear]
    vectors = torch.randn(4, 5, 3)
    gan.train()
    assert not torch.equal(gan.discriminator(vectors), gan.discriminator(vectors))
    gan.eval()
    assert torch.equal(gan.discriminator(vectors), gan.discriminator(vectors))


@pytest.mark.parametrize(
    ("noise", "deviation", "limit"), [("normal", 1, 6), ("uniform", 3**-0.5, 1)]
)
def test_noise_has_its_distribution(noise, deviation, limit):
    # 30,000 numbers: the mean within 5 standard errors, 5/sqrt(30000) = 0.029; the deviation of
    # a uniform number from -1 to 1 is 1/sqrt(3).
    numbers = make_gan(noise=noise).draw_noise(2000)
    assert numbers.shape == (2000, 5, 3)
    assert numbers.mean().item() == pytest.approx(0, abs=0.029)
    assert numbers.std().item() == pytest.approx(deviation, abs=0.029)
    assert numbers.abs().max() <= limit


def test_one_update_equals_the_textbook():
    # The same update with the loss written out, -log D(real) - log(1 - D(fake)), then -log D(fake)
    # after the discriminator's step. Without dropout, as its draws would differ.
    gan, twin = make_gan(dropout=0.0), make_gan(dropout=0.0)
    real, noise = torch.randn(6, 5, 3), gan.draw_noise(6)
    losses = update(
        gan,
        real,
        noise,
        torch.optim.SGD(gan.generator.parameters(), 0.1),
        torch.optim.SGD(gan.discriminator.parameters(), 0.1),
    )

    fake = twin.generator(noise)
    discriminator_loss = -(
        torch.sigmoid(twin.discriminator(real)).log().mean()
        + (1 - torch.sigmoid(twin.discriminator(fake.detach()))).log().mean()
    )
    for weight, gradient in zip(
        twin.discriminator.parameters(),
        torch.autograd.grad(discriminator_loss, list(twin.discriminator.parameters())),
        strict=True,
    ):
        weight.data -= 0.1 * gradient
    generator_loss = -torch.sigmoid(twin.discriminator(fake)).log().mean()
    for weight, gradient in zip(
        twin.generator.parameters(),
        torch.autograd.grad(generator_loss, list(twin.generator.parameters())),
        strict=True,
    ):
        weight.data -= 0.1 * gradient

    assert losses == pytest.approx((generator_loss.item(), discriminator_loss.item()))
    for ours, textbook in zip(gan.parameters(), twin.parameters(), strict=True):
        assert torch.allclose(ours, textbook, atol=1e-6)
    assert all(weight.requires_grad for weight in gan.parameters())


def test_training_passes_over_every_text_in_each_epoch():
    gan, seen = make_gan(), []

    def embed(places):
        seen.extend(places.tolist())
        return torch.zeros(len(places), 5, 3)

    steps = list(train(gan, 10, embed, epochs=2, batch_size=4, learning_rate=0.001))
    # Ten texts in batches of four: three updates a pass.
    assert [(step.step, step.epoch) for step in steps] == [
        (1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (6, 2)
    ]  # fmt: skip
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))
    assert seen[:10] != seen[10:]


def test_each_network_learns_against_a_resting_opponent():
    # First the discriminator, then the generator against what it has learnt: the loss must fall
    # to below a tenth of log 2 a text, what guessing costs, while the other one's weights rest.
    gan = make_gan(dropout=0.0)
    real = 1 + 0.1 * torch.randn(64, 5, 3)

    def learn(generator_rate, discriminator_rate):
        optimizers = [
            torch.optim.Adam(gan.generator.parameters(), generator_rate),
            torch.optim.Adam(gan.discriminator.parameters(), discriminator_rate),
        ]
        weights = [weight.clone() for weight in gan.parameters()]
        for _ in range(200):
            losses = update(gan, real, gan.draw_noise(64), *optimizers)
        moved = [
            not torch.equal(old, new) for old, new in zip(weights, gan.parameters(), strict=True)
        ]
        count = len(list(gan.generator.parameters()))
        return losses, any(moved[:count]), any(moved[count:])

    (_, loss), generator_moved, discriminator_moved = learn(0.0, 0.02)
    assert loss / 2 < 0.1 * math.log(2)
    assert (generator_moved, discriminator_moved) == (False, True)
    (loss, _), generator_moved, discriminator_moved = learn(0.02, 0.0)
    assert loss < 0.1 * math.log(2)
    assert (generator_moved, discriminator_moved) == (True, False)


def test_training_stops_when_a_loss_is_no_longer_finite():
    steps = [Step(1, 1, 0.7, 1.4), Step(2, 1, math.nan, 1.4), Step(3, 1, 0.7, 1.4)]
    with pytest.raises(UserError, match=r"^gan scalar: .* at step 2; lower gan.learning_rate"):
        follow(iter(steps), tqdm(desc="gan scalar"))
    assert follow(iter(steps[:1]), tqdm(desc="gan scalar")) == steps[:1]


def test_same_seed_same_training():
    def run(seed):
        gan = make_gan(seed)
        real = torch.ones(20, 5, 3)
        return list(
            train(gan, 20, lambda places: real[places], epochs=3, batch_size=8, learning_rate=0.01)
        )

    assert run(1) == run(1) != run(2)


def test_generated_texts_depend_on_the_seed_alone():
    gan = make_gan().eval()
    first = torch.cat(list(gan.generate(700, seed=1)))
    torch.randn(5)
    assert first.shape == (700, 5, 3)
    assert torch.equal(first, torch.cat(list(gan.generate(700, seed=1))))
    assert not torch.equal(first, torch.cat(list(gan.generate(700, seed=2))))


def test_saved_gan_is_the_same_gan(tmp_path):
    gan = make_gan(noise="uniform").eval()
    gan.save(tmp_path / "gan.safetensors")
    loaded = Gan.load(tmp_path / "gan.safetensors", "cpu")
    assert loaded.settings == gan.settings
    assert not loaded.training
    made = torch.cat(list(gan.generate(9, seed=1)))
    assert torch.equal(made, torch.cat(list(loaded.generate(9, seed=1))))
    assert torch.equal(gan.discriminator.judge(made), loaded.discriminator.judge(made))


def test_a_gan_beyond_the_memory_is_refused_before_it_is_made():
    # The paper's shape at BERT's width: a dense layer from 20 * 1200 to 768 * 1200 numbers is
    # 24,000 * 921,600 + 921,600 = 22,119,321,600 weights, 16 bytes each in training: 354 GB.
    settings = GanSettings(
        width=768, max_length=1200, hidden_size=20, num_layers=2, dropout=0.5, noise="normal"
    )
    with pytest.raises(UserError, match=r"needs 35\d\.\d GB .* max_length 1200") as error:
        check_memory(settings, "cpu")
    assert "\n" not in str(error.value)
    check_memory(SETTINGS, "cpu")
