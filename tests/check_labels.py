"""How well generators write texts of a wanted label.

python tests/check_labels.py FILE markov                        one chain a label
python tests/check_labels.py FILE language_model epochs=10      one language model a label
python tests/check_labels.py FILE conditional_gan width=64      one that takes labels

FILE is a table of texts with the columns Text and oh_label, or `sample`, the invented comments.
Settings of the check stand among the generator's: rows (of the file that are read; null: all),
count (texts to write), candidates (of which a discriminator draws one), text, label (the columns),
max_length (words), seed.

Printed of texts drawn with labels as often as training texts have them: the share to which a
classifier that has learnt from real training text gives the wanted label, beside that of held-out
real text, which it errs on too; of each label the Frechet distance of sentence vectors to held-out
real text, beside that of as many training texts; Self-BLEU-4.
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

import stages  # noqa: F401, I001 - before the libraries load, which it settles

from dataclasses import replace

import numpy as np
from ruamel.yaml import YAML

from stages.corpus.building import build_corpus
from stages.corpus.choice import choose_evenly
from stages.corpus.tokenizer import tokenize
from stages.fetching.invented import invent_tables
from stages.fetching.raw_files import Reading
from stages.fetching.raw_folder import read_folder
from stages.generators.chosen import with_choice
from stages.generators.per_label import PerLabel, label_shares
from stages.generators.protocol import find_generator
from stages.measures.bleu import self_bleu
from stages.measures.frechet import fit_gaussian, frechet_distance
from stages.measures.labels import LabelClassifier, right_shares
from stages.measures.sentence_vectors import SentenceEncoder
from stages.pipeline.stage import pick_device, seed_everything
from stages.pipeline.trainer import fit

ROOT = Path(__file__).parents[1]
SOME = 1000  # texts at most, as many of each source, whose Self-BLEU is taken
CHECK = {
    **{"rows": None, "count": 2000, "candidates": 8, "seed": 1, "max_length": 32},
    **{"text": "Text", "label": "oh_label"},
}


def read_corpus(file, options):
    """Make a corpus of a table's texts and labels, a tenth held out for each of two splits."""
    with TemporaryDirectory() as folder:
        if file == "sample":
            tables = invent_tables(1).items()
        else:
            path = Path(file)
            lines = path.read_text("utf-8").splitlines(keepends=True)
            tables = [(path.name, "".join(lines[: options["rows"] and options["rows"] + 1]))]
        for name, table in tables:
            (Path(folder) / name).write_text(table, "utf-8")
        reading = Reading(options["text"], options["label"], None, "line")
        merged = read_folder(Path(folder), reading, None, lambda line: None)
    rows = [
        (tokenize(text), label)
        for text, label in zip(merged.comments["text"], merged.comments["label"], strict=True)
    ]
    texts, labels = zip(*((words, label) for words, label in rows if words), strict=True)
    corpus = build_corpus(
        [*texts], labels, 0.1, 0.1, options["seed"], label_names=merged.label_names
    )
    return replace(corpus, max_length=options["max_length"])


def train(name, corpus, settings, seed, device):
    """Train a generator, one a label where it takes no labels."""
    kind = find_generator(name)

    def learn(part, called):
        generator = kind.build(part, settings, seed=seed, device=device)
        fit(generator, part, called, f"{time.time()}", minutes=10**6)
        print({key: round(value, 4) for key, value in generator.describe().items()})
        return generator

    if kind.conditional:
        return learn(corpus, name)
    names = corpus.label_names
    parts = {names[label]: learn(corpus.of_label(label), names[label]) for label in corpus.labels}
    return PerLabel(parts, label_shares(corpus))


class Judges:
    """What texts of known labels are judged by, made once of real texts."""

    def __init__(self, corpus, device):
        train, test = (
            (corpus.texts(split, corpus.max_length), corpus.name_labels(split))
            for split in (corpus.train, corpus.test)
        )
        self.classifier = LabelClassifier(*train)
        self.encoder = SentenceEncoder(device)
        self.real = {label: pick(*test, label) for label in sorted({*test[1]})}
        self.gaussians = {
            label: fit_gaussian(self.encoder.encode(texts)) for label, texts in self.real.items()
        }
        self.head()
        self.tell("training text", *train, learnt=True)
        self.tell("held-out text", *test)

    def tell(self, name, texts, labels, learnt=False):
        """Print a row of a source; what the classifier has learnt from it does not judge."""
        rights = right_shares(self.classifier, texts, labels)
        rights = [rights[label] for label in (*self.real, "balanced")]
        distances = []
        for label, real in self.real.items():
            own = pick(texts, labels, label)
            own = [own[place] for place in choose_evenly(len(own), len(real))]
            vectors = self.encoder.encode(own)
            distances.append(frechet_distance(self.gaussians[label], fit_gaussian(vectors)))
        some = choose_evenly(len(texts), min(SOME, sum(map(len, self.real.values()))))
        overlap = self_bleu([texts[place] for place in some], np.arange(len(some)))[:, 2].mean()
        cells = ["-" if learnt else f"{right:.3f}" for right in rights]
        cells += [f"{distance:.3f}" for distance in distances]
        cells += [f"{overlap:.3f}", f"{np.mean([len(text.split()) for text in texts]):.1f}"]
        print(f"{name:30}", *(f"{cell:>8}" for cell in cells), flush=True)

    def head(self):
        names = [f"right {label}" for label in (*self.real, "all")]
        names += [*(f"FD {label}" for label in self.real), "S-BLEU4", "words"]
        print(f"{'':30}", *(f"{name:>8}" for name in names))


def pick(texts, labels, wanted):
    return [text for text, label in zip(texts, labels, strict=True) if label == wanted]


def main(file, name, *changes):
    yaml = YAML(typ="safe")
    params, options = yaml.load(ROOT / "params.yaml"), dict(CHECK)
    for key, value in (change.split("=") for change in changes):
        (options if key in options else params[name])[key] = yaml.load(value)
    seed_everything(options["seed"], params["threads"])
    corpus, device = read_corpus(file, options), pick_device(params["device"])
    print(f"{len(corpus.train)} texts to learn from, {len(corpus.known_words)} words")
    settings = find_generator(name).Settings(**params[name])
    began = time.monotonic()
    generator = train(name, corpus, settings, options["seed"], device)
    print(f"{name}: {time.monotonic() - began:.0f} s")
    labels = generator.draw_labels(options["count"], options["seed"])
    judges = Judges(corpus, device)
    for candidates in sorted({1, options["candidates"] if generator.chooses else 1}):
        chosen = with_choice(generator, candidates)
        batches = chosen.generate(len(labels), options["seed"], labels=labels)
        texts = [text for batch in batches for text in batch]
        judges.tell(f"{name}, of {candidates}", texts, labels)
    if generator.likelihood == "exact":
        values = generator.log_likelihood(corpus.texts(corpus.test, corpus.max_length))
        known = np.isfinite(values)
        print(f"log P of held-out text: {values[known].mean():.2f} nats, {known.mean():.1%} known")


if __name__ == "__main__":
    main(*sys.argv[1:])
