"""What a detector of generated text is made of: something that scores texts, and how it learns."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Protocol, Self, TypeVar

import numpy as np
from pydantic import AfterValidator, Field

from stages.corpus.checked_files import About
from stages.corpus.settings import Size, Text

ABOUT, WEIGHTS = "about.json", "weights.safetensors"


class Owned(NamedTuple):
    """Texts and who wrote each.

    Attributes:
        texts: words joined by one space, N of them.
        owners: (N,) int64: 0 for real text, or the number of a generator from 1.
    """

    texts: list[str]
    owners: np.ndarray


def _each_once(names: list[str]) -> list[str]:
    if len({*names}) < len(names):
        raise ValueError("expected distinct names")
    return names


class ScorerAbout(About):
    """What each detector says of itself; see `detector.Detector`.

    Attributes:
        model: of which it was made, or whose vectors it reads; `none` where it needs none.
    """

    detector: Literal["ngrams", "vectors", "fine_tuned_bert"]
    generators: Annotated[list[Text], Field(min_length=1), AfterValidator(_each_once)]
    model: Text
    max_length: Size
    slope: Annotated[float, Field(ge=0)]
    offset: float
    shortest: Annotated[int, Field(ge=1)] | None
    thresholds: dict[Literal["0.01", "0.05"], float]


_About = TypeVar("_About", bound=ScorerAbout, contravariant=True)


class Scorer(Protocol[_About]):
    """Scores texts by how real they look, and by how much like each generator's.

    Attributes:
        About: what its folder says of it.
        arrays: its weights, by name.
        encoder: of vectors, None where it reads none.
    """

    About: ClassVar[type[ScorerAbout]]
    arrays: Mapping[str, np.ndarray]
    encoder: Any

    def scores(self, texts: list[str]) -> np.ndarray:
        """Return scores (N, 1 + K) float64: log P(real) - log P(generated), then a generator's."""

    def about(self) -> dict[str, Any]:
        """Return `model`, and what its `About` has beside a `ScorerAbout`."""

    def describe(self) -> dict[str, float]:
        """Count what it reads by, and say what came of its training."""

    @classmethod
    def load(cls, folder: Path, about: _About, device: str) -> Self:
        """Read its weights.

        Raises:
            UserError: they are damaged, or not what `about` says.
        """


class Learner(Protocol):
    """Makes a scorer of texts whose owners are known."""

    def __call__(self, learnt: Owned, unseen: Owned, *, resemblance: bool = True) -> Scorer:
        """Learn.

        Args:
            learnt: texts to learn from; real ones, and some of each generator.
            unseen: others of each, which may choose when to stop.
            resemblance: whether to learn the generators' scores too; otherwise they mean nothing.
        """
