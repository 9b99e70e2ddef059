"""Move texts towards a label, by the codes of a generator; a command for people, no stage.

python -m stages.shift lstm_vae                          the share that then has each label
python -m stages.shift lstm_vae --text "the worst ."     that text, moved towards each label
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from stages.corpus.choice import choose_evenly
from stages.corpus.corpus import Corpus, Split, load_corpus
from stages.corpus.errors import UserError
from stages.corpus.seeds import derive_seed
from stages.corpus.tokenizer import tokenize
from stages.generators.protocol import LatentGenerator
from stages.measures.code_shifts import Shifted, draw_direction, find_direction, measure_shift
from stages.measures.labels import LabelClassifier, right_shares
from stages.pipeline.command_line import check_writable, run_command
from stages.pipeline.files import replacing, write_json
from stages.pipeline.pictures import draw_shifts
from stages.pipeline.shift_arguments import parse_arguments
from stages.pipeline.stage import pick_device, seed_everything
from stages.pipeline.trained import CORPUS, LIKELIEST, THREADS, find_model, load_model

STEPS = (0.0, 0.5, 1.0, 1.5, 2.0)  # times the direction of a label
MOST = 5000  # texts at most that a direction is the mean of


class Measured(NamedTuple):
    """What was found for one label.

    Attributes:
        towards: by step, along the label's own direction.
        control: likewise, along one drawn at random.
        real: share of real test texts of the label that the classifier gives it.
        length: of the direction; next to 0 where codes say nothing of the label.
    """

    towards: dict[float, Shifted]
    control: dict[float, Shifted]
    real: float
    length: float


def main(*arguments: str) -> None:
    options = parse_arguments(arguments)
    for option in ("numbers", "picture"):
        path = getattr(options, option)
        if path is not None:
            check_writable(f"--{option}", path)
    folder = find_model(options.model)
    seed_everything(options.seed, THREADS)
    generator = load_model(folder, pick_device(options.device))
    if not generator.latent:
        raise UserError(
            f"{options.model}: this model has no codes of texts that could be moved; expected a "
            "variational autoencoder that learnt all labels together, such as lstm_vae"
        )
    corpus = find_corpus(generator)
    directions, codes = find_directions(generator, corpus)
    if options.text is not None:
        for line in move_text(generator, options.text, directions, options.seed):
            print(line)
        return
    controls = {
        label: draw_direction(
            codes, float(np.linalg.norm(direction)), derive_seed(options.seed, f"shift {label}")
        )
        for label, direction in directions.items()
    }
    measured = measure_labels(generator, corpus, directions, controls, options.count, options.seed)
    print(format_table(measured))
    if options.numbers is not None:
        write_json(options.numbers, {label: as_json(each) for label, each in measured.items()})
    if options.picture is not None:
        curves = {
            label: (each.towards, each.control, each.real) for label, each in measured.items()
        }
        with replacing(options.picture) as path:
            draw_shifts(path, curves, f"{folder.name}: texts moved towards a label")


def find_corpus(generator: LatentGenerator) -> Corpus:
    """Return the labelled corpus that a generator was made from.

    Raises:
        UserError: it is not at hand, or has fewer than two labels.
    """
    if not CORPUS.is_dir():
        raise UserError(f"{CORPUS} is not here; expected the corpus that the model was made from")
    corpus = load_corpus(CORPUS, generator.max_length)
    if corpus.fingerprint != generator.fingerprint:
        raise UserError(
            f"{CORPUS} ({corpus.fingerprint}) is not what the model was made from "
            f"({generator.fingerprint or 'unknown'}); run `dvc repro`"
        )
    if len(corpus.labels) < 2:
        raise UserError(
            f"{CORPUS}: its texts have {len(corpus.labels)} labels; expected two or more"
        )
    return corpus


def labelled_texts(
    generator: LatentGenerator, corpus: Corpus, split: Split, most: int
) -> tuple[list[str], list[str | None]]:
    """Return texts of which the generator knows each word, evenly chosen, and their labels."""
    texts = corpus.texts(split, generator.max_length)
    names = corpus.name_labels(split)
    known = [place for place, text in enumerate(texts) if generator.knows(text)]
    chosen = [known[place] for place in choose_evenly(len(known), most)]
    return [texts[place] for place in chosen], [names[place] for place in chosen]


def find_directions(
    generator: LatentGenerator, corpus: Corpus
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the direction of each label of the training texts, (Z,) each, and the codes, (N, Z).

    Raises:
        UserError: the generator knows all words of no text of a label.
    """
    texts, labels = labelled_texts(generator, corpus, corpus.train, MOST)
    wanted = [corpus.label_names[label] for label in corpus.labels]
    for label in wanted:
        if label not in labels:
            raise UserError(
                f"{CORPUS}: of the {len(texts)} training texts that are read, which have only "
                f"words that the model knows, none has the label {label!r}; expected some of each"
            )
    codes = generator.encode(texts)
    return {label: find_direction(codes, labels, label) for label in sorted(wanted)}, codes


def decode(generator: LatentGenerator, codes: np.ndarray, seed: int) -> list[str]:
    """Let a generator write the likeliest words of each code."""
    batches = generator.decode(codes.astype(np.float32), seed, top_p=LIKELIEST)
    return [text for batch in batches for text in batch]


def move_text(
    generator: LatentGenerator, text: str, directions: Mapping[str, np.ndarray], seed: int
) -> Iterator[str]:
    """Yield lines of what a text becomes: label, step and text, between tabs.

    Raises:
        UserError: it has no word, or one that the generator has not learnt.
    """
    words = " ".join(tokenize(text))
    if not words:
        raise UserError(f"--text: found no word in {text!r}; expected a text")
    code = generator.encode([words])
    for label, direction in directions.items():
        codes = code + np.array(STEPS, np.float32)[:, None] * direction
        for step, moved in zip(STEPS, decode(generator, codes, seed), strict=True):
            yield f"{label}\t{step:g}\t{moved}"


def measure_labels(
    generator: LatentGenerator,
    corpus: Corpus,
    directions: Mapping[str, np.ndarray],
    controls: Mapping[str, np.ndarray],
    count: int,
    seed: int,
) -> dict[str, Measured]:
    """Move test texts of all other labels towards each label, and measure each step.

    Raises:
        UserError: the generator knows all words of no such text.
    """
    train = corpus.texts(corpus.train, generator.max_length)
    classifier = LabelClassifier(train, corpus.name_labels(corpus.train))
    test, labels = labelled_texts(generator, corpus, corpus.test, len(corpus.test))
    if {*directions} - {*labels}:
        raise UserError(
            f"{CORPUS}: no test text of a label has only words that the model knows; expected some "
            "of each"
        )
    real = right_shares(classifier, test, labels)
    measured, write = {}, partial(decode, generator, seed=seed)
    steps = np.float32(STEPS)
    for label, direction in tqdm(directions.items(), "labels", leave=False):
        others = [text for text, its in zip(test, labels, strict=True) if its != label]
        texts = [others[place] for place in choose_evenly(len(others), count)]
        codes = generator.encode(texts)

        found = (
            [measure_shift(write, codes, texts, step * along, label, classifier) for step in steps]
            for along in (direction, controls[label])
        )
        towards, control = (dict(zip(STEPS, each, strict=True)) for each in found)
        length = float(np.linalg.norm(direction))
        measured[label] = Measured(towards, control, real[label], length)
    return measured


def as_json(measured: Measured) -> dict[str, float]:
    """Name the numbers of one label."""
    values = {"real": measured.real, "length": measured.length}
    for name, shifted in (("towards", measured.towards), ("random", measured.control)):
        for step, each in shifted.items():
            values[f"{name}_at_{step:g}"] = each.judged
            values[f"{name}_kept_at_{step:g}"] = each.kept
    return values


def format_table(measured: Mapping[str, Measured]) -> str:
    """Set out the shares that are judged to have each label, and the words kept."""
    lines = ["label\tstep\thas the label\tat random\twords kept\tat random"]
    for label, each in measured.items():
        for step in STEPS:
            own, other = each.towards[step], each.control[step]
            shares = (own.judged, other.judged, own.kept, other.kept)
            lines.append(
                "\t".join([label, f"{step:g}", *(f"{100 * share:.0f} %" for share in shares)])
            )
        lines.append(f"{label}\treal\t{100 * each.real:.0f} %")
        lines.append(f"{label}\tlength of the direction\t{each.length:.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    run_command(main)
