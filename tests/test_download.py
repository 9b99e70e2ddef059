import hashlib
import json
import re
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import pytest

from stages.corpus.errors import UserError
from stages.fetching.download import CHUNK, LISTING, PAUSES, download_files
from stages.fetching.known_files import KnownFile

# 200 kB, so that a file comes in several chunks and can break in the middle.
CONTENTS = {
    name: bytes((index * 7 + position * position) % 251 for position in range(200_000 + index))
    for index, name in enumerate(["aggression.csv", "attack.csv", "kaggle.csv"])
}
NO_PAUSES = (0, 0, 0)


def _known(content):
    return KnownFile(len(content), hashlib.sha256(content).hexdigest(), "unknown", ())


EXPECTED = {name: _known(content) for name, content in CONTENTS.items()}


class FakeMendeley(ThreadingHTTPServer):
    """Answers in the shape of Mendeley's public API; `faults` go wrong once each, in order."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.contents = dict(CONTENTS)
        self.faults = defaultdict(list)
        self.ignores_range = False
        self.requests = []  # (path, Range header or None)

    def listing(self):
        return json.dumps(
            [
                {
                    "filename": name,
                    "size": len(content),
                    "content_details": {
                        "download_url": f"{self.url}/files/{name}",
                        "sha256_hash": hashlib.sha256(content).hexdigest(),
                    },
                }
                for name, content in self.contents.items()
            ]
        ).encode()

    def ranges(self, name):
        return [asked for path, asked in self.requests if path == f"/files/{name}"]


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, asked = self.server, self.headers.get("Range")
        server.requests.append((self.path, asked))
        name = "listing" if self.path == LISTING else self.path.rpartition("/")[2]
        fault = server.faults[name].pop(0) if server.faults[name] else None
        content = server.listing() if name == "listing" else server.contents.get(name)
        if isinstance(fault, bytes):
            content = fault
        if isinstance(fault, int) or content is None:
            self._answer(fault or 404, b"")
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked else 0
        if start and start >= len(content):
            self._answer(416, b"")
        elif start and not server.ignores_range:
            span = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self._answer(206, content[start:], {"Content-Range": span})
        else:
            self._answer(200, content, breaks=fault == "break")

    def _answer(self, status, content, headers=(), breaks=False):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        for key, value in dict(headers).items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if breaks else content)
        self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = FakeMendeley()
    # Looking for the end of the test more often than each half second keeps the tests fast.
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def download(server, tmp_path):
    """Download from the fake server; returns the bytes of what arrived by name."""
    destination = tmp_path / "raw"
    destination.mkdir()

    def run(expected=EXPECTED, url=server.url, pauses=NO_PAUSES):
        download_files(
            destination, tmp_path / ".download", expected=expected, base_url=url, pauses=pauses
        )
        return {path.name: path.read_bytes() for path in destination.iterdir()}

    return run


def _assert_nothing_arrived(tmp_path):
    assert list((tmp_path / "raw").iterdir()) == []


def test_every_file_arrives_whole(download, tmp_path):
    assert download() == CONTENTS
    assert not (tmp_path / ".download").exists()


@pytest.mark.parametrize("ignores_range", [False, True])
def test_the_progress_bar_counts_every_byte_once(download, server, capsys, ignores_range):
    server.ignores_range = ignores_range
    server.faults["attack.csv"] = ["break", 404, "break"]
    with pytest.raises(UserError):
        download()
    download()
    # 200,000 + 200,001 + 200,002 bytes, though one file came in pieces and over two calls.
    assert "600k/600k" in capsys.readouterr().err.rpartition("\r")[2]


def test_a_broken_transfer_resumes_where_it_broke(download, server):
    server.faults["kaggle.csv"] = ["break"]
    assert download() == CONTENTS
    # The fake server breaks after half of the 200,002 bytes: one whole chunk of 65,536 came.
    assert server.ranges("kaggle.csv") == [None, f"bytes={CHUNK}-"]


def test_a_transfer_that_ends_early_goes_on(download, server):
    server.faults["attack.csv"] = [CONTENTS["attack.csv"][:150_000]]  # said to be all of it
    assert download() == CONTENTS
    assert server.ranges("attack.csv") == [None, "bytes=150000-"]


def test_a_second_call_resumes_and_keeps_finished_files(download, server, tmp_path):
    server.faults["kaggle.csv"] = ["break", 404]
    with pytest.raises(UserError, match=r"kaggle\.csv: .*404"):
        download()
    _assert_nothing_arrived(tmp_path)
    finished = [path.name for path in (tmp_path / ".download").glob("*.csv")]
    asked_before = len(server.requests)
    assert download() == CONTENTS
    asked = [path.rpartition("/")[2] for path, _ in server.requests[asked_before:]]
    assert server.ranges("kaggle.csv")[-1] == f"bytes={CHUNK}-"
    assert not set(finished) & set(asked)


def test_finished_files_need_no_server(download, server, tmp_path):
    folder = tmp_path / ".download"
    folder.mkdir()
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
    assert download() == CONTENTS
    assert server.requests == []


def test_a_server_that_ignores_ranges_sends_the_file_anew(download, server):
    server.ignores_range = True
    server.faults["attack.csv"] = ["break"]
    assert download() == CONTENTS


def test_a_part_longer_than_the_servers_file_starts_anew(download, server, tmp_path):
    (tmp_path / ".download").mkdir()
    (tmp_path / ".download" / "attack.csv.part").write_bytes(CONTENTS["attack.csv"][:150_000])
    whole = server.contents["attack.csv"]
    server.faults["attack.csv"] = [whole[:1000]]  # 416 now, the whole file afterwards
    assert download() == CONTENTS
    assert server.ranges("attack.csv") == ["bytes=150000-", None]


@pytest.mark.parametrize("status", [500, 503, 429])
@pytest.mark.parametrize("name", ["listing", "attack.csv"])
def test_a_busy_server_is_asked_again(download, server, name, status):
    server.faults[name] = [status, status]
    assert download() == CONTENTS


def test_pauses_grow_and_tries_end(download, server, tmp_path):
    assert all(later == 2 * earlier for earlier, later in pairwise(PAUSES))
    server.faults["attack.csv"] = [500] * 10
    with pytest.raises(UserError, match=r"attack\.csv: .*HTTP 500 \(4 tries\); .*fetch\.source"):
        download()
    assert len(server.ranges("attack.csv")) == 4  # the first try and one after each pause
    _assert_nothing_arrived(tmp_path)


def test_a_further_try_waits_for_its_pause(download, server):
    server.faults["attack.csv"] = [500, 500]
    began = time.monotonic()
    assert download(pauses=(0.05, 0.1)) == CONTENTS
    assert time.monotonic() - began >= 0.15


def test_an_address_that_is_none_is_refused(download, server):
    server.faults["listing"] = [server.listing().replace(b"http://", b"gopher://")]
    with pytest.raises(UserError, match=r"gopher.*InvalidSchema"):
        download()


def test_a_missing_page_is_not_asked_again(download, server, tmp_path):
    server.faults["listing"] = [404]
    with pytest.raises(UserError, match=r"list of files: .*HTTP 404.*fetch\.source"):
        download()
    assert len(server.requests) == 1

    server.faults["kaggle.csv"] = [404]
    with pytest.raises(UserError, match=r"kaggle\.csv: expected 200002 bytes .*HTTP 404"):
        download()
    assert len(server.ranges("kaggle.csv")) == 1
    _assert_nothing_arrived(tmp_path)


def test_a_list_without_a_file_is_named(download, server):
    del server.contents["kaggle.csv"]
    with pytest.raises(UserError, match=r"kaggle\.csv: .*got aggression\.csv, attack\.csv; "):
        download()


@pytest.mark.parametrize("answer", [b"<html>moved</html>", b'{"message": "gone"}', b"[1]", b"3"])
def test_a_list_in_another_shape_is_refused(download, server, answer):
    server.faults["listing"] = [answer]
    with pytest.raises(UserError, match="list of files: expected JSON"):
        download()


def test_wrong_bytes_are_removed_and_named(download, server, tmp_path):
    wrong = CONTENTS["attack.csv"][:-1] + b"?"
    server.contents["attack.csv"] = wrong
    with pytest.raises(UserError) as caught:
        download()
    message = str(caught.value)
    assert message.startswith("attack.csv: ")
    assert EXPECTED["attack.csv"].sha256 in message
    assert hashlib.sha256(wrong).hexdigest() in message
    assert "fetch.source" in message
    assert "\n" not in message
    assert not list((tmp_path / ".download").glob("attack*"))
    _assert_nothing_arrived(tmp_path)


@pytest.mark.parametrize("length", [150_000, 250_000])
def test_another_length_is_refused(download, server, tmp_path, length):
    server.contents["attack.csv"] = (CONTENTS["attack.csv"] * 2)[:length]
    with pytest.raises(UserError, match=rf"attack\.csv: expected 200001 bytes .*got .*{length}"):
        download()
    _assert_nothing_arrived(tmp_path)


def test_offline_is_said_in_one_line(download, server):
    server.server_close()  # the port answers nothing from here on
    with pytest.raises(UserError) as caught:
        download()
    message = str(caught.value)
    assert message.startswith(f"list of files: expected an answer from {server.url}")
    assert "no connection" in message
    assert "fetch.source" in message
    assert "\n" not in message


def test_a_failure_stops_the_others(download, server):
    server.faults["aggression.csv"] = [500]  # its thread would pause for half a minute
    server.faults["attack.csv"] = [404]
    began = time.monotonic()
    with pytest.raises(UserError, match=r"attack\.csv"):
        download(pauses=(30,))
    assert time.monotonic() - began < 10


def test_files_come_side_by_side(download, server):
    # Each request for a file waits until all three are there: one at a time would never pass.
    gate = threading.Barrier(3, timeout=5)
    answer = _Handler.do_GET

    class Gated(_Handler):
        def do_GET(self):
            if self.path.startswith("/files/"):
                gate.wait()
            answer(self)

    server.RequestHandlerClass = Gated
    assert download() == CONTENTS
