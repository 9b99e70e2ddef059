"""Stage check: go over the whole of params.yaml before any work, and tell all mistakes at once."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from stages.corpus.errors import UserError
from stages.pipeline.files import write_json
from stages.pipeline.parameters import read_parameters
from stages.pipeline.stage import pick_device, run_stage
from stages.pipeline.whole_file import check_parameters

# Always the same content, so that what comes after runs again for parameters of its own only.
OUTPUT = "data/checked.json"


def main() -> None:
    values = read_parameters()
    mistakes = check_parameters(values) or check_machine(values)
    if mistakes:
        raise UserError("\n".join(mistakes))
    write_json(OUTPUT, {"params.yaml": "checked"})


def check_machine(values: Mapping[str, Any]) -> list[str]:
    """Find what this machine lacks and a stage would miss hours later.

    Args:
        values: the whole of params.yaml, free of mistakes.

    Returns:
        A line for each thing: the CUDA device, a source of texts that DVC does not remove, the
        oracle's weights, the measures' BERT that can be loaded, the embedding's that is wide enough
        too, the BERT that draws texts, the one that encodes them, those of detectors, the model
        that the transformer goes on from.
    """
    checks = [
        lambda: pick_device(values["device"]),
        lambda: _check_source(values["fetch"]["source"], "fetch.source"),
        lambda: _check_bert(values["measure"]["model"], "measure.model"),
    ]
    if values["fetch"]["source"] == "oracle" and values["oracle"]["weights"] is not None:
        checks.append(lambda: _check_oracle(**values["oracle"]))
    if "bert" in values["embeddings"]:
        checks.append(lambda: _check_embedding(**values["embedding"]["bert"]))
    if "bert_gibbs" in values["generators"]:
        checks.append(partial(_check_part, values["bert_gibbs"], "bert_gibbs.model"))
    checks += [
        partial(_check_part, values["detector"][name], f"detector.{name}.model")
        for name in values["detectors"]
        if "model" in values["detector"][name]
    ]
    if "minilm" in values["document_models"]:
        model = values["documents"]["minilm"]["model"]
        checks.append(lambda: _check_bert(model, "documents.minilm.model"))
    if "transformer" in values["generators"] and values["transformer"]["model"] is not None:
        checks.append(lambda: _check_language_model(values["transformer"]["model"]))
    mistakes = []
    for check in checks:
        try:
            check()
        except UserError as error:
            mistakes.append(str(error))
    return mistakes


def _check_source(source: str, setting: str) -> None:
    """Refuse the pipeline's own folder, which DVC empties before anything is read from it."""
    path = Path(source).expanduser().resolve()
    if source not in ("sample", "mendeley", "oracle") and path.is_relative_to(
        Path("data").resolve()
    ):
        raise UserError(
            f"params.yaml: {setting} is {source}, in data/, which the pipeline empties; move it "
            "elsewhere"
        )


def _check_oracle(weights: str, **settings: int) -> None:
    from stages.networks.oracle_weights import find_weights

    _check_source(weights, "oracle.weights")
    sizes = {name: settings[name] for name in ("vocabulary", "width", "hidden_size")}
    try:
        find_weights(weights, **sizes, seed=0)
    except UserError as error:
        raise UserError(f"params.yaml: oracle.weights: {error}") from None


def _check_bert(model: str, setting: str, num_layers: int | None = None) -> None:
    from stages.embeddings.pretrained_bert import MINILM, check_layers, load_tokenizer, load_width

    if model != MINILM:
        load_tokenizer(model, setting)
        load_width(model, setting)
    check_layers(model, num_layers, setting)


def _check_part(settings: Mapping[str, Any], setting: str) -> None:
    """Check the model of a section, and as many layers of it as the section may ask for."""
    _check_bert(settings["model"], setting, settings.get("num_layers"))


def _check_embedding(model: str, num_layers: int | None, vector_size: int | None) -> None:
    from stages.embeddings.pretrained_bert import OF_EMBEDDING, load_width

    _check_bert(model, OF_EMBEDDING, num_layers)
    width = load_width(model)
    if vector_size is not None and vector_size > width:
        raise UserError(
            f"params.yaml: embedding.bert.vector_size is {vector_size}; allowed for {model}: "
            f"at most its own width, {width}, or null"
        )


def _check_language_model(model: str) -> None:
    from stages.generators.pretrained_transformer import SETTING
    from stages.generators.subwords import Subwords
    from stages.networks.causal_language_model import load_config

    load_config(model, SETTING)
    Subwords.load_pretrained(model, SETTING)


if __name__ == "__main__":
    run_stage(main)
