"""Pretrained models of transformers: a folder, or a name on the Hugging Face hub."""

from logging import CRITICAL, getLogger
from pathlib import Path
from typing import Any

from stages.corpus.errors import UserError


def load_pretrained(kind: str, model: str, setting: str, known: str = "", **options: Any) -> Any:
    """Load a part of a pretrained model; no code that comes with a model is ever run.

    What the hub has given before is taken from the disk, so that a model stays the same and needs
    no network.

    Args:
        kind: the class of transformers that loads it, such as AutoTokenizer.
        model: a folder, or a name on the hub.
        setting: what names the model, for the message; see `place_of`.
        known: names of models that the caller knows besides, for the message.
        options: of `from_pretrained`.

    Raises:
        UserError: there is no such model, or this part of it cannot be read.
    """
    import transformers
    from transformers.utils import logging

    # The stage shows its own progress, and says in one line what is wrong.
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    getLogger("huggingface_hub").setLevel(CRITICAL)
    load = getattr(transformers, kind).from_pretrained
    path = Path(model).expanduser()
    source = str(path) if path.is_dir() else model
    try:
        try:
            return load(source, local_files_only=True, trust_remote_code=False, **options)
        except (OSError, ValueError):
            if path.is_dir():
                raise
            return load(source, trust_remote_code=False, **options)
    except (MemoryError, RuntimeError):
        raise
    except Exception as error:  # transformers raises whatever its classes do
        reason = " ".join(str(error).split())[:120]
        raise UserError(
            f"{place_of(setting)} is {model!r}, which is neither {known}a folder "
            f"nor a model the Hugging Face hub gives ({reason})"
        ) from None


def place_of(setting: str) -> str:
    """Say where a setting stands.

    Args:
        setting: a key of params.yaml, an option, or a saved model's file and its key, such as
            `data/embeddings/bert/about.json: model`.
    """
    is_key = not setting.startswith("--") and ": " not in setting
    return f"params.yaml: {setting}" if is_key else setting
