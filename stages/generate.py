"""Command generate: let a trained model write texts, for people; it needs the model's folder alone.

python -m stages.generate word2vec --count 5         five texts of data/gans/word2vec
python -m stages.generate lstm_vae --between A B     texts on the way from text A to text B
"""

import sys
from collections.abc import Sequence
from statistics import fmean
from typing import Any

import numpy as np
from tqdm import tqdm

from stages.corpus.corpus import load_corpus
from stages.corpus.errors import UserError
from stages.corpus.tokenizer import tokenize
from stages.generators.protocol import (
    Generator,
    LatentGenerator,
    check_request,
)
from stages.measures.copies import longest_runs
from stages.pipeline.command_line import (
    check_writable,
    print_lines,
    read_texts,
    run_command,
)
from stages.pipeline.files import write_lines
from stages.pipeline.generate_arguments import (
    CANDIDATES,
    COUNT,
    STEPS,
    Request,
    parse_arguments,
)
from stages.pipeline.stage import pick_device, seed_everything
from stages.pipeline.trained import CORPUS, LIKELIEST, THREADS, find_model, load_model


def main(*arguments: str) -> None:
    request = parse_arguments(arguments)
    if request.output is not None:
        check_writable("--output", request.output)
    folder = find_model(request.model)
    name = folder.name or folder.resolve().name  # "." has no name of its own
    seed_everything(request.seed, THREADS)
    generator = load_model(folder, pick_device(request.device))
    prefix = " ".join(tokenize(request.prefix))
    check(generator, request, prefix, name)
    training, missing = None, ""
    try:
        training = find_training(request.train, generator.fingerprint)
    except UserError as error:
        if request.train is not None:
            raise
        if request.copies:
            raise UserError(f"--copies: {error}") from None
        missing = str(error)
    if request.between is None:
        texts = write(generator, request, prefix, name)
    else:
        texts = interpolate(generator, request)
    runs = [] if training is None else longest_runs(texts, training)
    lines = texts
    if request.copies:
        lines = [f"{run}\t{text}" for run, text in zip(runs, texts, strict=True)]
    if request.output is not None:
        write_lines(request.output, lines)
    elif not print_lines(lines):
        return
    told = f"copied runs were not counted: {missing}" if missing else say_copied(runs, texts)
    written = "" if request.output is None else f"{len(texts)} texts in {request.output}; "
    print(f"{written}{told}", file=sys.stderr)


def check(generator: Generator, request: Request, prefix: str, name: str) -> None:
    """Refuse what a generator cannot do, before any work.

    Raises:
        UserError: says what, and what it can do.
    """
    if request.between is not None and not generator.latent:
        raise UserError(
            "--between: this model has no codes of texts, between which it could write; expected "
            "a variational autoencoder that learnt all labels together, such as lstm_vae"
        )
    check_request(
        generator,
        temperature=_or(request.temperature, 1.0),
        top_p=_or(request.top_p, 1.0),
        labels=None if request.label is None else [request.label],
        prefix=prefix,
        name=name,
    )
    if request.label is not None and request.label not in generator.labels:
        raise UserError(
            f"--label: the model has not learnt {request.label!r}; expected one of "
            f"{', '.join(generator.labels)}"
        )
    if request.candidates is not None and not generator.chooses:
        raise UserError(
            "--candidates: this model has no discriminator that chooses among its texts; leave it "
            "out"
        )
    length = len(prefix.split())
    if length >= generator.max_length:
        raise UserError(
            f"--prefix: found {length} words; expected fewer than {generator.max_length}, at which "
            "the model's texts are cropped"
        )


def write(generator: Generator, request: Request, prefix: str, name: str) -> list[str]:
    """Let a generator write the texts that were asked for, with a progress bar of its name."""
    labels, count = None, _or(request.count, COUNT)
    if request.label is not None:
        labels = [request.label] * count
    if generator.chooses:
        from stages.generators.chosen import with_choice

        generator = with_choice(generator, _or(request.candidates, CANDIDATES))
    batches = generator.generate(
        count,
        request.seed,
        temperature=_or(request.temperature, 1.0),
        top_p=_or(request.top_p, 1.0),
        labels=labels,
        prefix=prefix,
    )
    texts: list[str] = []
    with tqdm(desc=name, total=count, unit="text", leave=False) as progress:
        for batch in batches:
            texts += batch
            progress.update(len(batch))
    return texts


def interpolate(generator: LatentGenerator, request: Request) -> list[str]:
    """Let a generator write a text of each of several codes, evenly spaced between two texts'.

    Raises:
        UserError: a text has no word, or one that the generator has not learnt.
    """
    ends = [" ".join(tokenize(text)) for text in request.between]
    for end, text in zip(ends, request.between, strict=True):
        if not end:
            raise UserError(f"--between: found no word in {text!r}; expected two texts")
    first, last = generator.encode(ends)
    share = np.linspace(0, 1, _or(request.steps, STEPS), dtype=np.float32)[:, None]
    codes = (1 - share) * first + share * last  # (N, Z)
    is_drawn = request.temperature is not None or request.top_p is not None
    texts = generator.decode(
        codes,
        request.seed,
        temperature=_or(request.temperature, 1.0),
        top_p=_or(request.top_p, 1.0 if is_drawn else LIKELIEST),
    )
    return [text for batch in texts for text in batch]


def _or(value: Any, default: Any) -> Any:
    """Return what was given, or else the default."""
    return default if value is None else value


def find_training(train: str | None, fingerprint: str | None) -> list[str]:
    """Return the texts that a model has learnt from, uncropped, words joined by one space.

    Args:
        train: their file; None takes those of the corpus, if it is the model's.
        fingerprint: of the corpus that the model was made from.

    Raises:
        UserError: they are not at hand.
    """
    if train is not None:
        texts = [" ".join(tokenize(text)) for text in read_texts(train)]
        if not any(texts):
            raise UserError(f"{train}: found no word; expected the training text, one a line")
        return texts
    if not CORPUS.is_dir():
        raise UserError(f"{CORPUS} is not here; give the training text by --train FILE")
    corpus = load_corpus(CORPUS)
    if corpus.fingerprint != fingerprint:
        raise UserError(
            f"{CORPUS} ({corpus.fingerprint}) is not what the model was made from "
            f"({fingerprint or 'unknown'}); give its training text by --train FILE"
        )
    return corpus.texts(corpus.train)


def say_copied(runs: Sequence[int], texts: Sequence[str]) -> str:
    """Say how much of the texts is copied, by the longest run of each."""
    whole = sum(run == len(text.split()) > 0 for run, text in zip(runs, texts, strict=True))
    return (
        f"longest run copied from the training text: {max(runs)} words (mean {fmean(runs):.1f}); "
        f"{whole} of {len(texts)} texts stand whole inside one of its texts"
    )


if __name__ == "__main__":
    run_command(main)
