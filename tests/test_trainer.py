"""The trainer: the epoch that is kept, what it tells, and trainings that were cut off."""

import math
import re
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn

from stages.corpus.corpus import Corpus, Split
from stages.corpus.errors import UserError
from stages.embeddings.scalar import ScalarEmbedding
from stages.generators.language_model import LanguageModel, LanguageModelSettings
from stages.generators.markov import Markov, MarkovSettings
from stages.generators.paper_gan import PaperGan, PaperGanSettings
from stages.generators.protocol import Step
from stages.pipeline import trainer
from stages.pipeline.checkpoint import load_checkpoint, save_checkpoint
from stages.pipeline.cost import Cost
from stages.pipeline.trainer import (
    Training,
    checkpoint_key,
    fit,
    remove_checkpoints,
    write_curve,
)

NETWORK = {"hidden_size": 4, "num_layers": 1, "dropout": 0.5, "batch_size": 3}
SETTINGS = LanguageModelSettings(width=3, learning_rate=0.1, patience=1, epochs=4, **NETWORK)
PAPER_SETTINGS = PaperGanSettings(noise="normal", learning_rate=0.1, epochs=4, **NETWORK)
WORDS = ["", *"abcdef"]
NAN, INF = math.nan, math.inf


def make_split(*texts):
    ids = [WORDS.index(word) for text in texts for word in text.split()]
    offsets = np.cumsum([0, *(len(text.split()) for text in texts)])
    labels = np.arange(len(texts), dtype=np.int8) % 2
    return Split(np.array(ids, dtype=np.int32), offsets, labels)


CORPUS = Corpus(
    WORDS,
    6,
    make_split("a b", "c", "d e f", "b a", "f", "e d c", "a a"),  # three updates of three a pass
    make_split("a b c", "d"),
    make_split("e f", "a"),
    max_length=4,
)


class Toy:
    """Its weights are the number of the epoch; its losses and validations are given."""

    stops_early = False

    def __init__(self, losses, validations, steps_per_epoch=1):
        self.network = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))
        self.losses = losses
        self.validations = validations
        self.steps_per_epoch = steps_per_epoch
        self.epoch = 0
        self.set_weights(0)

    def set_weights(self, number):
        """Set them in place, as an optimiser does, and what is counted along with them."""
        with torch.no_grad():
            for weight in self.network.state_dict().values():
                weight.fill_(number)

    def read_weights(self):
        weights = self.network.state_dict().values()
        return {weight.item() for part in weights for weight in part.flatten()}

    def count_steps(self, corpus):
        return len(self.losses)

    def train(self, corpus):
        while self.epoch < len(self.validations):
            first = self.epoch * self.steps_per_epoch
            for step in range(first, first + self.steps_per_epoch):
                self.set_weights(self.epoch + 1)
                ends = step + 1 == first + self.steps_per_epoch
                validation = self.validations[self.epoch] if ends else None
                self.epoch += ends
                epoch = self.epoch + (not ends)
                yield Step(step + 1, epoch, {"loss": self.losses[step]}, validation, ends)

    def state_dict(self):
        return {"weights": self.network.state_dict(), "training": {"epoch": self.epoch}}

    def load_state_dict(self, state):
        self.network.load_state_dict(state["weights"])
        self.epoch = state.get("training", {"epoch": self.epoch})["epoch"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Run each test in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("validations", "validation", "epoch"),
    [
        ([3.0, 1.0, 2.0], 1.0, 2),
        ([3.0, 2.0, 1.0], 1.0, 3),
        ([-1.0, 2.0], -1.0, 1),
        ([2.0, 1.0, 1.0], 1.0, 2),
        ([NAN, 2.0, NAN], 2.0, 2),
        ([INF, 5.0], 5.0, 2),
        ([NAN, INF], None, 2),
        ([None, None, None], None, 3),
        ([None, 4.0, None], 4.0, 2),
    ],
    ids=[
        "inside",
        "last",
        "first",
        "the first of equals",
        "undefined",
        "infinite",
        "never",
        "not validated",
        "validated once",
    ],
)
def test_the_weights_of_the_lowest_validation_come_back(validations, validation, epoch):
    toy = Toy([0.5] * len(validations), validations)
    tensors = list(toy.network.parameters())
    training = fit(toy, CORPUS, "toy", "key", 0)
    assert (training.best_validation, training.best_epoch) == (validation, epoch)
    assert toy.read_weights() == {epoch}
    # The same tensors as before: an optimiser that holds them goes on with them.
    assert all(old is new for old, new in zip(tensors, toy.network.parameters(), strict=True))


def test_a_long_training_says_what_it_costs_and_learns_the_same(monkeypatch, capsys):
    # An hour an update: 40 of them are 40 hours. CORPUS has 7 texts of 14 words to learn from.
    losses, ends = [0.5] * 40, [1.0, 2.0]
    short = fit(Toy(losses, ends, 20), CORPUS, "toy", "key")
    assert "updates" not in capsys.readouterr().err
    hours = iter(range(0, 10**6, 3600))
    monkeypatch.setattr(trainer, "Cost", partial(Cost, clock=lambda: next(hours)))
    assert fit(Toy(losses, ends, 20), CORPUS, "toy", "other") == short
    said = "toy: 7 texts, 14 words, 40 updates; about 40.0 hours (from the first 2)"
    assert said in capsys.readouterr().err.splitlines()


class Hasty(Toy):
    """It ends after its first epoch of two; what it knows of that is given, by the epochs made."""

    stops_early = True

    def __init__(self, counts):
        super().__init__([0.5] * 80, [1.0], 40)
        self.counts = counts

    def count_steps(self, corpus):
        return self.counts[self.epoch]


@pytest.mark.parametrize("counts", [(80, 80), (80, 40)], ids=["unknown", "known by then"])
def test_the_bar_of_a_training_that_ends_early_is_full(capsys, counts):
    assert len(fit(Hasty(counts), CORPUS, "toy", "key").steps) == 40
    bars = capsys.readouterr().err.replace("\n", "\r").split("\r")
    shown = [bar for bar in bars if bar.startswith("toy: ")]
    assert re.match(r"toy:   0%.* 0/80 ", shown[0])
    assert re.match(r"toy: 100%.* 40/40 ", shown[-1])


def test_the_bar_and_the_cost_follow_what_a_generator_knows_of_its_end(monkeypatch, capsys):
    # Two updates alone, where six were allowed, and two of both: an hour each.
    class Gan(Toy):
        stops_early = True

        def count_steps(self, corpus):
            return 8 if self.epoch == 0 else 4

        def train(self, corpus):
            for step in super().train(corpus):
                yield step._replace(epoch=step.epoch - 1)

    hours = iter(range(0, 10**6, 3600))
    monkeypatch.setattr(trainer, "Cost", partial(Cost, clock=lambda: next(hours)))
    fit(Gan([0.5] * 4, [1.0, 1.0], 2), CORPUS, "toy", "key")
    lines = [line for line in capsys.readouterr().err.splitlines() if "updates" in line]
    assert lines == [
        "toy: 7 texts, 14 words, 8 updates; at most 8.0 hours while the discriminator learns alone "
        "(from the first 2)",
        "toy: both networks, 2 more updates; at most 2.0 hours (from the first 2)",
    ]


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_training_stops_when_a_loss_is_no_longer_finite(bad):
    toy = Toy([0.7, 0.6, bad, 0.5], [1.0] * 4)
    with pytest.raises(UserError) as error:
        fit(toy, CORPUS, "scalar", "key")
    assert str(error.value) == (
        "scalar: the loss loss is no longer finite at step 3; lower its learning rate"
    )
    assert toy.read_weights() == {3}  # not one step further


def test_the_summary_is_of_the_epoch_that_was_kept():
    # Epoch 2 is kept: its two losses 0.6 and 0.4 have the mean 0.5.
    toy = Toy([0.9, 0.8, 0.6, 0.4, 0.2, 0.1], [3.0, 1.0, 2.0], steps_per_epoch=2)
    summary = fit(toy, CORPUS, "toy", "key").summary()
    assert summary == {
        "loss": pytest.approx(0.5),
        "steps": 6,
        "best_epoch": 2,
        "validation": 1.0,
    }
    # Without validation that is the last, and there is none to tell.
    toy = Toy([0.9, 0.8, 0.6, 0.4], [None, None], steps_per_epoch=2)
    summary = fit(toy, CORPUS, "other", "key").summary()
    assert summary == {"loss": pytest.approx(0.5), "steps": 4, "best_epoch": 2}


def test_each_loss_has_its_mean():
    losses = [{"generator": 1.0, "discriminator": 5.0}, {"generator": 2.0, "discriminator": 8.0}]
    steps = [Step(number, 1, each) for number, each in enumerate(losses, start=1)]
    summary = Training(steps, 1, None).summary()
    assert summary == {"generator": 1.5, "discriminator": 6.5, "steps": 2, "best_epoch": 1}


def test_the_curve_is_a_row_an_update(folder):
    steps = [
        Step(1, 0, {"generator": 1 / 3, "discriminator": 2.0}),
        Step(2, 0, {"generator": 1e-7, "discriminator": 12345678.0}, ends_epoch=True),
        Step(3, 1, {"generator": 0.5, "discriminator": 1.5}, 0.123456789, ends_epoch=True),
    ]
    write_curve("plots/curve.csv", steps)
    assert (folder / "plots" / "curve.csv").read_bytes() == (
        b"step,epoch,generator,discriminator,validation\n"
        b"1,0,0.333333,2,\n"
        b"2,0,1e-07,1.23457e+07,\n"
        b"3,1,0.5,1.5,0.123457\n"
    )
    write_curve("plots/curve.csv", steps[:2])
    assert (folder / "plots" / "curve.csv").read_bytes() == (
        b"step,epoch,generator,discriminator\n1,0,0.333333,2\n2,0,1e-07,1.23457e+07\n"
    )


def build_language_model(seed=1):
    torch.manual_seed(seed)
    return LanguageModel.build(CORPUS, SETTINGS, seed=seed, device="cpu")


def build_paper_gan(seed=1):
    torch.manual_seed(seed)
    embedding = ScalarEmbedding(WORDS[1:])
    return PaperGan(embedding, PAPER_SETTINGS, CORPUS.max_length, "cpu")


def build_markov():
    return Markov.build(CORPUS, MarkovSettings(order=1, start="uniform"), seed=1, device="cpu")


def kill_after(generator, count, monkeypatch):
    """Let a generator's training end with an error after so many steps."""
    train = generator.train

    def cut_off(corpus):
        for number, step in enumerate(train(corpus), start=1):
            yield step
            if number == count:
                raise KeyboardInterrupt

    monkeypatch.setattr(generator, "train", cut_off)


def run(build, name, key="key", *, killed_after=None, monkeypatch=None, minutes=0):
    """Train what `build` makes and return all that comes of it, the files as bytes by name."""
    generator = build()
    if killed_after:
        kill_after(generator, killed_after, monkeypatch)
        with pytest.raises(KeyboardInterrupt):
            fit(generator, CORPUS, name, key, minutes)
        return None
    training = fit(generator, CORPUS, name, key, minutes)
    remove_checkpoints(name)
    out = Path(f"out-{len(list(Path().iterdir()))}")
    generator.save(out)
    write_curve(str(out / "curve.csv"), training.steps)
    paths = [path for path in sorted(out.rglob("*")) if path.is_file()]
    files = {str(path.relative_to(out)): path.read_bytes() for path in paths}
    return files | {"training": training, "summary": training.summary()}


# Three updates a pass and four passes: within a pass, at the end of one, and after the last update.
@pytest.mark.parametrize("killed_after", [4, 6, 10, 12])
@pytest.mark.parametrize("build", [build_language_model, build_paper_gan])
def test_a_training_that_was_cut_off_ends_as_if_it_never_was(build, killed_after, monkeypatch):
    whole = run(build, "whole")
    run(build, "broken", killed_after=killed_after, monkeypatch=monkeypatch)
    state = load_checkpoint(trainer.CHECKPOINTS / "broken.safetensors")
    assert len(state["steps"]) == killed_after // 3 * 3

    updates = []

    def build_and_count():
        torch.manual_seed(99)  # what is random comes from the checkpoint
        generator = build(seed=99)
        train = generator.train

        def count(corpus):
            for step in train(corpus):
                updates.append(step.step)
                yield step

        monkeypatch.setattr(generator, "train", count)
        return generator

    assert run(build_and_count, "broken") == whole
    assert updates == list(range(killed_after // 3 * 3 + 1, 13))
    assert list(trainer.CHECKPOINTS.iterdir()) == []


def test_a_training_that_was_cut_off_twice_ends_as_if_it_never_was(monkeypatch):
    whole = run(build_language_model, "whole")
    for _ in range(2):
        # Each time it comes a pass further.
        run(build_language_model, "broken", killed_after=5, monkeypatch=monkeypatch)
    state = load_checkpoint(trainer.CHECKPOINTS / "broken.safetensors")
    assert len(state["steps"]) == 6
    assert run(build_language_model, "broken") == whole


def test_counting_that_was_cut_off_is_one_step(monkeypatch):
    whole = run(build_markov, "whole")
    run(build_markov, "broken", killed_after=1, monkeypatch=monkeypatch)
    assert (trainer.CHECKPOINTS / "broken.safetensors").exists()
    assert run(build_markov, "broken") == whole


@pytest.mark.parametrize(
    ("validations", "is_said"),
    [([3.0, 2.0, 1.0], True), ([3.0, 1.0, 2.0], False), ([1.0], False), ([None, None], False)],
)
def test_a_training_that_was_best_at_its_end_says_so(validations, is_said, capsys):
    fit(Toy([0.5] * len(validations), validations), CORPUS, "toy", "key")
    line = "toy: best after its last epoch, 3; it may learn from more epochs"
    assert (line in capsys.readouterr().err.splitlines()) == is_said


@pytest.mark.parametrize("validations", [[1.0, 3.0, 2.0], [3.0, 1.0, 2.0], [None, None, None]])
def test_the_best_epoch_is_remembered_over_a_break(validations, monkeypatch, capsys):
    toy = Toy([0.5, 0.25, 0.125], validations)
    kill_after(toy, 2, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        fit(toy, CORPUS, "toy", "key", 0)
    resumed = Toy([0.5, 0.25, 0.125], validations)
    training = fit(resumed, CORPUS, "toy", "key", 0)
    assert len(training.steps) == 3
    assert "3/3" in capsys.readouterr().err  # the progress bar counts the steps before
    best = validations.index(1.0) + 1 if 1.0 in validations else 3
    assert training.best_epoch == best
    assert resumed.read_weights() == {best}


def test_random_numbers_on_cuda_are_remembered_too(monkeypatch):
    there, taken = torch.arange(4, dtype=torch.uint8), []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda: there)
    monkeypatch.setattr(torch.cuda, "set_rng_state", taken.append)
    toy = Toy([0.5, 0.5], [None, None])
    kill_after(toy, 1, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        fit(toy, CORPUS, "toy", "key", 0)
    assert taken == []
    fit(Toy([0.5, 0.5], [None, None]), CORPUS, "toy", "key", 0)
    assert [state.tolist() for state in taken] == [[0, 1, 2, 3]]


def count_checkpoints(seconds, minutes, monkeypatch):
    """Return after which epochs a checkpoint is written; time passes as given."""
    clock, epochs = iter(seconds), []
    monkeypatch.setattr(trainer.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(
        trainer, "save_checkpoint", lambda path, state: epochs.append(len(state["steps"]))
    )
    fit(Toy([0.5] * 4, [None] * 4), CORPUS, "toy", "key", minutes)
    return epochs


def test_a_checkpoint_is_written_once_in_so_many_minutes(monkeypatch):
    # The start; the ends of epochs 1 and 2, 121 s later; the checkpoint is done at 122 s; epoch 3
    # ends at 241 s, 119 s later, epoch 4 at 242 s, when the next is due.
    assert count_checkpoints([0, 60, 121, 122, 241, 242, 243], 2, monkeypatch) == [2, 4]


def test_checkpoints_take_2_percent_of_the_time_at_most(monkeypatch):
    # One takes 3 s, so that the next has to wait for 150 s.
    assert count_checkpoints([0, 10, 13, 162, 163, 164, 165], 0.1, monkeypatch) == [1, 3]


def test_a_short_training_writes_none(monkeypatch):
    run(build_language_model, "broken", killed_after=10, monkeypatch=monkeypatch, minutes=1)
    assert not trainer.CHECKPOINTS.exists()


def test_a_checkpoint_that_cannot_be_written_is_a_warning(monkeypatch, capsys):
    whole = run(build_language_model, "whole")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trainer, "save_checkpoint", fail)
    assert run(build_language_model, "full") == whole
    assert "not written ([Errno 28] No space left on device); training goes on" in (
        capsys.readouterr().err
    )


def test_the_checkpoint_stays_until_the_generator_is_saved():
    path = trainer.CHECKPOINTS / "toy.safetensors"
    whole = fit(Toy([0.5, 0.25], [2.0, 1.0]), CORPUS, "toy", "key", 0)
    assert path.exists()
    # A run that is killed while it saves trains nothing again.
    trained = Toy([0.5, 0.25], [2.0, 1.0])
    assert fit(trained, CORPUS, "toy", "key", 0) == whole
    assert trained.read_weights() == {2}
    path.with_name(f"toy{trainer.ASIDE}").write_bytes(b"")
    path.with_name(".toy.safetensors.1.partial").write_bytes(b"")
    remove_checkpoints("toy")
    assert list(trainer.CHECKPOINTS.iterdir()) == []


def spoil(path):
    path.write_bytes(path.read_bytes()[:-5])


def write_another_thing(path):
    save_checkpoint(path, ["no", "training"])


@pytest.mark.parametrize(
    ("change", "key", "reason"),
    [
        (None, "other", "a checkpoint of other settings, texts or code"),
        (spoil, "key", "no checkpoint that can be read"),
        (write_another_thing, "key", "a checkpoint of other settings, texts or code"),
    ],
    ids=["another key", "damaged", "another thing"],
)
def test_a_checkpoint_that_is_of_no_use_is_set_aside(monkeypatch, capsys, change, key, reason):
    whole = run(build_language_model, "whole")
    run(build_language_model, "broken", killed_after=8, monkeypatch=monkeypatch)
    path = trainer.CHECKPOINTS / "broken.safetensors"
    if change:
        change(path)
    capsys.readouterr()
    # Even where the new training is cut off before its first checkpoint.
    content = path.read_bytes()
    run(build_language_model, "broken", key, killed_after=1, monkeypatch=monkeypatch)
    assert not path.exists()
    assert path.with_name("broken.set_aside.safetensors").read_bytes() == content
    assert run(build_language_model, "broken", key) == whole
    warnings = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    (warning,) = warnings
    assert warning.startswith(f"warning: {path}: {reason}")
    assert warning.endswith("; set aside as broken.set_aside.safetensors, training starts anew")


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.pop("best"),
        lambda state: state["generator"]["weights"].clear(),
        lambda state: state["generator"]["weights"].update({"projection.bias": torch.zeros(10**6)}),
        lambda state: state.update(random=torch.zeros(3)),
        lambda state: state.update(steps=[[1]]),
    ],
    ids=["no best", "no weights", "another shape", "no random state", "half a step"],
)
def test_a_crafted_checkpoint_is_refused(change, monkeypatch):
    run(build_language_model, "broken", killed_after=8, monkeypatch=monkeypatch)
    path = trainer.CHECKPOINTS / "broken.safetensors"
    state = load_checkpoint(path)
    change(state)
    save_checkpoint(path, state)
    with pytest.raises(UserError, match=r"broken\.safetensors: .* does not fit .*; remove it"):
        run(build_language_model, "broken")


def test_a_training_without_a_checkpoint_warns_of_nothing(capsys):
    run(build_language_model, "whole")
    assert "warning" not in capsys.readouterr().err


class OtherModel(LanguageModel):
    """A generator of the same settings and the same weights."""


def change_split(name, part, place, value):
    """Change one number of one split of the corpus."""
    split = getattr(CORPUS, name)
    array = getattr(split, part).copy()
    array[place] = value
    return replace(CORPUS, **{name: replace(split, **{part: array})})


def test_a_checkpoint_key_is_of_all_that_makes_a_training(tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second / "inside"):
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"1")
    code = ModuleType("stages.invented")
    code.__file__ = str(tmp_path / "invented.py")
    (tmp_path / "invented.py").write_bytes(b"# one\n")
    monkeypatch.setitem(sys.modules, code.__name__, code)

    def key(
        settings=SETTINGS,
        corpus=CORPUS,
        seed=1,
        inputs=(first, second),
        weights_seed=1,
        kind=LanguageModel,
        also=("MiniLM",),
    ):
        torch.manual_seed(weights_seed)
        model = kind.build(CORPUS, settings, seed=1, device="cpu")
        return checkpoint_key(model, corpus, seed, inputs, also)

    same = key()
    assert key() == same
    changed = {
        "settings": key(settings=SETTINGS.model_copy(update={"epochs": 5})),
        "learning rate": key(settings=SETTINGS.model_copy(update={"learning_rate": 0.2})),
        "seed": key(seed=2),
        "weights": key(weights_seed=2),
        "train": key(corpus=change_split("train", "tokens", 0, 2)),
        "validation": key(corpus=change_split("validation", "tokens", -1, 2)),
        "offsets": key(corpus=change_split("train", "offsets", 1, 1)),
        "labels": key(corpus=change_split("train", "labels", 0, 1)),
        "words": key(corpus=replace(CORPUS, words=["", *"abcdeg"])),
        "max_length": key(corpus=replace(CORPUS, max_length=5)),
        "an input less": key(inputs=[first]),
        "kind": key(kind=OtherModel),
        "also": key(also=("another BERT",)),
    }
    (second / "inside" / "file").write_bytes(b"2")
    changed["input"] = key()
    (second / "inside" / "file").write_bytes(b"1")
    assert key() == same
    (tmp_path / "invented.py").write_bytes(b"# two\n")
    changed["code"] = key()
    assert len({same, *changed.values()}) == 1 + len(changed)


def test_a_checkpoint_key_is_of_weights_that_are_arrays_too():
    first, second = build_markov(), build_markov()
    assert checkpoint_key(first, CORPUS, 1, []) == checkpoint_key(second, CORPUS, 1, [])
    second.fit(list(CORPUS.train))
    assert checkpoint_key(first, CORPUS, 1, []) != checkpoint_key(second, CORPUS, 1, [])
