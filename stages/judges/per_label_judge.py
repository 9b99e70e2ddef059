"""A judge for each label, together one."""

from collections.abc import Mapping, Sequence

import numpy as np

from stages.corpus.errors import UserError
from stages.judges.protocol import Judge


class PerLabelJudge:
    """Lets the judge of each text's label judge it; see `protocol.Judge`.

    Args:
        parts: the judge of each label, all of one kind.
    """

    def __init__(self, parts: Mapping[str, Judge]) -> None:
        self.parts = dict(parts)
        self.calibrated = all(part.calibrated for part in self.parts.values())

    def logits(
        self, texts: Sequence[str], labels: Sequence[str | None] | None = None
    ) -> np.ndarray:
        """Return the logit of each text (N,).

        Raises:
            UserError: a text has no label, or one that no judge has learnt.
        """
        owners = np.array([None] * len(texts) if labels is None else labels, dtype=object)
        values = np.zeros(len(texts), dtype=np.float32)
        known = np.zeros(len(texts), dtype=bool)
        for label, part in self.parts.items():
            chosen = np.flatnonzero(owners == label)
            known[chosen] = True
            if len(chosen):
                values[chosen] = part.logits([texts[place] for place in chosen])
        if not known.all():
            found = owners[~known][0]
            raise UserError(
                f"a text has the label {found}; expected one of {', '.join(map(str, self.parts))}"
            )
        return values
