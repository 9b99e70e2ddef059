"""The command shift, with a small autoencoder that has not learnt much."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from stages import shift as module
from stages.corpus.building import build_corpus
from stages.corpus.errors import UserError
from stages.generators.language_model import LanguageModel
from stages.generators.lstm_vae import LstmVae
from stages.shift import STEPS, find_directions, main, move_text

NETWORK = {"num_layers": 1, "batch_size": 8, "learning_rate": 0.01, "epochs": 1, "patience": 1}
SETTINGS = {
    **{"width": 8, "hidden_size": 8, "code_size": 2, "dropout": 0.0, "word_dropout": 0.0},
    **{"kl_weight": 0.5, "annealing": 0, **NETWORK},
}
WORDS = {0: ["bad", "dull"], 1: ["good", "fine"]}


def make_corpus(labels=2):
    texts = [
        [word, thing, *["really"] * (number % 3)]
        for label in range(labels)
        for word in WORDS[label]
        for thing in ("day", "food", "place", "film")
        for number in range(6)
    ]
    of_each = [label for label in range(labels) for _ in range(len(texts) // labels)]
    return replace(build_corpus(texts, of_each, 0.2, 0.1, seed=1), max_length=8)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Run in a folder that holds a corpus and two models of it."""
    monkeypatch.chdir(tmp_path)
    corpus = make_corpus()
    corpus.save("data/corpus")
    model = LstmVae.build(corpus, LstmVae.Settings(**SETTINGS), seed=1, device="cpu")
    for _ in model.train(corpus):
        pass
    (tmp_path / "data/generators").mkdir()
    model.save(tmp_path / "data/generators/lstm_vae")
    plain = {key: SETTINGS[key] for key in ("width", "hidden_size", "dropout")} | NETWORK
    other = LanguageModel.build(corpus, LanguageModel.Settings(**plain), seed=1, device="cpu")
    other.save(tmp_path / "data/generators/language_model")
    return tmp_path


def test_each_label_has_a_share_at_each_step(folder, capsys):
    main("lstm_vae", "--numbers", "shift.json", "--picture", "shift.png", "--device", "cpu")
    values = json.loads((folder / "shift.json").read_text())
    assert [*values] == ["0", "1"]
    for label in values.values():
        assert label.pop("length") > 0
        assert all(0 <= value <= 1 for value in label.values())
        # Where nothing is moved, it is all the same along which direction.
        assert label["towards_at_0"] == label["random_at_0"]
        # A word decides the label, so the classifier makes no mistake.
        assert label["real"] == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 2 * (len(STEPS) + 2)
    assert (folder / "shift.png").read_bytes().startswith(b"\x89PNG")
    main("lstm_vae", "--numbers", "again.json", "--picture", "again.png", "--device", "cpu")
    assert (folder / "again.json").read_bytes() == (folder / "shift.json").read_bytes()
    assert (folder / "again.png").read_bytes() == (folder / "shift.png").read_bytes()


def test_a_text_is_printed_at_each_step_towards_each_label(folder, capsys):
    main("lstm_vae", "--text", "Bad day", "--device", "cpu")
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[:2] for line in lines] == [
        [label, f"{step:g}"] for label in "01" for step in STEPS
    ]


def test_a_text_is_moved_by_steps_of_the_direction():
    class Codes:
        def encode(self, texts):
            assert texts == ["bad day"]
            return np.array([[1, 2]], dtype=np.float32)

        def decode(self, codes, seed, *, top_p):
            yield [f"{first:g} {second:g}" for first, second in codes]

    found = [*move_text(Codes(), "Bad  day", {"1": np.array([2, -1], dtype=np.float32)}, 1)]
    assert found == ["1\t0\t1 2", "1\t0.5\t2 1.5", "1\t1\t3 1", "1\t1.5\t4 0.5", "1\t2\t5 0"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["language_model"], "language_model: this model has no codes of texts"),
        (["nobody"], "nobody: no such model here"),
        (["lstm_vae", "--text", " "], "--text: found no word in ' '"),
        (["lstm_vae", "--text", "xyzzy"], "the lstm vae has not learnt the word 'xyzzy'"),
        (["lstm_vae", "--count", "0"], "--count is 0; allowed: a whole number of at least 1"),
        (["lstm_vae", "--text", "a", "--picture", "a.png"], "--text: found it with a file"),
        (["lstm_vae", "--picture", "."], "--picture: . is no file"),
    ],
)
def test_a_mistake_is_one_line(folder, arguments, told):
    with pytest.raises(UserError, match=r"^[^\n]*$") as caught:
        main(*arguments)
    assert told in str(caught.value)


def test_another_corpus_or_one_of_a_single_label_is_refused(folder, monkeypatch):
    shutil.rmtree("data/corpus")
    corpus = make_corpus(labels=1)
    corpus.save("data/corpus")
    with pytest.raises(UserError, match="is not what the model was made from"):
        main("lstm_vae")
    model = LstmVae.build(corpus, LstmVae.Settings(**SETTINGS), seed=1, device="cpu")
    model.save(folder / "single")
    with pytest.raises(UserError, match="its texts have 1 labels; expected two or more"):
        main("single")
    monkeypatch.setattr(module, "CORPUS", folder / "nowhere")
    with pytest.raises(UserError, match=r"nowhere is not here; expected the corpus"):
        main("lstm_vae")


def test_a_label_of_no_text_that_is_known_is_told():
    class Half:
        max_length = 8

        def knows(self, text):
            return text.split()[0] in WORDS[0]

    with pytest.raises(UserError, match=r"of the \d+ training texts .* none has the label '1'"):
        find_directions(Half(), make_corpus())
