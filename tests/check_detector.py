"""How well a plain classifier of words tells generators' texts from the text they learnt.

python tests/check_detector.py REAL.txt FAKES.txt...           a row a file, one text a line
python tests/check_detector.py REAL.txt FAKES.txt... seeds=3   the mean over splits
python tests/check_detector.py REAL.txt FAKES.txt... count=2000   of so many texts a side at most

The definition of the published rows below: logistic regression (scikit-learn's liblinear, C = 1) on
TF-IDF of words and pairs of words that are in five texts or more, lower case, without punctuation;
it learns four fifths of both sides and judges the last fifth. REAL is the text that generators have
learnt: a generator that copies it cannot be told, and one that writes as real people do would be
told from it no better than one half of REAL is told from the other, which is the first row.

Both sides have as many texts, as many as the shorter has. Of fewer texts the classifier learns
less, so only rows of like many texts are to be compared. `Self-BLEU-4` is of 1,000 texts at most:
high where texts repeat each other.
"""

import sys
from pathlib import Path
from statistics import fmean

sys.path.insert(0, str(Path(__file__).parents[1]))

import stages  # noqa: F401, I001 - before the libraries load, which it settles

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from stages.corpus.tokenizer import tokenize
from stages.measures.bleu import self_bleu

# Texygen's published samples of Image COCO, 9,984 captions each, told from COCO's 10,000 training
# captions by this definition: Y. Zhu et al., "Texygen: A Benchmarking Platform for Text Generation
# Models", SIGIR 2018, arXiv:1802.01886. The samples are not fetched here.
PUBLISHED = {
    "the other half of the real text": 50.7,
    "MLE": 62.4,
    "SeqGAN": 83.0,
    "MaliGAN": 85.5,
    "LeakGAN": 86.0,
    "RankGAN": 89.9,
    "TextGAN": 99.2,
}
FEWEST = 50  # texts a side: of fewer hardly a word is in five of those that are learnt
SOME = 1000  # texts at most whose Self-BLEU is taken
TEST_SHARE = 0.2


def main(real, *rest):
    options = {"seeds": 1, "count": 10**6}
    given = dict(each.split("=", 1) for each in rest if "=" in each)
    if unknown := given.keys() - options:
        sys.exit(f"{min(unknown)}: expected seeds or count")
    options |= given
    files = [each for each in rest if "=" not in each]
    seeds, most = range(1, 1 + int(options["seeds"])), int(options["count"])
    texts = read(real)
    order = np.random.default_rng(0).permutation(len(texts))
    halves = [[texts[place] for place in half] for half in np.array_split(order, 2)]
    print(f"{'source':32} {'texts':>6} {'accuracy':>9} {'area':>6} {'Self-BLEU-4':>12}")
    tell("the other half of the real text", *halves, most, seeds)
    for file in files:
        tell(Path(file).stem, texts, read(file), most, seeds)
    print("\npublished, 9,984 texts a side:")
    for name, accuracy in PUBLISHED.items():
        print(f"{name:39} {accuracy:7.1f} %")


def read(path):
    """Return a file's texts as words in lower case, without punctuation, empty ones left out."""
    lines = Path(path).read_text("utf-8").splitlines()
    words = [[word.lower() for word in tokenize(line) if is_word(word)] for line in lines]
    return [" ".join(each) for each in words if each]


def is_word(token):
    return any(character.isalnum() for character in token)


def tell(name, real, fakes, most, seeds):
    """Print a row: how well fakes are told from real texts."""
    count = min(len(real), len(fakes), most)
    if count < FEWEST:
        sys.exit(f"{name}: {count} texts a side; expected {FEWEST} or more with words")
    found = [judge(choose(real, count, seed), choose(fakes, count, seed), seed) for seed in seeds]
    accuracy, area = (fmean(column) for column in zip(*found, strict=True))
    some = choose(fakes, min(count, SOME), 0)
    bleu = self_bleu(some, np.arange(len(some)))[:, 2].mean()
    print(f"{name:32} {count:6,} {100 * accuracy:7.1f} % {area:6.3f} {bleu:12.3f}", flush=True)


def choose(texts, count, seed):
    places = np.random.default_rng(seed).permutation(len(texts))[:count]
    return [texts[place] for place in places]


def judge(real, fakes, seed):
    """Return the accuracy and the area under the ROC curve on the texts that were held out."""
    truth = np.repeat([0, 1], [len(real), len(fakes)])
    learnt, held_out, known, asked = train_test_split(
        [*real, *fakes], truth, test_size=TEST_SHARE, random_state=seed, stratify=truth
    )
    features = TfidfVectorizer(ngram_range=(1, 2), min_df=5, token_pattern=r"\S+")
    classifier = LogisticRegression(C=1.0, solver="liblinear")
    classifier.fit(features.fit_transform(learnt), known)
    scores = classifier.decision_function(features.transform(held_out))
    return ((scores > 0) == asked).mean(), roc_auc_score(asked, scores)


if __name__ == "__main__":
    main(*sys.argv[1:])
