"""The README against what it describes: its numbers, its pictures, its parameters."""

import json
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PARAMS = YAML(typ="safe").load(ROOT / "params.yaml")


def rows(head):
    """Return the cells of the table whose first cell is `head`, a list a row, without the head."""
    lines = README.split(f"| {head} |", 1)[1].split("\n\n")[0].split("\n")[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_of_the_sample_is_that_of_the_metrics():
    verdicts = json.loads((ROOT / "metrics/cross_evaluate.json").read_text(encoding="utf-8"))
    fakes = ("markov", "language_model", "scalar", "word2vec", "bert")
    sources = ("train", "test", "generator", *fakes)
    expected = [
        [judge, *(f"{100 * verdicts[judge][source]['accuracy']:.1f} %" for source in sources)]
        for judge in verdicts
    ]
    assert rows("discriminator of") == expected


def test_the_table_of_measures_is_that_of_the_metrics():
    measured = json.loads((ROOT / "metrics/measure.json").read_text(encoding="utf-8"))["measure"]
    formats = {
        "frechet": "{:.3f}",
        "mauve": "{:.3f}",
        "classifier_vectors": "{:.1%}",
        "classifier_words": "{:.1%}",
        "reverse_perplexity": "{:,.0f}",
        "self_bleu_4": "{:.3f}",
        "distinct_lines": "{:.1%}",
        "copied_lines": "{:.1%}",
        "known_words": "{:.1%}",
    }
    expected = [
        [shown.format(estimates[name]).replace("%", " %") for estimates in measured.values()]
        for name, shown in formats.items()
    ]
    assert [*measured] == ["train", "markov", "language_model", "scalar", "word2vec", "bert"]
    assert [cells[2:] for cells in rows("measure")] == expected


def test_every_parameter_of_the_table_exists_and_every_section_is_in_it():
    named = {
        name for first, *_ in rows("parameter") for name in re.findall(r"`([\w.<>*]+)`", first)
    }
    for name in named:
        value = PARAMS
        for key in name.replace("<name>", "bert").removesuffix(".*").split("."):
            assert key in value, name
            value = value[key]
    assert {name.split(".")[0] for name in named} == set(PARAMS)


@pytest.mark.parametrize("path", re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README))
def test_every_picture_is_there(path):
    assert (ROOT / path).read_bytes().startswith(b"\x89PNG")


def test_every_option_of_a_command_names_a_parameter():
    options = re.findall(r"-S '?\+*([\w.]+)=", README)
    assert "gan.hidden_size" in options
    for name in options:
        value = PARAMS
        for key in name.split("."):
            assert key in value, name
            value = value[key]
            if key == "gan":
                value = PARAMS["gan"]  # an embedding's override may be of any key of gan
