"""The tables of one run's measurements."""

from collections.abc import Callable, Iterable, Mapping

from stages.measures.retrieval import count_retrieved
from stages.reporting.record import ORACLE, PRECISION, TEXTS, WRONGED, Numbers, Record
from stages.reporting.tables import (
    error,
    fixed,
    share,
    show,
    significant,
    spaced,
    table,
    tenths,
    whole,
)
from stages.reporting.wording import BY_ORACLE, MEASURES, THEMES, name_source, word

Name = Callable[[str], str]  # from a source's key to what it is called
Columns = Mapping[str, tuple[str, Callable[[float], str]]]  # title and form by key

_FEW = 6  # measures that fit into one table
LABELS: Columns = {
    "0": ("right where 0 is wanted", tenths),
    "1": ("right where 1 is wanted", tenths),
    "balanced": ("mean of the labels", tenths),
}
DETECTED: Columns = {
    "area": ("area under ROC", fixed(3)),
    "area_not_met": ("the same, its fakes not learnt", fixed(3)),
    "accuracy": ("accuracy", share),
    "caught_at_0.01": ("caught at 1 % of validation", share),
    "caught_at_0.05": ("caught at 5 % of validation", share),
    "calibration_error": ("calibration error", fixed(3)),
}
DOCUMENTS: Columns = {
    "width": ("width", whole),
    "empty_queries": ("queries without a known word", whole),
    "empty_candidates": ("texts to find without a known word", whole),
    "queries": ("queries", whole),
    "candidates": ("texts to find", whole),
    "chance": ("right by chance", tenths),
}
_SWEPT = {"frechet": ("Frechet distance", significant), "self_bleu_4": ("Self-BLEU-4", fixed(3))}


def columns_of(numbers: Numbers) -> list[str]:
    """Name the numbers that any source has, in the order in which they first come."""
    return list(dict.fromkeys(name for values in numbers.values() for name in values))


def source_table(numbers: Numbers, columns: Columns, name: Name, head: str = "source") -> str:
    """Set out numbers, a row a source.

    Args:
        numbers: by source and key; a source that has none of `columns` has no row.
        columns: what to show.
        name: how a source is called.
        head: what the rows are.
    """
    rows = (
        [name(source), *(show(values.get(key), form) for key, (_, form) in columns.items())]
        for source, values in numbers.items()
        if any(key in values for key in columns)
    )
    return table([head, *(title for title, _ in columns.values())], rows)


def measure_tables(
    record: Record, name: Name = name_source, explained: bool = False, encoder: str = ""
) -> list[str]:
    """Set out all measures, a table a theme.

    Args:
        record: of a run.
        name: how a source is called.
        explained: whether each theme has its heading, and each measure its meaning; where not, a
            few measures stand in one table.
        encoder: the model of the sentence vectors, which the meanings name.
    """
    if not record.measures:
        return []
    measured = columns_of(record.measures)
    if not explained and len(measured) <= _FEW:
        known = [key for key in MEASURES if key in measured]
        return [
            _measure_table(record, [*known, *(key for key in measured if key not in known)], name)
        ]
    themes = THEMES | ({"Likely to the oracle?": BY_ORACLE} if ORACLE in measured else {})
    known = {measure for measures in themes.values() for measure in measures}
    themes |= {"Other measures": [key for key in measured if key not in known]}
    blocks, told = [], set()
    for title, measures in themes.items():
        words = {key: word(key) for key in measures if key in measured}
        if not words:
            continue
        if explained:
            blocks.append(f"### {title}")
            meanings = (
                f"- **{each.title}** ({each.best}). {each.meaning.format(encoder=encoder)}"
                for key, each in words.items()
                if each.meaning and key not in told
            )
            blocks.append("\n".join(meanings))
            told |= words.keys()
        blocks.append(_measure_table(record, words, name))
    return [block for block in blocks if block]


def _measure_table(record: Record, measures: Iterable[str], name: Name) -> str:
    columns = {key: (word(key).title, word(key).form) for key in measures}
    return source_table(record.measures, columns, name)


def verdict_tables(record: Record, name: Name = name_source) -> list[str]:
    """Set out how often each judge is right about each source, then its mean squared errors.

    The longer of the two lists goes down the rows.
    """
    blocks = []
    for kind, form in (("accuracy", share), ("mse", error)):
        judges = {
            judge: {source: values[kind] for source, values in sources.items() if kind in values}
            for judge, sources in record.verdicts.items()
        }
        sources = {
            source: {judge: row[source] for judge, row in judges.items() if source in row}
            for source in columns_of(judges)
        }
        if not sources:
            continue
        rows, head = (judges, "judge") if len(judges) > len(sources) else (sources, "source")
        columns = {key: (name(key), form) for key in columns_of(rows)}
        head = f"{head}: {'share that is right' if kind == 'accuracy' else 'mean squared error'}"
        blocks.append(source_table(rows, columns, name, head))
    return blocks


def sweep_tables(record: Record, name: Name = name_source) -> list[str]:
    """Set out the distances over temperatures; sources without a temperature have a table apart."""
    groups: dict[bool, Numbers] = {}
    for source, values in record.sweep.items():
        groups.setdefault(any("_at_" in key for key in values), {})[source] = values
    return [
        source_table(group, {key: sweep_column(key) for key in columns_of(group)}, name)
        for group in groups.values()
    ]


def sweep_column(key: str) -> tuple[str, Callable[[float], str]]:
    """Return the title and form of a number at a temperature, such as `frechet_at_0.7`."""
    measure, _, place = key.partition("_at_")
    title, form = _SWEPT.get(measure, (spaced(measure), significant))
    if not place:
        return title, form
    if place == "real_self_bleu_4":
        return f"{title} at real text's Self-BLEU-4", form
    return f"{title} at temperature {place}", form


def detector_tables(record: Record, name: Name = name_source) -> list[str]:
    """Set out whom each detector wrongs, then what it catches of each generator's texts."""
    wronged = {kind: sources.get(WRONGED, {}) for kind, sources in record.detectors.items()}
    classes = {key: (name_class(key), share) for key in columns_of(wronged)}
    blocks = [source_table(wronged, classes, str, "detector: real text taken for generated")]
    blind = [
        kind for kind, numbers in wronged.items() if "told" in numbers and not numbers["told"].value
    ]
    if blind:
        blocks.append(
            f"**{' and '.join(blind)}: tells generated texts from real ones at no length, so that "
            "its numbers mean nothing.** It had too few texts, or cannot."
        )
    for kind, sources in record.detectors.items():
        judged = {source: numbers for source, numbers in sources.items() if source != WRONGED}
        blocks.append(source_table(judged, DETECTED, name, f"judged by {kind}"))
    return blocks if record.detectors else []


def name_class(key: str) -> str:
    """Say which real texts a detector was tried on, such as those of `words 1-5`."""
    kind, _, value = key.partition(" ")
    if kind == "words":
        return f"{value} words"
    if key.startswith("at_0.0"):
        return f"at {100 * float(key.removeprefix('at_')):.0f} % of validation"
    return {"at_0.5": "at even odds", "told": "long enough to tell"}.get(key, key)


def document_table(record: Record) -> str:
    """Set out how often each encoder of documents finds texts of the query's label."""
    encoders = {name: numbers for name, numbers in record.documents.items() if name != TEXTS}
    parts = [key for key in columns_of(encoders) if key.startswith(PRECISION)]
    titles = {key: f"at {_percent(key)}" for key in parts}
    candidates = record.documents.get(TEXTS, {}).get("candidates")
    if candidates is not None:
        # Of few texts several parts are as many; the last of them is nearest to that number.
        found = {
            count_retrieved(float(key.removeprefix(PRECISION)), int(candidates.value)): key
            for key in parts
        }
        titles = {key: f"{count:,} ({_percent(key)})" for count, key in found.items()}
    columns: Columns = {
        "width": DOCUMENTS["width"],
        **{key: (title, tenths) for key, title in titles.items()},
        "empty_queries": DOCUMENTS["empty_queries"],
    }
    return source_table(encoders, columns, str, "encoder: of the nearest texts")


def document_column(key: str) -> tuple[str, Callable[[float], str]]:
    """Return the title and form of a number of an encoder, such as `precision_at_0.002`."""
    if key.startswith(PRECISION):
        return f"right of the nearest {_percent(key)}", tenths
    return DOCUMENTS.get(key, (spaced(key), significant))


def _percent(key: str) -> str:
    return f"{100 * float(key.removeprefix(PRECISION)):g} %"


def label_table(record: Record, name: Name = name_source) -> str:
    """Set out the shares of right labels."""
    columns = {key: LABELS.get(key, (spaced(key), tenths)) for key in columns_of(record.labels)}
    return source_table(record.labels, columns, name)
