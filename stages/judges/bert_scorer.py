"""Scores of texts by a BERT that is fine-tuned to tell real texts from generated ones.

Source: as `training.authorship`. Only pieces of the texts that were learnt are known, spelt as the
corpus has them, so that it sees capitals and needs no other model once it is trained.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from copy import deepcopy
from functools import partial
from math import ceil, inf, isfinite
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import torch
from pydantic import AfterValidator
from sklearn.metrics import roc_auc_score
from torch.optim import Adam
from tqdm import tqdm

from stages.corpus.checked_files import Words, check_words, count_tensors, damaged, read_tensors
from stages.corpus.errors import UserError
from stages.corpus.settings import Count, Size
from stages.judges.scorer import WEIGHTS, Owned, ScorerAbout
from stages.networks.cores import all_cores
from stages.networks.learnt_pieces import MARKERS, LearntPieces, find_pieces
from stages.networks.piece_classifier import PieceClassifier
from stages.networks.piece_reader import BertShape, StoredShape
from stages.networks.size import count_parameters, shapes_of
from stages.training.authorship import train_pass

READ = {"cpu": 2**10, "cuda": 2**15}  # pieces read at a time where nothing is learnt
SETTING = "detector.fine_tuned_bert"  # the section of params.yaml


class _About(ScorerAbout):
    num_layers: Count
    shape: StoredShape
    max_pieces: Size
    beginning: Words
    inside: Annotated[list[str], AfterValidator(check_words)]


class BertScorer:
    """A BERT and a dense layer, both fine-tuned; see `scorer.Scorer`.

    Args:
        model: which the BERT was.
        pieces: that it reads.
        max_pieces: of a text that are read; the rest is cropped.
        shape: of its layers.
        network: with as many layers as it has; in evaluation mode.
    """

    About: ClassVar = _About
    encoder: Any = None

    def __init__(
        self,
        model: str,
        pieces: LearntPieces,
        max_pieces: int,
        shape: BertShape,
        network: PieceClassifier,
    ) -> None:
        self.model, self.pieces, self.max_pieces = model, pieces, max_pieces
        self.shape, self.network = shape, network
        self.best_epoch, self.best_area = 0, -inf

    @classmethod
    def fit(
        cls,
        learnt: Owned,
        unseen: Owned,
        *,
        model: str,
        num_layers: int,
        trained_layers: int,
        max_pieces: int,
        texts: int | None,
        epochs: int,
        batch_size: int,
        learning_rate: float,
        seed: int,
        device: str,
        resemblance: bool = True,
    ) -> Self:
        """Fine-tune a BERT; see `scorer.Learner`.

        The pass that is kept is the one by whose scores the area under the ROC curve of unseen
        texts is largest: a line makes probabilities of them afterwards, whatever their size.

        Args:
            learnt: texts to learn from.
            unseen: others, after which the best pass is chosen.
            model: MiniLM, a folder, or a name on the hub.
            num_layers: of it that are kept, the lowest ones.
            trained_layers: of these that learn, the highest ones; where all do, the vectors of
                pieces learn too.
            max_pieces: of a text that are read.
            texts: of a pass, half of them real, others of each generator as many; of whom there are
                fewer, these come again. None: twice as many as there are real ones.
            epochs: passes.
            batch_size: texts an update.
            learning_rate: of Adam, at its height.
            seed: of PyTorch's random numbers, which it sets, and of the texts of each pass.
            device: where it learns.
            resemblance: see `scorer.Learner`.

        Raises:
            UserError: there is no such BERT, it has too few layers, or a loss is no longer finite.
        """
        # Here, as only what makes one needs a BERT.
        from stages.embeddings.pretrained_bert import load_bert, load_tokenizer

        bert = load_bert(model, "cpu", f"{SETTING}.model", num_layers)
        torch.manual_seed(seed)
        pieces, ids = find_pieces(load_tokenizer(model, f"{SETTING}.model"), learnt.texts)
        max_pieces = min(max_pieces, bert.config.max_position_embeddings - 2)
        shape, classes = BertShape.of(bert.config), int(learnt.owners.max()) + 1
        network = PieceClassifier(pieces.size, max_pieces + 2, num_layers, shape, classes)
        network.take(bert, ids)
        network.freeze(num_layers - trained_layers)
        scorer = cls(model, pieces, max_pieces, shape, network.to(device))
        scorer._train(
            learnt,
            unseen,
            learnt_texts=2 * int((learnt.owners == 0).sum()) if texts is None else texts,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            random=np.random.default_rng(seed),
            resemblance=resemblance,
        )
        return scorer

    def _train(
        self,
        learnt: Owned,
        unseen: Owned,
        *,
        learnt_texts: int,
        epochs: int,
        batch_size: int,
        learning_rate: float,
        random: np.random.Generator,
        resemblance: bool,
    ) -> None:
        tokens, lengths = self.pieces.read(learnt.texts, self.max_pieces)
        owners = torch.from_numpy(learnt.owners)
        optimizer = Adam(self.network.parameters(), learning_rate, fused=True)
        deck, best = Deck(learnt.owners, learnt_texts, random), None
        a_pass = ceil(deck.size / batch_size)
        with tqdm(desc="bert detector", total=epochs * a_pass, unit="step", leave=False) as bar:
            for epoch in range(epochs):
                places = deck.deal()
                losses = train_pass(
                    self.network,
                    tokens[places],
                    lengths[places],
                    owners[places],
                    optimizer,
                    batch_size=batch_size,
                    learning_rate=learning_rate,
                    first=epoch * a_pass,
                    steps=epochs * a_pass,
                    resemblance=resemblance,
                )
                for step, loss in enumerate(losses, start=epoch * a_pass + 1):
                    if not isfinite(loss):
                        raise UserError(
                            f"bert detector: the loss is no longer finite at step {step}; lower "
                            f"{SETTING}.learning_rate"
                        )
                    bar.update()
                    bar.set_postfix(loss=f"{loss:.3f}")
                area = roc_auc_score(unseen.owners == 0, self.scores(unseen.texts)[:, 0])
                if area > self.best_area:
                    self.best_epoch, self.best_area = epoch + 1, float(area)
                    best = deepcopy(self.network.state_dict())
        self.network.load_state_dict(best)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Its weights, by name."""
        return {name: each.cpu().numpy() for name, each in self.network.state_dict().items()}

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """Return the scores of texts, (N, 1 + K) float64, the work shared by all cores."""
        classes = self.network.scores.out_features
        tokens, lengths = self.pieces.read(texts, self.max_pieces)
        device, waiting, chunks = self.network.device, lengths.argsort(stable=True), []
        while len(waiting):  # texts of like length together, the longest first
            size = max(1, READ[device.type] // (int(lengths[waiting[-1]]) + 2))
            chunks.append(waiting[-size:])
            waiting = waiting[:-size]
        scores = np.zeros((len(texts), classes))
        with all_cores() if device.type == "cpu" else nullcontext() as pool:
            read = pool.map if pool else map
            parts = read(lambda chunk: self.network.answer(tokens[chunk], lengths[chunk]), chunks)
            for chunk, part in zip(chunks, parts, strict=True):
                scores[chunk.numpy()] = part.numpy()
        return scores

    def about(self) -> dict[str, Any]:
        """Say which BERT it was, its shape and its pieces; see `Scorer`."""
        return {
            "model": self.model,
            "num_layers": self.network.bert.config.num_hidden_layers,
            "shape": self.shape._asdict(),
            "max_pieces": self.max_pieces,
            "beginning": self.pieces.beginning,
            "inside": self.pieces.inside,
        }

    def describe(self) -> dict[str, float]:
        """Count pieces and weights, and say which pass was kept and its area of unseen texts."""
        return {
            "pieces": self.pieces.size - MARKERS,
            "parameters": count_parameters(self.network),
            "best_epoch": self.best_epoch,
            "validation_area": self.best_area,
        }

    @classmethod
    def load(cls, folder: Path, about: _About, device: str) -> Self:
        """Read its weights; see `Scorer`."""
        path = folder / WEIGHTS
        tensors = count_tensors(path)
        if about.num_layers > tensors:  # an absurd number would take forever to make
            raise damaged(path, f"{tensors} arrays, too few for a num_layers of {about.num_layers}")
        pieces = LearntPieces(about.beginning, about.inside)
        shape = BertShape(**about.shape.model_dump())
        classes, positions = 1 + len(about.generators), about.max_pieces + 2
        make = partial(PieceClassifier, pieces.size, positions, about.num_layers, shape, classes)
        arrays = read_tensors(path, shapes_of(lambda: make().state_dict()))
        network = make()
        network.load_state_dict({name: torch.from_numpy(each) for name, each in arrays.items()})
        return cls(about.model, pieces, about.max_pieces, shape, network.to(device).eval())


class Deck:
    """Deals texts out to passes, half of them real, the generators' in equal parts.

    Args:
        owners: of each text, (N,) int64: 0 for real text, or the number of a generator from 1; each
            has one or more.
        texts: of a pass, at the least one of each owner.
        random: which text comes when.
    """

    def __init__(self, owners: np.ndarray, texts: int, random: np.random.Generator) -> None:
        self.random = random
        self.own = [np.flatnonzero(owners == owner) for owner in range(int(owners.max()) + 1)]
        half = texts // 2
        self.shares = [max(1, half)] + [max(1, half // (len(self.own) - 1))] * (len(self.own) - 1)
        self.size = sum(self.shares)
        self.left = [own[:0] for own in self.own]

    def deal(self) -> np.ndarray:
        """Return the places of the texts of the next pass, (size,); none again before all came."""
        dealt = []
        for owner, (own, share) in enumerate(zip(self.own, self.shares, strict=True)):
            while len(self.left[owner]) < share:
                self.left[owner] = np.concatenate([self.left[owner], self.random.permutation(own)])
            dealt.append(self.left[owner][:share])
            self.left[owner] = self.left[owner][share:]
        return np.concatenate(dealt)
