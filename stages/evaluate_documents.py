"""Stage evaluate_documents: which encoder finds texts of the same label, and how texts lie."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from stages.corpus.choice import choose_evenly
from stages.corpus.corpus import Corpus, load_corpus
from stages.documents.protocol import load_document_model
from stages.measures.retrieval import FRACTIONS, measure_chance, measure_precision
from stages.pipeline.document_pictures import draw_documents, lay_out, read_energies
from stages.pipeline.files import replacing, write_csv, write_metrics
from stages.pipeline.parameters import load_params
from stages.pipeline.sources import check_unseen
from stages.pipeline.stage import pick_device, run_stage, seed_everything

PICTURE = "plots/documents.png"


class Texts(NamedTuple):
    """Some texts, and the place of each one's label among the corpus's, or `NO_LABEL`."""

    texts: list[str]
    labels: np.ndarray


def main() -> None:
    params = load_params(
        "seed",
        "device",
        "threads",
        "document_models",
        "prepare.train_on",
        "documents.queries",
        "documents.candidates",
        "documents.mapped",
    )
    check_unseen(params.prepare.train_on)
    seed_everything(params.seed, params.threads)
    device, documents = pick_device(params.device), params.documents
    corpus = load_corpus("data/corpus")
    candidates = choose(corpus, ("train", "validation"), documents.candidates)
    queries = choose(corpus, ("test",), documents.queries)
    mapped = choose_evenly(len(queries.texts), documents.mapped)
    is_labelled = len(corpus.labels) > 1
    values: dict[str, Any] = {"texts": count(candidates, queries, is_labelled)}
    rows, maps = [], {}
    for name in tqdm(params.document_models, desc="encoders", unit="encoder"):
        folder = Path(f"data/documents/{name}")
        model = load_document_model(folder, device)
        corpus.check_model(folder, model.fingerprint)
        asked = model.encode(queries.texts)
        values[name] = {
            "width": asked.shape[1],
            "empty_queries": int((~asked.any(1)).sum()),
        }
        if is_labelled:
            found = model.encode(candidates.texts)
            values[name]["empty_candidates"] = int((~found.any(1)).sum())
            precision = measure_precision(found, candidates.labels, asked, queries.labels)
            for fraction, share, end in zip(FRACTIONS, *estimate(precision), strict=True):
                values[name][f"precision_at_{fraction:g}"] = share
                rows.append((name, f"precision_at_{fraction:g}", share, share - end, share + end))
        maps[name] = lay_out(asked[mapped], params.seed)
    write_csv("plots/documents.csv", ("source", "measure", "value", "low", "high"), rows)
    write_metrics("evaluate_documents", values)
    labels = [corpus.label_names[label] if is_labelled else "" for label in queries.labels[mapped]]
    curves = {name: Path(f"plots/train_document_model/{name}.csv") for name in maps}
    energies = {name: read_energies(path) for name, path in curves.items()}
    with replacing(PICTURE) as path:
        draw_documents(path, rows, values["texts"].get("chance"), maps, labels, energies)


def choose(corpus: Corpus, splits: Sequence[str], most: int) -> Texts:
    """Take so many texts at most of some splits, one after the other, evenly spaced."""
    parts = [getattr(corpus, name) for name in splits]
    texts = [text for part in parts for text in corpus.texts(part)]
    labels = np.concatenate([part.labels for part in parts])
    places = choose_evenly(len(texts), most)
    return Texts([texts[place] for place in places], labels[places])


def count(candidates: Texts, queries: Texts, is_labelled: bool) -> dict[str, float]:
    """Count texts, and say what a search by chance would find."""
    values = {"queries": len(queries.texts), "candidates": len(candidates.texts)}
    if is_labelled:
        values["chance"] = float(measure_chance(candidates.labels, queries.labels).mean())
    return values


def estimate(precision: np.ndarray) -> tuple[list[float], list[float]]:
    """Return means over queries, and half the width of their 95 % intervals."""
    errors = precision.std(0) / len(precision) ** 0.5
    return precision.mean(0).tolist(), (1.96 * errors).tolist()


if __name__ == "__main__":
    run_stage(main)
