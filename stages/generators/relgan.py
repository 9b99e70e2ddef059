"""RelGAN: a relational memory that learns from a discriminator through soft draws of its words.

Source: W. Nie, N. Narodytska and A. Patel, "RelGAN: Relational Generative Adversarial Networks for
Text Generation", ICLR 2019; settings after the authors' code (weilinie/RelGAN on GitHub).

It learns by likelihood first, until validation falls no more, and the best of these passes is what
the adversarial phase starts from. There no number is validated: the likelihood falls by nature
while the generator gets sharper, and as in the paper the last update counts. The control, `method:
likelihood`, makes the same number of generator updates by likelihood instead. We differ from the
authors' code in the first phase, which is the language model's (gradients clipped to 1, a rate that
rises and falls, an end), in that texts may end, and in that weights are drawn from a normal
distribution that is not truncated.
"""

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from statistics import fmean
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from pydantic import Field
from torch import Tensor
from torch.optim import Adam

from stages.corpus.corpus import UNKNOWN, Corpus
from stages.corpus.settings import Count, CountOrZero, Rate, Rising, Section, Share, Size
from stages.generators.protocol import Step
from stages.generators.word_model import LikelihoodModel, WordModelAbout
from stages.networks.lstm_language_model import written
from stages.networks.relational_language_model import RelationalLanguageModel
from stages.networks.representation_discriminator import RepresentationDiscriminator
from stages.networks.size import count_parameters
from stages.training.likelihood import negative_log_likelihood, update
from stages.training.plateau import limit_passes
from stages.training.relativistic import (
    LARGEST_GRADIENT,
    update_discriminator,
    update_generator,
)

# Losses while no discriminator learns, in the order of the metrics.
UNDECIDED = {"loss": 0.0, "generator_loss": math.log(2), "discriminator_loss": math.log(2)}


class RelganSettings(Section):
    """The shape of both networks, and their training.

    Attributes:
        width: numbers a word that the generator reads.
        num_slots: of its memory.
        num_heads: of the memory's attention.
        head_size: numbers a head.
        batch_size: texts a step, in both phases.
        learning_rate: of the passes by likelihood.
        patience: passes that have not helped after which it falls; see `Plateau`.
        warm_up: passes by likelihood at most.
        method: of the updates after these; `likelihood` is the control.
        adversarial_epochs: how often `updates` of them are made; training can be taken up again
            after each. With 0 the generator stays as the passes by likelihood made it.
        updates: of the generator in each.
        discriminator_steps: of the discriminator, for each of the generator's.
        adversarial_learning_rate: of the generator, after the passes by likelihood.
        discriminator_learning_rate: its own.
        beta_max: soft texts are as sharp as beta_max ** (i / beta_steps) at update i, from 0.
        beta_steps: updates after which that is beta_max, however many are made.
        representations: of each text in the discriminator.
        representation_width: numbers a word in each.
        filter_widths: of its convolutions, in words.
        filters: of each width.
        hidden_size: of its last layer but one.
        dropout: its own; the generator has none.
    """

    num_layers: ClassVar = 1  # a memory is one layer

    width: Size
    num_slots: Size
    num_heads: Size
    head_size: Size
    batch_size: Count
    learning_rate: Rate
    patience: Count
    warm_up: Count
    method: Literal["adversarial", "likelihood"]
    adversarial_epochs: CountOrZero
    updates: Count
    discriminator_steps: Count
    adversarial_learning_rate: Rate
    discriminator_learning_rate: Rate
    beta_max: Annotated[float, Field(ge=1)]
    beta_steps: Count
    representations: Size
    representation_width: Size
    filter_widths: Rising[Size]
    filters: Size
    hidden_size: Size
    dropout: Share


class _About(WordModelAbout):
    settings: RelganSettings


class Relgan(LikelihoodModel):
    """P(text) as the product of P(word | words before it), the end of the text among the words.

    What it is made of besides says `WordModel`.
    """

    Settings: ClassVar = RelganSettings
    About: ClassVar = _About

    discriminator: RepresentationDiscriminator | None = None  # of one that can learn
    optimizers: Mapping[str, Adam]  # of both networks, after the passes by likelihood
    rounds = 0  # adversarial epochs made
    best: dict[str, Tensor] | None = None  # weights of the best pass by likelihood so far

    @staticmethod
    def make_network(
        words: Sequence[str], settings: RelganSettings, max_length: int
    ) -> RelationalLanguageModel:
        """Make the network for words, the end and the unknown one among them."""
        return RelationalLanguageModel(
            len(words),
            settings.width,
            settings.num_slots,
            settings.num_heads,
            settings.head_size,
            UNKNOWN in words,
        )

    @classmethod
    def build(cls, corpus: Corpus, settings: RelganSettings, *, seed: int, device: str) -> Self:
        """Make untrained networks of the training texts' words; see `protocol.Generator`."""
        model = super().build(corpus, settings, seed=seed, device=device)
        model.discriminator = RepresentationDiscriminator(
            len(model.words),
            settings.representations,
            settings.representation_width,
            settings.filter_widths,
            settings.filters,
            settings.hidden_size,
            settings.dropout,
        ).to(device)
        rates = {
            "generator": (model.network, settings.adversarial_learning_rate),
            "discriminator": (model.discriminator, settings.discriminator_learning_rate),
        }
        model.optimizers = {
            name: Adam(network.parameters(), rate, fused=True)
            for name, (network, rate) in rates.items()
        }
        return model

    def count_steps(self, corpus: Corpus) -> int:
        """Return how many updates `train` makes at most."""
        passes = self.epoch if self._is_warm else self._most(corpus)
        later = self.settings.adversarial_epochs * self.settings.updates
        return passes * self._updates_a_pass(corpus) + later

    def _most(self, corpus: Corpus) -> int:
        return limit_passes(self.settings.warm_up, len(corpus.validation))

    @property
    def _is_warm(self) -> bool:
        """Whether the passes by likelihood are over."""
        return self.rounds > 0 or self.plateau.is_over

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Learn by likelihood, then from the discriminator; no epoch has a validation.

        Losses: `loss` is in nats a word of real texts throughout; those of the discriminator and
        of the generator that it judges are in nats, ln 2 where it does not tell one from the other.
        """
        learnt, held_out = (
            self.number(corpus, split) for split in (corpus.train, corpus.validation)
        )
        if not self.rounds:
            yield from self._warm_up(corpus, learnt, held_out)
        yield from self._compete(learnt, self.epoch * self._updates_a_pass(corpus))

    def _warm_up(self, corpus: Corpus, learnt: Tensor, held_out: Tensor) -> Iterator[Step]:
        """Learn by likelihood, and leave the network with the weights of the best pass."""
        learn, validate = partial(self._learn, learnt), partial(self._validate, held_out)
        for step in self._make_passes(corpus, learn, validate):
            if step.validation is not None and step.validation == self.plateau.lowest:
                self.best = copy.deepcopy(self.network.state_dict())
            yield step._replace(losses=UNDECIDED | step.losses, validation=None)
        if self.best is not None:
            self.network.load_state_dict(self.best)
            self.best = None

    def _compete(self, learnt: Tensor, before: int) -> Iterator[Step]:
        """Make the adversarial epochs over texts (N, T), after so many updates by likelihood."""
        settings = self.settings
        self.network.train()
        self.discriminator.train()
        while self.rounds < settings.adversarial_epochs:
            first = self.rounds * settings.updates
            epoch = self.epoch + self.rounds + 1
            for number in range(first, first + settings.updates):
                losses = self._update(learnt, number)
                ends = number == first + settings.updates - 1
                self.rounds += ends
                yield Step(before + number + 1, epoch, losses, ends_epoch=ends)
        self.network.eval()

    def _update(self, learnt: Tensor, number: int) -> dict[str, float]:
        """Make an update of the generator, and those of the discriminator after it."""
        settings, optimizers = self.settings, self.optimizers

        def draw() -> Tensor:
            places = torch.randint(len(learnt), (settings.batch_size,))
            return learnt[places].to(self.network.device)

        real = draw()
        if settings.method == "likelihood":
            loss = -self.network.log_likelihood(real, written(real)).mean()
            rate = settings.adversarial_learning_rate
            update(self.network, optimizers["generator"], loss, rate, LARGEST_GRADIENT)
            return UNDECIDED | {"loss": loss.item()}
        beta = settings.beta_max ** (number / settings.beta_steps)
        both = self.network, self.discriminator
        losses = {"loss": negative_log_likelihood(self.network, real)}
        losses["generator_loss"] = update_generator(*both, real, beta, optimizers["generator"])
        of_discriminator = [
            update_discriminator(*both, draw(), beta, optimizers["discriminator"])
            for _ in range(settings.discriminator_steps)
        ]
        losses["discriminator_loss"] = fmean(of_discriminator)
        return losses

    def describe(self) -> dict[str, float]:
        """Count the words that it writes and the weights of both networks' that it learnt."""
        return {"words": len(self.ids) - 1, "parameters": count_parameters(self.network)}

    def state_dict(self) -> dict[str, Any]:
        """Return weights, and what both networks need to go on learning."""
        state = super().state_dict()
        if self.discriminator is not None:
            state["training"] |= {
                "discriminator": self.discriminator.state_dict(),
                "optimizers": {name: each.state_dict() for name, each in self.optimizers.items()},
                "rounds": self.rounds,
                "best": self.best,
            }
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take weights and, where they are given, what resuming needs."""
        super().load_state_dict(state)
        if training := state.get("training"):
            self.discriminator.load_state_dict(training["discriminator"])
            for name, optimizer in self.optimizers.items():
                optimizer.load_state_dict(training["optimizers"][name])
            self.rounds, self.best = training["rounds"], training["best"]
