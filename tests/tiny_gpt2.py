"""A tiny GPT-2 with a byte-level tokenizer of its own, as a folder that transformers loads."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
from transformers.utils import logging

END = "<|endoftext|>"


def make_gpt2(folder, texts, *, pieces=60, all_bytes=False, seed=0, std=0.02, **changes):
    """Write the model, at random, and the tokenizer, of the pieces that these texts have.

    Args:
        folder: to write.
        texts: what the tokenizer learns from.
        pieces: of the tokenizer, at most.
        all_bytes: whether it writes every byte, as GPT-2's does, or those of the texts alone.
        seed: of the weights.
        std: of the weights; as made, a model is close to uniform.
        changes: of the configuration.
    """
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet() if all_bytes else []
    trainer = trainers.BpeTrainer(
        vocab_size=pieces + 256 * all_bytes,
        special_tokens=[END],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END).save_pretrained(folder)
    sizes = {
        "vocab_size": tokenizer.get_vocab_size(),
        "n_positions": 128,
        "n_embd": 16,
        "n_layer": 2,
        "n_head": 2,
    }
    ends = {"bos_token_id": 0, "eos_token_id": 0}
    config = GPT2Config(**{**sizes, **ends, **changes})
    torch.manual_seed(seed)
    model = GPT2LMHeadModel(config)
    for weight in model.parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=std)
    model.save_pretrained(folder)
    return Path(folder)
