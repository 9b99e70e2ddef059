"""BERT as a sampler of texts: each word piece is masked and drawn anew, given all others.

Source: A. Wang and K. Cho, "BERT has a Mouth, and It Must Speak: BERT as a Markov Random Field
Language Model", NeuralGen 2019, arXiv:1902.04094; J. Devlin et al., "BERT", NAACL 2019,
arXiv:1810.04805. They took BERT for a Markov random field, whose texts such a Gibbs sampler draws
in the end. They have since withdrawn that: nothing makes what BERT says of each place, given all
others, the conditionals of one and the same distribution of texts. So more sweeps lead to no
P(text) that could be named; there is no likelihood, and a pseudo-log-likelihood is none.

The MiniLM of the requirements has no head that predicts pieces, so one is trained on the corpus,
with the layers that it keeps. Only pieces of the training texts are written, in their spelling; how
many a text has is drawn from the lengths of the training texts.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from math import ceil, inf, isfinite
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from pydantic import AfterValidator, Field
from torch import Tensor
from torch.optim import Adam

from stages.corpus.checked_files import Words, check_words
from stages.corpus.choice import choose_evenly
from stages.corpus.corpus import Corpus, Split
from stages.corpus.errors import UserError
from stages.corpus.settings import BertSettings, Count, CountOrZero, Rate, Size
from stages.generators.folder import load_about, load_network, save_folder
from stages.generators.protocol import GeneratorAbout, Step, check_request
from stages.networks.learnt_pieces import MARKERS, LearntPieces, find_pieces
from stages.networks.masked_language_model import MaskedLanguageModel
from stages.networks.masked_sampling import draw_lengths, sample_texts
from stages.networks.piece_reader import BertShape, StoredShape
from stages.networks.size import count_parameters
from stages.training.masked import pseudo_log_likelihood, train_epoch

BATCH = 1000  # texts written at a time
VALIDATED = 100  # validation texts at most whose pseudo-log-likelihood judges an epoch


class BertGibbsSettings(BertSettings):
    """Which BERT, how it learns, and how it writes.

    Beside the layers that learn, the vectors of pieces, by which they are predicted too, and the
    head always do.

    Attributes:
        masking: of the training texts' pieces; see `training.masked.choose`.
        batch_size: texts a step.
        learning_rate: of Adam, at its height.
        epochs: passes over the training split.
        sweeps: in which each piece is drawn again, after the texts were written left to right.
        at_once: pieces of a text that are drawn at once.
    """

    masking: Literal["any", "bert"]
    batch_size: Count
    learning_rate: Rate
    epochs: Count
    sweeps: CountOrZero
    at_once: Count


def _check_lengths(counts: list[int]) -> list[int]:
    if not counts[-1]:
        raise ValueError("expected a text of the greatest length")
    return counts


class _About(GeneratorAbout):
    settings: BertGibbsSettings
    max_length: Size
    shape: StoredShape
    beginning: Words
    inside: Annotated[list[str], AfterValidator(check_words)]
    lengths: Annotated[list[CountOrZero], Field(min_length=1), AfterValidator(_check_lengths)]


class BertGibbs:
    """Texts drawn place by place from P(piece | the text's other pieces); see `Generator`.

    Args:
        pieces: that it reads and writes.
        lengths: how many training texts have 1, 2, ... P pieces.
        shape: of BERT's layers.
        settings: of the training, and of writing.
        max_length: words at which texts are cropped.
        device: where the network lives.
    """

    Settings: ClassVar = BertGibbsSettings
    conditional: ClassVar = False
    tempered: ClassVar = True
    prefixed: ClassVar = True
    likelihood: ClassVar = "none"
    chooses: ClassVar = False
    stops_early: ClassVar = False
    latent: ClassVar = False
    fingerprint: str | None = None

    def __init__(
        self,
        pieces: LearntPieces,
        lengths: Sequence[int],
        shape: BertShape,
        settings: BertGibbsSettings,
        max_length: int,
        device: str,
    ) -> None:
        self.pieces, self.lengths, self.shape = pieces, list(lengths), shape
        self.settings, self.max_length = settings, max_length
        network = make_network(pieces, len(lengths), settings.num_layers, shape)
        network.freeze(settings.num_layers - settings.trained_layers)
        self.network = network.to(device)
        self.epoch, self.lowest = 0, inf

    @cached_property
    def optimizer(self) -> Adam:
        """Made when training asks for it; see `PlateauModel.optimizer`."""
        return Adam(self.network.parameters(), self.settings.learning_rate, fused=True)

    @classmethod
    def build(cls, corpus: Corpus, settings: BertGibbsSettings, *, seed: int, device: str) -> Self:
        """Make a model of a pretrained BERT and of the training texts' word pieces.

        Raises:
            UserError: there is no such BERT, it has too few layers, or no text has a piece.
        """
        # Here, as only what builds one needs a BERT.
        from stages.embeddings.pretrained_bert import load_bert, load_tokenizer

        bert = load_bert(settings.model, "cpu", OF_MODEL, settings.num_layers)
        config = bert.config
        texts = corpus.texts(corpus.train, corpus.max_length)
        if not any(texts):
            raise UserError(f"{corpus.name}: no text to learn from has a word")
        pieces, ids = find_pieces(load_tokenizer(settings.model, OF_MODEL), texts)
        tokens, counts = pieces.read(texts, config.max_position_embeddings - 2)
        shape = BertShape.of(config)
        lengths = counts.bincount()[1:].tolist()
        model = cls(pieces, lengths, shape, settings, corpus.max_length, device)
        model.network.take(bert, ids)
        model.network.start_from(tokens[tokens >= MARKERS].bincount(minlength=pieces.size))
        model.fingerprint = corpus.fingerprint
        return model

    def count_steps(self, corpus: Corpus) -> int:
        """Return how many updates `train` makes."""
        return self.settings.epochs * ceil(
            len(self._read(corpus, corpus.train)[1]) / self.settings.batch_size
        )

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Learn to predict masked pieces; see `protocol.Generator`.

        An epoch's validation is minus the pseudo-log-likelihood a word.
        """
        tokens, lengths = self._read(corpus, corpus.train)
        settings, steps = self.settings, self.count_steps(corpus)
        per_epoch = steps // settings.epochs
        texts = corpus.texts(corpus.validation, self.max_length)
        held_out = [texts[place] for place in choose_evenly(len(texts), VALIDATED)]
        while self.epoch < settings.epochs:
            first, epoch = self.epoch * per_epoch, self.epoch + 1
            losses = train_epoch(
                self.network,
                tokens,
                lengths,
                self.optimizer,
                masking=settings.masking,
                batch_size=settings.batch_size,
                learning_rate=settings.learning_rate,
                first=first,
                steps=steps,
            )
            for step, loss in enumerate(losses, start=first + 1):
                if step < first + per_epoch:
                    yield Step(step, epoch, {"loss": loss})
            self.epoch, validation = epoch, None
            if held_out:
                validation = -self.pseudo_log_likelihood(held_out)
                self.lowest = min(self.lowest, validation)
            yield Step(step, epoch, {"loss": loss}, validation, ends_epoch=True)

    def _read(self, corpus: Corpus, split: Split) -> tuple[Tensor, Tensor]:
        """Return a split's texts as pieces, and how many each has; those of none left out."""
        texts = corpus.texts(split, self.max_length)
        tokens, lengths = self.pieces.read(texts, len(self.lengths))
        readable = (tokens >= MARKERS).any(1)
        return tokens[readable], lengths[readable]

    def pseudo_log_likelihood(self, texts: Sequence[str]) -> float:
        """Return the pseudo-log-likelihood a word of texts, in nats; unreadable words left out."""
        cropped = [" ".join(text.split()[: self.max_length]) for text in texts]
        tokens, lengths = self.pieces.read(cropped, len(self.lengths))
        begin = (tokens >= MARKERS) & (tokens < self.pieces.places_inside)
        values = pseudo_log_likelihood(self.network.eval(), tokens, lengths)
        return values.sum().item() / max(1, begin.sum().item())

    def generate(
        self,
        count: int,
        seed: int,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        labels: Sequence[str] | None = None,
        prefix: str = "",
    ) -> Iterator[list[str]]:
        """Yield texts; see `protocol.Generator`. A beginning may have any words that it can spell.

        The temperature, and top_p, are those of each piece, not of the length.
        """
        check_request(self, temperature=temperature, top_p=top_p, labels=labels, prefix=prefix)
        beginning = self._read_prefix(prefix)
        random = torch.Generator().manual_seed(seed)
        for first in range(0, count, BATCH):
            lengths = draw_lengths(self.lengths, min(BATCH, count - first), len(beginning), random)
            yield sample_texts(
                self.network,
                self.pieces,
                lengths,
                self.max_length,
                beginning,
                random,
                sweeps=self.settings.sweeps,
                at_once=self.settings.at_once,
                temperature=temperature,
                top_p=top_p,
            )

    def _read_prefix(self, prefix: str) -> list[int]:
        """Return the pieces of a beginning, as far as they are not cropped."""
        words = prefix.split()
        for word in words:
            if not self.pieces.read_word(word):
                raise UserError(f"prefix: the BERT has learnt no pieces for the word {word!r}")
        beginning = [
            place for word in words[: self.max_length] for place in self.pieces.read_word(word)
        ]
        return beginning[: len(self.lengths)]

    def log_likelihood(self, texts: Sequence[str]) -> Any:
        """Not to be had: what it says of single places need not be of one distribution of texts."""
        raise UserError("BertGibbs: it draws places one by one, so it has no likelihood of texts")

    def describe(self) -> dict[str, float]:
        """Count pieces and weights, and say the pseudo-log-likelihood a word of validation texts.

        The latter of the pass that was kept, known until it is saved; nats, 0 at most.
        """
        size = {"pieces": self.pieces.size - MARKERS, "parameters": count_parameters(self.network)}
        return size | ({"pseudo_log_likelihood": -self.lowest} if isfinite(self.lowest) else {})

    def state_dict(self) -> dict[str, Any]:
        """Return weights, the optimizer's state and the passes made."""
        training = {"optimizer": self.optimizer.state_dict(), "epoch": self.epoch}
        training["lowest"] = self.lowest
        return {"weights": self.network.state_dict(), "training": training}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take weights and, where they are given, what resuming needs."""
        self.network.load_state_dict(state["weights"])
        if "training" in state:
            self.optimizer.load_state_dict(state["training"]["optimizer"])
            self.epoch, self.lowest = state["training"]["epoch"], state["training"]["lowest"]

    def save(self, folder: Path) -> None:
        """Write the model, its pieces and the BERT it has become; see `protocol.Generator`."""
        about = {
            "settings": self.settings.model_dump(),
            "corpus": self.fingerprint,
            "max_length": self.max_length,
            "shape": self.shape._asdict(),
            "beginning": self.pieces.beginning,
            "inside": self.pieces.inside,
            "lengths": self.lengths,
        }
        save_folder(folder, "bert_gibbs", about, self.network.state_dict())

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Read what `save` wrote, in evaluation mode."""
        about = load_about(folder, _About)
        pieces, shape = LearntPieces(about.beginning, about.inside), about.shape.model_dump()
        shape, num_layers = BertShape(**shape), about.settings.num_layers
        make = partial(make_network, pieces, len(about.lengths), num_layers, shape)
        weights = load_network(folder, make, num_layers)
        model = cls(pieces, about.lengths, shape, about.settings, about.max_length, device)
        model.fingerprint = about.corpus
        model.network.load_state_dict(weights)
        model.network.eval()
        return model


OF_MODEL = "bert_gibbs.model"  # the key of params.yaml that names the BERT


def make_network(
    pieces: LearntPieces, longest: int, num_layers: int, shape: BertShape
) -> MaskedLanguageModel:
    """Make the network for pieces, and for texts of so many at most."""
    return MaskedLanguageModel(pieces.size, MARKERS, longest + 2, num_layers, shape)
