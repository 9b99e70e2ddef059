"""The lab book's parts on what was trained: the corpus, the training, round trips, some texts."""

import re
from collections.abc import Sequence
from pathlib import Path

from stages.pipeline.files import read_lines
from stages.reporting.record import read_json
from stages.reporting.tables import ABSENT, any_form, phrase, spaced, table, tenths, whole
from stages.reporting.wording import name_source

LINES = 10  # of each source that are shown

_COUNTS = {
    "rows": "rows read",
    "dropped": "rows dropped, such as those without text",
    "duplicates": "rows beyond the first of each distinct text",
    "relabelled": "texts that came with more than one label",
    "mended": "rows whose text was mended",
    "too_long": "texts dropped as too long",
    "too_short": "texts dropped as too short",
    "texts": "texts left",
    "train": "training texts",
    "validation": "validation texts",
    "test": "test texts",
    "test_also_in_train": "test texts that are training texts too",
    "vocabulary": "different words that models know",
    "longest": "words of the longest text",
    "mean_length": "words a text, on average",
}


def read_left(metrics: Path, stage: str, item: str) -> dict[str, float]:
    """Read what a stage left about one of its items, nothing where it has not run.

    What it left about each label alone is told beside the rest, by the label's name.
    """
    left = read_json(metrics / stage / f"{item}.json").get(stage, {}).get(item, {})
    flat = {key: value for key, value in left.items() if not isinstance(value, dict)}
    for label, values in left.items():
        if isinstance(values, dict):
            flat |= {f"{label} {key}": value for key, value in values.items()}
    return flat


def corpus_part(metrics: Path) -> str:
    counts = read_json(metrics / "prepare.json").get("prepare")
    if not counts:
        return ""
    labels = counts.pop("labels", {})
    rows = [[_COUNTS.get(key, spaced(key)), any_form(value)] for key, value in counts.items()]
    rows += [[f"texts with the label {label}", any_form(value)] for label, value in labels.items()]
    return "\n\n".join(
        [
            "## The corpus",
            table(["what", "number"], rows),
            "![How long the texts are](../plots/prepare-lengths.png)",
        ]
    )


def training_part(metrics: Path, generated: Sequence[str]) -> str:
    rows = []
    for source in generated:
        for stage in ("train_generator", "train_gan"):
            left = read_left(metrics, stage, source)
            if left:
                rows.append([name_source(source), phrase(left)])
    samples = {source: read_left(metrics, "sample", source) for source in generated}
    keys = list(dict.fromkeys(key for sample in samples.values() for key in sample))
    written = [
        [name_source(source), *(any_form(sample[key]) if key in sample else ABSENT for key in keys)]
        for source, sample in samples.items()
        if sample
    ]
    blocks = ["## Training"] if rows or written else []
    if rows:
        blocks.append(
            "What each training left. After `dvc repro`, `dvc plots show` draws the loss curves."
        )
        blocks.append(table(["generator", "numbers"], rows, texts=2))
    if written:
        blocks.append("What each generator then wrote (mean length in words):")
        blocks.append(table(["generator", *map(spaced, keys)], written))
    return "\n\n".join(blocks)


def round_trips_part(metrics: Path, embeddings: Sequence[str]) -> str:
    forms = {
        "width": ("numbers a word", whole),
        "vocabulary": ("words or pieces", whole),
        "out_of_vocabulary": ("test words it does not know", tenths),
        "round_trip": ("test words that come back", tenths),
    }
    rows = []
    for name in embeddings:
        left = read_left(metrics, "train_embedding", name)
        if left:
            rows.append(
                [
                    name,
                    *(
                        form(left[key]) if key in left else ABSENT
                        for key, (_, form) in forms.items()
                    ),
                ]
            )
    if not rows:
        return ""
    return "\n\n".join(
        [
            "## Embeddings, there and back",
            "Test text is turned into vectors and back into words: what is lost here, no GAN of "
            "the paper's recipe can write (higher is better).",
            table(["embedding", *(title for title, _ in forms.values())], rows),
        ]
    )


def lines_part(samples: Path, generated: Sequence[str], invented: bool) -> str:
    if not invented:
        return (
            "## Texts\n\nThe texts of this run come from real people's comments, or from models "
            "that learnt from these; they are not printed here. They lie in `data/samples/`."
        )
    blocks = []
    for source in ("test", *generated):
        path = samples / f"{source}.txt"
        if not path.is_file():
            continue
        lines = "\n".join(read_lines(path)[:LINES])
        runs = [len(run) for run in re.findall("`+", lines)]
        fence = "`" * max(3, *(run + 1 for run in runs), 3)
        blocks += [f"**{name_source(source)}**", f"{fence}text\n{lines}\n{fence}"]
    if not blocks:
        return ""
    return "\n\n".join([f"## Texts\n\nThe first {LINES} of each source.", *blocks])
