"""An LSTM language model: writes one word after the other and ends its texts.

Source: T. Mikolov et al., "Recurrent neural network based language model", INTERSPEECH 2010, with
the LSTM of S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", 1997,
doi:10.1162/neco.1997.9.8.1735; regularised after S. Merity et al., "Regularizing and Optimizing
LSTM Language Models", ICLR 2018, arXiv:1708.02182 (AWD-LSTM): tied vectors, dropout of words and
the same dropout at each word of a text. We differ in that a dense layer stands behind the LSTM, so
that its size is free, and no weight of the LSTM is dropped.
"""

import copy
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, pad

from stages.networks.portable import Linear
from stages.networks.tied_softmax import TiedSoftmax
from stages.networks.variational_dropout import VariationalDropout, draw_kept

# Of each LSTM layer two tensors (1, B, H); a kind of model may add what else it carries, (1, B, …).
State = list[tuple[Tensor, ...]]

Network = TypeVar("Network", bound=nn.Module)

END = 0  # in place of a word: the text begins and ends here
UNKNOWN = 1  # where rare words were left out of the vocabulary: stands for each of them

WORDS_DROPPED = 0.2  # share of the dropout with which a word's vector is dropped as a whole


class NextWordModel(nn.Module):
    """A network that predicts each word from those before it, and what follows from that alone.

    Each kind says how it reads, and has:

    Attributes:
        softmax: of the words.
        has_unknown: whether the word `UNKNOWN` is one that is read and learnt, but never drawn.
        word_dropout: share of all words whose vector is dropped in training.
    """

    softmax: TiedSoftmax
    has_unknown: bool
    word_dropout: float

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.softmax.bias.device

    def read(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Turn tokens (B, T) into what the next words are predicted from, (B, T, W), and a state.

        Args:
            tokens: ids, int64; a text begins with END.
            state: that after the tokens before; None at the beginning.
        """
        raise NotImplementedError

    def _embed(self, tokens: Tensor) -> Tensor:
        """Look up vectors (B, T, W); in training those of some words are 0 in the whole batch."""
        vectors = self.softmax.vectors(tokens)
        if not self.training or not self.word_dropout:
            return vectors
        kept = draw_kept((self.softmax.vectors.num_embeddings, 1), self.word_dropout, vectors)
        return vectors * embedding(tokens, kept)

    def log_likelihood(
        self,
        tokens: Tensor,
        mask: Tensor,
        drawn: Tensor | None = None,
        state: State | None = None,
    ) -> Tensor:
        """Return log P (N,), in nats, of each of the N words that the mask picks.

        Args:
            tokens: texts (B, T), int64, END after the last word, as `sample` gives them.
            mask: (B, T), bool; see `written`.
            drawn: (B, T), bool, of which words P is that by which `sample` draws, where `UNKNOWN`
                is impossible; None: of none, so that P is that which the network learns.
            state: that the texts begin in, if not the network's own.
        """
        return self.log_likelihoods(tokens, mask, drawn, state)[0]

    def log_likelihoods(
        self,
        tokens: Tensor,
        mask: Tensor,
        drawn: Tensor | None = None,
        state: State | None = None,
        hidden: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return log P (N,) of each of the N words, as above, and of an end in its place, (N,).

        Args:
            tokens: as above, as are `mask` and `drawn`.
            state: that the texts begin in, if not the network's own.
            hidden: what `read` gave, (B, T, W), where the texts have been read already.
        """
        if hidden is None:
            hidden, _ = self.read(pad(tokens[:, :-1], (1, 0), value=END), state)  # (B, T, W)
        hidden, words = hidden[mask], tokens[mask]  # (N, W), (N,)
        impossible = None
        if self.has_unknown and drawn is not None:
            columns = len(self.softmax.group_bias) + self.softmax.cutoffs[0]
            is_unknown = torch.arange(columns, device=self.device) == UNKNOWN
            impossible = drawn[mask].unsqueeze(1) & is_unknown
        return self.softmax.log_likelihoods(hidden, words, impossible)

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
        state: State | None = None,
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
            state: that the texts begin in, if not the network's own.

        Returns:
            Tokens (B, T), int64; END after a text's last word.
        """
        training = self.training
        self.eval()
        tokens = torch.full((count, max_length), END, device=self.device)
        active = torch.arange(count, device=self.device)
        before = torch.tensor([END, *prefix[:max_length]], device=self.device).repeat(count, 1)
        tokens[:, : before.shape[1] - 1] = before[:, 1:]
        word = before[:, -1:]
        if before.shape[1] > 1:
            _, state = self.read(before[:, :-1], state)
        for place in range(before.shape[1] - 1, max_length):
            vectors, state = self.read(word, state)  # (B, 1, W)
            drawn = self._draw(vectors[:, 0], place == 0, random, temperature, top_p)  # (B,)
            tokens[active, place] = drawn
            goes_on = drawn != END
            if not goes_on.all():
                active, drawn = active[goes_on], drawn[goes_on]
                state = [tuple(part[:, goes_on] for part in parts) for parts in state]
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
        logits = self.softmax.log_probabilities(hidden) / temperature  # (B, V)
        self._exclude(logits, is_first)
        return draw_likeliest(logits, top_p, random)

    def _draw_by_parts(
        self, hidden: Tensor, is_first: bool, random: torch.Generator | None, temperature: float
    ) -> Tensor:
        """Draw from the head, then, where it names a group, from that group.

        At temperature 1 no group is computed but for the texts that draw from it.
        """
        logits = self.softmax.head(hidden) / temperature  # (B, words of the head + groups)
        first = self.softmax.cutoffs[0]
        if temperature != 1:
            # A group is as likely as its words together, each by its own power of 1 / temperature.
            for number in range(logits.shape[1] - first):
                inside = self.softmax.group(number, hidden)  # (B, words of the group)
                total = inside.logsumexp(1) / temperature
                logits[:, first + number] += (inside / temperature).logsumexp(1) - total
        self._exclude(logits, is_first)
        drawn = draw_places(logits.softmax(1), random)
        words = drawn.clone()
        for number in range(logits.shape[1] - first):
            rows = (drawn == first + number).nonzero().squeeze(1)
            if len(rows):
                inside = self.softmax.group(number, hidden[rows]) / temperature
                within = draw_places(inside.softmax(1), random)
                words[rows] = self.softmax.cutoffs[number] + within
        return words

    def _exclude(self, logits: Tensor, is_first: bool) -> None:
        """Make impossible what is never drawn, in place: no text begins with its end."""
        if is_first:
            logits[:, END] = -torch.inf
        if self.has_unknown:
            logits[:, UNKNOWN] = -torch.inf


class LstmLanguageModel(NextWordModel):
    """P(text) as the product of P(word | words before it), the end of the text among the words.

    Args:
        vocabulary_size: V, words, the end among them; ids by falling frequency, END first, then
            `UNKNOWN` where there is one.
        width: W, numbers a word, of the vectors that it reads and predicts by.
        hidden_size: H, of every LSTM layer.
        num_layers: LSTM layers.
        dropout: share of numbers dropped in training, before and after each LSTM layer and after
            the dense layer; of `WORDS_DROPPED` times this share of all words the vector is dropped.
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
        self.word_dropout = WORDS_DROPPED * dropout
        self.dropout = VariationalDropout(dropout)
        self.lstm = make_layers(width, hidden_size, num_layers)
        self.projection = Linear(hidden_size, width)
        self.softmax = TiedSoftmax(vocabulary_size, width)

    def read(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Turn tokens (B, T) into what the next words are predicted from; see the parent."""
        return self._run(self.dropout(self._embed(tokens)), state)

    def _run(self, hidden: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Run the LSTM over what it reads (B, T, …), as above."""
        hidden, after = run_layers(self.lstm, self.dropout, hidden, state)
        return self.dropout(torch.tanh(self.projection(hidden))), after


def make_layers(width: int, hidden_size: int, num_layers: int) -> nn.ModuleList:
    """Make LSTM layers one above the other, of which the lowest reads vectors of `width`."""
    sizes = [width, *[hidden_size] * num_layers]
    return nn.ModuleList(nn.LSTM(read, hidden_size, batch_first=True) for read in sizes[:-1])


def copy_frozen(network: Network) -> Network:
    """Copy a network as it is, in evaluation mode and without gradients."""
    copied = copy.deepcopy(network).eval().requires_grad_(False)
    for part in copied.modules():
        if isinstance(part, nn.RNNBase):
            part.flatten_parameters()  # else CUDA gathers its weights anew at each call
    return copied


def run_layers(
    layers: nn.ModuleList, dropout: nn.Module, hidden: Tensor, state: State | None
) -> tuple[Tensor, State]:
    """Run LSTM layers over what the lowest reads (B, T, …); (B, T, H), and each layer's state.

    Args:
        layers: of `make_layers`.
        dropout: applied to what each layer gives.
        hidden: what the lowest reads.
        state: of each layer, after the words before; None begins.
    """
    after = []
    for number, layer in enumerate(layers):
        hidden, of_layer = layer(hidden, state and state[number])  # (B, T, H)
        hidden = dropout(hidden)
        after.append(of_layer)
    return hidden, after


def draw_likeliest(logits: Tensor, top_p: float, random: torch.Generator | None) -> Tensor:
    """Draw a word (B,), int64, from each row of logits (B, V), of the likeliest; see `sample`."""
    probabilities = logits.softmax(1)
    if top_p == 1:
        return draw_places(probabilities, random)
    probabilities, words = probabilities.sort(dim=1, descending=True, stable=True)
    # A word stays while those likelier than it do not reach top_p: the first always does.
    # On the CPU, as a cumsum has no deterministic form on CUDA.
    likelier = probabilities.cpu().cumsum(1) - probabilities.cpu()
    probabilities[(likelier >= top_p).to(logits.device)] = 0
    return words.gather(1, draw_places(probabilities, random).unsqueeze(1)).squeeze(1)


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
