"""A language model's perplexity on a published split: `python tests/check_perplexity.py FOLDER`.

FOLDER holds train.txt, valid.txt and test.txt, a sentence a line, words between spaces, such as the
Penn Treebank of T. Mikolov et al., 2010. Each sentence is read for itself and its end is counted.

`python tests/check_perplexity.py FOLDER character_lstm hidden_size=512` gives the bits a character
of the model that reads characters, spaces among them; what follows the generator's name stands in
place of the settings in params.yaml.
"""

import math
import sys
import time
from itertools import chain
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import stages  # noqa: F401, I001 - before the libraries load, which it settles

import numpy as np
from ruamel.yaml import YAML
from tqdm import tqdm

from stages.corpus.corpus import Corpus, Split
from stages.generators.protocol import find_generator
from stages.pipeline.stage import pick_device, seed_everything
from stages.training.likelihood import negative_log_likelihood

ROOT = Path(__file__).parents[1]


def read_corpus(folder):
    """Make a corpus of the three files, of the words of the training file."""
    files = {
        name: [line.split() for line in (folder / f"{name}.txt").read_text("utf-8").splitlines()]
        for name in ("train", "valid", "test")
    }
    texts = {name: [words for words in lines if words] for name, lines in files.items()}
    ids = {word: number for number, word in enumerate(dict.fromkeys(chain(*texts["train"])), 1)}
    lacking = sum(word not in ids for name in texts for words in texts[name] for word in words)
    assert not lacking, f"{lacking} words of valid.txt or test.txt are not in train.txt"

    def split(lines):
        tokens = np.array([ids[word] for words in lines for word in words], np.int32)
        offsets = np.cumsum([0, *map(len, lines)])
        return Split(tokens, offsets, np.zeros(len(lines), np.int8))

    longest = max(map(len, chain(*texts.values())))
    splits = (split(texts[name]) for name in ("train", "valid", "test"))
    return Corpus(["", *ids], len(ids), *splits, max_length=longest + 1)


def main(folder, name="language_model", *changes):
    yaml = YAML(typ="safe")
    params = yaml.load(ROOT / "params.yaml")
    seed_everything(params["seed"], params["threads"])
    corpus, began = read_corpus(Path(folder)), time.monotonic()
    kind = find_generator(name)
    changed = {key: yaml.load(value) for key, value in (each.split("=") for each in changes)}
    settings = kind.Settings(**{**params[name], **changed})
    model = kind.build(corpus, settings, seed=1, device=pick_device(params["device"]))
    print(f"{settings}, {model.describe()}")
    best, kept = math.inf, {}
    for step in tqdm(model.train(corpus), total=model.count_steps(corpus), unit="step"):
        if step.ends_epoch:
            minutes = (time.monotonic() - began) / 60
            loss = f"{step.validation:.4f} nats a word"
            print(f"epoch {step.epoch}: {loss}, {minutes:.1f} minutes", flush=True)
            if step.validation < best:
                weights = model.network.state_dict()
                best, kept = step.validation, {name: each.clone() for name, each in weights.items()}
    model.network.load_state_dict(kept)
    for name, part in (("valid", corpus.validation), ("test", corpus.test)):
        texts = model.number(corpus, part)
        if hasattr(model, "bits"):
            print(f"{name}.txt: {model.bits(texts):.4f} bits a character")
        else:
            loss = negative_log_likelihood(model.network, texts)
            print(f"{name}.txt: {loss:.4f} nats a word, perplexity {math.exp(loss):.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
