"""The documents against what they describe, as both stand in the last commit.

What lies in the working tree does not count: an experiment changes its numbers, and must not make a
test fail.
"""

import io
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
DOCUMENTS = (
    "README.md",
    "data/README.md",
    "stages/README.md",
    "tests/README.md",
    "metrics/README.md",
)
PARAMETER = re.compile(r"[a-z]\w*(?:\.(?:\w+|\*|<name>))+")


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    """The files of the last commit, in a folder."""
    command = ["git", "archive", "--format=tar", "HEAD"]
    try:
        archive = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no git history here: there is no commit to compare the documents with")
    folder = tmp_path_factory.mktemp("head")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def params(head):
    return YAML(typ="safe").load(head / "params.yaml")


def read(head, document):
    return (head / document).read_text(encoding="utf-8")


def report(head, *arguments):
    """Run the report of the last commit on the files of the last commit."""
    command = [sys.executable, "-m", "stages.report", *arguments]
    done = subprocess.run(command, cwd=head, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def without_what_git_lacks(page):
    """Drop the intervals and the texts, whose files are in DVC's cache and not in git."""
    page = re.sub(r"## Texts\n.*?(?=## |\Z)", "", page, flags=re.DOTALL)
    run, heading, experiments = page.partition("## Recorded experiments")
    return re.sub(r" \(\S+ to \S+\)", "", run) + heading + experiments


def is_parameter(params, name):
    value = params
    for key in name.replace("<name>", "bert").removesuffix(".*").split("."):
        if not isinstance(value, dict) or key not in value:
            return False
        # What differs for one embedding may be any key of gan.
        in_overrides = value is params["gan_overrides"]
        value = params["gan"] if in_overrides else value[key]
    return True


def test_the_lab_book_is_what_its_metrics_give(head):
    committed = read(head, "metrics/README.md")
    report(head)
    made = read(head, "metrics/README.md")
    (head / "metrics/README.md").write_text(committed, encoding="utf-8")
    assert without_what_git_lacks(committed) == without_what_git_lacks(made)


def test_the_table_of_the_readme_is_that_of_the_metrics(head):
    committed = read(head, "README.md")
    report(head, "readme")
    made = read(head, "README.md")
    (head / "README.md").write_text(committed, encoding="utf-8")
    assert committed == made


def test_every_parameter_of_the_table_exists_and_every_section_is_in_it(head, params):
    table = read(head, "stages/README.md").split("| parameter | meaning |")[1].split("\n\n")[0]
    cells = [line.split("|")[1] for line in table.strip().split("\n")[1:]]
    named = [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]
    assert not [name for name in named if not is_parameter(params, name)]
    # A generator beside the two that are always there adds its section and no line here.
    modules = {path.stem for path in (head / "stages/generators").glob("*.py")}
    own = modules - {"markov", "language_model"}
    assert {name.split(".")[0] for name in named} >= set(params) - own


@pytest.mark.parametrize("document", DOCUMENTS[:4])
def test_every_parameter_that_is_mentioned_exists(head, params, document):
    quoted = re.findall(r"`([^`\n]+)`", read(head, document))
    mentioned = [name for text in quoted for name in PARAMETER.findall(text)]
    sections = [name for name in mentioned if name.split(".")[0] in params]
    files = (".py", ".md", ".txt", ".html", ".json")
    ours = [name for name in sections if not name.endswith(files)]
    assert not [name for name in ours if not is_parameter(params, name)]


def test_every_option_of_a_command_names_a_parameter(head, params):
    options = [
        name
        for document in DOCUMENTS[:4]
        for name in re.findall(r"-S ['\"]?\+*([\w.]+)=", read(head, document))
    ]
    assert "gan.hidden_size" in options
    assert not [name for name in options if not is_parameter(params, name)]


def test_every_command_runs_a_stage_that_is_there(head):
    texts = [read(head, document) for document in DOCUMENTS]
    modules = {name for text in texts for name in re.findall(r"python -m stages\.(\w+)", text)}
    assert {"report", "measure"} <= modules
    for name in modules:
        assert "def main(" in read(head, f"stages/{name}.py")


def test_every_stage_is_told_in_the_table(head):
    table = read(head, "stages/README.md").split("| stage | what it does |")[1].split("\n\n")[0]
    cells = [line.split("|")[1] for line in table.strip().split("\n")[1:]]
    told = {name for cell in cells for name in re.findall(r"`(\w+)…?`", cell)}
    stages = YAML(typ="safe").load(head / "dvc.yaml")["stages"]
    assert {name for name in stages if not name.startswith("sample_")} <= told
    assert told <= set(stages)


def test_the_map_names_every_folder_of_the_code(head):
    table = read(head, "stages/README.md").split("| where | what |")[1].split("\n\n")[0]
    folders = {path.parent.name for path in (head / "stages").glob("*/__init__.py")}
    assert set(re.findall(r"^\| `(\w+)/` \|", table, re.MULTILINE)) == folders


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere_and_every_picture_is_one(head, document):
    links = re.findall(r"(!?)\[[^\]]+\]\(([^)#]+)[^)]*\)", read(head, document))
    for picture, target in links:
        if target.startswith("https://"):
            continue
        path = (head / document).parent / target
        assert path.is_file(), target
        if picture:
            assert path.read_bytes().startswith(b"\x89PNG"), target


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_of_the_code_that_is_named_is_there(head, document):
    named = re.findall(r"`((?:\w+/)+\w+\.py)`", read(head, document))
    for name in named:
        if not name.startswith("tests/"):
            name = f"stages/{name.removeprefix('stages/')}"
        assert (head / name).is_file(), name
