"""Fetching files from servers that misbehave in every way that servers do."""

import gzip
import hashlib
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pooch
import pytest

from ganctl.data import download as module
from ganctl.data.download import download
from ganctl.errors import DataError

CONTENT = np.random.default_rng(0).bytes(300_000)
MD5 = hashlib.md5(CONTENT).hexdigest()
CUT = 200_000  # where a bad connection breaks


class Mirror(ThreadingHTTPServer):
    """A server of one file, with manners.

    Attributes:
        ranges: the Range header of every request so far, None where there was none.
        cuts: answers still to be broken off.
        status: an error to answer with.
        content: what it takes for the file.
        knows_ranges: whether it can continue.
        headers: more of them to send.
        hangs: whether it falls silent in the middle.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.ranges: list[str | None] = []
        self.cuts = 0
        self.status = 200
        self.content = CONTENT
        self.knows_ranges = True
        self.headers: dict[str, str] = {}
        self.hangs = False
        self.closing = Event()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def address(self) -> str:
        return f"http://{self.host}/set/file.gz"


class _Answer(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        mirror, asked = self.server, self.headers["Range"]
        mirror.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and mirror.knows_ranges else 0
        if mirror.status != 200 or start >= len(mirror.content):
            self.send_error(mirror.status if mirror.status != 200 else 416)
            return
        body = mirror.content[start:]
        self.send_response(206 if asked and mirror.knows_ranges else 200)
        self.send_header("Content-Length", str(len(body)))
        for name, value in mirror.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if mirror.cuts or mirror.hangs:
            mirror.cuts -= 1
            self.wfile.write(body[: CUT - start])
            if mirror.hangs:
                self.wfile.flush()
                mirror.closing.wait(10)
            return  # which closes the connection
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Mirror]:
    with Mirror() as mirror:
        thread = Thread(target=mirror.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield mirror
        finally:
            mirror.closing.set()
            mirror.shutdown()
            thread.join()


@pytest.fixture
def mirrors() -> Iterator[tuple[Mirror, Mirror]]:
    """Two servers that behave until they are told otherwise."""
    with ExitStack() as stack:
        yield stack.enter_context(serving()), stack.enter_context(serving())


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where the file is to be, in a folder that is not there yet."""
    return tmp_path / "downloads" / "raw" / "file.gz"


def fetch(target: Path, *mirrors: Mirror) -> bytes:
    return download([mirror.address for mirror in mirrors], target, MD5).read_bytes()


def part(target: Path) -> Path:
    return target.with_name("file.gz.part")


def strays(target: Path) -> set[str]:
    return {path.name for path in target.parent.iterdir()} - {"file.gz", "file.gz.lock"}


def test_a_file_comes_from_the_first_mirror(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    assert fetch(target, *mirrors) == CONTENT
    assert [mirror.ranges for mirror in mirrors] == [[None], []]
    assert not strays(target)


def test_a_file_that_is_here_is_not_fetched(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    target.parent.mkdir(parents=True)
    target.write_bytes(CONTENT)
    assert fetch(target, *mirrors) == CONTENT
    assert mirrors[0].ranges == []


def test_a_damaged_file_that_is_here_is_replaced(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    target.parent.mkdir(parents=True)
    target.write_bytes(CONTENT[:-1])
    assert fetch(target, *mirrors) == CONTENT


def test_the_next_mirror_continues_what_a_broken_connection_left(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    mirrors[0].cuts = 1
    assert fetch(target, *mirrors) == CONTENT
    assert mirrors[0].ranges == [None]
    assert mirrors[1].ranges == [f"bytes={CUT}-"]
    assert not strays(target)


def test_the_next_attempt_continues_what_a_broken_connection_left(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    mirror = mirrors[0]
    mirror.cuts = 1
    with pytest.raises(DataError, match=f"{mirror.host}: the connection broke"):
        fetch(target, mirror)
    assert part(target).read_bytes() == CONTENT[:CUT]
    assert not target.exists()
    assert fetch(target, mirror) == CONTENT
    assert mirror.ranges == [None, f"bytes={CUT}-"]
    assert not strays(target)


def test_a_mirror_that_cannot_continue_sends_all_of_it(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    mirrors[0].cuts = 1
    mirrors[1].knows_ranges = False
    assert fetch(target, *mirrors) == CONTENT
    assert mirrors[1].ranges == [f"bytes={CUT}-"]


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_a_mirror_that_refuses_is_passed_over(target: Path, mirrors: tuple[Mirror, Mirror], status: int) -> None:
    mirrors[0].status = status
    assert fetch(target, *mirrors) == CONTENT
    assert mirrors[0].ranges == [None]


def test_a_refusal_does_not_cost_what_is_here_already(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    target.parent.mkdir(parents=True)
    part(target).write_bytes(CONTENT[:1000])
    mirrors[0].status = 404
    assert fetch(target, *mirrors) == CONTENT
    assert mirrors[1].ranges == ["bytes=1000-"]


def test_a_partial_file_that_was_whole_needs_no_more_bytes(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    target.parent.mkdir(parents=True)
    part(target).write_bytes(CONTENT)
    assert fetch(target, *mirrors) == CONTENT
    assert mirrors[0].ranges == [f"bytes={len(CONTENT)}-"]
    assert not strays(target)


@pytest.mark.parametrize("length", [1000, len(CONTENT), len(CONTENT) + 5], ids=["short", "as long", "too long"])
def test_a_wrong_partial_file_is_dropped_and_the_same_mirror_asked_again(
    target: Path, mirrors: tuple[Mirror, Mirror], length: int
) -> None:
    target.parent.mkdir(parents=True)
    part(target).write_bytes(b"?" * length)
    assert fetch(target, mirrors[0]) == CONTENT
    assert mirrors[0].ranges == [f"bytes={length}-", None]
    assert not strays(target)


def test_wrong_content_is_refused_and_the_next_mirror_starts_from_nothing(
    target: Path, mirrors: tuple[Mirror, Mirror]
) -> None:
    mirrors[0].content = b"<html>Please log in to this network</html>"
    assert fetch(target, *mirrors) == CONTENT
    assert [mirror.ranges for mirror in mirrors] == [[None], [None]]


def test_what_a_corrupt_mirror_began_cannot_poison_the_next(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    mirrors[0].content = bytes(len(CONTENT))
    mirrors[0].cuts = 1
    assert fetch(target, *mirrors) == CONTENT
    assert mirrors[1].ranges == [f"bytes={CUT}-", None]


def test_a_gz_that_the_server_calls_encoded_is_kept_as_it_is(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    mirrors[0].content = gzip.compress(CONTENT)
    mirrors[0].headers = {"Content-Encoding": "gzip"}
    md5 = hashlib.md5(mirrors[0].content).hexdigest()
    assert download([mirrors[0].address], target, md5).read_bytes() == mirrors[0].content


def test_a_mirror_that_falls_silent_is_left_in_time(
    target: Path, mirrors: tuple[Mirror, Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT", (5.0, 0.3))
    mirrors[0].hangs = True
    with pytest.raises(DataError, match=f"{mirrors[0].host}: no answer in time"):
        fetch(target, mirrors[0])
    kept = part(target).stat().st_size
    assert fetch(target, mirrors[1]) == CONTENT
    assert mirrors[1].ranges == [f"bytes={kept}-" if kept else None]


def test_if_all_mirrors_fail_one_sentence_names_each_with_its_reason(
    target: Path, mirrors: tuple[Mirror, Mirror]
) -> None:
    mirrors[0].status = 404
    mirrors[1].content = b"something else"
    with serving() as gone:
        pass  # its port is closed now
    with pytest.raises(DataError) as caught:
        fetch(target, *mirrors, gone)
    assert caught.value.message == (
        "file.gz could not be downloaded: "
        f"{mirrors[0].host}: HTTP 404; {mirrors[1].host}: wrong content; {gone.host}: no connection."
    )
    assert caught.value.remedy == (
        f"Put it into {target.parent}, or set GANCTL_DATA to the folder that holds your data sets."
    )
    assert not target.exists()
    assert not strays(target)


def test_a_disk_that_refuses_is_no_fault_of_the_mirrors(target: Path, mirrors: tuple[Mirror, Mirror]) -> None:
    target.parent.parent.mkdir()
    target.parent.touch()  # a file where the folder should be
    with pytest.raises(OSError, match="raw"):
        fetch(target, *mirrors)
    assert mirrors[0].ranges == []


def test_the_download_library_is_silent_and_its_log_is_left_as_it_was(
    target: Path, mirrors: tuple[Mirror, Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    log, listener = pooch.get_logger(), LogCapture()
    monkeypatch.setattr(log, "handlers", [listener])
    mirrors[0].cuts = 1
    fetch(target, *mirrors)
    assert listener.said == []
    log.info("still there")
    assert listener.said == ["still there"]


class LogCapture(logging.Handler):
    """Keeps what was said."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())
