"""A generator for each label, together one that takes labels."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import AfterValidator, Field
from scipy.special import logsumexp

from stages.corpus.checked_files import damaged, read_json, write_about
from stages.corpus.corpus import MOST_LABELS, Corpus
from stages.corpus.errors import UserError
from stages.corpus.seeds import derive_seed
from stages.generators.folder import LIBRARIES
from stages.generators.protocol import (
    ABOUT,
    Generator,
    GeneratorAbout,
    load_generator,
    name_generator,
)
from stages.judges.per_label_judge import PerLabelJudge

NAME = "per_label"
Label = Annotated[str, Field(pattern=r"^\S(.*\S)?$")]  # one line, no white space around it


def _check_shares(shares: dict[str, float]) -> dict[str, float]:
    if abs(sum(shares.values()) - 1) > 1e-6:
        raise ValueError("expected shares that sum to 1")
    return shares


LabelShares = Annotated[
    dict[Label, Annotated[float, Field(gt=0, le=1)]],
    Field(min_length=1, max_length=MOST_LABELS),
    AfterValidator(_check_shares),
]


class _About(GeneratorAbout):
    shares: LabelShares


class PerLabel:
    """Generators trained on the texts of one label each; see `protocol.Generator`.

    What it can do besides is what its parts can do.

    Args:
        parts: the generator of each label, by the label's name.
        shares: of each label among the training texts, adding up to 1: how often it is drawn where
            nobody asks for labels.
    """

    conditional: ClassVar = True
    latent: ClassVar = False  # a code is of one part, and says nothing to the others

    def __init__(self, parts: Mapping[str, Generator], shares: Mapping[str, float]) -> None:
        self.parts = dict(parts)
        self.shares = dict(shares)

    @property
    def tempered(self) -> bool:
        """Whether its parts take a temperature."""
        return all(part.tempered for part in self.parts.values())

    @property
    def prefixed(self) -> bool:
        """Whether its parts continue a beginning."""
        return all(part.prefixed for part in self.parts.values())

    @property
    def likelihood(self) -> str:
        """What its parts know of likelihood."""
        return self._first.likelihood

    @property
    def chooses(self) -> bool:
        """Whether its parts have a discriminator that chooses; see `chosen.with_choice`."""
        return all(part.chooses for part in self.parts.values())

    @property
    def max_length(self) -> int:
        """Words at which texts are cropped."""
        return self._first.max_length

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of the corpus whose texts its parts have learnt from."""
        return self._first.fingerprint

    @property
    def _first(self) -> Generator:
        return next(iter(self.parts.values()))

    @property
    def labels(self) -> list[str]:
        """The names of the labels that it has learnt."""
        return [*self.parts]

    @property
    def judge(self) -> PerLabelJudge:
        """The discriminators of its parts as one judge."""
        return PerLabelJudge({label: part.judge for label, part in self.parts.items()})

    def draw_labels(self, count: int, seed: int) -> list[str]:
        """Draw labels as the training texts have them; same seed, same labels."""
        return draw_labels(self.shares, count, seed)

    def generate(
        self,
        count: int,
        seed: int,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        labels: Sequence[str] | None = None,
        prefix: str = "",
    ) -> Iterator[list[str]]:
        """Yield texts in one batch, text i of labels[i]; None draws labels.

        Raises:
            UserError: a label is none of those learnt.
        """
        labels = self.draw_labels(count, seed) if labels is None else labels
        check_labels(labels, self.labels)
        queues = {}
        for label, part in self.parts.items():
            wanted = labels.count(label)
            batches = part.generate(
                wanted,
                derive_seed(seed, f"label {label}"),
                temperature=temperature,
                top_p=top_p,
                prefix=prefix,
            )
            queues[label] = iter([text for batch in batches for text in batch] if wanted else [])
        yield [next(queues[label]) for label in labels]

    def judge_own(self, count: int, seed: int) -> np.ndarray:
        """Return each part's discriminator's logits of its own generator's output, (count,)."""
        labels = self.draw_labels(count, seed)
        return np.concatenate(
            [self.parts[label].judge_own(labels.count(label), seed) for label in sorted({*labels})]
        )

    def log_likelihood(self, texts: Sequence[str]) -> np.ndarray:
        """Return log P of each text (N,), in nats, whatever its label: the parts' mixture."""
        logs = [
            np.log(share) + self.parts[label].log_likelihood(texts)
            for label, share in self.shares.items()
        ]
        return logsumexp(logs, axis=0)

    def describe(self) -> dict[str, float]:
        """Return the sizes of its parts, added up: whole numbers, as no share or loss adds up."""
        sizes = [part.describe() for part in self.parts.values()]
        return {
            name: sum(size[name] for size in sizes)
            for name in sizes[0]
            if all(isinstance(size.get(name), int) for size in sizes)
        }

    def save(self, folder: Path) -> None:
        """Write each part into a folder of its own; see `protocol.Generator`."""
        folder.mkdir()
        about = {"generator": NAME, "corpus": self.fingerprint, "shares": self.shares}
        write_about(folder / ABOUT, LIBRARIES, about)
        for place, part in enumerate(self.parts.values()):
            part.save(part_of(folder, place))

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Read what `save` wrote."""
        about = read_json(folder / ABOUT, _About)
        parts = {}
        for place, label in enumerate(about.shares):
            inner = part_of(folder, place)
            if name_generator(inner) == NAME:  # which could go on for ever
                raise damaged(inner / ABOUT, f"expected another generator than {NAME}")
            parts[label] = load_generator(inner, device)
            if parts[label].fingerprint != about.corpus:
                raise damaged(
                    inner / ABOUT,
                    f"made from the corpus {parts[label].fingerprint}, but {folder} from "
                    f"{about.corpus}",
                )
        return cls(parts, about.shares)


def part_of(folder: Path, place: int) -> Path:
    """Return where the part of a label lies, by the label's place among those learnt.

    Labels may have any name, folders may not.
    """
    return folder / f"label_{place}"


def label_shares(corpus: Corpus) -> dict[str, float]:
    """Return the share of each label among the training texts, by its name."""
    labels = corpus.train.labels
    return {corpus.label_names[label]: float(np.mean(labels == label)) for label in corpus.labels}


def draw_labels(shares: Mapping[str, float], count: int, seed: int) -> list[str]:
    """Draw labels, each as often as its share says; same seed, same labels."""
    random = np.random.default_rng(derive_seed(seed, "labels"))
    return random.choice([*shares], count, p=[*shares.values()]).tolist()


def check_labels(labels: Sequence[str], known: Sequence[str]) -> None:
    """Refuse labels that were not learnt.

    Raises:
        UserError: names one, and those that were.
    """
    unknown = {*labels} - {*known}
    if unknown:
        raise UserError(
            f"label {min(unknown)}: none was learnt; expected one of {', '.join(known)}"
        )
