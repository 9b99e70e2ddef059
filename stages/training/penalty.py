"""One update of a generator of words by penalties on its own texts.

Source: K. Wang and X. Wan, "SentiGAN: Generating Sentimental Texts via Mixture Adversarial
Networks", IJCAI 2018, doi:10.24963/ijcai.2018/618, equation 2: not the logarithm of a word's
probability is weighed, as by rewards, but the probability itself, which is minimised.
"""

from torch import Tensor

from stages.networks.lstm_language_model import NextWordModel, written
from stages.training.reinforce import drawn_likelihood


def penalty_loss(generator: NextWordModel, texts: Tensor, penalties: Tensor) -> Tensor:
    """Return the sum of P(word | words before it) by its penalty over words and ends of texts.

    Its gradient is taken by these probabilities alone: the texts and penalties stand as they are.

    Args:
        generator: in training mode.
        texts: that it has drawn (B, T), int64.
        penalties: of each word and end, (B, T), float32, 0 or more.
    """
    probabilities = drawn_likelihood(generator, texts).exp()  # (N,)
    return (probabilities * penalties[written(texts)]).sum()
