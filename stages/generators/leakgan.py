"""LeakGAN: a manager that reads the discriminator's features sets goals, a worker writes by them.

Source: J. Guo et al., "Long Text Generation via Adversarial Training with Leaked Information", AAAI
2018, arXiv:1709.08624, and its code CR-Gjx/LeakGAN, whose sizes `params.yaml` names. We differ as
`leaked_language_model` and `training/leaked` say; in that the warm-up is kept at its best pass by
validation and its rate falls where that falls no more; in that manager and worker share an
optimizer; in that the discriminator learns the training texts, where the code draws new ones of the
oracle each round; and no passes by likelihood come between adversarial rounds.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from stages.corpus.corpus import UNKNOWN, Corpus
from stages.corpus.settings import Count, Size
from stages.generators.adversarial_model import (
    REAL,
    AdversarialModel,
    AdversarialSettings,
    make_discriminator,
)
from stages.generators.protocol import Step
from stages.generators.word_model import WordModelAbout
from stages.networks.leaked_language_model import LeakedLanguageModel
from stages.networks.lstm_language_model import written
from stages.networks.size import count_parameters
from stages.networks.text_discriminator import TextDiscriminator
from stages.training.leaked import judge_real, leaked_gain
from stages.training.rollouts import rewards


class LeakganSettings(AdversarialSettings):
    """The shape of all networks, and their training.

    Attributes:
        goal_size: numbers that the sum of goals is brought to.
        horizon: words that a goal looks ahead; of as many goals is the sum, and after each so many
            words a beginning is continued in rollouts.
        cycle: passes of the warm-up between `discriminator_warm_up` rounds of the discriminator
            alone, with which it begins.
        sharpening: what logits are multiplied by where texts are written or told how likely they
            are, but not in training: above 1 likely words become likelier.
    """

    goal_size: Size
    horizon: Count
    cycle: Count
    sharpening: Annotated[float, Field(ge=1, le=10)]


class _About(WordModelAbout):
    settings: LeakganSettings


class Leakgan(AdversarialModel):
    """P(text) as the product of P(word | words before it); see `AdversarialModel`.

    The discriminator is a part of the network: without it nothing can be written.
    """

    Settings: ClassVar = LeakganSettings
    About: ClassVar = _About

    def __init__(
        self, words: Sequence[str], settings: LeakganSettings, max_length: int, device: str
    ) -> None:
        super().__init__(words, settings, max_length, device)
        self.losses["cosine"] = 0.0  # of goals and what came

    @staticmethod
    def make_network(
        words: Sequence[str], settings: LeakganSettings, max_length: int
    ) -> LeakedLanguageModel:
        """Make the network for words, the end and the unknown one among them."""
        return LeakedLanguageModel(
            len(words),
            settings.width,
            settings.hidden_size,
            settings.num_layers,
            settings.dropout,
            make_discriminator(len(words), settings),
            settings.goal_size,
            settings.horizon,
            UNKNOWN in words,
        )

    def _make_discriminator(self) -> TextDiscriminator:
        # In the generator's updates it has no gradient, so that their optimizer leaves it alone.
        return self.network.discriminator

    def _rounds_alone(self, passes: int) -> int:
        """Return how often the discriminator learns alone: in each cycle that was begun."""
        return self.settings.discriminator_warm_up * -(-passes // self.settings.cycle)

    def _warm_up(self, corpus: Corpus, learnt: Tensor, held_out: Tensor) -> Iterator[Step]:
        """Learn by likelihood, the discriminator alone before each cycle of passes."""
        yield from self._begin_cycle(corpus, learnt)
        for step in super()._warm_up(corpus, learnt, held_out):
            yield step
            if step.ends_epoch:
                yield from self._begin_cycle(corpus, learnt)

    def _begin_cycle(self, corpus: Corpus, learnt: Tensor) -> Iterator[Step]:
        if self.may_learn(corpus):  # nobody needs a discriminator that is better than the best's
            yield from self._learn_alone(learnt, self._rounds_alone(self.epoch + 1))

    def _judge_real(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        losses, of_manager = judge_real(self.network, tokens, mask)
        self.losses["cosine"] = -of_manager.item()
        return losses, of_manager

    def _judge_own(self) -> tuple[Tensor, float]:
        """Write texts, and reward goals by the discriminator's answers to rollouts."""
        settings = self.settings
        texts = self.network.sample(settings.batch_size, self.max_length)
        values = rewards(
            self.network, texts, self._judge, settings.rollouts, every=settings.horizon
        )
        self.network.train()
        gain, self.losses["cosine"] = leaked_gain(self.network, texts, values)
        return gain, values[written(texts)].mean().item()

    @torch.no_grad()
    def _judge(self, texts: Tensor) -> Tensor:
        """Return P(real) of texts (N, T), (N,)."""
        return self.discriminator(texts).softmax(1)[:, REAL]

    def _draw(
        self, count: int, random: torch.Generator, *, temperature: float, **options: Any
    ) -> Tensor:
        # Logits times a number are those at a temperature that is so much lower.
        temperature /= self.settings.sharpening
        return super()._draw(count, random, temperature=temperature, **options)

    def log_likelihood(self, texts: Sequence[str]) -> np.ndarray:
        """Return log P of each text (N,), in nats, as it is written; see `LikelihoodModel`."""
        with self.network.sharpened(self.settings.sharpening):
            return super().log_likelihood(texts)

    def describe(self) -> dict[str, float]:
        """Count the words that it writes and the weights of both networks."""
        of_discriminator = count_parameters(self.discriminator)
        return {
            "words": len(self.ids) - 1,
            "parameters": count_parameters(self.network) - of_discriminator,
            "discriminator_parameters": of_discriminator,
        }
