"""What CUDA must do as the CPU does: where there is a GPU, `python tests/check_cuda.py`.

Needs PyTorch, NumPy, SciPy, scikit-learn, pydantic, safetensors and transformers, neither DVC nor
gensim nor rapidfuzz nor MiniLM: the corpus is the invented sample, words are read by the scalar
embedding.
"""

import csv
import io
import math
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import stages  # noqa: F401, I001 - before the libraries load, which it settles

import numpy as np
import torch
from transformers import BertConfig, BertModel

from stages.corpus.building import build_corpus
from stages.corpus.tokenizer import tokenize
from stages.embeddings.scalar import ScalarEmbedding
from stages.fetching.invented import invent_tables
from stages.generators.modern_gan_training import ModernGanTraining
from stages.generators.protocol import find_generator
from stages.judges.bert_scorer import BertScorer
from stages.judges.layer_vectors import LayerEncoder
from stages.judges.scorer import Owned
from stages.networks.hybrid_sentence_vae import HybridSentenceVae, Shape
from stages.networks.lstm_language_model import LstmLanguageModel
from stages.networks.lstm_sentence_vae import LstmSentenceVae
from stages.networks.masked_language_model import BertShape, MaskedLanguageModel
from stages.networks.plain_language_model import PlainLanguageModel
from stages.networks.prefix_discriminator import PrefixDiscriminator
from stages.networks.relational_language_model import RelationalLanguageModel
from stages.networks.representation_discriminator import RepresentationDiscriminator
from stages.networks.text_discriminator import TextDiscriminator
from stages.networks.transformer_language_model import TransformerLanguageModel
from stages.networks.vector_discriminator import VectorDiscriminator
from stages.networks.vector_generator import VectorGenerator
from stages.pipeline.files import write_lines
from stages.pipeline.stage import seed_everything
from tests.tiny_gpt2 import make_gpt2

NETWORK = {"num_layers": 1, "dropout": 0.3, "batch_size": 64, "learning_rate": 0.003, "epochs": 2}
SETTINGS = {  # the modern GAN starts from two of them and knows the first
    "markov": {"order": 1, "start": "uniform"},
    "language_model": {"width": 256, "hidden_size": 384, "patience": 1, **NETWORK},
    "paper_gan": {"hidden_size": 20, "noise": "normal", **NETWORK},
    "modern_gan": {
        "generator": "language_model",
        **{"hidden_size": 128, "method": "policy_gradient", "objective": "cross_entropy"},
        **{"fakes": ["markov"], "discount": 0.5, "likelihood_weight": 1.0, "warm_up": 2},
        **{"generator_learning_rate": 0.0002, "token_dropout": 0.05, **NETWORK, "epochs": 1},
        **{"divergence_weight": 0.1, "ngrams": True},
    },
    "conditional_gan": {
        **{"width": 128, "hidden_size": 256, "num_layers": 1, "dropout": 0.3, "patience": 1},
        **{"batch_size": 64, "learning_rate": 0.003, "warm_up": 2, "discriminator_size": 128},
        **{"discriminator_dropout": 0.3, "discriminator_learning_rate": 0.003},
        **{"discriminator_warm_up": 2, "token_dropout": 0.05, "wrong_labels": True},
        "discriminator_batch_size": 64,
        **{"ngrams": True, "guidance": 1.0},
    },
    "lstm_vae": {
        **{"width": 128, "hidden_size": 128, "code_size": 32, "word_dropout": 0.5},
        **{"kl_weight": 0.5, "annealing": 1, "patience": 1, **NETWORK},
    },
    "hybrid_vae": {
        **{"width": 32, "hidden_size": 192, "code_size": 32, "convolutions": 5, "channels": 128},
        **{"features": 64, "max_characters": 128, "auxiliary_weight": 0.2, "kl_weight": 1.0},
        **{"delay": 1, "annealing": 1, "patience": 1, "rarest": 2, **NETWORK},
    },
    "character_lstm": {"width": 64, "hidden_size": 128, "patience": 1, "rarest": 2, **NETWORK},
    "transformer": {
        **{"model": None, "width": 128, "hidden_size": 512, "num_heads": 4, "patience": 1},
        **NETWORK,
    },
    "pretrained_transformer": {  # of weights at random
        **{"model": "a folder", "dropout": 0.1, "batch_size": 64, "learning_rate": 0.001},
        **{"patience": 1, "epochs": 2},
    },
    "relgan": {
        **{"width": 32, "num_slots": 1, "num_heads": 2, "head_size": 256, "batch_size": 64},
        **{"learning_rate": 0.003, "patience": 1, "warm_up": 2, "method": "adversarial"},
        **{"adversarial_epochs": 2, "updates": 5, "discriminator_steps": 5, "beta_max": 100.0},
        **{"adversarial_learning_rate": 0.0001, "discriminator_learning_rate": 0.0001},
        **{"beta_steps": 5000, "representations": 64, "representation_width": 1},
        **{"filter_widths": [2, 3, 4, 5], "filters": 300, "hidden_size": 100, "dropout": 0.25},
    },
    "seqgan": {
        **{"width": 64, "hidden_size": 128, "num_layers": 1, "dropout": 0.3, "batch_size": 64},
        **{"learning_rate": 0.01, "warm_up": 2, "patience": 1, "keep": "best", "rollouts": 16},
        **{"discriminator_width": 64, "widths": [1, 2, 3, 5], "filters": [100, 200, 200, 100]},
        **{"discriminator_dropout": 0.25, "discriminator_penalty": 0.2},
        **{"discriminator_learning_rate": 0.0001, "discriminator_texts": 1000},
        **{"discriminator_epochs": 1, "discriminator_rounds": 1, "discriminator_warm_up": 2},
        **{"adversarial_epochs": 5, "adversarial_learning_rate": 0.01, "generator_steps": 1},
        "method": "policy_gradient",
    },
    "bert_gibbs": {  # `main` says which model
        **{"num_layers": 2, "trained_layers": 1, "masking": "any", "batch_size": 64},
        **{"learning_rate": 0.001, "epochs": 2, "sweeps": 1, "at_once": 2},
    },
}
SETTINGS["sentigan"] = SETTINGS["seqgan"]
SETTINGS["leakgan"] = {
    **{**SETTINGS["seqgan"], "goal_size": 16, "horizon": 4, "cycle": 1, "sharpening": 1.0},
    "rollouts": 4,
}


FINE_TUNING = {
    **{"num_layers": 2, "trained_layers": 1, "max_pieces": 64, "texts": 400, "epochs": 1},
    **{"batch_size": 16, "learning_rate": 0.0003},
}


def make_bert(folder):
    """Write a BERT with random weights, whose pieces are single characters; return the folder."""
    characters = [chr(code) for code in range(33, 127)]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters]
    pieces += [f"##{each}" for each in characters]
    (folder / "vocab.txt").write_text("\n".join(pieces))
    sizes = {"hidden_size": 128, "num_hidden_layers": 2, "intermediate_size": 256}
    config = BertConfig(vocab_size=len(pieces), num_attention_heads=4, **sizes)
    BertModel(config).save_pretrained(folder)
    return str(folder)


def make_corpus(most_words=None):
    """Make a corpus of the invented comments, cropped at 32 words, of so many words at most."""
    labels = {}
    for table in invent_tables(1).values():
        for row in csv.DictReader(io.StringIO(table)):
            if row.get("Text") and row.get("oh_label") in ("0", "1"):
                labels[" ".join(tokenize(row["Text"]))] = int(row["oh_label"])
    texts = [text.split() for text in labels if text]
    corpus = build_corpus(
        texts, [labels[" ".join(text)] for text in texts], 0.1, 0.05, seed=1, most_words=most_words
    )
    return replace(corpus, max_length=32)


def compare_networks(device):
    """Print how far each network's output on the device is from the CPU's."""
    lengths = torch.tensor([32, 5, 0, 17])
    vectors, tokens = torch.randn(4, 32, 12), torch.randint(1, 50, (4, 32))
    cases = {
        "LstmLanguageModel": (LstmLanguageModel(50, 16, 32, 1, 0.3), [tokens, tokens > 0]),
        "with unknown words": (
            *(LstmLanguageModel(50, 16, 32, 1, 0.3, has_unknown=True),),
            [tokens, tokens > 1, tokens > 1],
        ),
        "MaskedLanguageModel": (
            MaskedLanguageModel(50, 1, 32, 2, BertShape(16, 32, 2, "gelu", 1e-12)),
            [tokens, tokens > 0, tokens > 25],
        ),
        "Transformer": (TransformerLanguageModel(50, 16, 32, 1, 2, 0.3, 32), [tokens, tokens > 0]),
        "LstmSentenceVae": (
            LstmSentenceVae(50, 16, 32, 1, 0.3, code_size=8, word_dropout=0.3),
            [torch.randn(4, 8), tokens],
        ),
        "HybridSentenceVae": (
            HybridSentenceVae(50, Shape(32, 16, (8, 16), 12, 32, 1, 8), 0.0, 2),
            [torch.randn(4, 8), tokens],
        ),
        "RelationalLanguageModel": (
            RelationalLanguageModel(50, 16, 2, 2, 8),
            [tokens, tokens > 0],
        ),
        "RepresentationDiscriminator": (
            RepresentationDiscriminator(50, 4, 3, [2, 3], 16, 10, 0.3),
            [vectors],
        ),
        "PlainLanguageModel": (PlainLanguageModel(50, 16, 32, 1, 0.3), [tokens, tokens > 0]),
        "TextDiscriminator": (TextDiscriminator(50, 16, [1, 2, 5], [8, 8, 8], 0.3, 2), [tokens]),
        "PrefixDiscriminator": (PrefixDiscriminator(12, 32, 1, 0.3, 0.05, 2), [vectors, lengths]),
        "VectorDiscriminator": (VectorDiscriminator(12, 32, 20, 2, 0.5), [vectors]),
        "VectorGenerator": (VectorGenerator(12, 32, 20, 2), [vectors]),
    }
    for name, (network, inputs) in cases.items():
        network.eval()
        call = "log_likelihood" if hasattr(network, "log_likelihood") else "forward"
        with torch.no_grad():
            expected = getattr(network, call)(*inputs)
            found = getattr(network.to(device), call)(*(each.to(device) for each in inputs)).cpu()
        print(f"{name:20} largest difference {(found - expected).abs().max():.1e}")
        assert torch.allclose(found, expected, atol=1e-4), name


def train(name, corpus, device, start, *, broken=False):
    """Train a generator; return its weights, seconds a step, and some of its texts.

    Args:
        name: of the generator.
        corpus: what it learns from.
        device: where.
        start: folder of what a modern GAN starts from.
        broken: whether training is taken up anew, by another object, after its first epoch.
    """

    def build():
        extra = {}
        if name in ("paper_gan", "modern_gan"):
            extra = {"embedding": ScalarEmbedding(corpus.known_words, device), "start": start}
        kind = find_generator(name)
        section = SETTINGS[name]
        if name == "pretrained_transformer":
            section = {**section, "model": str(start / "gpt2")}
        settings = kind.Settings(**section)
        return kind.build(corpus, settings, seed=1, device=device, **extra)

    seed_everything(1)
    generator, began, steps = build(), time.perf_counter(), 0
    for step in generator.train(corpus):
        steps += 1
        if broken and step.ends_epoch:
            random = torch.get_rng_state(), torch.cuda.get_rng_state_all()
            resumed = build()
            resumed.load_state_dict(generator.state_dict())
            torch.set_rng_state(random[0])
            torch.cuda.set_rng_state_all(random[1])
            generator = resumed
            steps += sum(1 for _ in generator.train(corpus))
            break
    seconds = (time.perf_counter() - began) / steps
    state = generator.state_dict()["weights"]
    weights = {key: torch.as_tensor(each).cpu().clone() for key, each in state.items()}
    return generator, weights, seconds, next(generator.generate(2, 1))


def time_plain_pytorch(device):
    """Return seconds an update of an LSTM language model written in plain PyTorch."""
    torch.manual_seed(1)
    vectors, head = torch.nn.Embedding(2500, 128), torch.nn.Linear(256, 2500)
    lstm = torch.nn.LSTM(128, 256, batch_first=True)
    model = torch.nn.ModuleList([vectors, lstm, head]).to(device)
    optimizer = torch.optim.Adam(model.parameters(), 0.003)
    tokens = torch.randint(2500, (64, 32), device=device)
    for step in range(25):
        if step == 5:
            began = time.perf_counter()
        logits = head(lstm(vectors(tokens[:, :-1]))[0])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
    return (time.perf_counter() - began) / 20


def main():
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print(f"device: {torch.cuda.get_device_name() if device == 'cuda' else 'cpu, so no check'}")
    seed_everything(1)
    # Which would take MiniLM.
    ModernGanTraining._distance_to = lambda training, held_out: lambda: 0.0
    compare_networks(device)
    print(f"plain PyTorch        {time_plain_pytorch(device):.4f} s an update of an LSTM")
    with tempfile.TemporaryDirectory() as folder:
        SETTINGS["bert_gibbs"]["model"] = bert = make_bert(Path(folder))
        check_detectors(make_corpus(), device, bert)
        check_trainings(make_corpus(), device, SETTINGS)
    check_trainings(make_corpus(500), device, ("markov", "language_model", "modern_gan"))
    SETTINGS["modern_gan"]["generator"] = "transformer"
    check_trainings(make_corpus(500), device, ("markov", "transformer", "modern_gan"))


def check_detectors(corpus, device, bert):
    """Read texts by a BERT's layers here and on the CPU; fine-tune it twice to tell texts."""
    texts = corpus.texts(corpus.train)[:400]
    here, there = (LayerEncoder(each, bert, "model", 2).encode(texts) for each in ("cpu", device))
    print(f"{'vectors':20} {abs(here - there).max():.1e} apart from the CPU's")
    assert abs(here - there).max() < 1e-4
    backwards = [" ".join(reversed(text.split())) for text in texts]
    owned = Owned([*texts, *backwards], np.repeat([0, 1], len(texts)))
    began = time.perf_counter()
    first, again = (
        BertScorer.fit(owned, owned, model=bert, seed=1, device=device, **FINE_TUNING).arrays
        for _ in range(2)
    )
    seconds = (time.perf_counter() - began) / 2
    same = all(np.array_equal(first[key], again[key]) for key in first)
    print(f"{'fine_tuned_bert':20} {seconds:.1f} s a pass of 400 texts; twice the same {same}")
    assert same


def check_trainings(corpus, device, names):
    """Train each generator twice, and once resumed; print and compare what comes out."""
    print(f"{len(corpus.train)} texts to learn from, of {len(corpus.known_words)} words")
    with tempfile.TemporaryDirectory() as folder:
        start = Path(folder)
        sizes = {"n_embd": 128, "n_layer": 2, "n_head": 4, "n_positions": 256}
        make_gpt2(start / "gpt2", corpus.texts(corpus.train), pieces=1000, all_bytes=True, **sizes)
        for name in names:
            generator, weights, seconds, texts = train(name, corpus, device, start)
            _, again, _, _ = train(name, corpus, device, start)
            _, resumed, _, _ = train(name, corpus, device, start, broken=name != "markov")
            same = [
                all(torch.equal(weights[key], other[key]) for key in weights)
                for other in (again, resumed)
            ]
            print(f"{name:20} {seconds:.4f} s a step; twice the same {same[0]}, resumed {same[1]}")
            print(f"{'':20} {texts[0]}")
            assert all(same), name
            if generator.likelihood != "none":
                assert all(map(math.isfinite, generator.log_likelihood(texts))), name
            if name in ("markov", "language_model", "transformer"):
                generator.save(start / name)
                # As start_gan writes them: those beyond the training texts are not learnt from.
                count = len(corpus.train) + len(corpus.validation)
                fakes = [text for batch in generator.generate(count, 2) for text in batch]
                write_lines(start / f"{name}.txt", fakes)


if __name__ == "__main__":
    main()
