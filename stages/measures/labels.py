"""How often a text says what its label wants, as a classifier trained on real text sees it.

Source: Z. Hu et al., "Toward Controlled Generation of Text", ICML 2017, arXiv:1703.00955, who
measure generated text of a wanted sentiment by a classifier trained on real text. Theirs is a
network; ours is logistic regression on the words and pairs of words of a text, with scikit-learn's
defaults, each label weighing the same however many texts have it.

The classifier errs on real text too, so compare a share with that of held-out real text. A lower
share means that the generated texts show their label less clearly than real ones do.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

from stages.measures.two_sample import count_words


class LabelClassifier:
    """Tells a text's label by its words."""

    def __init__(self, texts: Sequence[str], labels: Sequence[str | None]) -> None:
        """Learn from real texts, words joined by one space; those without a label do not count.

        Raises:
            ValueError: no text has a label, or none of those that have one has a word.
        """
        labelled = [place for place, label in enumerate(labels) if label is not None]
        known = np.array([labels[place] for place in labelled])
        if not len(known):
            raise ValueError("no text has a label")
        self.counter = count_words()
        features = self.counter.fit_transform([texts[place] for place in labelled])
        self.only = None  # the label that all texts have, of which there is nothing to learn
        if (known == known[0]).all():
            self.only = known[0]
            return
        self.model = LogisticRegression(class_weight="balanced", max_iter=1000)
        self.model.fit(features, known)

    def classify(self, texts: Sequence[str]) -> np.ndarray:
        """Return the label of each text, (N,) of text; N at least 1."""
        if self.only is not None:
            return np.full(len(texts), self.only)
        return self.model.predict(self.counter.transform(texts))


def right_shares(
    classifier: LabelClassifier, texts: Sequence[str], wanted: Sequence[str | None]
) -> dict[str, float]:
    """Return the share of texts that the classifier gives the wanted label.

    Args:
        classifier: learnt from real text.
        texts: words joined by one space.
        wanted: label of each text; None where it has none, and then it does not count. One text or
            more has a label.

    Returns:
        By label, in rising order, the share of the texts of that label; under `balanced`, the mean
        of these shares. From 0 to 1; higher is better, up to held-out real text's own value.
    """
    labelled = [place for place, label in enumerate(wanted) if label is not None]
    labels = np.array([wanted[place] for place in labelled])
    right = classifier.classify([texts[place] for place in labelled]) == labels
    shares = {str(label): float(right[labels == label].mean()) for label in np.unique(labels)}
    return {**shares, "balanced": float(np.mean([*shares.values()]))}
