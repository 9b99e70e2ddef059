from pathlib import Path

import pytest

from stages.corpus.building import build_corpus
from stages.corpus.corpus import SPLITS, TEST_PLATFORMS
from stages.corpus.errors import UserError
from stages.pipeline.sources import load_platforms, load_source
from stages.sample_real import main

PARAMS = Path(__file__).with_name("params.yaml").read_text(encoding="utf-8")


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    """Stand in a folder with a corpus of texts of 1 to 9 words and a gan.max_length of 4."""
    monkeypatch.chdir(tmp_path)
    assert PARAMS.count("max_length: 32") == 1
    Path("params.yaml").write_text(PARAMS.replace("max_length: 32", "max_length: 4"))
    texts = [[f"{length}-{place}" for place in range(length)] for length in range(1, 10)] * 4
    corpus = build_corpus(texts, [number % 3 // 2 for number in range(36)], 0.2, 0.2, seed=1)
    corpus.save("data/corpus")
    return corpus


def test_the_samples_are_the_splits_cropped_with_their_labels(corpus, capsys):
    main()
    # Of texts of 1 to 9 words, each four times, those of 5 to 9 are longer than 4.
    told = capsys.readouterr().err
    assert told.startswith("20 of 36 texts are longer than gan.max_length, 4 words; networks learn")
    for name in SPLITS:
        split = getattr(corpus, name)
        texts, labels = load_source(name)
        assert texts == [" ".join(text.split()[:4]) for text in corpus.texts(split)]
        assert labels == [str(label) for label in split.labels]
        assert set(labels) == {"0", "1"}
    assert {path.stem for path in Path("data/samples").iterdir()} == set(SPLITS)


def test_platforms_of_test_texts_stand_beside_them_if_they_are_known(corpus):
    main()
    assert load_platforms() == [""] * len(corpus.test)
    platforms = [f"place {number}" for number in range(len(corpus.test))]
    path = Path("data/corpus", TEST_PLATFORMS)
    path.write_text("\n".join(platforms) + "\n")
    main()
    assert load_platforms() == platforms
    path.write_text("one\n")
    with pytest.raises(UserError, match=r"test-platforms.txt: 1 lines, expected one a test text"):
        main()
