"""The command generate: a model's folder in, texts out; all mistakes in one line."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML

from stages import generate
from stages.corpus.building import build_corpus
from stages.corpus.errors import UserError
from stages.generators.chosen import with_choice
from stages.generators.lstm_vae import LstmVae, LstmVaeSettings
from stages.generators.markov import Markov, MarkovSettings
from stages.pipeline.command_line import run_command
from stages.pipeline.generate_arguments import parse_arguments
from tests.test_sample import MOON, NETWORK, SOUP, make_both, make_chain, make_gan, make_model

ROOT = Path(__file__).parents[1]
HOME = Path("data/generators/mine")
NOT_COUNTED = "copied runs were not counted: data/corpus is not here; give the training text by "


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Run each test where there is nothing; give the seeds and threads that were set."""
    monkeypatch.chdir(tmp_path)
    seeded = []

    def seed_everything(seed, threads):
        seeded.append((seed, threads))
        torch.manual_seed(seed)

    monkeypatch.setattr(generate, "seed_everything", seed_everything)
    return seeded


@pytest.fixture
def call(capfd):
    """Give the function from arguments to the lines on standard output, and the other's last."""

    def call(*arguments):
        generate.main(*map(str, arguments))
        captured = capfd.readouterr()
        assert captured.out.endswith("\n") or not captured.out
        return captured.out.split("\n")[:-1], captured.err.split("\r")[-1].strip()

    return call


def save(generator, place=HOME):
    place.parent.mkdir(parents=True, exist_ok=True)
    generator.save(place)
    return generator


def make_parrot(fingerprint=None):
    """A chain that has learnt one text and always writes it."""
    parrot = Markov(MOON, MarkovSettings(order=1, start="empirical"), 5)
    parrot.fit([[1, 2, 3, 4]])
    parrot.fingerprint = fingerprint
    assert write(parrot, 3) == ["my moon is dark"] * 3
    return parrot


def make_vae(words=SOUP):
    """A generator with codes, of which each makes other texts."""
    torch.manual_seed(0)
    codes = {"code_size": 2, "word_dropout": 0.0, "kl_weight": 1.0, "annealing": 0}
    settings = LstmVaeSettings(width=8, hidden_size=8, patience=1, **codes, **NETWORK)
    vae = LstmVae(words, settings, 5, "cpu")
    for weight in vae.network.parameters():
        torch.nn.init.normal_(weight, std=1.5)
    vae.network.eval()
    return vae


def write(generator, count=20, seed=1, **options):
    return [text for batch in generator.generate(count, seed, **options) for text in batch]


def start(*arguments, **options):
    """Run the command as a person does, in a process of its own."""
    command = [sys.executable, "-m", "stages.generate", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, **options)


# Texts


@pytest.mark.parametrize("make", [make_chain, make_model])
def test_standard_output_is_the_generator_s_texts_and_nothing_else(make, call, folder):
    save(make())
    lines, told = call("mine")
    assert lines == write(make())
    assert told.startswith(NOT_COUNTED)
    assert call("mine")[0] == lines
    assert call("mine", "--count", 30, "--seed", 2)[0] == write(make(), 30, 2) != lines
    # As params.yaml has it: another number of threads may write other texts.
    assert folder == [(1, 2), (1, 2), (2, 2)]


def test_temperature_and_top_p_are_handed_over(call):
    save(make_model())
    lines, _ = call("mine", "--temperature", 0.7, "--top-p", 0.8)
    assert lines == write(make_model(), temperature=0.7, top_p=0.8) != write(make_model())


def test_a_gan_s_texts_are_chosen_among_as_many_candidates_as_params_yaml_says_or_as_are_asked_for(
    call,
):
    save(make_gan())
    default = YAML(typ="safe").load(ROOT / "params.yaml")["sample"]["candidates"]
    assert call("mine")[0] == write(with_choice(make_gan(), default)) != write(make_gan())
    assert call("mine", "--candidates", 5)[0] == write(with_choice(make_gan(), 5))
    assert call("mine", "--candidates", 1)[0] == write(make_gan())


@pytest.mark.parametrize("make", [make_chain, make_model, make_gan])
def test_every_text_begins_with_the_prefix_as_the_tokenizer_writes_it(make, call):
    # "soup" stands after "the" in the chain's training text.
    save(make())
    lines, _ = call("mine", "--prefix", " The SOUP")
    assert all(f"{line} ".startswith("the soup ") for line in lines)
    assert lines == write(with_choice(make(), 8), prefix="the soup")


def test_a_label_s_texts_are_of_that_label(call):
    both = save(make_both(make_gan))
    for label, words in zip("01", [SOUP, MOON], strict=True):
        lines, _ = call("mine", "--label", label)
        assert {*chain(*map(str.split, lines))} <= {*words}
        assert lines == write(with_choice(make_both(make_gan), 8), labels=[label] * 20)
    # Without one each is drawn as often as in the training text.
    lines, _ = call("mine")
    labels = both.draw_labels(20, 1)
    assert {*labels} == {"0", "1"}
    assert lines == write(with_choice(make_both(make_gan), 8), labels=labels)


def test_texts_go_to_a_file_whole(call):
    save(make_chain())
    lines, told = call("mine", "--output", "new/texts.txt")
    assert lines == []
    assert told.startswith(f"20 texts in new/texts.txt; {NOT_COUNTED}")
    expected = "".join(f"{text}\n" for text in write(make_chain()))
    assert Path("new/texts.txt").read_text(encoding="utf-8") == expected
    assert [path.name for path in Path("new").iterdir()] == ["texts.txt"]


def test_a_copied_folder_works_in_another_directory_without_anything_else(
    tmp_path, call, monkeypatch
):
    save(make_gan())
    shutil.move(HOME, tmp_path / "else/where")
    shutil.rmtree("data")
    process = start("else/where", "--count", "5", cwd=tmp_path, stdout=subprocess.PIPE)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert out.decode("utf-8").splitlines() == write(with_choice(make_gan(), 8), 5)
    assert err.decode("utf-8").split("\r")[-1].strip().startswith(NOT_COUNTED)
    monkeypatch.chdir("else/where")
    assert call(".", "--count", 5)[0] == write(with_choice(make_gan(), 8), 5)
    folder = Path.cwd().name
    assert fails(".", "--label", "1").startswith(f"{folder}: it has learnt no labels")


def test_a_folder_stands_before_a_name(call):
    save(make_parrot())
    save(make_chain(), Path("mine"))
    assert call("mine", "--count", 3)[0] == write(make_chain(), 3)
    assert call(HOME, "--count", 3)[0] == ["my moon is dark"] * 3
    # A folder of another thing does not.
    shutil.rmtree("mine")
    Path("mine").mkdir()
    assert call("mine", "--count", 3)[0] == ["my moon is dark"] * 3


# Between two texts


def decode(vae, codes, **options):
    return [text for batch in vae.decode(codes, 1, **options) for text in batch]


def test_texts_between_two_are_of_codes_evenly_spaced_on_the_line_between_theirs(call):
    vae = save(make_vae())
    first, last = vae.encode(["the soup was", "cold"])
    expected = [
        first,
        0.75 * first + 0.25 * last,
        (first + last) / 2,
        first + 0.75 * (last - first),
    ]
    lines, told = call("mine", "--between", "The  SOUP was", "cold", "--steps", 5)
    # The likeliest words, whatever the seed.
    assert lines == decode(vae, np.array([*expected, last]), top_p=1e-9)
    assert len({*lines}) > 1
    assert told.startswith(NOT_COUNTED)
    arguments = ("mine", "--between", "the soup was", "cold", "--seed", 2)
    assert len(call(*arguments)[0]) == 7
    assert call(*arguments, "--steps", 2)[0] == [lines[0], lines[-1]]


def test_words_between_two_texts_are_drawn_where_a_temperature_or_a_top_p_is_given(call):
    vae = save(make_vae())
    ends = vae.encode(["the soup was", "cold"])
    arguments = ("mine", "--between", "the soup was", "cold", "--steps", 2)
    for options in ({"temperature": 3.0}, {"top_p": 0.9}, {"temperature": 3.0, "top_p": 0.9}):
        given = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        assert call(*arguments, *given)[0] == decode(vae, ends, **options)


# Copied runs


def test_copied_runs_are_told_and_written_before_each_text(call):
    save(make_parrot())
    # "my moon is" and "moon is dark" are the longest runs, whatever the case and the spaces.
    Path("train.txt").write_text("My moon  is bright\nthe MOON is dark\n", encoding="utf-8")
    arguments = ("mine", "--count", 2, "--train", "train.txt")
    told = (
        "longest run copied from the training text: 3 words (mean 3.0); 0 of 2 texts stand whole "
        "inside one of its texts"
    )
    assert call(*arguments) == (["my moon is dark"] * 2, told)
    assert call(*arguments, "--copies") == (["3\tmy moon is dark"] * 2, told)
    call(*arguments, "--copies", "--output", "out.txt")
    assert Path("out.txt").read_text() == "3\tmy moon is dark\n" * 2
    # As a part of a longer text it is copied whole.
    Path("train.txt").write_text("is my moon is dark ?\n", encoding="utf-8")
    lines, told = call(*arguments, "--copies")
    assert lines == ["4\tmy moon is dark"] * 2
    assert "4 words (mean 4.0); 2 of 2 texts stand" in told


def test_the_mean_is_over_texts_and_an_empty_text_is_no_copy():
    # Runs of 0, 2 and 3 words in texts of 0, 2 and 4: one text is copied whole.
    told = generate.say_copied([0, 2, 3], ["", "a b", "a b c d"])
    assert "3 words (mean 1.7); 1 of 3 texts" in told


def test_the_training_text_is_that_of_the_model_s_corpus_uncropped(call):
    # The model's texts end at 5 words, so "my moon is" beyond the fifth counts only uncropped.
    texts = [f"{number} b c d e my moon is".split() for number in range(9)]
    corpus = build_corpus(texts, [0] * 9, 0.3, 0.3, seed=1)
    corpus = replace(corpus, test=corpus.test.of_label(1), fingerprint="")  # empty: not counted
    corpus.save("data/corpus")
    save(make_parrot(corpus.fingerprint))
    lines, told = call("mine", "--copies", "--count", 1)
    assert lines == ["3\tmy moon is dark"]
    assert told.startswith("longest run copied from the training text: 3 words (mean 3.0); 0 of 1")
    # Another corpus is not counted, and a damaged one hinders no texts.
    shutil.rmtree(HOME)
    save(make_parrot("0" * 16))
    lines, told = call("mine", "--count", 1)
    assert lines == ["my moon is dark"]
    assert told == (
        f"copied runs were not counted: data/corpus ({corpus.fingerprint}) is not what the model "
        "was made from (0000000000000000); give its training text by --train FILE"
    )
    Path("data/corpus/words.txt").unlink()
    lines, told = call("mine", "--count", 1)
    assert lines == ["my moon is dark"]
    assert told.startswith("copied runs were not counted: data/corpus: no words.txt there")


# Mistakes


def fails(*arguments):
    with pytest.raises(UserError) as error:
        generate.main(*map(str, arguments))
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "arguments: the following arguments are required: MODEL; `python -m stages.generate "),
        (["mine", "more"], "arguments: unrecognized arguments: more"),
        (["mine", "--tmperature", "1"], "arguments: unrecognized arguments: --tmperature 1"),
        (["mine", "--count", "many"], "arguments: argument --count: invalid int value: 'many'"),
        (["mine", "--count", "0"], "--count is 0; allowed: a whole number of at least 1"),
        (["mine", "--temperature", "0"], "--temperature is 0.0; allowed: a number from 0.01 to"),
        (["mine", "--temperature", "nan"], "--temperature is nan; allowed: a number from 0.01"),
        (["mine", "--top-p", "0"], "--top-p is 0.0; allowed: a number above 0 and at most 1"),
        (["mine", "--top-p", "1.1"], "--top-p is 1.1; allowed: a number above 0 and at most 1"),
        (["mine", "--seed", "-1"], "--seed is -1; allowed: a whole number from 0 to 4294967295"),
        (["mine", "--seed", "4294967296"], "--seed is 4294967296; allowed: a whole number from"),
        (["mine", "--candidates", "0"], "--candidates is 0; allowed: a whole number of at least 1"),
        (["mine", "--device", "gpu"], "arguments: argument --device: invalid choice: 'gpu'"),
        (["mine", "--output", "."], "--output: . is no file; expected the name of one"),
        (["mine", "--between", "a"], "arguments: argument --between: expected 2 arguments"),
        (
            ["mine", "--between", "a", "b", "--steps", "1"],
            "--steps is 1; allowed: a whole number of at least 2",
        ),
        (["mine", "--steps", "3"], "--steps: found no --between; expected it, with two texts"),
        *(
            (
                ["mine", "--between", "a", "b", *given],
                f"{given[0]}: found --between, with which it means nothing; leave it out",
            )
            for given in (
                ["--count", "3"],
                ["--candidates", "3"],
                ["--label", "1"],
                ["--prefix", "the"],
            )
        ),
    ],
)
def test_what_is_wrong_with_the_command_line_is_told(arguments, told):
    assert fails(*arguments).startswith(told)


def test_a_model_that_is_not_there_is_told():
    there = "no such model here, in data/generators or data/gans; expected"
    assert fails("mine") == f"mine: {there} a trained model: run `dvc repro` first"
    save(make_chain())
    save(make_chain(), HOME.with_name("another"))
    assert fails("mein") == (
        f"mein: {there} another, mine, or a model's folder; `dvc repro` trains others that "
        "`generators` or `embeddings` in params.yaml names"
    )
    assert (
        fails("data") == "data: no about.json there; expected the whole folder of a trained model"
    )
    (HOME / "weights.safetensors").unlink()
    assert re.fullmatch(
        r"No such file .*weights\.safetensors; expected the whole folder of a trained model",
        fails("mine"),
    )


@pytest.mark.parametrize(
    ("make", "arguments", "told"),
    [
        (
            make_chain,
            ["--temperature", 0.7],
            "mine: a temperature of 0.7 and a top_p of 1 mean nothing to it; leave both at 1",
        ),
        (
            make_chain,
            ["--top-p", 0.5],
            "mine: a temperature of 1 and a top_p of 0.5 mean nothing to it; leave both at 1",
        ),
        (
            make_gan,
            ["--label", "1"],
            "mine: it has learnt no labels; leave them out, or train one generator for each "
            "label, by per_label=true",
        ),
        (
            lambda: make_both(make_chain),
            ["--label", "2"],
            "--label: the model has not learnt '2'; expected one of 0, 1",
        ),
        (
            make_model,
            ["--candidates", 2],
            "--candidates: this model has no discriminator that chooses among its texts; leave it "
            "out",
        ),
        (
            make_chain,
            ["--prefix", "the moon"],
            "prefix: the chain has not seen the word 'moon' in training",
        ),
        (
            make_model,
            ["--prefix", "the soup was cold THE"],
            "--prefix: found 5 words; expected fewer than 5, at which the model's texts are "
            "cropped",
        ),
        *(
            (
                make,
                ["--between", "the soup", "cold"],
                "--between: this model has no codes of texts, between which it could write; "
                "expected a variational autoencoder that learnt all labels together, such as "
                "lstm_vae",
            )
            for make in (make_chain, make_model, make_gan, lambda: make_both(make_vae))
        ),
        (
            make_vae,
            ["--between", "the soup", "a COLD Moon"],
            "text 'a cold moon': the lstm vae has not learnt the word 'a'; expected words of the "
            "texts that it learnt from",
        ),
        (
            make_vae,
            ["--between", "the soup", " "],
            "--between: found no word in ' '; expected two texts",
        ),
        (make_chain, ["--train", "no.txt"], "no.txt: no such file or directory"),
        (
            make_chain,
            ["--train", "blank.txt"],
            "blank.txt: found no word; expected the training text, one a line",
        ),
        (
            make_chain,
            ["--copies"],
            "--copies: data/corpus is not here; give the training text by --train FILE",
        ),
    ],
)
def test_what_a_model_cannot_do_is_told(make, arguments, told):
    save(make())
    Path("blank.txt").write_text(" \n\n")
    assert fails("mine", "--output", "out.txt", *arguments) == told
    assert not Path("out.txt").exists()


def test_a_device_that_is_not_there_is_told_without_params_yaml(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    save(make_chain())
    assert fails("mine", "--device", "cuda") == (
        "device is 'cuda', but PyTorch finds no CUDA device; set device to auto or cpu"
    )


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyboardInterrupt(), "error: interrupted"),
        (MemoryError(), "error: out of memory; ask for fewer texts, or for --device cpu where"),
        (UserError("x: found y"), "error: x: found y"),
    ],
)
def test_an_end_before_the_end_is_one_line_that_speaks_of_no_stage(error, told, monkeypatch):
    def main(*arguments):
        raise error

    monkeypatch.setattr(sys, "argv", ["stages/generate.py", "mine"])
    with pytest.raises(SystemExit) as exit:
        run_command(main)
    assert str(exit.value).startswith(told)
    assert "dvc" not in str(exit.value)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_seen_enough_ends_it_quietly(unbuffered, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    save(make_parrot())
    # More than a pipe holds: 16 bytes a text.
    process = start("mine", "--count", "20000", stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"my moon is dark\n"
    process.stdout.close()
    told = process.stderr.read().decode("utf-8")
    assert process.wait() == 0
    assert told.split("\r")[-1].strip() == ""
    assert "rror" not in told


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_a_full_disk_behind_standard_output_is_one_line():
    save(make_parrot())
    with open("/dev/full", "wb") as full:
        process = start("mine", stdout=full)
    told = process.communicate()[1].decode("utf-8")
    assert process.returncode == 1
    last = told.split("\r")[-1].strip()
    assert last == "error: standard output: no space left on device"


def test_the_help_is_short_and_has_examples_that_are_understood(capsys):
    with pytest.raises(SystemExit) as exit:
        generate.main("--help")
    assert exit.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 40
    examples = [line for line in lines if line.startswith("  python -m stages.generate ")]
    assert len(examples) == 3
    for example in examples:
        parse_arguments(shlex.split(example)[3:])
