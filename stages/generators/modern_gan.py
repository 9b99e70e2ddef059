"""The modern GAN: a language model and a discriminator which reads by an embedding.

The generator starts as a trained model that predicts each word from those before it (the language
model, or the transformer), so that it ends its own texts and knows every training word. First the
discriminator learns alone, for as long as its loss on unseen texts falls, to tell that model's
texts, and those of other generators, from real ones. Then either both learn from each other, or,
where there are no such epochs, the generator stays as it is, and the discriminator chooses among
its texts: a residual energy-based model, see `chosen`. Where it judges and chooses, a classifier by
n-grams, which has learnt from the same texts, has half a say; rewards are the discriminator's
alone.

Sources stand with the parts: `networks.prefix_discriminator`, `judges.ngram_classifier`,
`training.discriminator`, `training.policy_gradient`, `generators.chosen`.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field, TypeAdapter, ValidationInfo, field_validator
from torch import Tensor, nn

from stages.corpus.corpus import Corpus
from stages.corpus.seeds import derive_seed
from stages.corpus.settings import Size
from stages.embeddings.pretrained_bert import MINILM
from stages.embeddings.protocol import Embedding, EmbeddingName, load_copy
from stages.generators.folder import WEIGHTS, load_about, load_network, save_folder
from stages.generators.modern_gan_settings import ModernGanSettings
from stages.generators.modern_gan_training import ModernGanTraining
from stages.generators.protocol import (
    GeneratorAbout,
    Step,
    check_request,
    find_generator,
    load_generator,
)
from stages.generators.word_model import LearntWords, LikelihoodModel
from stages.judges.hashed_runs import FEATURES, check_runs
from stages.judges.ngram_classifier import NgramClassifier
from stages.judges.prefix_judge import PrefixJudge
from stages.networks.prefix_discriminator import PrefixDiscriminator
from stages.networks.size import count_parameters


class _About(GeneratorAbout):
    settings: ModernGanSettings
    writer: Any
    max_length: Size
    words: LearntWords
    embedding: EmbeddingName
    width: Size
    runs: Annotated[int, Field(ge=0, le=FEATURES)] | None

    @field_validator("writer", mode="plain")
    @classmethod
    def _type_writer(cls, value: Any, others: ValidationInfo) -> Any:
        if "settings" not in others.data:  # which is a mistake by itself
            return value
        kind = find_generator(others.data["settings"].generator)
        return TypeAdapter(kind.Learnt).validate_python(value)


class ModernGan:
    """A language model and the discriminator it learns against.

    Args:
        embedding: through which the discriminator reads.
        settings: of the discriminator and of the training.
        writer: the model to start from, of the kind that `settings.generator` names.
        device: where both networks live.
        encoder: the BERT by whose sentence vectors an epoch is judged; see `SentenceEncoder`.
    """

    Settings: ClassVar = ModernGanSettings
    conditional: ClassVar = False
    tempered: ClassVar = True
    prefixed: ClassVar = True
    likelihood: ClassVar = "exact"
    chooses: ClassVar = True
    latent: ClassVar = False
    stops_early: ClassVar = True
    fingerprint: str | None = None

    def __init__(
        self,
        embedding: Embedding,
        settings: ModernGanSettings,
        writer: LikelihoodModel,
        device: str,
        encoder: str = MINILM,
    ) -> None:
        self.embedding = embedding
        self.settings = settings
        self.writer = writer
        self.max_length = writer.max_length
        discriminator = make_discriminator(embedding.width, settings)
        self.networks = nn.ModuleDict({"generator": writer.network, "discriminator": discriminator})
        self.networks.to(device)
        self.ngrams: NgramClassifier | None = None
        self.training = ModernGanTraining(
            self.networks, writer, embedding, settings, device, encoder
        )

    @classmethod
    def build(
        cls,
        corpus: Corpus,
        settings: ModernGanSettings,
        *,
        seed: int,
        device: str,
        embedding: Embedding,
        start: Path,
        encoder: str = MINILM,
    ) -> Self:
        """Make a GAN whose generator is a trained model.

        Args:
            corpus: what that model was trained on.
            settings: of the GAN.
            seed: of the texts by which an epoch is judged.
            device: where both networks live.
            embedding: through which the discriminator reads.
            start: a folder with that model and the fakes to learn from; see `start_gan`.
            encoder: the BERT by whose sentence vectors an epoch is judged.

        Raises:
            UserError: that model was trained on another corpus, or is damaged.
        """
        source = start / settings.generator
        writer = load_generator(source, device)
        corpus.check_model(source, writer.fingerprint)
        gan = cls(embedding, settings, writer, device, encoder)
        gan.fingerprint = corpus.fingerprint
        gan.training.lone.limit(len(corpus.validation))
        # Before it learns, the generator is that model.
        sources = dict.fromkeys([settings.generator, *settings.fakes])
        fakes = {
            name: (start / f"{name}.txt").read_text("utf-8").split("\n")[:-1] for name in sources
        }
        gan.training.begin(fakes, seed)
        return gan

    def count_steps(self, corpus: Corpus) -> int:
        """Return how many updates `train` makes at most; see `protocol.Generator`."""
        return self.training.count_steps(corpus)

    def train(self, corpus: Corpus) -> Iterator[Step]:
        """Train the discriminator alone, then both networks; see `ModernGanTraining`.

        Epoch 0 is that of the discriminator alone, whose update gives both losses, the generator's
        with dropout. The validation of an epoch, and of the warm-up as a whole, is the Frechet
        distance of sentence vectors between the generator's own texts, not chosen by the
        discriminator, and the validation split's. Without epochs nothing is judged so, as there is
        nothing to choose from; nor is it by fewer than two texts.

        The discriminator reads real texts with all their words, also those that the generator
        learns as the unknown word.
        """
        if self.settings.ngrams:
            real = corpus.texts(corpus.train, self.max_length)
            own = self.training.fakes[self.settings.generator][: len(real)]
            self.ngrams = NgramClassifier.fit(real, own, self.max_length)
        yield from self.training.train(corpus)

    def generate(
        self,
        count: int,
        seed: int,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        labels: Sequence[str] | None = None,
        prefix: str = "",
    ) -> Iterator[list[str]]:
        """Yield texts of the generator alone; see `protocol.Generator` and `chosen.Chosen`."""
        check_request(self, temperature=temperature, top_p=top_p, labels=labels, prefix=prefix)
        return self.writer.generate(
            count, seed, temperature=temperature, top_p=top_p, prefix=prefix
        )

    @property
    def judge(self) -> PrefixJudge:
        """The discriminator as a judge of texts."""
        network = self.networks["discriminator"]
        return PrefixJudge(network, self.embedding, self.max_length, self.ngrams)

    def log_odds(self, texts: Sequence[str]) -> Tensor:
        """Return the logarithm of each text's odds of being real, (N,)."""
        return self.judge.log_odds(texts)

    def judge_own(self, count: int, seed: int) -> np.ndarray:
        """Return the discriminator's logits (count,) of its own generator's texts, none chosen."""
        made = self.generate(count, derive_seed(seed, "judge"))
        return self.judge.logits([text for batch in made for text in batch])

    def log_likelihood(self, texts: Sequence[str]) -> np.ndarray:
        """Return log P of each text (N,) by the generator alone, in nats."""
        return self.writer.log_likelihood(texts)

    def describe(self) -> dict[str, float]:
        """Count the weights of both networks, and how the discriminator learnt alone."""
        values: dict[str, float] = {
            f"{name}_parameters": count_parameters(network)
            for name, network in self.networks.items()
        }
        lone = self.training.lone
        if lone.best:
            values["warm_up_passes"] = lone.passes
            values["unseen_loss"] = lone.plateau.lowest
        if self.ngrams is not None:
            values["ngrams"] = len(self.ngrams.runs)
        return values

    def state_dict(self) -> dict[str, Any]:
        """Return weights, and all that going on takes."""
        return {"weights": self.networks.state_dict(), "training": self.training.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take weights and, where they are given, what resuming needs."""
        self.networks.load_state_dict(state["weights"])
        if "training" in state:
            self.training.load_state_dict(state["training"])

    def save(self, folder: Path) -> None:
        """Write both networks, the words and the embedding; see `protocol.Generator`."""
        about = {
            "corpus": self.fingerprint,
            "settings": self.settings.model_dump(),
            "embedding": self.embedding.name,
            "width": self.embedding.width,
            "writer": self.writer.settings.model_dump(),
            "max_length": self.max_length,
            "words": self.writer.words,
            "runs": None if self.ngrams is None else len(self.ngrams.runs),
        }
        save_folder(folder, "modern_gan", about, self._parts().state_dict())
        self.embedding.save(folder / "embedding")

    @classmethod
    def load(cls, folder: Path, device: str) -> Self:
        """Read what `save` wrote, in evaluation mode."""
        about = load_about(folder, _About)
        words, settings, shape, width = about.words, about.settings, about.writer, about.width
        kind = find_generator(settings.generator)

        def make() -> nn.ModuleDict:
            generator = kind.make_network(words, shape, about.max_length)
            discriminator = make_discriminator(width, settings)
            parts = {"generator": generator, "discriminator": discriminator}
            if about.runs is not None:
                parts["ngrams"] = NgramClassifier(about.runs, about.max_length)
            return nn.ModuleDict(parts)

        weights = load_network(folder, make, max(shape.num_layers, settings.num_layers))
        kept = folder / "embedding"
        embedding = load_copy(about.embedding, kept, device, width=width, fingerprint=about.corpus)
        writer = kind(words, shape, about.max_length, device)
        gan = cls(embedding, settings, writer, device)
        gan.fingerprint = about.corpus
        if about.runs is not None:
            check_runs(folder / WEIGHTS, weights, "ngrams.runs")
            gan.ngrams = NgramClassifier(about.runs, about.max_length)
        gan._parts().load_state_dict(weights)
        gan.networks.eval()
        return gan

    def _parts(self) -> nn.ModuleDict:
        """All that is kept in the folder's weights."""
        more = {} if self.ngrams is None else {"ngrams": self.ngrams}
        return nn.ModuleDict({**self.networks, **more})


def make_discriminator(width: int, settings: ModernGanSettings) -> PrefixDiscriminator:
    """Make the discriminator of vectors of E = `width` numbers."""
    return PrefixDiscriminator(
        width,
        settings.hidden_size,
        settings.num_layers,
        settings.dropout,
        settings.token_dropout,
        1 + len(settings.fakes),
        settings.objective == "wasserstein",
    )
