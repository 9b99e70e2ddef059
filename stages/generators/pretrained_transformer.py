"""The transformer's other kind: a pretrained language model that goes on learning from a corpus.

Source: as of `networks.causal_language_model`. Texts are a corpus' words joined by one space, in
the pieces of the model's own tokenizer; what it writes is read by the tokenizer of the corpus, so
that its words are those of every other source, though they may be new. Words that
`prepare.vocabulary` leaves out are learnt like all others.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from stages.corpus.checked_files import damaged
from stages.corpus.corpus import Corpus, Split
from stages.corpus.errors import UserError
from stages.corpus.settings import Count, Rate, Section, Share, Size, Text
from stages.corpus.tokenizer import tokenize
from stages.generators.folder import load_about, load_network, save_folder
from stages.generators.plateau_model import PlateauModel
from stages.generators.protocol import ABOUT, GeneratorAbout, Step, check_request
from stages.generators.subwords import Subwords
from stages.networks.causal_language_model import (
    CausalLanguageModel,
    keep_config,
    load_causal,
    make_causal,
)
from stages.networks.size import count_parameters
from stages.training.likelihood import mask_of, train_epoch

NAME = "pretrained_transformer"
SETTING = "transformer.model"  # the key of params.yaml that names the model
BATCH = 100  # texts written at a time
TRIES = 100  # draws of a text that has no word, before it is given up
# Pieces of a text at most, for each word of `max_length`: six times what words of English have.
PER_WORD = 8
MOST_LOGITS = 2**24  # computed at a time where nothing is learnt
Piece = Annotated[int, Field(ge=0, lt=2**31)]


class PretrainedTransformerSettings(Section):
    """Which model, and its training.

    Attributes:
        model: a folder, or a name on the hub.
        dropout: null keeps the model's own.
        batch_size: texts a step.
        learning_rate: of Adam, at its height.
        patience: passes that have not helped after which the learning rate falls; see `Plateau`.
        epochs: passes at most; training ends where validation has stopped falling.
    """

    model: Text
    dropout: Share | None
    batch_size: Count
    learning_rate: Rate
    patience: Count
    epochs: Count


class _About(GeneratorAbout):
    settings: PretrainedTransformerSettings
    max_length: Size
    start: Piece
    end: Piece
    config: dict[str, Any]


class Pieces(NamedTuple):
    """Texts as ids of pieces.

    Attributes:
        tokens: (N, T), int64, on the CPU.
        lengths: (N,), int64: pieces of each text that count, its end among them unless it is
            cropped.
        words: words of all texts, and their ends, that count.
    """

    tokens: Tensor
    lengths: Tensor
    words: int


class PretrainedTransformer(PlateauModel):
    """P(text) as the product of P(piece | pieces before it), the end of the text among them.

    Its likelihood is a lower bound: a text may be written in several ways of cutting its words into
    pieces, of which the tokenizer's own, by far the likeliest, is counted alone.

    Args:
        model: of `load_causal` or `make_causal`.
        config: of the model, as `keep_config` gives it.
        subwords: its tokenizer.
        settings: of its training.
        max_length: words at which texts are cropped.
        device: where it lives.
    """

    Settings: ClassVar = PretrainedTransformerSettings
    conditional: ClassVar = False
    tempered: ClassVar = True
    prefixed: ClassVar = True
    likelihood: ClassVar = "bound"
    chooses: ClassVar = False
    stops_early: ClassVar = True
    latent: ClassVar = False
    fingerprint: str | None = None

    def __init__(
        self,
        model: Any,
        config: dict[str, Any],
        subwords: Subwords,
        settings: PretrainedTransformerSettings,
        max_length: int,
        device: str,
    ) -> None:
        self.config, self.subwords = config, subwords
        self.max_length = max_length
        positions = getattr(model.config, "max_position_embeddings", None) or np.inf
        self.max_pieces = int(min(PER_WORD * max_length, positions - 1))  # the end comes besides
        size = model.config.vocab_size
        never, begins = subwords.find_special(size), subwords.find_begins(size)
        masks = torch.from_numpy(never), torch.from_numpy(begins)
        network = CausalLanguageModel(model, subwords.start, subwords.end, *masks)
        super().__init__(network.to(device), settings)

    @classmethod
    def build(
        cls, corpus: Corpus, settings: PretrainedTransformerSettings, *, seed: int, device: str
    ) -> Self:
        """Load the pretrained model; see `protocol.Generator`.

        Raises:
            UserError: there is no such model, or it does not serve.
        """
        subwords = Subwords.load_pretrained(settings.model, SETTING)
        loaded = load_causal(settings.model, SETTING, settings.dropout)
        if subwords.size > loaded.config.vocab_size:
            raise UserError(
                f"params.yaml: {SETTING} is {settings.model!r}, whose tokenizer has "
                f"{subwords.size} pieces and whose weights {loaded.config.vocab_size}; expected a "
                "tokenizer of the same model"
            )
        config = keep_config(loaded.config)
        model = cls(loaded, config, subwords, settings, corpus.max_length, device)
        model.fingerprint = corpus.fingerprint
        return model

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Learn by likelihood; losses and validations are in nats a word, its pieces' sum."""
        learnt, held_out = (self.number(corpus, part) for part in (corpus.train, corpus.validation))
        per_word = learnt.lengths.sum().item() / learnt.words

        def learn(first: int, per_epoch: int) -> Iterator[dict[str, float]]:
            losses = train_epoch(
                self.network,
                learnt.tokens,
                self.optimizer,
                batch_size=self.settings.batch_size,
                learning_rate=self.settings.learning_rate * self.plateau.share,
                first=first,
                lengths=learnt.lengths,
            )
            return ({"loss": loss * per_word} for loss in losses)

        yield from self._make_passes(corpus, learn, lambda: self.validate(held_out))

    def number(self, corpus: Corpus, split: Split) -> Pieces:
        """Turn a split's texts, cropped, into ids of pieces."""
        ids = self.subwords.encode(corpus.texts(split, self.max_length))
        is_whole = [size <= self.max_length for size in split.lengths.tolist()]
        words = np.minimum(split.lengths, self.max_length).sum() + sum(is_whole)
        return Pieces(*self._pad(ids, is_whole), max(int(words), 1))

    def _pad(self, ids: Sequence[list[int]], is_whole: Sequence[bool]) -> tuple[Tensor, Tensor]:
        """Turn pieces, cropped, into tokens (N, T) and lengths (N,), the ends of whole texts."""
        end, most = self.subwords.end, self.max_pieces
        rows = [
            [*each[:most], end] if whole and len(each) <= most else each[:most]
            for each, whole in zip(ids, is_whole, strict=True)
        ]
        lengths = torch.tensor([len(row) for row in rows], dtype=torch.int64)
        tokens = torch.full((len(rows), max(map(len, rows), default=0)), end)
        tokens[mask_of(tokens, lengths)] = torch.tensor([*chain(*rows)], dtype=torch.int64)
        return tokens, lengths

    def validate(self, texts: Pieces) -> float:
        """Return -log P a word of texts, ends counted, as it has learnt, in nats; 0 or more."""
        nats = sum(-values.sum().item() for _, values in self._sum(texts.tokens, texts.lengths))
        return nats / texts.words

    def _deal(self, lengths: Tensor) -> Iterator[Tensor]:
        """Deal the places of texts of lengths (N,) out to batches that memory has room for."""
        places = lengths.argsort(stable=True, descending=True)
        while len(places):
            longest = max(int(lengths[places[0]]), 1)
            size = max(1, MOST_LOGITS // (longest * len(self.network.never)))
            yield places[:size]
            places = places[size:]

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
        """Yield texts; see `protocol.Generator`. A beginning may have any words that it can write.

        The temperature is that of each piece of a word.
        """
        check_request(self, temperature=temperature, top_p=top_p, labels=labels, prefix=prefix)
        words = prefix.split()[: self.max_length]
        for word in words:
            if self.subwords.read(self.subwords.encode([word])) != [[word]]:
                raise UserError(
                    f"prefix: the transformer cannot write the word {word!r}; expected words as "
                    "the tokenizer of the corpus writes them"
                )
        random = torch.Generator().manual_seed(seed)
        options = {"temperature": temperature, "top_p": top_p}
        for first in range(0, count, BATCH):
            yield self._write(min(BATCH, count - first), words, random, **options)

    def _write(
        self, count: int, beginning: list[str], random: torch.Generator, **options: float
    ) -> list[str]:
        """Draw texts, each of one word or more."""
        (prefix,) = self.subwords.encode([" ".join(beginning)])
        room, most = self.max_length - len(beginning), max(self.max_pieces, len(prefix))
        (told,) = self.subwords.decode([prefix])

        def read(texts: Sequence[list[int]]) -> list[list[str]]:
            return [tokenize(text[len(told) :]) for text in self.subwords.decode(texts)]

        def are_over(texts: Sequence[list[int]]) -> list[bool]:
            return [len(words) > room for words in read(texts)]

        found: list[str] = []
        for _ in range(TRIES):
            drawn = self.network.sample(
                count - len(found), most, are_over, random, prefix=prefix, **options
            )
            texts = (" ".join([*beginning, *words[:room]]) for words in read(drawn))
            found += [text for text in texts if text]  # what has no word is drawn again
            if len(found) == count:
                return found
        raise UserError(
            f"transformer: of {TRIES} draws of a text none has a word; raise the temperature, or "
            "train it longer"
        )

    def log_likelihood(self, texts: Sequence[str]) -> np.ndarray:
        """Return a lower bound of log P of each text (N,), in nats; -inf where P is 0.

        It is exact for the pieces into which the tokenizer cuts the text, and leaves out the other
        ways to write it. P is 0 without words, of words that the tokenizer of the corpus would cut
        otherwise, and of characters that the model cannot write. Of a text that has too many pieces
        to be written whole it is that of all that begin so.
        """
        cropped = [text.split()[: self.max_length] for text in texts]
        ids = self.subwords.encode([" ".join(words) for words in cropped])
        known = [bool(a) and a == b for a, b in zip(cropped, self.subwords.read(ids), strict=True)]
        values = np.full(len(texts), -np.inf)
        chosen = np.flatnonzero(known)
        tokens, lengths = self._pad([ids[place] for place in chosen], [True] * len(chosen))
        is_full = torch.tensor([len(cropped[place]) == self.max_length for place in chosen])
        for rows, sums in self._sum(tokens, lengths, is_full):
            values[chosen[rows.numpy()]] = sums.numpy()
        return values

    def _sum(
        self, tokens: Tensor, lengths: Tensor, is_full: Tensor | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield places of texts (N, T), and log P of each; see `network.log_likelihood`."""
        network = self.network.eval()
        for rows in self._deal(lengths):
            batch = tokens[rows, : int(lengths[rows].max())].to(network.device)
            mask = mask_of(batch, lengths[rows])
            full = None if is_full is None else is_full[rows].to(network.device)
            values = torch.zeros(mask.shape, dtype=torch.float64)
            with torch.no_grad():
                values[mask.cpu()] = network.log_likelihood(batch, mask, full).cpu().double()
            yield rows, values.sum(1)

    def describe(self) -> dict[str, float]:
        """Count the pieces that it writes and the weights."""
        pieces = int((~self.network.never).sum()) - 1  # without the end
        return {"pieces": pieces, "parameters": count_parameters(self.network)}

    def save(self, folder: Path) -> None:
        """Write the model, its tokenizer included; see `protocol.Generator`."""
        about = {
            "settings": self.settings.model_dump(),
            "corpus": self.fingerprint,
            "max_length": self.max_length,
            "start": self.subwords.start,
            "end": self.subwords.end,
            "config": self.config,
        }
        save_folder(folder, NAME, about, self.network.state_dict())
        self.subwords.save(folder)

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Read what `save` wrote, in evaluation mode; the pretrained model need not be there."""
        about = load_about(folder, _About)
        subwords = Subwords.load(folder, about.start, about.end)
        none = torch.zeros(0, dtype=torch.bool)

        def make() -> CausalLanguageModel:
            return CausalLanguageModel(
                make_causal(about.config), about.start, about.end, none, none
            )

        layers = about.config.get("num_hidden_layers", about.config.get("n_layer", 1))
        weights = load_network(folder, make, layers if isinstance(layers, int) else 1)
        made = make_causal(about.config)
        if subwords.size > made.config.vocab_size:
            raise damaged(folder / ABOUT, f"{subwords.size} pieces, more than the model has")
        model = cls(made, about.config, subwords, about.settings, about.max_length, device)
        model.fingerprint = about.corpus
        model.network.load_state_dict(weights)
        model.network.eval()
        return model
