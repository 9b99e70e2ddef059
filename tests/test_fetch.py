import shutil
from pathlib import Path

import pytest

from stages import fetch
from stages.corpus.errors import UserError
from stages.fetching.known_files import KNOWN_FILES

PARAMS = Path(__file__).with_name("params.yaml").read_text(encoding="utf-8")
TABLE = "index,Text,oh_label\n0,hello there,0\n"


@pytest.fixture
def run_fetch(tmp_path, monkeypatch):
    """Run the stage in an empty repository; returns the bytes under data/raw by name."""
    monkeypatch.chdir(tmp_path)

    def run(source):
        assert PARAMS.count("source: sample") == 1
        params = PARAMS.replace("source: sample", f"source: {source}")
        Path("params.yaml").write_text(params, encoding="utf-8")
        fetch.main()
        found = {path.name: path.read_bytes() for path in Path("data/raw").iterdir()}
        # What says where the tables are from is no table.
        assert found.pop("source.txt") == f"{source}\n".replace('"', "").encode()
        return found

    return run


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "tables"
    folder.mkdir()
    return folder


def test_the_sample_is_left_to_the_stage_that_invents_it(run_fetch):
    assert run_fetch("sample") == {}


def test_a_folder_gives_its_tables_and_nothing_else(run_fetch, folder, capsys):
    (folder / "my_parsed_dataset.csv").write_text(TABLE)
    (folder / "notes.csv").write_text(TABLE)
    (folder / "old_parsed_dataset.csv").mkdir()
    assert run_fetch("tables") == {"my_parsed_dataset.csv": TABLE.encode()}
    assert capsys.readouterr().err == ""


def test_a_known_name_with_other_bytes_is_a_warning(run_fetch, folder, capsys):
    name = "kaggle_parsed_dataset.csv"
    (folder / name).write_text(TABLE)
    assert run_fetch(folder) == {name: TABLE.encode()}
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: ")
    assert name in line
    assert KNOWN_FILES[name].sha256 in line


def test_a_folder_may_lie_in_the_home_folder(run_fetch, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (folder / "my_parsed_dataset.csv").write_text(TABLE)
    assert list(run_fetch('"~/tables"')) == ["my_parsed_dataset.csv"]


def test_an_empty_folder_is_refused(run_fetch, folder):
    with pytest.raises(UserError, match=r"fetch\.source: no \*_parsed_dataset\.csv in tables"):
        run_fetch("tables")
    assert not Path("data/raw").exists()


def test_a_missing_folder_is_refused(run_fetch):
    with pytest.raises(UserError, match=r"fetch\.source: no folder nowhere"):
        run_fetch("nowhere")
    assert not Path("data/raw").exists()


def test_tables_of_an_earlier_run_give_way(run_fetch, folder):
    (folder / "my_parsed_dataset.csv").write_text(TABLE)
    assert list(run_fetch("tables")) == ["my_parsed_dataset.csv"]
    assert run_fetch("sample") == {}


def test_a_failure_leaves_the_earlier_tables(run_fetch, folder):
    (folder / "my_parsed_dataset.csv").write_text(TABLE)
    run_fetch("tables")
    shutil.rmtree(folder)
    with pytest.raises(UserError):
        run_fetch("tables")
    names = {path.name for path in Path("data/raw").iterdir()}
    assert names == {"my_parsed_dataset.csv", "source.txt"}


def test_mendeley_is_downloaded_through_the_one_door(run_fetch, monkeypatch):
    def fake_download(destination, unfinished):
        # What is unfinished must outlive data/raw, which DVC empties before each run.
        assert Path("data") not in unfinished.parents
        (destination / "my_parsed_dataset.csv").write_text(TABLE)

    monkeypatch.setattr(fetch, "download_files", fake_download)
    assert run_fetch("mendeley") == {"my_parsed_dataset.csv": TABLE.encode()}
