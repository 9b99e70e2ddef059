"""SentiGAN: a generator a label, and one discriminator of each label's real texts and all fakes.

Source: K. Wang and X. Wan, "SentiGAN: Generating Sentimental Texts via Mixture Adversarial
Networks", IJCAI 2018, doi:10.24963/ijcai.2018/618; its code Nrgeup/SentiGAN has one label only. We
differ in that texts may end, that the rollouts are the generator's own, that Adam takes the place
of RMSProp in the adversarial rounds, and in the warm-up, which is `AdversarialModel`'s: its rate
and its best pass are those of all labels together.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from stages.corpus.corpus import UNKNOWN, Corpus
from stages.generators.adversarial_model import (
    LARGEST_GRADIENT,
    AdversarialModel,
    AdversarialSettings,
)
from stages.generators.folder import load_about, load_network
from stages.generators.labelled_model import LabelledModel, label_places
from stages.generators.per_label import LabelShares
from stages.generators.protocol import Step
from stages.generators.word_model import WordModelAbout
from stages.networks.lstm_language_model import written
from stages.networks.networks_per_label import NetworksPerLabel, make_networks
from stages.networks.size import count_parameters
from stages.training.contrast import learn_classes
from stages.training.likelihood import log_likelihood, negative_log_likelihood, train_epoch
from stages.training.penalty import penalty_loss
from stages.training.rollouts import rewards


class SentiganSettings(AdversarialSettings):
    """The shape of the generators and of the discriminator, and their training."""


class _About(WordModelAbout):
    settings: SentiganSettings
    label_shares: LabelShares


class Sentigan(LabelledModel, AdversarialModel):
    """P(text | label) by a network a label; see `AdversarialModel` and `LabelledModel`.

    The discriminator has a class for real texts of each label, and a last one for all fakes. The
    penalty of a word is 1 less what it gives, on average over rollouts, to the label's class.

    Args:
        words: as of `WordModel`; all labels share them.
        shares: of each label among the training texts, by its name.
        settings: of all networks and their training.
        max_length: words at which texts are cropped.
        device: where the networks live.
    """

    Settings: ClassVar = SentiganSettings
    About: ClassVar = _About

    def __init__(
        self,
        words: Sequence[str],
        shares: Mapping[str, float],
        settings: SentiganSettings,
        max_length: int,
        device: str,
    ) -> None:
        super().__init__(words, shares, settings, max_length, device)
        count = len(self.shares)
        # Until it has learnt, what an undecided discriminator says.
        self.losses = {"loss": 0.0, "discriminator_loss": math.log(count + 1)}
        self.losses["penalty"] = count / (count + 1)
        self.of_learnt = self.of_held_out = torch.zeros(0, dtype=torch.int64)  # places of labels

    def make_network(
        self, words: Sequence[str], settings: SentiganSettings, max_length: int
    ) -> NetworksPerLabel:
        """Make the networks for words, the end and the unknown one among them."""
        return make_network(words, len(self.shares), settings)

    @property
    def _classes(self) -> int:
        """Real texts of each label, and fakes."""
        return len(self.shares) + 1

    def _updates_a_pass(self, corpus: Corpus) -> int:
        counts = np.unique(corpus.train.labels, return_counts=True)[1]
        return sum(math.ceil(count / self.settings.batch_size) for count in counts)

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Learn in three phases; `loss` is in nats a word of training texts in each of them."""
        self.of_learnt = label_places(corpus, corpus.train)
        self.of_held_out = label_places(corpus, corpus.validation)
        yield from super().train(corpus)

    def _learn(self, tokens: Tensor, first: int, per_epoch: int) -> Iterator[dict[str, float]]:
        for place, network in enumerate(self.network):
            own = tokens[self.of_learnt == place]
            losses = train_epoch(
                network,
                own,
                self.optimizer,
                batch_size=self.settings.batch_size,
                learning_rate=self.settings.learning_rate * self.plateau.share,
                first=self.epoch * math.ceil(len(own) / self.settings.batch_size),
                largest_gradient=LARGEST_GRADIENT,
            )
            yield from ({"loss": loss} for loss in losses)

    def _validate(self, tokens: Tensor) -> float:
        total = sum(
            log_likelihood(network.eval(), tokens[self.of_held_out == place]).sum()
            for place, network in enumerate(self.network)
            if (self.of_held_out == place).any()
        )
        return -(total / written(tokens).sum()).item()

    def _contrast(self, learnt: Tensor) -> None:
        """Let the discriminator learn each label's real texts and new fakes, classes alike."""
        settings, count = self.settings, len(self.shares)
        size = min(settings.discriminator_texts or len(learnt), len(learnt)) // count or 1
        parts, fakes = [], torch.arange(size) % count
        for place in range(count):
            own = learnt[self.of_learnt == place]
            parts.append(own[torch.randint(len(own), (size,))])
        parts.append(self.network.sample(fakes, self.max_length, None))
        self.losses["discriminator_loss"] = learn_classes(
            self.discriminator,
            torch.cat(parts),
            torch.arange(count + 1).repeat_interleave(size),
            self.discriminator_optimizer,
            batch_size=settings.batch_size,
            penalty=settings.discriminator_penalty,
            epochs=settings.discriminator_epochs,
        )

    def _improve(self, learnt: Tensor) -> None:
        """Make an update of each generator; note the likelihood of some real texts before it."""
        optimizer, seen, penalties = self.adversarial_optimizer, [], []
        optimizer.zero_grad()
        for place, network in enumerate(self.network):
            own = learnt[self.of_learnt == place]
            real = own[torch.randint(len(own), (self.settings.batch_size,))].to(network.device)
            seen.append(negative_log_likelihood(network.eval(), real))
            if self.settings.method == "likelihood":
                network.train()
                loss = -network.log_likelihood(real, written(real)).mean()
            else:
                loss, penalty = self._penalise(place)
                penalties.append(penalty)
            loss.backward()
            clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
            network.eval()
        optimizer.step()
        self.losses["loss"] = sum(seen) / len(seen)
        if penalties:
            self.losses["penalty"] = sum(penalties) / len(penalties)

    def _penalise(self, place: int) -> tuple[Tensor, float]:
        """Write texts of a label, and penalise each word by the answers to rollouts."""
        network, settings = self.network[place], self.settings
        texts = network.sample(settings.batch_size, self.max_length)
        values = rewards(
            network, texts, lambda made: self.penalty(made, place), settings.rollouts
        )  # (B, T)
        network.train()
        return penalty_loss(network, texts, values), values[written(texts)].mean().item()

    @torch.no_grad()
    def penalty(self, texts: Tensor, label: int) -> Tensor:
        """Return 1 - P(real text of the label) of texts (N, T), (N,), by the discriminator."""
        return 1 - self.discriminator(texts).softmax(1)[:, label]

    def _draw_labelled(self, labels: Tensor, random: torch.Generator, **options: Any) -> Tensor:
        return self.network.sample(labels, self.max_length, random, **options)

    def log_likelihood_given(self, texts: Sequence[str], label: str) -> np.ndarray:
        """Return log P(text | label) of each text, (N,), in nats."""
        network = self.network[self.labels.index(label)]
        return self._log_likelihood_by(network, texts)

    def describe(self) -> dict[str, float]:
        """Count the words that it writes and the weights of all networks."""
        return {
            "words": len(self.ids) - 1,
            "parameters": count_parameters(self.network),
            "discriminator_parameters": count_parameters(self.discriminator),
        }

    def about(self) -> dict[str, Any]:
        """Return what stands beside the weights in its folder."""
        return {**super().about(), "label_shares": self.shares}

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Read what `save` wrote, in evaluation mode."""
        about = load_about(folder, cls.About)
        words, settings, shares = about.words, about.settings, about.label_shares
        weights = load_network(
            folder, lambda: make_network(words, len(shares), settings), settings.num_layers
        )
        model = cls(words, shares, settings, about.max_length, device)
        model.fingerprint = about.corpus
        model.network.load_state_dict(weights)
        model.network.eval()
        return model


def make_network(words: Sequence[str], labels: int, settings: SentiganSettings) -> NetworksPerLabel:
    """Make the networks for words, the end and the unknown one among them, and so many labels."""
    shape = settings.width, settings.hidden_size, settings.num_layers, settings.dropout
    return make_networks(labels, len(words), shape, UNKNOWN in words)
