"""Command detect: say of each line how likely it is generated; it needs a detector's folder alone.

python -m stages.detect FILE             a line each: probability, the generator it resembles, text
python -m stages.detect FILE --json      one JSON object a line
"""

import json
import sys
import warnings
from collections.abc import Iterator, Sequence

from tqdm import tqdm

from stages.corpus.errors import Caution, UserError
from stages.corpus.tokenizer import tokenize
from stages.judges.detector import Detector
from stages.pipeline.command_line import check_writable, print_lines, read_texts, run_command
from stages.pipeline.detect_arguments import DetectRequest, parse_arguments
from stages.pipeline.files import write_lines
from stages.pipeline.stage import pick_device, seed_everything
from stages.pipeline.trained import THREADS, find_detector

BATCH = 2000  # lines judged at a time
SHORT = "too short to tell"
EMPTY = "no word"
BLIND = "this detector cannot tell"
ROWS = (".csv", ".tsv", ".json", ".jsonl")  # ends of files whose lines are more than a text


def main(*arguments: str) -> None:
    request = parse_arguments(arguments)
    if request.output is not None:
        check_writable("--output", request.output)
    folder = find_detector(request.detector)
    lines = read_texts(request.file)
    if request.file.lower().endswith(ROWS):
        warnings.warn(
            f"{request.file}: each line is judged as it stands, with what is no text; expected a "
            "text a line, and no header",
            Caution,
            stacklevel=1,
        )
    if not lines:
        raise UserError(f"{request.file}: no line; expected texts, one a line")
    seed_everything(1, THREADS)
    try:
        detector = Detector.load(folder, pick_device(request.device))
    except FileNotFoundError as error:
        raise UserError(
            f"{' '.join(str(error).split())}; expected the whole folder of a detector"
        ) from None
    _check_script(detector, lines, request.file)
    shown = list(judge(detector, lines, request))
    if request.output is not None:
        write_lines(request.output, (line for *_, line in shown))
    elif not print_lines([line for *_, line in shown]):
        return
    probabilities, whys, _ = zip(*shown, strict=True)
    print(summarise(probabilities, whys, detector), file=sys.stderr)


def _check_script(detector: Detector, lines: Sequence[str], name: str) -> None:
    """Warn of lines in a script that a detector by a BERT's vectors cannot read."""
    if (encoder := detector.scorer.encoder) is None:
        return
    from stages.embeddings.unknown_pieces import WARNED, unknown_pieces

    share = unknown_pieces(encoder.tokenizer, [" ".join(tokenize(line)) for line in lines])
    if share > WARNED:
        warnings.warn(
            f"{name}: {100 * share:.0f} % of its word pieces are unknown to {encoder.model}, so "
            "that what is said of its lines means little; a detector by another BERT "
            "(detector.vectors.model) may read them",
            Caution,
            stacklevel=2,
        )


def judge(
    detector: Detector, lines: Sequence[str], request: DetectRequest
) -> Iterator[tuple[float | None, str | None, str]]:
    """Judge lines; yield each one's probability or why it cannot tell, and what to show."""
    cannot = BLIND if detector.shortest is None else SHORT
    with tqdm(total=len(lines), unit="line", leave=False) as progress:
        for first in range(0, len(lines), BATCH):
            batch = lines[first : first + BATCH]
            texts = [" ".join(tokenize(line)) for line in batch]
            probabilities, places = detector.judge_generated(texts)
            can_tell = detector.can_tell(texts)
            for number in range(len(batch)):
                why = None if can_tell[number] else cannot if texts[number] else EMPTY
                probability = float(probabilities[number]) if why is None else None
                name = detector.generators[places[number]] if why is None else None
                shown = show(batch[number], probability, name, why, request.as_json)
                yield probability, why, shown
            progress.update(len(batch))


def show(
    line: str, probability: float | None, generator: str | None, why: str | None, as_json: bool
) -> str:
    """Write one verdict as a line of JSON, or of three columns."""
    if as_json:
        values = {"text": line, "generated": probability, "resembles": generator, "why": why}
        if probability is not None:
            values["generated"] = round(probability, 6)
        return json.dumps(values, ensure_ascii=False)
    if probability is None:
        return f"-\t{why}\t{line}"
    return f"{probability:.3f}\t{generator}\t{line}"


def summarise(
    probabilities: Sequence[float | None], whys: Sequence[str | None], detector: Detector
) -> str:
    """Say in one line how many texts were taken for generated, and how many could not be told."""
    told = [each for each in probabilities if each is not None]
    if detector.shortest is None:
        return (
            "this detector tells generated texts from real ones at no length: it has learnt from "
            "too few texts, or cannot"
        )
    taken = sum(each > 0.5 for each in told)
    short, empty = whys.count(SHORT), whys.count(EMPTY)
    few = f"; {short} of fewer than {detector.shortest} words: {SHORT}" if short else ""
    few += f"; {empty} with {EMPTY}" if empty else ""
    return f"{taken} of {len(told)} texts are more likely generated than real{few}"


if __name__ == "__main__":
    run_command(main)
