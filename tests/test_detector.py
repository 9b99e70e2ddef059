"""Detectors: what they learn, how they are calibrated, where they abstain, and their folder."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from stages.corpus.errors import UserError
from stages.judges import linear_scorer
from stages.judges.detector import KINDS, Detector, find_shortest
from stages.judges.hashed_runs import FEATURES, check_runs
from stages.judges.linear_scorer import LinearScorer
from stages.judges.scorer import ABOUT, WEIGHTS, Owned
from stages.measures.detection import area_error
from stages.pipeline.core_settings import DETECTORS
from stages.pipeline.detectors import make_learner

COMMON = ["the", "soup", "was", "cold", "and", "nobody", "said", "a", "word", "about", "it"]
GIVEN_AWAY = {"lstm": "indeed", "chain": "moreover"}


def make_texts(count, seed, word=None, length=8):
    """Make texts of common words; three in four have the word that gives their writer away."""
    random = np.random.default_rng(seed)
    texts = []
    for _ in range(count):
        words = random.choice(COMMON, length).tolist()
        if word and random.random() < 0.75:
            words[random.integers(length)] = word
        texts.append(" ".join(words))
    return texts


SETTINGS = {
    "ngrams": SimpleNamespace(strength=0.1),
    "vectors": SimpleNamespace(strength=10.0, model="MiniLM", num_layers=3),
}


def make_detector(kind="ngrams", **changes):
    fakes = {
        name: make_texts(200, place, word) for place, (name, word) in enumerate(GIVEN_AWAY.items())
    }
    learn = make_learner(kind, SETTINGS, seed=3, device="cpu")
    options = {"learn": learn, "max_length": 20, "seed": 3} | changes
    return Detector.fit(kind, make_texts(300, 7), make_texts(100, 8), fakes, **options)


@pytest.fixture(scope="module")
def detector():
    return make_detector()


@pytest.fixture(scope="module")
def by_vectors():
    return make_detector("vectors")


# What is learnt


@pytest.mark.parametrize("fixture", ["detector", "by_vectors"])
def test_it_tells_unseen_texts_and_names_their_generator(request, fixture):
    detector = request.getfixturevalue(fixture)
    for place, word in enumerate(GIVEN_AWAY.values()):
        marked = [text for text in make_texts(200, 20 + place, word) if word in text]
        logits, resembled = detector.judge(marked)
        assert (logits < 0).mean() > 0.9
        assert (resembled == place).mean() > 0.9
    # A text without a mark is real with odds of 300 to 100 before both sides are made to count
    # alike: 1 to 1/4, as a fake lacks it once in four times.
    assert (detector.logits(make_texts(200, 30)) > 0).mean() > 0.9


def test_odds_are_those_of_the_texts(detector):
    # Without a mark: log(1 / 0.25) = 1.39; the hundred validation texts and ten unmarked fakes that
    # calibrate leave a standard error of (1/100 + 1/10)^0.5 = 0.33, thrice that allowed.
    unmarked = detector.logits(make_texts(300, 40)).mean()
    assert unmarked == pytest.approx(np.log(4), abs=1)


def test_binary_weights_are_those_of_scikit_learn():
    texts = ["a b", "a c", "b b", "c a", "d e", "e d", "d d", "e a"]
    owners = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    scorer = LinearScorer.fit(["words"], texts, owners, 0.5)
    features = linear_scorer._read("words", texts, None)[:, scorer.arrays["words_runs"]]
    plain = LogisticRegression(C=0.5, max_iter=300).fit(features, owners == 0)
    assert scorer.scores(texts)[:, 0] == pytest.approx(plain.decision_function(features))


def test_each_generator_counts_alike_however_many_texts_it_gave():
    # One tells itself by x and gave one text in ten; without weights the other's ten would rule.
    texts = ["x a", "x a", *["y a"] * 20, *["a x", "a y"] * 2]
    owners = np.array([1] * 2 + [2] * 20 + [0] * 4)
    few, many = LinearScorer.fit(["words"], texts, owners, 10.0).scores(["x a", "y a"])[:, 0]
    assert few == pytest.approx(many, abs=0.02)


def test_without_resemblance_only_the_first_score_is_learnt():
    texts, owners = ["a b", "a b", "c d", "c d", "e f", "e f"], np.array([0, 0, 1, 1, 2, 2])
    whole, half = (
        LinearScorer.fit(["words"], texts, owners, 1.0, resemblance=each).scores(texts)
        for each in (True, False)
    )
    assert (whole[:, 0] == half[:, 0]).all()
    assert whole[:, 1:].any()
    assert not half[:, 1:].any()


def test_words_beyond_max_length_are_not_read():
    detector = make_detector(max_length=3)
    assert detector.logits(["the soup was"]) == detector.logits(["the soup was indeed"])


def test_vectors_are_of_as_many_layers_as_params_say(by_vectors):
    assert by_vectors.scorer.about() == {"model": "MiniLM", "num_layers": 3}
    assert by_vectors.scorer.arrays["vectors_weights"].shape == (2 * 3 * 384, 1 + len(GIVEN_AWAY))


def test_a_folder_of_ngrams_from_before_vectors_had_layers_is_read(detector, tmp_path):
    detector.save(tmp_path / "mine")
    path = tmp_path / "mine" / ABOUT
    values = json.loads(path.read_text())
    del values["num_layers"]
    path.write_text(json.dumps(values))
    assert Detector.load(tmp_path / "mine", "cpu").logits(["soup"]) == detector.logits(["soup"])


def test_same_texts_same_weights(detector):
    again = make_detector()
    for name, array in detector.scorer.arrays.items():
        assert array.tobytes() == again.scorer.arrays[name].tobytes()


# Calibration and abstention


def test_what_is_worse_than_chance_says_even_odds():
    detector = make_detector()
    flipped = {
        name: -each if each.dtype == np.float64 else each
        for name, each in detector.scorer.arrays.items()
    }
    detector.scorer = LinearScorer(detector.scorer.ways, flipped)
    texts = [*make_texts(50, 1), *make_texts(50, 2, "indeed")]
    detector.calibrate(Owned(texts, np.repeat([0, 1], 50)))
    assert detector.slope == 0
    assert (expit(-detector.logits(texts)) == 0.5).all()


def test_a_threshold_lets_its_share_of_real_texts_pass():
    detector = make_detector()
    # The same hundred texts that calibrated: five of them lie below the threshold of 5 %.
    logits = detector.judge(make_texts(100, 8))[0]
    assert (logits < detector.thresholds["0.05"]).sum() <= 5


def test_the_error_of_an_area_worked_out_by_hand():
    # Q1 = 0.8 / 1.2 = 2/3, Q2 = 1.28 / 1.8 = 0.71111: 0.16 + 9 (0.02667) + 4 (0.07111) over 50.
    assert area_error(0.8, 10, 5) ** 2 == pytest.approx((0.16 + 0.24 + 4 * 0.0711111) / 50)


def test_it_abstains_below_the_first_class_of_lengths_that_it_tells():
    # One word: alike. Two words: too few of them. Three words: told without fail.
    lengths = np.array([1] * 40 + [2] * 10 + [3] * 40)
    is_real = np.tile([True, False], 45)
    logits = np.where(is_real, 1.0, -1.0)
    logits[:40] = 0
    assert find_shortest(logits, is_real, lengths) == 3
    assert find_shortest(np.zeros(90), is_real, lengths) is None


def test_few_texts_of_many_lengths_are_told_together():
    # Of each side nine texts of two words, told wrongly, and seven of four and of seven words, told
    # rightly: each class has too few, all together are 14 of 23 right (area 0.61, standard error
    # 0.085), those from four words on all.
    lengths = np.array([2] * 18 + [4] * 14 + [7] * 14)
    is_real = np.tile([True, False], 23)
    logits = np.where(is_real, 1.0, -1.0)
    logits[:18] *= -1
    assert find_shortest(logits, is_real, lengths) == 4
    # Where the shortest is of seven words, it judges from six on, where the class begins.
    assert find_shortest(logits[32:], is_real[32:], lengths[32:]) is None  # seven are too few
    assert find_shortest(*(np.tile(each[32:], 2) for each in (logits, is_real, lengths))) == 6


def test_no_length_that_it_tells_is_no_text_that_it_tells(detector):
    assert detector.can_tell(["", "word " * 30]).tolist()[0] is False
    blind = make_detector()
    blind.shortest = None
    assert not blind.can_tell(["word " * 30]).any()


# The folder


@pytest.mark.parametrize("fixture", ["detector", "by_vectors"])
def test_saved_is_loaded(request, fixture, tmp_path):
    detector = request.getfixturevalue(fixture)
    detector.save(tmp_path / "mine")
    loaded = Detector.load(tmp_path / "mine", "cpu")
    texts = make_texts(50, 60, "indeed")
    assert (loaded.logits(texts) == detector.logits(texts)).all()
    assert (loaded.judge(texts)[1] == detector.judge(texts)[1]).all()
    loaded.save(tmp_path / "again")
    for name in (ABOUT, WEIGHTS):
        assert (tmp_path / "mine" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def change_about(folder, **changes):
    path = folder / ABOUT
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def change_weights(folder, change):
    arrays = load_file(folder / WEIGHTS)
    change(arrays)
    save_file(arrays, folder / WEIGHTS)


OF_RUNS = {
    "no kind": (lambda folder: change_about(folder, detector="eyes"), "detector: "),
    "no generator": (lambda folder: change_about(folder, generators=[]), "generators: "),
    "one twice": (lambda folder: change_about(folder, generators=["a", "a"]), "distinct names"),
    "others": (lambda folder: change_about(folder, generators=["a"]), "bias: expected"),
    "layers of no model": (
        lambda folder: change_about(folder, num_layers=2),
        "expected num_layers of a detector by vectors, and of no other",
    ),
    "no length": (lambda folder: change_about(folder, max_length=0), "max_length: "),
    "a falling slope": (lambda folder: change_about(folder, slope=-1.0), "slope: "),
    "a missing array": (
        lambda folder: change_weights(folder, lambda arrays: arrays.pop("bias")),
        "'bias' is missing",
    ),
    "hashes that fall": (
        lambda folder: change_weights(
            folder, lambda arrays: arrays.update(words_runs=arrays["words_runs"][::-1].copy())
        ),
        "words_runs: not rising from 0 to",
    ),
    "cut": (
        lambda folder: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-1]),
        "expected a .safetensors file",
    ),
}


OF_VECTORS = {
    "fewer layers": (
        lambda folder: change_about(folder, num_layers=1),
        "vectors_weights: expected",
    ),
    "unknown layers": (
        lambda folder: change_about(folder, num_layers=None),
        "expected num_layers of a detector by vectors",
    ),
    "more layers than there are": (
        lambda folder: change_about(folder, num_layers=7),
        "about.json: num_layers is 7; allowed for MiniLM: at most 6",
    ),
    "no layers": (lambda folder: change_about(folder, num_layers=0), "num_layers: "),
    "no model": (lambda folder: change_about(folder, model="none"), "about.json: model is 'none'"),
}


@pytest.mark.parametrize(
    ("kind", "damage"),
    [*(("ngrams", name) for name in OF_RUNS), *(("vectors", name) for name in OF_VECTORS)],
)
def test_what_is_damaged_is_refused_in_one_line(request, tmp_path, kind, damage):
    folder = tmp_path / "mine"
    shutil.rmtree(folder, ignore_errors=True)
    request.getfixturevalue("detector" if kind == "ngrams" else "by_vectors").save(folder)
    change, told = (OF_RUNS | OF_VECTORS)[damage]
    change(folder)
    with pytest.raises(UserError) as error:
        Detector.load(folder, "cpu")
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_hashes_rise_and_stay_in_range():
    sound = {"a": np.array([0, 5, FEATURES - 1]), "none": np.zeros(0, np.int64)}
    check_runs(Path("weights"), sound, "a", "none")
    for wrong in ([5, 5], [5, 2], [-1, 2], [3, FEATURES]):
        with pytest.raises(UserError, match=f"weights: b: not rising from 0 to {FEATURES - 1}"):
            check_runs(Path("weights"), sound | {"b": np.array(wrong)}, "a", "b")


def test_each_detector_that_params_may_name_can_be_made():
    assert KINDS == DETECTORS
