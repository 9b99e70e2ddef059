"""A transformer that writes one word after the other: transformers' GPT-2 over a corpus' own words.

Source: A. Radford et al., "Language Models are Unsupervised Multitask Learners", 2019, after
A. Vaswani et al., "Attention Is All You Need", NIPS 2017, arXiv:1706.03762. The code is
transformers' `GPT2Model`. We differ in the softmax, which is the LSTM language model's (rare words
in groups, a bias a word), in its dropout, likewise, in place of GPT-2's, and in that layers
multiply by `portable`, so that what they learn is the same on every processor. Products inside
attention stay PyTorch's, which by MKL's slow mode are that, too; they are few, as texts are short.
"""

from torch import Tensor, nn
from transformers import DynamicCache, GPT2Config, GPT2Model
from transformers.pytorch_utils import Conv1D as PlainConv1D

from stages.networks.lstm_language_model import WORDS_DROPPED, NextWordModel, State
from stages.networks.portable import multiply
from stages.networks.tied_softmax import TiedSoftmax
from stages.networks.variational_dropout import VariationalDropout


class Conv1D(PlainConv1D):
    """GPT-2's dense layer, by `multiply`."""

    def forward(self, vectors: Tensor) -> Tensor:
        """Turn vectors (…, in) into vectors (…, out)."""
        product = multiply(vectors.reshape(-1, self.nx), self.weight, self.bias)
        return product.view(*vectors.shape[:-1], self.nf)


def replace_dense(module: nn.Module) -> None:
    """Turn each dense layer of a GPT-2 into a `Conv1D`, its weights as they are."""
    for layer in module.modules():
        if type(layer) is PlainConv1D:
            layer.__class__ = Conv1D  # which differs in `forward` alone


class TransformerLanguageModel(NextWordModel):
    """P(text) as the product of P(word | words before it), the end of the text among the words.

    Args:
        vocabulary_size: V, words, the end among them; ids by falling frequency, END first, then
            `UNKNOWN` where there is one.
        width: W, numbers a word, of the vectors that it reads and predicts by, and of each layer.
        hidden_size: H, of each layer's inner one, behind its attention.
        num_layers: layers.
        num_heads: of attention in each layer; they share out W.
        dropout: share of numbers dropped in training, before the first layer and after the last,
            and of words; as of `LstmLanguageModel`.
        max_length: T, words a text at most.
        has_unknown: whether the word `UNKNOWN` is one that is read and learnt, but never drawn.
    """

    def __init__(
        self,
        vocabulary_size: int,
        width: int,
        hidden_size: int,
        num_layers: int,
        num_heads: int,
        dropout: float,
        max_length: int,
        has_unknown: bool = False,
    ) -> None:
        super().__init__()
        self.has_unknown = has_unknown
        self.word_dropout = WORDS_DROPPED * dropout
        self.dropout = VariationalDropout(dropout)
        config = GPT2Config(
            vocab_size=1,
            bos_token_id=None,
            eos_token_id=None,
            n_positions=max_length,
            n_embd=width,
            n_inner=hidden_size,
            n_layer=num_layers,
            n_head=num_heads,
            embd_pdrop=0.0,  # `self.dropout` instead
            attn_pdrop=0.0,
            resid_pdrop=0.0,
            activation_function="gelu_pytorch_tanh",  # GPT-2's, in one operation
            attn_implementation="eager",  # by products and a softmax
        )
        self.layers = GPT2Model(config)
        del self.layers.wte  # the vectors are the softmax's
        replace_dense(self.layers)
        self.softmax = TiedSoftmax(vocabulary_size, width)
        nn.init.normal_(self.softmax.vectors.weight, std=config.initializer_range)

    def read(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Turn tokens (B, T) into what the next words are predicted from; see the parent.

        In training the state is empty. Else it is each layer's keys and values of all words so
        far, (1, B, heads, words, W / heads) each.
        """
        cache = None if self.training else DynamicCache()
        for number, (keys, values) in enumerate(state or ()):
            cache.update(keys[0], values[0], number)
        read = self.layers(
            inputs_embeds=self.dropout(self._embed(tokens)),
            past_key_values=cache,
            use_cache=not self.training,
        )
        kept = cache.layers if cache is not None else ()
        after = [(layer.keys.unsqueeze(0), layer.values.unsqueeze(0)) for layer in kept]
        return self.dropout(read.last_hidden_state), after
