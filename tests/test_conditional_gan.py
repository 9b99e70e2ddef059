"""The conditional GAN: what its writer makes of a label, what judges read, and who is chosen."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from stages.corpus.building import build_corpus
from stages.corpus.errors import UserError
from stages.generators import labelled_model
from stages.generators.chosen import with_choice
from stages.generators.conditional_gan import ConditionalGan, ConditionalGanSettings
from stages.generators.labelled_critic import Pairs, fit_ngrams
from stages.networks.labelled_words import LabelledWords, OneLabel

SETTINGS = {
    **{"width": 8, "hidden_size": 12, "num_layers": 1, "dropout": 0.0, "patience": 2},
    **{"batch_size": 6, "learning_rate": 0.05, "warm_up": 20, "discriminator_size": 8},
    "discriminator_batch_size": 5,
    **{"discriminator_dropout": 0.0, "discriminator_learning_rate": 0.03},
    **{"discriminator_warm_up": 4, "token_dropout": 0.0, "wrong_labels": True, "ngrams": True},
    "guidance": 0.0,
}
# Label 0 goes up, label 1 goes down; a third of the texts have label 1.
UP, DOWN = "one two three", "three two one"
TEXTS, LABELS = [UP.split()] * 60 + [DOWN.split()] * 30, [0] * 60 + [1] * 30


def make_corpus(validation_share=0.2):
    return replace(build_corpus(TEXTS, LABELS, 0.1, validation_share, seed=1), max_length=4)


def make(corpus, **changes):
    torch.manual_seed(1)
    settings = ConditionalGanSettings(**{**SETTINGS, **changes})
    return ConditionalGan.build(corpus, settings, seed=1, device="cpu")


def train(gan, corpus):
    return [*gan.train(corpus)]


@pytest.fixture(scope="module")
def corpus():
    return make_corpus()


@pytest.fixture(scope="module")
def trained(corpus):
    gan = make(corpus)
    return gan, train(gan, corpus)


def write(generator, count, **options):
    return [text for batch in generator.generate(count, 1, **options) for text in batch]


def test_texts_are_of_their_labels(trained):
    gan, _ = trained
    labels = [*"0110"] * 25
    texts = write(gan, 100, labels=labels)
    right = [
        text == (DOWN if label == "1" else UP) for text, label in zip(texts, labels, strict=True)
    ]
    assert np.mean(right) > 0.9


def test_an_unknown_word_is_told_by_the_generator_s_own_name(trained):
    gan, _ = trained
    with pytest.raises(UserError, match="prefix: the conditional gan has not learnt the word 'x'"):
        write(gan, 1, labels=["0"], prefix="x")


def test_each_batch_has_labels_and_random_numbers_of_its_own(trained, monkeypatch):
    gan, _ = trained
    seen = {}

    def draw(labels, random, **_):
        seen["".join(map(str, labels.tolist()))] = torch.rand(1, generator=random).item()
        return torch.zeros((len(labels), 1), dtype=torch.int64)

    monkeypatch.setattr(labelled_model, "BATCH", 3)
    monkeypatch.setattr(gan.writer, "_draw_labelled", draw)
    assert len(write(gan, 10, labels=[*"0010111001"])) == 10
    assert {*seen} == {"001", "011", "100", "1"}
    assert len({*seen.values()}) == 4


def test_labels_are_drawn_as_training_texts_have_them(trained):
    gan, _ = trained
    assert gan.shares == pytest.approx({"0": 2 / 3, "1": 1 / 3}, abs=0.02)
    assert gan.draw_labels(3000, 1).count("1") / 3000 == pytest.approx(gan.shares["1"], abs=0.03)


def test_a_text_s_likelihood_is_the_labels_mixture(trained):
    gan, _ = trained
    texts = [UP, DOWN, "two two"]
    given = [gan.log_likelihood_given(texts, label) for label in ("0", "1")]
    assert given[0][0] > given[1][0] + 2
    assert given[1][1] > given[0][1] + 2
    logs = np.log([gan.shares["0"], gan.shares["1"]])[:, None] + given
    assert gan.log_likelihood(texts) == pytest.approx(logsumexp(logs, axis=0))
    assert gan.parts["1"].log_likelihood(texts).tolist() == given[1].tolist()


def test_a_label_s_texts_are_as_likely_as_often(trained):
    gan, _ = trained
    share = write(gan, 2000, labels=["1"] * 2000).count(DOWN) / 2000
    probability = np.exp(gan.log_likelihood_given([DOWN], "1")[0])
    # Four standard errors of a share of 2,000 draws.
    assert share == pytest.approx(probability, abs=4 * np.sqrt(0.25 / 2000))


def test_the_writer_keeps_its_best_pass_and_learns_no_more(corpus):
    gan, held_out = make(corpus, warm_up=6, learning_rate=0.3, dropout=0.4), corpus.validation
    for step in gan.train(corpus):
        if step.ends_epoch and step.epoch == gan.writer.epoch:
            kept = {name: each.clone() for name, each in gan.writer.network.state_dict().items()}
    weights = gan.writer.network.state_dict()
    assert all(torch.equal(weights[name], kept[name]) for name in kept)
    values = gan.writer.log_likelihood_given(corpus.texts(held_out), "0")
    assert np.isfinite(values).all()
    assert gan.describe()["nats_a_word"] == gan.writer.plateau.lowest


def test_one_network_learns_after_the_other(trained, corpus):
    gan, steps = trained
    alone = [step for step in steps if step.epoch > gan.writer.epoch]
    assert 0 < len(alone) < len(steps) == gan.count_steps(corpus)
    assert len({step.losses["generator"] for step in alone}) == 1
    assert len({step.losses["discriminator"] for step in steps if step not in alone}) == 1
    assert steps[0].losses["discriminator"] == pytest.approx(2 * np.log(2))
    assert {step.validation for step in steps} == {None}


def test_without_validation_texts_both_make_fewer_passes(corpus):
    split = corpus.validation
    empty = replace(
        split, tokens=split.tokens[:0], offsets=split.offsets[:1], labels=split.labels[:0]
    )
    bare = replace(corpus, validation=empty)
    gan = make(bare, warm_up=20, discriminator_warm_up=20)
    steps = train(gan, bare)
    assert (gan.writer.epoch, gan.critic.lone.passes) == (12, 4)
    assert len(steps) == gan.count_steps(bare)


def test_a_pair_s_odds_depend_on_the_label(corpus):
    # A writer that has not learnt the labels; its judges learn them.
    gan = make(corpus, warm_up=1, learning_rate=1e-6, discriminator_warm_up=8)
    train(gan, corpus)
    for text, label, other in ((UP, "0", "1"), (DOWN, "1", "0")):
        right, wrong = (gan.log_odds_given([text], each).item() for each in (label, other))
        assert right > wrong + 0.5
        judged = gan.judge.logits([text, text], [label, other])
        assert judged[0] > judged[1]


def test_choosing_makes_up_for_what_the_writer_lacks(corpus):
    gan = make(corpus, warm_up=1, learning_rate=1e-6, discriminator_warm_up=8)
    train(gan, corpus)
    chosen, labels = with_choice(gan, 8), ["1"] * 200
    texts = write(chosen, 200, labels=labels)
    alone = write(gan, 200, labels=labels)
    first, second = (np.mean(gan.log_odds_given(each, "1").numpy()) for each in (texts, alone))
    assert first > second
    assert with_choice(gan, 1) is gan
    assert chosen.labels == gan.labels


def test_guidance_is_the_power_of_the_label_given_the_text(trained):
    gan, texts, share = trained[0], [UP, DOWN], trained[0].shares["1"]
    odds = gan.log_odds_given(texts, "1")
    joint = np.log(share) + gan.log_likelihood_given(texts, "1")
    settings = gan.settings
    try:
        gan.settings = settings.model_copy(update={"guidance": 2.0})
        guided = gan.log_odds_given(texts, "1")
        # Of a text that it cannot write, the label is as likely as in training texts.
        unknown = "a word that it has not learnt"
        unguided = gan.judge.parts["1"].log_odds([unknown]).item()
        extra = gan.log_odds_given([unknown], "1").item() - unguided
    finally:
        gan.settings = settings
    expected = 2 * (joint - gan.log_likelihood(texts))
    assert (guided - odds).tolist() == pytest.approx(expected.tolist(), rel=1e-4, abs=1e-6)
    assert expected[0] < -1 < expected[1] <= 0
    assert extra == pytest.approx(2 * np.log(share), rel=1e-4)


def test_guidance_makes_up_for_a_writer_that_confuses_labels(corpus):
    # The discriminator learns nothing, the writer something.
    gan = make(corpus, warm_up=3, discriminator_learning_rate=1e-6, ngrams=False)
    train(gan, corpus)
    labels, shares = ["1"] * 300, {}
    for guidance in (0.0, 4.0):
        gan.settings = gan.settings.model_copy(update={"guidance": guidance})
        texts = write(with_choice(gan, 8), 300, labels=labels)
        shares[guidance] = np.mean([text.startswith("three") for text in texts])
    # Three standard errors of the difference of two shares of 300 texts.
    assert shares[4.0] > shares[0.0] + 3 * np.sqrt(2 * 0.25 / 300)


def test_a_label_s_part_takes_no_labels(trained):
    part = trained[0].parts["1"]
    assert write(part, 5) == write(trained[0], 5, labels=["1"] * 5)
    with pytest.raises(UserError, match="LabelPart: it has learnt no labels"):
        write(part, 1, labels=["1"])


def test_wrong_labels_are_any_but_the_text_s_own(corpus):
    texts, labels = [["a", "b"]] * 300, [0, 1, 2] * 100
    three = build_corpus(texts, labels, 0.1, 0.1, seed=1, label_names=("x", "y", "z"))
    gan = make(replace(three, max_length=4))
    wrong = gan.critic._mistake(["x", "y", "z"] * 100)
    assert {*wrong[::3]} == {"y", "z"}
    assert {*wrong[1::3]} == {"x", "z"}
    assert {*wrong[2::3]} == {"x", "y"}
    assert wrong[::3].count("y") == pytest.approx(50, abs=20)


def test_a_label_s_ngrams_learn_from_its_own_texts():
    # Within label x the word a is real, within y it is a fake's.
    real = Pairs(["a", "a", "b", "b"], [*"xxyy"])
    fakes = Pairs(["b", "b", "a", "a"], [*"xxyy"])
    found = fit_ngrams(real, fakes, ["x", "y"], 4)
    assert found["x"](["a"]).item() > 0 > found["y"](["a"]).item()


@pytest.mark.parametrize("ngrams", [True, False])
@pytest.mark.parametrize("wrong_labels", [True, False])
def test_what_is_left_out_is_not_kept(corpus, tmp_path, ngrams, wrong_labels):
    changes = {"ngrams": ngrams, "wrong_labels": wrong_labels, "warm_up": 1}
    gan = make(corpus, **changes, discriminator_warm_up=1)
    train(gan, corpus)
    assert ("ngrams" in gan.describe()) == ngrams
    gan.save(tmp_path / "gan")
    loaded = ConditionalGan.load(tmp_path / "gan", "cpu")
    found, expected = (each.log_odds_given([UP, DOWN], "0") for each in (loaded, gan))
    assert torch.equal(found, expected)


def test_tokens_are_of_a_word_and_a_label():
    # Vectors of no word, a and b; of mean square (4 + 0 + 0 + 4) / 4 = 2, so that 2 becomes 1.414.
    vectors = torch.tensor([[9.0, 9.0], [2.0, 0.0], [0.0, 2.0]])
    words = LabelledWords(vectors, {"a": 1, "b": 2}, 2)
    tokens = words.tokenize(["a b", "b c a", ""], torch.tensor([0, 1, 1]), 2)
    # 1 + label * 3 + word; c is no word with a vector.
    assert tokens.tolist() == [[2, 3], [6, 4], [0, 0]]
    root = 2**0.5
    expected = [
        [[root, 0, 1, 0], [0, root, 1, 0]],
        [[0, root, 0, 1], [0, 0, 0, 1]],
        [[0, 0, 0, 0], [0, 0, 0, 0]],
    ]
    assert torch.allclose(words.embed(tokens), torch.tensor(expected))
    assert words.width == 4
    assert OneLabel(words, 1).tokenize(["b c a"], 2).tolist() == [[6, 4]]
