"""The BERT embedding: a word piece is the vector a frozen BERT gives it in its text.

Source: J. Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language
Understanding", 2019, arXiv:1810.04805; the way back by a constant mapping after M. Beneš,
"Generating text using LSTM GAN in PyTorch", 2021. We tell a piece that begins a word from the same
piece inside one, so that words can be joined back, and let the mean vector of [SEP] be not-a-word.

The distance that finds the nearest piece, and the projection where one is asked for, are those of
linear discriminant analysis (C. R. Rao, "The Utilization of Multiple Measurements in Problems of
Biological Classification", 1948, doi:10.1111/j.2517-6161.1948.tb00008.x): directions along which
the vectors of one piece scatter from text to text count less. Plain principal components lose the
pieces.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import torch
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from stages.corpus.checked_files import (
    PiecesAfterEnd,
    read_json,
    read_tensors,
)
from stages.corpus.corpus import Corpus
from stages.corpus.errors import UserError
from stages.corpus.settings import Bert, Count, Section, Text
from stages.embeddings.pretrained_bert import (
    OF_EMBEDDING,
    check_layers,
    encode_pieces,
    load_bert,
    load_tokenizer,
    load_width,
    tokenize_pieces,
)
from stages.embeddings.protocol import ABOUT, VECTORS, EmbeddingAbout, save_about
from stages.embeddings.unknown_pieces import check_pieces
from stages.embeddings.word_table import NOT_A_WORD, nearest_rows
from stages.networks.portable import square_root

BATCH = 500  # texts that fitting encodes at a time
# Pieces that all have a row while the mapping is made. Of more, such as LaBSE's 501,153, only those
# that occur do: the rows of all would take 12 GB.
MOST_ROWS = 150_000
# Words of the training texts that fitting reads, five minutes on two cores for MiniLM. Of the word
# pieces of 160,000 words of web comments, 0.5 % did not occur in a million others.
WORDS_READ = 10**6


class Settings(Section):
    """Which BERT, and how much of its vectors.

    Attributes:
        model: MiniLM, which comes with the requirements, a folder, or a name on the hub.
        num_layers: of it that are kept, the lowest ones; None keeps all.
        vector_size: E, discriminants to project to; None keeps BERT's own vectors.
    """

    model: Bert
    num_layers: Count | None
    vector_size: Count | None


class _About(EmbeddingAbout):
    embedding: Literal["bert"]
    settings: Settings | None
    model: Text
    num_layers: Count | None
    pieces: PiecesAfterEnd
    project: bool


class BertEmbedding:
    """Word pieces to contextual vectors; see `protocol.Embedding`.

    Tokens are the ids of BERT's word pieces, which need not be in the mapping: only `decode` is
    bound to the pieces of the training texts.

    Args:
        model: name of the BERT, as `pretrained_bert.load_bert` takes it.
        pieces: of each row of the mapping, as BERT writes it; row 0 is not-a-word.
        begins: of each row, whether the piece begins a word, (K,), bool.
        mapping: mean vector of each row in BERT's own width, (K, D), float32.
        center: mean of all training vectors, (D,), float32.
        discriminants: (D, D) or (D, E), float32, the best direction first; what they make of
            training vectors has mean 0 and mean square 1.
        project: whether vectors are those E numbers, instead of BERT's own D.
        num_layers: of the BERT that are kept, the lowest ones; None keeps all.
        device: where BERT runs and vectors live.
        setting: what names the model, for messages; see `pretrained.place_of`.
    """

    name: ClassVar = "bert"
    settings: Settings | None = None
    fingerprint: str | None = None

    def __init__(
        self,
        model: str,
        pieces: Sequence[str],
        begins: Tensor,
        mapping: Tensor,
        center: Tensor,
        discriminants: Tensor,
        *,
        project: bool,
        num_layers: int | None = None,
        device: str = "cpu",
        setting: str = OF_EMBEDDING,
    ) -> None:
        self.model, self.num_layers, self.setting = model, num_layers, setting
        self.pieces = list(pieces)
        self.begins = begins
        self.mapping = mapping.to(device)
        self.center = center.to(device)
        self.discriminants = discriminants.to(device)
        self.project = project
        self.device = device
        self.width = discriminants.shape[1] if project else mapping.shape[1]
        self.vocabulary_size = len(pieces) - 1
        self._tokenizer = load_tokenizer(model, setting)
        self._bert: Any = None  # loaded when first needed: decoding does without

    @classmethod
    def build(cls, corpus: Corpus, settings: Settings, *, seed: int, device: str) -> Self:
        """Build the mapping from the training split; see `protocol.Embedding`."""
        texts = corpus.texts(corpus.train)
        embedding = cls.fit(texts, **settings.model_dump(), device=device)
        embedding.settings, embedding.fingerprint = settings, corpus.fingerprint
        return embedding

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        *,
        model: str,
        num_layers: int | None = None,
        vector_size: int | None = None,
        device: str = "cpu",
    ) -> Self:
        """Build the mapping, and the projection where one is asked for, from the training texts.

        Args:
            texts: words joined by one space; see `draw_evenly` for how many are read.
            model: a BERT, as `pretrained_bert.load_bert` takes it.
            num_layers: likewise.
            vector_size: E, discriminants to project to; None keeps BERT's own vectors, D wide.
            device: where BERT runs and vectors live.

        Raises:
            UserError: as `load_bert`, `vector_size` is above BERT's own width, or its word pieces
                do not cover the script of the texts.
        """
        tokenizer = load_tokenizer(model)
        name = "the training texts"
        check_pieces(tokenizer, texts, name=name, model=model, setting=OF_EMBEDDING)
        bert = load_bert(model, device, num_layers=num_layers)
        width = bert.config.hidden_size
        if vector_size is not None and vector_size > width:
            raise UserError(
                f"params.yaml: embedding.bert.vector_size is {vector_size}; allowed for {model}: "
                f"at most its own width, {width}, or null"
            )
        texts = draw_evenly(texts, WORDS_READ)
        moments = _Moments(_pieces_to_count(tokenizer, texts), width)
        with tqdm(desc="bert mapping", total=len(texts), unit="text") as progress:
            for first in range(0, len(texts), BATCH):
                tokens, begins = tokenize_pieces(tokenizer, texts[first : first + BATCH])
                vectors, ends = encode_pieces(bert, tokenizer, tokens.to(device), progress)
                is_piece = tokens != tokenizer.pad_token_id
                moments.add(tokens[is_piece], begins[is_piece], vectors.cpu()[is_piece], ends.cpu())
        ids, begins, means = moments.means()
        pieces = ["", *tokenizer.convert_ids_to_tokens(ids.tolist())]
        return cls(
            model,
            pieces,
            begins,
            means,
            moments.center(),
            moments.discriminants(vector_size or width),
            project=vector_size is not None,
            num_layers=num_layers,
            device=device,
        )

    def tokenize(self, texts: Sequence[str], length: int | None = None) -> Tensor:
        """Turn texts into ids of word pieces (B, T), int32; 0 after the end."""
        tokens, _ = tokenize_pieces(self._tokenizer, texts, length)
        return tokens.to(self.device)

    @torch.no_grad()
    def embed(self, tokens: Tensor) -> Tensor:
        """Turn ids of word pieces (B, T) into contextual vectors (B, T, E), float32."""
        if self._bert is None:
            self._bert = load_bert(self.model, self.device, self.setting, self.num_layers)
        tokens = tokens.to(self.device)
        vectors, _ = encode_pieces(self._bert, self._tokenizer, tokens)  # (B, T, D)
        end = self.mapping[NOT_A_WORD]
        if self.project:
            vectors, end = self._discriminate(vectors), self._discriminate(end)
        vectors[tokens == self._tokenizer.pad_token_id] = end
        return vectors

    def encode(self, texts: Sequence[str], length: int | None = None) -> Tensor:
        """Turn texts into contextual vectors (B, T, E), float32, T in word pieces."""
        return self.embed(self.tokenize(texts, length))

    def decode(self, vectors: Tensor) -> list[str]:
        """Turn vectors (B, T, E) into the nearest pieces, joined, up to the first not-a-word."""
        vectors = vectors.to(self.device)
        if not self.project:
            vectors = self._discriminate(vectors)
        rows = nearest_rows(vectors, self._discriminate(self.mapping), cosine=False)
        return [self._join(ids) for ids in rows.tolist()]

    def _discriminate(self, vectors: Tensor) -> Tensor:
        return (vectors - self.center) @ self.discriminants

    def _join(self, rows: Sequence[int]) -> str:
        words: list[str] = []
        for row in rows:
            if row == NOT_A_WORD:
                break
            piece = self.pieces[row].removeprefix("##")
            if self.begins[row] or not words:
                words.append(piece)
            else:
                words[-1] += piece
        return " ".join(words)

    def out_of_vocabulary(self, texts: Sequence[str]) -> float:
        """Return the share of the texts' word pieces outside the mapping, from 0 to 1."""
        tokens, begins = tokenize_pieces(self._tokenizer, texts)
        is_piece = tokens != self._tokenizer.pad_token_id
        ids = self._tokenizer.convert_tokens_to_ids(self.pieces[1:])
        mapped = 2 * torch.tensor(ids) + self.begins[1:]
        found = torch.isin(2 * tokens[is_piece].long() + begins[is_piece], mapped)
        found &= tokens[is_piece] != self._tokenizer.unk_token_id
        return 1 - found.double().mean().item()

    def save(self, folder: Path) -> None:
        """Write about.json and vectors.safetensors into a new folder; BERT stays where it is."""
        about = {
            "model": self.model,
            "num_layers": self.num_layers,
            "pieces": self.pieces,
            "project": self.project,
        }
        save_about(folder, self, ["torch", "transformers"], about)
        vectors = {
            "begins": self.begins,
            "mapping": self.mapping.cpu(),
            "center": self.center.cpu(),
            "discriminants": self.discriminants.cpu(),
        }
        save_file(vectors, folder / VECTORS)

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Read what `save` wrote; raises as `pretrained_bert.load_bert`."""
        about = read_json(folder / ABOUT, _About)
        setting = f"{folder / ABOUT}: model"
        width = load_width(about.model, setting)  # D
        if about.num_layers is not None:
            check_layers(about.model, about.num_layers, setting)
        rows = len(about.pieces)  # K
        expected = {
            "begins": ("bool", (rows,)),
            "mapping": ("float32", (rows, width)),
            "center": ("float32", (width,)),
            "discriminants": ("float32", (width, "E")),
        }
        arrays = read_tensors(folder / VECTORS, expected)
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        made = {name: getattr(about, name) for name in ("model", "num_layers", "pieces", "project")}
        embedding = cls(**made, **tensors, device=device, setting=setting)
        embedding.settings, embedding.fingerprint = about.settings, about.corpus
        return embedding


def draw_evenly(texts: Sequence[str], words: int) -> Sequence[str]:
    """Return all texts, or, where they have more words, evenly spaced ones with about so many."""
    found = sum(text.count(" ") + 1 for text in texts)
    kept = max(1, len(texts) * words // found) if found > words else len(texts)
    return [texts[place * len(texts) // kept] for place in range(kept)]


def _pieces_to_count(tokenizer: Any, texts: Sequence[str]) -> Tensor:
    """Return the ids (V,), rising, of all pieces; where they are too many, of the texts'."""
    ids = torch.arange(len(tokenizer))
    if len(ids) <= MOST_ROWS:
        return ids
    found = torch.zeros(len(ids), dtype=torch.bool)
    for first in range(0, len(texts), BATCH):
        tokens, _ = tokenize_pieces(tokenizer, texts[first : first + BATCH])
        found[tokens.long()] = True
    return ids[found]


class _Moments:
    """Running sums over the vectors of the training texts, in double precision.

    Args:
        ids: of the pieces that may occur, (V,), int64, rising.
        width: D.
    """

    def __init__(self, ids: Tensor, width: int) -> None:
        self.ids = ids
        # Row 0 is [SEP], the end of a text; then two rows a piece: inside a word, beginning one.
        self.sums = torch.zeros((1 + 2 * len(ids), width), dtype=torch.float64)
        self.counts = torch.zeros(1 + 2 * len(ids), dtype=torch.int64)
        self.products = torch.zeros((width, width), dtype=torch.float64)

    def add(self, pieces: Tensor, begins: Tensor, vectors: Tensor, ends: Tensor) -> None:
        """Take in N pieces with their vectors (N, D), and the vectors (B, D) of B ends."""
        places = torch.searchsorted(self.ids, pieces.long())
        rows = torch.cat([1 + 2 * places + begins, torch.zeros(len(ends), dtype=torch.int64)])
        values = torch.cat([vectors, ends]).double()
        self.sums.index_add_(0, rows, values)
        self.counts += torch.bincount(rows, minlength=len(self.counts))
        self.products += values.T @ values

    def means(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return ids (K - 1,) of the pieces seen, begins (K,), means (K, D); row 0 is the end."""
        rows = self.counts.nonzero().squeeze(1)
        means = self.sums[rows] / self.counts[rows].unsqueeze(1)
        begins = (rows - 1) % 2 == 1
        return self.ids[(rows[1:] - 1) // 2], begins, means.float()

    def center(self) -> Tensor:
        """Return the mean of all vectors (D,)."""
        return (self.sums.sum(0) / self.counts.sum()).float()

    def discriminants(self, count: int) -> Tensor:
        """Return the first linear discriminants (D, count) of the pieces."""
        total = self.counts.sum()
        center = self.sums.sum(0) / total
        seen = square_root(self.counts.clamp(min=1)).unsqueeze(1)
        scatter = self.sums / seen  # its square sums to that of each vector's row mean
        within = (self.products - scatter.T @ scatter) / total
        between = scatter.T @ scatter / total - torch.outer(center, center)
        # A thousandth of the mean variance keeps directions that hardly vary within reach.
        within += 1e-3 * within.trace() / len(within) * torch.eye(len(within))
        variances, axes = torch.linalg.eigh(within)
        whitening = axes / square_root(variances)  # (D, D)
        _, axes = torch.linalg.eigh(whitening.T @ between @ whitening)  # ascending
        kept = (whitening @ axes.flip(1))[:, :count]  # (D, count)
        covariance = self.products / total - torch.outer(center, center)
        mean_square = (kept * (covariance @ kept)).sum(0).mean()
        return (kept / square_root(mean_square)).float().contiguous()
