"""How each detector of params.yaml learns."""

from collections.abc import Mapping
from typing import Any

from stages.judges.linear_scorer import WAYS, LinearScorer, load_encoder
from stages.judges.scorer import Learner, Owned, Scorer


def make_learner(
    kind: str, settings: Mapping[str, Any], *, seed: int, device: str, encoder: Any = None
) -> Learner:
    """Make what a detector learns by.

    Args:
        kind: of detector, one of `core_settings.DETECTORS`.
        settings: of the detectors by name, the section `detector` of params.yaml.
        seed: of all that is random.
        device: where a BERT calculates.
        encoder: of `vectors`, where there is one already.

    Raises:
        UserError: its BERT is not there.
    """
    if kind == "fine_tuned_bert":
        from stages.judges.bert_scorer import BertScorer

        numbers = {name: each for name, each in vars(settings[kind]).items() if name != "not_met"}

        def learn(learnt: Owned, unseen: Owned, *, resemblance: bool = True) -> Scorer:
            return BertScorer.fit(
                learnt, unseen, **numbers, seed=seed, device=device, resemblance=resemblance
            )

        return learn
    own = settings[kind]
    if kind == "vectors" and encoder is None:
        encoder = load_encoder(own.model, device, "detector.vectors.model", own.num_layers)

    def learn_weights(learnt: Owned, unseen: Owned, *, resemblance: bool = True) -> Scorer:
        return LinearScorer.fit(WAYS[kind], *learnt, own.strength, encoder, resemblance=resemblance)

    return learn_weights
