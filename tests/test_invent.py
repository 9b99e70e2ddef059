from pathlib import Path

import pytest

from stages import invent
from stages.fetching.invented import invent_tables

PARAMS = Path(__file__).with_name("params.yaml").read_text(encoding="utf-8")


@pytest.fixture
def run_invent(tmp_path, monkeypatch):
    """Run the stage in an empty repository; returns the bytes under data/invented by name."""
    monkeypatch.chdir(tmp_path)

    def run(seed):
        assert PARAMS.count("\nseed: 1\n") == 1
        params = PARAMS.replace("\nseed: 1\n", f"\nseed: {seed}\n")
        Path("params.yaml").write_text(params, encoding="utf-8")
        invent.main()
        return {path.name: path.read_bytes() for path in Path("data/invented").iterdir()}

    return run


def test_the_sample_is_written_as_invented(run_invent):
    # Its line ends are those of the published files, on each system.
    expected = {name: text.encode() for name, text in invent_tables(1).items()}
    assert run_invent(1) == expected


def test_a_sample_of_another_seed_gives_way(run_invent):
    Path("data/invented").mkdir(parents=True)
    Path("data/invented/old.csv").touch()
    expected = {name: text.encode() for name, text in invent_tables(2).items()}
    assert run_invent(2) == expected
