"""The adversarial training of a language model: its rewards, its updates, and its file."""

import math

import pytest
import torch
from torch.nn.functional import pad
from torch.nn.utils import clip_grad_norm_

from stages.embeddings.piece_table import PieceTable, lengths_of
from stages.embeddings.scalar import ScalarEmbedding
from stages.models.gan import Gan, GanSettings
from stages.models.language_gan import LanguageGan, LanguageGanSettings
from stages.models.language_model import END, LanguageModel, LanguageModelSettings, written
from stages.models.load import load_gan
from stages.models.prefix_discriminator import verdicts
from stages.training.language_gan import (
    LARGEST_GRADIENT,
    Data,
    Method,
    Texts,
    reward,
    train,
    update_discriminator,
    update_generator,
    weigh,
)
from stages.training.objectives import OBJECTIVES

WORDS = ["", "the", "soup", "was", "cold"]
LENGTH = 5
METHODS = ["policy_gradient", "maligan", "likelihood"]


def make_gan(seed=0, *, dropout=0.0, token_dropout=0.0, width=1, sources=1):
    torch.manual_seed(seed)
    generator = LanguageModel(WORDS, LanguageModelSettings(8, 8, 1, dropout))
    settings = LanguageGanSettings(width, LENGTH, 8, 1, dropout, token_dropout, sources)
    return LanguageGan(settings, generator)


def make_method(name="policy_gradient", **changes):
    settings = {
        "objective": "cross_entropy",
        "discount": 1.0,
        "likelihood_weight": 0.1,
        "generator_learning_rate": 0.01,
        "learning_rate": 0.01,
    }
    return Method(name, **{**settings, **changes})


def draw_words(count, seed=0):
    """Texts of 0 to LENGTH words, (B, T)."""
    random = torch.Generator().manual_seed(seed)
    words = torch.randint(1, len(WORDS), (count, LENGTH), generator=random)
    sizes = torch.randint(0, LENGTH + 1, (count, 1), generator=random)
    return words * (torch.arange(LENGTH) < sizes)


def make_data(words, *, others=(), seen=None, early=draw_words):
    """Data of real texts; `seen` takes the places asked for, `early` gives the first fakes."""
    embedding = ScalarEmbedding(WORDS[1:])

    def real(places):
        if seen is not None:
            seen.append(places.tolist())
        return Texts(embedding.embed(words[places]), lengths_of(words[places]))

    def first(count):
        fakes = early(count)
        return Texts(embedding.embed(fakes), lengths_of(fakes))

    pieces = PieceTable(embedding, WORDS, LENGTH)
    return Data(words, real, first, others, pieces, embedding.embed)


def weights_of(network):
    return [weight.detach().clone() for weight in network.parameters()]


def is_same(first, second):
    return all(torch.equal(*pair) for pair in zip(first, second, strict=True))


def score_words(generator, words):
    """Log P of each text."""
    parts = torch.zeros(words.shape)
    with torch.no_grad():
        parts[written(words)] = generator.log_likelihood(words, written(words))
    return parts.sum(1)


def score_going(generator, words):
    """Log P of the words, given that none of them is an end."""
    with torch.no_grad():
        likelihoods, ends = generator.log_likelihoods(words, words != END)
    return (likelihoods - (1 - ends.exp()).log()).sum().item()


# Rewards. A logit of 9 is one that nobody may look at.


@pytest.mark.parametrize(
    ("words", "ends", "length", "logits", "added"),
    [
        # Two words and the end: 0.5 - 0, -1 - 0.5, and from -1 to the verdict, 2.
        ([5, 6, 0], [1, 2, 2], 2, [0.5, -1, 2, 9], [0.5, -1.5, 3]),
        # A word of two tokens, one of one, the end: the logits after 2 and 3 tokens, 1 and 4, then
        # the verdict, 3.
        ([5, 6, 0], [2, 3, 3], 3, [9, 1, 4, 3], [1, 3, -1]),
        # Cropped, so without an end: the last word goes from 1 straight to the verdict, 4.
        ([5, 6], [1, 2], 2, [1, 9, 4], [1, 3]),
        # Two words of two tokens, cropped after three; the third word adds none. After 2 and 3
        # tokens 1 and 4, the last word takes the verdict, 6.
        ([5, 6, 7], [2, 3, 3], 3, [9, 1, 4, 6], [1, 3, 2]),
        # A word without a token adds nothing: 0, 2 - 0, 3 - 2.
        ([5, 6, 0], [0, 1, 1], 1, [2, 3, 9, 9], [0, 2, 1]),
        # What follows the end is padding.
        ([5, 0, 0, 0], [1, 1, 1, 1], 1, [2, 5, 9, 9, 9], [2, 3, 0, 0]),
        # No word at all: the verdict alone.
        ([0, 0], [0, 0], 0, [-2, 9, 9], [-2, 0]),
    ],
)
@pytest.mark.parametrize("discount", [0, 0.5, 1])
def test_rewards_worked_out_by_hand(words, ends, length, logits, added, discount):
    # A word's reward is what it adds and, each discounted by its distance, what later ones add.
    expected = [
        sum(discount**distance * later for distance, later in enumerate(added[place:]))
        for place in range(len(added))
    ]
    rewards = reward(
        torch.tensor([logits]).float(),
        torch.tensor([length]),
        torch.tensor([ends]),
        torch.tensor([words]),
        discount,
    )
    assert rewards[0].tolist() == pytest.approx(expected)


def test_discounted_rewards_to_the_number():
    # Added 1, 3 and -1. With half: -1, 3 - 0.5, 1 + 1.25; undiscounted: -1, 3 - 1, 1 + 2.
    logits, lengths = torch.tensor([[9.0, 1, 4, 3]]), torch.tensor([3])
    ends, words = torch.tensor([[2, 3, 3]]), torch.tensor([[5, 6, 0]])
    assert reward(logits, lengths, ends, words, 0.5).tolist() == [[2.25, 2.5, -1]]
    assert reward(logits, lengths, ends, words, 1).tolist() == [[3, 2, -1]]


def read(words, seed=0):
    """What a discriminator drawn at random makes of texts: logits, lengths, ends."""
    gan = make_gan(seed).eval()
    data = make_data(words)
    tokens, ends = data.pieces.tokenize(words)
    lengths = lengths_of(tokens)
    with torch.no_grad():
        # As drawn, the logits differ by little more than rounding.
        return 10 * gan.discriminator(data.embed(tokens), lengths)[..., 0], lengths, ends


def test_undiscounted_the_first_words_reward_is_the_verdict():
    words = draw_words(100)
    logits, lengths, ends = read(words)
    rewards = reward(logits, lengths, ends, words, 1)
    assert torch.allclose(rewards[:, 0], verdicts(logits, lengths), atol=1e-5)
    assert (rewards[~written(words)] == 0).all()


def test_undiscounted_any_words_reward_is_what_is_left_to_the_verdict():
    words = draw_words(100)
    logits, lengths, ends = read(words)
    rewards = reward(logits, lengths, ends, words, 1)
    for row, length in enumerate(lengths):
        for place in range(1, min(length + 1, LENGTH)):
            left = logits[row, length] - logits[row, place - 1]
            assert rewards[row, place].item() == pytest.approx(left.item(), abs=1e-5)


# Weights.


@pytest.mark.parametrize("name", METHODS)
def test_ends_and_padding_weigh_nothing(name):
    words = draw_words(40)
    weights = weigh(make_method(name), *read(words), words)
    assert weights.shape == words.shape
    assert weights.dtype == torch.float32
    assert (weights[words == END] == 0).all()
    assert (weights != 0).any() == (name != "likelihood")


@pytest.mark.parametrize("discount", [0, 0.5, 1])
def test_weights_of_the_policy_gradient_are_the_rewards_beyond_the_mean_of_their_place(discount):
    words = draw_words(40)
    texts, mask = read(words), words != END
    weights = weigh(make_method(discount=discount), *texts, words)
    rewards = reward(*texts, words, discount)
    beyond = torch.zeros(words.shape)
    for place in range(LENGTH):
        here = rewards[mask[:, place], place]
        assert weights[:, place].mean().item() == pytest.approx(0, abs=1e-4)
        beyond[mask[:, place], place] = here - sum(here) / len(here)
    assert weights[mask].square().mean().item() == pytest.approx(1, abs=1e-2)
    scale = beyond[mask].square().mean().sqrt()
    assert torch.allclose(weights, beyond / scale, atol=1e-2)


def test_equal_rewards_weigh_nothing():
    words, ends = torch.tensor([[1, 2], [3, 4]]), torch.tensor([[1, 2], [1, 2]])
    logits, lengths = torch.tensor([[1.0, 9, 2], [1, 9, 2]]), torch.tensor([2, 2])
    # Each word adds 1.
    weights = weigh(make_method(discount=0), logits, lengths, ends, words)
    assert weights.tolist() == [[0, 0], [0, 0]]


def test_weights_of_maligan_worked_out_by_hand():
    # Verdicts log 3 and 0 are odds of 3 and 1, of which the shares are 3/4 and 1/4; times two
    # texts, less 1: 1/2 and -1/2, for each word.
    words, ends = torch.tensor([[1, 0, 0], [2, 3, 0]]), torch.tensor([[1, 1, 1], [1, 2, 2]])
    logits = torch.tensor([[9, math.log(3), 9, 9], [9, 9, 0, 9]])
    weights = weigh(make_method("maligan"), logits, torch.tensor([1, 2]), ends, words)
    assert weights.flatten().tolist() == pytest.approx([0.5, 0, 0, -0.5, -0.5, 0], abs=1e-6)


def test_weights_of_maligan_add_up_to_nothing_over_texts_of_one_length():
    words = torch.randint(1, len(WORDS), (30, LENGTH), generator=torch.Generator().manual_seed(1))
    logits, lengths, ends = read(words)
    weights = weigh(make_method("maligan"), logits, lengths, ends, words)
    assert weights.sum().item() == pytest.approx(0, abs=1e-4)
    assert weights.min() >= -1
    # Likelier real weighs more, and how real all of them look does not count.
    order = verdicts(logits, lengths).argsort()
    assert (weights[order, 0].diff() >= 0).all()
    moved = weigh(make_method("maligan"), logits + 3, lengths, ends, words)
    assert torch.allclose(moved, weights, atol=1e-4)


# The generator's update.


@pytest.mark.parametrize("sign", [1, -1])
def test_words_become_as_likely_as_they_weigh(sign):
    generator = make_gan().generator
    words = torch.tensor([[1, 2, 0, 0, 0], [3, 4, 4, 1, 1]])
    weights = sign * torch.tensor([[1.0], [-1.0]]) * written(words)
    before = score_words(generator, words)
    update_generator(
        generator, words, weights, words, 0.0, torch.optim.SGD(generator.parameters(), 0.01)
    )
    moved = score_words(generator, words) - before
    assert (moved.sign() == sign * torch.tensor([1, -1])).all()


def test_real_texts_become_likelier():
    generator = make_gan().generator
    words, real = draw_words(4, seed=1), draw_words(4, seed=2)
    before = score_words(generator, real).sum()
    optimizer = torch.optim.SGD(generator.parameters(), 0.01)
    update_generator(generator, words, torch.zeros(words.shape), real, 1.0, optimizer)
    assert score_words(generator, real).sum() > before


def test_words_that_all_weigh_one_are_learnt_like_real_texts_but_for_their_ends():
    words, other = draw_words(6, seed=1), draw_words(6, seed=2)
    generator, twin = make_gan().generator, make_gan().generator
    update_generator(
        generator,
        words,
        torch.ones(words.shape),
        other,
        0.0,
        torch.optim.SGD(generator.parameters(), 0.1),
    )
    # The same loss from the whole softmax: of each word among the words, without the end.
    before = pad(words[:, :-1], (1, 0))
    hidden = twin.read(before)[0][words != END]
    among = twin.softmax.log_prob(hidden)[:, 1:].log_softmax(1)
    picked = words[words != END].unsqueeze(1) - 1
    loss = -among.gather(1, picked).mean()
    loss.backward()
    clip_grad_norm_(twin.parameters(), LARGEST_GRADIENT)
    torch.optim.SGD(twin.parameters(), 0.1).step()
    for ours, textbook in zip(generator.parameters(), twin.parameters(), strict=True):
        assert torch.allclose(ours, textbook, atol=1e-6)


@pytest.mark.parametrize("weight", [1.0, -1.0])
def test_rewards_do_not_touch_where_texts_end(weight):
    # Were it not for what words and ends share, the end's own bias would have no slope at all.
    generator, words = make_gan().generator, draw_words(6, seed=1)
    before = generator.softmax.head.bias.detach().clone()
    weights = torch.full(words.shape, weight)
    optimizer = torch.optim.SGD(generator.parameters(), 1.0)
    update_generator(generator, words, weights, words, 0.0, optimizer)
    moved = (generator.softmax.head.bias - before).abs()
    assert moved[END] < 1e-6
    assert moved[1:].max() > 1e-3


def test_a_large_gradient_is_clipped():
    generator, words = make_gan().generator, draw_words(6)
    before = weights_of(generator)
    optimizer = torch.optim.SGD(generator.parameters(), 1.0)
    update_generator(generator, words, torch.full(words.shape, 1e4), words, 0.0, optimizer)
    moved = [new - old for new, old in zip(generator.parameters(), before, strict=True)]
    norm = torch.cat([part.flatten() for part in moved]).norm().item()
    # The rate is 1, so the step is as long as the gradient.
    assert norm == pytest.approx(LARGEST_GRADIENT, rel=1e-3)


# The discriminator's update.


def make_texts(value, lengths):
    return Texts(torch.full((len(lengths), LENGTH, 2), value), torch.tensor(lengths))


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("sources", [1, 2])
def test_the_discriminator_tells_two_sources_apart(objective, sources):
    gan = make_gan(width=2, sources=sources).train()
    lengths = [1, 2, 3, 4, 5]
    real = make_texts(1.0, lengths)
    fakes = [make_texts(-1.0 - number, lengths) for number in range(sources)]
    optimizer = torch.optim.Adam(gan.discriminator.parameters(), 0.02)
    generator = weights_of(gan.generator)
    losses = [update_discriminator(gan, real, fakes, objective, optimizer) for _ in range(80)]
    assert losses[-1] < losses[0] - 1
    gan.eval()
    real_logits = gan.discriminator(*real)
    for source, fake in enumerate(fakes):
        fake_logits = gan.discriminator(*fake)
        whole = verdicts(real_logits, real.lengths)[:, source].min()
        assert whole - verdicts(fake_logits, fake.lengths)[:, source].max() > 1
        # The first token already gives each away.
        assert real_logits[:, 0, source].min() - fake_logits[:, 0, source].max() > 1
    assert is_same(weights_of(gan.generator), generator)


def rest(gan):
    """Learn nothing, and let the spectral norm stand: the loss alone is asked for."""
    gan.discriminator.head.eval()
    return torch.optim.SGD(gan.discriminator.parameters(), 0.0)


@pytest.mark.parametrize(
    ("objective", "loss"),
    # Of a logit of 0, real and fake: log 2 each, or the margin, 1 each.
    [
        ("cross_entropy", 2 * math.log(2)),
        ("hinge", 2),
        ("relativistic", 2 * math.log(2)),
        ("wasserstein", 0),
    ],
)
@pytest.mark.parametrize("sources", [1, 3])
def test_who_knows_nothing_pays_for_both_sides(objective, loss, sources):
    gan = make_gan(width=2, sources=sources).train()
    for weight in gan.discriminator.head[-1].parameters():
        weight.data.zero_()
    fakes = [make_texts(-1.0, [5, 0])] * sources
    optimizer = rest(gan)
    paid = update_discriminator(gan, make_texts(1.0, [2, 3]), fakes, objective, optimizer)
    assert paid == pytest.approx(loss, abs=1e-6)


def draw_texts(lengths, seed):
    random = torch.Generator().manual_seed(seed)
    vectors = torch.randn(len(lengths), LENGTH, 2, generator=random)
    return Texts(vectors, torch.tensor(lengths))


def test_the_discriminators_loss_is_the_mean_over_texts_and_over_beginnings():
    gan = make_gan(width=2, sources=2).train()
    gan.discriminator.head[-1].weight.data *= 20  # so that logits differ
    optimizer = rest(gan)
    real, fakes = draw_texts([2, 5], 1), [draw_texts([0, 3], 2), draw_texts([4, 4], 3)]

    def mean(logits, texts, sign):
        losses = (1 + (-sign * logits).exp()).log()  # -log sigmoid
        rows = [losses[row, : length + 1] for row, length in enumerate(texts.lengths)]
        whole = torch.stack([row[-1] for row in rows]).mean()
        return (whole + torch.cat(rows).mean()) / 2

    # Each source has a logit of its own, and its own loss of real texts.
    expected = sum(
        mean(gan.discriminator(*real)[..., source], real, 1)
        + mean(gan.discriminator(*fake)[..., source], fake, -1)
        for source, fake in enumerate(fakes)
    )
    expected = expected / 2
    paid = update_discriminator(gan, real, fakes, "cross_entropy", optimizer)
    assert paid == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_what_follows_a_text_costs_nothing(objective):
    gan = make_gan(width=2).train()
    gan.discriminator.head[-1].weight.data *= 20
    optimizer = rest(gan)
    real, fake = draw_texts([2, 4], 1), draw_texts([0, 3], 2)
    others = []
    for texts in (real, fake):
        read = (torch.arange(LENGTH) < texts.lengths.unsqueeze(1)).unsqueeze(2)
        others.append(texts._replace(vectors=torch.where(read, texts.vectors, 7.0)))
    paid = update_discriminator(gan, real, [fake], objective, optimizer)
    same = update_discriminator(gan, others[0], [others[1]], objective, optimizer)
    assert same == pytest.approx(paid, rel=1e-5)


# Training.


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(("warm_up", "epochs"), [(0, 2), (2, 1), (1, 0)])
def test_every_pass_takes_each_text_once(name, warm_up, epochs):
    seen, asked, first = [], [], []

    def early(count):
        first.append(count)
        return draw_words(count)

    def others(count):
        asked.append(count)
        return Texts(torch.full((count, LENGTH, 1), 3.0), torch.full((count,), LENGTH))

    gan = make_gan(dropout=0.3, token_dropout=0.2, sources=2)
    data = make_data(draw_words(10), others=[others], seen=seen, early=early)
    steps = list(train(gan, data, make_method(name), warm_up=warm_up, epochs=epochs, batch_size=4))
    # Ten texts in batches of four: three updates a pass.
    passes = warm_up + epochs
    assert [step.step for step in steps] == list(range(1, 3 * passes + 1))
    expected = [0] * 3 * warm_up + [1 + number // 3 for number in range(3 * epochs)]
    assert [step.epoch for step in steps] == expected
    assert [len(places) for places in seen] == asked == [4, 4, 2] * passes
    assert first == [4, 4, 2] * warm_up  # and none once the generator learns
    parts = [seen[3 * number : 3 * number + 3] for number in range(passes)]
    orders = [[place for part in batches for place in part] for batches in parts]
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert len(set(map(tuple, orders))) == passes
    assert all(math.isfinite(step.generator + step.discriminator) for step in steps)
    assert all(part.training for part in gan.modules())


@pytest.mark.parametrize("name", METHODS)
def test_the_generator_rests_while_the_discriminator_warms_up(name):
    gan = make_gan()
    generator, discriminator = weights_of(gan.generator), weights_of(gan.discriminator)
    for step in train(
        gan, make_data(draw_words(8)), make_method(name), warm_up=2, epochs=2, batch_size=4
    ):
        assert is_same(weights_of(gan.generator), generator) == (step.epoch == 0)
        assert not is_same(weights_of(gan.discriminator), discriminator)
        discriminator = weights_of(gan.discriminator)


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_the_method_likelihood_is_maximum_likelihood(share):
    words, seen = draw_words(10), []
    gan, twin = make_gan(), make_gan().generator
    method = make_method("likelihood", likelihood_weight=share)
    list(train(gan, make_data(words, seen=seen), method, warm_up=1, epochs=2, batch_size=4))
    optimizer = torch.optim.Adam(twin.parameters(), method.generator_learning_rate)
    for places in seen[3:]:  # after the three batches of the warm-up
        loss = -share * twin.log_likelihood(words[places], written(words[places])).mean()
        optimizer.zero_grad()
        loss.backward()
        clip_grad_norm_(twin.parameters(), LARGEST_GRADIENT)
        optimizer.step()
    for ours, textbook in zip(gan.generator.parameters(), twin.parameters(), strict=True):
        assert torch.allclose(ours, textbook, atol=1e-5)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("name", ["policy_gradient", "maligan"])
def test_the_generator_learns_from_the_discriminator_alone(name, objective):
    # Every real text is "soup" over and over; no real text's likelihood helps.
    words = torch.full((64, LENGTH), WORDS.index("soup"))
    gan = make_gan()
    before = score_going(gan.generator, words[:1])
    method = make_method(name, objective=objective, likelihood_weight=0.0, learning_rate=0.02)
    data = make_data(words, early=lambda count: gan.generator.sample(count, LENGTH))
    list(train(gan, data, method, warm_up=20, epochs=20, batch_size=64))
    # As drawn, each of the four words is about as likely as another.
    assert before == pytest.approx(-LENGTH * math.log(4), abs=2.5)
    assert score_going(gan.generator, words[:1]) > before + math.log(3)


def test_the_generator_is_told_by_its_own_logit_alone():
    # The second source's logit is beyond all measure; -log D and the weights do not see it.
    def run(bias):
        gan = make_gan(sources=2)
        gan.discriminator.head[-1].weight.data.zero_()
        gan.discriminator.head[-1].bias.data = torch.tensor([math.log(3), bias])
        data = make_data(
            draw_words(6),
            others=[
                lambda count: Texts(torch.ones(count, LENGTH, 1), torch.full((count,), LENGTH))
            ],
        )
        method = make_method(learning_rate=0.0)
        steps = list(train(gan, data, method, warm_up=0, epochs=2, batch_size=3))
        return [step.generator for step in steps], weights_of(gan.generator)

    (losses, weights), (others, same) = run(0.0), run(50.0)
    assert losses == others == pytest.approx([math.log(4 / 3)] * 4, rel=1e-5)
    assert is_same(weights, same)


def test_the_generators_loss_is_how_sure_the_discriminator_is_of_its_texts():
    # A discriminator that always says log 3, and learns nothing: -log(3/4).
    gan = make_gan()
    gan.discriminator.head[-1].weight.data.zero_()
    gan.discriminator.head[-1].bias.data.fill_(math.log(3))
    method = make_method(learning_rate=0.0)
    steps = train(gan, make_data(draw_words(6)), method, warm_up=1, epochs=1, batch_size=3)
    for step in steps:
        assert step.generator == pytest.approx(math.log(4 / 3), rel=1e-5)
        # Real: -log(3/4), fake: -log(1/4).
        assert step.discriminator == pytest.approx(math.log(16 / 3), rel=1e-5)


def test_same_seed_same_training():
    def run(seed):
        gan = make_gan(seed, dropout=0.3, token_dropout=0.2)
        data = make_data(draw_words(10))
        return list(train(gan, data, make_method(), warm_up=1, epochs=2, batch_size=4))

    assert run(1) == run(1) != run(2)


# The file.


def make_paper_gan(seed=0):
    torch.manual_seed(seed)
    return Gan(
        GanSettings(width=3, max_length=5, hidden_size=4, num_layers=2, dropout=0.5, noise="normal")
    )


def test_a_saved_language_gan_is_the_same_gan(tmp_path):
    gan = make_gan(dropout=0.3, token_dropout=0.2, width=2, sources=3)
    vectors, lengths = torch.randn(6, LENGTH, 2), torch.tensor([0, 1, 2, 3, 4, 5])
    gan.train()
    for _ in range(3):  # which turn the spectral norm
        gan.discriminator(vectors, lengths)
    gan.eval()
    gan.save(tmp_path / "gan.safetensors")
    loaded = load_gan(tmp_path / "gan.safetensors", "cpu")
    assert isinstance(loaded, LanguageGan)
    assert not loaded.training
    assert loaded.settings == gan.settings
    assert loaded.generator.settings == gan.generator.settings
    assert loaded.generator.words == WORDS
    assert is_same(weights_of(loaded), weights_of(gan))
    scores = gan.discriminator.judge(vectors, lengths)
    assert torch.equal(loaded.discriminator.judge(vectors, lengths), scores)
    texts, again = (list(part.generator.generate(20, LENGTH, seed=1)) for part in (gan, loaded))
    assert texts == again


def test_a_saved_paper_gan_is_the_same_gan(tmp_path):
    gan = make_paper_gan().eval()
    gan.save(tmp_path / "gan.safetensors")
    loaded = load_gan(str(tmp_path / "gan.safetensors"), "cpu")
    assert isinstance(loaded, Gan)
    assert not loaded.training
    assert loaded.settings == gan.settings
    made, again = (torch.cat(list(part.generate(9, seed=1))) for part in (gan, loaded))
    assert torch.equal(made, again)
    assert torch.equal(gan.discriminator.judge(made), loaded.discriminator.judge(made))


def make_language_model(seed=0):
    return make_gan(seed).generator


@pytest.mark.parametrize("make", [make_gan, make_paper_gan, make_language_model])
def test_same_network_same_file(make, tmp_path):
    # Five of them: an order left to chance may come out the same twice.
    files = [tmp_path / str(number) for number in range(5)]
    for path in files:
        make().save(path)
    assert len({path.read_bytes() for path in files}) == 1
    make(seed=1).save(tmp_path / "other")
    assert (tmp_path / "other").read_bytes() != files[0].read_bytes()
