"""What every generator does, and how to find each by its name."""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, Self

import numpy as np
from pydantic import BaseModel

from stages.corpus.checked_files import About, damaged, is_plain_name, read_json
from stages.corpus.corpus import Corpus
from stages.corpus.errors import UserError


class Step(NamedTuple):
    """One update of a generator in training.

    Attributes:
        step: its number, from 1.
        epoch: the pass over the texts it belongs to, from 1; 0 while a discriminator learns alone.
        losses: by name, the same names at each step; finite as long as training is sound.
        validation: what the epoch that this step ends is judged by, on the validation split; lower
            is better, and the trainer keeps the best. None at other steps.
        ends_epoch: whether training can be taken up again after this step.
    """

    step: int
    epoch: int
    losses: dict[str, float]
    validation: float | None = None
    ends_epoch: bool = False


class Generator(Protocol):
    """A model that learns from a corpus and writes texts.

    A text is words joined by one space. What a generator can do beyond that is said by its class:

    Attributes:
        Settings: its section of params.yaml.
        conditional: takes labels, and has `labels`, those it takes, and `draw_labels(count, seed)`,
            labels as texts have them.
        tempered: takes a temperature and a top_p other than 1.
        prefixed: continues a beginning.
        likelihood: whether `log_likelihood` is exact, a lower bound, or not there at all.
        chooses: has `log_odds`, by which `chosen.Chosen` draws among its texts.
        latent: writes each text from a code, as `LatentGenerator` has it.
        stops_early: training may end before `count_steps` updates, once more of it does not help.
        settings: an instance of `Settings`.
        max_length: words at which its texts are cropped.
        fingerprint: of the corpus that it was built for; None where there was none.
    """

    Settings: ClassVar[type[BaseModel]]
    conditional: ClassVar[bool]
    tempered: ClassVar[bool]
    prefixed: ClassVar[bool]
    likelihood: ClassVar[Literal["exact", "bound", "none"]]
    chooses: ClassVar[bool]
    latent: ClassVar[bool]
    stops_early: ClassVar[bool]
    settings: BaseModel
    max_length: int
    fingerprint: str | None

    @classmethod
    def build(cls, corpus: Corpus, settings: Any, *, seed: int, device: str) -> Self:
        """Make an untrained generator for a corpus.

        Args:
            corpus: gives the words, and `corpus.max_length`, at which texts are cropped.
            settings: an instance of `Settings`.
            seed: of random numbers of its own; PyTorch's are seeded by the stage.
            device: `cpu` or `cuda`.
        """
        ...

    def count_steps(self, corpus: Corpus) -> int:
        """Return how many updates `train` makes at most, those of an earlier run counted.

        It may be fewer than before once an epoch has ended.
        """
        ...

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Learn from the training split, yielding each update's losses.

        After `load_state_dict` it goes on after the epoch that was saved.
        """
        ...

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
        """Yield `count` texts in batches; same seed, same texts.

        Args:
            count: texts to write.
            seed: of what is drawn.
            temperature: log P is divided by it: below 1 likely words become likelier.
            top_p: only the likeliest words that together reach it are drawn from; 1 keeps all.
            labels: one a text; None leaves them to the generator.
            prefix: words that each text begins with.

        Raises:
            UserError: it cannot do what is asked for; see `check_request`.
        """
        ...

    def log_likelihood(self, texts: Sequence[str]) -> np.ndarray:
        """Return log P of each text, end included, (N,) float64, in nats; -inf where it is 0.

        A text of `max_length` words or more is cropped, and its end is not counted.
        """
        ...

    def describe(self) -> dict[str, float]:
        """Return its size in whole numbers, for the metrics, and shares and losses it learnt by."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return `weights`, all that writing needs, and `training`, what resuming needs besides.

        Nested dicts and lists of arrays, tensors, numbers, texts and None.
        """
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what `state_dict` returned; `training` may be left out."""
        ...

    def save(self, folder: Path) -> None:
        """Write the generator, its words included, into a new folder."""
        ...

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Read what `save` wrote, ready to write texts.

        Raises:
            UserError: it is damaged, or not what `save` writes.
        """
        ...


class LatentGenerator(Generator, Protocol):
    """A generator that writes each text from a code, and finds a code for each text."""

    def knows(self, text: str) -> bool:
        """Say whether a text has words, as far as it is not cropped, and `encode` takes them."""
        ...

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return the code of each text, the mean of those it may have, (N, Z) float32.

        Raises:
            UserError: it has not learnt a word of a text.
        """
        ...

    def decode(
        self, codes: np.ndarray, seed: int, *, temperature: float = 1.0, top_p: float = 1.0
    ) -> Iterator[list[str]]:
        """Yield a text of each code (N, Z) in batches, words drawn as `generate` draws them.

        So small a top_p that one word reaches it leaves the likeliest word alone at each place.
        """
        ...


# In each generator's folder: the name of its module, and what it needs beside weights.
ABOUT = "about.json"


class GeneratorAbout(About):
    """What about.json in each generator's folder says; each generator adds its own.

    Attributes:
        generator: the name of its module.
    """

    generator: str


class _Named(GeneratorAbout, extra="ignore"):
    pass


def find_generator(name: str) -> type[Generator]:
    """Return the class of a generator: module `some_name` holds `SomeName`.

    Raises:
        UserError: there is no such module, or no such class in it.
    """
    module_name = f"stages.generators.{name}"
    class_name = "".join(part.capitalize() for part in name.split("_"))
    if not is_plain_name(name):
        raise UserError(
            f"generator {name!r}: expected the name of a module in stages/generators/: lower-case "
            "letters, digits and underscores"
        )
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name:
            raise
        raise UserError(
            f"generator {name!r}: expected the module stages/generators/{name}.py, found none"
        ) from None
    found = getattr(module, class_name, None)
    if getattr(found, "__module__", None) != module_name or not hasattr(found, "load"):
        raise UserError(f"stages/generators/{name}.py: expected a class {class_name}, found none")
    return found


def load_generator(folder: Path | str, device: str) -> Generator:
    """Load whatever generator a folder holds.

    Raises:
        UserError: it is damaged, or not what a generator has written.
    """
    folder = Path(folder)
    name = name_generator(folder)
    try:
        kind = find_generator(name)
    except UserError as error:
        raise damaged(folder / ABOUT, str(error)) from None
    return kind.load(folder, device)


def name_generator(folder: Path) -> str:
    """Return the name that about.json says, which need not be a generator's."""
    return read_json(folder / ABOUT, _Named).generator


def check_vocabulary(corpus: Corpus, tokens: np.ndarray) -> None:
    """Refuse texts that would teach a generator no word to write.

    Args:
        corpus: whose texts they are.
        tokens: their word ids.

    Raises:
        UserError: rare words were left out, and no other is there.
    """
    is_known = (tokens > 0) & (tokens < corpus.vocabulary_size)
    if corpus.has_unknown and not is_known.any():
        raise UserError(
            f"{corpus.name}: no text to learn from has one of the {corpus.vocabulary_size - 1} "
            "words of the vocabulary; raise prepare.vocabulary"
        )


def not_learnt(what: str, name: str, kind: str, found: str) -> UserError:
    """Make the error of a text with a word or character that a generator does not know.

    Args:
        what: the text is, such as `prefix`.
        name: of the generator.
        kind: `word` or `character`.
        found: the first one that it has not learnt.
    """
    name = name.replace("_", " ")
    return UserError(
        f"{what}: the {name} has not learnt the {kind} {found!r}; expected {kind}s of the texts "
        "that it learnt from"
    )


def check_request(
    generator: Generator,
    *,
    temperature: float,
    top_p: float,
    labels: Sequence[str] | None,
    prefix: str,
    name: str = "",
) -> None:
    """Refuse what a generator cannot do.

    Args:
        name: by which the user knows the generator; "" names its class.

    Raises:
        UserError: names the generator, and what was asked for.
    """
    name = name or type(generator).__name__
    if not generator.tempered and (temperature != 1 or top_p != 1):
        raise UserError(
            f"{name}: a temperature of {temperature:g} and a top_p of {top_p:g} mean nothing to "
            "it; leave both at 1"
        )
    if not generator.conditional and labels is not None:
        raise UserError(
            f"{name}: it has learnt no labels; leave them out, or train one generator for each "
            "label, by per_label=true"
        )
    if not generator.prefixed and prefix:
        raise UserError(f"{name}: it cannot continue a beginning such as {prefix!r}")
