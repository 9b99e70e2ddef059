"""The lab book's part on people: which texts they took for real, beside the detectors."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.corpus.errors import UserError
from stages.pipeline.sources import TEST
from stages.reporting.record import read_numbers
from stages.reporting.sections import Columns, source_table
from stages.reporting.tables import fixed, read_number, share, whole
from stages.reporting.wording import name_source

NEEDED = (
    "page",
    "answers",
    "unanswered",
    "accuracy",
    "chance",
    "above_chance",
    "seconds",
    "sources",
    "detectors",
)


def people_part(metrics: Path, generated: Sequence[str]) -> str:
    """Tell what people and detectors said of the same texts; nothing where nobody was asked.

    Args:
        metrics: the folder with blind_test.json and write_blind_test.json.
        generated: the sources that are generators, in order.

    Raises:
        UserError: blind_test.json lacks a part.
    """
    found = read_numbers(metrics / "blind_test.json").get("blind_test", {})
    if not found.get("raters"):
        return ""
    for key in NEEDED:
        if key not in found:
            raise UserError(
                f"{metrics / 'blind_test.json'}: {key} is missing; `python -m stages.blind_test` "
                "writes the file anew"
            )
    shown = read_numbers(metrics / "write_blind_test.json").get("write_blind_test", {})
    earlier = shown.get("page") != found["page"]
    detectors = found["detectors"]
    order = [TEST, *generated]
    sources = sorted(
        found["sources"], key=lambda name: order.index(name) if name in order else len(order)
    )
    rows = {source: _row(source, found["sources"][source], detectors) for source in sources}
    columns: Columns = {
        "texts": ("texts", whole),
        "answers": ("answers", whole),
        "taken_for_real": ("taken for real by people", share),
        "accuracy": ("people's accuracy", share),
        **{kind: (f"taken for real by {kind}", share) for kind in detectors},
    }
    judges = {"people": found, **detectors}
    numbers = {
        name: {key: read_number(each[key]) for key in ("accuracy", "area") if key in each}
        for name, each in judges.items()
    }
    right: Columns = {"accuracy": ("right", share), "area": ("area under ROC", fixed(3))}
    return "\n\n".join(
        [
            "## People",
            _tell(found)
            + (" They saw another page than the one that is there now." if earlier else ""),
            source_table(rows, columns, name_source),
            source_table(numbers, right, str, "judge of the same texts"),
        ]
    )


def _row(
    source: str, found: Mapping[str, Any], detectors: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    row = {key: read_number(value) for key, value in found.items()}
    for kind, judged in detectors.items():
        if source in judged["sources"]:
            row[kind] = read_number(judged["sources"][source]["taken_for_real"])
    return row


def _tell(found: Mapping[str, Any]) -> str:
    """Say who was asked, and whether they are better than guessing."""
    raters, left = found["raters"], found["unanswered"]
    people = "One person" if raters == 1 else f"{raters} people"
    answers = "1 answer" if found["answers"] == 1 else f"{found['answers']} answers"
    chance = found["chance"]
    how = "less than 0.001" if chance < 0.001 else f"{chance:.3f}"
    parts = [
        f"{people} saw the texts of a page, real and generated ones in random order, and said "
        f"which each is: {answers}, {found['seconds']:.1f} seconds each (median)"
        + (f"; {left} were not given." if left else "."),
        "Guessing, and saying real as often as they did, would be right at least as often with a "
        f"probability of {how}; {found['above_chance']} of {raters} beat it at 5 %.",
    ]
    if "kappa" in found:
        parts.append(
            f"Their agreement (Fleiss' kappa) is {found['kappa']:.2f}: 1 where all say the same of "
            "each text, 0 where they agree as often as by chance."
        )
    parts.append(
        "A generator's *accuracy* is that of people on its texts and real ones, where both count "
        "alike: 50 % is guessing. Detectors judge the same texts at even odds."
    )
    return " ".join(parts)
