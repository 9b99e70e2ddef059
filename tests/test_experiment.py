import ctypes
import json
import math
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from stages.errors import UserError
from stages.experiment import (
    keep_freed_memory,
    load_gan_params,
    load_params,
    read_lines,
    replacing,
    run_stage,
    write_csv,
    write_json,
    write_lines,
    write_metrics,
)

ROOT = Path(__file__).parents[1]
PARAMS = (ROOT / "params.yaml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Run each test in an empty folder with the repository's params.yaml."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(PARAMS, encoding="utf-8")
    return tmp_path


def set_params(old, new):
    assert PARAMS.count(old) == 1
    Path("params.yaml").write_text(PARAMS.replace(old, new), encoding="utf-8")


# Memory

PAGES = """
import resource
import numpy as np
from stages.experiment import keep_freed_memory
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


def test_a_table_is_written_as_csv():
    write_csv("new/table.csv", ("name", "value"), [("a,b", 1), ('say "c"', 2.5)])
    expected = b'name,value\n"a,b",1\n"say ""c""",2.5\n'
    assert Path("new/table.csv").read_bytes() == expected


# Parameters


def test_only_what_was_asked_for_is_loaded():
    params = load_params("seed", "markov", "gan.max_length")
    assert vars(params).keys() == {"seed", "markov", "gan"}
    assert vars(params.markov).keys() == {"order", "start"}
    assert vars(params.gan).keys() == {"max_length"}


def test_one_section_is_loaded_in_parts():
    params = load_params("embedding.word2vec.window", "embedding.word2vec.epochs", "embeddings")
    assert vars(params.embedding).keys() == {"word2vec"}
    assert vars(params.embedding.word2vec).keys() == {"window", "epochs"}
    assert isinstance(params.embeddings, list)


def test_numbers_and_lists_are_read_as_dvc_writes_them():
    # `dvc exp run -S` writes YAML 1.2: an exponent without a point, and lists in blocks.
    (flow,) = [line for line in PARAMS.splitlines() if line.startswith("embeddings: [")]
    (rate,) = [line for line in PARAMS.splitlines() if line.startswith("  learning_rate: null")]
    text = PARAMS.replace(flow, "embeddings:\n- scalar\n- bert")
    text = text.replace(rate, "  learning_rate: 1e-05")
    Path("params.yaml").write_text(text, encoding="utf-8")
    params = load_params("embeddings", "gan.learning_rate")
    assert params.embeddings == ["scalar", "bert"]
    assert params.gan.learning_rate == 0.00001


def test_the_whole_file_is_checked_whatever_is_asked_for():
    set_params("  order: 1", "  order: 0")
    with pytest.raises(UserError, match=r"markov\.order is 0"):
        load_params("seed")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is None; allowed: a mapping"),
        (b"seed: [1", "not valid YAML"),
        (b"seed: 1\nseed: 2", "not valid YAML"),
        (b"seed: \xff", "not valid YAML"),
        (b"- seed", "allowed: a mapping"),
    ],
)
def test_a_file_that_holds_no_parameters_is_told_in_one_line(content, message):
    Path("params.yaml").write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        load_params("seed")
    assert str(error.value).startswith("params.yaml: ")
    assert "\n" not in str(error.value)


def test_a_missing_file_is_told_with_the_way_out(folder):
    Path("params.yaml").unlink()
    with pytest.raises(UserError, match=rf"^params\.yaml: not found in {folder.name}/; run stages"):
        load_params("seed")


def test_a_path_of_no_embedding_is_told_with_the_known_ones():
    with pytest.raises(UserError, match="'glove' is none of scalar, word2vec, bert"):
        load_params("seed", "embedding.glove")
    with pytest.raises(UserError, match="'glove' is none of scalar, word2vec, bert"):
        load_gan_params("glove")


def test_an_embedding_overrides_the_gan_s_settings_for_itself_alone():
    params = load_params("gan", "recipes")
    recipe = vars(params.recipes.modern)
    common = vars(params.gan) | recipe
    assert common["hidden_size"] != 7
    first = PARAMS.index("gan: {}")
    text = PARAMS[:first] + "gan: {hidden_size: 7, noise: uniform}" + PARAMS[first + 7 :]
    Path("params.yaml").write_text(text, encoding="utf-8")
    params = load_gan_params("scalar")
    assert vars(params.gan) == common | {"hidden_size": 7, "noise": "uniform"}
    assert isinstance(params.seed, int)
    assert isinstance(params.device, str)
    assert vars(load_gan_params("word2vec").gan) == common


def test_what_the_gan_s_settings_leave_open_is_the_recipe_s():
    text = PARAMS.replace("recipe: modern", "recipe: paper", 1)
    assert text != PARAMS
    text = text.replace("epochs: null", "epochs: 3", 1)
    Path("params.yaml").write_text(text, encoding="utf-8")
    paper = vars(load_params("recipes").recipes.paper)
    gan = vars(load_gan_params("bert").gan)
    assert {key: gan[key] for key in paper} == paper | {"epochs": 3}


# Files


def test_a_file_takes_its_place_and_makes_its_folder():
    with replacing("new/place/file.txt") as path:
        path.write_text("content")
        assert not Path("new/place/file.txt").exists()
    assert [path.name for path in Path("new/place").iterdir()] == ["file.txt"]
    assert Path("new/place/file.txt").read_text() == "content"


def test_an_earlier_file_gives_way():
    Path("file.txt").write_text("old")
    with replacing("file.txt") as path:
        path.write_text("new")
    assert Path("file.txt").read_text() == "new"


def test_an_earlier_folder_gives_way_with_all_it_held():
    Path("folder").mkdir()
    Path("folder/old.txt").write_text("old")
    with replacing("folder") as path:
        path.mkdir()
        (path / "new.txt").write_text("new")
    assert [path.name for path in Path("folder").iterdir()] == ["new.txt"]
    assert not list(Path().glob(".*"))


def test_a_file_never_takes_the_place_of_a_folder():
    Path("folder").mkdir()
    Path("folder/thesis.txt").write_text("years of work")
    with pytest.raises(OSError, match="folder"):
        write_json("folder", {"a": 1})
    assert Path("folder/thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_earlier_file_and_nothing_else(folder, error):
    Path("file.txt").write_text("old")

    def write():
        with replacing("file.txt") as path:
            path.write_text("half")
            raise error

    with pytest.raises(error):
        write()
    assert Path("file.txt").read_text() == "old"
    assert {path.name for path in folder.iterdir()} == {"file.txt", "params.yaml"}


def test_a_failure_leaves_the_earlier_folder_and_nothing_else(folder):
    Path("folder").mkdir()
    Path("folder/old.txt").write_text("old")

    def write():
        with replacing("folder") as path:
            path.mkdir()
            (path / "half.txt").write_text("half")
            raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        write()
    assert [path.name for path in Path("folder").iterdir()] == ["old.txt"]
    assert {path.name for path in folder.iterdir()} == {"folder", "params.yaml"}


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [""],
        ["", ""],
        ["one", "", "two", ""],
        # What str.splitlines and universal newlines would take for the end of a line.
        ["a\x85b", "a\u2028b", "a\rb", "a\r", "\x0b\x0c\x1c", "a\u2029"],
        ["\ufeffmark", "naïve 🙂", " spaces "],
    ],
)
def test_lines_come_back_as_they_were(lines):
    write_lines("lines.txt", lines)
    assert read_lines("lines.txt") == lines
    assert Path("lines.txt").read_bytes().count(b"\n") == len(lines)


def test_a_last_line_may_lack_its_end():
    Path("lines.txt").write_bytes(b"one\ntwo")
    assert read_lines("lines.txt") == ["one", "two"]


def test_numbers_are_rounded_to_six_digits():
    values = {"third": 1 / 3, "large": 123456789.0, "tiny": 1.23456789e-12, "count": 123456789}
    write_json("new/numbers.json", {"nested": values})
    # Counts stay whole: only a measure has digits that mean nothing.
    expected = {"third": 0.333333, "large": 123457000, "tiny": 1.23457e-12, "count": 123456789}
    assert json.loads(Path("new/numbers.json").read_text()) == {"nested": expected}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused(value):
    Path("numbers.json").write_text("{}")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json("numbers.json", {"nested": {"loss": value}})
    assert Path("numbers.json").read_text() == "{}"


def test_metrics_are_nested_under_the_stage_and_the_item():
    write_metrics("prepare", {"rows": 2})
    write_metrics("train_gan", {"steps": 3}, "bert")
    assert json.loads(Path("metrics/prepare.json").read_text()) == {"prepare": {"rows": 2}}
    assert json.loads(Path("metrics/train_gan-bert.json").read_text()) == {
        "train_gan": {"bert": {"steps": 3}}
    }


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
    with pytest.raises(SystemExit, match=r"^error: .*'data/models/none'; .* run `dvc repro`$"):
        run_with(lambda name: read_lines(f"data/models/{name}"), monkeypatch, "none")


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
    ("arguments", "told"),
    [
        (["train_markov", "bert"], "expected `python -m stages.train_markov`, found bert"),
        (["sample"], "expected `python -m stages.sample NAME`, found none"),
        (["sample", "glove"], "glove"),
        (["train_gan", "glove"], "'glove' is none of scalar, word2vec, bert"),
        (["train_embedding", "glove"], "'glove' is none of scalar, word2vec, bert"),
    ],
)
def test_a_stage_ends_with_status_1_and_one_line(arguments, told):
    stage, *names = arguments
    done = subprocess.run(
        [sys.executable, "-m", f"stages.{stage}", *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert told in line
