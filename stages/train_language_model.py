"""Stage train_language_model: teach the modern recipe's generator the likelihood of real texts."""

import math
from itertools import islice
from statistics import fmean

from tqdm import tqdm

from stages.corpus.corpus import load_corpus
from stages.errors import UserError
from stages.experiment import (
    load_params,
    pick_device,
    replacing,
    run_stage,
    seed_everything,
    write_metrics,
)
from stages.models.language_model import LanguageModel, LanguageModelSettings, rank_words
from stages.training.best import Best
from stages.training.likelihood import negative_log_likelihood, train_likelihood


def main() -> None:
    params = load_params("seed", "device", "gan.max_length", "language_model")
    seed_everything(params.seed)
    device = pick_device(params.device)
    settings, length = params.language_model, params.gan.max_length
    corpus = load_corpus("data/corpus")
    learnt = corpus.texts(corpus.train, length)
    words = rank_words(learnt)
    shape = LanguageModelSettings(
        settings.width, settings.hidden_size, settings.num_layers, settings.dropout
    )
    model = LanguageModel(words, shape).to(device)
    known = [
        " ".join(word for word in text.split() if word in model.ids)
        for text in corpus.texts(corpus.validation)
    ]
    held_out = model.tokenize(known, length)
    updates = train_likelihood(
        model,
        model.tokenize(learnt, length),
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
    )
    best, means = Best(model), []
    per_epoch = math.ceil(len(learnt) / settings.batch_size)
    total = settings.epochs * per_epoch
    with tqdm(desc=f"language model on {device}", total=total, unit="step") as progress:
        for epoch in range(1, settings.epochs + 1):
            losses = []
            for step in islice(updates, per_epoch):
                losses.append(step.loss)
                progress.update()
                progress.set_postfix(loss=f"{step.loss:.3f}", validation=f"{best.value:.3f}")
            means.append(fmean(losses))
            if not math.isfinite(means[-1]):
                raise UserError(
                    f"language model: the loss is no longer finite in epoch {epoch}; "
                    "lower language_model.learning_rate"
                )
            best.offer(negative_log_likelihood(model, held_out), epoch)
    best.restore()
    with replacing("data/models/language_model.safetensors") as path:
        model.save(path)
    values = {
        "words": len(words) - 1,
        "texts": len(learnt),
        "validation": len(held_out),
        "training_loss": means[best.epoch - 1],
        "validation_loss": best.value,
        "best_epoch": best.epoch,
    }
    write_metrics("train_language_model", values)


if __name__ == "__main__":
    run_stage(main)
