"""The command line in processes of its own that need not load torch: they are forked from one that has."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FORKS = """
import json, os, sys
import typer, rich.console, ganctl.engine.session, ganctl.gans  # but not the console, which looks at its terminal once

for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if child == 0:
        os.setsid()
        os.chdir(asked["folder"])
        os.environ.update(asked["environment"])
        for number, path in enumerate(asked["streams"]):
            os.dup2(os.open(path, os.O_RDWR if number == 0 or "pts" in path else os.O_WRONLY), number)
        sys.argv = ["ganctl", *asked["arguments"]]
        exec(asked["script"])
        from ganctl.__main__ import main
        main()
        raise SystemExit
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
STUCK = """
import ctypes
def stuck(*arguments, **more):
    'A call into C that never comes back, and that no signal ends.'
    mutex = ctypes.create_string_buffer(64)
    for _ in range(2):
        ctypes.CDLL(None).pthread_mutex_lock(mutex)
"""


@dataclass
class Child:
    """A process that was begun.

    Attributes:
        pid: its number.
        screen: what it writes to, to be read.
    """

    pid: int
    screen: int
    _server: "subprocess.Popen[str]"

    def send(self, number: signal.Signals) -> float:
        """Send a signal; the time."""
        os.kill(self.pid, number)
        return time.monotonic()

    def code(self) -> int:
        """The exit code, once it is over."""
        assert self._server.stdout is not None
        return int(self._server.stdout.readline())

    def read_until(self, text: str, seconds: float = 60) -> str:
        """What it writes, up to a text or its end."""
        seen, end = b"", time.monotonic() + seconds
        while text.encode() not in seen and time.monotonic() < end:
            if select.select([self.screen], [], [], 0.05)[0]:
                try:
                    piece = os.read(self.screen, 65536)
                except OSError:  # the other end of a terminal is closed
                    break
                if not piece:
                    break
                seen += piece
        return seen.decode(errors="replace")


class Forks:
    """Begins processes, one at a time."""

    def __init__(self, server: "subprocess.Popen[str]") -> None:
        self._server = server

    def begin(
        self, *arguments: object, terminal: bool = False, stdout: str = "", script: str = "", **environment: str
    ) -> Child:
        """A command whose stderr, and stdout if no path is given, goes into one pipe or terminal.

        Args:
            arguments: of ``ganctl``.
            terminal: whether it is one that it can control.
            stdout: a path for stdout alone.
            script: what is to be run before.
            environment: variables to set.
        """
        screen, other = pty.openpty() if terminal else os.pipe()
        path = os.ttyname(other) if terminal else f"/proc/{os.getpid()}/fd/{other}"
        asked = {
            "arguments": [str(argument) for argument in arguments],
            "folder": str(Path.cwd()),
            "streams": ["/dev/null", stdout or path, path],
            "script": script,
            "environment": {"GANCTL_CACHE": os.environ["GANCTL_CACHE"], "TERM": "xterm", **environment},
        }
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(asked) + "\n")
        self._server.stdin.flush()
        pid = int(self._server.stdout.readline())
        mine, its = Path(f"/proc/self/fd/{other}"), Path(f"/proc/{pid}/fd/2")
        while its.readlink() != mine.readlink():  # until it has opened its own end
            time.sleep(0.001)
        os.close(other)
        return Child(pid, screen, self._server)


@contextmanager
def forks() -> Iterator[Forks]:
    """The process that has loaded torch."""
    command: Sequence[str] = (sys.executable, "-c", FORKS)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        yield Forks(server)
        server.kill()
