"""Hashes of what each library computes, to compare processors: `python tests/check_processor.py`.

Prints a hash for each kind of arithmetic that the pipeline does, one for all of them, and how long
each library takes. gensim and scikit-learn are passed over where they are missing.
"""

import hashlib
import platform
import sys
import time
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import stages  # noqa: F401, I001 - before the libraries load, which it settles

import numpy as np
import scipy.linalg
import scipy.special
import torch
from transformers import BertConfig, BertModel

from stages.networks.portable import replace_linear, square_root
from stages.networks.lstm_language_model import LstmLanguageModel, written
from stages.networks.prefix_discriminator import PrefixDiscriminator
from stages.networks.transformer_language_model import TransformerLanguageModel
from stages.networks.vector_discriminator import VectorDiscriminator
from stages.networks.vector_generator import VectorGenerator

random = np.random.default_rng(1)


def hash_of(*arrays) -> str:
    """Return eight digits for the bytes of arrays and tensors."""
    digest = hashlib.sha256()
    for array in arrays:
        array = array.detach().numpy() if isinstance(array, torch.Tensor) else np.asarray(array)
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:8]


def check_numpy():
    numbers = np.abs(random.normal(size=(300, 257))) + 1e-3
    single = numbers.astype(np.float32)
    yield "draws", [random.normal(size=99), random.permutation(99), random.choice(9, 99)]
    functions = (np.exp, np.log, np.log1p, np.expm1, np.tanh, np.sin, np.sqrt, np.cbrt, np.exp2)
    yield "functions", [function(kind) for function in functions for kind in (numbers, single)]
    yield "powers", [numbers**1.7, single**0.3]
    yield "sums", [numbers.sum(), single.sum(0), numbers.mean(1), single.std(), numbers.cumsum()]
    yield "products", [numbers @ numbers.T, single.T @ single, numbers @ numbers[0]]
    square = numbers.T @ numbers
    yield "eigenvectors", [*np.linalg.eigh(square), *np.linalg.svd(numbers)]
    yield "equations", [np.linalg.solve(square, numbers.T), np.linalg.cholesky(square)]
    yield "scipy", [scipy.linalg.eigvalsh(square), scipy.special.logsumexp(numbers, 1)]


def check_torch():
    numbers = torch.randn(200, 333)
    positive = numbers.abs() + 1e-3
    yield "draws", [numbers, torch.rand(99), torch.randperm(99), torch.randint(9, (99,))]
    names = "exp log log1p expm1 tanh sigmoid erf sin cos rsqrt"
    yield "functions", [getattr(torch, name)(positive) for name in names.split()]
    yield "square roots", [square_root(positive), square_root(positive.double())]
    yield "softmax", [numbers.softmax(1), numbers.log_softmax(0), numbers.logsumexp(1)]
    yield "sums", [numbers.sum(), numbers.sum(0), numbers.mean(1), numbers.std(0), numbers.norm()]
    yield "products", [numbers @ numbers.T, numbers.double() @ numbers.double().T]
    batch = torch.randn(8, 12, 64, 32)
    attention = torch.nn.functional.scaled_dot_product_attention
    yield "attention", [batch @ batch.mT, attention(batch, batch, batch)]
    yield "eigenvectors", [*torch.linalg.eigh(numbers.double().T @ numbers.double())]


def check_networks():
    lengths = torch.tensor([32, 5, 0, 17] * 16)
    tokens = torch.randint(1, 7000, (64, 32)) * (torch.arange(32) < lengths.unsqueeze(1))
    model = LstmLanguageModel(7000, 128, 256, 1, 0.3)
    yield "language model", train(model, lambda: -model.log_likelihood(tokens, written(tokens)))
    yield "its texts", [model.sample(50, 32, torch.Generator().manual_seed(1))]
    for width in (1, 12, 48):
        judge = PrefixDiscriminator(width, 128, 1, 0.3, 0.05, 2)
        vectors = torch.randn(64, 32, width)
        yield f"judge, {width} wide", train(judge, lambda: judge(vectors, lengths))  # noqa: B023
    for width in (1, 12):
        vectors = torch.randn(500, 32, width)
        network = VectorDiscriminator(width, 32, 20, 2, 0.5)
        yield f"paper's, {width} wide", train(network, lambda: network(vectors))  # noqa: B023
        writer = VectorGenerator(width, 32, 20, 2)
        yield f"its writer, {width} wide", train(writer, lambda: writer(vectors))  # noqa: B023
    sizes = {"hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536}
    bert = BertModel(BertConfig(vocab_size=999, num_attention_heads=12, **sizes)).eval()
    replace_linear(bert)
    for length in (9, 64):
        with torch.no_grad():
            hidden = bert(torch.randint(1, 999, (2048 // length, length))).last_hidden_state
        yield f"BERT, {length} pieces", [hidden]
    former = TransformerLanguageModel(7000, 128, 512, 2, 4, 0.3, 32)
    yield "transformer", train(former, lambda: -former.log_likelihood(tokens, written(tokens)))
    yield "its texts", [former.sample(50, 32, torch.Generator().manual_seed(1))]


def train(network, loss, updates=4):
    """Make a few updates; return the weights."""
    optimizer = torch.optim.Adam(network.parameters(), 0.003, fused=True)
    for _ in range(updates):
        optimizer.zero_grad()
        loss().square().mean().backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    return list(network.parameters())


def check_gensim():
    from gensim.models import Word2Vec

    texts = [[str(word) for word in random.integers(100, size=12)] for _ in range(300)]
    sizes = {"vector_size": 12, "min_count": 1, "epochs": 5}
    yield "word2vec", [Word2Vec(texts, workers=1, seed=1, hashfxn=int, **sizes).wv.vectors]


def check_sklearn():
    from sklearn.cluster import KMeans
    from sklearn.linear_model import LogisticRegression

    numbers = random.normal(size=(500, 99))
    yield "k-means", [KMeans(9, random_state=1, n_init=1).fit(numbers).cluster_centers_]
    yield "regression", [LogisticRegression().fit(numbers, numbers[:, 0] > 0).coef_]


def main():
    torch.manual_seed(1)
    torch.set_deterministic_debug_mode("error")
    print(f"{platform.machine()}, PyTorch {torch.__version__}, NumPy {np.__version__}")
    found = []
    for check in (check_numpy, check_torch, check_networks, check_sklearn, check_gensim):
        library = check.__name__.removeprefix("check_")
        if library in ("sklearn", "gensim") and find_spec(library) is None:
            continue
        began = time.perf_counter()
        for name, arrays in check():
            found.append(hash_of(*arrays))
            print(f"{library:9} {name:20} {found[-1]}")
        print(f"{library:9} {'seconds':20} {time.perf_counter() - began:.2f}")
    print(f"{'all':30} {hash_of(np.array(found))}")


if __name__ == "__main__":
    main()
