"""A language model by a relational memory, whose draws may be soft: the generator of RelGAN.

Source: W. Nie, N. Narodytska and A. Patel, "RelGAN: Relational Generative Adversarial Networks for
Text Generation", ICLR 2019.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from stages.networks.gumbel_softmax import draw_softly
from stages.networks.lstm_language_model import END, NextWordModel, State
from stages.networks.plain_language_model import FullSoftmax
from stages.networks.relational_memory import RelationalMemory

SPREAD = 0.1  # standard deviation of words' vectors at first


class RelationalLanguageModel(NextWordModel):
    """P(text) as the product of P(word | words before it), the end of the text among the words.

    Args:
        vocabulary_size: V, words, the end among them; ids by falling frequency, END first, then
            `UNKNOWN` where there is one.
        width: W, numbers a word that are read.
        num_slots: of the memory.
        num_heads: of its attention.
        head_size: numbers a head.
        has_unknown: whether the word `UNKNOWN` is one that is read and learnt, but never drawn.
    """

    word_dropout = 0.0

    def __init__(
        self,
        vocabulary_size: int,
        width: int,
        num_slots: int,
        num_heads: int,
        head_size: int,
        has_unknown: bool = False,
    ) -> None:
        super().__init__()
        self.has_unknown = has_unknown
        self.memory = RelationalMemory(width, num_slots, num_heads, head_size)
        self.softmax = FullSoftmax(vocabulary_size, width, num_slots * self.memory.size)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        nn.init.normal_(self.softmax.vectors.weight, std=SPREAD)
        nn.init.normal_(self.softmax.weight, std=self.softmax.weight.shape[1] ** -0.5)

    def read(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Turn tokens (B, T) into what the next words are predicted from; see the parent."""
        memory = self.memory.begin(len(tokens)) if state is None else state[0][0][0]
        hidden, memory = self.memory(self._embed(tokens), memory)
        return hidden, [(memory.unsqueeze(0),)]

    def draw_soft_texts(self, count: int, max_length: int, beta: float) -> tuple[Tensor, Tensor]:
        """Draw texts in soft form by PyTorch's own random numbers; see `draw_softly`.

        The network reads the words that were drawn, not their soft form, so that a gradient goes
        through each place's own logits alone. Behind the end of a text stand ends, without
        gradient. The unknown word is drawn as any other: real texts have it too.

        Args:
            count: B, texts to draw.
            max_length: T, words at which a text is cropped.
            beta: how sharp they are.

        Returns:
            Soft texts (B, T, V), and the tokens (B, T) of which they are the soft form.
        """
        words = torch.full((count,), END, device=self.device)
        ended = torch.zeros(count, dtype=torch.bool, device=self.device)
        end = one_hot(words[0], len(self.softmax.bias)).to(self.softmax.bias.dtype)
        state, soft_texts, tokens = None, [], []
        for place in range(max_length):
            hidden, state = self.read(words.unsqueeze(1), state)
            logits = self.softmax.head(hidden[:, 0])  # (B, V)
            if place == 0:  # no text begins with its end
                logits = logits.masked_fill(end.bool(), -torch.inf)
            words, soft = draw_softly(logits, beta)
            if ended.any():
                words = words.masked_fill(ended, END)
                soft = torch.where(ended.unsqueeze(1), end, soft)
            ended = ended | (words == END)
            soft_texts.append(soft)
            tokens.append(words)
        return torch.stack(soft_texts, 1), torch.stack(tokens, 1)
