"""How well encoders of documents find documents of the same label.

python tests/check_documents.py FOLDER tfidf                    FOLDER: of the 20 Newsgroups
python tests/check_documents.py FOLDER autoencoder epochs=20    settings of the encoder
python tests/check_documents.py sample lsa width=20             on the invented comments

FOLDER holds train.feat, test.feat (a text a line: its label, then `word:count`, words numbered from
1) and vocab.new (a word a line), as NVDM and DocNADE have them. The texts have no order of words,
so that `word2vec` and `minilm` mean nothing there. Settings of the check stand among the encoder's:
queries (of the test texts, evenly spaced), held_out (training texts that validate), seed, device,
threads.

Printed are the precisions at fractions of recall, with 95 % intervals, beside those that another
implementation reached on 1,500 queries of the 20 Newsgroups.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import stages  # noqa: F401, I001 - before the libraries load, which it settles

import numpy as np
from ruamel.yaml import YAML

from stages.corpus.building import build_corpus
from stages.corpus.choice import choose_evenly
from stages.corpus.corpus import Corpus, Split
from stages.corpus.tokenizer import tokenize
from stages.documents.protocol import find_document_model
from stages.fetching.invented import invent_tables
from stages.fetching.raw_files import Reading
from stages.fetching.raw_folder import read_folder
from stages.measures.retrieval import FRACTIONS, measure_chance, measure_precision
from stages.pipeline.stage import pick_device, seed_everything
from stages.pipeline.trainer import fit

ROOT = Path(__file__).parents[1]
CHECK = {"queries": 7505, "seed": 1, "device": "cpu", "held_out": 1000, "threads": 1}
# By encoder and updates: another implementation in NumPy, on the same files.
KNOWN = {
    "binary cosine": (0.524, 0.487, 0.409, 0.312, 0.212, 0.135, 0.088),
    "tfidf": (0.636, 0.607, 0.551, 0.472, 0.356, 0.214, 0.113),
    "lsa": (0.615, 0.599, 0.569, 0.523, 0.454, 0.321, 0.153),
    "autoencoder, 5,000": (0.245, 0.223, 0.184, 0.148, 0.116, 0.087, 0.067),
    "autoencoder, 10,000": (0.348, 0.324, 0.281, 0.241, 0.197, 0.145, 0.098),
    "autoencoder, 20,000": (0.402, 0.384, 0.343, 0.302, 0.256, 0.192, 0.119),
    "adversarial, 5,000": (0.190, 0.164, 0.135, 0.113, 0.091, 0.073, 0.061),
    "adversarial, 10,000": (0.335, 0.313, 0.272, 0.230, 0.189, 0.139, 0.096),
}


def read_newsgroups(folder, held_out):
    """Make a corpus of the newsgroups; so many training texts, evenly spaced, validate."""
    words = ["", *(line.split()[0] for line in (folder / "vocab.new").open(encoding="utf-8"))]
    parts = {}
    for name in ("train", "test"):
        rows = [line.split() for line in (folder / f"{name}.feat").open(encoding="utf-8")]
        pairs = [[tuple(map(int, cell.split(":"))) for cell in row[1:]] for row in rows]
        texts = [np.repeat(*np.array(pair).T).astype(np.int32) for pair in pairs]
        parts[name] = texts, np.array([int(row[0]) - 1 for row in rows], np.int8)
    texts, labels = parts["train"]
    chosen = np.isin(np.arange(len(texts)), choose_evenly(len(texts), held_out))
    splits = [
        split([text for text, is_in in zip(texts, chosen, strict=True) if is_in == wanted], own)
        for wanted, own in ((False, labels[~chosen]), (True, labels[chosen]))
    ]
    names = tuple(str(label) for label in np.unique(labels))
    return Corpus(words, len(words) - 1, *splits, split(*parts["test"]), label_names=names)


def split(texts, labels):
    offsets = np.cumsum([0, *map(len, texts)])
    return Split(np.concatenate(texts), offsets, labels)


def read_sample(seed):
    """Make a corpus of the invented comments."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        for name, table in invent_tables(1).items():
            (Path(folder) / name).write_text(table, "utf-8")
        reading = Reading("Text", "oh_label", None, "line")
        merged = read_folder(Path(folder), reading, None, lambda line: None)
    rows = zip(map(tokenize, merged.comments["text"]), merged.comments["label"], strict=True)
    texts, labels = zip(*((words, label) for words, label in rows if words), strict=True)
    return build_corpus([*texts], labels, 0.1, 0.05, seed, label_names=merged.label_names)


def main(place, name, *changes):
    yaml = YAML(typ="safe")
    options, settings = dict(CHECK), yaml.load(ROOT / "params.yaml")["documents"][name]
    for key, value in (change.split("=") for change in changes):
        (options if key in options else settings)[key] = yaml.load(value)
    seed_everything(options["seed"], options["threads"])
    device = pick_device(options["device"])
    is_sample = place == "sample"
    corpus = (
        read_sample(options["seed"])
        if is_sample
        else read_newsgroups(Path(place), options["held_out"])
    )
    kind = find_document_model(name)
    model = kind.build(corpus, kind.Settings(**settings), seed=options["seed"], device=device)
    began = time.monotonic()
    training = fit(model, corpus, f"check_{name}", f"{time.time()}", minutes=10**6)
    seconds = time.monotonic() - began
    print({key: round(value, 4) for key, value in training.summary().items()})
    print(f"{name}: {seconds:.0f} s, {len(training.steps) / seconds:.1f} steps a second")
    for epoch in np.unique([step.epoch for step in training.steps if len(training.steps) > 1]):
        steps = [step for step in training.steps if step.epoch == epoch]
        if epoch in (1, 2, 5, 10, 20, 50, 100, 150) or epoch == training.steps[-1].epoch:
            shown = {of: round(loss, 2) for of, loss in steps[-1].losses.items()}
            print(f"  epoch {epoch}: {shown}, validation {steps[-1].validation:.3f}")
    tell(corpus, model, options["queries"])
    if name == "tfidf":
        print("by whether they have a word, unweighed:")
        tell(corpus, Binary(model.bags), options["queries"])
    if not is_sample:
        for known, row in KNOWN.items():
            if not known.startswith((name, "binary")):
                continue
            print(f"{known:22}", *(f"{value:14.3f}" for value in row))


class Binary:
    """Texts as the set of their words."""

    def __init__(self, bags):
        self.bags = bags

    def encode(self, texts):
        return (self.bags.count(texts) > 0).astype(np.float32).toarray()


def tell(corpus, model, queries):
    """Print precisions, where test texts look for training and validation texts."""
    texts = corpus.texts(corpus.train) + corpus.texts(corpus.validation)
    labels = np.concatenate([corpus.train.labels, corpus.validation.labels])
    chosen = choose_evenly(len(corpus.test), queries)
    asked = corpus.texts(corpus.test)
    asked, wanted = [asked[place] for place in chosen], corpus.test.labels[chosen]
    precision = measure_precision(model.encode(texts), labels, model.encode(asked), wanted)
    ends = 1.96 * precision.std(0) / len(precision) ** 0.5
    print(f"{len(asked)} queries, {len(texts)} documents, by chance", end=" ")
    print(f"{measure_chance(labels, wanted).mean():.3f}")
    print(f"{'fraction of recall':22}", *(f"{fraction:14g}" for fraction in FRACTIONS))
    cells = (f"{value:.3f} ± {end:.3f}" for value, end in zip(precision.mean(0), ends, strict=True))
    print(f"{'here':22}", *(f"{cell:>14}" for cell in cells), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
