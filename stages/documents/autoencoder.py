"""The denoising autoencoder alone: what the adversary of adversarial.py must add to.

Source: P. Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders",
ICML 2008, doi:10.1145/1390156.1390294; the form is that of J. Glover, "Modeling documents with
Generative Adversarial Networks", 2016, arXiv:1612.09122.
"""

from typing import ClassVar, Literal

from torch import Tensor

from stages.documents.denoising_model import DenoisingAbout, DenoisingModel, DenoisingSettings
from stages.training.energies import update_autoencoder


class _About(DenoisingAbout):
    model: Literal["autoencoder"]
    settings: DenoisingSettings


class Autoencoder(DenoisingModel):
    """Vectors (N, width) of an autoencoder's hidden layer; see `protocol.DocumentModel`."""

    Settings: ClassVar = DenoisingSettings
    name: ClassVar = "autoencoder"
    About: ClassVar = _About

    def update(self, real: Tensor) -> dict[str, float]:
        """Learn to say real bags (B, V)."""
        mask = self.draw_mask(len(real))
        optimizer = self.optimizers["autoencoder"]
        return {"real": update_autoencoder(self.autoencoder, real, mask, optimizer)}
