"""Every verdict worked out by hand: a text is its own odds of being real, "9 1" is nine to one."""

import json
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML
from torch import nn

from stages import cross_evaluate
from stages.corpus.corpus import Corpus, Split
from stages.embeddings.scalar import ScalarEmbedding
from stages.models.gan import Gan, GanSettings
from stages.models.language_gan import LanguageGan, LanguageGanSettings
from stages.models.language_model import LanguageModel, LanguageModelSettings
from stages.seeds import derive_seed

PARAMS = YAML(typ="safe").load(Path(__file__).parents[1] / "params.yaml")
NUMBERS = [*"123456789"]  # the scalar embedding's own: the id of "3" is 3
SEED = 5
LENGTH = 2  # words a text; the discriminators have room for one more
SAMPLES = {
    "train": ["9 1", "7 1"],
    "test": ["1 3", "7 1", "9 1"],
    "markov": ["1 1", "1 3", "1 3"],
    "language_model": ["9 1", "1 3", "1 3"],
    "word2vec": ["1 1", "7 1", "7 1"],
    "scalar": ["9 1", "1 1", "9 1"],
}
# The second lowest of five, three to one, is what 0.75 of them reach.
VALIDATION = ["5 1", "3 1 7", "9 1", "1 1", "4 1"]
OWN = ["7 1"] * 7 + ["1 3"] * 3  # what either generator makes before anything is chosen


class FirstToSecond(nn.Module):
    """The paper's, with its logit: that of the first number to the second."""

    def judge(self, vectors):
        return (vectors[:, 0, 0] / vectors[:, 1, 0]).log()


class FirstToLast(nn.Module):
    """The modern recipe's, with its logit: that of the first number to the last."""

    def judge(self, vectors, lengths):
        last = vectors[torch.arange(len(vectors)), lengths - 1, 0]
        return (vectors[:, 0, 0] / last).log()


class Paper(Gan):
    """Makes vectors that no word has, a quarter of those of `OWN`, then what nobody asked for."""

    def __init__(self):
        super().__init__(GanSettings(1, LENGTH + 1, 2, 1, 0.0, "normal"))
        self.discriminator = FirstToSecond()

    def generate(self, count, seed):
        own = torch.tensor([[7 / 4, 1 / 4, 0]] * 7 + [[1 / 4, 3 / 4, 0]] * 3 + [[9, 1, 0]])
        yield from {SEED: own}[seed][:count].unsqueeze(2).split(4)


class Writer(LanguageModel):
    """Writes `OWN`, then what nobody asked for."""

    def __init__(self):
        super().__init__(["", *NUMBERS], LanguageModelSettings(2, 2, 1, 0.0))

    def generate(self, count, max_length, seed):
        own = {derive_seed(SEED, "judge"): [*OWN, "9 1"]}[seed][:count]
        yield from ([" ".join(f"{text} 9 9".split()[:max_length])] for text in own)


class Modern(LanguageGan):
    def __init__(self):
        super().__init__(LanguageGanSettings(1, LENGTH + 1, 2, 1, 0.0, 0.0, 1), Writer())
        self.discriminator = FirstToLast()


def make_split(texts):
    words = [[int(word) for word in text.split()] for text in texts]
    offsets = np.cumsum([0, *map(len, words)])
    return Split(np.concatenate(words), offsets, np.zeros(len(words), dtype=np.int8))


@pytest.fixture
def verdicts(tmp_path, monkeypatch):
    """Run the stage on a GAN of either recipe; gives what it writes."""
    monkeypatch.chdir(tmp_path)
    params = deepcopy(PARAMS)
    params |= {"seed": SEED, "device": "cpu", "embeddings": ["word2vec", "scalar"]}
    params["gan"]["max_length"] = LENGTH
    params["sample"]["count"] = len(OWN)
    params["cross_evaluate"]["real_share"] = 0.75
    YAML().dump(params, Path("params.yaml"))
    splits = map(make_split, (["2 1", "1 2"], VALIDATION, ["1 9", "1 8"]))
    Corpus(["", *NUMBERS], len(NUMBERS), *splits).save("data/corpus")
    Path("data/samples").mkdir()
    for source, texts in SAMPLES.items():
        content = "".join(f"{text}\n" for text in texts)
        Path(f"data/samples/{source}.txt").write_text(content)

    gans = {
        "data/models/gan-word2vec.safetensors": Modern(),
        "data/models/gan-scalar.safetensors": Paper(),
    }
    folders = {f"data/embeddings/{name}": name for name in params["embeddings"]}

    def load_embedding(name, folder, device):
        assert folders[folder] == name
        return ScalarEmbedding(NUMBERS, device)

    monkeypatch.setattr(cross_evaluate, "seed_everything", torch.manual_seed)
    monkeypatch.setattr(cross_evaluate, "load_gan", lambda path, device: gans[path])
    monkeypatch.setattr(cross_evaluate, "load_embedding", load_embedding)
    cross_evaluate.main()
    return json.loads(Path("metrics/cross_evaluate.json").read_text())


def to_six_digits(expected):
    return {
        source: pytest.approx({"accuracy": right, "mse": error}, rel=1e-5)
        for source, (right, error) in expected.items()
    }


def test_the_paper_s_verdicts_worked_out_by_hand(verdicts):
    # The probabilities of being real: 9 to 1 is 0.9, 7 to 1 0.875, 1 to 1 0.5, which counts as
    # real, and 1 to 3 0.25.
    expected = {
        "train": (1, (0.1**2 + 0.125**2) / 2),
        "test": (2 / 3, (0.75**2 + 0.125**2 + 0.1**2) / 3),
        "generator": (3 / 10, (7 * 0.875**2 + 3 * 0.25**2) / 10),
        "markov": (2 / 3, (0.5**2 + 2 * 0.25**2) / 3),
        "language_model": (2 / 3, (0.9**2 + 2 * 0.25**2) / 3),
        "word2vec": (0, (0.5**2 + 2 * 0.875**2) / 3),
        "scalar": (0, (2 * 0.9**2 + 0.5**2) / 3),
    }
    assert verdicts["scalar"] == to_six_digits(expected)


def test_the_modern_recipe_s_verdicts_worked_out_by_hand(verdicts):
    # The threshold is 3 to 1, by which odds are divided: 9 to 3 is 0.75, 7 to 3 0.7, 1 to 3 0.25,
    # and 1 to 9 0.1.
    expected = {
        "train": (1, (0.25**2 + 0.3**2) / 2),
        "test": (2 / 3, (0.9**2 + 0.3**2 + 0.25**2) / 3),
        "generator": (3 / 10, (7 * 0.7**2 + 3 * 0.1**2) / 10),
        "markov": (1, (0.25**2 + 2 * 0.1**2) / 3),
        "language_model": (2 / 3, (0.75**2 + 2 * 0.1**2) / 3),
        "word2vec": (1 / 3, (0.25**2 + 2 * 0.7**2) / 3),
        "scalar": (1 / 3, (2 * 0.75**2 + 0.25**2) / 3),
    }
    assert verdicts["word2vec"] == to_six_digits(expected)


def test_the_paper_s_four_come_first_and_validation_is_not_among_them(verdicts):
    four = ["train", "test", "generator", "markov"]
    for scores in verdicts.values():
        assert [*scores] == [*four, "language_model", "word2vec", "scalar"]


@pytest.mark.parametrize("make", [Paper, Modern])
@pytest.mark.parametrize("batch", [1, 2, 3, 500])
def test_each_text_has_its_own_logit_however_many_are_judged_at_a_time(monkeypatch, make, batch):
    monkeypatch.setattr(cross_evaluate, "BATCH", batch)
    texts = {"first": ["9 1", "1 7", "3 1", "1 1", "1 5"], "second": ["2 1", "8 1"]}
    logits = cross_evaluate.judge("scalar", make(), ScalarEmbedding(NUMBERS), texts)
    assert [*logits] == ["first", "second"]
    assert np.exp(logits["first"]) == pytest.approx([9, 1 / 7, 3, 1, 1 / 5])
    assert np.exp(logits["second"]) == pytest.approx([2, 8])
