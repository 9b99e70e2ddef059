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
        raw = Path("data/raw")
        paths = [path for path in raw.rglob("*") if path.is_file()]
        found = {path.relative_to(raw).as_posix(): path.read_bytes() for path in sorted(paths)}
        # What says where the files are from is hidden.
        assert found.pop(".source") == f"{source}\n".replace('"', "").encode()
        return found

    return run


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "tables"
    folder.mkdir()
    return folder


def test_the_sample_is_left_to_the_stage_that_invents_it(run_fetch):
    assert run_fetch("sample") == {}


def test_a_folder_gives_all_files_that_can_be_read_and_names_the_others(run_fetch, folder, capsys):
    for name in ("a.csv", "B.TSV", "c.jsonl.gz", "d.txt", "source.txt", "deep/er/e.ndjson"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    for name in ("notes.pdf", "readme", ".hidden.csv", "._a.csv", ".git/f.csv", "deep/x.xlsx"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "old.csv").mkdir()
    assert sorted(run_fetch("tables")) == sorted(
        ["B.TSV", "a.csv", "c.jsonl.gz", "d.txt", "deep/er/e.ndjson", "source.txt"]
    )
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: tables: passed over deep/x.xlsx, notes.pdf, readme; read are")


def test_a_file_alone_may_have_any_name(run_fetch, folder, capsys):
    (folder / "SMSSpamCollection").write_text("ham\thi\n")
    assert run_fetch("tables/SMSSpamCollection") == {"SMSSpamCollection": b"ham\thi\n"}
    (folder / ".mine.csv").write_text(TABLE)
    assert run_fetch("tables/.mine.csv") == {"mine.csv": TABLE.encode()}
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
    with pytest.raises(
        UserError, match=r"no file to read in tables \(it is empty\); expected \.csv"
    ):
        run_fetch("tables")
    for number in range(7):
        (folder / f"page{number}.html").write_text("")
    match = r"no file to read in tables \(page0.*page4.html and 2 more\); expected \.csv"
    with pytest.raises(UserError, match=match):
        run_fetch("tables")
    assert not Path("data/raw").exists()


def test_a_missing_folder_is_refused(run_fetch):
    with pytest.raises(UserError, match=r"no file or folder nowhere; .*looked for as /.*/nowhere"):
        run_fetch("nowhere")
    assert not Path("data/raw").exists()


def test_a_relative_path_in_an_experiment_elsewhere_is_explained(run_fetch, tmp_path, monkeypatch):
    # Where `dvc exp run --temp` copies the repository to.
    elsewhere = tmp_path / ".dvc/tmp/exps/standalone/tmpabc"
    elsewhere.mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    with pytest.raises(UserError, match=r"runs in a copy of the repository.* such as ") as caught:
        run_fetch("tables")
    assert str(caught.value).endswith(f"such as {tmp_path}/tables")


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
    assert names == {"my_parsed_dataset.csv", ".source"}


def test_mendeley_is_downloaded_through_the_one_door(run_fetch, monkeypatch):
    def fake_download(destination, unfinished):
        # What is unfinished must outlive data/raw, which DVC empties before each run.
        assert Path("data") not in unfinished.parents
        (destination / "my_parsed_dataset.csv").write_text(TABLE)

    monkeypatch.setattr(fetch, "download_files", fake_download)
    assert run_fetch("mendeley") == {"my_parsed_dataset.csv": TABLE.encode()}
