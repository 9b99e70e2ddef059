import time

import numpy as np
import pytest

from stages.corpus.corpus import Corpus, Split, build_corpus, draw_validation, load_corpus
from stages.errors import UserError


def split(*texts, labels=None):
    return Split(
        np.array([token for text in texts for token in text], dtype=np.int32),
        np.cumsum([0, *map(len, texts)], dtype=np.int64),
        np.array(labels or [0] * len(texts), dtype=np.int8),
    )


@pytest.fixture
def corpus():
    words = ["", "soup", "is", "hot", "né\u0301e", "\U0001f602"]
    return Corpus(words, 3, split([1, 2, 3], [], [3, 3], labels=[0, 1, 0]), split([4, 2, 5]))


# A split


def test_a_text_is_a_view_of_the_tokens():
    three = split([1, 2, 3], [], [4, 5])
    assert [text.tolist() for text in three] == [[1, 2, 3], [], [4, 5]]
    assert three[-1].tolist() == [4, 5]
    assert three[0].base is not None
    assert three[0].dtype == np.int32
    assert three.lengths.tolist() == [3, 0, 2]
    assert len(three) == 3
    with pytest.raises(IndexError):
        three[3]


# A corpus


def test_texts_are_written_back_and_cropped(corpus):
    assert corpus.texts(corpus.train) == ["soup is hot", "", "hot hot"]
    assert corpus.texts(corpus.train, 1) == ["soup", "", "hot"]
    assert corpus.texts(corpus.test) == ["né\u0301e is \U0001f602"]


def test_what_is_saved_is_loaded(corpus, tmp_path):
    corpus.save(tmp_path / "new" / "corpus")
    loaded = load_corpus(tmp_path / "new" / "corpus")
    assert loaded.words == corpus.words
    assert loaded.vocabulary_size == 3
    for name in ("train", "test"):
        for part in ("tokens", "offsets", "labels"):
            saved = getattr(getattr(corpus, name), part)
            read = getattr(getattr(loaded, name), part)
            np.testing.assert_array_equal(read, saved)
            assert read.dtype == saved.dtype


def test_a_word_with_a_control_character_stays_one_word(tmp_path):
    # str.splitlines() would cut at each of them; only the line feed may.
    words = ["", "a\x1cb", "c\x85d", "e\u2028f", "g\rh"]
    Corpus(words, 4, split([1, 2]), split([3, 4])).save(tmp_path)
    assert load_corpus(tmp_path).words == words


def test_the_files_hold_no_pickle(corpus, tmp_path):
    corpus.save(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    parts = ("labels", "offsets", "tokens")
    arrays = [f"{name}-{part}.npy" for name in ("test", "train") for part in parts]
    assert names == sorted([*arrays, "corpus.json", "words.txt"])
    for name in arrays:
        np.load(tmp_path / name, allow_pickle=False)


@pytest.mark.parametrize("missing", ["corpus.json", "words.txt", "test-labels.npy"])
def test_a_missing_file_is_explained(corpus, tmp_path, missing):
    corpus.save(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(UserError, match=f"no {missing} there; run the stage prepare first"):
        load_corpus(tmp_path)


def test_200000_comments_of_60_words_load_in_two_seconds(tmp_path):
    generator = np.random.default_rng(0)
    tokens = generator.integers(1, 300_001, 12_000_000, dtype=np.int32)
    offsets = np.arange(0, 12_000_001, 60)
    cut = 180_000
    labels = np.zeros(200_000, dtype=np.int8)
    train = Split(tokens[: cut * 60], offsets[: cut + 1], labels[:cut])
    test = Split(tokens[cut * 60 :], offsets[: 200_000 - cut + 1], labels[cut:])
    words = ["", *map("word{}".format, range(300_000))]
    Corpus(words, 300_000, train, test).save(tmp_path)
    start = time.perf_counter()
    loaded = load_corpus(tmp_path)
    assert time.perf_counter() - start < 2
    assert len(loaded.train) == 180_000
    assert loaded.test[-1].tolist() == tokens[-60:].tolist()


# Building


def numbered(count):
    """Texts that tell which one they are: the first word is their number."""
    return [[str(index), "word"] for index in range(count)]


def numbers(corpus, split):
    return [int(text.split()[0]) for text in corpus.texts(split)]


def test_ids_follow_the_first_appearance_in_the_training_split():
    texts = [["b", "a"], ["a", "c"], ["d", "b"], ["c", "e"], ["f", "a"], ["g", "g"]]
    corpus = build_corpus(texts, [0] * 6, 0.34, seed=1)
    assert len(corpus.test) == 2  # 0.34 of 6 is 2.04
    trained = [word for text in corpus.texts(corpus.train) for word in text.split()]
    seen = [word for text in corpus.texts(corpus.test) for word in text.split()]
    known = list(dict.fromkeys(trained))
    assert corpus.words == ["", *known, *(w for w in dict.fromkeys(seen) if w not in known)]
    assert corpus.vocabulary_size == len(known)
    assert corpus.train.tokens.max() == corpus.vocabulary_size
    assert corpus.train.tokens.min() == 1


def test_every_text_comes_back_in_exactly_one_split_with_its_label():
    labels = [int(index % 3 == 0) for index in range(100)]
    corpus = build_corpus(numbered(100), labels, 0.25, seed=3)
    train, test = numbers(corpus, corpus.train), numbers(corpus, corpus.test)
    assert sorted(train + test) == list(range(100))
    assert train == sorted(train)
    assert test == sorted(test)
    assert corpus.train.labels.tolist() == [labels[index] for index in train]
    assert corpus.test.labels.tolist() == [labels[index] for index in test]


@pytest.mark.parametrize("share", [0.05, 0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize(("zeros", "ones"), [(90, 10), (77, 23), (1, 50), (40, 0)])
def test_each_label_has_the_test_share_to_within_one_text(share, zeros, ones):
    labels = [0] * zeros + [1] * ones
    corpus = build_corpus(numbered(len(labels)), labels, share, seed=5)
    for label, count in ((0, zeros), (1, ones)):
        assert abs((corpus.test.labels == label).sum() - share * count) < 1


def test_the_seed_decides_the_split():
    def drawn(seed):
        corpus = build_corpus(numbered(60), [0, 1] * 30, 0.2, seed)
        return numbers(corpus, corpus.test)

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_the_arrays_have_the_promised_types():
    corpus = build_corpus([["a", "b"], ["c"], []], [0, 1, 0], 0.5, seed=1)
    for part in (corpus.train, corpus.test):
        assert part.tokens.dtype == np.int32
        assert part.offsets.dtype == np.int64
        assert part.labels.dtype == np.int8
        assert part.offsets[0] == 0
        assert part.offsets[-1] == len(part.tokens)


@pytest.mark.parametrize(
    ("count", "share", "name"), [(0, 0.5, "test"), (4, 0.1, "test"), (2, 0.9, "training")]
)
def test_an_empty_split_is_explained(count, share, name):
    with pytest.raises(
        UserError, match=f"^{count} texts .*leave . to the {name} split, which needs"
    ):
        build_corpus(numbered(count), [0] * count, share, seed=1)


# Drawing the validation texts


@pytest.mark.parametrize(
    ("count", "share", "size"),
    # 0.04 of 10 rounds to none and 0.96 of 10 to all: one at least is drawn, one at least is not.
    [(10, 0.3, 3), (1000, 0.05, 50), (10, 0.04, 2), (10, 0.96, 9), (3, 0.01, 2), (3, 0.99, 2)],
)
def test_the_validation_texts_have_their_share(count, share, size):
    drawn = draw_validation(count, share, seed=1)
    assert drawn.shape == (count,)
    assert drawn.dtype == bool
    assert drawn.sum() == size


def test_the_seed_decides_the_validation_texts():
    first, again, other = (draw_validation(100, 0.2, seed).tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_each_text_is_as_likely_to_validate():
    # Of 2,000 draws of 3 of 10 each text is in 0.3, within 5 standard deviations,
    # 5 * sqrt(0.3 * 0.7 / 2000) = 0.0512.
    shares = np.mean([draw_validation(10, 0.3, seed) for seed in range(2000)], axis=0)
    assert shares == pytest.approx(np.full(10, 0.3), abs=0.0512)


def test_too_few_texts_to_validate_are_told():
    with pytest.raises(UserError, match=r"has 2 texts and needs 3"):
        draw_validation(2, 0.5, seed=1)
