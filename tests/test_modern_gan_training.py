"""How the modern GAN learns: what its discriminator reads, and what its generator learns."""

import copy
import math
from itertools import chain
from statistics import fmean

import numpy as np
import pytest
import torch
from torch.nn.utils import clip_grad_norm_
from torch.nn.utils.parametrize import is_parametrized

from stages.corpus.corpus import UNKNOWN, Corpus
from stages.corpus.seeds import derive_seed
from stages.embeddings.piece_table import lengths_of
from stages.embeddings.scalar import ScalarEmbedding
from stages.generators import modern_gan_training
from stages.generators.modern_gan import ModernGan
from stages.generators.modern_gan_settings import ModernGanSettings
from stages.generators.modern_gan_training import CHECKED, ModernGanTraining
from stages.measures.frechet import fit_gaussian, frechet_distance
from stages.networks.lstm_language_model import END, written
from stages.networks.prefix_discriminator import verdicts
from stages.pipeline.trainer import fit
from stages.training import lone_discriminator
from stages.training.discriminator import LARGEST_GRADIENT, unseen_loss
from stages.training.objectives import OBJECTIVES
from stages.training.stock import Stock
from tests.test_modern_gan import (
    LENGTH,
    PARTS,
    SETTINGS,
    TEXTS,
    WORDS,
    WRITERS,
    draw_words,
    is_same,
    make_corpus,
    make_gan,
    make_split,
    make_writer,
    train_on,
    weights_of,
    write,
)

METHODS = ["policy_gradient", "maligan", "likelihood"]


def train(gan, words):
    return train_on(gan, make_corpus(words))


def set_logits(gan, logits):
    """Let the discriminator always give the same logits, one a source."""
    last = gan.networks["discriminator"].head[-1]
    last.weight.data.zero_()
    last.bias.data = torch.tensor(logits)


@pytest.fixture
def seen(monkeypatch):
    """Give the places asked for, by source, in order."""
    places = {}

    class Watched(Stock):
        def __init__(self, name, embedding, tokens):
            super().__init__(name, embedding, tokens)
            self.asked = places.setdefault(name, [])

        def at(self, chosen):
            self.asked.append(chosen.tolist())
            return super().at(chosen)

    monkeypatch.setattr(modern_gan_training, "Stock", Watched)
    return places


# The passes over the texts.


@pytest.mark.parametrize(
    ("method", "warm_up", "epochs"),
    [("policy_gradient", 0, 2), ("maligan", 2, 1), ("likelihood", 1, 2), ("maligan", 2, 0)],
)
def test_every_pass_takes_each_text_once(seen, method, warm_up, epochs):
    settings = {"dropout": 0.3, "token_dropout": 0.2, "fakes": ["markov"]}
    gan = make_gan(method=method, warm_up=warm_up, epochs=epochs, **settings)
    steps = train(gan, draw_words(10))
    # Ten texts in batches of four: three updates a pass.
    passes = warm_up + epochs
    assert gan.count_steps(make_corpus(draw_words(10))) == 3 * passes
    assert [step.step for step in steps] == list(range(1, 3 * passes + 1))
    expected = [0] * 3 * warm_up + [1 + number // 3 for number in range(3 * epochs)]
    assert [step.epoch for step in steps] == expected
    assert [step.ends_epoch for step in steps] == [False, False, True] * passes
    # What the generator is after the warm-up, which is what it was before, and after each epoch, is
    # judged, where there is more than one to choose from.
    validated = [step.step for step in steps if step.validation is not None]
    judged = range(0 if warm_up else 1, epochs + 1) if epochs else []
    assert validated == [3 * (warm_up + number) for number in judged]
    asked = {name: list(map(len, places)) for name, places in seen.items()}
    assert asked["real texts"] == asked["markov"] == [4, 4, 2] * passes
    assert asked["language_model"] == [4, 4, 2] * warm_up  # and none once the generator learns
    real = seen["real texts"]
    orders = [[*chain(*real[3 * number : 3 * number + 3])] for number in range(passes)]
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert len(set(map(tuple, orders))) == passes
    assert all(math.isfinite(loss) for step in steps for loss in step.losses.values())
    assert not gan.networks.training


def test_rare_words_are_read_by_the_discriminator_and_unknown_to_the_generator(monkeypatch):
    # "was" and "cold" were left out: ids 4 and 5, beyond the unknown word's, 3.
    words = ["", "the", "soup", UNKNOWN, "was", "cold"]
    learnt = [[1, 2, 4, 5], [4, 1], [2, 2, 2], [1, 5]]
    texts = [torch.tensor([*text, *[0] * (LENGTH - len(text))]) for text in learnt]
    split = make_split(torch.stack(texts))
    corpus = Corpus(words, 3, split, split, split, LENGTH)
    writer = make_writer(words=["", UNKNOWN, "soup", "the"])
    settings = ModernGanSettings(**{**SETTINGS, "epochs": 1})
    gan = ModernGan(ScalarEmbedding(["the", "soup", "was", "cold"]), settings, writer, "cpu")
    gan.training.fakes = {"language_model": TEXTS}
    gan.training._distance_to = lambda held_out: lambda: 0.0
    update, told = modern_gan_training.update_generator, []

    def watch(generator, words, advantages, real_words, *rest):
        told.append((words, real_words))
        update(generator, words, advantages, real_words, *rest)

    stocks = {}

    class Watched(Stock):
        def __init__(self, name, embedding, tokens):
            stocks[name] = tokens.tolist()
            super().__init__(name, embedding, tokens)

    monkeypatch.setattr(modern_gan_training, "update_generator", watch)
    monkeypatch.setattr(modern_gan_training, "Stock", Watched)
    list(gan.train(corpus))
    # And so it reads the validation texts, here the same.
    rows = [[1, 2, 3, 4, 0], [3, 1, 0, 0, 0], [2, 2, 2, 0, 0], [1, 4, 0, 0, 0]]
    assert stocks["real texts"] == stocks["unseen real texts"] == rows
    ((own, real),) = told
    assert sorted(real.tolist()) == [
        [1, 3, 0, 0, 0],
        [2, 2, 2, 0, 0],
        [3, 1, 0, 0, 0],
        [3, 2, 1, 1, 0],
    ]
    assert not (own == 1).any()


@pytest.mark.parametrize("generator", WRITERS)
@pytest.mark.parametrize("method", METHODS)
def test_the_generator_rests_while_the_discriminator_warms_up(method, generator):
    gan = make_gan(generator=generator, method=method, warm_up=2)
    generator, discriminator = (weights_of(gan.networks[part]) for part in PARTS)
    for step in gan.train(make_corpus(draw_words(8))):
        assert is_same(weights_of(gan.networks["generator"]), generator) == (step.epoch == 0)
        assert not is_same(weights_of(gan.networks["discriminator"]), discriminator)
        discriminator = weights_of(gan.networks["discriminator"])


def test_same_seed_same_training():
    def run(seed):
        return train(make_gan(seed, dropout=0.3, token_dropout=0.2, warm_up=1), draw_words(10))

    assert run(1) == run(1) != run(2)


# After the second the rate falls, after the third, the fifth and the sixth again: then it is over.
LOSSES = [3.0, 3.5, 2.0, 2.5, 2.2]


@pytest.mark.parametrize("generator", WRITERS)
@pytest.mark.parametrize(
    "passes",
    [1, 2, 3, 4, 5, 6, 7],
    ids=[*(f"after pass {number} of 5 alone" for number in range(1, 6)), "epoch 1", "epoch 2"],
)
def test_resumed_is_unbroken(monkeypatch, passes, generator):
    def make():
        shape = {"dropout": 0.3, "token_dropout": 0.2, "fakes": ["markov"], "generator": generator}
        return make_gan(warm_up=9, epochs=2, divergence_weight=0.5, **shape)

    tell_losses(monkeypatch, LOSSES)
    corpus, whole = make_corpus(draw_words(8)), make()
    unbroken, state = [], None
    for step in whole.train(corpus):
        unbroken.append(step)
        if step.step == 2 * passes:  # two updates a pass
            assert step.ends_epoch
            state, random = copy.deepcopy(whole.state_dict()), torch.get_rng_state()
    assert [step.epoch for step in unbroken] == [0] * 10 + [1] * 2 + [2] * 2
    tell_losses(monkeypatch, LOSSES[passes:], before=())
    resumed = make()
    resumed.load_state_dict(state)
    torch.set_rng_state(random)
    assert list(resumed.train(corpus)) == unbroken[2 * passes :]
    assert is_same(weights_of(resumed.networks), weights_of(whole.networks))
    assert resumed.describe() == whole.describe()


# The warm-up.


def tell_losses(monkeypatch, losses, before=(10.0,)):
    """Let the discriminator have these losses on unseen texts; give its weights at each.

    `before` are those before any pass. The rate falls after a single pass that has not helped.
    """
    monkeypatch.setattr(lone_discriminator, "PATIENCE", 1)
    told, weights = iter([*before, *losses]), []

    def unseen_loss(discriminator, *_):
        weights.append(weights_of(discriminator))
        return next(told)

    monkeypatch.setattr(lone_discriminator, "unseen_loss", unseen_loss)
    return weights


@pytest.mark.parametrize("epochs", [0, 1])
@pytest.mark.parametrize(
    ("losses", "warm_up", "best"),
    [
        (LOSSES, 9, 3),
        ([1.0, 2.0, 2.0, 2.0], 9, 1),
        # It ends before the loss has stopped falling.
        ([3.0, 2.0, 4.0], 3, 2),
        ([3.0, 2.0, 1.0], 3, 3),
        ([3.0], 1, 1),
    ],
)
def test_the_discriminator_goes_on_as_it_was_where_its_loss_was_lowest(
    monkeypatch, losses, warm_up, best, epochs
):
    weights = tell_losses(monkeypatch, losses)
    gan, corpus = make_gan(warm_up=warm_up, epochs=epochs), make_corpus(draw_words(10))
    assert gan.count_steps(corpus) == 3 * (warm_up + epochs)
    alone = [step for step in gan.train(corpus) if step.epoch == 0]
    assert len(alone) == 3 * len(losses)
    assert len(weights) == 1 + len(losses)
    # How many updates there are is known better by then.
    assert gan.count_steps(corpus) == 3 * (len(losses) + epochs)
    discriminator = gan.networks["discriminator"]
    size = gan.describe()
    assert (size["warm_up_passes"], size["unseen_loss"]) == (len(losses), losses[best - 1])
    is_best = [is_same(weights_of(discriminator), each) for each in weights[1:]]
    assert is_best == [epochs == 0 and number == best for number in range(1, len(losses) + 1)]


def test_both_learn_from_where_its_loss_was_lowest(monkeypatch):
    # Its last pass alone is undone before both learn.
    weights = tell_losses(monkeypatch, LOSSES)
    gan, found = make_gan(warm_up=9, epochs=1), []
    for step in gan.train(make_corpus(draw_words(10))):
        if step.epoch == 0:
            found.append(weights_of(gan.networks["discriminator"]))
    assert is_same(found[-1], weights[3])
    assert not is_same(found[-2], weights[3])


def test_the_discriminator_s_rate_falls_as_its_loss_does_not_and_stays_so(monkeypatch):
    # Two updates a pass: after the second, fourth and fifth pass the rate falls to 0.3 of it.
    tell_losses(monkeypatch, LOSSES)
    gan = make_gan(warm_up=9, epochs=1)
    optimizers = gan.training.optimizer, gan.training.lone.optimizer
    groups = {part: each.param_groups[0] for part, each in zip(PARTS, optimizers, strict=True)}
    rates = [[groups[part]["lr"] for part in PARTS] for _ in gan.train(make_corpus(draw_words(8)))]
    shares = [1, 1, 0.3, 0.3, 0.09, 0.027]
    assert [rate for _, rate in rates[::2]] == pytest.approx([0.01 * share for share in shares])
    assert rates[::2] == rates[1::2]
    assert {rate for rate, _ in rates} == {0.01}


def test_a_warm_up_ends_by_itself_where_there_is_nothing_more_to_learn():
    # Real texts and fakes are drawn alike: all that can be learnt of them is their very words.
    gan = make_gan(texts=write(draw_words(50, seed=1)), warm_up=100, epochs=0)
    corpus = make_corpus(draw_words(20), held_out=30)
    steps = train_on(gan, corpus)
    assert len(steps) == gan.count_steps(corpus) < 100 * 5
    # It ends with the discriminator of its lowest loss on the unseen texts.
    sides = corpus.texts(corpus.validation, LENGTH), gan.training.fakes["language_model"][20:]
    batches = [Stock("", gan.embedding, gan.embedding.tokenize(s, LENGTH)).batches() for s in sides]
    found = unseen_loss(gan.networks["discriminator"], *batches, "cross_entropy")
    assert found == gan.describe()["unseen_loss"]


def test_without_unseen_texts_all_passes_are_made(monkeypatch):
    # As many fakes as training texts, or no validation text.
    weights = tell_losses(monkeypatch, [])
    for texts, held_out in ((8, 7), (12, 0)):
        gan = make_gan(texts=TEXTS[:texts], warm_up=9, epochs=0)
        steps = train_on(gan, make_corpus(draw_words(8), held_out))
        assert len(steps) == 2 * 9
        assert not weights
        assert "unseen_loss" not in gan.describe()


@pytest.mark.parametrize("fakes", [["markov"], ["language_model"], []], ids=str)
@pytest.mark.parametrize("epochs", [0, 2])
def test_unseen_fakes_are_not_learnt_from(fakes, epochs):
    # Of twelve fakes the first ten are learnt from. Of a single pass there is no choice.
    def run(texts):
        gan = make_gan(texts=texts, fakes=fakes, warm_up=1, epochs=epochs)
        steps = train(gan, draw_words(10))
        return steps, weights_of(gan.networks), gan.training.lone.plateau.lowest

    steps, weights, loss = run(TEXTS)
    others, same, another = run([*TEXTS[:10], "cold cold cold", "soup"])
    assert others == steps
    assert is_same(weights, same)
    assert another != loss
    learnt = run(["cold cold cold"] * 10 + TEXTS[10:])
    assert learnt[0] != steps
    assert not is_same(learnt[1], weights)


def test_without_epochs_the_generator_stays_the_language_model_bit_for_bit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gan = make_gan(warm_up=3, epochs=0, dropout=0.3, token_dropout=0.2)
    gan.training._distance_to = None  # nobody asks
    generator, discriminator = (weights_of(gan.networks[part]) for part in PARTS)
    texts = list(gan.generate(20, 1))
    training = fit(gan, make_corpus(draw_words(10)), "scalar", "key")
    assert is_same(weights_of(gan.networks["generator"]), generator)
    assert not is_same(weights_of(gan.networks["discriminator"]), discriminator)
    assert list(gan.generate(20, 1)) == texts
    assert {step.validation for step in training.steps} == {None}
    # The losses that are told are those of all passes.
    summary = training.summary()
    assert (summary["best_epoch"], summary["steps"]) == (0, 9)
    for part in PARTS:
        assert summary[part] == fmean(step.losses[part] for step in training.steps)
    assert not gan.networks.training


# What the generator learns.


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_the_method_likelihood_is_maximum_likelihood(seen, share):
    words = draw_words(10)
    gan = make_gan(method="likelihood", likelihood_weight=share, warm_up=1)
    twin = copy.deepcopy(gan.networks["generator"])
    train(gan, words)
    optimizer = torch.optim.Adam(twin.parameters(), SETTINGS["generator_learning_rate"])
    for places in seen["real texts"][3:]:  # after the three batches of the warm-up
        loss = -share * twin.log_likelihood(words[places], written(words[places])).mean()
        optimizer.zero_grad()
        loss.backward()
        clip_grad_norm_(twin.parameters(), LARGEST_GRADIENT)
        optimizer.step()
    for ours, textbook in zip(
        gan.networks["generator"].parameters(), twin.parameters(), strict=True
    ):
        assert torch.allclose(ours, textbook, atol=1e-5)


def score_without_ends(network, words):
    """Log P of the words, given that none of them is an end."""
    with torch.no_grad():
        likelihoods, ends = network.log_likelihoods(words, words != END)
    return (likelihoods - (1 - ends.exp()).log()).sum().item()


@pytest.mark.parametrize("generator", WRITERS)
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("method", ["policy_gradient", "maligan"])
def test_the_generator_learns_from_the_discriminator_alone(method, objective, generator):
    # Every real text is "soup" over and over; no real text's likelihood helps.
    words = torch.full((64, LENGTH), WORDS.index("soup"))
    settings = {"method": method, "objective": objective, "likelihood_weight": 0.0}
    rates = {"learning_rate": 0.02, "batch_size": 64}
    gan = make_gan(generator=generator, warm_up=20, epochs=20, **settings, **rates)
    network = gan.networks["generator"]
    gan.training.fakes[generator] = gan.writer.write(network.sample(64, LENGTH))
    before = score_without_ends(network, words[:1])
    train(gan, words)
    # As drawn, each of the four words is about as likely as another.
    assert before == pytest.approx(-LENGTH * math.log(4), abs=2.5)
    assert score_without_ends(network, words[:1]) > before + math.log(3)


def test_the_generator_is_told_by_its_own_logit_alone():
    # The second source's logit is beyond all measure; -log D and the advantages do not see it.
    def run(bias):
        # The discriminator learns as good as nothing.
        gan = make_gan(fakes=["markov"], batch_size=3, learning_rate=1e-12)
        set_logits(gan, [math.log(3), bias])
        steps = train(gan, draw_words(6))
        return [step.losses["generator"] for step in steps], weights_of(gan.networks["generator"])

    (losses, weights), (others, same) = run(0.0), run(50.0)
    assert losses == others == pytest.approx([math.log(4 / 3)] * 4, rel=1e-5)
    assert is_same(weights, same)


def test_the_generator_s_loss_is_how_sure_the_discriminator_is_of_its_texts():
    # A discriminator that always says log 3, and learns as good as nothing: -log(3/4).
    gan = make_gan(warm_up=1, epochs=1, batch_size=3, learning_rate=1e-12)
    set_logits(gan, [math.log(3)])
    for step in train(gan, draw_words(6)):
        assert step.losses["generator"] == pytest.approx(math.log(4 / 3), rel=1e-5)
        # Real: -log(3/4), fake: -log(1/4).
        assert step.losses["discriminator"] == pytest.approx(math.log(16 / 3), rel=1e-5)


# What the discriminator learns.


@pytest.mark.parametrize(
    "fakes",
    [["markov"], ["markov", "language_model"], ["language_model", "markov"]],
    ids=" then ".join,
)
def test_a_source_has_the_logit_of_its_place(fakes):
    # Both repeat a word, which no real text does.
    repeated = {"markov": "the the the the", "language_model": "cold cold cold cold"}
    real = torch.tensor([[1, 2, 0, 0, 0], [2, 3, 4, 0, 0], [3, 1, 4, 0, 0]] * 3)
    gan = make_gan(fakes=fakes, warm_up=40, epochs=1, hidden_size=16)
    gan.training.fakes = {name: [text] * 9 for name, text in repeated.items()}
    train(gan, real)
    sources = ["language_model", *fakes]  # the first is the generator's, before it learns
    for source in sources:
        tokens = gan.embedding.tokenize([repeated[source]], LENGTH)
        lengths = lengths_of(tokens)
        logits = gan.networks["discriminator"](gan.embedding.embed(tokens), lengths)
        signs = (verdicts(logits, lengths)[0] < 0).tolist()
        assert signs == [other == source for other in sources]


@pytest.mark.parametrize("warm_up", [0, 1])
def test_the_generator_is_judged_without_dropout_and_without_a_gradient(warm_up):
    gan, modes = make_gan(dropout=0.5, warm_up=warm_up, epochs=1), []
    gan.networks["discriminator"].register_forward_pre_hook(
        lambda network, _: modes.append((network.training, torch.is_grad_enabled()))
    )
    train(gan, draw_words(8))
    # Alone it reads, before and after two updates a pass, unseen texts, real and fake. Each of two
    # updates a later pass is the discriminator's own, then its verdict on the generator's texts.
    update, verdict = (True, True), (False, False)
    alone = [verdict] * 2 + [update] * 2 + [verdict] * 2
    assert modes == alone * warm_up + [update, verdict] * 2


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_discriminator_is_bounded_where_its_objective_needs_it(objective):
    last = make_gan(objective=objective).networks["discriminator"].head[-1]
    assert is_parametrized(last) == (objective == "wasserstein")


# The penalty on divergence.


def measure_divergence(gan, start):
    """KL(generator || start), in nats a word, as the generator's own texts show it."""
    network = gan.networks["generator"].eval()
    words = network.sample(500, LENGTH, torch.Generator().manual_seed(1))
    own = words != END
    with torch.no_grad():
        logs = [each.log_likelihood(words, own) for each in (network, start)]
    return (logs[0] - logs[1]).mean().item()


@pytest.mark.parametrize("method", METHODS)
def test_the_more_the_penalty_weighs_the_nearer_the_generator_stays_to_its_start(method):
    # Every real text is "soup" over and over.
    words = torch.full((64, LENGTH), WORDS.index("soup"))

    def run(weight):
        settings = {"method": method, "divergence_weight": weight, "batch_size": 64}
        gan = make_gan(warm_up=20, epochs=20, learning_rate=0.02, **settings)
        start = copy.deepcopy(gan.networks["generator"]).eval()
        gan.training.fakes["language_model"] = gan.writer.write(start.sample(64, LENGTH))
        train(gan, words)
        if weight:
            assert is_same(weights_of(gan.training.start), weights_of(start))
            assert not gan.training.start.training
        return measure_divergence(gan, start)

    free, held, tied = map(run, (0.0, 1.0, 10.0))
    assert free > 1.3 * held > 1.3 * tied
    assert free > 5 * tied


# The epoch that is kept.


@pytest.mark.parametrize(
    ("warm_up", "distances", "best"),
    [
        # The first of three, or the warm-up before them.
        (0, [0.1, 0.3, 0.2], 1),
        (2, [0.1, 0.4, 0.3, 0.2], 0),
        (0, [0.3, 0.1, 0.2], 2),
        (2, [0.4, 0.3, 0.1, 0.2], 2),
        (0, [0.3, 0.2, 0.1], 3),
        (2, [0.4, 0.3, 0.2, 0.1], 3),
    ],
)
def test_the_epoch_kept_has_the_least_distance_to_the_validation_texts(
    tmp_path, monkeypatch, warm_up, distances, best
):
    monkeypatch.chdir(tmp_path)
    corpus, gan = make_corpus(draw_words(9)), make_gan(warm_up=warm_up, epochs=3)
    start, texts = weights_of(gan.networks["generator"]), list(gan.generate(20, 1))
    told, kept = iter(distances), []

    def distance_to(held_out):
        assert held_out == corpus.texts(corpus.validation, LENGTH)
        return distance

    def distance():
        kept.append(copy.deepcopy(gan.networks.state_dict()))
        return next(told)

    gan.training._distance_to = distance_to
    training = fit(gan, corpus, "scalar", "key")
    assert (training.best_epoch, training.best_validation) == (best, 0.1)
    weights = gan.networks.state_dict()
    alike = [all(torch.equal(weights[name], old[name]) for name in weights) for old in kept]
    assert alike == [epoch == best for epoch in range(4)][4 - len(distances) :]
    # Of epoch 0 the generator is the language model again.
    assert is_same(weights_of(gan.networks["generator"]), start) == (best == 0)
    assert (list(gan.generate(20, 1)) == texts) == (best == 0)
    # Nine texts in batches of four: three updates a pass.
    epochs = [0] * 3 * warm_up + [1] * 3 + [2] * 3 + [3] * 3
    assert [step.epoch for step in training.steps] == epochs
    of_best = [step.losses for step in training.steps if step.epoch == best]
    summary = training.summary()
    for part in PARTS:
        assert summary[part] == fmean(losses[part] for losses in of_best)


@pytest.mark.parametrize("held_out", [0, 1])
def test_no_epoch_is_judged_by_fewer_than_two_texts(held_out):
    gan = make_gan(warm_up=1, epochs=2)
    gan.training._distance_to = None  # nobody asks
    steps = train_on(gan, make_corpus(draw_words(4), held_out))
    assert [step.ends_epoch for step in steps] == [True] * 3
    assert {step.validation for step in steps} == {None}


def test_the_distance_is_that_of_the_generator_s_own_texts(monkeypatch):
    class Words:
        """A vector of two numbers a text: how many words it has, and how many of them are soup."""

        def __init__(self, device, model):
            assert (device, model) == ("cpu", "some BERT")

        def encode(self, texts, pool=None):
            counts = [[len(text.split()), text.count("soup")] for text in texts]
            return np.array(counts, dtype=np.float32)

    monkeypatch.setattr(modern_gan_training, "SentenceEncoder", Words)
    gan = make_gan()
    gan.training.seed, gan.training.encoder = 3, "some BERT"
    held_out = ["soup", "the soup was cold", "cold cold"]
    made = list(gan.writer.generate(CHECKED, derive_seed(3, "check")))
    own = [text for batch in made for text in batch]
    assert len(own) == CHECKED
    expected = frechet_distance(
        *(fit_gaussian(Words("cpu", "some BERT").encode(t)) for t in (held_out, own))
    )
    assert ModernGanTraining._distance_to(gan.training, held_out)() == pytest.approx(expected)
