"""Networks that read and write bags of words.

Source: J. Glover, "Modeling documents with Generative Adversarial Networks", 2016,
arXiv:1612.09122; the denoising autoencoder: P. Vincent et al., "Extracting and Composing Robust
Features with Denoising Autoencoders", ICML 2008, doi:10.1145/1390156.1390294.
"""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu

from stages.networks.portable import Linear

SLOPE = 0.2  # of the leaky ReLU below 0
BATCH_NORM_EPSILON = 0.001


class DenoisingAutoencoder(nn.Module):
    """One hidden layer, which must say a whole bag from a part of its words.

    Args:
        vocabulary: V, words.
        width: E, of the hidden layer.
    """

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        self.encoder = _make_linear(vocabulary, width)
        self.decoder = _make_linear(width, vocabulary)

    def encode(self, bags: Tensor) -> Tensor:
        """Turn bags (B, V) into the hidden layer's vectors (B, E)."""
        return leaky_relu(self.encoder(bags), SLOPE)

    def energy(self, bags: Tensor, mask: Tensor) -> Tensor:
        """Return the squared error, summed over words, of what it makes of the kept words, (B,).

        Args:
            bags: (B, V).
            mask: what each word is multiplied by, (B, V) or (1, V): 0 hides it.
        """
        made = self.decoder(self.encode(bags * mask))  # (B, V)
        return (made - bags).square().sum(1)


class BagGenerator(nn.Module):
    """From noise to bags, by two hidden layers with batch normalisation.

    It makes bags in training only, so each batch is normalised by its own means.

    Args:
        noise_size: Z, numbers of noise.
        hidden_size: of both hidden layers.
        vocabulary: V, words.
    """

    def __init__(self, noise_size: int, hidden_size: int, vocabulary: int) -> None:
        super().__init__()
        sizes = (noise_size, hidden_size, hidden_size)
        self.hidden = nn.ModuleList(_make_linear(*pair) for pair in pairwise(sizes))
        self.norms = nn.ModuleList(
            nn.BatchNorm1d(hidden_size, eps=BATCH_NORM_EPSILON, track_running_stats=False)
            for _ in self.hidden
        )
        self.head = _make_linear(hidden_size, vocabulary)

    def forward(self, noise: Tensor) -> Tensor:
        """Turn noise (B, Z) into bags (B, V), each word from 0 to 1."""
        vectors = noise
        for layer, norm in zip(self.hidden, self.norms, strict=True):
            vectors = relu(norm(layer(vectors)))  # (B, H)
        return self.head(vectors).sigmoid()


def _make_linear(inputs: int, outputs: int) -> Linear:
    """Make a layer with weights of mean 0 and variance 2 / inputs (He et al. 2015), biases 0."""
    layer = Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=(2 / inputs) ** 0.5)
    nn.init.zeros_(layer.bias)
    return layer
