"""BLEU and Self-BLEU against nltk, values worked out by hand, and Texygen's published table."""

import math
import random
import re
from pathlib import Path

import numpy as np
import pytest
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from stages.measures.bleu import ORDERS, References, bleu, self_bleu

COCO = Path(__file__).parents[2] / "shared/data/coco"


def nltk_bleu(hypothesis: str, references: list[str]) -> list[float]:
    smoothing = SmoothingFunction().method1
    return [
        sentence_bleu(
            [reference.split() for reference in references],
            hypothesis.split(),
            weights=(1 / order,) * order,
            smoothing_function=smoothing,
        )
        for order in ORDERS
    ]


def random_texts(chance: random.Random, most: int) -> list[str]:
    """Return 2 to `most` texts of few words, among them short, empty and doubled ones."""
    words = "abc" if chance.random() < 0.5 else "abcdefghijkl"
    lengths = [0, 1, 2, 3, 4, 5, 8, 13]
    count = chance.randint(2, most)
    texts = [" ".join(chance.choices(words, k=chance.choice(lengths))) for _ in range(count)]
    return texts + texts[: chance.randrange(3)]


def test_bleu_of_a_text_worked_out_by_hand():
    # "a a b" against "a b c c" and "b": a is clipped at 1, so 2 of 3 words match; of aa and ab, ab
    # does. Length 3 is 1 off 4 and 2 off 1: brevity exp(1 - 4/3). BLEU-3 smooths 0 of 1 to 0.1.
    scores = bleu(["a a b"], References(["a b c c", "b"]))
    brevity = math.exp(-1 / 3)
    assert scores[0, 0] == pytest.approx(brevity * math.sqrt(2 / 3 * 1 / 2))
    assert scores[0, 1] == pytest.approx(brevity * (2 / 3 * 1 / 2 * 0.1) ** (1 / 3))
    assert scores.shape == (1, 4)


def test_bleu_takes_the_shorter_of_two_references_equally_close():
    # Length 3 between 2 and 4: the 2 does not punish. All words but c match.
    scores = bleu(["a b c"], References(["a b", "x x x x"]))
    assert scores[0, 0] == pytest.approx(math.sqrt(2 / 3 * 1 / 2))


def test_a_text_is_never_its_own_reference():
    # No text shares a word with another, so none scores.
    assert np.all(self_bleu(["a b c", "d e f", "g h i j"], np.arange(3)) == 0)


def test_another_text_that_reads_the_same_is_a_reference():
    # The first and the last are twins of five words: all precisions are 1.
    scores = self_bleu(["a b c d e", "f g", "a b c d e"], np.arange(3))
    assert scores[[0, 2]] == pytest.approx(1)
    assert np.all(scores[1] == 0)


def test_bleu_is_that_of_nltk():
    chance = random.Random(1)
    for _ in range(60):
        hypotheses, references = random_texts(chance, 5), random_texts(chance, 7)
        expected = [nltk_bleu(hypothesis, references) for hypothesis in hypotheses]
        scores = bleu(hypotheses, References(references))
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-9)


def test_self_bleu_is_that_of_nltk_without_the_text_itself():
    chance = random.Random(2)
    for _ in range(60):
        texts = random_texts(chance, 8)
        expected = [nltk_bleu(text, texts[:i] + texts[i + 1 :]) for i, text in enumerate(texts)]
        scores = self_bleu(texts, np.arange(len(texts)))
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-9)
        # A sample is measured against all texts, in the order asked for.
        assert np.array_equal(self_bleu(texts, np.array([1, 0])), scores[[1, 0]])


def test_texts_without_words_score_nothing():
    assert np.all(bleu(["", ""], References(["a b", ""])) == 0)
    assert np.all(self_bleu(["", "", ""], np.arange(3)) == 0)


def read_captions(path):
    """Read captions as Texygen splits them: lower case, full stop and comma words of their own."""
    lines = path.read_text("utf-8").splitlines()
    return [" ".join(re.findall(r"[.,]|[^ .,]+", line.lower())) for line in lines]


def measure_like_texygen(texts, captions):
    """Give BLEU of 1,000 texts against captions, and their Self-BLEU against all texts."""
    sample = np.random.default_rng(0).choice(len(texts), 1000, replace=False)
    scores = bleu([texts[place] for place in sample], captions)
    return scores.mean(0), self_bleu(texts, sample).mean(0)


def test_the_real_row_of_texygen_comes_out():
    # Zhu et al. 2018, Image COCO, real text: training captions.
    if not COCO.is_dir():
        pytest.skip("the COCO captions do not lie beside the project")
    train, test = (read_captions(COCO / f"{split}.txt") for split in ("train", "test"))
    quality, likeness = measure_like_texygen(train, References(test))
    assert quality == pytest.approx([0.737, 0.515, 0.333, 0.212], abs=0.02)
    assert likeness == pytest.approx([0.894, 0.747, 0.575, 0.417], abs=0.02)


@pytest.mark.parametrize(
    ("name", "split", "quality", "likeness"),
    [
        ("seq", "test", (0.745, 0.498, 0.294, 0.180), (0.950, 0.840, 0.670, 0.489)),
        ("maligan", "test", (0.673, 0.432, 0.257, 0.159), (0.918, 0.781, 0.606, 0.437)),
        ("rank", "test", (0.743, 0.467, 0.264, 0.156), (0.959, 0.882, 0.762, 0.618)),
        ("leakgan", "test", (0.746, 0.528, 0.355, 0.230), (0.966, 0.913, 0.848, 0.780)),
        ("textgan", "train", (0.650, 0.645, 0.596, 0.523), (0.942, 0.931, 0.804, 0.746)),
        ("mle", "train", (0.921, 0.768, 0.570, 0.392), (0.916, 0.769, 0.583, 0.408)),
    ],
)
def test_the_rows_of_texygen_s_gans_come_out(name, split, quality, likeness):
    # Zhu et al. 2018 and docs/evaluation.md of Texygen's repository, Image COCO, which has no BLEU
    # of TextGAN on test captions; the texts are those in docs/instances there.
    path = COCO / "instances" / f"{name}.txt"
    if not path.is_file():
        pytest.skip("Texygen's docs/instances do not lie beside the COCO captions")
    captions = References(read_captions(COCO / f"{split}.txt"))
    measured = measure_like_texygen(read_captions(path), captions)
    assert measured[0] == pytest.approx(quality, abs=0.02)
    assert measured[1] == pytest.approx(likeness, abs=0.02)
