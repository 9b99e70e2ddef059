"""The detector that is a fine-tuned BERT: what it sees, what it learns by, and its folder."""

import json
import shutil
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.numpy import load_file
from torch.nn.functional import cross_entropy, log_softmax

from stages.corpus.errors import UserError
from stages.judges.bert_scorer import BertScorer, Deck
from stages.judges.detector import Detector
from stages.judges.scorer import ABOUT, WEIGHTS
from stages.networks.learnt_pieces import MARKERS, frame
from stages.networks.piece_classifier import PieceClassifier
from stages.networks.piece_reader import BertShape
from stages.pipeline.core_settings import BertDetector
from stages.pipeline.detectors import make_learner
from stages.training.authorship import author_loss
from stages.training.likelihood import mask_of
from tests.tampering import array_is, is_refused, said

NUMBERS = {
    "num_layers": 2,
    "trained_layers": 2,
    "max_pieces": 10,
    "texts": 400,
    "epochs": 4,
    "batch_size": 16,
    "learning_rate": 0.005,
}
NAMES = ["rising", "falling"]


def write(count, seed, order):
    """Write texts of six distinct letters: shuffled (real), or each half of them in one order."""
    random = np.random.default_rng(seed)
    texts = []
    for _ in range(count):
        letters = random.permutation([*"abcdef"])
        if order:
            letters = np.sort(letters)[::order]
        texts.append(" ".join(letters))
    return texts


def make_detector(bert, kind="fine_tuned_bert", seed=1, resemblance=True, **changes):
    settings = SimpleNamespace(model=bert, not_met=False, **NUMBERS | changes)
    ngrams = SimpleNamespace(strength=0.1)
    learn = make_learner(
        kind, {"fine_tuned_bert": settings, "ngrams": ngrams}, seed=seed, device="cpu"
    )
    fakes = {"rising": write(200, 1, 1), "falling": write(200, 2, -1)}
    return Detector.fit(
        kind,
        write(400, 3, 0),
        write(60, 4, 0),
        fakes,
        learn=learn,
        max_length=8,
        seed=seed,
        resemblance=resemblance,
    )


@pytest.fixture(scope="module")
def detector(bert):
    return make_detector(bert)


# What it sees


def test_it_sees_order_alone_and_names_the_generator(detector):
    # Each text has the same six words once, so that words' counts tell nothing at all.
    assert (detector.logits(write(100, 9, 0)) > 0).mean() > 0.9
    for place, order in enumerate((1, -1)):
        logits, resembled = detector.judge(write(20, 10, order))
        assert (logits < 0).all()
        assert (resembled == place).all()


def test_what_counts_words_alone_cannot_see_that(bert, monkeypatch):
    monkeypatch.setattr("stages.judges.linear_scorer.RUNS", {"words": (1, 1)})
    monkeypatch.setitem(make_learner.__globals__["WAYS"], "ngrams", ("words",))
    blind = make_detector(bert, "ngrams")
    real, made = blind.logits(write(50, 9, 0)), blind.logits(write(50, 10, 1))
    assert np.ptp([*real, *made]) < 1e-6
    assert blind.shortest is None


def test_pieces_beyond_the_most_and_words_beyond_max_length_are_not_read(bert):
    cropped = make_detector(bert, max_pieces=3, epochs=1, texts=40)
    assert cropped.logits(["a b c d e"]) == cropped.logits(["a b c f"])
    assert cropped.logits(["a b c"]) != cropped.logits(["a c b"])


def test_unknown_words_and_no_words_have_scores_too(detector):
    assert np.isfinite(detector.logits(["", "zzz 🐸", "a zzz"])).all()
    assert detector.scorer.scores([]).shape == (0, 3)


def test_it_abstains_where_it_tells_nothing(detector):
    # All texts have six words: the class that begins at six is the first that it tells.
    assert detector.shortest == 6
    assert detector.can_tell(["a b c d e", "a b c d e f", ""]).tolist() == [False, True, False]


def test_scores_do_not_depend_on_neighbours(detector):
    texts = ["a b", *write(30, 11, 0), "c", ""]
    alone = np.concatenate([detector.scorer.scores([text]) for text in texts])
    assert detector.scorer.scores(texts) == pytest.approx(alone, abs=1e-5)


# What it learns by


def test_the_loss_worked_out_by_hand():
    # Real: log(1 + e^-2) = 0.12693. Of generator 2: log(1 + e^1) = 1.31326, and of its logits
    # 0 and log 3 the latter is right, -log(3/4) = 0.28768. The mean of 0.12693 and 1.60094.
    scores = torch.tensor([[2.0, 5.0, -5.0], [1.0, 0.0, np.log(3)]])
    owners = torch.tensor([0, 2])
    assert author_loss(scores, owners).item() == pytest.approx(0.863935, abs=1e-5)
    assert author_loss(scores, owners, resemblance=False).item() == pytest.approx(
        0.720095, abs=1e-5
    )
    assert author_loss(scores[:1], owners[:1]).item() == pytest.approx(0.126928, abs=1e-5)


def test_the_two_parts_are_the_cross_entropy_of_one_choice_among_all():
    # P(real), and P(generated) P(generator | generated): one distribution over 1 + K authors.
    scores, owners = torch.randn(9, 4), torch.tensor([0, 1, 2, 3, 0, 1, 2, 3, 0])
    made = -scores[:, :1] + log_softmax(scores[:, 1:], 1)  # beside the real one's log odds, 0
    logits = torch.cat([torch.zeros(9, 1), made], 1)
    assert author_loss(scores, owners) == pytest.approx(cross_entropy(logits, owners).item())


def test_a_pass_is_half_real_and_has_as_many_of_each_generator():
    owners = np.repeat([0, 1, 2], [10, 3, 50])
    deck = Deck(owners, 20, np.random.default_rng(0))
    passes = [deck.deal() for _ in range(2)]
    for places in passes:
        assert deck.size == len(places) == 20
        assert np.bincount(owners[places]).tolist() == [10, 5, 5]
        assert sorted(places[:10]) == [*range(10)]
    # Three of a generator are dealt five at a time: each comes before one comes again.
    assert np.ptp(np.bincount([*passes[0][10:15], *passes[1][10:15]])[10:]) <= 1
    assert len({*passes[0][15:], *passes[1][15:]}) == 10


def test_each_owner_has_a_text_in_the_smallest_pass():
    deck = Deck(np.array([0, 1, 2, 3]), 2, np.random.default_rng(0))
    assert sorted(deck.deal()) == [0, 1, 2, 3]


def test_the_best_pass_is_kept(bert, monkeypatch):
    areas = iter([0.6, 0.9, 0.7])
    seen = []

    def score(truth, scores):
        seen.append(scores.copy())
        return next(areas)

    monkeypatch.setattr("stages.judges.bert_scorer.roc_auc_score", score)
    made = make_detector(bert, epochs=3, texts=60)
    assert made.scorer.describe()["best_epoch"] == 2
    assert made.scorer.describe()["validation_area"] == 0.9
    assert not (seen[1] == seen[2]).all()
    unseen = [*write(60, 4, 0)]
    assert made.scorer.scores(unseen)[:, 0] == pytest.approx(seen[1][: len(unseen)], abs=1e-6)


def test_layers_below_those_that_learn_stay(bert):
    made = make_detector(bert, trained_layers=1, epochs=1, texts=40)
    own, given = made.scorer.arrays, load_file(f"{bert}/model.safetensors")
    kept = "encoder.layer.{}.output.dense.weight"
    assert (own["bert." + kept.format(0)] == given[kept.format(0)]).all()
    assert not (own["bert." + kept.format(1)] == given[kept.format(1)]).all()
    assert {*given["embeddings.word_embeddings.weight"].sum(1).tolist()} >= {
        *own["bert.embeddings.word_embeddings.weight"][MARKERS:].sum(1).tolist()
    }


def test_without_resemblance_generators_have_no_scores(bert):
    made = make_detector(bert, resemblance=False, epochs=1, texts=40)
    assert not made.scorer.scores(["a b c"])[:, 1:].any()


def test_frozen_layers_and_padding_change_no_score():
    torch.manual_seed(0)
    shape = BertShape(8, 12, 2, "gelu", 1e-12)
    network = PieceClassifier(9, 8, 2, shape, 3).eval()
    torch.nn.init.normal_(network.scores.weight)
    tokens, lengths = torch.tensor([[5, 6, 0, 0], [7, 8, 5, 6]]), torch.tensor([2, 4])
    scores = network.answer(tokens, lengths)
    assert scores[:1] == pytest.approx(network.answer(tokens[:1, :2], lengths[:1]), abs=1e-5)
    network.freeze(1)
    framed = frame(tokens, lengths)
    assert network(framed, mask_of(framed, lengths + 2)).detach() == pytest.approx(scores, abs=1e-5)


def test_same_seed_same_bytes(bert, detector):
    again, other = make_detector(bert), make_detector(bert, seed=2)
    for name, array in detector.scorer.arrays.items():
        assert array.tobytes() == again.scorer.arrays[name].tobytes()
    assert detector.slope == again.slope
    assert any(
        array.tobytes() != other.scorer.arrays[name].tobytes()
        for name, array in detector.scorer.arrays.items()
    )


# Mistakes


def test_a_model_that_is_not_there_is_told(bert, tmp_path):
    with pytest.raises(
        UserError, match=r"params.yaml: detector.fine_tuned_bert.model is .*neither MiniLM"
    ):
        make_detector(str(tmp_path))
    with pytest.raises(
        UserError, match=r"detector.fine_tuned_bert.num_layers is 4; allowed .* at most 3"
    ):
        make_detector(bert, num_layers=4)


def test_a_loss_that_is_no_number_ends_it_in_one_line(bert, monkeypatch):
    losses = iter([0.7, np.nan])
    monkeypatch.setattr("stages.judges.bert_scorer.train_pass", lambda *_, **__: losses)
    with pytest.raises(
        UserError, match=r"finite at step 2; lower detector.fine_tuned_bert.learning_rate"
    ):
        make_detector(bert, epochs=1, texts=40)


def test_more_layers_cannot_learn_than_there_are():
    with pytest.raises(ValidationError, match="trained_layers is 2; allowed: at most num_layers"):
        BertDetector(model="MiniLM", not_met=False, **NUMBERS | {"num_layers": 1})


# The folder


def test_saved_is_loaded_from_its_folder_alone(bert, tmp_path):
    mine = shutil.copytree(bert, tmp_path / "bert")
    made = make_detector(str(mine), epochs=1, texts=40)
    shutil.rmtree(mine)
    made.save(tmp_path / "mine")
    loaded = Detector.load(tmp_path / "mine", "cpu")
    texts = [*write(20, 12, 0), "zzz", ""]
    assert (loaded.logits(texts) == made.logits(texts)).all()
    assert (loaded.judge(texts)[1] == made.judge(texts)[1]).all()
    assert loaded.generators == NAMES
    loaded.save(tmp_path / "again")
    for name in (ABOUT, WEIGHTS):
        assert (tmp_path / "mine" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    assert "rising" in json.loads((tmp_path / "mine" / ABOUT).read_text())["generators"]


DAMAGES = {
    "kind": (ABOUT, said("detector", value="ngrams"), "Extra inputs"),
    "layers": (ABOUT, said("num_layers", value=10**9), "too few for a num_layers"),
    "one more layer": (ABOUT, said("num_layers", value=3), "is missing"),
    "no pieces": (ABOUT, said("beginning", value=[]), "beginning: "),
    "a piece less": (ABOUT, said("beginning", value=lambda words: words[1:]), "expected float32"),
    "heads": (ABOUT, said("shape", "num_heads", value=3), "num_heads to be a divisor"),
    "generators": (ABOUT, said("generators", value=["a"]), "scores.* expected float32"),
    "positions": (ABOUT, said("max_pieces", value=3), "expected float32"),
    "no number": (WEIGHTS, array_is("scores.bias", lambda array: array * np.nan), "finite"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_refused_in_one_line(detector, tmp_path, damage):
    folder = tmp_path / "mine"
    detector.save(folder)
    name, change, told = DAMAGES[damage]
    change(folder / name)
    is_refused(partial(Detector.load, folder, "cpu"), told)


def test_it_needs_no_encoder(detector):
    assert isinstance(detector.scorer, BertScorer)
    assert detector.scorer.encoder is None
