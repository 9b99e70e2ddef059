"""What pictures say in words: whose generator a source is, and that a scale is logarithmic."""

import pytest

from stages.pipeline import pictures


@pytest.fixture
def drawn(monkeypatch):
    """Keep the figures that would be written."""
    figures = []
    monkeypatch.setattr(pictures, "_save", lambda figure, path: figures.append(figure))
    return figures


def test_the_column_of_each_judges_own_generator_says_so(drawn):
    verdict = {"accuracy": 0.5, "mse": 0.25}
    verdicts = {"bert": dict.fromkeys(["train", "generator", "language_model"], verdict)}
    pictures.draw_verdicts("a.png", verdicts, real=["train"], own="generator")
    labels = [tick.get_text().split() for tick in drawn[0].axes[0].get_xticklabels()]
    assert labels == [
        ["train", "(real)"],
        ["judge's", "own", "generator", "(fake)"],
        ["language", "model", "(fake)"],
    ]


def test_a_logarithmic_scale_is_called_so(drawn):
    estimate = (0.5, 0.4, 0.6)
    measured = {"train": {"frechet": estimate, "self_bleu_4": estimate}}
    pictures.draw_measures("a.png", measured, 100, "train", "a table")
    points = {"train": [(estimate, estimate)]}
    pictures.draw_sweep("a.png", points, {"train": [None]}, 100, "train")
    titles = [figure.get_axes()[0].get_ylabel() for figure in drawn]
    assert ["logarithmic" in title for title in titles] == [True, False]
