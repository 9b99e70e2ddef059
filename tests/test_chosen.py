"""Texts chosen by a discriminator: which of its candidates each is, and who chooses."""

import math
from collections import Counter

import numpy as np
import pytest
import torch

from stages.corpus.seeds import derive_seed
from stages.embeddings.piece_table import lengths_of
from stages.embeddings.scalar import ScalarEmbedding
from stages.generators.chosen import Chosen, Judged, resample, with_choice
from stages.generators.language_model import LanguageModel, LanguageModelSettings
from stages.generators.modern_gan import ModernGan
from stages.generators.modern_gan_settings import ModernGanSettings
from stages.networks.prefix_discriminator import verdicts

WORDS = ["", "the", "soup", "was", "cold"]
LENGTH = 5


def numbers(count):
    return list(map(str, range(count)))


def batched(texts, size):
    return [texts[first : first + size] for first in range(0, len(texts), size)]


def choose(texts, log_odds, candidates, *, size=500, seed=1):
    """All texts that come out, in order."""

    def judge(batch):
        return torch.tensor([float(log_odds(text)) for text in batch])

    chosen = resample(batched(texts, size), judge, candidates, seed)
    return [text for batch in chosen for text in batch]


def test_one_candidate_is_kept_unjudged():
    def judge(texts):
        raise AssertionError("nobody asked")

    assert list(resample([["a", "b"], ["c"]], judge, 1, seed=1)) == [["a", "b"], ["c"]]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 12, 500])
def test_each_text_is_one_of_its_own_candidates_wherever_a_batch_ends(size):
    # Fourteen texts are four threes; the last two are left over.
    chosen = [int(text) for text in choose(numbers(14), lambda text: 0, 3, size=size)]
    assert sorted(place // 3 for place in chosen) == [0, 1, 2, 3]


def test_candidates_are_of_like_length_and_no_length_wins():
    # Texts of 1 to 6 words, 20 of each in any order; odds speak for the shortest by far.
    random = np.random.default_rng(1)
    lengths = random.permutation([length for length in range(1, 7) for _ in range(20)])
    texts = [" ".join([str(place)] * length) for place, length in enumerate(lengths)]
    chosen = choose(texts, lambda text: -50 * len(text.split()), 4)
    assert sorted(len(text.split()) for text in chosen) == [
        length for length in range(1, 7) for _ in range(5)
    ]
    # And their order says nothing of their lengths.
    found = [len(text.split()) for text in chosen]
    assert found not in (sorted(found), sorted(found, reverse=True))


def test_texts_beyond_one_round_are_chosen_among_their_own_round():
    # 500 choices a round: of 1,100 twos the first 1,000 texts make one, the rest another.
    texts = numbers(2200)
    rounds = list(resample(batched(texts, 300), lambda batch: torch.zeros(len(batch)), 2, seed=1))
    assert [len(part) for part in rounds] == [500, 500, 100]
    for number, part in enumerate(rounds):
        assert {int(text) // 1000 for text in part} == {number}


def test_the_judge_sees_no_more_than_a_batch():
    seen = []

    def judge(batch):
        seen.append(len(batch))
        return torch.zeros(len(batch))

    list(resample([numbers(1300)], judge, 4, seed=1))
    assert seen == [500, 500, 300]


def test_the_likeliest_by_far_is_drawn():
    chosen = choose(numbers(12), lambda text: 50 * (int(text) in (2, 3, 7, 9)), 3)
    assert sorted(chosen) == ["2", "3", "7", "9"]


def test_odds_decide_how_often():
    # Of two texts with odds 3 : 1 the first is drawn in 0.75 of 4,000 draws, within five standard
    # deviations, 5 * sqrt(0.75 * 0.25 / 4000) = 0.034. Odds count only against one another.
    for shift in (0, -700, 700):
        chosen = choose(
            ["a", "b"] * 4000, lambda text, shift=shift: shift + math.log(3) * (text == "a"), 2
        )
        assert chosen.count("a") / 4000 == pytest.approx(0.75, abs=0.034)


def test_true_odds_turn_one_distribution_into_the_other():
    # A generator that writes a, b, c by 0.7, 0.2, 0.1 and real texts by 0.2, 0.3, 0.5. With 100
    # candidates a text is off by a few hundredths of its share (the variance of the odds is
    # 0.04 / 0.7 + 0.09 / 0.2 + 0.25 / 0.1 - 1 = 2, over 100); five standard deviations of 2,000
    # draws are 5 * sqrt(0.25 / 2000) = 0.056.
    generator, real = {"a": 0.7, "b": 0.2, "c": 0.1}, {"a": 0.2, "b": 0.3, "c": 0.5}
    texts = np.random.default_rng(1).choice(list(generator), 200_000, p=list(generator.values()))
    chosen = choose(texts.tolist(), lambda text: math.log(real[text] / generator[text]), 100)
    assert len(chosen) == 2000
    for word, share in real.items():
        assert chosen.count(word) / 2000 == pytest.approx(share, abs=0.056 + 0.02)


def test_the_seed_decides():
    first, again, other = (choose(numbers(60), lambda _: 0, 3, seed=seed) for seed in (1, 1, 2))
    assert first == again != other


NETWORK = {"num_layers": 1, "dropout": 0.0, "batch_size": 4, "learning_rate": 0.01, "epochs": 1}


def make_gan():
    """A GAN with two logits of opposite signs, far from 0: who looks at the other one errs."""
    torch.manual_seed(0)
    settings = {"method": "policy_gradient", "objective": "cross_entropy", "fakes": ["markov"]}
    settings |= {
        "generator": "language_model",
        "discount": 0.5,
        "likelihood_weight": 1.0,
        "generator_learning_rate": 0.01,
    }
    settings |= {"warm_up": 0, "token_dropout": 0.0, "divergence_weight": 0.0, "ngrams": True}
    settings |= {"hidden_size": 8, **NETWORK}
    shape = LanguageModelSettings(width=8, hidden_size=8, patience=1, **NETWORK)
    writer = LanguageModel(WORDS, shape, LENGTH, "cpu")
    gan = ModernGan(ScalarEmbedding(WORDS[1:]), ModernGanSettings(**settings), writer, "cpu")
    last = gan.networks.eval()["discriminator"].head[-1]
    with torch.no_grad():
        last.weight[0] *= 200_000
        last.weight[1], last.bias[1] = -last.weight[0], -last.bias[0]
    return gan


def join(batches):
    return [text for batch in batches for text in batch]


def test_a_gan_s_texts_are_chosen_by_the_logit_of_its_own_generator():
    gan = make_gan()
    made = join(gan.generate(120, 3, temperature=0.8, top_p=0.9))
    tokens = gan.embedding.tokenize(made, LENGTH)
    lengths = lengths_of(tokens)
    with torch.no_grad():
        read = gan.networks["discriminator"](gan.embedding.embed(tokens), lengths)
    logits = verdicts(read, lengths)[:, 0]
    expected = join(resample([made], lambda texts: logits, 4, derive_seed(3, "resample")))
    chosen = join(with_choice(gan, 4).generate(30, 3, temperature=0.8, top_p=0.9))
    assert chosen == expected
    # Odds this far apart leave little to chance: most are the best of four of like length.
    groups = torch.tensor([len(text.split()) for text in made]).argsort(stable=True).view(30, 4)
    best = groups.gather(1, logits[groups].argmax(1, keepdim=True)).flatten().tolist()
    assert (Counter(made[place] for place in best) & Counter(expected)).total() > 20


def test_a_beginning_is_passed_on():
    chosen = join(with_choice(make_gan(), 2).generate(20, 3, prefix="cold soup"))
    assert len(chosen) == 20
    assert all(f"{text} ".startswith("cold soup ") for text in chosen)


def test_it_can_do_what_its_generator_can():
    gan = make_gan()
    chosen = with_choice(gan, 2)
    assert isinstance(chosen, Chosen)
    assert (chosen.conditional, chosen.tempered) == (gan.conditional, gan.tempered)


def test_nothing_is_chosen_of_one_candidate_or_without_a_discriminator():
    gan = make_gan()
    assert with_choice(gan, 1) is gan
    assert with_choice(gan.writer, 5) is gan.writer


# What the choice is worth.


class Weighted:
    """Texts of one letter, a to d, drawn alike; their odds of being real are 1, 2, 3 and 6."""

    tempered = prefixed = chooses = True
    conditional = False

    def generate(self, count, seed, **options):
        yield ["abcd"[place] for place in np.random.default_rng(seed).integers(4, size=count)]

    def log_odds(self, texts):
        return torch.tensor(
            [{"a": 1.0, "b": 2.0, "c": 3.0, "d": 6.0}[text] for text in texts]
        ).log()


@pytest.mark.parametrize("candidates", [2, 8])
def test_the_gain_in_likelihood_is_what_the_choice_does_to_frequencies(candidates):
    # Of 100,000 candidates each letter's share among the chosen, over its quarter, is
    # exp(likelihood_gain): both within a twentieth, 5 standard errors of some 3,000 texts chosen.
    chosen = Chosen(Weighted(), candidates)
    texts = [text for batch in chosen.generate(100_000 // candidates, 1) for text in batch]
    gains = chosen.likelihood_gain([*"abcd"])
    shares = np.array([texts.count(letter) for letter in "abcd"]) / len(texts)
    assert np.exp(gains) == pytest.approx(shares * 4, rel=0.1)
    assert np.exp(gains).mean() == pytest.approx(1, abs=0.03)  # probabilities, each over a quarter


def test_with_many_candidates_the_gain_is_that_of_the_odds():
    # The mean of the odds is 3: P becomes P times odds / 3. A text among so many moves it little.
    chosen = Chosen(Weighted(), 200)
    list(chosen.generate(300, 1))
    expected = np.log(np.array([1, 2, 3, 6]) / 3)
    assert chosen.likelihood_gain([*"abcd"]) == pytest.approx(expected, abs=0.03)


def test_of_equal_odds_all_candidates_count_and_nothing_is_gained():
    chosen = Chosen(Weighted(), 5)
    chosen.generator.log_odds = lambda texts: torch.zeros(len(texts))
    list(chosen.generate(100, 1))
    assert chosen.effective_sample_size() == pytest.approx(5)
    assert chosen.likelihood_gain(["a", "d"]) == pytest.approx([0, 0], abs=1e-9)


def test_the_effective_sample_size_by_hand():
    # Candidates of the odds 1 and 3: (1 + 3)² / (1 + 9) = 1.6.
    chosen = Chosen(Weighted(), 2)
    chosen.judged.append(Judged(torch.ones(1, 2).long(), torch.tensor([[1.0, 3.0]]).log().double()))
    assert chosen.effective_sample_size() == pytest.approx(1.6)


def test_a_text_is_compared_with_candidates_of_its_length():
    # The odds differ by length alone, which the choice leaves as it is: nothing is gained.
    chosen = Chosen(Weighted(), 4)
    lengths = torch.tensor([1, 9]).repeat_interleave(2000).view(-1, 4)
    chosen.judged.append(Judged(lengths, torch.where(lengths == 1, 0.0, 5.0).double()))
    chosen.generator.log_odds = lambda texts: torch.tensor(
        [0.0 if len(text.split()) == 1 else 5.0 for text in texts]
    )
    assert chosen.likelihood_gain(["a", "a " * 9]) == pytest.approx([0, 0], abs=1e-9)
