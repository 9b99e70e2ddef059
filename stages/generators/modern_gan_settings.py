"""The settings of the modern GAN: its discriminator's shape, and how both networks learn."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stages.corpus.settings import (
    CountOrZero,
    Distinct,
    NetworkSettings,
    Rate,
    Share,
    UnitInterval,
    Weight,
)

Name = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*$")]  # of a generator


class ModernGanSettings(NetworkSettings):
    """The discriminator's shape, and the training of both networks.

    Attributes:
        generator: what the generator is before it learns: one that predicts each word from those
            before it.
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
        divergence_weight: of the penalty on log P(word) / P of the model it started as.
        epochs: passes in which both networks learn; 0 leaves the generator as it started.
        ngrams: whether a classifier by n-grams judges and chooses beside the discriminator.
    """

    generator: Literal["language_model", "transformer"]
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
