"""What every judge does: texts to how real they look."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

import numpy as np


class Judge(Protocol):
    """Tells real texts from generated ones, without knowing who wrote them.

    Attributes:
        calibrated: whether its logits are read against a threshold that lets a share of real
            validation texts pass, instead of against 0.
    """

    calibrated: ClassVar[bool]

    def logits(
        self, texts: Sequence[str], labels: Sequence[str | None] | None = None
    ) -> np.ndarray:
        """Return the logit of each text, (N,) float32; higher looks more real.

        Args:
            texts: words joined by one space.
            labels: one a text, for a judge that has learnt each label by itself.
        """
        ...
