"""The only door to the network: the published files, whole and right or not at all."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock
from typing import TypeVar

import requests
from tqdm import tqdm

from stages.corpus.errors import UserError
from stages.fetching.known_files import KNOWN_FILES, KnownFile

BASE_URL = "https://data.mendeley.com"
LISTING = "/public-api/datasets/jf4pzyvnpj/files?folder_id=root&version=1"
PAUSES = (1.0, 2.0, 4.0, 8.0)  # seconds before each further try: exponential back-off
TIMEOUT = 30.0  # seconds without a byte
WORKERS = 4  # files at a time
CHUNK = 1 << 16  # bytes between two looks at the progress bar

WAY_OUT = "try again to resume, or set fetch.source to a folder with the CSV files, or to sample"

Result = TypeVar("Result")


class _TemporaryError(Exception):
    """What another try may mend: a broken connection, a busy server."""


def download_files(
    destination: Path,
    unfinished: Path,
    *,
    expected: Mapping[str, KnownFile] = KNOWN_FILES,
    base_url: str = BASE_URL,
    pauses: Sequence[float] = PAUSES,
) -> None:
    """Download the published files, several at a time, and resume what an earlier call began.

    Args:
        destination: an existing folder; takes the files once all of them are right.
        unfinished: a folder for `.part` files and finished ones until then; kept on failure.
        expected: size and checksum of each file by name.
        base_url: address of the server, without a final slash.
        pauses: seconds to wait before each further try of a request.

    Raises:
        UserError: the server cannot be reached, lacks a file, or sends other bytes.
    """
    unfinished.mkdir(parents=True, exist_ok=True)
    total = sum(known.size for known in expected.values())
    with tqdm(total=total, unit="B", unit_scale=True, desc="download") as bar:
        downloads = _Downloads(unfinished, pauses, bar)
        missing = {
            name: known for name, known in expected.items() if not downloads.has(name, known)
        }
        if missing:
            downloads.run(missing, downloads.addresses(base_url, missing))
    for name in expected:
        (unfinished / name).replace(destination / name)
    if not any(unfinished.iterdir()):
        unfinished.rmdir()


class _Downloads:
    """Downloads that run side by side, share one progress bar and stop together."""

    def __init__(self, folder: Path, pauses: Sequence[float], bar: tqdm) -> None:
        self.folder = folder
        self.pauses = pauses
        self.bar = bar
        self.bar_lock = Lock()
        self.cancelled = Event()

    def has(self, name: str, known: KnownFile) -> bool:
        """Tell whether an earlier call finished this file, and count its bytes if so."""
        path = self.folder / name
        if not path.is_file() or _sha256(path) != known.sha256:
            return False
        self._advance(known.size)
        return True

    def addresses(self, base_url: str, wanted: Mapping[str, KnownFile]) -> dict[str, str]:
        """Ask the server where each wanted file lies."""
        url = base_url + LISTING

        def ask() -> bytes:
            with _answer(url) as response:
                if not response.ok:
                    raise UserError(
                        f"list of files: expected at {url}, got HTTP {response.status_code}; "
                        f"{WAY_OUT}"
                    )
                return response.content

        answer = self._patiently("list of files", ask)
        try:
            listed = {
                entry["filename"]: entry["content_details"]["download_url"]
                for entry in json.loads(answer)
            }
        except (ValueError, TypeError, KeyError):
            raise UserError(
                "list of files: expected JSON with filename and content_details.download_url "
                f"at {url}, got something else; {WAY_OUT}"
            ) from None
        for name in wanted:
            if name not in listed:
                found = ", ".join(sorted(listed)) or "no file"
                raise UserError(f"{name}: expected in the list at {url}, got {found}; {WAY_OUT}")
        return {name: listed[name] for name in wanted}

    def run(self, wanted: Mapping[str, KnownFile], addresses: Mapping[str, str]) -> None:
        """Download every wanted file; the first failure stops the others."""
        with ThreadPoolExecutor(WORKERS) as pool:
            futures = [
                pool.submit(self._download, name, known, addresses[name])
                for name, known in wanted.items()
            ]
            try:
                for future in as_completed(futures):
                    future.result()
            finally:
                self.cancelled.set()
                pool.shutdown(cancel_futures=True)

    def _download(self, name: str, known: KnownFile, url: str) -> None:
        part = self.folder / f"{name}.part"
        self._advance(_size(part))
        self._patiently(name, lambda: self._transfer(name, part, known, url))
        size, sha256 = _size(part), _sha256(part)
        if sha256 != known.sha256:
            part.unlink()
            raise UserError(
                f"{name}: expected {known.size} bytes with sha256 {known.sha256}, "
                f"got {size} bytes with sha256 {sha256} from {url}; removed; {WAY_OUT}"
            )
        part.replace(self.folder / name)

    def _transfer(self, name: str, part: Path, known: KnownFile, url: str) -> None:
        """Bring what `part` still lacks, in one request."""
        start = _size(part)
        if start >= known.size:
            return  # the checksum tells whether it is right
        # Compressed on the way, a byte range would mean other bytes.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        with _answer(url, headers=headers, stream=True) as response:
            if response.status_code == 416:  # the server's file ends before our part does
                self._forget(part)
                raise _TemporaryError(
                    f"expected {known.size} bytes at {url}, got no more than {start}"
                )
            if not response.ok:
                raise UserError(
                    f"{name}: expected {known.size} bytes at {url}, "
                    f"got HTTP {response.status_code}; {WAY_OUT}"
                )
            if start and not _continues_at(response, start):  # the whole file comes again
                self._forget(part)
            with open(part, "ab") as file:
                for chunk in response.iter_content(CHUNK):
                    if self.cancelled.is_set():
                        raise CancelledError
                    file.write(chunk)
                    self._advance(len(chunk))
        if _size(part) < known.size:
            raise _TemporaryError(f"expected {known.size} bytes from {url}, got {_size(part)}")

    def _patiently(self, what: str, request: Callable[[], Result]) -> Result:
        """Repeat a request after a temporary failure, with growing pauses."""
        pauses = iter(self.pauses)
        while True:
            try:
                return request()
            except _TemporaryError as error:
                pause = next(pauses, None)
                if pause is None:
                    tries = len(self.pauses) + 1
                    raise UserError(f"{what}: {error} ({tries} tries); {WAY_OUT}") from None
                if self.cancelled.wait(pause):
                    raise CancelledError from None

    def _forget(self, part: Path) -> None:
        self._advance(-_size(part))
        part.unlink()

    def _advance(self, size: int) -> None:
        with self.bar_lock:
            self.bar.update(size)


@contextmanager
def _answer(url: str, **options: object) -> Iterator[requests.Response]:
    """Send a GET request and tell temporary failures from lasting ones."""
    try:
        with requests.get(url, timeout=TIMEOUT, **options) as response:
            if response.status_code == 429 or response.status_code >= 500:
                raise _TemporaryError(
                    f"expected an answer from {url}, got HTTP {response.status_code}"
                )
            yield response
    except requests.Timeout:
        raise _TemporaryError(
            f"expected an answer from {url}, got none in {TIMEOUT:.0f} s"
        ) from None
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        raise _TemporaryError(
            f"expected an answer from {url}, got no connection or a broken one"
        ) from None
    except requests.RequestException as error:
        reason = type(error).__name__
        raise UserError(f"expected an answer from {url}, got {reason}; {WAY_OUT}") from None


def _continues_at(response: requests.Response, start: int) -> bool:
    content_range = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return (
        response.status_code == 206 and content_range is not None and int(content_range[1]) == start
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
