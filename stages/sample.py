"""Stage sample: let one generator write texts, of a wanted label where it takes labels."""

from collections.abc import Iterable
from math import isfinite
from statistics import fmean

from tqdm import tqdm

from stages.corpus.choice import choose_evenly
from stages.corpus.errors import UserError
from stages.corpus.seeds import derive_seed
from stages.generators.protocol import Generator, load_generator
from stages.measures.held_out import held_out_nats
from stages.measures.temperature import match_diversity
from stages.pipeline.files import write_metrics
from stages.pipeline.mistakes import say
from stages.pipeline.parameters import load_params
from stages.pipeline.sources import (
    TEST,
    VALIDATION,
    find_trained,
    load_source,
    write_fakes,
    write_source,
    write_sweep,
)
from stages.pipeline.stage import pick_device, run_stage, seed_everything

UNCHANGED = {"temperature": 1.0, "top_p": 1.0}
AS_REAL = "as_real"  # labels as often as real texts have them
VALIDATED = "validated"  # the temperature at which texts repeat each other as validation texts do
FAKES = "fakes for detectors"
MOST = 500  # validation texts that the temperature is found by
MOST_TESTED = 2000  # test texts whose likelihood is asked for
FEWEST = 20  # of fewer chance alone would set it


def main(name: str) -> None:
    params = load_params("seed", "device", "threads", "sample", "sweep.count", "sweep.temperatures")
    seed_everything(params.seed, params.threads)
    sample = params.sample
    generator = alone = load_generator(find_trained(name), pick_device(params.device))
    if generator.chooses:
        from stages.generators.chosen import with_choice

        generator = with_choice(generator, sample.candidates)
    labels = wanted_labels(generator, sample.label, sample.count, params.seed)
    # What draws no words has no temperature; beside what has, it writes as it always does.
    bold, found = {}, {}
    if generator.tempered:
        temperature = sample.temperature
        if temperature == VALIDATED:
            temperature = validate(generator, name, params.seed, sample.top_p)
            found = {"temperature": temperature}
        bold = {"temperature": temperature, "top_p": sample.top_p}
    batches = generator.generate(sample.count, params.seed, labels=labels, **bold)
    texts = gather(batches, f"sample {name}", sample.count)
    choice = describe_choice(generator) if bold == UNCHANGED else {}
    write_source(name, texts, [None] * len(texts) if labels is None else labels)
    # Other random numbers: a detector that learns from them has met no text that it will judge.
    seed = derive_seed(params.seed, FAKES)
    batches = generator.generate(
        sample.fakes,
        seed,
        labels=wanted_labels(generator, sample.label, sample.fakes, seed),
        **bold,
    )
    write_fakes(name, gather(batches, f"{name} fakes", sample.fakes))

    def write_at(temperature: float) -> list[str]:
        """Write texts of the sweep; the sample's own serve again where they are such texts."""
        count = params.sweep.count
        is_alike = bold == UNCHANGED | {"temperature": temperature}
        if is_alike and sample.label in (None, AS_REAL) and count <= len(texts):
            return texts[:count]
        batches = generator.generate(count, params.seed, temperature=temperature)
        return gather(batches, f"{name} at {temperature:g}", count)

    temperatures = params.sweep.temperatures if generator.tempered else []
    write_sweep(name, {temperature: write_at(temperature) for temperature in temperatures})
    values = found | {
        "texts": len(texts),
        "empty": texts.count(""),
        "distinct": len(set(texts)),
        "mean_length": fmean(len(text.split()) for text in texts),
    }
    values |= choice
    if bold in (UNCHANGED, {}):  # else it writes by other probabilities
        values |= describe_likelihood(alone)
    write_metrics("sample", values, name)


def describe_likelihood(generator: Generator) -> dict[str, float]:
    """Say how likely the test texts are to a generator that knows, without any choice."""
    texts = choose([text for text in load_source(TEST).texts if text], MOST_TESTED)
    if generator.likelihood == "none" or not texts:
        return {}
    return held_out_nats(texts, generator.log_likelihood(texts), generator.max_length)


def describe_choice(generator: Generator) -> dict[str, float]:
    """Say what a choice among candidates is worth, where the generator makes one.

    Only of candidates as the generator writes them, at temperature 1, are the odds and likelihoods
    those that the discriminator has learnt.
    """
    from stages.generators.chosen import Chosen

    if not isinstance(generator, Chosen):
        return {}
    real = [text for text in load_source(VALIDATION).texts if text]
    # What the generator cannot write, a choice among its texts makes no likelier.
    likelihoods = generator.generator.log_likelihood(real) if real else []
    real = [text for text, value in zip(real, likelihoods, strict=True) if isfinite(value)]
    values = {"effective_sample_size": generator.effective_sample_size()}
    if real:
        values["likelihood_gain"] = float(generator.likelihood_gain(real).mean())
    return values


def validate(generator: Generator, name: str, seed: int, top_p: float) -> float:
    """Find the temperature at which a generator is as diverse as the validation texts."""
    real = choose([text for text in load_source(VALIDATION).texts if text], MOST)
    if len(real) < FEWEST:
        raise UserError(
            f"params.yaml: sample.temperature is {VALIDATED}, but {len(real)} validation texts do "
            f"not tell, it takes {FEWEST}; set it to 1.0, or prepare.validation_share higher"
        )

    def write(temperature: float) -> list[str]:
        batches = generator.generate(
            len(real), derive_seed(seed, VALIDATED), temperature=temperature, top_p=top_p
        )
        return gather(batches, f"{name} at {temperature:g}", len(real))

    return match_diversity(write, real)[0]


def choose(texts: list[str], most: int) -> list[str]:
    """Choose so many texts at most, evenly spaced: those of one file stand together."""
    return [texts[place] for place in choose_evenly(len(texts), most)]


def gather(batches: Iterable[list[str]], name: str, count: int) -> list[str]:
    """Gather texts from batches, with a progress bar."""
    texts: list[str] = []
    with tqdm(desc=name, total=count, unit="text") as progress:
        for batch in batches:
            texts += batch
            progress.update(len(batch))
    return texts


def wanted_labels(
    generator: Generator, label: int | str | None, count: int, seed: int
) -> list[str] | None:
    """Return the label of each text to write; None where the generator has learnt no labels.

    Args:
        generator: that writes the texts.
        label: of all of them; null and `as_real` draw labels as often as real texts have them.
        count: texts to write.
        seed: of the draw.

    Raises:
        UserError: a label is asked for, and the generator has learnt none.
    """
    if generator.conditional:
        drawn = label in (None, AS_REAL)
        return generator.draw_labels(count, seed) if drawn else [str(label)] * count
    if label is not None:
        raise UserError(
            f"params.yaml: sample.label is {say(label)}, but this generator has learnt no labels; "
            "set sample.label to null, or per_label to true"
        )
    return None


if __name__ == "__main__":
    run_stage(main)
