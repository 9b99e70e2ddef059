"""The classifier by n-grams: what counts as a run, what it learns, and its half of a say."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from stages.embeddings.scalar import ScalarEmbedding
from stages.judges.hashed_runs import check_runs
from stages.judges.ngram_classifier import STRENGTH, NgramClassifier
from stages.judges.prefix_judge import PrefixJudge
from stages.networks.prefix_discriminator import PrefixDiscriminator

LENGTH = 6
WORDS = ["soup", "was", "cold", "chef", "slept", "spoon"]


def write(count, seed, share=0.5):
    """Texts of 3 to 6 words, drawn from the first half of the words with a share."""
    random = np.random.default_rng(seed)
    texts = []
    for _ in range(count):
        halves = np.where(random.random(random.integers(3, 7)) < share, 0, 3)
        texts.append(" ".join(WORDS[half + random.integers(3)] for half in halves))
    return texts


REAL, FAKES = write(120, 1, 0.6), write(120, 2, 0.4)


def test_runs_of_up_to_three_words_in_two_texts_or_more_count():
    # Twice: a, b, "a b", c, "b c", "a b c"; of "d" there is one text, "e e" is twice in one text,
    # and "x y z" ends runs of four words that are in both: those do not count.
    classifier = NgramClassifier.fit(["a b c", "d"], ["a b c", "e e e e"], LENGTH)
    assert len(classifier.runs) == 6
    classifier = NgramClassifier.fit(["x y z w"], ["x y z w"], LENGTH)
    assert len(classifier.runs) == 4 + 3 + 2


def test_it_is_logistic_regression_on_runs_of_words():
    classifier = NgramClassifier.fit(REAL, FAKES, LENGTH)
    words = CountVectorizer(
        ngram_range=(1, 3), min_df=2, binary=True, token_pattern=r"\S+", lowercase=False
    )
    features = words.fit_transform([*REAL, *FAKES])
    regression = LogisticRegression(C=STRENGTH, max_iter=200)
    regression.fit(features, [1] * len(REAL) + [0] * len(FAKES))
    unseen = write(50, 3)
    expected = regression.decision_function(words.transform(unseen))
    assert len(classifier.runs) == features.shape[1]  # no two runs were hashed to one number
    assert classifier(unseen).numpy() == pytest.approx(expected, abs=1e-3)
    assert classifier(unseen).dtype == torch.float64


def test_it_tells_unseen_texts_of_both_kinds():
    classifier = NgramClassifier.fit(REAL, FAKES, LENGTH)
    real, fakes = classifier(write(200, 4, 0.6)), classifier(write(200, 5, 0.4))
    assert real.mean() > 0 > fakes.mean()


def test_both_sides_count_alike_whatever_their_numbers():
    # Four times the fakes, the same texts: without weights the bias would fall by log 4.
    alike = NgramClassifier.fit(REAL, FAKES, LENGTH)(REAL + FAKES).mean()
    many = NgramClassifier.fit(REAL, FAKES * 4, LENGTH)(REAL + FAKES).mean()
    assert abs(many - alike) < 0.2


def test_words_behind_the_last_that_counts_are_not_read():
    classifier = NgramClassifier.fit(REAL, FAKES, LENGTH)
    text = " ".join(WORDS)
    assert classifier([text]) == classifier([text + " soup soup"])
    assert classifier([text]) != classifier([text.replace("spoon", "soup")])


def test_where_nothing_repeats_all_texts_are_alike():
    classifier = NgramClassifier.fit(["a"], ["b"], LENGTH)
    assert len(classifier.runs) == 0
    assert classifier(["a", "b", ""]).tolist() == [0.0, 0.0, 0.0]


def test_it_is_kept_in_its_weights():
    classifier = NgramClassifier.fit(REAL, FAKES, LENGTH)
    other = NgramClassifier(len(classifier.runs), LENGTH)
    other.load_state_dict(classifier.state_dict())
    assert torch.equal(other(FAKES), classifier(FAKES))
    check_runs(Path("weights"), classifier.state_dict(), "runs")


def test_a_judge_halves_the_two_logits_of_its_own_generator_alone():
    torch.manual_seed(0)
    embedding, network = ScalarEmbedding(WORDS), PrefixDiscriminator(1, 8, 1, 0.0, 0.0, 2)
    classifier = NgramClassifier.fit(REAL, FAKES, LENGTH)
    alone = PrefixJudge(network, embedding, LENGTH)
    beside = PrefixJudge(network, embedding, LENGTH, classifier)
    expected = (alone.log_odds(FAKES) + classifier(FAKES).float()) / 2
    assert torch.equal(beside.log_odds(FAKES), expected)
    assert torch.equal(beside._verdicts(FAKES)[:, 1], alone._verdicts(FAKES)[:, 1])
    assert not np.array_equal(beside.logits(FAKES), alone.logits(FAKES))
