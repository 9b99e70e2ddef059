"""A pretrained language model of transformers that predicts each piece of a text from those before.

Source: A. Radford et al., "Language Models are Unsupervised Multitask Learners", 2019, for GPT-2;
fine-tuned as in J. Howard and S. Ruder, "Universal Language Model Fine-tuning for Text
Classification", ACL 2018, arXiv:1801.06146, without their gradual unfreezing. Layers multiply by
`portable`, and attention is computed by products and a softmax, so that GPT-2 learns the same on
every processor; a model of another kind may take square roots, which differ in their last bits.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from stages.corpus.errors import UserError
from stages.networks.lstm_language_model import draw_likeliest
from stages.networks.portable import replace_linear
from stages.networks.pretrained import load_pretrained, place_of

DROPOUTS = ("dropout", "dropout_prob", "pdrop")  # ends of the names by which configurations say it
# What a configuration says of where a model came from, and of how else it could be loaded.
UNKEPT = ("_name_or_path", "architectures", "auto_map", "dtype", "quantization_config")
CAUSAL = "a causal language model, such as gpt2"


class CausalLanguageModel(nn.Module):
    """P(text) as the product of P(piece | pieces before it), the end of the text among them.

    Args:
        model: of transformers.
        start: the piece that stands before the first one.
        end: the piece behind the last one.
        never: of each piece, whether it is never drawn, (V,), bool.
        begins: of each piece, whether a new word begins with it, (V,), bool.
    """

    def __init__(self, model: Any, start: int, end: int, never: Tensor, begins: Tensor) -> None:
        super().__init__()
        self.model = model
        self.start, self.end = start, end
        self.register_buffer("never", never, persistent=False)
        self.register_buffer("begins", begins, persistent=False)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.never.device

    def state_dict(self) -> dict[str, Tensor]:
        """Return each weight once, though layers may share it, as GPT-2's first and last do."""
        found = {id(each): name for name, each in reversed(self._named_weights().items())}
        kept = {*found.values()}
        return {name: each.detach() for name, each in self._named_weights().items() if name in kept}

    def _named_weights(self) -> dict[str, Tensor]:
        return self.model.state_dict(keep_vars=True)

    def load_state_dict(self, weights: Mapping[str, Tensor]) -> None:
        """Take what `state_dict` returned.

        Raises:
            KeyError: it is of another model.
        """
        differing = weights.keys() ^ self.state_dict().keys()
        if differing:
            raise KeyError(min(differing))
        self.model.load_state_dict(weights, strict=False)

    def predict(self, tokens: Tensor) -> Tensor:
        """Return the logits (B, T, V) by which each piece of texts (B, T) is predicted.

        Pieces beyond the end of a text change nothing that comes before.
        """
        before = pad(tokens[:, :-1], (1, 0), value=self.start)
        return self.model(before, use_cache=False).logits.float()

    def log_likelihood(self, tokens: Tensor, mask: Tensor, is_full: Tensor | None = None) -> Tensor:
        """Return log P (N,), in nats, of each of the N pieces that a mask picks.

        Args:
            tokens: texts (B, T), int64.
            mask: (B, T), bool.
            is_full: of each text, whether it is cropped behind its words, so that in place of its
                end a new word may begin, (B,), bool; P is then that by which `sample` draws. None:
                that which the network learns.
        """
        logits = self.predict(tokens)  # (B, T, V)
        if is_full is None:
            logs = logits[mask].log_softmax(1)  # (N, V)
            return logs.gather(1, tokens[mask].unsqueeze(1)).squeeze(1)
        self.exclude(logits)
        self.exclude(logits[:, 0], is_first=True)
        logs, drawn = logits[mask].log_softmax(1), tokens[mask]
        chosen = logs.gather(1, drawn.unsqueeze(1)).squeeze(1)
        either = (drawn == self.end) & is_full.unsqueeze(1).expand(mask.shape)[mask]
        return torch.where(either, logs[:, self.is_border].logsumexp(1), chosen)

    def exclude(self, logits: Tensor, *, is_first: bool = False, ends_word: bool = False) -> None:
        """Make impossible, in logits (…, V) and in place, what is never drawn.

        Args:
            logits: changed in place.
            is_first: whether they are of a text's first piece, which is not its end.
            ends_word: whether a word must end here, as a beginning's last one does.
        """
        logits[..., self.never] = -torch.inf
        if is_first:
            logits[..., self.end] = -torch.inf
        if ends_word:
            logits[..., ~self.is_border] = -torch.inf

    @property
    def is_border(self) -> Tensor:
        """Of each piece, whether the word before ends where it comes, (V,), bool."""
        places = torch.arange(len(self.begins), device=self.device)
        return (self.begins & ~self.never) | (places == self.end)

    @torch.no_grad()
    def sample(
        self,
        count: int,
        most: int,
        are_over: Callable[[Sequence[list[int]]], Sequence[bool]],
        random: torch.Generator,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        prefix: Sequence[int] = (),
    ) -> list[list[int]]:
        """Draw texts, each of one piece or more, without dropout.

        Args:
            count: B, texts to draw.
            most: pieces at which a text is cropped.
            are_over: says of texts so far whether each is long enough.
            random: source of randomness on the CPU.
            temperature: log P is divided by it.
            top_p: see `NextWordModel.sample`.
            prefix: pieces that each text begins with; the word that they end in goes no further.

        Returns:
            The pieces of each text, its end left out.
        """
        self.eval()
        texts = [[*prefix] for _ in range(count)]
        active, cache = [*range(count)], None
        before = torch.tensor([self.start, *prefix], device=self.device).repeat(count, 1)
        for place in range(len(prefix), most):
            read = self.model(before, past_key_values=cache, use_cache=True)
            cache = read.past_key_values
            logits = read.logits[:, -1].float() / temperature  # (B, V)
            self.exclude(logits, is_first=place == 0, ends_word=0 < place == len(prefix))
            drawn = draw_likeliest(logits, top_p, random)  # (B,)
            for row, piece in zip(active, drawn.tolist(), strict=True):
                texts[row] += [piece] if piece != self.end else []
            over = are_over([texts[row] for row in active])
            ended = (drawn == self.end).tolist()
            kept = [at for at in range(len(active)) if not (ended[at] or over[at])]
            if not kept:
                break
            if len(kept) < len(active):
                rows = torch.tensor(kept, device=self.device)
                active, drawn = [active[at] for at in kept], drawn[rows]
                cache.batch_select_indices(rows)
            before = drawn.unsqueeze(1)
        return texts


def load_config(model: str, setting: str) -> Any:
    """Load the configuration of a pretrained causal language model, without its weights.

    Args:
        model: a folder, or a name on the hub.
        setting: what names it, for the message.

    Raises:
        UserError: there is no such model, or it is of another kind.
    """
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

    config = load_pretrained("AutoConfig", model, setting)
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING or config.is_encoder_decoder:
        raise UserError(
            f"{place_of(setting)} is {model!r}, a model of type {config.model_type!r}; "
            f"expected {CAUSAL}"
        )
    return config


def load_causal(model: str, setting: str, dropout: float | None) -> Any:
    """Load a pretrained causal language model, from .safetensors alone, in evaluation mode.

    Args:
        model: as for `load_config`.
        setting: as for `load_config`.
        dropout: share that each of its dropouts drops in training; None leaves them as they are.

    Raises:
        UserError: as `load_config`; or weights are missing, or of other shapes, or not finite.
    """
    config = load_config(model, setting)
    if dropout is not None:
        for name, value in config.to_dict().items():
            if name.endswith(DROPOUTS) and isinstance(value, int | float):
                setattr(config, name, float(dropout))
    options = {"dtype": torch.float32, "attn_implementation": "eager", "use_safetensors": True}
    options |= {"output_loading_info": True, "ignore_mismatched_sizes": True}
    loaded, info = load_pretrained("AutoModelForCausalLM", model, setting, config=config, **options)
    wrong = [*info["missing_keys"], *info["mismatched_keys"]]
    wrong += [name for name, each in loaded.named_parameters() if not each.isfinite().all()]
    if wrong:
        found = sorted(map(str, wrong))[0][:80]
        raise UserError(
            f"{place_of(setting)} is {model!r}, whose weights lack {found}, or have it in another "
            f"shape or not finite; expected the whole of {CAUSAL}"
        )
    if not _is_causal(loaded):
        raise UserError(
            f"{place_of(setting)} is {model!r}, which reads the words behind a place too; "
            f"expected {CAUSAL}"
        )
    return _make_portable(loaded)


@torch.no_grad()
def _is_causal(model: Any) -> bool:
    """Say whether what a model predicts does not depend on pieces to come."""
    first, second = (model(torch.tensor([[0, 1, last]])).logits for last in (0, 1))
    return torch.allclose(first[:, :2], second[:, :2], atol=1e-4)


def keep_config(config: Any) -> dict[str, Any]:
    """Return what of a configuration makes the model, of which JSON can be made."""
    values = config.to_diff_dict()
    return {key: value for key, value in sorted(values.items()) if key not in UNKEPT}


def make_causal(config: Mapping[str, Any]) -> Any:
    """Make a model of what `keep_config` returned, with weights at random.

    Raises:
        RuntimeError: no model can be made of it.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        made = AutoModelForCausalLM.from_config(
            AutoConfig.for_model(**config), attn_implementation="eager", trust_remote_code=False
        )
    except Exception as error:  # transformers raises whatever its classes do
        raise RuntimeError(" ".join(str(error).split())[:100]) from None
    return _make_portable(made)


def _make_portable(model: Any) -> Any:
    from stages.networks.transformer_language_model import replace_dense

    replace_linear(model)
    replace_dense(model)
    return model
