import ctypes
import platform
import random
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from stages import sample, train_embedding, train_gan, train_generator
from stages.corpus.errors import Caution, UserError
from stages.pipeline.files import read_lines
from stages.pipeline.stage import keep_freed_memory, pick_device, run_stage, seed_everything

ROOT = Path(__file__).parents[1]
PARAMS = Path(__file__).with_name("params.yaml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Run each test in a folder that holds nothing but the tests' params.yaml."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(PARAMS, encoding="utf-8")
    return tmp_path


# Cautions


def test_a_caution_is_one_line_and_told_once(monkeypatch, capsys):
    def caution():
        warnings.warn("a.txt: partly unknown", Caution, stacklevel=1)
        warnings.warn("of a library's", DeprecationWarning, stacklevel=1)

    def main():
        caution()
        caution()

    monkeypatch.setattr(sys, "argv", ["stages/some.py"])
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        run_stage(main)
    first, *others = capsys.readouterr().err.splitlines()
    assert first == "warning: a.txt: partly unknown"
    assert "DeprecationWarning: of a library's" in others[0]
    assert not [line for line in others if line.startswith("warning: ")]


# Memory

PAGES = """
import resource
import numpy as np
from stages.pipeline.stage import keep_freed_memory
if {kept}:
    keep_freed_memory()
for number in range(11):
    if number == 1:  # the first block is the system's in any case
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(2**24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told")
def test_freed_memory_is_used_again():
    def count_faults(kept):
        command = [sys.executable, "-c", PAGES.format(kept=kept)]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        return int(done.stdout)

    # Ten blocks of 128 MB, in pages of 4 KB or, where the system joins them, of 2 MB.
    assert count_faults(kept=False) >= 10 * 64
    assert count_faults(kept=True) < 64


class OldGlibc:
    """What glibc before 2.35 does: it refuses a threshold of more than 32 MB."""

    def __init__(self, *_):
        self.told = {}

    def mallopt(self, option, value):
        taken = option != -3 or value <= 2**25
        if taken:
            self.told[option] = value
        return int(taken)


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc is told")
def test_an_old_glibc_is_told_what_it_takes(monkeypatch):
    library = OldGlibc()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    keep_freed_memory()
    assert library.told == {-3: 2**25, -1: 2**31 - 1}


def test_every_stage_keeps_the_memory_it_frees(monkeypatch):
    done = []
    monkeypatch.setattr(sys, "argv", ["stages/prepare.py"])
    monkeypatch.setattr("stages.pipeline.stage.keep_freed_memory", lambda: done.append("kept"))
    run_stage(lambda: done.append("run"))
    assert done == ["kept", "run"]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        # As PyTorch says it on a CPU.
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
    ],
)
def test_a_full_memory_is_told_in_one_line(error, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["stages/prepare.py"])

    def main():
        raise error

    with pytest.raises(SystemExit) as exit:
        run_stage(main)
    assert str(exit.value).startswith("error: out of memory; lower gan.max_length")
    assert "\n" not in str(exit.value)


def test_what_pytorch_says_of_a_full_memory_is_known(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["stages/prepare.py"])
    with pytest.raises(SystemExit, match="out of memory"):
        run_stage(lambda: torch.empty(2**55))


def test_another_error_of_the_code_is_not_hidden(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["stages/prepare.py"])
    with pytest.raises(RuntimeError, match="shape"):
        run_stage(lambda: torch.ones(2).view(3))


# Random numbers and the device


def test_one_seed_decides_the_random_numbers_of_all_three_libraries():
    def draw(seed):
        seed_everything(seed)
        return random.random(), np.random.random(), torch.rand(1).item()

    first, again, other = draw(1), draw(1), draw(2)
    assert first == again
    assert all(one != another for one, another in zip(first, other, strict=True))


def test_pytorch_calculates_on_as_many_threads_as_are_asked_for():
    for threads in (3, 1):
        seed_everything(1, threads)
        assert torch.get_num_threads() == threads
    seed_everything(1)
    assert torch.get_num_threads() == 1


def test_only_deterministic_algorithms_are_allowed():
    torch.use_deterministic_algorithms(False)
    seed_everything(1)
    assert torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize(
    ("name", "is_there", "picked"),
    [("auto", True, "cuda"), ("auto", False, "cpu"), ("cuda", True, "cuda"), ("cpu", True, "cpu")],
)
def test_auto_is_cuda_where_there_is_one(monkeypatch, name, is_there, picked):
    monkeypatch.setattr("torch.cuda.is_available", lambda: is_there)
    assert pick_device(name) == picked


def test_a_device_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UserError, match=r"device is 'cuda', but .*set device to auto or cpu"):
        pick_device("cuda")


# The command line


def run_with(main, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["somewhere/stages/train_gan.py", *arguments])
    run_stage(main)


def test_the_command_line_s_arguments_reach_the_stage(monkeypatch):
    names = []
    run_with(names.append, monkeypatch, "bert")
    assert names == ["bert"]


def fails(name):
    raise UserError(f"{name}: expected more")


def test_a_user_s_mistake_is_one_line(monkeypatch):
    with pytest.raises(SystemExit, match=r"^error: bert: expected more$"):
        run_with(fails, monkeypatch, "bert")


def test_a_file_that_is_not_there_is_one_line(monkeypatch):
    with pytest.raises(SystemExit, match=r"^error: .*'data/generators/none'; .* run `dvc repro`$"):
        run_with(lambda name: read_lines(f"data/generators/{name}"), monkeypatch, "none")


def test_a_programming_mistake_keeps_its_traceback(monkeypatch):
    def stumbles(name):
        raise TypeError(name)

    with pytest.raises(TypeError, match="bert"):
        run_with(stumbles, monkeypatch, "bert")


def test_an_interruption_is_one_line(monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit, match=r"^error: interrupted"):
        run_with(interrupted, monkeypatch)


def test_a_missing_argument_is_told_with_the_command(monkeypatch):
    with pytest.raises(SystemExit, match=r"expected `python -m stages.train_gan NAME`, found none"):
        run_with(fails, monkeypatch)


def test_arguments_too_many_are_told_with_the_command(monkeypatch):
    with pytest.raises(SystemExit, match=r"expected `python -m stages.train_gan NAME`, found a b"):
        run_with(fails, monkeypatch, "a", "b")
    with pytest.raises(SystemExit, match=r"expected `python -m stages.train_gan`, found x"):
        run_with(lambda: None, monkeypatch, "x")


@pytest.mark.parametrize(
    ("main", "told"),
    [
        (train_gan.main, "gan_overrides.glove: 'glove' is none of scalar, word2vec, bert"),
        (train_embedding.main, "embedding glove: unknown; expected one of scalar, word2vec, bert"),
        (train_generator.main, "expected the module stages/generators/glove.py, found none"),
        (sample.main, "data/generators/glove"),
    ],
    ids=["train_gan", "train_embedding", "train_generator", "sample"],
)
def test_an_item_that_is_not_there_is_one_line(main, told, monkeypatch):
    with pytest.raises(SystemExit, match=r"^error: ") as exit:
        run_with(main, monkeypatch, "glove")
    assert told in str(exit.value)
    assert "\n" not in str(exit.value)


def test_a_stage_ends_with_status_1_and_one_line():
    done = subprocess.run(
        [sys.executable, "-m", "stages.sample_real", "bert"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    told = "error: arguments: expected `python -m stages.sample_real`, found bert"
    assert done.stderr.splitlines() == [told]
