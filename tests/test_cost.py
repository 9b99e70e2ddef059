"""What a training will cost, told by a clock that the tests set."""

import numpy as np
import pytest

from stages.corpus.corpus import Corpus, Split
from stages.generators.protocol import Step
from stages.pipeline.cost import Cost

TEXTS = 1200


def make_split(texts, words):
    lengths = np.full(texts, words // max(texts, 1))
    tokens = np.ones(words, dtype=np.int32)
    return Split(tokens, np.cumsum([0, *lengths]), np.zeros(texts, dtype=np.int8))


CORPUS = Corpus(["", "a"], 1, make_split(TEXTS, 2 * TEXTS), make_split(0, 0), make_split(0, 0))


def tell(times, total, *, done=0, alone=0, after_alone=None, stops_early=False):
    """Make an update at each time; return the lines by the number of the update they follow.

    The first `alone` updates are of epoch 0, after which the total is known to be `after_alone`.
    """
    shown = [0.0]
    cost = Cost("toy", CORPUS, done, total, stops_early=stops_early, clock=lambda: shown[-1])
    lines = {}
    for number, moment in enumerate(times, start=done + 1):
        shown.append(moment)
        if line := cost.after(Step(number, int(number > alone), {"loss": 1.0})):
            lines[number] = line
        if number == alone:
            cost.total = after_alone or total
    return lines


def test_twenty_updates_tell_what_all_will_take():
    # The first comes after 500 s of reading. From then on 1 s an update: 1,800 are 30 minutes.
    lines = tell([500 + place for place in range(40)], 1800)
    assert lines == {
        20: "toy: 1,200 texts, 2,400 words, 1,800 updates; about 30 minutes (from the first 20)"
    }


def test_slow_updates_tell_after_half_a_minute():
    # 40 s an update, 60 of them: 40 minutes, known after the second.
    lines = tell([100, 140, 180], 60)
    assert lines == {
        2: "toy: 1,200 texts, 2,400 words, 60 updates; about 40 minutes (from the first 2)"
    }


@pytest.mark.parametrize(("total", "is_told"), [(118, False), (120, True)])
def test_a_training_of_less_than_a_minute_has_its_bar_alone(total, is_told):
    # 0.5 s an update: 118 take 59 s, 120 a minute.
    lines = tell([place / 2 for place in range(30)], total)
    assert lines == (
        {20: "toy: 1,200 texts, 2,400 words, 120 updates; about 1 minute (from the first 20)"}
        if is_told
        else {}
    )


def test_hours_are_told_as_hours():
    # 1 s an update: 27,000 s are 7.5 hours.
    (line,) = tell(range(20), 27_000).values()
    assert line.endswith("27,000 updates; about 7.5 hours (from the first 20)")


def test_a_training_taken_up_again_tells_of_what_is_left():
    # 1.5 s an update: the 200 that are left take 5 minutes.
    (line,) = tell([1.5 * place for place in range(20)], 1000, done=800).values()
    assert line.endswith("words, 200 more updates; about 5 minutes (from the first 20)")


def test_a_training_that_may_stop_early_takes_so_long_at_most():
    # 1 s an update: 1,800 are 30 minutes; the 900 that a training taken up again has left are 15.
    (line,) = tell(range(20), 1800, stops_early=True).values()
    assert line.endswith("words, 1,800 updates; at most 30 minutes (from the first 20)")
    (line,) = tell(range(20), 1800, done=900, stops_early=True).values()
    assert line.endswith("words, 900 more updates; at most 15 minutes (from the first 20)")


def test_updates_after_a_discriminator_learnt_alone_are_counted_anew():
    # Alone 1 s an update, 600 in all: 10 minutes at most, for it may end before. It ends after 300
    # of 400, so that 500 are made in all. The 200 of both take 6 s: 20 minutes, known when the
    # first of them is 30 s ago.
    alone = [*range(300)]
    both = [alone[-1] + 6 * (1 + place) for place in range(200)]
    assert tell([*alone, *both], 600, alone=300, after_alone=500, stops_early=True) == {
        20: "toy: 1,200 texts, 2,400 words, 600 updates; at most 10 minutes while the "
        "discriminator learns alone (from the first 20)",
        306: "toy: both networks, 200 more updates; at most 20 minutes (from the first 6)",
    }


def test_one_update_tells_nothing():
    assert tell([1000], 1) == {}
