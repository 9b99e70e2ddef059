"""What a new corpus lacks for what is to come: refused before anything is trained."""

from stages.corpus.corpus import Corpus
from stages.corpus.errors import UserError

FEWEST = {"train": 20, "test": 10}  # texts that the stage measure can measure
FEWEST_VALIDATED = 2
FEWEST_OF_LABEL = {"train": 10, "validation": 2}  # from which a generator of one label can learn


def check_sizes(corpus: Corpus, texts: int) -> None:
    """Refuse splits that are too small to be measured.

    Raises:
        UserError: names the split, and what to change.
    """
    needed = sum(FEWEST.values()) + FEWEST_VALIDATED
    if len(corpus.test) and texts < needed:
        raise UserError(
            f"params.yaml: {texts} texts are too few to learn from and to be measured; give at "
            f"least {needed}"
        )
    raised = {"train": "lower", "test": "raise"}
    for name, fewest in FEWEST.items():
        found = len(getattr(corpus, name))
        # There is none where everything is learnt from.
        if found < fewest and not (name == "test" and found == 0):
            raise UserError(
                f"params.yaml: of {texts} texts the {name} split has {found}; the measures need "
                f"{fewest}; give more texts, or {raised[name]} prepare.test_share"
            )


def check_labels(corpus: Corpus, *, per_label: bool, wanted: int | str | None) -> None:
    """Refuse what needs labels that the corpus has not, before anything is trained.

    Args:
        corpus: that was made.
        per_label: whether one generator a label is to be trained.
        wanted: what `sample.label` says.

    Raises:
        UserError: names the parameter.
    """
    names = corpus.label_names
    if per_label and not names:
        raise UserError(
            "params.yaml: per_label is true, but the texts have no labels; set it to false, or "
            "fetch.label to a column of labels"
        )
    if wanted not in (None, "as_real") and str(wanted) not in names:
        raise UserError(
            f"params.yaml: sample.label is {wanted}; allowed for these texts: null"
            + (f", as_real, {', '.join(names)}" if names else ", since they have no labels")
        )
    if per_label:
        for label in range(len(names)):
            for split, fewest in FEWEST_OF_LABEL.items():
                found = int((getattr(corpus, split).labels == label).sum())
                if found < fewest:
                    raise UserError(
                        f"params.yaml: per_label is true, but of the label {names[label]} the "
                        f"{split} split has {found} texts; expected {fewest} or more: set "
                        "prepare.labels to a mapping without it, or per_label to false"
                    )
