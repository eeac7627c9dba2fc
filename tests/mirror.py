"""A server that misbehaves in every way that servers do."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import numpy as np

CONTENT = np.random.default_rng(0).bytes(300_000)
CUT = 200_000  # where a bad connection breaks


class Mirror(ThreadingHTTPServer):
    """A server of one file, with as many faults as a test wants.

    Attributes:
        ranges: the Range header of every request so far, None where there was none.
        cuts: how many more answers break off.
        status: an error to answer with.
        content: the bytes that it serves as the file.
        knows_ranges: whether it supports range requests.
        headers: additional ones to send.
        hangs: whether it falls silent in the middle.
        pause: seconds before each tenth of the file.
        length: the Content-Length to send, where it is to be wrong; "" to send none.
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
        self.pause = 0.0
        self.length: str | None = None
        self.closing = Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves early is what some tests are about."""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def address(self) -> str:
        return f"http://{self.host}/set/file.gz"


class _Answer(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        mirror, byte_range = self.server, self.headers["Range"]
        mirror.ranges.append(byte_range)
        start = 0
        if byte_range and mirror.knows_ranges:
            start = int(byte_range.removeprefix("bytes=").removesuffix("-"))
        if mirror.status != 200 or start >= len(mirror.content):
            self.send_error(mirror.status if mirror.status != 200 else 416)
            return
        body = mirror.content[start:]
        self.send_response(206 if byte_range and mirror.knows_ranges else 200)
        if length := str(len(body)) if mirror.length is None else mirror.length:
            self.send_header("Content-Length", length)
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
        for start in range(0, len(body), len(body) // 10 + 1):
            time.sleep(mirror.pause)
            self.wfile.write(body[start : start + len(body) // 10 + 1])

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
