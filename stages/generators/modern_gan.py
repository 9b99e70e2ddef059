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
from torch.optim import Adam

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
from stages.networks.prefix_discriminator import PrefixDiscriminator
from stages.networks.size import count_parameters
from stages.training.discriminator import Texts, generator_loss, update_discriminator
from stages.training.lone_discriminator import UNVALIDATED, LoneDiscriminator
from stages.training.policy_gradient import advantages, divergence, update_generator
from stages.training.stock import Stock

START = "language_model"  # in the folder of starts: what the generator begins as
CHECKED = 1000  # texts of the generator that each epoch is judged by


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
        self.lone = LoneDiscriminator(
            discriminator,
            settings.batch_size,
            settings.learning_rate,
            settings.warm_up,
            settings.objective,
        )
        self.generator_optimizer = Adam(
            writer.network.parameters(), settings.generator_learning_rate, fused=True
        )
        self.start: LstmLanguageModel | None = None  # the generator as it was, for the penalty
        self.steps = 0  # updates made
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
            gan.lone.most = min(gan.lone.most, UNVALIDATED)
        # Before it learns, the language model is the generator.
        for name in dict.fromkeys([START, *settings.fakes]):
            gan.fakes[name] = (start / f"{name}.txt").read_text("utf-8").split("\n")[:-1]
        if settings.divergence_weight:
            gan.start = copy.deepcopy(writer.network).eval()
        return gan

    def count_steps(self, corpus: Corpus) -> int:
        """Return how many updates `train` makes at most; see `protocol.Generator`."""
        alone = self.lone.most if self._is_alone() else self.lone.passes
        passes = alone + self.settings.epochs
        return passes * math.ceil(len(corpus.train) / self.settings.batch_size)

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Train the discriminator alone, then both networks; the losses are those of `_update`.

        Epoch 0 is that of the discriminator alone, whose update gives both losses, the generator's
        with dropout. The validation of an epoch, and of the warm-up
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
            held_out = stock("unseen real texts", unseen[1]), stock("unseen fakes", unseen[0])
        distance = None
        if settings.epochs and len(corpus.validation) > 1:
            distance = self._distance_to(unseen[1])
        while self._is_alone():
            sources = [fakes[START], *(fakes[name] for name in settings.fakes)]
            step = yield from self._pass_alone(real, sources)
            if held_out:
                self.lone.validate(*held_out)
            judged = distance() if distance and not self._is_alone() else None
            yield step._replace(validation=judged, ends_epoch=True)
        self.networks.train()
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
        return not (self.epoch or self.lone.is_over)

    def _pass_alone(self, real: Stock, sources: list[Stock]) -> Generator[Step, None, Step]:
        """Let the discriminator make a pass; yield all steps but the last, which is returned."""
        last = math.ceil(len(real.lengths) / self.settings.batch_size)
        for number, losses in enumerate(self.lone.learn(real, sources), start=1):
            self.steps += 1
            step = Step(self.steps, 0, losses._asdict())
            if number < last:
                yield step
        return step

    def _pass(
        self, real: Stock, sources: list[Stock], words: Tensor, pieces: PieceTable
    ) -> Generator[Step, None, Step]:
        """Let both make a pass; yield all steps but the last, which is returned."""
        self.lone.set_rate()
        order = torch.randperm(len(real.lengths)).split(self.settings.batch_size)
        for number, places in enumerate(order, start=1):
            others = [source.draw(len(places)) for source in sources]
            losses = self._update(real.at(places), others, words[places], pieces)
            self.steps += 1
            step = Step(self.steps, self.epoch + 1, losses)
            if number < len(order):
                yield step
        return step

    def _update(
        self, real: Texts, fakes: list[Texts], real_words: Tensor, pieces: PieceTable
    ) -> dict[str, float]:
        """Update both networks.

        Args:
            real: real texts as the discriminator reads them.
            fakes: one batch a source, beside those that the generator is to write.
            real_words: the same real texts as the generator writes them, (B, T), int64.
            pieces: from the generator's words to the embedding's tokens.

        Returns:
            generator: the mean of -log D of its texts, in nats, before its update; discriminator:
            the loss of real texts and fakes before its update.
        """
        settings = self.settings
        generator, discriminator = self.networks["generator"], self.networks["discriminator"]
        words = generator.sample(len(real_words), self.max_length)  # (B, T)
        tokens, ends = pieces.tokenize(words)
        own = Texts(self.embedding.embed(tokens), lengths_of(tokens))
        losses = update_discriminator(
            discriminator, real, [own, *fakes], settings.objective, self.lone.optimizer
        )
        logits = self._judge(own)
        gained = advantages(
            settings.method, logits, own.lengths, ends, words, settings.discount
        )  # (B, T)
        if self.start is not None:
            gained = gained - settings.divergence_weight * divergence(generator, self.start, words)
        update_generator(
            generator,
            words,
            gained,
            real_words.to(words.device),
            settings.likelihood_weight,
            self.generator_optimizer,
        )
        return {
            "generator": generator_loss(logits, own.lengths),
            "discriminator": losses.discriminator,
        }

    @torch.no_grad()
    def _judge(self, own: Texts) -> Tensor:
        """Return the logits (B, T' + 1) of real against the generator's texts."""
        discriminator = self.networks["discriminator"].eval()
        logits = discriminator(*own)[..., 0]
        discriminator.train()
        return logits

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
        if self.lone.best:
            values["warm_up_passes"] = self.lone.passes
            values["unseen_loss"] = self.lone.plateau.lowest
        if self.ngrams is not None:
            values["ngrams"] = len(self.ngrams.runs)
        return values

    def state_dict(self) -> dict[str, Any]:
        """Return weights, and all that going on takes."""
        training = {
            "generator_optimizer": self.generator_optimizer.state_dict(),
            "lone": self.lone.state_dict(),
            "made": [self.steps, self.epoch],
        }
        return {"weights": self.networks.state_dict(), "training": training}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take weights and, where they are given, what resuming needs."""
        self.networks.load_state_dict(state["weights"])
        if "training" in state:
            training = state["training"]
            self.generator_optimizer.load_state_dict(training["generator_optimizer"])
            self.lone.load_state_dict(training["lone"])
            self.steps, self.epoch = training["made"]

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
