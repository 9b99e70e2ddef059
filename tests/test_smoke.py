"""The whole graph, tiny, through DVC, in a copy of the working tree."""

import csv
import io
import json
import math
import os
import re
import shutil
import subprocess
import sys
from ast import literal_eval
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from stages.corpus.invented import invent_tables

ROOT = Path(__file__).parents[1]
EMBEDDINGS = ("scalar", "word2vec", "bert")
PIPELINE = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
# Stages that read whatever texts there are, cross_evaluate and those of other measures.
JUDGES = [
    name
    for name, stage in PIPELINE.items()
    if any(path.startswith("data/samples") for path in stage["deps"])
]
GENERATORS = ("markov", "language_model")
ROWS = 60  # of each of the two tables; a tenth of their texts are the test split
COUNT = 20  # texts a generator
SETTINGS = {
    "device": "cpu",
    "gan.hidden_size": 5,
    "gan.max_length": 8,
    "gan.epochs": 1,
    "gan.batch_size": 32,
    "gan.warm_up": 1,
    "embedding.word2vec.epochs": 1,
    "language_model.width": 6,
    "language_model.hidden_size": 7,
    "language_model.epochs": 2,
    "sample.count": COUNT,
    "measure.resamples": 2,
    "sweep.count": COUNT,
    "sweep.temperatures": [0.5, 1.0],
    "sweep.resamples": 2,
}

# Python runs it at the start of each process: it notes what project code a stage has loaded, and
# breaks what would go out to the network.
WITNESS = """
import atexit, os, sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise RuntimeError(f"the network: {event} {arguments}")

def note():
    command = " ".join(sys.orig_argv[2:])
    if command.startswith("stages."):
        with open(os.path.join(os.path.dirname(__file__), command), "w") as file:
            file.write(" ".join(name for name in sys.modules if name.startswith("stages.")))

sys.addaudithook(refuse)
atexit.register(note)
"""


@dataclass(frozen=True)
class Clone:
    """A repository of its own with the code of this one, after its first `dvc repro`."""

    root: Path
    environment: dict[str, str]
    witness: Path

    def run(self, *command: str, status: int = 0) -> str:
        """Run a command and return all it printed; fail unless it ends with the status."""
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self.environment,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        assert done.returncode == status, done.stdout
        return done.stdout

    def dvc(self, *arguments: str, status: int = 0) -> str:
        return self.run(sys.executable, "-m", "dvc", *arguments, status=status)

    def git(self, *arguments: str) -> str:
        return self.run("git", *arguments)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "A state")

    def restore(self) -> None:
        """Go back to the last commit, in git and in DVC's outputs."""
        self.git("reset", "--quiet", "--hard")
        self.dvc("checkout")

    def set_params(self, settings: dict[str, Any]) -> None:
        """Write values into params.yaml by their dotted keys."""
        yaml = YAML()
        params = yaml.load(self.root / "params.yaml")
        for path, value in settings.items():
            *parents, last = path.split(".")
            reduce(getitem, parents, params)[last] = value
        yaml.dump(params, self.root / "params.yaml")

    def read(self, path: str) -> str:
        return (self.root / path).read_bytes().decode("utf-8")


@pytest.fixture(scope="session")
def first(tmp_path_factory):
    """Run the pipeline once on a few invented comments; gives the clone and what was printed."""
    folder = tmp_path_factory.mktemp("smoke")
    clone = Clone(folder / "clone", make_environment(folder), folder / "witness")
    clone.root.mkdir()
    copy_working_tree(clone.root)
    write_tables(folder / "tables")
    clone.git("init", "--quiet", "--initial-branch", "main")
    clone.set_params({**SETTINGS, "fetch.source": str(folder / "tables")})
    clone.commit()
    printed = clone.dvc("repro")
    clone.commit()
    return clone, printed


@pytest.fixture
def clone(first):
    """Give the clone, and take back what the test does to it."""
    yield first[0]
    if first[0].git("status", "--porcelain"):
        first[0].restore()


@pytest.fixture(scope="session")
def larger(first):
    """Run the experiment `larger`, with larger networks; gives what was printed."""
    printed = first[0].dvc("exp", "run", "--name", "larger", "--set-param", "gan.hidden_size=6")
    first[0].restore()
    return printed


def make_environment(folder):
    """Return an environment in which nobody's own settings of git and DVC play a part."""
    witness = folder / "witness"
    witness.mkdir()
    (witness / "sitecustomize.py").write_text(WITNESS)
    person = {"NAME": "Somebody", "EMAIL": "somebody@example.org"}
    return {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(witness),
        "PYTHONIOENCODING": "utf-8",
        # A second thread gains nothing on tensors as small as these, and waits on a busy machine.
        "OMP_NUM_THREADS": "1",
        "DVC_SITE_CACHE_DIR": str(folder / "site"),
        "DVC_GLOBAL_CONFIG_DIR": str(folder / "global"),
        "DVC_SYSTEM_CONFIG_DIR": str(folder / "system"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{role}_{key}": person[key] for role in ("AUTHOR", "COMMITTER") for key in person},
    }


def copy_working_tree(target):
    """Copy what git tracks or would track, as it stands."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    for name in listing.decode("utf-8").split("\0"):
        if name and (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target / name)


def write_tables(folder):
    folder.mkdir()
    tables = invent_tables(1)
    for name in ("kaggle_parsed_dataset.csv", "twitter_parsed_dataset.csv"):
        rows = list(csv.reader(io.StringIO(tables[name])))[: 1 + ROWS]
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


def stages_run(printed):
    """Return the names of the stages that DVC ran, in order."""
    return re.findall(r"^Running stage '(.+)':", printed, re.MULTILINE)


def each(stage):
    return {f"{stage}@{name}" for name in EMBEDDINGS}


# The first run


def test_one_command_runs_every_stage_once(first):
    stages = stages_run(first[1])
    assert len(stages) == len(set(stages))
    assert set(stages) == {
        "fetch",
        "prepare",
        *each("train_embedding"),
        *each("train_gan"),
        *(f"train_{name}" for name in GENERATORS),
        *each("sample"),
        *(f"sample_{name}" for name in GENERATORS),
        *JUDGES,
    }


def test_a_second_run_does_nothing(clone):
    assert stages_run(clone.dvc("repro")) == []
    assert clone.git("status", "--porcelain") == ""


def test_data_is_in_the_cache_and_numbers_and_pictures_are_in_git(clone):
    folders = {path.split("/")[0] for path in clone.git("ls-files").splitlines()}
    assert {"metrics", "plots", "dvc.lock"} <= folders
    assert [
        name for name in clone.git("ls-files", "data").splitlines() if "ignore" not in name
    ] == []


def test_all_the_code_that_a_stage_loads_is_among_its_dependencies(clone):
    lock = YAML(typ="safe").load(clone.root / "dvc.lock")["stages"]
    for stage in lock.values():
        loaded = (clone.witness / stage["cmd"].removeprefix("python -m ")).read_text().split()
        assert loaded
        modules = {name.replace(".", "/") + ".py" for name in loaded}
        paths = {dependency["path"] for dependency in stage["deps"]}
        covered = {file for file in modules if any(f"{file}/".startswith(f"{p}/") for p in paths)}
        packages = {file for file in modules if not (clone.root / file).exists()}
        assert modules - covered - packages == set()


# What it writes


def metrics(clone, name):
    return json.loads(clone.read(f"metrics/{name}.json"))


def test_the_counts_of_the_comments_add_up(clone):
    counts = metrics(clone, "prepare")["prepare"]
    assert [*counts] == [
        *("rows", "dropped", "duplicates", "relabelled", "too_long", "too_short"),
        *(
            "texts",
            "positive",
            "train",
            "validation",
            "test",
            "test_also_in_train",
            "vocabulary",
            "longest",
            "mean_length",
        ),
    ]
    assert counts["rows"] == 2 * ROWS
    lost = ("dropped", "duplicates", "too_long", "too_short")
    assert counts["texts"] == counts["rows"] - sum(counts[key] for key in lost)
    assert counts["texts"] == sum(counts[name] for name in ("train", "validation", "test"))


def test_the_words_are_the_paper_s_table(clone):
    rows = list(csv.DictReader(io.StringIO(clone.read("data/words.txt"))))
    assert len(rows) == metrics(clone, "prepare")["prepare"]["texts"]
    assert [*rows[0]] == ["text", "label", "source"]
    assert {row["label"] for row in rows} == {"0", "1"}
    assert {row["source"] for row in rows} == {"kaggle", "twitter"}
    assert all(isinstance(word, str) for row in rows for word in literal_eval(row["text"]))


@pytest.mark.parametrize("source", [*EMBEDDINGS, *GENERATORS, "train", "test"])
def test_a_source_is_a_file_of_cropped_texts(clone, source):
    content = clone.read(f"data/samples/{source}.txt")
    counts = metrics(clone, "prepare")["prepare"]
    texts = content.removesuffix("\n").split("\n")
    assert content.endswith("\n")
    assert len(texts) == counts.get(source, COUNT)
    assert all(len(text.split(" ")) <= SETTINGS["gan.max_length"] for text in texts)


@pytest.mark.parametrize("source", [*EMBEDDINGS, *GENERATORS])
def test_empty_texts_are_counted(clone, source):
    texts = clone.read(f"data/samples/{source}.txt").removesuffix("\n").split("\n")
    values = metrics(clone, f"sample-{source}")["sample"][source]
    assert [*values] == ["texts", "empty", "distinct", "mean_length"]
    assert (values["texts"], values["empty"]) == (COUNT, texts.count(""))


@pytest.mark.parametrize("embedding", EMBEDDINGS)
def test_the_loss_curve_has_a_line_a_step(clone, embedding):
    rows = list(csv.reader(io.StringIO(clone.read(f"plots/train_gan-{embedding}.csv"))))
    assert rows[0] == ["step", "epoch", "generator", "discriminator"]
    learnt = metrics(clone, "train_language_model")["train_language_model"]["texts"]
    passes = SETTINGS["gan.warm_up"] + SETTINGS["gan.epochs"]
    steps = math.ceil(learnt / SETTINGS["gan.batch_size"]) * passes
    assert [row[0] for row in rows[1:]] == [str(step) for step in range(1, steps + 1)]
    assert all(math.isfinite(float(loss)) for row in rows[1:] for loss in row[2:])
    values = metrics(clone, f"train_gan-{embedding}")["train_gan"][embedding]
    assert values["steps"] == steps
    assert {"generator_loss", "discriminator_loss"} < values.keys()


@pytest.mark.parametrize("embedding", EMBEDDINGS)
def test_an_embedding_is_measured(clone, embedding):
    values = metrics(clone, f"train_embedding-{embedding}")["train_embedding"][embedding]
    assert [*values] == ["width", "vocabulary", "out_of_vocabulary", "round_trip"]
    assert 0 <= values["out_of_vocabulary"] <= 1
    assert 0 <= values["round_trip"] <= 1


def test_every_discriminator_judges_every_source(clone):
    verdicts = metrics(clone, "cross_evaluate")
    assert [*verdicts] == list(EMBEDDINGS)
    for scores in verdicts.values():
        assert [*scores] == ["train", "test", "generator", *GENERATORS, *EMBEDDINGS]
        for verdict in scores.values():
            assert [*verdict] == ["accuracy", "mse"]
            assert 0 <= verdict["accuracy"] <= 1
            assert 0 <= verdict["mse"] <= 1


def test_the_sweep_has_a_point_a_temperature_and_one_of_the_rest(clone):
    rows = list(csv.DictReader(io.StringIO(clone.read("plots/sweep.csv"))))
    points = {(row["source"], row["temperature"], row["measure"]) for row in rows}
    temperatures = [f"{value:g}" for value in SETTINGS["sweep.temperatures"]]
    assert len(points) == len(rows)
    assert points == {
        (source, temperature, measure)
        for source in ("train", "markov", "language_model", *EMBEDDINGS)
        for temperature in ([""] if source in ("train", "markov") else temperatures)
        for measure in ("frechet", "self_bleu_4")
    }
    assert all(float(row["low"]) <= float(row["value"]) <= float(row["high"]) for row in rows)
    values = metrics(clone, "sweep")["sweep"]
    assert {"frechet_at_0.5", "frechet_at_1"} <= values["bert"].keys()


# What an experiment runs


def test_the_networks_size_retrains_the_gans_and_nothing_before(larger):
    expected = {*each("train_gan"), *each("sample"), *JUDGES}
    assert set(stages_run(larger)) == expected


@pytest.mark.usefixtures("larger")
def test_what_was_run_before_is_not_run_again(clone):
    pictures = {path.name: path.read_bytes() for path in clone.root.glob("plots/*.png")}
    printed = clone.dvc("exp", "run", "--set-param", "gan.hidden_size=6")
    assert stages_run(printed) == []
    assert {*re.findall(r"Stage '(.+)' is cached", printed)} == {
        *each("train_gan"),
        *each("sample"),
        *JUDGES,
    }
    changed = {
        name
        for name, old in pictures.items()
        if clone.root.joinpath("plots", name).read_bytes() != old
    }
    assert changed == {"cross_evaluate.png", "measure.png", "sweep.png"}


def test_the_chain_s_order_retrains_the_gans_that_learn_its_texts(clone):
    printed = clone.dvc("exp", "run", "-S", "markov.order=2", "-S", "embeddings=[scalar]")
    gan = {"train_gan@scalar", "sample@scalar"}
    assert set(stages_run(printed)) == {"train_markov", "sample_markov", *gan, *JUDGES}
    verdicts = metrics(clone, "cross_evaluate")
    assert [*verdicts] == ["scalar"]
    assert [*verdicts["scalar"]] == ["train", "test", "generator", *GENERATORS, "scalar"]


def test_the_paper_s_recipe_is_one_switch(clone):
    printed = clone.dvc("exp", "run", "-S", "gan.recipe=paper", "-S", "embeddings=[scalar]")
    assert set(stages_run(printed)) == {"train_gan@scalar", "sample@scalar", *JUDGES}
    scores = metrics(clone, "cross_evaluate")["scalar"]
    # The paper judges the generator's numbers before they are rounded to words.
    assert scores["generator"]["mse"] != scores["scalar"]["mse"]
    # Its generator has no temperature, so it has no curve.
    assert [*metrics(clone, "sweep")["sweep"]] == ["texts", "train", "markov", "language_model"]


def test_a_forced_run_writes_the_same_bytes(clone):
    # Each is a new process, so neither its hash seed nor its memory is the earlier one's.
    stages = [f"{stage}@word2vec" for stage in ("train_embedding", "train_gan", "sample")]
    stages = ["train_language_model", *stages]
    printed = clone.dvc("repro", "--force", "--single-item", *stages)
    assert stages_run(printed) == stages
    assert clone.git("status", "--porcelain") == ""


def test_a_mistake_in_the_parameters_is_one_line(clone):
    clone.set_params({"gan.hiden_size": 40})
    lines = clone.dvc("repro", status=255).splitlines()
    (line,) = [line for line in lines if line.startswith("error: ")]
    told = "gan.hiden_size (value 40) is an unknown key; allowed in gan: recipe, "
    assert line.startswith(f"error: params.yaml: {told}")
    assert not [line for line in lines if "Traceback" in line]


# What DVC shows


def test_metrics_show_names_every_number(clone):
    printed = clone.dvc("metrics", "show")
    for name in ("prepare.vocabulary", "train_gan.bert.generator_loss", "scalar.word2vec.accuracy"):
        assert name in printed.split()
    for path in (clone.root / "metrics").iterdir():
        assert f"metrics/{path.name}" in printed.split()


@pytest.mark.usefixtures("larger")
def test_metrics_diff_names_what_changed(clone):
    printed = clone.dvc("metrics", "diff", "HEAD", "larger")
    changed = {line.split()[1] for line in printed.splitlines()[1:]}
    for name in EMBEDDINGS:
        assert f"train_gan.{name}.discriminator_parameters" in changed
        assert f"{name}.train.mse" in changed
    assert not [name for name in changed if name.startswith(("prepare", "train_embedding"))]


@pytest.mark.usefixtures("larger")
def test_params_diff_names_old_and_new(clone):
    printed = clone.dvc("params", "diff", "HEAD", "larger").split()
    assert printed[-4:] == ["params.yaml", "gan.hidden_size", "5", "6"]


@pytest.mark.usefixtures("larger")
def test_exp_show_has_the_experiment_with_its_numbers(clone):
    printed = clone.dvc("exp", "show", "--csv")
    rows = {row["Experiment"] or row["rev"]: row for row in csv.DictReader(io.StringIO(printed))}
    before, after = rows["main"], rows["larger"]
    assert (before["gan.hidden_size"], after["gan.hidden_size"]) == ("5", "6")
    assert float(before["bert.test.mse"]) != float(after["bert.test.mse"])
    assert before["prepare.texts"] == after["prepare.texts"]


def test_dag_draws_every_stage(clone):
    printed = clone.dvc("dag")
    for stage in ("prepare", *each("train_gan"), "sample_markov", "cross_evaluate"):
        assert f"| {stage} |" in printed


def page(clone, *command):
    """Return the HTML page that a DVC command writes."""
    printed = clone.dvc("plots", *command, "--out", "dvc_plots")
    assert "failed" not in printed
    return clone.read("dvc_plots/index.html")


def test_plots_show_draws_each_curve_and_picture_once(clone):
    html = page(clone, "show")
    # Each plot is a `div` with an id; what stands between two of them is the first one's.
    _, *plots = re.split(r'<div id ?= ?"', html)
    assert len(plots) == len(EMBEDDINGS)
    for name in EMBEDDINGS:
        (plot,) = [plot for plot in plots if plot.startswith(f"plots_train_gan-{name}_csv")]
        assert {*re.findall(r'"field": "(generator|discriminator)"', plot)} == {
            "generator",
            "discriminator",
        }
        assert f"Losses, {name}" in plot
    pictures = re.findall(r'<img src="([^"]+)"', html)
    names = [Path(picture).name.removeprefix("workspace_plots_") for picture in pictures]
    assert sorted(names) == sorted(path.name for path in clone.root.glob("plots/*.png"))
    assert all((clone.root / "dvc_plots" / picture).stat().st_size > 0 for picture in pictures)


@pytest.mark.usefixtures("larger")
def test_plots_diff_draws_both_revisions(clone):
    html = page(clone, "diff", "HEAD", "larger")
    for revision in ("HEAD", "larger"):
        assert f'"rev": "{revision}"' in html
        assert f"{revision}_plots_cross_evaluate.png" in html
