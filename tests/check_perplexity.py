"""How likely a generator makes a published split.

python tests/check_perplexity.py FOLDER                          the language model
python tests/check_perplexity.py FOLDER lstm_vae code_size=64    one with codes, a setting changed
python tests/check_perplexity.py FOLDER character_lstm           one of characters, in bits of each

FOLDER holds train.txt, valid.txt and test.txt, a sentence a line, words between spaces, such as the
Penn Treebank of T. Mikolov et al., 2010. Each sentence is read for itself and its end is counted.
Of a generator with codes the likelihood is known by bounds alone: no perplexity is made of them.
"""

import math
import sys
import time
from itertools import chain
from pathlib import Path
from statistics import fmean

sys.path.insert(0, str(Path(__file__).parents[1]))

import stages  # noqa: F401, I001 - before the libraries load, which it settles

import numpy as np
import torch
from ruamel.yaml import YAML
from tqdm import tqdm

from stages.corpus.corpus import Corpus, Split
from stages.generators.protocol import find_generator
from stages.pipeline.stage import pick_device, seed_everything
from stages.training.likelihood import negative_log_likelihood
from stages.training.variational import read, summarise

ROOT = Path(__file__).parents[1]
DRAWS = 50  # codes a sentence


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


def fit(model, corpus):
    """Train a model and leave it with the weights of its best epoch."""
    began, best, kept, made = time.monotonic(), math.inf, {}, []
    for step in tqdm(model.train(corpus), total=model.count_steps(corpus), unit="step"):
        made.append(step.losses)
        if step.ends_epoch:
            minutes = (time.monotonic() - began) / 60
            means = {name: fmean(losses[name] for losses in made) for name in step.losses}
            losses = ", ".join(f"{name} {loss:.4f}" for name, loss in means.items())
            told = f"{step.validation:.4f} nats a word (in training {losses})"
            print(f"epoch {step.epoch}: {told}, {minutes:.1f} minutes", flush=True)
            made = []
            if step.validation < best:
                weights = model.network.state_dict()
                best, kept = step.validation, {name: each.clone() for name, each in weights.items()}
    model.network.load_state_dict(kept)


def tell_perplexity(model, tokens):
    if hasattr(model, "bits"):
        return f"{model.bits(tokens):.4f} bits a character"
    loss = negative_log_likelihood(model.network, tokens)
    return f"{loss:.4f} nats a word, perplexity {math.exp(loss):.2f}"


def tell_bounds(model, tokens):
    random = torch.Generator().manual_seed(1)
    noise = torch.randn((DRAWS, len(tokens), model.network.code_size), generator=random)
    values = summarise(read(model.network, tokens, noise), noise[0].numpy())
    told = ", ".join(f"{name} {value:.2f}" for name, value in values.items())
    return f"{told} (nats a sentence, mean of {len(tokens)}; {DRAWS} codes each)"


def main(folder, name="language_model", *changes):
    yaml = YAML(typ="safe")
    params = yaml.load(ROOT / "params.yaml")
    for key, value in (change.split("=") for change in changes):
        params[name][key] = yaml.load(value)
    seed_everything(params["seed"], params["threads"])
    corpus, kind = read_corpus(Path(folder)), find_generator(name)
    settings = kind.Settings(**params[name])
    model = kind.build(corpus, settings, seed=1, device=pick_device(params["device"]))
    print(model.settings)
    fit(model, corpus)
    tell = tell_bounds if kind.latent else tell_perplexity
    for part, split in (("valid", corpus.validation), ("test", corpus.test)):
        print(f"{part}.txt: {tell(model, model.number(corpus, split))}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
