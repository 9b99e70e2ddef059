"""An LSTM language model: writes one word after the other and ends its texts.

Source: T. Mikolov et al., "Recurrent neural network based language model", INTERSPEECH 2010, with
the LSTM of S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", 1997,
doi:10.1162/neco.1997.9.8.1735; the softmax over a large vocabulary after É. Grave et al.,
"Efficient softmax approximation for GPUs", 2017, arXiv:1609.04309, as PyTorch has it.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from stages.networks.portable import Linear, replace_linear

END = 0  # in place of a word: the text begins and ends here
UNKNOWN = 1  # where rare words were left out of the vocabulary: stands for each of them

# Words beyond the first 1,000 and the first 6,000 share smaller projections of the softmax: on text
# of the web the first make up four fifths of all words, and the last are seen a few times each.
CUTOFFS = (1000, 6000)


class LstmLanguageModel(nn.Module):
    """P(text) as the product of P(word | words before it), the end of the text among the words.

    Args:
        vocabulary_size: V, words, the end among them; ids by falling frequency, END first, then
            `UNKNOWN` where there is one.
        width: W, numbers a word, of the vectors it reads and of those it predicts from.
        hidden_size: H, of every LSTM layer.
        num_layers: LSTM layers.
        dropout: share of numbers dropped in training, before and after the LSTM and between its
            layers.
        has_unknown: whether the word `UNKNOWN` is one that is read and learnt, but never drawn.
    """

    def __init__(
        self,
        vocabulary_size: int,
        width: int,
        hidden_size: int,
        num_layers: int,
        dropout: float,
        has_unknown: bool = False,
    ) -> None:
        super().__init__()
        self.has_unknown = has_unknown
        between = dropout if num_layers > 1 else 0.0
        self.vectors = nn.Embedding(vocabulary_size, width)
        nn.init.normal_(self.vectors.weight, std=0.1)  # of N(0, 1) the gates would saturate
        self.lstm = nn.LSTM(width, hidden_size, num_layers, batch_first=True, dropout=between)
        self.projection = Linear(hidden_size, width)
        self.dropout = nn.Dropout(dropout)
        cutoffs = sorted({min(cutoff, vocabulary_size - 1) for cutoff in CUTOFFS})
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(
            width, vocabulary_size, cutoffs, div_value=2.0, head_bias=True
        )
        replace_linear(self.softmax)

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

    def log_likelihood(self, tokens: Tensor, mask: Tensor, drawn: Tensor | None = None) -> Tensor:
        """Return log P (N,), in nats, of each of the N words that the mask picks.

        Args:
            tokens: texts (B, T), int64, END after the last word, as `sample` gives them.
            mask: (B, T), bool; see `written`.
            drawn: (B, T), bool, of which words P is that by which `sample` draws, where `UNKNOWN`
                is impossible; None: of none, so that P is that which the network learns.
        """
        return self.log_likelihoods(tokens, mask, drawn)[0]

    def log_likelihoods(
        self, tokens: Tensor, mask: Tensor, drawn: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return log P (N,) of each of the N words, as above, and of an end in its place, (N,)."""
        before = pad(tokens[:, :-1], (1, 0), value=END)  # (B, T)
        hidden, words = self.read(before)[0][mask], tokens[mask]  # (N, W), (N,)
        logits = self.softmax.head(hidden)  # (N, words of the head + tails)
        if self.has_unknown and drawn is not None:
            is_unknown = torch.arange(logits.shape[1], device=logits.device) == UNKNOWN
            logits = logits.masked_fill(drawn[mask].unsqueeze(1) & is_unknown, -torch.inf)
        head = logits.log_softmax(1)
        # As the softmax's own `forward`, which fails on CUDA where a tail has one word of the N.
        first, columns, inside = self.softmax.cutoffs[0], words.clone(), head.new_zeros(len(words))
        for number, (start, stop) in enumerate(pairwise(self.softmax.cutoffs)):
            rows = ((words >= start) & (words < stop)).nonzero().squeeze(1)
            if len(rows):
                tail = self.softmax.tail[number](hidden[rows]).log_softmax(1)
                inside[rows] = tail.gather(1, (words[rows] - start).unsqueeze(1)).squeeze(1)
                columns[rows] = first + number
        return head.gather(1, columns.unsqueeze(1)).squeeze(1) + inside, head[:, END]

    @torch.no_grad()
    def sample(
        self,
        count: int,
        max_length: int,
        random: torch.Generator | None = None,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        prefix: Sequence[int] = (),
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
            prefix: words that each text begins with.

        Returns:
            Tokens (B, T), int64; END after a text's last word.
        """
        training = self.training
        self.eval()
        tokens = torch.full((count, max_length), END, device=self.device)
        active = torch.arange(count, device=self.device)
        before = torch.tensor([END, *prefix[:max_length]], device=self.device).repeat(count, 1)
        tokens[:, : before.shape[1] - 1] = before[:, 1:]
        word, state = before[:, -1:], None
        if before.shape[1] > 1:
            _, state = self.read(before[:, :-1])
        for place in range(before.shape[1] - 1, max_length):
            hidden, state = self.read(word, state)  # (B, 1, W)
            drawn = self._draw(hidden[:, 0], place == 0, random, temperature, top_p)  # (B,)
            tokens[active, place] = drawn
            goes_on = drawn != END
            if not goes_on.all():
                active, drawn = active[goes_on], drawn[goes_on]
                state = (state[0][:, goes_on], state[1][:, goes_on])
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
        self._exclude(log_probabilities, is_first)
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
        self._exclude(logits, is_first)
        drawn = draw_places(logits.softmax(1), random)
        words = drawn.clone()
        for number, tail in enumerate(self.softmax.tail):
            rows = (drawn == first + number).nonzero().squeeze(1)
            if len(rows):
                inside = draw_places((tail(hidden[rows]) / temperature).softmax(1), random)
                words[rows] = self.softmax.cutoffs[number] + inside
        return words

    def _exclude(self, logits: Tensor, is_first: bool) -> None:
        """Make impossible what is never drawn, in place: no text begins with its end."""
        if is_first:
            logits[:, END] = -torch.inf
        if self.has_unknown:
            logits[:, UNKNOWN] = -torch.inf


def draw_places(probabilities: Tensor, random: torch.Generator | None) -> Tensor:
    """Draw a place (B,), int64, from each row of probabilities (B, V).

    Inverts the running sum, on the CPU, so that CUDA sees the same draw: some fifteen times as fast
    there as torch.multinomial.
    """
    running = probabilities.cpu().cumsum(1, dtype=torch.float64)  # (B, V)
    drawn = torch.rand((len(running), 1), generator=random, dtype=torch.float64) * running[:, -1:]
    return torch.searchsorted(running, drawn, right=True).squeeze(1).to(probabilities.device)


def written(tokens: Tensor) -> Tensor:
    """Say which places of texts (B, T) somebody wrote: each word, and the end unless cropped."""
    return (tokens == END).int().cumsum(1) <= 1
