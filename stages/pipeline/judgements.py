"""What each judge says of single texts: data/judgements/<judge>.csv, a row a text."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from stages.corpus.errors import UserError
from stages.pipeline.files import read_lines, write_csv

JUDGEMENTS = Path("data/judgements")
_HEADER = ("source", "line", "logit")


def write_judgements(
    path: Path, logits: Mapping[str, Sequence[float]], lines: Mapping[str, Sequence[int]]
) -> None:
    """Write what one judge says of each source's texts, in the order of their lines.

    Args:
        path: of the file.
        logits: by source, one a text, above the judge's threshold: 0 or more takes it for real.
        lines: by source, where each text stands in the source's file, from 0.
    """

    def rows() -> Iterator[tuple[str, int, str]]:
        for source, said in logits.items():
            for line, logit in sorted(zip(lines[source], said, strict=True)):
                yield source, line, f"{float(logit):.6g}"

    write_csv(path, _HEADER, rows())


def load_judgements(path: Path) -> dict[str, dict[int, float]]:
    """Read logits by source and line, from 0; nothing where the judge has said nothing.

    Raises:
        UserError: the file is not what `write_judgements` writes.
    """
    said: dict[str, dict[int, float]] = {}
    if not path.is_file():
        return said
    rows = csv.reader(read_lines(path))
    try:
        if tuple(next(rows, _HEADER)) != _HEADER:
            raise ValueError
        for source, line, logit in rows:
            said.setdefault(source, {})[int(line)] = float(logit)
            if int(line) < 0 or not math.isfinite(float(logit)):
                raise ValueError
    except (ValueError, csv.Error):
        raise UserError(
            f"{path}: line {rows.line_num}: expected {', '.join(_HEADER)}; "
            "`dvc repro cross_evaluate` writes the file anew"
        ) from None
    return said
