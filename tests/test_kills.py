"""Real stages, killed at random moments or without room: they go on, to the same bytes."""

import ctypes
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages.networks.cores import count_cores
from stages.pipeline.trainer import CHECKPOINTS
from tests.test_smoke import SETTINGS, write_tables

ROOT = Path(__file__).parents[1]
KILLS = 3  # of each stage below, before it may end
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
# A checkpoint after each of many epochs, so that a kill finds some of them done.
MANY = {
    "checkpoint_minutes": 0,
    "embedding.word2vec.epochs": 40,
    "language_model.epochs": 40,
    "language_model.patience": 40,
    "recipes.modern.warm_up": 8,
    "recipes.modern.epochs": 0,  # MiniLM would judge them
    "recipes.paper.epochs": 30,
}
PAPER, LABELS = {"gan.recipe": "paper"}, {"per_label": True}


@dataclass(frozen=True, eq=False)
class Case:
    """One training stage.

    Attributes:
        module: of stages/.
        item: that it is called with.
        settings: beside those of all.
        trains: whether it has epochs to go on from.
    """

    module: str
    item: str
    settings: dict
    trains: bool = True

    def __str__(self):
        return " ".join([self.module, self.item, *map(str, self.settings.values())])


CASES = [
    Case("train_embedding", "scalar", {}, trains=False),
    Case("train_embedding", "word2vec", {}, trains=False),
    Case("train_embedding", "bert", {}, trains=False),
    Case("train_generator", "markov", {}, trains=False),
    Case("train_generator", "language_model", {}),
    Case("train_generator", "language_model", LABELS),
    Case("train_generator", "hmm", {}),
    Case("train_gan", "scalar", {"recipes.modern.warm_up": 1, "recipes.modern.epochs": 3}),
    Case("train_gan", "word2vec", {}),
    Case("train_gan", "bert", {}),
    Case("train_gan", "scalar", PAPER),
    Case("train_gan", "word2vec", PAPER),
]


@dataclass(frozen=True)
class Outcome:
    """What came of a stage that was killed.

    Attributes:
        whole: the files of an unbroken run, by path.
        found: the files after the kills and one run to the end.
        halves: what each kill left under a final name, other than the whole.
        resumed: kills that left a checkpoint.
        told: last line of the output of each process that was asked to stop while it trained.
        left: checkpoints and half-written files at the end.
    """

    whole: dict[str, bytes]
    found: dict[str, bytes]
    halves: list[str]
    resumed: int
    told: list[str]
    left: list[str]


def set_params(folder, settings):
    path = folder / "params.yaml"
    params = YAML(typ="safe").load(path)
    for key, value in settings.items():
        *parents, last = key.split(".")
        reduce(getitem, parents, params)[last] = value
    YAML().dump(params, path)


def start(folder, module, *items, **options):
    # Each in a session of its own, as a shell starts it.
    return subprocess.Popen(
        [sys.executable, "-m", f"stages.{module}", *items],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        start_new_session=True,
        **options,
    )


def finish(folder, module, *items):
    process = start(folder, module, *items)
    printed, _ = process.communicate()
    assert process.returncode == 0, printed[-2000:]


def written(folder, case):
    """Return the files that a case writes, by path."""
    kind = "embeddings" if case.module == "train_embedding" else "generators"
    places = [
        folder / "data" / kind / case.item,
        folder / "metrics" / case.module / f"{case.item}.json",
        folder / "plots" / case.module / f"{case.item}.csv",
    ]
    files = [path for place in places for path in (place, *sorted(place.rglob("*")))]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.is_file()}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Make a folder in which all is done but the training, and all that a GAN starts from."""
    folder = tmp_path_factory.mktemp("kills") / "project"
    folder.mkdir()
    write_tables(folder.parent / "tables")
    shutil.copyfile(ROOT / "tests/params.yaml", folder / "params.yaml")
    set_params(folder, {**SETTINGS, **MANY, "fetch.source": str(folder.parent / "tables")})
    set_params(folder, {"hmm": {"states": 20, "epochs": 200, "smoothing": 1.0}})
    for command in ("invent", "fetch", "prepare", "sample_real"):
        finish(folder, command)
    for name in ("scalar", "word2vec", "bert"):
        finish(folder, "train_embedding", name)
    for name in ("markov", "language_model"):
        finish(folder, "train_generator", name)
    for recipe in ("modern", "paper"):
        finish(folder, "start_gan", recipe)
    return folder


def kill(project, case, seed):
    """Run a case unbroken in one copy of the project; kill it and let it end in another."""
    chance = random.Random(seed)
    folders = []
    for name in ("whole", "killed"):
        folder = project.with_name(f"{name} {case}")
        shutil.copytree(project, folder)
        set_params(folder, case.settings)
        for path in written(folder, case):
            (folder / path).unlink()
        folders.append(folder)
    whole, killed = folders
    began = time.monotonic()
    finish(whole, case.module, case.item)
    seconds = time.monotonic() - began
    expected = written(whole, case)

    halves, resumed, told = [], 0, []
    for number in range(KILLS):
        process, began = start(killed, case.module, case.item), time.time()
        if case.trains and number:
            # Within the training, which is short beside all that is loaded before.
            is_training = wait_for_checkpoint(killed, process, began)
            time.sleep(chance.uniform(0, 0.1))
        else:
            is_training = False
            time.sleep(chance.uniform(0.3, 0.95) * seconds)
        process.send_signal(sent := chance.choice(SIGNALS))
        printed, _ = process.communicate()
        found = written(killed, case)
        halves += [path for path, content in found.items() if content != expected[path]]
        resumed += any((killed / CHECKPOINTS).glob("*"))
        if sent != signal.SIGKILL and is_training and process.returncode:
            told.append(printed.strip().splitlines()[-1])
    finish(killed, case.module, case.item)
    left = [*killed.rglob("*.partial"), *(killed / CHECKPOINTS).glob("*")]
    return Outcome(
        expected, written(killed, case), halves, resumed, told, [str(path) for path in left]
    )


def wait_for_checkpoint(folder, process, began):
    """Wait until a process has written a checkpoint, and return True, or has ended."""
    while process.poll() is None:
        if any(
            path.stat().st_mtime > began for path in (folder / CHECKPOINTS).glob("*.safetensors")
        ):
            return True
        time.sleep(0.005)
    return False


@pytest.fixture(scope="module")
def outcomes(project):
    """Give what came of each case; as many run at a time as there are cores."""
    with ThreadPoolExecutor(count_cores()) as pool:
        yield {case: pool.submit(kill, project, case, number) for number, case in enumerate(CASES)}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_stage_that_was_killed_ends_with_the_same_bytes(case, outcomes):
    outcome = outcomes[case].result()
    assert len(outcome.whole) >= 2
    assert outcome.found == outcome.whole
    assert outcome.halves == []
    assert outcome.left == []
    assert all(line.startswith("error: interrupted") for line in outcome.told)


def test_enough_were_killed_and_went_on_from_a_checkpoint(outcomes):
    assert KILLS * len(CASES) >= 25
    resumed = [outcomes[case].result().resumed for case in CASES if case.trains]
    # Else the test above says nothing about checkpoints.
    assert min(resumed) >= 1
    assert sum(resumed) >= 1.5 * len(resumed)


# A disk that is full, and a folder that may not be written


FAULTY = [
    ("prepare", ()),
    ("train_embedding", ("word2vec",)),
    ("train_generator", ("language_model",)),
    ("start_gan", ("modern",)),
    ("sample", ("language_model",)),
]


def files_of(folder):
    paths = [path for name in ("data", "metrics", "plots") for path in (folder / name).rglob("*")]
    return {path.relative_to(folder): path.read_bytes() for path in paths if path.is_file()}


def fail(folder, module, items, hinder):
    """Run a stage that is hindered, and return the last line it printed, None if it succeeded."""
    process = start(folder, module, *items, preexec_fn=hinder)
    printed, _ = process.communicate()
    assert "Traceback" not in printed
    assert process.returncode in (0, 1)
    return printed.strip().splitlines()[-1] if process.returncode else None


@pytest.mark.parametrize(("module", "items"), FAULTY, ids=lambda part: str(part))
def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(module, items, project, tmp_path):
    folder = tmp_path / "project"
    shutil.copytree(project, folder)
    finish(folder, module, *items)
    before = files_of(folder)

    def allow_small_files():
        # The system then says "file too large", one of the ways to say that there is no room.
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))

    last = fail(folder, module, items, allow_small_files)
    assert last.startswith("error: ")
    assert last.endswith("the disk is full: make room there, then run `dvc repro` again")
    # What a stage writes before what found no room is whole, and so is what was there.
    assert files_of(folder) == before
    assert not [*folder.rglob("*.partial")]
    finish(folder, module, *items)
    assert files_of(folder) == before


def obey_permissions():
    """Let root write no more than others do, from the next program on; others do nothing."""
    if os.getuid() == 0:
        drop, override = 24, 1  # PR_CAPBSET_DROP and CAP_DAC_OVERRIDE, prctl(2), capabilities(7)
        ctypes.CDLL(None).prctl(drop, override, 0, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="as root this test needs Linux")
@pytest.mark.parametrize(("module", "items"), FAULTY, ids=lambda part: str(part))
def test_a_folder_that_may_not_be_written_is_one_line(module, items, project, tmp_path):
    folder = tmp_path / "project"
    shutil.copytree(project, folder)
    before = files_of(folder)
    folders = [path for path in folder.rglob("*") if path.is_dir()]
    for path in folders:
        path.chmod(0o555)
    last = fail(folder, module, items, obey_permissions)
    for path in folders:
        path.chmod(0o755)
    if last is None:
        pytest.skip("this user may write anywhere")
    assert last.startswith("error: [Errno 13] Permission denied: ")
    assert last.endswith("; expected a file or folder that may be written, or read")
    assert files_of(folder) == before
