"""Texts continued from their beginnings, and what their words are worth."""

import pytest
import torch

from stages.networks.lstm_language_model import END, written
from stages.networks.plain_language_model import PlainLanguageModel, draw_in_two
from stages.training.rollouts import rewards, roll_out

LONGEST = 5


@pytest.fixture(scope="module")
def policy():
    torch.manual_seed(0)
    network = PlainLanguageModel(6, 4, 5, 2, 0.0).eval()
    for weight in network.parameters():
        weight.data *= 8  # so that texts differ in how likely they are
    return network


@pytest.fixture(scope="module")
def texts(policy):
    texts = policy.sample(60, LONGEST, torch.Generator().manual_seed(1))
    assert {*written(texts).sum(1).tolist()} >= {2, 3, LONGEST}  # some end early, some late
    return texts


def test_a_rollout_keeps_its_beginning(policy, texts):
    made = roll_out(policy, texts, 3)
    for text, row, length in zip(*made, strict=True):
        assert text[:length].equal(texts[row, :length])
        assert texts[row, length - 1] != END  # one that has ended is not continued
    # Each beginning of 1 to 4 words, three times.
    assert len(made.texts) == 3 * int((texts[:, :-1] != END).sum())
    assert ((made.texts == END).int().diff(dim=1) >= 0).all()  # nothing comes after an end


def test_beginnings_of_some_lengths_alone(policy, texts):
    assert {*roll_out(policy, texts, 2, every=2).lengths.tolist()} == {2, 4}


def test_the_state_of_a_beginning_is_that_of_reading_it_anew(policy, texts):
    # So likely is each word that drawing leaves no choice: rollouts are what is likeliest.
    sharp = PlainLanguageModel(6, 4, 5, 2, 0.0).eval()
    sharp.load_state_dict(policy.state_dict())
    sharp.softmax.weight.data *= 1e4
    sharp.softmax.bias.data *= 1e4
    made = roll_out(sharp, texts, 2)
    for text, length in zip(made.texts, made.lengths.tolist(), strict=True):
        prefix = text[:length].tolist()
        assert text.equal(sharp.sample(1, LONGEST, prefix=prefix)[0])


def test_rollouts_are_drawn_as_texts_are(policy):
    texts = torch.tensor([[3, 1, 2, 2, 2]])
    made = roll_out(policy, texts, 20_000, torch.Generator().manual_seed(2))
    words = made.texts[made.lengths == 2][:, 2]
    hidden = policy.read(torch.tensor([[END, 3, 1]]))[0][0, -1:]
    expected = policy.softmax.log_probabilities(hidden)[0].exp()
    found = torch.bincount(words, minlength=6) / len(words)
    # Five standard errors of a share of 20,000 draws: 5 sqrt(1 / 4 / 20,000) at most.
    assert torch.allclose(found, expected, atol=0.018)


def test_the_last_word_is_worth_what_the_judge_says_of_the_text(policy, texts):
    def judge(texts):
        return (texts * torch.tensor([1.0, 10.0, 100.0, 1e3, 1e4])).sum(1)

    values = rewards(policy, texts, judge, 2)
    last = written(texts).sum(1, keepdim=True) - 1
    assert values.gather(1, last).squeeze(1).equal(judge(texts))
    assert (values[~written(texts)] == 0).all()


def test_a_judge_of_one_word_rewards_it_and_what_follows_exactly(policy, texts):
    def judge(texts):
        return (texts[:, 2] == 4).float()

    values, mask = rewards(policy, texts, judge, 4), written(texts)
    known = judge(texts).unsqueeze(1).expand(-1, LONGEST)
    assert values[:, 2:][mask[:, 2:]].equal(known[:, 2:][mask[:, 2:]])
    # Before it, the reward is P(that word) after what has been read: for each text of the same
    # two words the same, but for chance.
    alike = torch.tensor([[3, 1, 4, 2, 2], [3, 1, 1, 5, 1]])
    values = rewards(policy, alike, judge, 20_000)
    hidden = policy.read(torch.tensor([[END, 3, 1]]))[0][0, -1:]
    expected = policy.softmax.log_probabilities(hidden)[0, 4].exp().detach()
    assert torch.allclose(values[:, 1], expected.expand(2), atol=0.018)
    assert values[:, 2].tolist() == [1, 0]


def test_a_place_is_drawn_as_often_as_it_is_probable():
    # 11 places: three neighbourhoods of three and one of two; two places are impossible.
    weights = torch.tensor([0.0, 3, 1, 2, 0, 1, 4, 2, 2, 1, 4])
    rows = weights.repeat(40_000, 1)
    drawn = draw_in_two(rows, torch.Generator().manual_seed(3))
    found = torch.bincount(drawn, minlength=11) / len(rows)
    assert found[0] == found[4] == 0
    assert torch.allclose(found, weights / 20, atol=0.0125)  # five standard errors


@pytest.mark.parametrize("count", [1, 2, 3, 5, 10])
def test_the_one_possible_place_is_drawn(count):
    assert draw_in_two(torch.eye(count), None).tolist() == [*range(count)]
