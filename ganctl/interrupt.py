"""Turn signals and time limits into reasons to stop, in two phases.

immediately      before a training's first step, and in every other command: what was begun is cleaned up
after the step   while a training runs: the current step is finished and saved; a second signal exits immediately

Python runs signal handlers in the main thread, between two bytecode instructions: a call that does not return, such as
a name lookup in a dead network, delays them. So a thread of our own listens to signals too.
"""

import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock, Thread, current_thread, main_thread
from time import monotonic
from types import FrameType
from typing import NoReturn

SIGNALS = tuple(s for s in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", None)) if s is not None)
TIME_IS_UP = "--max-minutes"
EQUILIBRIUM = "--stop-at equilibrium"
GRACE_SECONDS = 0.8  # for the main thread to clean up
_ALARM = getattr(signal, "SIGALRM", None)  # Windows has none: there the clock is read before the first step
_SHOW_CURSOR = b"\x1b[?25h"

StopReason = Callable[[], str | None]
_cleanups: list[Callable[[], None]] = []


class Interrupted(BaseException):
    """A signal or a time limit while there is nothing to finish. Like KeyboardInterrupt it is no Exception.

    Args:
        reason: the signal's name, or `TIME_IS_UP`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @property
    def exit_code(self) -> int:
        """128 + number for a signal, 1 for a time limit."""
        return exit_code(self.reason) or 1


def exit_now(code: int) -> NoReturn:
    """End the process now: on a busy machine Python takes seconds to unload torch."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # it is closed, or nobody reads it
            stream.flush()
    os._exit(code)


@contextmanager
def cleanup_on_interrupt(cleanup: Callable[[], None]) -> Iterator[None]:
    """Call `cleanup` if a signal ends the block, even if the main thread never gets to handle it."""
    _cleanups.append(cleanup)
    try:
        yield
    except (Interrupted, KeyboardInterrupt):
        with suppress(OSError):
            cleanup()
        raise
    finally:
        _cleanups.remove(cleanup)


@contextmanager
def stop_reasons(
    max_minutes: float | None = None, *, immediate: bool = False, on_signal: Callable[[str], None] = lambda reason: None
) -> Iterator[StopReason]:
    """Yield a function that returns the reason to stop, a signal's name or `TIME_IS_UP`; None means go on.

    Args:
        max_minutes: the time limit from now on; None is no limit.
        immediate: whether a reason to stop raises `Interrupted` until the function is called for the first time.
        on_signal: called with a signal's name as soon as the current step is to be finished and saved for it.
    """
    end = None if max_minutes is None else monotonic() + 60 * max_minutes
    listener = _Listener(end, immediate, on_signal)
    # Under nohup a hang-up is ignored, and stays so.
    numbers = [s for s in SIGNALS if s == signal.SIGINT or signal.getsignal(s) is not signal.SIG_IGN]
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    thread = Thread(target=listener.listen, args=(reader,), daemon=True)
    if alarm := _ALARM if immediate and max_minutes is not None else None:
        numbers.append(alarm)
    before = {number: signal.signal(number, listener.handle) for number in numbers}
    woken = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        thread.start()
        if alarm and max_minutes is not None:
            signal.setitimer(signal.ITIMER_REAL, max(1e-6, 60 * max_minutes))
        yield listener.reason
    finally:
        if alarm:
            signal.setitimer(signal.ITIMER_REAL, 0)
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        writer.close()
        thread.join(GRACE_SECONDS)
        reader.close()


class _Listener:
    """The signals received, and the phase in which they are handled."""

    def __init__(self, end: float | None, immediate: bool, on_signal: Callable[[str], None]) -> None:
        self._end, self._immediate, self._on_signal = end, immediate, on_signal
        self._received: list[str] = []
        self._lock, self._acknowledged = Lock(), False

    def reason(self) -> str | None:
        """Why to stop; the first call begins the phase in which the current step is finished."""
        raises, self._immediate = self._immediate, False
        reason = self._received[0] if self._received else None
        if reason is None and self._end is not None and monotonic() >= self._end:
            reason = TIME_IS_UP
        if reason and raises:
            self._immediate = True
            raise Interrupted(reason)
        if self._received:
            self._acknowledge(self._received[0])
        return reason

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The handler of every signal, in the main thread."""
        if number == _ALARM:
            if self._immediate and not self._received:
                raise Interrupted(TIME_IS_UP)
            return
        if self._received:
            self._exit(number)
        self._received.append(signal.Signals(number).name)
        if self._immediate:
            raise Interrupted(self._received[0])

    def listen(self, wakeups: socket.socket) -> None:
        """Acknowledge signals that the main thread is slow to handle, and exit if it does not clean up in time."""
        first, patience = 0, None
        while True:
            if not select.select([wakeups], [], [], patience)[0]:
                if self._immediate:
                    self._exit(first)
                self._acknowledge(signal.Signals(first).name)  # the first step began in that very moment
                patience = None
                continue
            numbers = wakeups.recv(64)
            if not numbers:
                return
            for number in numbers:
                if number not in (*SIGNALS, _ALARM) or (number == _ALARM and (first or not self._immediate)):
                    continue
                if first and first != _ALARM:
                    self._exit(number)
                first = number
                if self._immediate:
                    patience = GRACE_SECONDS
                else:
                    self._acknowledge(signal.Signals(number).name)

    def _acknowledge(self, reason: str) -> None:
        """Report once that a signal was received; a second caller waits until it is reported."""
        with self._lock:
            if not self._acknowledged:
                self._acknowledged = True
                with suppress(Exception):  # the terminal may be what went away
                    self._on_signal(reason)

    def _exit(self, number: int) -> None:
        """End the process now, with the cursor visible again."""
        for cleanup in reversed([*_cleanups] if self._immediate else []):
            with suppress(Exception):
                cleanup()
        with suppress(OSError):
            if os.isatty(2):
                os.write(2, _SHOW_CURSOR)
        os._exit(1 if number == _ALARM else 128 + number)


@contextmanager
def sigint_after_saving() -> Iterator[StopReason]:
    """For a training in Python code: from the first call of the function on, Ctrl-C is a reason to stop.

    The previous handler gets it at the end, when all is saved, and immediately if it comes earlier or again.
    """
    before = signal.getsignal(signal.SIGINT)
    if current_thread() is not main_thread() or not callable(before):
        yield lambda: None
        return
    is_training, received = False, ""

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal received
        if received or not is_training:
            before(number, frame)
        else:
            received = signal.Signals(number).name

    def reason() -> str | None:
        nonlocal is_training
        is_training = True
        return received or None

    signal.signal(signal.SIGINT, note)
    try:
        yield reason
    finally:
        signal.signal(signal.SIGINT, before)
    if received:
        signal.raise_signal(signal.SIGINT)


def exit_code(reason: str | None) -> int:
    """0 for an end that was asked for, 128 + number for a signal."""
    return 0 if reason in (None, TIME_IS_UP, EQUILIBRIUM) else 128 + signal.Signals[reason]
