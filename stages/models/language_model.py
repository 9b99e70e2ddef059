"""An LSTM language model: the generator that writes one word after the other and ends its texts.

Source: T. Mikolov et al., "Recurrent neural network based language model", INTERSPEECH 2010, with
the LSTM of S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", 1997,
doi:10.1162/neco.1997.9.8.1735; the softmax over a large vocabulary after É. Grave et al.,
"Efficient softmax approximation for GPUs", 2017, arXiv:1609.04309, as PyTorch has it.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import torch
from safetensors import safe_open
from safetensors.torch import load_model, save_model
from torch import Tensor, nn
from torch.nn.functional import pad

END = 0  # in place of a word: the text begins and ends here
BATCH = 500  # texts sampled at a time

# Words beyond the first 1,000 and the first 6,000 share smaller projections of the softmax: on text
# of the web the first make up four fifths of all words, and the last are seen a few times each.
CUTOFFS = (1000, 6000)


@dataclass(frozen=True)
class LanguageModelSettings:
    """The shape of a language model.

    Attributes:
        width: numbers a word, of the vectors it reads and of those it predicts from.
        hidden_size: H, of every LSTM layer.
        num_layers: LSTM layers.
        dropout: share of numbers dropped in training, before and after the LSTM and between its
            layers.
    """

    width: int
    hidden_size: int
    num_layers: int
    dropout: float


class LanguageModel(nn.Module):
    """P(text) as the product of P(word | words before it), the end of the text among the words.

    Args:
        words: words[0] is "", the end; the others by falling frequency.
        settings: its shape.
    """

    def __init__(self, words: Sequence[str], settings: LanguageModelSettings) -> None:
        super().__init__()
        self.words = list(words)
        self.ids = {word: token for token, word in enumerate(words)}
        self.settings = settings
        width, hidden_size = settings.width, settings.hidden_size
        between = settings.dropout if settings.num_layers > 1 else 0.0
        self.vectors = nn.Embedding(len(words), width)
        nn.init.normal_(self.vectors.weight, std=0.1)  # of N(0, 1) the gates would saturate
        self.lstm = nn.LSTM(
            width, hidden_size, settings.num_layers, batch_first=True, dropout=between
        )
        self.projection = nn.Linear(hidden_size, width)
        self.dropout = nn.Dropout(settings.dropout)
        cutoffs = sorted({min(cutoff, len(words) - 1) for cutoff in CUTOFFS})
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(
            width, len(words), cutoffs, div_value=2.0, head_bias=True
        )

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.projection.weight.device

    def read(
        self, tokens: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Turn tokens (B, T) into what the next words are predicted from, (B, T, W), and a state.

        Args:
            tokens: ids, int64; a text begins with END.
            state: the LSTM's after the tokens before; None at the beginning.
        """
        hidden, state = self.lstm(self.dropout(self.vectors(tokens)), state)  # (B, T, H)
        return self.dropout(torch.tanh(self.projection(self.dropout(hidden)))), state

    def log_likelihood(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Return log P (N,), in nats, of each of the N words that the mask picks.

        Args:
            tokens: texts (B, T), int64, as `tokenize` or `sample` gives them.
            mask: (B, T), bool; see `written`.
        """
        return self.softmax(self._predict(tokens, mask), tokens[mask]).output

    def log_likelihoods(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return log P (N,) of each of the N words, as above, and of an end in its place, (N,)."""
        hidden = self._predict(tokens, mask)
        ends = self.softmax.head(hidden).log_softmax(1)[:, END]
        return self.softmax(hidden, tokens[mask]).output, ends

    def _predict(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Return what each of the N words is predicted from, (N, W)."""
        before = pad(tokens[:, :-1], (1, 0), value=END)  # (B, T)
        return self.read(before)[0][mask]

    @torch.no_grad()
    def sample(
        self,
        count: int,
        max_length: int,
        random: torch.Generator | None = None,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
    ) -> Tensor:
        """Draw texts, each of one word or more, without dropout.

        Args:
            count: B, texts to draw.
            max_length: T, words at which a text is cropped.
            random: source of randomness on the CPU; None takes PyTorch's own.
            temperature: log P is divided by it: below 1 likely words become likelier.
            top_p: only the likeliest words that together reach this probability are drawn from
                (A. Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020,
                arXiv:1904.09751); 1 keeps all.

        Returns:
            Tokens (B, T), int64; END after a text's last word.
        """
        training = self.training
        self.eval()
        tokens = torch.full((count, max_length), END, device=self.device)
        word = tokens[:, :1]
        active = torch.arange(count, device=self.device)
        state = None
        for place in range(max_length):
            hidden, state = self.read(word, state)  # (B, 1, W)
            drawn = self._draw(hidden[:, 0], place == 0, random, temperature, top_p)  # (B,)
            tokens[active, place] = drawn
            going = drawn != END
            if not going.all():
                active, drawn = active[going], drawn[going]
                state = (state[0][:, going], state[1][:, going])
            if not len(active):
                break
            word = drawn.unsqueeze(1)
        self.train(training)
        return tokens

    def _draw(
        self,
        hidden: Tensor,
        is_first: bool,
        random: torch.Generator | None,
        temperature: float,
        top_p: float,
    ) -> Tensor:
        """Draw the next words (B,) from what they are predicted from, (B, W)."""
        if top_p == 1:
            return self._draw_by_parts(hidden, is_first, random, temperature)
        log_probabilities = self.softmax.log_prob(hidden) / temperature  # (B, V)
        if is_first:
            log_probabilities[:, END] = -torch.inf
        probabilities, words = log_probabilities.softmax(1).sort(
            dim=1, descending=True, stable=True
        )
        # A word stays while those likelier than it do not reach top_p: the first always does.
        # On the CPU, as a cumsum has no deterministic form on CUDA.
        likelier = probabilities.cpu().cumsum(1) - probabilities.cpu()
        probabilities[(likelier >= top_p).to(self.device)] = 0
        return words.gather(1, draw_places(probabilities, random).unsqueeze(1)).squeeze(1)

    def _draw_by_parts(
        self, hidden: Tensor, is_first: bool, random: torch.Generator | None, temperature: float
    ) -> Tensor:
        """Draw from the head, then, where it names a tail, from that tail.

        At temperature 1 no tail is computed but for the texts that draw from it.
        """
        logits = self.softmax.head(hidden) / temperature  # (B, words of the head + tails)
        first = self.softmax.cutoffs[0]
        if temperature != 1:
            # A tail is as likely as its words together, each by its own power of 1 / temperature.
            for number, tail in enumerate(self.softmax.tail):
                inside = tail(hidden)  # (B, words of the tail)
                total = inside.logsumexp(1) / temperature
                logits[:, first + number] += (inside / temperature).logsumexp(1) - total
        if is_first:
            logits[:, END] = -torch.inf
        drawn = draw_places(logits.softmax(1), random)
        words = drawn.clone()
        for number, tail in enumerate(self.softmax.tail):
            rows = (drawn == first + number).nonzero().squeeze(1)
            if len(rows):
                inside = draw_places((tail(hidden[rows]) / temperature).softmax(1), random)
                words[rows] = self.softmax.cutoffs[number] + inside
        return words

    def tokenize(self, texts: Sequence[str], max_length: int) -> Tensor:
        """Turn texts of the model's own words into tokens (B, T), int64, on the CPU.

        Args:
            texts: words joined by one space.
            max_length: T, words to which longer texts are cropped.

        Raises:
            KeyError: a word is not among the model's.
        """
        tokens = torch.full((len(texts), max_length), END)
        for row, text in enumerate(texts):
            places = [self.ids[word] for word in text.split()[:max_length]]
            tokens[row, : len(places)] = torch.tensor(places)
        return tokens

    def write(self, tokens: Tensor) -> list[str]:
        """Turn tokens (B, T) into texts, words joined by one space."""
        return [" ".join(self.words[token] for token in row if token) for row in tokens.tolist()]

    def generate(
        self,
        count: int,
        max_length: int,
        seed: int,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
    ) -> Iterator[list[str]]:
        """Yield `count` texts in batches; same seed, same texts; see `sample`."""
        random = torch.Generator().manual_seed(seed)
        for first in range(0, count, BATCH):
            size = min(BATCH, count - first)
            yield self.write(
                self.sample(size, max_length, random, temperature=temperature, top_p=top_p)
            )

    def save(self, path: Path) -> None:
        """Write weights, settings and words to a .safetensors file."""
        about = {"words": self.words, "settings": asdict(self.settings)}
        # One entry: safetensors writes several in an order of chance.
        save_model(self, str(path), {"about": json.dumps(about)})

    @classmethod
    def load(cls, path: str | Path, device: str) -> Self:
        """Read what `save` wrote, in evaluation mode."""
        with safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["about"])
        model = cls(about["words"], LanguageModelSettings(**about["settings"])).to(device)
        load_model(model, str(path), device=device)
        return model.eval()


def draw_places(probabilities: Tensor, random: torch.Generator | None) -> Tensor:
    """Draw a place (B,), int64, from each row of probabilities (B, V).

    Inverts the running sum, on the CPU, so that CUDA sees the same draw: some fifteen times as fast
    there as torch.multinomial.
    """
    running = probabilities.cpu().cumsum(1, dtype=torch.float64)  # (B, V)
    drawn = torch.rand((len(running), 1), generator=random, dtype=torch.float64) * running[:, -1:]
    return torch.searchsorted(running, drawn, right=True).squeeze(1).to(probabilities.device)


def rank_words(texts: Sequence[str]) -> list[str]:
    """List "" and the texts' words by falling frequency, equal ones by first appearance."""
    counts = Counter(word for text in texts for word in text.split())
    return ["", *(word for word, _ in counts.most_common())]


def written(tokens: Tensor) -> Tensor:
    """Say which places of texts (B, T) somebody wrote: each word, and the end unless cropped."""
    return (tokens == END).int().cumsum(1) <= 1
