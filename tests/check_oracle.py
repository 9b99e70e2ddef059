"""How likely a generator's texts are under an oracle, and the oracle's texts under the generator.

python tests/check_oracle.py ORACLE markov order=2              a chain, a setting changed
python tests/check_oracle.py ORACLE language_model epochs=5     a network
python tests/check_oracle.py ORACLE ngrams order=3 power=2      words by n-grams, see `write_ngrams`
python tests/check_oracle.py ORACLE language_model seed=2       other texts, and another training

ORACLE is an .npz (see `stages/networks/oracle_weights.py`), or seed=N for one of random weights.
The generator learns from 10,000 texts of 20 words; 1,000 more validate it and 2,000 more are its
test text. It writes 2,000 texts; all measures are told of these and of the oracle's own.

nll_oracle and nll_test are in nats a word. A generator cannot write a test text with a word, or a
transition, that it has not learnt: nll_test is the mean of the others, and `impossible` the share
of these. Of a generator of bounds it is an upper bound.
"""

import os
import sys
import time
from collections import Counter, defaultdict
from itertools import accumulate, product
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

import stages  # noqa: F401, I001 - before the libraries load, which it settles

import numpy as np
import torch
from ruamel.yaml import YAML

from stages.corpus.corpus import NO_LABEL, Corpus, Split
from stages.generators.protocol import find_generator
from stages.measures.bleu import self_bleu
from stages.measures.lexical import KnownText, copied_lines, distinct_ngrams
from stages.measures.oracle_likelihood import oracle_nats
from stages.networks.oracle_lstm import OracleLstm, write_texts
from stages.pipeline.stage import pick_device, seed_everything
from stages.pipeline.trainer import fit

ROOT = Path(__file__).parents[1]
LENGTH, COUNT = 20, 2000
TRAIN, VALIDATION, TEST = 10_000, 1000, 2000
COLUMNS = ("nll_oracle", "nll_test", "impossible", "distinct-2", "copied", "Self-BLEU-4", "seconds")


def read_oracle(source):
    if source.startswith("seed="):
        return OracleLstm.draw(5000, 32, 32, seed=int(source.removeprefix("seed=")))
    return OracleLstm.load(Path(source))


def make_corpus(oracle, sizes=(TRAIN, VALIDATION, TEST), length=LENGTH, seed=1):
    """Draw the texts of three splits, of which all words of the oracle are the vocabulary."""
    tokens = oracle.sample(sum(sizes), length, torch.Generator().manual_seed(seed))
    words = ["", *write_texts(torch.arange(oracle.vocabulary_size)[:, None])]
    splits = [
        Split(
            part.numpy().astype(np.int32).ravel() + 1,
            np.arange(0, part.numel() + 1, length),
            np.full(len(part), NO_LABEL, np.int8),
        )
        for part in tokens.split(list(sizes))
    ]
    return Corpus(words, oracle.vocabulary_size, *splits, max_length=length, label_names=())


def write_ngrams(corpus, count, order=0, power=1, seed=1):
    """Draw each word by how often it came after the `order` words before it, or after fewer.

    Unlike `markov` it knows where a text begins, and where the words before were never followed by
    any, in no training text's middle, it goes on by the last of them alone. Counts are raised to
    the power: above 1 likely words become likelier.
    """
    learnt = corpus.train.padded(LENGTH)
    before = np.pad(learnt, ((0, 0), (order, 0)))  # 0 for what is before a text
    following = defaultdict(Counter)
    for row in before.tolist():
        for place, used in product(range(order, order + LENGTH), range(order + 1)):
            following[tuple(row[place - used : place])][row[place]] += 1
    choices = {
        history: ([*counts], [*accumulate(number**power for number in counts.values())])
        for history, counts in following.items()
    }
    random = Random(seed)
    texts = []
    for _ in range(count):
        text = [0] * order
        for place in range(order, order + LENGTH):
            tried = (tuple(text[place - used : place]) for used in range(order, -1, -1))
            words, sums = choices[next(history for history in tried if history in choices)]
            text += random.choices(words, cum_weights=sums)
        texts.append(" ".join(corpus.words[word] for word in text[order:]))
    return texts


def train(name, changes, corpus, seed):
    """Train a generator, by its section of params.yaml and what is changed of it."""
    yaml = YAML(typ="safe")
    params = yaml.load(ROOT / "params.yaml")
    for change in changes:
        key, value = change.split("=")
        params[name][key] = yaml.load(value)
    seed_everything(seed, params["threads"])
    kind = find_generator(name)
    settings = kind.Settings(**params[name])
    device = pick_device(params["device"])
    model = kind.build(corpus, settings, seed=seed, device=device)
    print(model.settings, flush=True)
    with TemporaryDirectory() as folder:  # where a checkpoint would go
        os.chdir(folder)
        print(fit(model, corpus, name, key="", minutes=1e6).summary(), flush=True)
        os.chdir(ROOT)
    return model


def tell_likelihood(model, texts):
    """Return nats a word of the texts that a generator can write, and the share that it cannot."""
    if model is None or model.likelihood == "none":
        return np.nan, np.nan
    values = model.log_likelihood(texts)
    possible = np.isfinite(values)
    words = sum(len(text.split()) for text, kept in zip(texts, possible, strict=True) if kept)
    return -values[possible].sum() / words if words else np.inf, 1 - possible.mean()


def tell(name, texts, training, oracle, seconds, likelihood=(np.nan, np.nan)):
    nats, words = oracle_nats(texts, oracle)
    places = np.arange(len(texts))
    values = [nats.sum() / words.sum(), *likelihood, distinct_ngrams(texts, 2)(places)]
    values += [copied_lines(texts, training).mean(), self_bleu(texts, places)[:, 2].mean(), seconds]
    cells = " | ".join(f"{value:.3f}" for value in values)
    print(f"| {name} | {cells} |", flush=True)


def main(source, name, *changes):
    seeds = [int(each.removeprefix("seed=")) for each in changes if each.startswith("seed=")]
    seed = seeds[-1] if seeds else 1  # of the oracle's texts, of training and of the texts written
    settings = [each for each in changes if not each.startswith("seed=")]
    oracle = read_oracle(source)
    corpus = make_corpus(oracle, seed=seed)
    training, test = KnownText(corpus.texts(corpus.train), 1), corpus.texts(corpus.test)
    began = time.monotonic()
    if name == "ngrams":
        options = {key: int(value) for key, value in (change.split("=") for change in settings)}
        model, texts = None, write_ngrams(corpus, COUNT, **options, seed=seed)
    else:
        model = train(name, settings, corpus, seed)
        texts = [text for batch in model.generate(COUNT, seed=seed) for text in batch]
    seconds = time.monotonic() - began
    print(f"| source | {' | '.join(COLUMNS)} |\n|---|{'---:|' * len(COLUMNS)}")
    tell("the oracle's own", test, training, oracle, 0)
    likelihood = tell_likelihood(model, test)
    tell(" ".join([name, *changes]), texts, training, oracle, seconds, likelihood)


if __name__ == "__main__":
    main(*sys.argv[1:])
