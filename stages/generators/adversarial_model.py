"""What the literature's text GANs share: a warm-up by likelihood, then rounds with a discriminator.

In each phase a step is an update of the generator, but where the discriminator learns alone a step
is a round of it. The warm-up ends as the language model's training does, and the adversarial phase
starts from its best pass by validation, or as in the papers from its last. From there on nothing is
validated, as in the papers: adversarial learning raises the nats a word of real text by nature, so
that the best epoch by likelihood would always be the warm-up's. The last round is what is kept.
"""

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.optim import Adam

from stages.corpus.corpus import Corpus
from stages.corpus.settings import Count, CountOrZero, Rate, Rising, Section, Share, Size, Weight
from stages.generators.protocol import Step
from stages.generators.word_model import LikelihoodModel
from stages.networks.lstm_language_model import written
from stages.networks.text_discriminator import TextDiscriminator
from stages.training.contrast import learn_classes
from stages.training.likelihood import negative_log_likelihood, train_epoch
from stages.training.plateau import limit_passes

LARGEST_GRADIENT = 5.0  # norm to which the generator's gradient is clipped
FAKE, REAL = 0, 1  # classes of the discriminator
FAKES = 500  # drawn at a time for it


class DiscriminatorSettings(Section):
    """The shape of a `TextDiscriminator`, and how it learns.

    Attributes:
        discriminator_width: numbers a word.
        widths: of its convolutions, in words.
        filters: how many of each width.
        discriminator_dropout: share of its features dropped in training.
        discriminator_penalty: of half the last layer's squares.
        discriminator_learning_rate: of Adam.
        discriminator_texts: real texts a round, and as many fakes; null: all of the training split.
        discriminator_epochs: passes over them.
        discriminator_rounds: rounds, each with new fakes, after the generator's updates.
        discriminator_warm_up: rounds alone, before the generator meets it.
    """

    discriminator_width: Size
    widths: Rising[Count]
    filters: list[Size] = Field(min_length=1)
    discriminator_dropout: Share
    discriminator_penalty: Weight
    discriminator_learning_rate: Rate
    discriminator_texts: Count | None
    discriminator_epochs: Count
    discriminator_rounds: Count
    discriminator_warm_up: CountOrZero

    @model_validator(mode="after")
    def _check_filters(self) -> "DiscriminatorSettings":
        if len(self.filters) != len(self.widths):
            raise ValueError(
                f"filters has {len(self.filters)}; allowed: one a width, of which there are "
                f"{len(self.widths)}"
            )
        return self


class AdversarialSettings(DiscriminatorSettings):
    """A generator's shape, its warm-up and its rounds with a discriminator.

    Attributes:
        width: numbers a word that the generator reads.
        hidden_size: of its LSTM layers.
        num_layers: of them.
        dropout: of the generator.
        batch_size: texts an update, of either network.
        learning_rate: of Adam, the generator's, at its height in the warm-up.
        warm_up: passes by likelihood at most.
        patience: of the warm-up; see `Plateau`.
        keep: which pass of it the rounds start from: the best by validation, or the last.
        adversarial_epochs: rounds in which both learn; 0 leaves the warm-up as it is.
        adversarial_learning_rate: of Adam, the generator's, in these.
        generator_steps: its updates a round.
        rollouts: continuations of each beginning by which it is judged.
        method: `policy_gradient`, or `likelihood`: the control, as many updates by real texts.
    """

    width: Size
    hidden_size: Size
    num_layers: Count
    dropout: Share
    batch_size: Count
    learning_rate: Rate
    warm_up: Count
    patience: Count
    keep: Literal["best", "last"]
    adversarial_epochs: CountOrZero
    adversarial_learning_rate: Rate
    generator_steps: Count
    rollouts: Count
    method: Literal["policy_gradient", "likelihood"]


class AdversarialModel(LikelihoodModel):
    """A word model that meets a discriminator after its warm-up; see `LikelihoodModel`.

    Each kind says its network and what the generator learns from in a round (`_judge_own`).
    """

    def __init__(
        self, words: Sequence[str], settings: AdversarialSettings, max_length: int, device: str
    ) -> None:
        super().__init__(words, settings, max_length, device)
        self.discriminator = self._make_discriminator()
        self.steps = 0  # made
        self.lowest = math.inf  # validation of the warm-up, and the weights it was of
        self.best: dict[str, Tensor] | None = None
        self.alone = self.rounds = 0  # rounds made
        self.adversarial_optimizer: Adam | None = None
        # Until it has learnt, what an undecided discriminator says.
        self.losses = {"loss": 0.0, "discriminator_loss": math.log(2), "reward": 0.5}

    @cached_property
    def discriminator_optimizer(self) -> Adam:
        """Made when training asks for it; see `PlateauModel.optimizer`."""
        rate = self.settings.discriminator_learning_rate
        return Adam(self.discriminator.parameters(), rate, fused=True)

    @property
    def _classes(self) -> int:
        """Kinds of texts that the discriminator tells apart."""
        return 2  # real and fake

    def _make_discriminator(self) -> TextDiscriminator:
        made = make_discriminator(len(self.words), self.settings, self._classes)
        return made.to(self.network.device)

    def _judge_own(self) -> tuple[Tensor, float]:
        """Return what the generator should climb by texts of its own, and their mean reward."""
        raise NotImplementedError

    def _judge_real(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | float]:
        """Return -log P (N,) of the words that a mask (B, T) picks of texts (B, T).

        And what the generator should lower besides.
        """
        return -self.network.log_likelihood(tokens, mask), 0.0

    def _begin(self) -> None:
        """Prepare for the adversarial rounds; the network is the warm-up's best."""

    def _follow(self) -> None:
        """Take note of an update of the generator in an adversarial round."""

    def _rounds_alone(self, passes: int) -> int:
        """Return how often the discriminator learns alone: never where nobody will meet it.

        Args:
            passes: of the warm-up.
        """
        settings = self.settings
        is_met = settings.adversarial_epochs and settings.method != "likelihood"
        return settings.discriminator_warm_up if is_met else 0

    def _most(self, corpus: Corpus) -> int:
        return limit_passes(self.settings.warm_up, len(corpus.validation))

    def count_steps(self, corpus: Corpus) -> int:
        """Return how many updates `train` makes at most; see `protocol.Generator`."""
        passes = self.epoch if self.plateau.is_over else self._most(corpus)
        rounds = self.settings.adversarial_epochs * self.settings.generator_steps
        return passes * self._updates_a_pass(corpus) + self._rounds_alone(passes) + rounds

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Learn in three phases; `loss` is in nats a word of training texts in each of them."""
        learnt, held_out = (
            self.number(corpus, split) for split in (corpus.train, corpus.validation)
        )
        yield from self._warm_up(corpus, learnt, held_out)
        yield from self._learn_alone(learnt, self._rounds_alone(self.epoch))
        for _ in range(self.rounds, self.settings.adversarial_epochs):
            yield from self._round(learnt)

    def _learn_alone(self, learnt: Tensor, rounds: int) -> Iterator[Step]:
        """Let the discriminator learn alone until it has done so in so many rounds."""
        while self.alone < rounds:
            self._contrast(learnt)
            self.alone += 1
            yield self._step(0, ends_epoch=True)

    def _warm_up(self, corpus: Corpus, learnt: Tensor, held_out: Tensor) -> Iterator[Step]:
        """Learn by likelihood, and leave the network with the weights of the best pass."""

        def validate() -> float:
            validation = self._validate(held_out)
            if self.settings.keep == "best" and validation < self.lowest:
                self.lowest, self.best = validation, copy.deepcopy(self.network.state_dict())
            return validation

        for step in self._make_passes(corpus, partial(self._learn, learnt), validate):
            self.losses["loss"] = step.losses["loss"]
            yield self._step(step.epoch, ends_epoch=step.ends_epoch)
        if self.best is not None and self.adversarial_optimizer is None:
            self.network.load_state_dict(self.best)

    def _learn(self, tokens: Tensor, first: int, per_epoch: int) -> Iterator[dict[str, float]]:
        losses = train_epoch(
            self.network,
            tokens,
            self.optimizer,
            batch_size=self.settings.batch_size,
            learning_rate=self.settings.learning_rate * self.plateau.share,
            first=first,
            largest_gradient=LARGEST_GRADIENT,
            judge=self._judge_real,
        )
        return ({"loss": loss} for loss in losses)

    def _step(self, epoch: int, *, ends_epoch: bool) -> Step:
        self.steps += 1
        return Step(self.steps, epoch, dict(self.losses), ends_epoch=ends_epoch)

    def _contrast(self, learnt: Tensor) -> None:
        """Let the discriminator learn real texts from new fakes."""
        settings = self.settings
        count = min(settings.discriminator_texts or len(learnt), len(learnt))
        real = learnt[torch.randperm(len(learnt))[:count]]
        fakes = [
            self.network.sample(len(part), self.max_length).cpu()
            for part in torch.arange(count).split(FAKES)
        ]
        self.losses["discriminator_loss"] = learn_classes(
            self.discriminator,
            torch.cat([*fakes, real]),
            torch.tensor([FAKE, REAL]).repeat_interleave(count),
            self.discriminator_optimizer,
            batch_size=settings.batch_size,
            penalty=settings.discriminator_penalty,
            epochs=settings.discriminator_epochs,
        )

    def _round(self, learnt: Tensor) -> Iterator[Step]:
        """Let the generator learn from the discriminator, then this from new fakes."""
        settings = self.settings
        if self.adversarial_optimizer is None:
            self._start_rounds()
        epoch = self.epoch + self.rounds + 1
        for made in range(1, settings.generator_steps + 1):
            self._improve(learnt)
            if made < settings.generator_steps:
                yield self._step(epoch, ends_epoch=False)
        if settings.method != "likelihood":
            for _ in range(settings.discriminator_rounds):
                self._contrast(learnt)
        self.rounds += 1
        yield self._step(epoch, ends_epoch=True)

    def _start_rounds(self) -> None:
        rate = self.settings.adversarial_learning_rate
        self.adversarial_optimizer = Adam(self.network.parameters(), rate, fused=True)
        self._begin()

    def _improve(self, learnt: Tensor) -> None:
        """Make an update of the generator, and note the likelihood of some real texts before it."""
        settings, optimizer = self.settings, self.adversarial_optimizer
        real = learnt[torch.randint(len(learnt), (settings.batch_size,))].to(self.network.device)
        self.network.train()
        if settings.method == "likelihood":
            losses, further = self._judge_real(real, written(real))
            self.losses["loss"] = losses.mean().item()
            loss = losses.mean() + further
        else:
            self.losses["loss"] = negative_log_likelihood(self.network.eval(), real)
            gain, self.losses["reward"] = self._judge_own()
            loss = -gain
        optimizer.zero_grad()
        loss.backward()
        clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        optimizer.step()
        self.network.eval()
        self._follow()

    def state_dict(self) -> dict[str, Any]:
        """Return weights, and both networks' training; see `protocol.Generator`."""
        state = super().state_dict()
        adversarial = self.adversarial_optimizer
        state["training"] |= {
            "made": [self.steps, self.alone, self.rounds],
            "losses": dict(self.losses),
            "lowest": self.lowest,
            "best": self.best,
            "discriminator": self.discriminator.state_dict(),
            "discriminator_optimizer": self.discriminator_optimizer.state_dict(),
            "adversarial_optimizer": None if adversarial is None else adversarial.state_dict(),
        }
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take weights and, where it is given, both networks' training."""
        super().load_state_dict(state)
        if "training" not in state:
            return
        training = state["training"]
        self.steps, self.alone, self.rounds = training["made"]
        self.losses, self.lowest = dict(training["losses"]), training["lowest"]
        self.best = training["best"]
        self.discriminator.load_state_dict(training["discriminator"])
        self.discriminator_optimizer.load_state_dict(training["discriminator_optimizer"])
        if training["adversarial_optimizer"] is not None:
            self._start_rounds()
            self.adversarial_optimizer.load_state_dict(training["adversarial_optimizer"])


def make_discriminator(
    vocabulary_size: int, settings: DiscriminatorSettings, classes: int = 2
) -> TextDiscriminator:
    """Make the discriminator of settings for so many words, the end among them."""
    return TextDiscriminator(
        vocabulary_size,
        settings.discriminator_width,
        settings.widths,
        settings.filters,
        settings.discriminator_dropout,
        classes,
    )
