"""A detector of generated text: scores, what they mean as probabilities, and where it abstains.

Source: J. Platt, "Probabilistic Outputs for Support Vector Machines", 1999, for the line that turns
scores into log odds; C. Chow, "On Optimum Recognition Error and Reject Tradeoff", IEEE Transactions
on Information Theory 1970, doi:10.1109/TIT.1970.1054406, for a judge that may abstain. Ours
abstains by length alone: below the shortest length at which it told unseen texts apart.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
from safetensors.numpy import save_file
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from stages.corpus.checked_files import read_json, write_about
from stages.corpus.settings import Section
from stages.judges.linear_scorer import WAYS, LinearScorer
from stages.judges.scorer import ABOUT, WEIGHTS, Learner, Owned, Scorer
from stages.measures.detection import area_error

KINDS = (*WAYS, "fine_tuned_bert")
LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch")
HELD_OUT = 0.1  # of each source's texts, where there are no others to calibrate by
FEWEST = 20  # real texts that calibrate
BEGINNINGS = (1, 2, 3, 4, 6, 9, 13, 21, 33, 65)  # words from which each class of lengths begins
TOLD = 10  # texts of each side in a class of lengths that tell something
FALSE_POSITIVES = (0.01, 0.05)


class _Kind(Section, extra="ignore"):
    detector: Literal[KINDS]


class Detector:
    """Tells generated texts from real ones; see `protocol.Judge`.

    Args:
        kind: of detector, one of `KINDS`.
        generators: whose texts it has learnt to know, K of them.
        scorer: of texts.
        max_length: words of a text that are read; the rest is cropped.
    """

    calibrated: ClassVar = True

    def __init__(
        self, kind: str, generators: Sequence[str], scorer: Scorer, max_length: int
    ) -> None:
        self.kind, self.generators = kind, list(generators)
        self.scorer, self.max_length = scorer, max_length
        self.slope, self.offset = 1.0, 0.0  # from a score to log P(real) - log P(generated)
        self.shortest: int | None = 1  # words of a text that it can judge; None where it never can
        self.thresholds = dict.fromkeys(map(str, FALSE_POSITIVES), 0.0)

    @classmethod
    def fit(
        cls,
        kind: str,
        real: Sequence[str],
        validation: Sequence[str],
        fakes: Mapping[str, Sequence[str]],
        *,
        learn: Learner,
        max_length: int,
        seed: int,
        resemblance: bool = True,
    ) -> Self:
        """Learn from real texts and fakes, then calibrate on texts that were not learnt.

        A tenth of the fakes, and of the real texts where fewer than `FEWEST` validation texts are
        there, is held out for that, and for what a learner may choose by unseen texts.

        Args:
            kind: of detector, one of `KINDS`.
            real: training texts, words joined by one space, 20 or more.
            validation: real texts that nothing has learnt from.
            fakes: 20 or more texts of each generator.
            learn: by which it learns to score texts.
            max_length: words at which texts are cropped.
            seed: of what is held out.
            resemblance: whether it is to tell the generators from each other too.
        """
        random = np.random.default_rng(seed)
        learnt, unseen = [], []
        for owner, texts in enumerate([real, *fakes.values()]):
            order = random.permutation(len(texts))
            kept = 0 if owner == 0 and len(validation) >= FEWEST else int(HELD_OUT * len(texts))
            learnt.append((owner, [texts[place] for place in order[kept:]]))
            unseen.append((owner, [texts[place] for place in order[:kept]]))
        if len(validation) >= FEWEST:
            unseen[0] = 0, list(validation)
        held_out = _join(unseen, max_length)
        scorer = learn(_join(learnt, max_length), held_out, resemblance=resemblance)
        detector = cls(kind, [*fakes], scorer, max_length)
        detector.calibrate(held_out)
        return detector

    def calibrate(self, unseen: Owned) -> None:
        """Learn from unseen texts what scores mean, and how short a text may be."""
        scores = self.scorer.scores(unseen.texts)[:, 0]
        is_real = unseen.owners == 0
        # Hardly any penalty: two numbers cannot overfit.
        line = LogisticRegression(C=1e6, class_weight="balanced").fit(scores[:, None], is_real)
        # A detector that is worse than chance on unseen texts knows nothing.
        self.slope = max(float(line.coef_[0, 0]), 0.0)
        self.offset = float(line.intercept_[0]) if self.slope else 0.0
        logits = self.slope * scores + self.offset
        self.thresholds = {
            str(share): float(np.quantile(logits[is_real], share)) for share in FALSE_POSITIVES
        }
        lengths = np.array([len(text.split()) for text in unseen.texts])
        self.shortest = find_shortest(logits, is_real, lengths)

    def logits(
        self, texts: Sequence[str], labels: Sequence[str | None] | None = None
    ) -> np.ndarray:
        """Return log P(real) - log P(generated) of each text, (N,) float32, as if half were real.

        A text that is too short to tell has its logit too; see `can_tell`.
        """
        return self.judge(texts)[0].astype(np.float32)

    def judge(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return each text's logit, (N,), and the place in `generators` it resembles most, (N,)."""
        scores = self.scorer.scores([_crop(text, self.max_length) for text in texts])
        return self.slope * scores[:, 0] + self.offset, scores[:, 1:].argmax(axis=1)

    def judge_generated(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the probability that each text is generated, as if half were, and as `judge`."""
        logits, places = self.judge(texts)
        return expit(-logits), places

    def can_tell(self, texts: Sequence[str]) -> np.ndarray:
        """Say of which texts it can tell, (N,) bool: those that are long enough."""
        if self.shortest is None:
            return np.zeros(len(texts), bool)
        return np.array([len(text.split()) >= self.shortest for text in texts], bool)

    def save(self, folder: Path) -> None:
        """Write the detector into a new folder, which is all that `load` needs."""
        folder.mkdir()
        arrays = {name: np.ascontiguousarray(each) for name, each in self.scorer.arrays.items()}
        save_file(arrays, folder / WEIGHTS)
        about = {
            **self.scorer.about(),
            "corpus": None,
            "detector": self.kind,
            "generators": self.generators,
            "max_length": self.max_length,
            "slope": self.slope,
            "offset": self.offset,
            "shortest": self.shortest,
            "thresholds": self.thresholds,
        }
        write_about(folder / ABOUT, LIBRARIES, about)

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Read what `save` wrote.

        Raises:
            UserError: it is damaged, or not what `save` writes; or its BERT is not there.
        """
        kind: type[Scorer] = LinearScorer
        if read_json(folder / ABOUT, _Kind).detector not in WAYS:
            from stages.judges.bert_scorer import BertScorer

            kind = BertScorer
        about = read_json(folder / ABOUT, kind.About)
        scorer = kind.load(folder, about, device)
        detector = cls(about.detector, about.generators, scorer, about.max_length)
        detector.slope, detector.offset = about.slope, about.offset
        detector.shortest, detector.thresholds = about.shortest, dict(about.thresholds)
        return detector


def find_shortest(logits: np.ndarray, is_real: np.ndarray, lengths: np.ndarray) -> int | None:
    """Return from how many words on a detector tells real texts from generated ones.

    That is where the first class of lengths begins whose area under the ROC curve is above 0.5
    beyond chance, by more than 1.96 of its standard errors. Where there is none, as where texts are
    few, each class counts with all longer texts.

    Args:
        logits: of unseen texts, (N,).
        is_real: (N,) bool.
        lengths: words of each, (N,).

    Returns:
        A length from 1, or None where no class is told apart.
    """
    ends = (*BEGINNINGS[1:], np.inf)
    classes = [*zip(BEGINNINGS, ends, strict=True)]
    met = [first for first, end in classes if ((lengths >= first) & (lengths < end)).any()]
    for first, end in [*classes, *((first, np.inf) for first in met)]:
        chosen = (lengths >= first) & (lengths < end)
        real, made = (chosen & is_real).sum(), (chosen & ~is_real).sum()
        if min(real, made) < TOLD:
            continue
        area = roc_auc_score(is_real[chosen], logits[chosen])
        if area - 1.96 * area_error(area, real, made) > 0.5:
            return first
    return None


def _crop(text: str, length: int) -> str:
    return " ".join(text.split()[:length])


def _join(parts: Sequence[tuple[int, Sequence[str]]], max_length: int) -> Owned:
    texts = [_crop(text, max_length) for _, own in parts for text in own]
    owners = np.repeat([owner for owner, _ in parts], [len(own) for _, own in parts])
    return Owned(texts, owners)
