"""The temperature at which a generator is as diverse as real text."""

import numpy as np
import pytest

from stages.measures import temperature as module
from stages.measures.temperature import HIGHEST, LOWEST, match_diversity, mean_self_bleu


@pytest.mark.parametrize(
    ("slope", "at_one", "expected"),
    [
        # A line is met exactly by the second guess: 0.4 - 1.0 * (t - 1) = 0.3 at 1.1.
        (-1.0, 0.4, 1.1),
        (-2.0, 0.4, 1.05),
        (-1.0, 0.25, 0.95),
        (-0.1, 0.4, HIGHEST),  # at 2
        (-0.1, 0.2, LOWEST),  # at 0
    ],
)
def test_a_straight_line_is_followed_to_the_goal_and_no_further_than_allowed(
    monkeypatch, slope, at_one, expected
):
    values = {"real": 0.3}
    monkeypatch.setattr(module, "mean_self_bleu", lambda texts: values[texts[0]])

    def write(temperature):
        values[str(temperature)] = at_one + slope * (temperature - 1)
        return [str(temperature)]

    found, tried = match_diversity(write, ["real"])
    assert found == pytest.approx(expected, abs=1e-3)
    assert tried[0][0] == 1.0
    assert len(tried) == 3


def test_a_rise_by_chance_is_no_line(monkeypatch):
    # At 1 it repeats too much; at 1.1 even more, which a temperature cannot have done.
    values = {"real": 0.3, "1.0": 0.4, "1.1": 0.45, "1.2": 0.45}
    monkeypatch.setattr(module, "mean_self_bleu", lambda texts: values[texts[0]])
    found, tried = match_diversity(lambda temperature: [str(temperature)], ["real"])
    assert [temperature for temperature, _ in tried] == [1.0, 1.1, 1.2]
    assert found == 1.0  # the nearest, as nothing falls


def test_chance_between_two_near_temperatures_leads_no_further_than_the_rest_tell(monkeypatch):
    # The line through the first two meets 0.3 at 1 - 0.02 / 0.6 = 0.967, where chance puts what
    # stands at 1. The three values have the mean 0.3, so the line of least squares meets it at the
    # mean of the temperatures, 2.867 / 3 = 0.956.
    values = {"real": 0.3, "1.0": 0.28, "0.9": 0.34, "0.967": 0.28}
    monkeypatch.setattr(module, "mean_self_bleu", lambda texts: values[texts[0]])
    found, tried = match_diversity(lambda temperature: [str(temperature)], ["real"])
    assert [temperature for temperature, _ in tried] == [1.0, 0.9, 0.967]
    assert found == 0.956


def test_a_generator_of_random_words_is_made_as_diverse_as_real_text():
    # Word n of 100 has the odds 1/n at a temperature of 1; real text is that of 1.25. Over texts of
    # four seeds the temperature found was 1.23 to 1.26.
    def write(temperature, seed=1):
        random, odds = np.random.default_rng(seed), np.arange(1.0, 101) ** (-1 / temperature)
        drawn = random.choice(100, (500, 6), p=odds / odds.sum())
        return [" ".join(map(str, row)) for row in drawn]

    real = write(1.25, seed=2)
    found, tried = match_diversity(write, real)
    assert tried[0][1] > mean_self_bleu(real)
    assert found == pytest.approx(1.25, abs=0.1)
