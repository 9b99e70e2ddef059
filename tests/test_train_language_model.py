"""The stage train_language_model: the epoch that is kept, and the texts that choose it."""

import json
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML

from stages import train_language_model
from stages.corpus.corpus import Corpus, Split
from stages.models.language_model import LanguageModel

PARAMS = YAML(typ="safe").load(Path(__file__).parents[1] / "params.yaml")
WORDS = ["", "the", "soup", "was", "cold", "hot"]  # the last in the validation split alone
TRAIN = ["the soup was cold", "was the soup", "cold soup", "the soup", "soup"]
VALIDATION = ["hot soup was the hot cold", "the soup"]
LENGTH = 3


def make_split(texts):
    words = [[WORDS.index(word) for word in text.split()] for text in texts]
    offsets = np.cumsum([0, *map(len, words)])
    return Split(np.concatenate(words), offsets, np.zeros(len(words), dtype=np.int8))


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Give the function that runs the stage on the losses that validation is to have.

    It gives the stage's metrics, and each epoch's weights and held-out texts.
    """
    monkeypatch.chdir(tmp_path)
    splits = map(make_split, (TRAIN, VALIDATION, ["was cold"]))
    Corpus(WORDS, len(WORDS) - 2, *splits).save("data/corpus")

    def run(losses):
        params = deepcopy(PARAMS) | {"device": "cpu"}
        params["gan"]["max_length"] = LENGTH
        params["language_model"] |= {"width": 4, "hidden_size": 4, "batch_size": 2}
        params["language_model"]["epochs"] = len(losses)
        YAML().dump(params, Path("params.yaml"))
        weights, texts, told = [], [], iter(losses)

        def negative_log_likelihood(model, tokens):
            weights.append({name: part.clone() for name, part in model.state_dict().items()})
            texts.append(model.write(tokens))
            return next(told)

        monkeypatch.setattr(
            train_language_model, "negative_log_likelihood", negative_log_likelihood
        )
        train_language_model.main()
        metrics = json.loads(Path("metrics/train_language_model.json").read_text())
        return metrics["train_language_model"], weights, texts

    monkeypatch.setattr(train_language_model, "seed_everything", torch.manual_seed)
    return run


@pytest.mark.parametrize(
    ("losses", "best"),
    [([3.0, 1.0, 2.0], 2), ([1.0, 3.0, 2.0], 1), ([3.0, 2.0, 1.0], 3)],
    ids=["inside", "first", "last"],
)
def test_the_epoch_kept_is_the_likeliest_on_validation(train, losses, best):
    metrics, weights, _ = train(losses)
    assert (metrics["best_epoch"], metrics["validation_loss"]) == (best, 1.0)
    kept = LanguageModel.load("data/models/language_model.safetensors", "cpu").state_dict()
    alike = [all(torch.equal(kept[name], part) for name, part in each.items()) for each in weights]
    assert alike == [epoch == best for epoch in (1, 2, 3)]


def test_the_training_loss_is_that_of_the_epoch_kept(train):
    # The same training each time: only what is kept differs, and the loss falls.
    kept = [[1.0, 3.0, 2.0], [3.0, 1.0, 2.0], [3.0, 2.0, 1.0]]
    losses = [train(each)[0]["training_loss"] for each in kept]
    assert losses[0] > losses[1] > losses[2]


def test_validation_texts_lose_the_words_that_training_lacks_before_they_are_cropped(train):
    # Cropped before, the first would be "soup was".
    _, _, texts = train([1.0])
    assert texts == [["soup was the", "the soup"]]
