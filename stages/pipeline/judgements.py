"""What each judge says of single texts: data/judgements/<judge>.csv, a row a text."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from stages.pipeline.files import write_csv

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
    """Read logits by source and line, from 0; nothing where the judge has said nothing."""
    said: dict[str, dict[int, float]] = {}
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                said.setdefault(row["source"], {})[int(row["line"])] = float(row["logit"])
    return said
