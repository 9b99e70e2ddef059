"""Command blind_test: count people's answers to the page that write_blind_test has written.

python -m stages.blind_test ANSWERS.json ...     the files that the page has saved, of all people
"""

import statistics
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stages.corpus.errors import Caution
from stages.judges.detector import ABOUT, Detector
from stages.measures.bootstrap import Estimate
from stages.measures.detection import area, share
from stages.measures.raters import chance_of_guessing, fleiss_kappa, share_of_answers
from stages.pipeline.blind_test_arguments import parse_arguments
from stages.pipeline.blind_test_files import KEY, Key, Sheet, number_page, read_key, read_sheets
from stages.pipeline.command_line import check_writable, print_lines, run_command
from stages.pipeline.files import write_json
from stages.pipeline.sources import TEST
from stages.pipeline.stage import pick_device, seed_everything
from stages.pipeline.trained import DETECTORS, THREADS

SURE = 0.05  # chance of guessing as well, up to which somebody is better than guessing


def main(*arguments: str) -> None:
    request = parse_arguments(arguments)
    check_writable("--output", request.output)
    key = read_key(Path(request.key))
    sheets = read_sheets(request.answers, key)
    values = count_answers(key, sheets)
    seed_everything(1, THREADS)
    detectors = {}
    for folder in find_detectors(key):
        detector = Detector.load(folder, pick_device(request.device))
        logits = detector.logits([each.text for each in key.texts])
        detectors[folder.name] = judge_texts(key, logits)
    write_json(request.output, as_numbers({"blind_test": {**values, "detectors": detectors}}))
    print_lines([*tell(values, detectors)])
    print(f"written to {request.output}", file=sys.stderr)


def find_detectors(key: Key) -> list[Path]:
    """List the detectors that may judge a page's texts; where there is none, a `Caution` says why.

    Detectors of another run than the page's may have learnt from the very texts that it shows, or
    from none of its generators.
    """
    found = sorted(path.parent for path in DETECTORS.glob(f"*/{ABOUT}"))
    alone = "people's answers are counted without one beside them"
    if not found:
        warnings.warn(f"{DETECTORS}: no detector; {alone}", Caution, stacklevel=2)
    elif not KEY.is_file() or read_key(KEY).page != key.page:
        warnings.warn(
            f"{DETECTORS}: of another run than the page {key.page}, as {KEY} is not its key; "
            f"{alone}; `git checkout` and `dvc checkout` bring back those of the page's run",
            Caution,
            stacklevel=2,
        )
        return []
    return found


def count_answers(key: Key, sheets: Sequence[Sheet]) -> dict[str, Any]:
    """Say what people took for real.

    Args:
        key: who wrote which text.
        sheets: one a person, at least one.

    Returns:
        `page` (as `number_page`), `raters`, `answers`, `unanswered`; `accuracy`, the share of right
        answers; `chance`, that guessing is right as often; `above_chance`, how many people are
        better than guessing, at 5 %; `kappa`, agreement between people, where there is some;
        `seconds`, the median an answer. `sources` by name, that of real text first: `texts` and
        `answers`, the share `taken_for_real`, and for a generator `accuracy`, where real texts and
        its texts count alike.
    """
    is_real = {number: each.source == TEST for number, each in enumerate(key.texts, start=1)}
    given = [each for sheet in sheets for each in sheet.answers]
    taken: dict[int, list[bool]] = {}
    for each in given:
        taken.setdefault(each.id, []).append(each.answer == "real")
    ok = {number: [each == is_real[number] for each in own] for number, own in taken.items()}
    people = [{each.id: each.answer == "real" for each in sheet.answers} for sheet in sheets]
    values: dict[str, Any] = {
        "page": number_page(key.page),
        "raters": len(sheets),
        "answers": len(given),
        "unanswered": len(sheets) * len(key.texts) - len(given),
        "accuracy": share_of_answers(ok),
        "chance": chance_of_guessing(is_real, people),
        "above_chance": sum(chance_of_guessing(is_real, [own]) <= SURE for own in people),
        "seconds": statistics.median(each.milliseconds for each in given) / 1000,
    }
    kappa = fleiss_kappa([(sum(own), len(own) - sum(own)) for own in taken.values()])
    if kappa is not None:
        values["kappa"] = kappa
    values["sources"] = dict(_count_sources(key, taken))
    return values


def _count_sources(
    key: Key, taken: dict[int, list[bool]]
) -> Iterator[tuple[str, dict[str, int | float | Estimate]]]:
    real = None
    shown = Counter(each.source for each in key.texts)
    for source in sorted(shown, key=lambda name: (name != TEST, name)):
        own = {
            number: taken[number]
            for number, each in enumerate(key.texts, start=1)
            if each.source == source and number in taken
        }
        found: dict[str, int | float | Estimate] = {
            "texts": shown[source],
            "answers": sum(map(len, own.values())),
        }
        if own:
            found["taken_for_real"] = share_of_answers(own)
            if source == TEST:
                real = found["taken_for_real"]
            elif real is not None:
                found["accuracy"] = (real.value + 1 - found["taken_for_real"].value) / 2
        yield source, found


def judge_texts(key: Key, logits: np.ndarray) -> dict[str, Any]:
    """Say what a detector takes for real, of the same texts, from its logits of them (N,).

    Returns:
        `area` under the ROC curve; `accuracy`, the share of texts about which it is right, at even
        odds; `sources` by name, the share `taken_for_real`.
    """
    sources = np.array([each.source for each in key.texts])
    is_real = sources == TEST
    values: dict[str, Any] = {"accuracy": share((logits >= 0) == is_real)}
    if 0 < is_real.sum() < len(is_real):
        values["area"] = area(logits[is_real], logits[~is_real])
    values["sources"] = {
        source: {"taken_for_real": share(logits[sources == source] >= 0)}
        for source in sorted({*sources.tolist()}, key=lambda name: (name != TEST, name))
    }
    return values


def as_numbers(values: Any) -> Any:
    """Write estimates as mappings, at any depth."""
    if isinstance(values, Estimate):
        return values._asdict()
    if isinstance(values, dict):
        return {name: as_numbers(each) for name, each in values.items()}
    return values


def tell(values: dict[str, Any], detectors: dict[str, Any]) -> Iterator[str]:
    """Say the main numbers, a line each."""
    people = "1 person" if values["raters"] == 1 else f"{values['raters']} people"
    answers = "1 answer" if values["answers"] == 1 else f"{values['answers']} answers"
    left = values["unanswered"]
    yield f"{people}, {answers}" + (f", {left} not given" if left else "")
    how = "less than 0.001" if values["chance"] < 0.001 else f"{values['chance']:.3f}"
    yield f"right: {_say(values['accuracy'])}; chance of guessing as well: {how}"
    if "kappa" in values:
        yield f"agreement between people (Fleiss' kappa): {values['kappa']:.2f}"
    for source, found in values["sources"].items():
        name = "real text" if source == TEST else source
        if "taken_for_real" in found:
            yield f"{name}: {_say(found['taken_for_real'])} of {found['answers']} taken for real"
        else:
            yield f"{name}: no answer"
    for kind, found in detectors.items():
        roc = f", area under ROC {found['area'].value:.2f}" if "area" in found else ""
        yield f"detector {kind}, same texts: right: {_say(found['accuracy'])}{roc}"


def _say(estimate: Estimate) -> str:
    value, low, high = (f"{100 * each:.0f} %" for each in estimate)
    return f"{value} ({low} to {high})"


if __name__ == "__main__":
    run_command(main)
