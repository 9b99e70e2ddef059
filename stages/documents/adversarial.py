"""The adversarial document model: an autoencoder that learns against a generator of bags.

Source: J. Glover, "Modeling documents with Generative Adversarial Networks", 2016,
arXiv:1612.09122, an energy-based GAN (J. Zhao, M. Mathieu and Y. LeCun, ICLR 2017,
arXiv:1609.03126) whose discriminator's hidden layer is the vector of a document.
"""

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import normalize

from stages.corpus.settings import Size
from stages.documents.bags import Bags
from stages.documents.denoising_model import DenoisingAbout, DenoisingModel, DenoisingSettings
from stages.networks.bag_networks import BagGenerator
from stages.training.energies import update_energies


class Settings(DenoisingSettings):
    """The generator beside the autoencoder.

    Attributes:
        margin: energy a word of the vocabulary up to which fakes are pushed.
        noise_size: numbers from which a bag is made.
        hidden_size: of the generator's hidden layers.
    """

    margin: Annotated[float, Field(ge=0)]
    noise_size: Size
    hidden_size: Size


class _About(DenoisingAbout):
    model: Literal["adversarial"]
    settings: Settings


class Adversarial(DenoisingModel):
    """Vectors (N, width) of the discriminator's hidden layer; see `protocol.DocumentModel`."""

    Settings: ClassVar = Settings
    name: ClassVar = "adversarial"
    About: ClassVar = _About

    def __init__(self, bags: Bags, settings: Settings, device: str) -> None:
        super().__init__(bags, settings, device)
        sizes = settings.noise_size, settings.hidden_size, len(bags.words)
        self.generator = BagGenerator(*sizes).to(device)

    @property
    def margin(self) -> float:
        """The mean energy beyond which fakes are not pushed."""
        return self.settings.margin * len(self.bags.words)

    @property
    def networks(self) -> dict[str, nn.Module]:
        """Both networks."""
        return super().networks | {"generator": self.generator}

    def update(self, real: Tensor) -> dict[str, float]:
        """Learn from real bags (B, V) and as many fakes; see `energies.update_energies`."""
        noise = torch.randn((len(real), self.settings.noise_size)).to(self.device)
        mask = self.draw_mask(len(real))
        real_energy, fake_energy = update_energies(
            self.autoencoder,
            self.make,
            real,
            noise,
            mask,
            self.margin,
            *self.optimizers.values(),
        )
        return {"real": real_energy, "fake": fake_energy}

    def make(self, noise: Tensor) -> Tensor:
        """Turn noise (B, Z) into bags (B, V); as TF-IDF inputs, all have one length."""
        bags = self.generator(noise)
        if self.settings.inputs == "tfidf":
            bags = self.length * normalize(bags, dim=1)
        return bags
