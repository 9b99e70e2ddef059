"""One generator a label: whose text stands where, its judge, and its folder."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from stages.corpus.building import build_corpus
from stages.corpus.corpus import Corpus, Split
from stages.corpus.errors import UserError
from stages.corpus.seeds import derive_seed
from stages.generators.chosen import Chosen, with_choice
from stages.generators.markov import Markov, MarkovSettings
from stages.generators.per_label import PerLabel, label_shares, part_of
from stages.generators.protocol import load_generator
from stages.judges.per_label_judge import PerLabelJudge
from tests.tampering import JSON, is_refused, said

SHARES = {"0": 0.25, "1": 0.75}


class Part:
    """Writes "a 0", "a 1", ... and judges a text by its number, times `sign`."""

    def __init__(self, name, *, tempered=True, chooses=True, calibrated=True, sign=1):
        self.name, self.sign = name, sign
        self.conditional, self.tempered, self.chooses = False, tempered, chooses
        self.calibrated, self.prefixed = calibrated, tempered
        self.max_length, self.likelihood = 8, "exact"
        self.asked = []

    def generate(self, count, seed, **options):
        self.asked.append((count, seed, options))
        for first in range(0, count, 2):
            yield [f"{self.name} {n}" for n in range(first, min(first + 2, count))]

    def logits(self, texts):
        self.asked.append(texts)
        return np.array([self.sign * int(text.split()[1]) for text in texts], dtype=np.float32)

    def log_odds(self, texts):
        return 50 * torch.from_numpy(self.logits(texts))

    @property
    def judge(self):
        return self

    def judge_own(self, count, seed):
        assert count > 0
        return np.full(count, self.sign * seed)

    def describe(self):
        # Both know a loss and a dropout, one of them the passes that it made.
        passes = {"passes": 4} if self.name == "a" else {}
        return {"weights": len(self.name), "dropout": 0.5, "loss": 1.25} | passes


def make(**options):
    return PerLabel({"0": Part("a", **options), "1": Part("b", **options)}, SHARES)


def write(generator, count, seed=1, **options):
    return [text for batch in generator.generate(count, seed, **options) for text in batch]


def test_text_i_has_label_i_and_each_part_s_texts_come_in_its_order():
    both = make()
    assert write(both, 5, labels=[*"10110"]) == ["b 0", "a 0", "b 1", "b 2", "a 1"]
    assert write(both, 3, labels=tuple("111")) == ["b 0", "b 1", "b 2"]


def test_each_part_is_asked_for_as_many_by_a_seed_of_its_own_and_told_the_rest():
    both = make()
    write(both, 3, seed=5, labels=[*"011"], temperature=0.5, top_p=0.9, prefix="x")
    options = {"temperature": 0.5, "top_p": 0.9, "prefix": "x"}
    assert both.parts["0"].asked == [(1, derive_seed(5, "label 0"), options)]
    assert both.parts["1"].asked == [(2, derive_seed(5, "label 1"), options)]
    assert derive_seed(5, "label 0") != derive_seed(5, "label 1")


def test_drawn_labels_follow_the_shares_by_the_seed():
    # 4,000 draws: within five standard deviations, 5 * sqrt(0.75 * 0.25 / 4000) = 0.034.
    both = make()
    labels = both.draw_labels(4000, seed=1)
    assert set(labels) == {"0", "1"}
    assert np.mean([label == "1" for label in labels]) == pytest.approx(0.75, abs=0.034)
    assert both.draw_labels(4000, seed=1) == labels != both.draw_labels(4000, seed=2)


def test_who_asks_for_no_labels_gets_drawn_ones():
    both = make()
    labels = both.draw_labels(40, seed=3)
    texts = write(both, 40, seed=3)
    assert [text[0] for text in texts] == ["ab"[int(label)] for label in labels]
    assert texts == write(both, 40, seed=3, labels=labels)


def test_a_label_that_none_has_learnt_is_refused():
    with pytest.raises(UserError, match="label 2: none was learnt; expected one of 0, 1"):
        write(make(), 2, labels=[*"02"])


def test_it_can_do_what_all_its_parts_can():
    assert PerLabel.conditional
    for can in (True, False):
        both = make(tempered=can, chooses=can)
        assert (both.tempered, both.prefixed, both.chooses) == (can, can, can)
    both.parts["0"] = Part("a")
    assert (both.tempered, both.prefixed, both.chooses) == (False, False, False)
    assert (both.max_length, both.likelihood) == (8, "exact")


def test_a_text_s_likelihood_is_the_mixture_of_its_parts():
    both = make()
    chances = {"0": [0.5, 0.0], "1": [0.1, 0.0]}
    for label, part in both.parts.items():
        with np.errstate(divide="ignore"):
            logs = np.log(np.array(chances[label]))
        part.log_likelihood = lambda texts, logs=logs: logs
    first, second = both.shares["0"], both.shares["1"]
    # P(text) = P(label 0) P(text | label 0) + P(label 1) P(text | label 1)
    expected = [np.log(first * 0.5 + second * 0.1), -np.inf]
    assert both.log_likelihood(["a", "b"]) == pytest.approx(expected)


def test_its_size_is_that_of_its_parts_together():
    assert PerLabel({"0": Part("a"), "1": Part("bc")}, SHARES).describe() == {"weights": 3}
    assert PerLabel({"0": Part("bc"), "1": Part("a")}, SHARES).describe() == {"weights": 3}


def test_the_shares_are_those_of_the_training_texts():
    def split(labels):
        return Split(np.arange(len(labels)), np.arange(len(labels) + 1), np.array(labels))

    corpus = Corpus([*"abcd"], 3, split([1, 0, 1, 1]), split([0, 0, 0]), split([0, 1]))
    assert label_shares(corpus) == SHARES
    one = Corpus([*"abcd"], 3, split([1, 1]), split([0, 0]), split([0, 1]))
    assert label_shares(one) == {"1": 1}


# Choosing.


def test_a_discriminator_chooses_within_each_part():
    # Of three candidates of one length label 0's likes the last best, label 1's the first.
    parts = {"0": Part("a"), "1": Part("b", sign=-1)}
    chosen = with_choice(PerLabel(parts, SHARES), 3)
    assert isinstance(chosen, PerLabel)
    assert chosen.shares == SHARES
    texts = write(chosen, 4, labels=[*"1001"])
    assert [text[0] for text in texts] == ["b", "a", "a", "b"]
    assert {*texts} == {"a 2", "a 5", "b 0", "b 3"}
    assert [parts[label].asked[0][0] for label in ("0", "1")] == [6, 6]


def test_parts_that_cannot_choose_stay_as_they_are():
    both = make(chooses=False)
    parts = with_choice(both, 3).parts
    assert all(parts[label] is both.parts[label] for label in ("0", "1"))
    assert not any(isinstance(part, Chosen) for part in with_choice(make(), 1).parts.values())


# Judging.


def test_the_judge_of_its_label_judges_each_text():
    judge = make(sign=2).judge
    judge.parts["1"].sign = 10
    texts = ["x 1", "x 2", "x 3", "x 4"]
    logits = judge.logits(texts, [*"1001"])
    assert logits.tolist() == [10, 4, 6, 40]
    assert logits.dtype == np.float32
    assert [part.asked for part in judge.parts.values()] == [[["x 2", "x 3"]], [["x 1", "x 4"]]]


def test_a_judge_without_texts_of_its_label_is_not_asked():
    judge = make().judge
    assert judge.logits(["x 1"], ["1"]).tolist() == [1]
    assert judge.parts["0"].asked == []


@pytest.mark.parametrize(
    ("labels", "found"), [(["0", None, "1"], "None"), ([*"201"], "2"), (None, "None")]
)
def test_a_text_without_a_label_that_was_learnt_is_refused(labels, found):
    with pytest.raises(UserError, match=f"label {found}; expected one of 0, 1"):
        make().judge.logits(["x 1", "x 2", "x 3"], labels)


def test_it_is_calibrated_where_all_its_judges_are():
    kinds = {True: Part("a"), False: Part("a", calibrated=False)}
    for first in (True, False):
        for second in (True, False):
            judge = PerLabelJudge({"0": kinds[first], "1": kinds[second]})
            assert judge.calibrated == (first and second)


def test_each_part_s_own_texts_are_judged_by_itself_as_often_as_real_text_has_the_label():
    both = make()
    both.parts["1"].sign = -1
    drawn = both.draw_labels(40, seed=3)
    own = both.judge_own(40, seed=3).tolist()
    assert (own.count(3), own.count(-3)) == (drawn.count("0"), drawn.count("1"))
    # One text has one label; nobody asks the other part for none.
    assert len(both.judge_own(1, seed=3)) == 1


# The folder.


def make_both():
    texts = [text.split() for text in ("the sun is warm", "my moon is cold")] * 10
    corpus = build_corpus(texts, [0, 1] * 10, 0.2, 0.2, seed=1)
    parts = {}
    for place in corpus.labels:
        part, label = corpus.of_label(place), corpus.label_names[place]
        settings = MarkovSettings(order=1, start="uniform")
        parts[label] = Markov(corpus.words[: corpus.vocabulary_size + 1], settings, 5)
        parts[label].fit(part.train)
        parts[label].fingerprint = corpus.fingerprint
    return PerLabel(parts, SHARES)


def test_saved_is_loaded(tmp_path):
    both = make_both()
    parts = both.parts
    both.save(tmp_path / "both")
    loaded = load_generator(tmp_path / "both", "cpu")
    assert isinstance(loaded, PerLabel)
    assert loaded.shares == SHARES
    assert {*loaded.parts} == {"0", "1"}
    assert write(loaded, 30) == write(both, 30)
    # Each part is a folder of its own, which can be loaded alone.
    for place, label in enumerate(parts):
        alone = load_generator(part_of(tmp_path / "both", place), "cpu")
        assert write(alone, 10) == write(parts[label], 10)
    assert part_of(Path("folder"), 1) == Path("folder/label_1")


def has_itself_inside(path):
    shutil.rmtree(path.parent / "label_1")
    (path.parent / "label_1").symlink_to(path.parent, target_is_directory=True)


DAMAGES = {
    **{key: ("about.json", *case) for key, case in JSON.items()},
    **{
        f"shares {value!r}": ("about.json", said("shares", value=value), match)
        for value, match in (
            ([[0, 0.5], [1, 0.5]], "shares: .*found"),
            ({}, "shares: .*at least 1 item"),
            ({"0": 0.5}, "shares that sum to 1"),
            ({"0": 0.5, "1": 0.6}, "shares that sum to 1"),
            ({"0": 0.0, "1": 1.0}, "shares.0: "),
            ({"0": -0.5, "1": 1.5}, "shares.0: "),
            ({"0": "0.5", "1": 0.5}, "shares.0: "),
            ({"0": 0.5, "": 0.5}, "shares"),
            ({"0": 0.5, " 1": 0.5}, "shares"),
            ({"0": 0.5, "a\nb": 0.5}, "shares"),
            ({str(number): 1 / 25 for number in range(25)}, "shares: .*at most 20 items"),
        )
    },
    "a part of another corpus": (
        *("label_1/about.json", said("corpus", value="0" * 16)),
        "made from the corpus 0000000000000000, but .*both from [0-9a-f]{16}",
    ),
    "a part that is damaged": ("label_0/about.json", said("words", value=[]), "words"),
    "itself as a part": ("about.json", has_itself_inside, "another generator than per_label"),
    "no room": ("label_0/about.json", said("generator", value="../x"), "name of a module"),
}


@pytest.mark.parametrize(("file", "damage", "match"), DAMAGES.values(), ids=DAMAGES)
def test_a_folder_that_was_tampered_with_is_refused(tmp_path, file, damage, match):
    folder = tmp_path / "both"
    make_both().save(folder)
    damage(folder / file)
    is_refused(lambda: load_generator(folder, "cpu"), f"^{re.escape(str(folder))}.*{match}")
