"""Batches of texts drawn at once: each by random numbers of its own, in their order."""

import threading
import time

import pytest
import torch
from torch import nn

from stages.networks import drawing
from stages.networks.drawing import draw_batches


def make_network(training=False):
    return nn.Linear(1, 1).train(training)


def numbers(first, size, random):
    return first, torch.rand(size, generator=random).tolist()


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (3, [3]), (4, [4]), (10, [4, 4, 2])])
def test_batches_come_in_their_order_whole_but_the_last(count, sizes):
    drawn = list(draw_batches(numbers, count, 4, 1, make_network()))
    assert [first for first, _ in drawn] == [*range(0, count, 4)]
    assert [len(values) for _, values in drawn] == sizes


@pytest.mark.parametrize("cores", [1, 2, 5])
def test_what_is_drawn_depends_on_the_seed_alone(monkeypatch, cores):
    monkeypatch.setattr(drawing, "count_cores", lambda: 3)
    whole = list(draw_batches(numbers, 10, 2, 1, make_network()))
    monkeypatch.setattr(drawing, "count_cores", lambda: cores)
    assert list(draw_batches(numbers, 10, 2, 1, make_network())) == whole
    # Fewer whole batches are the first of them; another seed, and each batch, has others.
    assert list(draw_batches(numbers, 6, 2, 1, make_network())) == whole[:3]
    assert list(draw_batches(numbers, 10, 2, 2, make_network())) != whole
    assert len({str(values) for _, values in whole}) == 5


def test_as_many_are_drawn_at_once_as_there_are_cores(monkeypatch):
    # The pool asks for the cores under another name; one of fewer workers would wait in vain.
    for name in ("stages.networks.drawing.count_cores", "stages.networks.cores.count_cores"):
        monkeypatch.setattr(name, lambda: 3)
    together = threading.Barrier(3, timeout=5)

    def draw(first, size, random):
        together.wait()  # goes on once all three are here
        time.sleep(0.01 * (3 - first))  # and the last is done first
        return first

    assert list(draw_batches(draw, 3, 1, 1, make_network())) == [0, 1, 2]


@pytest.mark.parametrize("training", [True, False])
def test_the_network_draws_in_evaluation_mode_and_is_as_before_between_rounds(training):
    network, modes = make_network(not training), []

    def draw(first, size, random):
        modes.append(network.training)

    batches = draw_batches(draw, 20, 1, 1, network)
    next(batches)
    assert network.training is not training
    network.train(training)  # by whoever takes the batches
    for _ in batches:
        assert network.training is training
    assert modes == [False] * 20


def test_a_draw_that_fails_leaves_the_network_as_it_was():
    network = make_network(training=True)

    def draw(first, size, random):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(draw_batches(draw, 3, 1, 1, network))
    assert network.training


def test_between_batches_pytorch_has_all_its_threads():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        inside, outside = [], []
        for threads_then in draw_batches(
            lambda *_: torch.get_num_threads(), 40, 1, 1, make_network()
        ):
            inside.append(threads_then)
            outside.append(torch.get_num_threads())
        assert {*inside} == {1}
        assert {*outside} == {2}
    finally:
        torch.set_num_threads(threads)
