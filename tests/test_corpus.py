import os
import re
import shutil
import time
from dataclasses import replace
from itertools import chain, pairwise

import numpy as np
import pytest

from stages.corpus.building import build_corpus
from stages.corpus.corpus import NO_LABEL, SPLITS, UNKNOWN, Corpus, Split, load_corpus
from stages.corpus.errors import UserError
from tests.tampering import JSON, bytes_are, is_huge, is_refused, said


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


def test_labels_have_names_or_there_are_none(corpus, tmp_path):
    named = replace(corpus, label_names=("ham", "spam"), fingerprint="")
    named.save(tmp_path / "named")
    loaded = load_corpus(tmp_path / "named")
    assert loaded.label_names == ("ham", "spam")
    assert loaded.name_labels(loaded.train) == ["ham", "spam", "ham"]
    splits = {
        name: replace(part, labels=np.full(len(part), NO_LABEL, np.int8))
        for name in SPLITS
        for part in [getattr(corpus, name)]
    }
    plain = replace(corpus, **splits, label_names=(), fingerprint="")
    plain.save(tmp_path / "plain")
    loaded = load_corpus(tmp_path / "plain")
    assert (loaded.labels, loaded.label_names) == ([], ())
    assert loaded.name_labels(loaded.train) == [None, None, None]


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


# The fingerprint


def test_the_fingerprint_is_of_words_texts_and_labels(corpus):
    def change(name, part, array):
        return {name: replace(getattr(corpus, name), **{part: np.asarray(array)})}

    first = corpus.fingerprint
    assert re.fullmatch("[0-9a-f]{16}", first)
    assert replace(corpus, fingerprint="").fingerprint == first
    # Arrays of other types with the same numbers are the same texts.
    tokens = corpus.train.tokens.astype(np.int64)
    assert replace(corpus, **change("train", "tokens", tokens), fingerprint="").fingerprint == first
    others = [
        {"words": [*corpus.words[:-1], "tea"]},
        {"words": [*corpus.words, "tea"]},
        {"vocabulary_size": 4},
        change("train", "tokens", [1, 2, 3, 3, 2]),
        change("train", "offsets", [0, 2, 3, 5]),
        change("validation", "labels", [0]),
        {"validation": corpus.test, "test": corpus.validation},
        {"label_names": ("no", "yes")},
    ]
    prints = {replace(corpus, **other, fingerprint="").fingerprint for other in others}
    assert len(prints | {first}) == len(others) + 1


def test_the_part_of_a_label_and_another_length_keep_the_fingerprint(corpus, tmp_path):
    assert corpus.of_label(1).fingerprint == corpus.fingerprint
    corpus.save(tmp_path)
    assert load_corpus(tmp_path, 2).fingerprint == corpus.fingerprint


def test_a_model_of_another_corpus_is_refused(corpus, tmp_path):
    corpus.save(tmp_path / "corpus")
    loaded = load_corpus(tmp_path / "corpus")
    loaded.check_model(tmp_path / "model", corpus.fingerprint)
    for found, said_so in (("0" * 16, "0" * 16), (None, r"\(unknown\)")):
        match = f"the corpus {said_so}, which is not .*corpus \\({corpus.fingerprint}"
        is_refused(lambda found=found: loaded.check_model(tmp_path / "model", found), match)


# Damaged and crafted files


def array_is(change):
    """Give the damage that changes the array of a file."""

    def damage(path):
        np.save(path, change(np.load(path)), allow_pickle=True)

    return damage


def claims(shape, dtype="<i4"):
    """Give the damage that makes a header claim a shape, with no numbers after it."""

    def damage(path):
        with path.open("wb") as file:
            header = {"descr": dtype, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)

    return damage


def is_huge_and_sound(path):
    claims((10**12,))(path)
    os.truncate(path, path.stat().st_size + 4 * 10**12)


# Which file, what is done to it, and what the message says.
DAMAGES = {
    **{f"about: {key}": ("corpus.json", *case) for key, case in JSON.items()},
    **{
        f"about without {key}": ("corpus.json", said(key), f"{key}: Field required")
        for key in (*SPLITS, "vocabulary_size", "fingerprint", "labels")
    },
    **{
        f"{key} is {value!r}": ("corpus.json", said(key, value=value), match)
        for key, value, match in (
            *((name, 4, "expected 4 labels") for name in SPLITS),
            *((name, 10**400, "labels, each") for name in SPLITS),
            ("train", -1, "train: .*found -1"),
            ("train", 3.0, "train: .*found 3.0"),
            ("train", True, "train: .*found True"),
            ("vocabulary_size", 6, "an empty line, then 6 distinct words"),
            ("vocabulary_size", 2, "train-tokens.npy: expected ids from 1 to 2"),
            ("vocabulary_size", 4, "do not belong together"),
            ("vocabulary_size", "3", "vocabulary_size: .*found '3'"),
            ("fingerprint", "0" * 16, "do not belong together: corpus.json .* 0{16}"),
            ("fingerprint", "../x", "fingerprint: "),
            ("labels", ["0", "0"], "labels: .*each once"),
            ("labels", ["0"], "3 labels, each from 0 to 0"),
            ("labels", [], "3 labels, each -1"),
            ("labels", ["no", "yes"], "do not belong together"),
            ("labels", [str(number) for number in range(21)], "labels: .*at most 20"),
        )
    },
    **{
        f"words: {key}": ("words.txt", bytes_are(change), match)
        for key, (change, match) in {
            "none": (b"", "an empty line, then 3 distinct"),
            "one fewer": (lambda words: words.rsplit(b"\n", 1)[0], "expected ids from 1 to 4"),
            "one more": (lambda words: words + b"\nmore", "do not belong together"),
            "another": (lambda words: words.replace(b"soup", b"tea"), "do not belong together"),
            "no first": (lambda words: words[1:], "an empty line"),
            "one twice": (lambda words: words.replace(b"soup", b"hot"), "distinct words"),
            "not UTF-8": (lambda words: words + b"\xff", "expected UTF-8"),
        }.items()
    },
    "huge words": ("words.txt", is_huge, "expected at most"),
    **{
        f"{file}: {key}": (f"{file}.npy", damage, match)
        for file in ("train-tokens", "validation-offsets", "test-labels")
        for key, damage, match in (
            ("empty", bytes_are(b""), "expected an array of int"),
            ("text", bytes_are(b"no array at all"), "expected an array of int"),
            ("cut off", bytes_are(lambda array: array[:-1]), "expected an array of int"),
            ("half a header", bytes_are(lambda array: array[:50]), "expected an array of int"),
            (
                "a deep header",
                bytes_are(b"\x93NUMPY\x01\x00\xf0\x10" + b"(" * 4336),
                "an array of int",
            ),
            ("a zip file", bytes_are(b"PK\x03\x04" + bytes(100)), "expected an array of int"),
            ("a pickle", array_is(lambda array: array.astype(object)), "expected an array of int"),
            ("huge", claims((10**12,)), "expected an array of int"),
            ("below zero", claims((-5,)), "expected an array of int"),
            ("beyond 64 bits", claims((2**70,)), "expected an array of int"),
            ("of floats", array_is(lambda array: array.astype(float)), "found float64"),
            ("of int16", array_is(lambda array: array.astype("int16")), "found int16"),
            ("big-endian", array_is(lambda array: array.astype(">i8")), "expected int.*found >i8"),
            ("two dimensions", array_is(lambda array: array[None]), "in one dimension, found"),
            ("no dimension", array_is(lambda array: array[0]), "in one dimension, found"),
        )
    },
    "tokens that no memory holds": (
        *("train-tokens.npy", is_huge_and_sound),
        "4000.0 GB, and .* GB of memory are free",
    ),
    **{
        f"{file}: {key}": (f"{file}.npy", array_is(change), match)
        for file, key, change, match in (
            ("train-tokens", "beyond", lambda tokens: tokens + 3, "expected ids from 1 to 3"),
            ("test-tokens", "beyond", lambda tokens: tokens + 3, "expected ids from 1 to 5"),
            ("train-tokens", "zero", lambda tokens: tokens - 1, "expected ids from 1 to 3"),
            ("train-tokens", "negative", lambda tokens: -tokens, "expected ids from 1 to 3"),
            ("train-tokens", "one fewer", lambda tokens: tokens[1:], "from 0 to 4"),
            ("train-tokens", "others", lambda tokens: tokens[::-1].copy(), "do not belong"),
            ("train-offsets", "falling", lambda _: np.array([0, 3, 2, 5]), "rise from 0 to 5"),
            ("train-offsets", "beyond", lambda _: np.array([0, 3, 3, 9]), "rise from 0 to 5"),
            ("train-offsets", "not from 0", lambda _: np.array([1, 3, 3, 5]), "rise from 0"),
            ("train-offsets", "one fewer", lambda offsets: offsets[1:], "expected 4 offsets"),
            (
                *("train-offsets", "an overflow"),
                lambda offsets: np.array([0, 2**63 - 1, -(2**63), 5]),
                "expected 4 offsets that rise",
            ),
            (
                "train-labels",
                "two",
                lambda labels: labels + np.int8(2),
                "3 labels, each from 0 to 1",
            ),
            ("train-labels", "negative", lambda labels: -labels, "3 labels, each from 0 to 1"),
            ("train-labels", "one fewer", lambda labels: labels[1:], "expected 3 labels"),
            ("train-labels", "others", lambda labels: 1 - labels, "do not belong together"),
        )
    },
}


@pytest.mark.parametrize(("file", "damage", "match"), DAMAGES.values(), ids=DAMAGES)
def test_a_corpus_that_was_tampered_with_is_refused(corpus, tmp_path, file, damage, match):
    corpus.save(tmp_path / "corpus")
    damage(tmp_path / "corpus" / file)
    is_refused(lambda: load_corpus(tmp_path / "corpus"), f"^{re.escape(str(tmp_path))}.*{match}")


def test_the_split_of_another_corpus_is_refused(corpus, tmp_path):
    corpus.save(tmp_path / "one")
    other = replace(corpus, test=split([1, 2, 3]), fingerprint="")
    other.save(tmp_path / "other")
    for part in ("tokens", "offsets", "labels"):
        shutil.copy(tmp_path / f"other/test-{part}.npy", tmp_path / "one")
    match = f"of the corpus {corpus.fingerprint}, the others are of {other.fingerprint}"
    is_refused(lambda: load_corpus(tmp_path / "one"), match)


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


# Rare words, other labels, all texts to learn from


def test_rare_words_are_one_unknown_word_to_models_and_themselves_when_written():
    # "tea" comes 9 times, "hot" 4 times, "a" and "b" twice: of these two "a" came first. Kept are
    # three: tea hot a. Then stands the unknown word, then the rest.
    texts = [["tea", "hot", "a"], ["tea", "b", "hot"]] * 2 + [["tea"]] * 4 + [["new", "tea"]]
    labels = [0] * 8 + [1]
    everything = build_corpus(texts, labels, 0.3, 0.3, 1, most_words=3, train_on_all=True)
    assert everything.words == ["", "tea", "hot", "a", UNKNOWN, "b", "new"]
    assert everything.vocabulary_size == 4
    assert everything.texts(everything.train) == [" ".join(text) for text in texts]
    models = everything.learnable(everything.train)
    # "b" and "new" have the ids 5 and 6, and become 4.
    assert [text.tolist() for text in models][:2] == [[1, 2, 3], [1, 4, 2]]
    assert [text.tolist() for text in models][-1] == [4, 1]


def test_a_corpus_of_rare_words_is_saved_and_loaded(tmp_path):
    texts = [["tea", "hot"], ["tea", "b"], ["c", "tea"], ["tea"], ["tea"], ["tea"]]
    corpus = build_corpus(texts, [0] * 6, 0.3, 0.3, 1, most_words=1, train_on_all=True)
    corpus.save(tmp_path)
    loaded = load_corpus(tmp_path)
    assert (loaded.words, loaded.vocabulary_size) == (["", "tea", UNKNOWN, "hot", "b", "c"], 2)
    assert loaded.texts(loaded.train) == [" ".join(text) for text in texts]


@pytest.mark.parametrize("most", [5, 6, None])
def test_a_vocabulary_that_holds_all_words_leaves_out_none(most):
    texts = [list("ab"), list("cde")] * 3
    corpus = build_corpus(texts, [0] * 6, 0.2, 0.4, 1, most_words=most, train_on_all=True)
    assert not corpus.has_unknown
    assert sorted(corpus.words[1 : corpus.vocabulary_size + 1]) == list("abcde")
    assert corpus.learnable(corpus.train) is corpus.train


def test_where_everything_is_learnt_from_no_text_is_unseen():
    texts = [[f"word{number}"] for number in range(100)]
    labels = [number % 4 for number in range(100)]
    shares = {"test_share": 0.2, "validation_share": 0.1, "seed": 3, "label_names": "abcd"}
    usual = build_corpus(texts, labels, **shares)
    corpus = build_corpus(texts, labels, **shares, train_on_all=True)
    assert corpus.texts(corpus.train) == [f"word{number}" for number in range(100)]
    assert corpus.texts(corpus.validation) == usual.texts(usual.validation)
    assert len(corpus.test) == 0
    # Of 25 texts a label 5 are tested; round(2.5) = 2 validate.
    assert np.bincount(usual.test.labels).tolist() == [5, 5, 5, 5]
    assert np.bincount(usual.validation.labels).tolist() == [2, 2, 2, 2]
    assert corpus.name_labels(corpus.train)[:5] == ["a", "b", "c", "d", "a"]


def test_texts_without_labels_are_split_by_chance_alone():
    texts = [[f"word{number}"] for number in range(40)]
    corpus = build_corpus(texts, [NO_LABEL] * 40, 0.25, 0.25, 1, label_names=())
    assert [len(getattr(corpus, name)) for name in SPLITS] == [20, 10, 10]
    assert corpus.labels == []
