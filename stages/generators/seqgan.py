"""SeqGAN: an LSTM that learns by rewards, what a discriminator makes of its continued beginnings.

Source: L. Yu et al., "SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient", AAAI
2017, arXiv:1609.05473, and its code LantaoYu/SeqGAN, whose sizes `params.yaml` names. We differ in
that texts may end, in that the warm-up is kept at its best epoch by validation and its rate falls
where that falls no more, and rises over its first 100 updates.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from stages.corpus.corpus import UNKNOWN
from stages.generators.adversarial_model import REAL, AdversarialModel, AdversarialSettings
from stages.generators.word_model import WordModelAbout
from stages.networks.lstm_language_model import copy_frozen, written
from stages.networks.plain_language_model import PlainLanguageModel
from stages.networks.size import count_parameters
from stages.training.reinforce import expected_reward
from stages.training.rollouts import rewards

KEPT = 0.8  # share of the rollout policy's old weights that an update leaves it


class SeqganSettings(AdversarialSettings):
    """The shape of both networks, and their training."""


class _About(WordModelAbout):
    settings: SeqganSettings


class Seqgan(AdversarialModel):
    """P(text) as the product of P(word | words before it); see `AdversarialModel`.

    Attributes:
        policy: writes the rollouts: a copy of the network that follows it slowly.
    """

    Settings: ClassVar = SeqganSettings
    About: ClassVar = _About

    policy: PlainLanguageModel | None = None

    @staticmethod
    def make_network(
        words: Sequence[str], settings: SeqganSettings, max_length: int
    ) -> PlainLanguageModel:
        """Make the network for words, the end and the unknown one among them."""
        shape = settings.width, settings.hidden_size, settings.num_layers
        return PlainLanguageModel(len(words), *shape, settings.dropout, UNKNOWN in words)

    def _begin(self) -> None:
        self.policy = copy_frozen(self.network)

    def _judge_own(self) -> tuple[Tensor, float]:
        """Write texts, and reward each word by the discriminator's answers to rollouts."""
        settings = self.settings
        texts = self.network.sample(settings.batch_size, self.max_length)
        values = rewards(self.policy, texts, self._judge, settings.rollouts)
        self.network.train()
        return expected_reward(self.network, texts, values), values[written(texts)].mean().item()

    @torch.no_grad()
    def _judge(self, texts: Tensor) -> Tensor:
        """Return P(real) of texts (N, T), (N,)."""
        return self.discriminator(texts).softmax(1)[:, REAL]

    def _follow(self) -> None:
        """Let the rollout policy follow the network, and read the words' vectors as it does."""
        update_policy(self.policy, self.network)

    def describe(self) -> dict[str, float]:
        """Count the words that it writes and the weights of both networks."""
        return {
            "words": len(self.ids) - 1,
            "parameters": count_parameters(self.network),
            "discriminator_parameters": count_parameters(self.discriminator),
        }

    def state_dict(self) -> dict[str, Any]:
        """Return the parent's state and the rollout policy's weights."""
        state = super().state_dict()
        state["training"]["policy"] = None if self.policy is None else self.policy.state_dict()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what `state_dict` returned; `training` may be left out."""
        super().load_state_dict(state)
        if "training" in state and state["training"]["policy"] is not None:
            self.policy.load_state_dict(state["training"]["policy"])


@torch.no_grad()
def update_policy(policy: PlainLanguageModel, network: PlainLanguageModel) -> None:
    """Move a rollout policy's weights a fifth of the way to the network's; copy words' vectors."""
    for old, new in zip(policy.parameters(), network.parameters(), strict=True):
        old.copy_(KEPT * old + (1 - KEPT) * new)
    policy.softmax.vectors.weight.copy_(network.softmax.vectors.weight)
