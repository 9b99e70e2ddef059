"""Stage train_document_model: train one encoder of documents on the training split."""

from stages.corpus.corpus import load_corpus
from stages.documents.protocol import find_document_model
from stages.pipeline.files import replacing, write_metrics
from stages.pipeline.parameters import load_params, load_settings
from stages.pipeline.stage import pick_device, run_stage, seed_everything
from stages.pipeline.trainer import checkpoint_key, fit, remove_checkpoints, write_curve


def main(name: str) -> None:
    params = load_params("seed", "device", "threads", "checkpoint_minutes")
    kind = find_document_model(name)
    settings = load_settings(f"documents.{name}", kind.Settings)
    seed_everything(params.seed, params.threads)
    corpus = load_corpus("data/corpus")
    model = kind.build(corpus, settings, seed=params.seed, device=pick_device(params.device))
    called = f"document_{name}"  # a GAN may have the name
    key = checkpoint_key(model, corpus, params.seed, [])
    training = fit(model, corpus, called, key, params.checkpoint_minutes)
    with replacing(f"data/documents/{name}") as folder:
        model.save(folder)
    write_metrics("train_document_model", model.describe() | training.summary(), name)
    write_curve(f"plots/train_document_model/{name}.csv", training.steps)
    remove_checkpoints(called)


if __name__ == "__main__":
    run_stage(main)
