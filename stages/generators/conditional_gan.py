"""The modern recipe with each text's label as an input of both networks.

First a language model learns, to which the label is an input beside each word, until the likelihood
of the validation texts no longer rises; its best weights are kept. Then a discriminator learns
alone to tell real pairs of a text and its label from pairs of the generator's, for as long as its
loss on unseen ones falls. It reads the words by the vectors that the language model has learnt, and
the label beside each. Texts are then chosen by its odds, within each label: see `chosen` and
`modern_gan`, from which we differ in the label and in that rewards are left out. The choice also
weighs P(label | text), which the language model's likelihoods give by Bayes' rule: of the texts
that were written for a label but read like another's, fewer are chosen.

Source: M. Mirza and S. Osindero, "Conditional Generative Adversarial Nets", 2014, arXiv:1411.1784;
real texts with another label as further fakes after S. Reed et al., "Generative Adversarial Text to
Image Synthesis", ICML 2016, arXiv:1605.05396, here with a logit of their own; P(label | text) to
some power, by the generator's own likelihoods, after J. Ho and T. Salimans, "Classifier-Free
Diffusion Guidance", 2022, arXiv:2207.12598, here among candidates instead of at each step.
"""

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import torch
from pydantic import AfterValidator, Field
from torch import Tensor, nn

from stages.corpus.checked_files import damaged
from stages.corpus.corpus import Corpus
from stages.corpus.settings import Count, Rate, Section, Share, Size, Weight
from stages.generators.folder import WEIGHTS, load_about, load_network, save_folder
from stages.generators.label_part import LabelPart, split_labels
from stages.generators.labelled_critic import LabelledCritic, name_ngrams
from stages.generators.labelled_writer import LabelledWriter, make_network
from stages.generators.per_label import LabelShares
from stages.generators.protocol import ABOUT, Step
from stages.generators.word_model import WordModelAbout, WordModelSettings, check_fitted
from stages.judges.hashed_runs import FEATURES, check_runs
from stages.judges.ngram_classifier import NgramClassifier
from stages.judges.per_label_judge import PerLabelJudge
from stages.networks.prefix_discriminator import PrefixDiscriminator
from stages.networks.size import count_parameters
from stages.training.lone_discriminator import LoneDiscriminator

UNTRAINED = 2 * math.log(2)  # the loss of a discriminator that knows nothing


class ConditionalGanSettings(Section):
    """The shape of both networks, and their training.

    Attributes:
        width: numbers a word, of the language model, as those that follow.
        dropout: null fits it to the corpus; see `word_model.fit_dropout`.
        patience: passes that have not helped after which its learning rate falls; see `Plateau`.
        batch_size: texts an update.
        learning_rate: of Adam, at its height.
        warm_up: passes at most in which the language model learns.
        discriminator_size: of the discriminator's LSTM and dense layers.
        discriminator_batch_size: texts of each source an update of it.
        discriminator_dropout: share of its numbers that are dropped in training.
        discriminator_learning_rate: of its AdamW, at its height.
        discriminator_warm_up: passes at most in which it learns.
        token_dropout: share of the words that it does not read in training.
        wrong_labels: whether it also learns to tell real texts with another label.
        ngrams: whether a classifier by n-grams, one a label, judges and chooses beside it.
        guidance: power of P(label | text), by the language model, in the weight by which a text is
            chosen; 0 leaves the choice to the discriminator alone.
    """

    width: Size
    hidden_size: Size
    num_layers: Count
    dropout: Share | None
    patience: Count
    batch_size: Count
    learning_rate: Rate
    warm_up: Count
    discriminator_size: Size
    discriminator_batch_size: Count
    discriminator_dropout: Share
    discriminator_learning_rate: Rate
    discriminator_warm_up: Count
    token_dropout: Share
    wrong_labels: bool
    ngrams: bool
    guidance: Weight


def settings_of_writer(settings: ConditionalGanSettings) -> WordModelSettings:
    """Return the language model's settings."""
    names = WordModelSettings.model_fields.keys() & ConditionalGanSettings.model_fields.keys()
    shared = {name: getattr(settings, name) for name in sorted(names)}
    return WordModelSettings(**shared, epochs=settings.warm_up)


class _About(WordModelAbout):
    settings: Annotated[ConditionalGanSettings, AfterValidator(check_fitted)]
    label_shares: LabelShares
    runs: list[Annotated[int, Field(ge=0, le=FEATURES)]]  # of each label's classifier


class ConditionalGan:
    """A language model and a discriminator that both know each text's label.

    Args:
        writer: the language model.
        settings: of both networks; dropout a number.
        device: where both live.
        seed: of the texts that the discriminator learns from.
    """

    Settings: ClassVar = ConditionalGanSettings
    conditional: ClassVar = True
    tempered: ClassVar = True
    prefixed: ClassVar = True
    likelihood: ClassVar = "exact"
    chooses: ClassVar = True
    latent: ClassVar = False
    stops_early: ClassVar = True

    def __init__(
        self, writer: LabelledWriter, settings: ConditionalGanSettings, device: str, seed: int = 0
    ) -> None:
        self.writer = writer
        self.settings = settings
        discriminator = make_discriminator(len(writer.shares), settings).to(device)
        self.networks = nn.ModuleDict({"generator": writer.network, "discriminator": discriminator})
        lone = LoneDiscriminator(
            discriminator,
            settings.discriminator_batch_size,
            settings.discriminator_learning_rate,
            settings.discriminator_warm_up,
        )
        self.critic = LabelledCritic(writer, lone, seed)
        self.best: dict[str, Tensor] = {}  # the writer's weights where validation was lowest
        self.steps = 0  # updates made
        self.losses = {"generator": 0.0, "discriminator": UNTRAINED}  # of the last update

    @classmethod
    def build(
        cls, corpus: Corpus, settings: ConditionalGanSettings, *, seed: int, device: str
    ) -> Self:
        """Make an untrained one of the training texts' words and labels.

        Raises:
            UserError: the texts have fewer labels than two, or none of the vocabulary's words.
        """
        writer = LabelledWriter.build(
            corpus, settings_of_writer(settings), seed=seed, device=device
        )
        settings = settings.model_copy(update={"dropout": writer.settings.dropout})
        gan = cls(writer, settings, device, seed)
        gan.critic.lone.limit(len(corpus.validation))
        return gan

    @property
    def max_length(self) -> int:
        """Words at which texts are cropped."""
        return self.writer.max_length

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of the corpus that it was built for."""
        return self.writer.fingerprint

    @property
    def labels(self) -> list[str]:
        """The names of the labels that it has learnt."""
        return self.writer.labels

    @property
    def shares(self) -> dict[str, float]:
        """How often training texts have each label."""
        return self.writer.shares

    def draw_labels(self, count: int, seed: int) -> list[str]:
        """Draw labels as the training texts have them; same seed, same labels."""
        return self.writer.draw_labels(count, seed)

    def count_steps(self, corpus: Corpus) -> int:
        """Return how many updates `train` makes at most."""
        texts, lone = len(corpus.train), self.critic.lone
        written = self.writer.epoch * math.ceil(texts / self.settings.batch_size)
        if self.writer.may_learn(corpus):
            written = self.writer.count_steps(corpus)
        passes = lone.passes if lone.is_over else lone.most
        return written + passes * math.ceil(texts / self.settings.discriminator_batch_size)

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Train the language model, then the discriminator; no epoch is validated by one measure.

        So the last is kept; of each network the weights are those of its own best pass. The losses
        are the language model's in nats a word and the discriminator's, of real texts and fakes
        added up; that of the network that does not learn stays what it was.
        """
        for step in self.writer.train(corpus):
            if step.validation is not None and step.validation <= self.writer.plateau.lowest:
                self.best = copy.deepcopy(self.writer.network.state_dict())
            if step.ends_epoch and self.best and not self.writer.may_learn(corpus):
                self.writer.network.load_state_dict(self.best)
            self.losses["generator"] = step.losses["loss"]
            yield self._step(step.epoch, ends_epoch=step.ends_epoch)
        settings, lone = self.settings, self.critic.lone
        epoch = self.writer.epoch + lone.passes + 1
        for loss, ends_epoch in self.critic.learn(
            corpus, ngrams=settings.ngrams, wrong_labels=settings.wrong_labels
        ):
            self.losses["discriminator"] = loss
            yield self._step(epoch, ends_epoch=ends_epoch)
            epoch += ends_epoch
        self.networks.eval()

    def _step(self, epoch: int, *, ends_epoch: bool) -> Step:
        self.steps += 1
        return Step(self.steps, epoch, dict(self.losses), ends_epoch=ends_epoch)

    def generate(self, count: int, seed: int, **options: Any) -> Iterator[list[str]]:
        """Yield texts of the language model alone; see `protocol.Generator` and `chosen.Chosen`."""
        return self.writer.generate(count, seed, **options)

    @property
    def parts(self) -> dict[str, LabelPart]:
        """Each label as a generator by itself, among whose texts the discriminator can choose."""
        return split_labels(self)

    @property
    def judge(self) -> PerLabelJudge:
        """The discriminator as a judge of texts, each of its label."""
        return self.critic.judge

    def log_odds_given(self, texts: Sequence[str], label: str) -> Tensor:
        """Return the logarithm of each text's weight in the choice among its label's, (N,).

        The weight is the discriminator's odds times P(label | text) to the power of `guidance`.
        """
        odds = self.critic.judge.parts[label].log_odds(texts)
        if not self.settings.guidance:
            return odds
        return odds + self.settings.guidance * self._log_posterior(texts, label)

    def _log_posterior(self, texts: Sequence[str], label: str) -> Tensor:
        """Return log P(label | text) of each text, (N,) float32, by the language model.

        By Bayes' rule, with labels as frequent as in training texts. A text that it cannot write
        says nothing of its label, which is then as likely as in these.
        """
        joint = {
            each: self.writer.log_likelihood_given(texts, each) + math.log(share)
            for each, share in self.shares.items()
        }
        total = np.logaddexp.reduce([*joint.values()])
        known = np.isfinite(total)
        values = np.full(len(texts), math.log(self.shares[label]))
        values[known] = joint[label][known] - total[known]
        return torch.from_numpy(values).float()

    def log_likelihood(self, texts: Sequence[str]) -> np.ndarray:
        """Return log P of each text (N,) by the language model alone, the labels' mixture."""
        return self.writer.log_likelihood(texts)

    def log_likelihood_given(self, texts: Sequence[str], label: str) -> np.ndarray:
        """Return log P(text | label) of each text (N,) by the language model alone, in nats."""
        return self.writer.log_likelihood_given(texts, label)

    def describe(self) -> dict[str, float]:
        """Count words and the weights of both networks; say how they learnt."""
        values: dict[str, float] = {
            f"{name}_parameters": count_parameters(network)
            for name, network in self.networks.items()
        }
        values |= {"words": len(self.writer.ids) - 1, "dropout": self.settings.dropout}
        if self.best:
            values["nats_a_word"] = self.writer.plateau.lowest
            values["warm_up_passes"] = self.writer.epoch
        return values | self.critic.describe()

    def state_dict(self) -> dict[str, Any]:
        """Return weights, and all that going on takes."""
        training = {
            "writer": self.writer.state_dict()["training"],
            "best": self.best,
            "lone": self.critic.lone.state_dict(),
            "steps": self.steps,
            "losses": self.losses,
        }
        return {"weights": self.networks.state_dict(), "training": training}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take weights and, where they are given, what resuming needs."""
        self.networks.load_state_dict(state["weights"])
        if "training" in state:
            training = state["training"]
            weights = self.writer.network.state_dict()
            self.writer.load_state_dict({"weights": weights, "training": training["writer"]})
            self.critic.lone.load_state_dict(training["lone"])
            self.best, self.steps = training["best"], training["steps"]
            self.losses = training["losses"]

    def save(self, folder: Path) -> None:
        """Write both networks and the words; see `protocol.Generator`."""
        about = {
            "corpus": self.fingerprint,
            "settings": self.settings.model_dump(),
            "max_length": self.max_length,
            "words": self.writer.words,
            "label_shares": self.shares,
            "runs": [len(each.runs) for each in self.critic.ngrams.values()],
        }
        save_folder(folder, "conditional_gan", about, self._parts().state_dict())

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Read what `save` wrote, in evaluation mode."""
        about = load_about(folder, _About)
        settings, labels = about.settings, len(about.label_shares)
        if len(about.runs) != labels * settings.ngrams:
            raise damaged(folder / ABOUT, "runs: expected a number for each label, or none")

        def make() -> nn.ModuleDict:
            generator = make_network(about.words, labels, settings_of_writer(settings))
            parts = {"generator": generator, "discriminator": make_discriminator(labels, settings)}
            ngrams = (NgramClassifier(count, about.max_length) for count in about.runs)
            return nn.ModuleDict(parts | {name_ngrams(at): each for at, each in enumerate(ngrams)})

        weights = load_network(folder, make, settings.num_layers)
        shape = about.words, about.label_shares, settings_of_writer(settings), about.max_length
        writer = LabelledWriter(*shape, device)
        writer.fingerprint = about.corpus
        gan = cls(writer, settings, device)
        for place, (label, count) in enumerate(zip(about.label_shares, about.runs, strict=False)):
            check_runs(folder / WEIGHTS, weights, f"{name_ngrams(place)}.runs")
            gan.critic.ngrams[label] = NgramClassifier(count, about.max_length)
        gan._parts().load_state_dict(weights)
        gan.networks.eval()
        return gan

    def _parts(self) -> nn.ModuleDict:
        """All that is kept in the folder's weights."""
        return nn.ModuleDict({**self.networks, **self.critic.named_ngrams()})


def make_discriminator(labels: int, settings: ConditionalGanSettings) -> PrefixDiscriminator:
    """Make the discriminator of words and so many labels."""
    return PrefixDiscriminator(
        settings.width + labels,
        settings.discriminator_size,
        1,
        settings.discriminator_dropout,
        settings.token_dropout,
        1 + settings.wrong_labels,
    )
