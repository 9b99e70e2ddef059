"""The README's one table, filled from the metrics by a command for people; no stage writes it."""

import re
from collections.abc import Sequence
from pathlib import Path

from stages.corpus.errors import UserError
from stages.reporting.record import read_record
from stages.reporting.sections import source_table
from stages.reporting.wording import name_source, word

MEASURES = (
    "frechet",
    "mauve",
    "classifier_vectors",
    "self_bleu_4",
    "length_distance",
    "copied_lines",
)
_BLOCK = re.compile(r"(<!-- table: measures -->\n).*?(<!-- end -->)", re.DOTALL)


def fill_readme(readme: str, root: Path, generated: Sequence[str]) -> str:
    """Put the table of measures into the README's marked block.

    Args:
        readme: the README as it is.
        root: of the working tree whose metrics fill it.
        generated: the sources that are generators, in order.

    Raises:
        UserError: the README has no such block, or there are no measures.
    """
    record = read_record(root / "metrics", chosen=generated)
    if not record.measures:
        raise UserError(f"readme: no number in {root / 'metrics/measure'}; run `dvc repro` first")
    if not _BLOCK.search(readme):
        raise UserError(
            "readme: README.md has no table to fill; expected the lines "
            "`<!-- table: measures -->` and `<!-- end -->`"
        )
    words = {key: word(key) for key in MEASURES}
    columns = {key: (f"{each.title} ({each.best})", each.form) for key, each in words.items()}
    filled = source_table(record.measures, columns, name_source)
    return _BLOCK.sub(lambda match: f"{match[1]}{filled}\n{match[2]}", readme)
