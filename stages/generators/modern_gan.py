"""The modern GAN: a language model and a discriminator which reads by an embedding.

The generator starts as the trained language model, so that it ends its own texts and knows every
training word. First the discriminator learns alone, for as long as its loss on unseen texts falls,
to tell the language model's texts, and those of other generators, from real ones. Then either both
learn from each other, or, where there are no such epochs, the generator stays as it is, and the
discriminator chooses among its texts: a residual energy-based model, see `chosen`. Where it judges
and chooses, a classifier by n-grams, which has learnt from the same texts, has half a say; rewards
are the discriminator's alone.

Sources stand with the parts: `networks.prefix_discriminator`, `judges.ngram_classifier`,
`training.discriminator`, `training.policy_gradient`, `generators.chosen`.
"""

import copy
import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.optim import Adam, AdamW

from stages.corpus.checked_files import damaged
from stages.corpus.corpus import Corpus
from stages.corpus.seeds import derive_seed
from stages.corpus.settings import (
    CountOrZero,
    Distinct,
    NetworkSettings,
    Rate,
    Share,
    Size,
    UnitInterval,
    Weight,
)
from stages.embeddings.piece_table import PieceTable, lengths_of
from stages.embeddings.pretrained_bert import MINILM
from stages.embeddings.protocol import Embedding, EmbeddingName, load_copy
from stages.generators.folder import WEIGHTS, load_about, load_network, save_folder
from stages.generators.language_model import LanguageModel, LearntSettings
from stages.generators.protocol import GeneratorAbout, Step, check_request, load_generator
from stages.generators.word_model import LearntWords
from stages.judges.hashed_runs import FEATURES, are_runs
from stages.judges.ngram_classifier import NgramClassifier
from stages.judges.prefix_judge import PrefixJudge
from stages.measures.frechet import Gaussian, fit_gaussian, frechet_distance
from stages.measures.sentence_vectors import SentenceEncoder
from stages.networks.cores import all_cores
from stages.networks.lstm_language_model import LstmLanguageModel
from stages.networks.prefix_discriminator import PrefixDiscriminator, verdicts
from stages.networks.size import count_parameters
from stages.training.discriminator import Texts, unseen_loss, update_discriminator
from stages.training.plateau import Plateau
from stages.training.policy_gradient import advantages, divergence, update_generator
from stages.training.stock import Stock

START = "language_model"  # in the folder of starts: what the generator begins as
UNVALIDATED = 4  # passes alone at most where no held-out text tells when to stop
CHECKED = 1000  # texts of the generator that each epoch is judged by
PATIENCE = 2  # passes that do not help on unseen texts, after which the rate falls


Name = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*$")]  # of a generator


class ModernGanSettings(NetworkSettings):
    """The discriminator's shape, and the training of both networks.

    Attributes:
        method: how the generator learns: `policy_gradient`, `maligan`, or `likelihood` (the
            control: from real texts alone).
        objective: what the discriminator minimises; see `training.objectives`.
        fakes: whose texts the discriminator also learns to know.
        discount: of a later word's reward, from 0 (each for itself) to 1.
        likelihood_weight: of the real texts' likelihood beside the adversarial loss.
        generator_learning_rate: of the generator's Adam; `learning_rate` is the discriminator's, of
            AdamW, at its height.
        warm_up: passes at most in which the discriminator learns alone, before.
        token_dropout: share of the discriminator's tokens that are made unknown.
        divergence_weight: of the penalty on log P(word) / P of the language model it started as.
        epochs: passes in which both networks learn; 0 leaves the generator as it started.
        ngrams: whether a classifier by n-grams judges and chooses beside the discriminator.
    """

    epochs: CountOrZero
    method: Literal["policy_gradient", "maligan", "likelihood"]
    objective: Literal["cross_entropy", "hinge", "relativistic", "wasserstein"]
    fakes: Distinct[Name] = Field(
        description="a list of generators of this run, no GAN of an embedding, each once"
    )
    discount: UnitInterval
    likelihood_weight: Weight
    generator_learning_rate: Rate
    warm_up: CountOrZero
    token_dropout: Share
    divergence_weight: Weight
    ngrams: bool

    @model_validator(mode="after")
    def _learn_something(self) -> Self:
        if not self.warm_up and not self.epochs:
            raise ValueError("epochs is 0; allowed while warm_up is 0: 1 or more")
        return self


class _About(GeneratorAbout):
    settings: ModernGanSettings
    writer: LearntSettings
    max_length: Size
    words: LearntWords
    embedding: EmbeddingName
    width: Size
    runs: Annotated[int, Field(ge=0, le=FEATURES)] | None


class ModernGan:
    """A language model and the discriminator it learns against.

    Args:
        embedding: through which the discriminator reads.
        settings: of the discriminator and of the training.
        writer: the language model to start from.
        device: where both networks live.
        encoder: the BERT by whose sentence vectors an epoch is judged; see `SentenceEncoder`.
    """

    Settings: ClassVar = ModernGanSettings
    conditional: ClassVar = False
    tempered: ClassVar = True
    prefixed: ClassVar = True
    likelihood: ClassVar = "exact"
    chooses: ClassVar = True
    latent: ClassVar = False
    stops_early: ClassVar = True
    fingerprint: str | None = None

    def __init__(
        self,
        embedding: Embedding,
        settings: ModernGanSettings,
        writer: LanguageModel,
        device: str,
        encoder: str = MINILM,
    ) -> None:
        self.embedding = embedding
        self.encoder = encoder
        self.settings = settings
        self.writer = writer
        self.max_length = writer.max_length
        self.device = device
        discriminator = make_discriminator(embedding.width, settings)
        self.networks = nn.ModuleDict({"generator": writer.network, "discriminator": discriminator})
        self.networks.to(device)
        self.ngrams: NgramClassifier | None = None
        self.optimizers = {
            "generator": Adam(
                writer.network.parameters(), settings.generator_learning_rate, fused=True
            ),
            "discriminator": AdamW(discriminator.parameters(), settings.learning_rate, fused=True),
        }
        self.start: LstmLanguageModel | None = None  # the generator as it was, for the penalty
        self.plateau = Plateau(PATIENCE)  # of the discriminator alone
        self.best: dict[str, Tensor] = {}  # its weights where its loss on unseen texts was lowest
        self.most_alone = settings.warm_up  # passes
        self.steps = self.passes = 0  # updates made; passes in which the discriminator learnt alone
        self.epoch = 0  # passes in which both networks have learnt
        self.fakes: dict[str, list[str]] = {}  # texts by source, for training

    @classmethod
    def build(
        cls,
        corpus: Corpus,
        settings: ModernGanSettings,
        *,
        seed: int,
        device: str,
        embedding: Embedding,
        start: Path,
        encoder: str = MINILM,
    ) -> Self:
        """Make a GAN whose generator is a trained language model.

        Args:
            corpus: what the language model was trained on.
            settings: of the GAN.
            seed: of the texts by which an epoch is judged.
            device: where both networks live.
            embedding: through which the discriminator reads.
            start: a folder with the language model and the fakes to learn from; see `start_gan`.
            encoder: the BERT by whose sentence vectors an epoch is judged.

        Raises:
            UserError: the language model was trained on another corpus, or is damaged.
        """
        writer = load_generator(start / START, device)
        corpus.check_model(start / START, writer.fingerprint)
        gan = cls(embedding, settings, writer, device, encoder)
        gan.seed, gan.fingerprint = seed, corpus.fingerprint
        if not len(corpus.validation):
            gan.most_alone = min(gan.most_alone, UNVALIDATED)
        # Before it learns, the language model is the generator.
        for name in dict.fromkeys([START, *settings.fakes]):
            gan.fakes[name] = (start / f"{name}.txt").read_text("utf-8").split("\n")[:-1]
        if settings.divergence_weight:
            gan.start = copy.deepcopy(writer.network).eval()
        return gan

    def count_steps(self, corpus: Corpus) -> int:
        """Return how many updates `train` makes at most; see `protocol.Generator`."""
        alone = self.most_alone if self._is_alone() else self.passes
        passes = alone + self.settings.epochs
        return passes * math.ceil(len(corpus.train) / self.settings.batch_size)

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Train the discriminator alone, then both networks; the losses are those of `_update`.

        Epoch 0 is that of the discriminator alone. The validation of an epoch, and of the warm-up
        as a whole, is the Frechet distance of sentence vectors between the generator's own texts,
        not chosen by the discriminator, and the validation split's. Without epochs nothing is
        judged so, as there is nothing to choose from; nor is it by fewer than two texts.

        The discriminator reads real texts with all their words, also those that the generator
        learns as the unknown word.
        """
        settings, words = self.settings, self.writer.number(corpus, corpus.train)

        def stock(name: str, texts: Sequence[str]) -> Stock:
            return Stock(name, self.embedding, self.embedding.tokenize(texts, self.max_length))

        real = stock("real texts", corpus.texts(corpus.train, self.max_length))
        fakes = {name: stock(name, texts[: len(words)]) for name, texts in self.fakes.items()}
        unseen = self.fakes[START][len(words) :], corpus.texts(corpus.validation, self.max_length)
        if settings.ngrams:
            own = self.fakes[START][: len(words)]
            self.ngrams = NgramClassifier.fit(
                corpus.texts(corpus.train, self.max_length), own, self.max_length
            )
        held_out = None
        if all(unseen):
            held_out = stock("unseen fakes", unseen[0]), stock("unseen real texts", unseen[1])
        distance = None
        if settings.epochs and len(corpus.validation) > 1:
            distance = self._distance_to(unseen[1])
        self.networks.train()
        while self._is_alone():
            sources = [fakes[START], *(fakes[name] for name in settings.fakes)]
            step = yield from self._pass(real, sources)
            self.passes += 1
            if held_out:
                self._validate(*held_out)
            judged = distance() if distance and not self._is_alone() else None
            yield step._replace(validation=judged, ends_epoch=True)
        pieces = None
        if self.epoch < settings.epochs:
            pieces = PieceTable(self.embedding, self.writer.words, self.max_length)
        while self.epoch < settings.epochs:
            sources = [fakes[name] for name in settings.fakes]
            step = yield from self._pass(real, sources, words, pieces)
            self.epoch += 1
            yield step._replace(validation=distance() if distance else None, ends_epoch=True)
        self.networks.eval()

    def _is_alone(self) -> bool:
        """Say whether the discriminator still learns alone."""
        return not (self.epoch or self.plateau.is_over or self.passes >= self.most_alone)

    def _pass(
        self,
        real: Stock,
        sources: list[Stock],
        words: Tensor | None = None,
        pieces: PieceTable | None = None,
    ) -> Generator[Step, None, Step]:
        """Make a pass over the real texts; yield all updates but the last, which is returned."""
        size, epoch = self.settings.batch_size, 0 if words is None else self.epoch + 1
        for group in self.optimizers["discriminator"].param_groups:
            group["lr"] = self.settings.learning_rate * self.plateau.share
        order = torch.randperm(len(real.lengths)).split(size)
        for number, places in enumerate(order, start=1):
            others = [source.draw(len(places)) for source in sources]
            own = (None, None) if words is None else (words[places], pieces)
            losses = self._update(real.at(places), others, *own)
            self.steps += 1
            step = Step(self.steps, epoch, losses)
            if number < len(order):
                yield step
        return step

    def _validate(self, fakes: Stock, real: Stock) -> None:
        """Let the rate of the discriminator follow its loss on unseen texts; keep its best."""
        discriminator = self.networks["discriminator"]
        loss = unseen_loss(discriminator, real.batches(), fakes.batches(), self.settings.objective)
        if loss < self.plateau.lowest:
            self.best = copy.deepcopy(discriminator.state_dict())
        self.plateau.offer(loss)
        if self.best and not self._is_alone():
            discriminator.load_state_dict(self.best)

    def _update(
        self,
        real: Texts,
        fakes: list[Texts],
        real_words: Tensor | None = None,
        pieces: PieceTable | None = None,
    ) -> dict[str, float]:
        """Update the discriminator and, where it is given words, the generator.

        Args:
            real: real texts as the discriminator reads them.
            fakes: one batch a source; the generator's own comes first where no words are given.
            real_words: the same real texts as the generator writes them, (B, T), int64.
            pieces: from the generator's words to the embedding's tokens.

        Returns:
            generator: the mean of -log D of its texts, in nats, before its update; discriminator:
            the loss of real texts and fakes before its update.
        """
        settings = self.settings
        generator, discriminator = self.networks["generator"], self.networks["discriminator"]
        if real_words is not None:
            words = generator.sample(len(real_words), self.max_length)  # (B, T)
            tokens, ends = pieces.tokenize(words)
            own = Texts(self.embedding.embed(tokens), lengths_of(tokens))
            fakes = [own, *fakes]
        discriminator_loss = update_discriminator(
            discriminator, real, fakes, settings.objective, self.optimizers["discriminator"]
        )
        discriminator.eval()
        with torch.no_grad():
            logits = discriminator(*fakes[0])[..., 0]  # (B, T' + 1), against the generator
        discriminator.train()
        if real_words is not None:
            gained = advantages(
                settings.method, logits, own.lengths, ends, words, settings.discount
            )  # (B, T)
            if self.start is not None:
                gained = gained - settings.divergence_weight * divergence(
                    generator, self.start, words
                )
            update_generator(
                generator,
                words,
                gained,
                real_words.to(words.device),
                settings.likelihood_weight,
                self.optimizers["generator"],
            )
        generator_loss = softplus(-verdicts(logits, fakes[0].lengths)).mean().item()
        return {"generator": generator_loss, "discriminator": discriminator_loss}

    def _distance_to(self, held_out: list[str]) -> Callable[[], float]:
        """Give the measure of an epoch: Frechet distance to the validation texts."""
        encoder = SentenceEncoder(self.device, self.encoder)
        seed = derive_seed(self.seed, "check")

        def fit(texts: list[str]) -> Gaussian:
            with all_cores() as pool:
                return fit_gaussian(encoder.encode(texts, pool))

        real = fit(held_out)

        def distance() -> float:
            texts = [text for batch in self.writer.generate(CHECKED, seed) for text in batch]
            return frechet_distance(real, fit(texts))

        return distance

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
        """Yield texts of the generator alone; see `protocol.Generator` and `chosen.Chosen`."""
        check_request(self, temperature=temperature, top_p=top_p, labels=labels, prefix=prefix)
        return self.writer.generate(
            count, seed, temperature=temperature, top_p=top_p, prefix=prefix
        )

    @property
    def judge(self) -> PrefixJudge:
        """The discriminator as a judge of texts."""
        network = self.networks["discriminator"]
        return PrefixJudge(network, self.embedding, self.max_length, self.ngrams)

    def log_odds(self, texts: Sequence[str]) -> Tensor:
        """Return the logarithm of each text's odds of being real, (N,)."""
        return self.judge.log_odds(texts)

    def judge_own(self, count: int, seed: int) -> np.ndarray:
        """Return the discriminator's logits (count,) of its own generator's texts, none chosen."""
        made = self.generate(count, derive_seed(seed, "judge"))
        return self.judge.logits([text for batch in made for text in batch])

    def log_likelihood(self, texts: Sequence[str]) -> np.ndarray:
        """Return log P of each text (N,) by the generator alone, in nats."""
        return self.writer.log_likelihood(texts)

    def describe(self) -> dict[str, float]:
        """Count the weights of both networks, and how the discriminator learnt alone."""
        values: dict[str, float] = {
            f"{name}_parameters": count_parameters(network)
            for name, network in self.networks.items()
        }
        if self.best:
            values |= {"warm_up_passes": self.passes, "unseen_loss": self.plateau.lowest}
        if self.ngrams is not None:
            values["ngrams"] = len(self.ngrams.runs)
        return values

    def state_dict(self) -> dict[str, Any]:
        """Return weights, and all that going on takes."""
        training = {
            "optimizers": {name: each.state_dict() for name, each in self.optimizers.items()},
            "plateau": self.plateau.state_dict(),
            "best": self.best,
            "made": [self.steps, self.passes, self.epoch],
        }
        return {"weights": self.networks.state_dict(), "training": training}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take weights and, where they are given, what resuming needs."""
        self.networks.load_state_dict(state["weights"])
        if "training" in state:
            training = state["training"]
            for name, optimizer in self.optimizers.items():
                optimizer.load_state_dict(training["optimizers"][name])
            self.plateau.load_state_dict(training["plateau"])
            self.best = training["best"]
            self.steps, self.passes, self.epoch = training["made"]

    def save(self, folder: Path) -> None:
        """Write both networks, the words and the embedding; see `protocol.Generator`."""
        about = {
            "corpus": self.fingerprint,
            "settings": self.settings.model_dump(),
            "embedding": self.embedding.name,
            "width": self.embedding.width,
            "writer": self.writer.settings.model_dump(),
            "max_length": self.max_length,
            "words": self.writer.words,
            "runs": None if self.ngrams is None else len(self.ngrams.runs),
        }
        save_folder(folder, "modern_gan", about, self._parts().state_dict())
        self.embedding.save(folder / "embedding")

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Read what `save` wrote, in evaluation mode."""
        about = load_about(folder, _About)
        words, settings, shape, width = about.words, about.settings, about.writer, about.width

        def make() -> nn.ModuleDict:
            generator = LanguageModel.make_network(words, shape, about.max_length)
            discriminator = make_discriminator(width, settings)
            parts = {"generator": generator, "discriminator": discriminator}
            if about.runs is not None:
                parts["ngrams"] = NgramClassifier(about.runs, about.max_length)
            return nn.ModuleDict(parts)

        weights = load_network(folder, make, max(shape.num_layers, settings.num_layers))
        kept = folder / "embedding"
        embedding = load_copy(about.embedding, kept, device, width=width, fingerprint=about.corpus)
        writer = LanguageModel(words, shape, about.max_length, device)
        gan = cls(embedding, settings, writer, device)
        gan.fingerprint = about.corpus
        if about.runs is not None:
            if not are_runs(weights["ngrams.runs"]):
                raise damaged(folder / WEIGHTS, f"ngrams.runs: not rising from 0 to {FEATURES - 1}")
            gan.ngrams = NgramClassifier(about.runs, about.max_length)
        gan._parts().load_state_dict(weights)
        gan.networks.eval()
        return gan

    def _parts(self) -> nn.ModuleDict:
        """All that is kept in the folder's weights."""
        more = {} if self.ngrams is None else {"ngrams": self.ngrams}
        return nn.ModuleDict({**self.networks, **more})


def make_discriminator(width: int, settings: ModernGanSettings) -> PrefixDiscriminator:
    """Make the discriminator of vectors of E = `width` numbers."""
    return PrefixDiscriminator(
        width,
        settings.hidden_size,
        settings.num_layers,
        settings.dropout,
        settings.token_dropout,
        1 + len(settings.fakes),
        settings.objective == "wasserstein",
    )
