"""What a training will cost, in one line, once its first updates have shown how fast it is."""

import time
from collections.abc import Callable

from stages.corpus.corpus import Corpus
from stages.generators.protocol import Step

UPDATES = 20  # that show how fast a training is
PATIENCE = 30  # seconds after the first update, in which fewer will do
WORTH_SAYING = 60  # seconds; a shorter training has its bar alone


class Cost:
    """Texts, words and updates of a training, and how long it will take.

    In epoch 0 a discriminator learns alone, which is faster than what follows. So the updates after
    it are counted anew and have a line of their own.

    Args:
        name: of the training.
        corpus: what it learns from.
        done: updates that an earlier run has made.
        total: updates of the whole training; set anew where it turns out to be fewer.
        stops_early: whether it may.
        clock: seconds from any moment on.
    """

    def __init__(
        self,
        name: str,
        corpus: Corpus,
        done: int,
        total: int,
        *,
        stops_early: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        texts, words = len(corpus.train), len(corpus.train.tokens)
        self._name = name
        self._about = f"{texts:,} texts, {words:,} words"
        self._done = done  # before the updates that are counted
        self.total = total
        self._bound = "at most" if stops_early else "about"
        self._clock = clock
        self._alone = False
        self._times: list[float] | None = []  # after each update; None when all has been said

    def after(self, step: Step) -> str | None:
        """Count an update that has just been made; return a line when there is one to show."""
        if self._alone and step.epoch:
            self._about, self._done, self._times = "both networks", step.step - 1, []
        self._alone = not step.epoch
        if self._times is None:
            return None
        self._times.append(self._clock())
        made, spent = len(self._times), self._times[-1] - self._times[0]
        if made < UPDATES and (made == 1 or spent < PATIENCE):
            return None
        self._times = None
        # What came before the first update, such as reading the texts, comes once.
        updates = self.total - self._done
        seconds = spent / (made - 1) * updates
        if seconds < WORTH_SAYING:
            return None
        alone = " while the discriminator learns alone" if self._alone else ""
        return (
            f"{self._name}: {self._about}, {updates:,} {'more ' if self._done else ''}updates; "
            f"{self._bound} {_spell(seconds)}{alone} (from the first {made})"
        )


def _spell(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    return f"{minutes / 60:.1f} hours"
