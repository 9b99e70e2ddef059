"""Every verdict worked out by hand: a text is its own odds of being real, "9 1" is nine to one."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML
from torch import nn

from stages import cross_evaluate
from stages.corpus.errors import UserError
from stages.corpus.seeds import derive_seed
from stages.embeddings.scalar import ScalarEmbedding
from stages.generators.language_model import LanguageModel, LanguageModelSettings
from stages.generators.modern_gan import ModernGan
from stages.generators.modern_gan_settings import ModernGanSettings
from stages.generators.paper_gan import PaperGan, PaperGanSettings
from stages.generators.per_label import PerLabel
from stages.pipeline.judgements import load_judgements, write_judgements
from stages.pipeline.sources import Source, write_source

PARAMS = Path(__file__).with_name("params.yaml")
NUMBERS = [*"123456789"]  # the scalar embedding's own: the id of "3" is 3
SEED = 5
LENGTH = 2  # words a text
SAMPLES = {
    "train": ["9 1", "7 1"],
    "test": ["1 3", "7 1", "9 1"],
    # The second lowest of five, three to one, is what 0.75 of them reach.
    "validation": ["5 1", "3 1 7", "9 1", "1 1", "4 1"],
    "markov": ["1 1", "1 3", "1 3"],
    "language_model": ["9 1", "1 3", "1 3"],
    "hmm": ["1 1"],
    "word2vec": ["1 1", "7 1", "7 1"],
    "scalar": ["9 1", "1 1", "9 1"],
}
OWN = ["7 1"] * 7 + ["1 3"] * 3  # what either generator makes before anything is chosen
NETWORK = {
    "hidden_size": 2,
    "num_layers": 1,
    "dropout": 0.0,
    "batch_size": 4,
    "learning_rate": 0.01,
    "epochs": 1,
}


class FirstToSecond(nn.Module):
    """The paper's, with its logit: that of the first number to the second."""

    def judge(self, vectors):
        return (vectors[:, 0, 0] / vectors[:, 1, 0]).log()


class FirstToLast(nn.Module):
    """The modern recipe's, with its logit: that of the first number to the last."""

    def forward(self, vectors, lengths):
        last = vectors[torch.arange(len(vectors)), lengths - 1, 0]
        logits = (vectors[:, 0, 0] / last).log()
        return logits.view(-1, 1, 1).expand(-1, vectors.shape[1] + 1, 1)


class Paper(PaperGan):
    """Makes vectors that no word has, a quarter of those of `OWN`, then what nobody asked for."""

    def __init__(self):
        settings = PaperGanSettings(**NETWORK, noise="normal")
        super().__init__(ScalarEmbedding(NUMBERS), settings, LENGTH, "cpu")
        self.networks["discriminator"] = FirstToSecond()

    def make_vectors(self, count, seed):
        own = torch.tensor([[7 / 4, 1 / 4]] * 7 + [[1 / 4, 3 / 4]] * 3 + [[9, 1]])
        yield from {SEED: own}[seed][:count].unsqueeze(2).split(4)


class Writer(LanguageModel):
    """Writes `OWN`, then what nobody asked for."""

    def __init__(self):
        settings = LanguageModelSettings(width=2, patience=1, **NETWORK)
        super().__init__(["", *NUMBERS], settings, LENGTH, "cpu")

    def generate(self, count, seed, **options):
        own = {derive_seed(SEED, "judge"): [*OWN, "9 1"]}[seed][:count]
        yield from ([text] for text in own)


class Modern(ModernGan):
    def __init__(self):
        training = {
            "generator": "language_model",
            "discount": 1.0,
            "likelihood_weight": 1.0,
            "generator_learning_rate": 0.01,
        }
        training |= {"method": "maligan", "objective": "hinge", "warm_up": 0, "token_dropout": 0.0}
        training |= {"divergence_weight": 0.0, "ngrams": False}
        settings = ModernGanSettings(**NETWORK, **training, fakes=[])
        super().__init__(ScalarEmbedding(NUMBERS), settings, Writer(), "cpu")
        self.networks["discriminator"] = FirstToLast()


class Odds:
    """A detector that says what stands there, and whose threshold is its own."""

    calibrated = True

    def logits(self, texts, labels=None):
        pairs = [[*map(int, text.split())][:LENGTH] for text in texts]
        return np.log([first / last for first, last in pairs]).astype(np.float32)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Give the function that runs the stage on GANs by name, and returns what it writes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("run"))
        for source, texts in SAMPLES.items():
            write_source(source, texts, [str(place % 2) for place in range(len(texts))])

        def run(gans):
            params = YAML(typ="safe").load(PARAMS)
            params |= {"seed": SEED, "embeddings": [*gans], "generators": ["hmm"]}
            params["sample"]["count"] = len(OWN)
            params["cross_evaluate"]["real_share"] = 0.75
            YAML().dump(params, Path("params.yaml"))
            folders = {f"data/gans/{name}": gan for name, gan in gans.items()}
            patch.setattr(
                cross_evaluate, "seed_everything", lambda seed, _: torch.manual_seed(seed)
            )
            patch.setattr(cross_evaluate, "load_generator", lambda path, device: folders[str(path)])
            patch.setattr(cross_evaluate.Detector, "load", lambda path, device: Odds())
            cross_evaluate.main()
            assert Path("plots/cross_evaluate.png").stat().st_size > 0
            return json.loads(Path("metrics/cross_evaluate.json").read_text())

        yield run


@pytest.fixture(scope="module")
def both(run):
    """Give the verdicts of a GAN of either recipe, and what each judge said of single texts."""
    verdicts = run({"word2vec": Modern(), "scalar": Paper()})
    paths = Path("data/judgements").iterdir()
    return verdicts, {path.stem: load_judgements(path) for path in paths}


@pytest.fixture(scope="module")
def verdicts(both):
    return both[0]


@pytest.fixture(scope="module")
def judgements(both):
    return both[1]


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
        "hmm": (0, 0.5**2),
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
        "hmm": (1, 0.25**2),
        "word2vec": (1 / 3, (0.25**2 + 2 * 0.7**2) / 3),
        "scalar": (1 / 3, (2 * 0.75**2 + 0.25**2) / 3),
    }
    assert verdicts["word2vec"] == to_six_digits(expected)


def test_the_paper_s_four_come_first_and_validation_is_not_among_them(verdicts):
    four = ["train", "test", "generator", "markov"]
    for judge in ("word2vec", "scalar"):
        assert [*verdicts[judge]] == [*four, "language_model", "hmm", "word2vec", "scalar"]


def test_a_detector_judges_as_a_discriminator_does_but_has_no_generator(verdicts):
    own = {"generator": verdicts["word2vec"]["generator"]}
    assert verdicts["ngrams"] | own == verdicts["word2vec"]  # by the same odds and threshold
    assert "generator" not in verdicts["ngrams"]


class Fixed:
    """Judges each text as its label says, through `judge`, and its own as real."""

    def __init__(self, logit):
        self.logit = logit
        self.calibrated = False
        self.judge = self

    def logits(self, texts):
        return np.full(len(texts), self.logit)

    def judge_own(self, count, seed):
        return self.logits([""] * count)


def test_a_gan_a_label_judges_the_texts_of_its_label(run):
    # Labels are 0, 1, 0, ... Label 1's GAN believes in all texts, label 0's in none.
    both = PerLabel({"0": Fixed(-20.0), "1": Fixed(20.0)}, {"0": 0.5, "1": 0.5})
    scores = run({"scalar": both})["scalar"]
    shares = {"train": 1 / 2, "test": 1 / 3, "markov": 2 / 3, "hmm": 1}
    for source, share in shares.items():
        assert scores[source]["accuracy"] == pytest.approx(share, rel=1e-5)
    own = both.draw_labels(len(OWN), SEED)
    assert scores["generator"]["accuracy"] == pytest.approx(own.count("0") / len(OWN))


def test_no_more_texts_of_a_source_are_judged_than_generators_write():
    assert cross_evaluate.choose(9, 9, seed=1) == [*range(9)]
    lines = cross_evaluate.choose(9, 4, seed=1)
    assert len({*lines}) == 4
    assert {*lines} < {*range(9)}
    # The seed alone decides which they are.
    assert cross_evaluate.choose(9, 4, seed=1) == lines
    assert cross_evaluate.choose(9, 4, seed=2) != lines


def test_each_text_keeps_its_label():
    source = Source(["a", "b", "c"], ["0", None, "1"])
    assert cross_evaluate.cut(source, [2, 1]) == Source(["c", "b"], ["1", None])


def test_each_text_s_logit_is_written_above_the_judge_s_threshold(judgements):
    # By the paper's recipe without a threshold: 1 to 3, 7 to 1, 9 to 1, and "1 1" is log 1 = 0.
    said = judgements["scalar"]
    assert [*said] == ["train", "test", "markov", "language_model", "hmm", "word2vec", "scalar"]
    odds = {0: 1 / 3, 1: 7, 2: 9}
    assert said["test"] == {line: pytest.approx(np.log(o), rel=1e-5) for line, o in odds.items()}
    assert said["hmm"] == {0: 0.0}
    # By the modern one odds are divided by 3 to 1.
    said = judgements["word2vec"]
    odds = {0: 1 / 9, 1: 7 / 3, 2: 3}
    assert said["test"] == {line: pytest.approx(np.log(o), rel=1e-5) for line, o in odds.items()}


def test_what_is_written_of_single_texts_gives_the_verdicts(verdicts, judgements):
    assert (
        {*judgements}
        == {*verdicts}
        == {"word2vec", "scalar", "ngrams", "vectors", "fine_tuned_bert"}
    )
    for judge, said in judgements.items():
        for source, found in said.items():
            right = [(logit >= 0) == (source in ("train", "test")) for logit in found.values()]
            assert verdicts[judge][source]["accuracy"] == pytest.approx(np.mean(right), rel=1e-5)


def test_judgements_stand_in_the_order_of_their_lines(tmp_path):
    path = tmp_path / "judge.csv"
    write_judgements(path, {"b": [0.25, -1.5], "a": [2.0]}, {"b": [7, 3], "a": [0]})
    assert path.read_text() == "source,line,logit\nb,3,-1.5\nb,7,0.25\na,0,2\n"
    assert load_judgements(path) == {"b": {3: -1.5, 7: 0.25}, "a": {0: 2.0}}
    assert load_judgements(tmp_path / "nobody.csv") == {}


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n",
        "source,line,logit\na,1",
        "source,line,logit\na,1,nan\n",
        "source,line,logit\na,-1,0\n",
    ],
)
def test_judgements_that_are_damaged_are_one_line(tmp_path, content):
    path = tmp_path / "judge.csv"
    path.write_text(content)
    with pytest.raises(UserError, match=r"judge.csv: line \d: expected source, line, logit; `dvc"):
        load_judgements(path)
