import time
from dataclasses import replace
from itertools import chain, pairwise

import numpy as np
import pytest

from stages.corpus.corpus import SPLITS, Corpus, Split, build_corpus, load_corpus
from stages.corpus.errors import UserError


def split(*texts, labels=None):
    return Split(
        np.array([token for text in texts for token in text], dtype=np.int32),
        np.cumsum([0, *map(len, texts)], dtype=np.int64),
        np.array(labels or [0] * len(texts), dtype=np.int8),
    )


@pytest.fixture
def corpus():
    words = ["", "soup", "is", "hot", "né\u0301e", "\U0001f602"]
    train = split([1, 2, 3], [], [3, 3], labels=[0, 1, 0])
    return Corpus(words, 3, train, split([2, 4], labels=[1]), split([4, 2, 5]))


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


def test_padding_crops_and_fills_with_zeros():
    three = split([1, 2, 3], [], [4, 5])
    assert three.padded(2).tolist() == [[1, 2], [0, 0], [4, 5]]
    assert three.padded(4).tolist() == [[1, 2, 3, 0], [0, 0, 0, 0], [4, 5, 0, 0]]
    assert three.padded(2).dtype == np.int64
    assert split().padded(3).shape == (0, 3)


@pytest.mark.parametrize("length", [1, 5, 12])
def test_padding_equals_doing_it_text_by_text(length):
    generator = np.random.default_rng(0)
    texts = [generator.integers(1, 9, size).tolist() for size in generator.integers(0, 10, 50)]
    expected = [(text + [0] * length)[:length] for text in texts]
    assert split(*texts).padded(length).tolist() == expected


def test_the_texts_of_a_label_keep_their_order():
    four = split([1, 2], [3], [], [4, 5, 6], labels=[1, 0, 1, 1])
    chosen = four.of_label(1)
    assert [text.tolist() for text in chosen] == [[1, 2], [], [4, 5, 6]]
    assert chosen.labels.tolist() == [1, 1, 1]
    assert [text.tolist() for text in four.of_label(0)] == [[3]]
    for part in ("tokens", "offsets", "labels"):
        assert getattr(chosen, part).dtype == getattr(four, part).dtype


def test_a_label_without_a_text_is_an_empty_split():
    empty = split([1, 2], labels=[0]).of_label(1)
    assert len(empty) == 0
    assert list(empty) == []
    assert empty.tokens.dtype == np.int32


# A corpus


def test_the_labels_are_those_of_the_training_texts(corpus):
    assert corpus.labels == [0, 1]
    only = Corpus(corpus.words, 3, corpus.train.of_label(1), corpus.validation, corpus.test)
    assert only.labels == [1]


def test_the_corpus_of_a_label_has_the_same_words(corpus):
    corpus = replace(corpus, max_length=7)
    rude = corpus.of_label(1)
    assert (rude.words, rude.vocabulary_size) == (corpus.words, corpus.vocabulary_size)
    assert rude.max_length == 7
    assert rude.texts(rude.train) == [""]
    assert rude.texts(rude.validation) == ["is né\u0301e"]
    assert rude.texts(rude.test) == []
    assert corpus.of_label(0).texts(corpus.of_label(0).train) == ["soup is hot", "hot hot"]


def test_where_texts_are_cropped_is_said_when_a_corpus_is_loaded(corpus, tmp_path):
    # The files hold whole texts: another length is no reason to prepare them again.
    replace(corpus, max_length=1).save(tmp_path)
    assert load_corpus(tmp_path).max_length is None
    loaded = load_corpus(tmp_path, 2)
    assert loaded.max_length == 2
    assert loaded.texts(loaded.train) == ["soup is hot", "", "hot hot"]


def test_texts_are_written_back_and_cropped(corpus):
    assert corpus.texts(corpus.train) == ["soup is hot", "", "hot hot"]
    assert corpus.texts(corpus.train, 1) == ["soup", "", "hot"]
    assert corpus.texts(corpus.validation) == ["is né\u0301e"]
    assert corpus.texts(corpus.test) == ["né\u0301e is \U0001f602"]


def test_what_is_saved_is_loaded(corpus, tmp_path):
    corpus.save(tmp_path / "new" / "corpus")
    loaded = load_corpus(tmp_path / "new" / "corpus")
    assert loaded.words == corpus.words
    assert loaded.vocabulary_size == 3
    for name in SPLITS:
        for part in ("tokens", "offsets", "labels"):
            saved = getattr(getattr(corpus, name), part)
            read = getattr(getattr(loaded, name), part)
            np.testing.assert_array_equal(read, saved)
            assert read.dtype == saved.dtype


def test_a_word_with_a_control_character_stays_one_word(tmp_path):
    # str.splitlines() would cut at each of them; only the line feed may.
    words = ["", "a\x1cb", "c\x85d", "e\u2028f", "g\rh"]
    Corpus(words, 4, split([1, 2]), split([3]), split([4])).save(tmp_path)
    assert load_corpus(tmp_path).words == words


def test_the_files_hold_no_pickle(corpus, tmp_path):
    corpus.save(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    parts = ("labels", "offsets", "tokens")
    arrays = [f"{name}-{part}.npy" for name in SPLITS for part in parts]
    assert names == sorted([*arrays, "corpus.json", "words.txt"])
    for name in arrays:
        np.load(tmp_path / name, allow_pickle=False)


@pytest.mark.parametrize("missing", ["corpus.json", "words.txt", "validation-labels.npy"])
def test_a_missing_file_is_explained(corpus, tmp_path, missing):
    corpus.save(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(UserError, match=f"no {missing} there; run the stage prepare first"):
        load_corpus(tmp_path)


def test_200000_comments_of_60_words_load_in_two_seconds(tmp_path):
    generator = np.random.default_rng(0)
    tokens = generator.integers(1, 300_001, 12_000_000, dtype=np.int32)
    offsets = np.arange(0, 12_000_001, 60)
    labels = np.zeros(200_000, dtype=np.int8)
    ends = (0, 170_000, 180_000, 200_000)
    splits = [
        Split(tokens[first * 60 : last * 60], offsets[: last - first + 1], labels[first:last])
        for first, last in pairwise(ends)
    ]
    words = ["", *map("word{}".format, range(300_000))]
    Corpus(words, 300_000, *splits).save(tmp_path)
    start = time.perf_counter()
    loaded = load_corpus(tmp_path)
    assert time.perf_counter() - start < 2
    assert [len(getattr(loaded, name)) for name in SPLITS] == [170_000, 10_000, 20_000]
    assert loaded.test[-1].tolist() == tokens[-60:].tolist()


# Building


def numbered(count):
    """Texts that tell which one they are: the first word is their number."""
    return [[str(index), "word"] for index in range(count)]


def numbers(corpus, split):
    return [int(text.split()[0]) for text in corpus.texts(split)]


def test_ids_follow_the_first_appearance_in_the_training_split():
    texts = [["b", "a"], ["a", "c"], ["d", "b"], ["c", "e"], ["f", "a"], ["g", "g"]]
    corpus = build_corpus(texts, [0] * 6, 0.17, 0.34, seed=1)
    assert [len(corpus.validation), len(corpus.test)] == [2, 1]  # of 6: 2.04 and 1.02
    words = [
        dict.fromkeys(word for text in corpus.texts(split) for word in text.split())
        for split in (corpus.train, corpus.validation, corpus.test)
    ]
    assert corpus.words == ["", *(words[0] | words[1] | words[2])]
    assert corpus.vocabulary_size == len(words[0])
    assert corpus.train.tokens.max() == corpus.vocabulary_size
    assert corpus.train.tokens.min() == 1


def test_every_text_comes_back_in_exactly_one_split_with_its_label():
    labels = [int(index % 3 == 0) for index in range(100)]
    corpus = build_corpus(numbered(100), labels, 0.25, 0.1, seed=3)
    splits = [getattr(corpus, name) for name in SPLITS]
    places = [numbers(corpus, split) for split in splits]
    assert sorted(chain.from_iterable(places)) == list(range(100))
    for split, chosen in zip(splits, places, strict=True):
        assert chosen == sorted(chosen)
        assert split.labels.tolist() == [labels[index] for index in chosen]


@pytest.mark.parametrize("share", [0.05, 0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize(("zeros", "ones"), [(90, 10), (77, 23), (3, 97), (80, 0)])
def test_each_label_has_the_shares_to_within_one_text(share, zeros, ones):
    labels = [0] * zeros + [1] * ones
    corpus = build_corpus(numbered(len(labels)), labels, share, 0.07, seed=5)
    for label, count in ((0, zeros), (1, ones)):
        assert abs((corpus.test.labels == label).sum() - share * count) < 1
        assert abs((corpus.validation.labels == label).sum() - 0.07 * count) < 1


def drawn(seed, validation_share=0.1, count=60):
    corpus = build_corpus(numbered(count), [0, 1] * (count // 2), 0.2, validation_share, seed)
    return [numbers(corpus, split) for split in (corpus.validation, corpus.test)]


def test_the_seed_decides_the_splits():
    assert drawn(1) == drawn(1)
    for one, other in zip(drawn(1), drawn(2), strict=True):
        assert one != other


def test_the_test_split_stays_whatever_validates():
    assert drawn(1, 0.1)[1] == drawn(1, 0.5)[1]


def test_each_text_is_as_likely_to_validate():
    # Of 1,000 draws of 2 of 20 each text is in 0.1, within 5 standard deviations,
    # 5 * sqrt(0.1 * 0.9 / 1000) = 0.0474.
    counts = np.zeros(20)
    for seed in range(1000):
        counts[drawn(seed, count=20)[0]] += 1
    assert counts / 1000 == pytest.approx(np.full(20, 0.1), abs=0.0474)


@pytest.mark.parametrize(
    ("ones", "validating"), [(0, (2, 0)), (8, (2, 0)), (12, (1, 1)), (25, (0, 2))]
)
def test_two_texts_validate_of_however_few(ones, validating):
    # A twentieth of at most 30 texts of a label is none, of 10 to 30 it is one.
    labels = [0] * (30 - ones) + [1] * ones
    corpus = build_corpus(numbered(30), labels, 0.1, 0.05, seed=1)
    found = tuple(int((corpus.validation.labels == label).sum()) for label in (0, 1))
    assert found == validating


def test_the_arrays_have_the_promised_types():
    corpus = build_corpus([["a", "b"], ["c"], [], ["d"], ["e"]], [0] * 5, 0.2, 0.4, seed=1)
    for name in SPLITS:
        part = getattr(corpus, name)
        assert part.tokens.dtype == np.int32
        assert part.offsets.dtype == np.int64
        assert part.labels.dtype == np.int8
        assert part.offsets[0] == 0
        assert part.offsets[-1] == len(part.tokens)


@pytest.mark.parametrize(
    ("count", "test_share", "validation_share", "name"),
    [(0, 0.5, 0.1, "train"), (9, 0.05, 0.3, "test"), (3, 0.9, 0.05, "train")],
)
def test_a_split_with_too_few_texts_is_explained(count, test_share, validation_share, name):
    with pytest.raises(
        UserError, match=f"^{count} texts .*leave . to the {name} split, which needs"
    ):
        build_corpus(numbered(count), [0] * count, test_share, validation_share, seed=1)
