"""What the autoencoder alone and the adversarial model share: bags in, hidden vectors out."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field
from scipy.sparse import csr_array
from torch import Tensor
from torch.optim import Adam

from stages.corpus.checked_files import read_json, read_tensors
from stages.corpus.choice import choose_evenly
from stages.corpus.corpus import Corpus
from stages.corpus.errors import UserError
from stages.corpus.settings import Count, Rate, Section, Size
from stages.documents.bags import Bags, measure_rarity, weigh
from stages.documents.fitted_model import BagAbout
from stages.documents.protocol import ABOUT, WEIGHTS, save_document_model
from stages.generators.protocol import Step
from stages.measures.retrieval import measure_precision
from stages.networks.bag_networks import DenoisingAutoencoder
from stages.networks.size import count_parameters, shapes_of

BETAS = (0.5, 0.999)  # of Adam; Glover's
AT_A_TIME = 1024  # texts that are encoded
VALIDATED_AT = 0.0002  # fraction of recall whose precision chooses the epoch; Glover's
MOST_QUERIES, MOST_DOCUMENTS = 1000, 20_000  # of validation and training texts by which it does


class DenoisingSettings(Section):
    """The autoencoder and how long it learns.

    Attributes:
        vocabulary: V, words of a bag at most, the most frequent.
        width: of the hidden layer.
        inputs: binary (whether a text has a word) or tfidf.
        kept: share of the words that it reads in training.
        mask: batch (one for all texts of a step) or text (one a text).
        rescaled: whether what is kept is divided by `kept`, as dropout does it.
        batch_size: texts a step.
        learning_rate: of Adam.
        epochs: after each of which it is validated; the best is kept.
        updates: of each.
    """

    vocabulary: Size
    width: Size
    inputs: Literal["binary", "tfidf"]
    kept: Rate
    mask: Literal["batch", "text"]
    rescaled: bool
    batch_size: Annotated[int, Field(ge=2)]  # batch normalisation takes two
    learning_rate: Rate
    epochs: Count
    updates: Count


class DenoisingModel:
    """A denoising autoencoder over bags of words; see `protocol.DocumentModel`.

    With TF-IDF inputs, rows have the length that binary ones have on average (RMS), so that
    energies are of the same size.

    Args:
        bags: the words that it knows.
        settings: of the subclass.
        device: where it runs.

    Attributes:
        rarity: of each word, (V,) float64.
        length: of a row of TF-IDF inputs.
    """

    name: ClassVar[str]
    About: ClassVar[type["DenoisingAbout"]]
    stops_early: ClassVar = False
    fingerprint: str | None = None

    def __init__(self, bags: Bags, settings: Any, device: str) -> None:
        self.bags, self.settings, self.device = bags, settings, device
        self.rarity, self.length = np.zeros(len(bags.words)), 1.0
        self.autoencoder = DenoisingAutoencoder(len(bags.words), settings.width).to(device)
        self.epoch, self.empty = 0, 0

    @cached_property
    def optimizers(self) -> dict[str, Adam]:
        """Of each network, made when training asks: PyTorch takes a second to make the first."""
        rate = self.settings.learning_rate
        return {
            name: Adam(network.parameters(), rate, betas=BETAS, fused=True)
            for name, network in self.networks.items()
        }

    @classmethod
    def build(cls, corpus: Corpus, settings: Any, *, seed: int, device: str) -> Self:
        """Take the training split's most frequent words; PyTorch's seed is the stage's.

        Raises:
            UserError: fewer than two training texts have one of them.
        """
        texts = corpus.texts(corpus.train)
        bags = Bags.fit(texts, settings.vocabulary)
        counts = bags.count(texts)
        filled = np.diff(counts.indptr)
        if (filled > 0).sum() < 2:
            raise UserError(
                f"{corpus.name}: {(filled > 0).sum()} training texts have a word of the "
                f"vocabulary; expected two or more; raise documents.{cls.name}.vocabulary"
            )
        model = cls(bags, settings, device)
        model.fingerprint = corpus.fingerprint
        model.rarity = measure_rarity(counts)
        model.length = float(np.sqrt(filled[filled > 0].mean()))
        model.empty = int((filled == 0).sum())
        return model

    def count_steps(self, corpus: Corpus) -> int:
        """Return how many updates `train` makes."""
        return self.settings.epochs * self.settings.updates

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Learn from the training split's bags that have a word; the losses are energies.

        With labels, an epoch's validation is what is missing to a precision of 1 where validation
        texts look for training texts; without, the mean energy of validation texts, all words read.
        """
        settings = self.settings
        rows = self._read(corpus.texts(corpus.train))
        rows = rows[np.flatnonzero(np.diff(rows.indptr))]
        while self.epoch < settings.epochs:
            drawn = self._draw_places(rows.shape[0])
            for update in range(1, settings.updates + 1):
                places = drawn[(update - 1) * settings.batch_size :][: settings.batch_size]
                losses = self.update(self._to_tensor(rows[places]))
                step, is_last = self.epoch * settings.updates + update, update == settings.updates
                self.epoch += is_last
                validation = self._validate(corpus) if is_last else None
                yield Step(step, self.epoch + (not is_last), losses, validation, is_last)

    def update(self, real: Tensor) -> dict[str, float]:
        """Learn from real bags (B, V); return the losses by name."""
        raise NotImplementedError

    def draw_mask(self, count: int) -> Tensor:
        """Draw what words are multiplied by, (count, V), or (1, V) for the whole batch."""
        shape = (1 if self.settings.mask == "batch" else count, len(self.bags.words))
        mask = (torch.rand(shape) < self.settings.kept).float()
        if self.settings.rescaled:
            mask /= self.settings.kept
        return mask.to(self.device)

    def _draw_places(self, count: int) -> np.ndarray:
        """Draw an epoch's texts: pass after pass over all, each in a new order."""
        wanted = self.settings.updates * self.settings.batch_size
        passes = [torch.randperm(count) for _ in range(-(-wanted // count))]
        return torch.cat(passes)[:wanted].numpy()

    def _read(self, texts: Sequence[str]) -> csr_array:
        """Turn texts into what the network reads, (N, V) float32."""
        rows = self.bags.count(texts)
        if self.settings.inputs == "tfidf":
            rows = weigh(rows, self.rarity) * self.length
        else:
            rows.data[:] = 1
        return rows.astype(np.float32)

    def _to_tensor(self, rows: csr_array) -> Tensor:
        return torch.from_numpy(rows.toarray()).to(self.device)

    @torch.no_grad()
    def _validate(self, corpus: Corpus) -> float:
        documents = self._choose(corpus, corpus.train, MOST_DOCUMENTS)
        queries = self._choose(corpus, corpus.validation, MOST_QUERIES)
        if len(corpus.labels) > 1:
            precision = measure_precision(*documents, *queries, [VALIDATED_AT])
            return 1 - float(precision.mean())
        texts = corpus.texts(corpus.validation)
        rows = self._read([texts[place] for place in choose_evenly(len(texts), MOST_QUERIES)])
        everything = torch.ones((1, len(self.bags.words)), device=self.device)
        return self.autoencoder.energy(self._to_tensor(rows), everything).mean().item()

    def _choose(self, corpus: Corpus, split: Any, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Return vectors and labels of some texts of a split."""
        texts, places = corpus.texts(split), choose_evenly(len(split), most)
        return self.encode([texts[place] for place in places]), split.labels[places]

    def knows(self, texts: Sequence[str]) -> np.ndarray:
        """Say which texts have a word of the vocabulary, (N,) bool."""
        return np.diff(self.bags.count(texts).indptr) > 0

    @torch.no_grad()
    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return the hidden layer's vector of each text, all its words read; zeros of no word."""
        rows = self._read(texts)
        vectors = np.zeros((len(texts), self.settings.width), np.float32)
        for first in range(0, len(texts), AT_A_TIME):
            part = self._to_tensor(rows[first : first + AT_A_TIME])
            vectors[first : first + AT_A_TIME] = self.autoencoder.encode(part).cpu().numpy()
        vectors[np.diff(rows.indptr) == 0] = 0
        return vectors

    def describe(self) -> dict[str, float]:
        """Return the width of vectors, the words that count, and what has none of them."""
        sizes = {
            f"{name}_parameters": count_parameters(network)
            for name, network in self.networks.items()
        }
        about = {"width": self.settings.width, "vocabulary": len(self.bags.words)}
        return about | {"empty_texts": self.empty} | sizes

    @property
    def networks(self) -> dict[str, torch.nn.Module]:
        """The networks that learn, by the names of their optimizers."""
        return {"autoencoder": self.autoencoder}

    def _weights(self) -> dict[str, Any]:
        """Return all that is kept in the folder's weights, by name."""
        weights = {
            f"{network}.{name}": tensor
            for network, each in self.networks.items()
            for name, tensor in each.state_dict().items()
        }
        return weights | {"rarity": self.rarity, "length": np.array([self.length])}

    def state_dict(self) -> dict[str, Any]:
        """Return weights, optimizers' states and the epochs made."""
        optimizers = {name: each.state_dict() for name, each in self.optimizers.items()}
        training = {"optimizers": optimizers, "epoch": self.epoch}
        return {"weights": self._weights(), "training": training}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take weights and, where they are given, what resuming needs."""
        weights = state["weights"]
        for network, each in self.networks.items():
            names = each.state_dict()
            each.load_state_dict(
                {name: torch.as_tensor(weights[f"{network}.{name}"]) for name in names}
            )
        self.rarity = np.asarray(weights["rarity"])
        self.length = float(weights["length"][0])
        if "training" in state:
            for name, optimizer in self.optimizers.items():
                optimizer.load_state_dict(state["training"]["optimizers"][name])
            self.epoch = state["training"]["epoch"]

    def save(self, folder: Path) -> None:
        """Write the networks and the words into a new folder."""
        about = {
            "corpus": self.fingerprint,
            "settings": self.settings.model_dump(),
            "words": self.bags.words,
            "empty_texts": self.empty,
        }
        save_document_model(folder, self.name, about, self._weights())

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Read what `save` wrote."""
        about = read_json(folder / ABOUT, cls.About)
        bags, settings = Bags(about.words), about.settings
        expected = shapes_of(lambda: cls(bags, settings, "meta")._weights())
        arrays = read_tensors(folder / WEIGHTS, expected)
        model = cls(bags, settings, device)
        model.fingerprint, model.empty = about.corpus, about.empty_texts
        model.load_state_dict({"weights": arrays})
        return model


class DenoisingAbout(BagAbout):
    """What about.json says.

    Attributes:
        empty_texts: training texts without a known word, from which nothing was learnt.
    """

    empty_texts: Annotated[int, Field(ge=0)]
