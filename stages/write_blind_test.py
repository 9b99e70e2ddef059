"""Stage write_blind_test: a page on which people say which texts are real and which generated.

Source: M. Beneš, "Generating text using LSTM GAN in PyTorch", 2021, whose texts a person told from
real comments. We differ in that the person does not know how many are generated in a row, as the
order is drawn, in that each generator's texts are counted apart, and in that nothing is shown that
stands word for word among other real texts.
"""

import hashlib
import json
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stages.corpus.errors import Caution, UserError
from stages.corpus.seeds import derive_seed
from stages.generators.protocol import load_generator
from stages.measures.word_ranks import rank_texts
from stages.pages.page import page, read_part
from stages.pipeline.blind_test_files import KEY, number_page, write_key
from stages.pipeline.files import replacing, write_metrics
from stages.pipeline.parameters import load_params
from stages.pipeline.sources import REAL, TEST, VALIDATION, Source, generated, load_source
from stages.pipeline.stage import run_stage, seed_everything
from stages.reporting.wording import name_source


class Shown(NamedTuple):
    """A text of the page: its words joined by one space, who wrote it, its label or None."""

    text: str
    source: str
    label: str | None


def main() -> None:
    params = load_params("seed", "embeddings", "generators", "blind_test")
    settings = params.blind_test
    seed_everything(params.seed)
    names = generated(params) if settings.generators is None else settings.generators
    sources = {name: load_source(name) for name in (*names, TEST)}
    seen = {*REAL, VALIDATION} - {TEST}
    learnt = {text for name in seen for text in load_source(name).texts}
    shown = draw_texts(sources, learnt, settings.count, derive_seed(params.seed, "blind test"))
    content = json.dumps([params.seed, shown])
    fingerprint = hashlib.sha256(content.encode()).hexdigest()[:16]
    model = load_generator(Path("data/generators/language_model"), "cpu")
    ranks = rank_texts(model, [each.text for each in shown], [each.label for each in shown])
    known = [name for name in (TEST, *names) if any(each.source == name for each in shown)]
    data = {
        "page": fingerprint,
        "seed": params.seed,
        "texts": [each.text for each in shown],
        "sources": [{"name": name_source(name), "real": name == TEST} for name in known],
        "key": [known.index(each.source) for each in shown],
        "ranks": ranks if any(ranks) else None,
    }
    with replacing("data/blind_test.html") as path:
        path.write_text(render(data), encoding="utf-8", newline="\n")
    with replacing(KEY) as path:
        write_key(path, fingerprint, params.seed, [(each.text, each.source) for each in shown])
    write_metrics("write_blind_test", describe(fingerprint, shown))


def draw_texts(
    sources: Mapping[str, Source], learnt: Collection[str], count: int, seed: int
) -> list[Shown]:
    """Draw texts of each source, each text once, in an order of chance.

    A generated text that is a real one too is not drawn: to take it for real is no mistake. Nor is
    a test text that generators have learnt from: else short common texts would all be real ones.
    Where that leaves no text on one side, copies are drawn too, and a Caution says so.

    Args:
        sources: of all that are asked about; the last is the real one, of which as many are drawn
            as of the others together.
        learnt: real texts beside the test texts.
        count: texts of each generator.
        seed: of the draw; same seed, same texts in the same order.

    Raises:
        UserError: no text of a generator, or no real one, can be drawn.
    """
    random = np.random.default_rng(seed)
    copies = {name: {*learnt, *sources[TEST].texts} for name in sources} | {TEST: {*learnt}}
    drawn = _draw(sources, copies, count, random)
    without_copies = {each.source == TEST for each in drawn} == {True, False}
    if not without_copies:
        drawn = _draw(sources, {name: set() for name in sources}, count, random)
    fakes = sum(each.source != TEST for each in drawn)
    if not fakes:
        raise UserError(
            "data/samples: no generated text has words; a blind test takes some; name other "
            "generators in blind_test.generators"
        )
    if len(drawn) == fakes:
        raise UserError(
            f"data/samples/{TEST}.txt: no real text has words that no generator wrote too; a blind "
            "test takes some; raise prepare.test_share"
        )
    if not without_copies:
        _warn("data/samples: nothing is left without copies; the blind test shows such texts too")
    for name in sources:
        own, wanted = sum(each.source == name for each in drawn), fakes if name == TEST else count
        if own < wanted:
            _warn(
                f"data/samples/{name}.txt: {own} distinct texts with words that no other source "
                f"has; the blind test shows these, where it should show {wanted}"
            )
    return [drawn[place] for place in random.permutation(len(drawn)).tolist()]


def _draw(
    sources: Mapping[str, Source],
    copies: Mapping[str, Collection[str]],
    count: int,
    random: np.random.Generator,
) -> list[Shown]:
    drawn: dict[str, Shown] = {}
    for name, source in sources.items():
        wanted = len(drawn) if name == TEST else count
        own: dict[str, Shown] = {}
        for place in random.permutation(len(source.texts)).tolist():
            text = source.texts[place]
            if len(own) < wanted and text and text not in drawn and text not in copies[name]:
                own.setdefault(text, Shown(text, name, source.labels[place]))
        drawn |= own
    return [*drawn.values()]


def _warn(line: str) -> None:
    warnings.warn(line, Caution, stacklevel=3)


def render(data: Mapping[str, object]) -> str:
    """Write the page."""
    script = "\n".join(map(read_part, ("blind_test.js", "blind_test_result.js")))
    body = read_part("blind_test.html")
    return page("Real or generated?", read_part("blind_test.css"), script, data, body)


def describe(fingerprint: str, shown: Sequence[Shown]) -> dict[str, int]:
    """Count the texts; the page is the number that the first half of its fingerprint is."""
    real = sum(each.source == TEST for each in shown)
    return {"page": number_page(fingerprint), "texts": len(shown), "real": real}


if __name__ == "__main__":
    run_stage(main)
