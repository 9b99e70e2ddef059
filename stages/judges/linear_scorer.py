"""Linear scores of texts: how real they look, and how much like each generator's.

Source: logistic regression on runs of words and on a BERT's vectors as detectors of generated text:
I. Solaiman et al., "Release Strategies and the Social Impacts of Language Models", 2019,
arXiv:1908.09203. Only whether a text has a run counts: on captions and comments that told more than
how often, weighted by rarity (TF-IDF). Where a scorer reads texts in several ways it takes the mean
of their scores: T. Heskes, "Selecting Weighting Factors in Logarithmic Opinion Pools", NIPS 1997.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import model_validator
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from stages.corpus.checked_files import read_tensors
from stages.corpus.settings import Size
from stages.judges.hashed_runs import check_runs, find_repeated, hash_runs
from stages.judges.scorer import ABOUT, WEIGHTS, ScorerAbout

MOST_PASSES = 2000  # of the solver; vectors of 39,000 texts need 134 or more
RUNS = {"words": (1, 3), "characters": (2, 4)}  # shortest and longest run of each way to read

Way = Literal["words", "characters", "vectors"]
WAYS: dict[str, tuple[Way, ...]] = {"ngrams": ("words", "characters"), "vectors": ("vectors",)}


class LinearAbout(ScorerAbout):
    """What a linear detector says of itself.

    Attributes:
        num_layers: of the model, whose vectors it reads; None where it needs no model.
    """

    num_layers: Size | None = None

    @model_validator(mode="after")
    def _has_layers(self) -> Self:
        if (self.num_layers is None) != (self.detector != "vectors"):
            raise ValueError("expected num_layers of a detector by vectors, and of no other")
        return self


class LinearScorer:
    """Scores of texts by one weight a run of words or characters, or of vectors; see `Scorer`.

    Args:
        ways: in which it reads texts.
        arrays: `bias` (R, 1 + K) float64, and by way `<way>_weights` (F, 1 + K) float64 and, of
            runs, `<way>_runs` (F,) int64, their hashes, rising.
        encoder: a `LayerEncoder`, or what remembers its vectors, where it reads these.
    """

    About: ClassVar = LinearAbout

    def __init__(
        self, ways: Sequence[Way], arrays: Mapping[str, np.ndarray], encoder: Any = None
    ) -> None:
        self.ways, self.arrays, self.encoder = tuple(ways), dict(arrays), encoder

    @classmethod
    def fit(
        cls,
        ways: Sequence[Way],
        texts: Sequence[str],
        owners: np.ndarray,
        strength: float,
        encoder: Any = None,
        *,
        resemblance: bool = True,
    ) -> Self:
        """Learn from texts of known owners; each generator counts alike, real text as all of them.

        Args:
            ways: in which texts are read.
            texts: words joined by one space.
            owners: of each text, (N,) int64: 0 for real text, or the number of a generator from 1;
                none of them without a text.
            strength: inverse of the penalty on squared weights, scikit-learn's C.
            encoder: as the class takes it, where the ways have `vectors`.
            resemblance: whether to learn the generators' scores too; otherwise they are 0.
        """
        arrays: dict[str, np.ndarray] = {}
        biases = []
        for way in ways:
            features = _read(way, texts, encoder)
            if way in RUNS:
                runs = find_repeated(features)
                arrays[f"{way}_runs"], features = runs, features[:, runs]
            weights, bias = _regress(features, owners, strength, resemblance)
            arrays[f"{way}_weights"] = weights
            biases.append(bias)
        arrays["bias"] = np.array(biases)
        return cls(ways, arrays, encoder)

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """Return the scores of texts, (N, 1 + K) float64."""
        total = np.zeros((len(texts), self.arrays["bias"].shape[1]))
        for way, bias in zip(self.ways, self.arrays["bias"], strict=True):
            features = _read(way, texts, self.encoder)
            if way in RUNS:
                features = features[:, self.arrays[f"{way}_runs"]]
            total += features @ self.arrays[f"{way}_weights"] + bias
        return total / len(self.ways)

    def about(self) -> dict[str, Any]:
        """Name the model whose vectors it reads, and how many layers; see `Scorer`."""
        if self.encoder is None:
            return {"model": "none", "num_layers": None}
        return {"model": self.encoder.model, "num_layers": self.encoder.num_layers}

    def describe(self) -> dict[str, float]:
        """Count the runs that it reads by."""
        return {name: len(runs) for name, runs in self.arrays.items() if name.endswith("_runs")}

    @classmethod
    def load(cls, folder: Path, about: LinearAbout, device: str) -> Self:
        """Read its weights; see `Scorer`. Its BERT may not be there either."""
        ways = WAYS[about.detector]
        encoder = None
        if "vectors" in ways:
            encoder = load_encoder(
                about.model, device, f"{folder / ABOUT}: model", about.num_layers
            )
        arrays = read_tensors(folder / WEIGHTS, cls.expect(ways, len(about.generators), encoder))
        check_runs(folder / WEIGHTS, arrays, *(f"{way}_runs" for way in ways if way in RUNS))
        return cls(ways, arrays, encoder)

    @staticmethod
    def expect(
        ways: Sequence[Way], count: int, encoder: Any
    ) -> dict[str, tuple[str, Sequence[int | str]]]:
        """Say which arrays a scorer of `count` generators has; see `checked_files.read_tensors`."""
        expected: dict[str, tuple[str, Sequence[int | str]]] = {
            "bias": ("float64", (len(ways), 1 + count))
        }
        for way in ways:
            if way in RUNS:
                expected[f"{way}_runs"] = ("int64", (way,))
            features = encoder.width if way == "vectors" else way
            expected[f"{way}_weights"] = ("float64", (features, 1 + count))
        return expected


def load_encoder(model: str, device: str, setting: str, num_layers: int) -> Any:
    """Load what reads texts for `vectors`; see `LayerEncoder`."""
    # Here, so that n-grams need no PyTorch.
    from stages.judges.layer_vectors import LayerEncoder

    return LayerEncoder(device, model, setting, num_layers)


def _read(way: Way, texts: Sequence[str], encoder: Any) -> Any:
    """Turn texts into features, (N, FEATURES) sparse or (N, E) float32."""
    if way == "vectors":
        from stages.networks.cores import all_cores

        with all_cores() as pool:
            return encoder.encode(texts, pool)
    return hash_runs(texts, *RUNS[way], of_characters=way == "characters")


def _regress(
    features: csr_matrix | np.ndarray, owners: np.ndarray, strength: float, resemblance: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Fit real text against all generators, and each generator against the others.

    Returns:
        Weights (F, 1 + K) and biases (1 + K,); zeros where there is nothing to tell apart.
    """
    kinds = int(owners.max()) + 1
    weights, bias = np.zeros((features.shape[1], kinds)), np.zeros(kinds)
    share = len(owners) / np.bincount(owners)[owners]  # so that owners count alike
    made = owners > 0
    for column in range(kinds if resemblance else 1):
        chosen = np.ones(len(owners), bool) if column == 0 else made
        inside = owners[chosen] == column
        if inside.all() or not features.shape[1]:
            continue
        weight = share[chosen]
        for side in (inside, ~inside):  # and both sides together, a half each
            weight[side] *= len(weight) / (2 * weight[side].sum())
        solver = LogisticRegression(C=strength, max_iter=MOST_PASSES)
        # Of all of them there is no need for a copy, which may take gigabytes.
        shown = features if chosen.all() else features[chosen]
        solver.fit(shown, inside, sample_weight=weight)
        weights[:, column], bias[column] = solver.coef_[0], solver.intercept_[0]
    return weights, bias
