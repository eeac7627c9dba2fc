"""Reasons to stop, by phase.

at once          before a training's first step, and in every other command: what was begun is undone, nothing is kept
after the step   while a training runs: the step in hand is finished and saved; a second signal leaves at once

Python handles a signal in its main thread, and only between two of its instructions: a call that does not come back,
such as one that looks up a name in a dead network, keeps it waiting. So a thread of our own hears of signals too.
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
GRACE = 0.8  # seconds in which the main thread has to undo what it began
_ALARM = getattr(signal, "SIGALRM", None)  # not on Windows, where the clock is looked at before the first step
_SHOW_CURSOR = b"\x1b[?25h"

StopReason = Callable[[], str | None]
_undo: list[Callable[[], None]] = []


class Interrupted(BaseException):
    """A signal, or the end of the time, where there is nothing to finish. Like KeyboardInterrupt it is no Exception.

    Args:
        reason: the signal's name, or `TIME_IS_UP`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @property
    def exit_code(self) -> int:
        """128 + number for a signal, 1 where the time was not enough for anything."""
        return exit_code(self.reason) or 1


def leave(code: int) -> NoReturn:
    """End the process now: Python takes seconds to put torch away on a busy machine."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # it is closed, or nobody reads it
            stream.flush()
    os._exit(code)


@contextmanager
def cleanup_on_interrupt(undo: Callable[[], None]) -> Iterator[None]:
    """Undo what is begun in here if a signal ends it, also where the main thread does not come back to do it."""
    _undo.append(undo)
    try:
        yield
    except (Interrupted, KeyboardInterrupt):
        with suppress(OSError):
            undo()
        raise
    finally:
        _undo.remove(undo)


@contextmanager
def reasons_to_stop(
    max_minutes: float | None = None, *, at_once: bool = False, heard: Callable[[str], None] = lambda reason: None
) -> Iterator[StopReason]:
    """A function that says why to stop, as a signal's name or `TIME_IS_UP`; None means go on.

    Args:
        max_minutes: the time from here, in minutes; None is no limit.
        at_once: whether a reason to stop is raised as `Interrupted` until the function is called for the first time.
        heard: is called with a signal's name as soon as it is to be finished and saved for.
    """
    end = None if max_minutes is None else monotonic() + 60 * max_minutes
    listener = _Listener(end, at_once, heard)
    # Under nohup a hang-up is ignored, and stays so.
    numbers = [s for s in SIGNALS if s == signal.SIGINT or signal.getsignal(s) is not signal.SIG_IGN]
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    thread = Thread(target=listener.listen, args=(reader,), daemon=True)
    if alarm := _ALARM if at_once and max_minutes is not None else None:
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
        thread.join(GRACE)
        reader.close()


class _Listener:
    """What was heard, in which phase."""

    def __init__(self, end: float | None, at_once: bool, heard: Callable[[str], None]) -> None:
        self._end, self._at_once, self._heard = end, at_once, heard
        self._received: list[str] = []
        self._lock, self._answered = Lock(), False

    def reason(self) -> str | None:
        """Why to stop; the first call begins the phase in which the step in hand is finished."""
        raises, self._at_once = self._at_once, False
        found = self._received[0] if self._received else None
        if found is None and self._end is not None and monotonic() >= self._end:
            found = TIME_IS_UP
        if found and raises:
            self._at_once = True
            raise Interrupted(found)
        if self._received:
            self._answer(self._received[0])
        return found

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The handler of every signal, in the main thread."""
        if number == _ALARM:
            if self._at_once and not self._received:
                raise Interrupted(TIME_IS_UP)
            return
        if self._received:
            self._leave(number)
        self._received.append(signal.Signals(number).name)
        if self._at_once:
            raise Interrupted(self._received[0])

    def listen(self, wakeups: socket.socket) -> None:
        """Answer at once what the main thread may be slow to hear, and leave where it does not undo in time."""
        first, patience = 0, None
        while True:
            if not select.select([wakeups], [], [], patience)[0]:
                if self._at_once:
                    self._leave(first)
                self._answer(signal.Signals(first).name)  # the first step began in that very moment
                patience = None
                continue
            numbers = wakeups.recv(64)
            if not numbers:
                return
            for number in numbers:
                if number not in (*SIGNALS, _ALARM) or (number == _ALARM and (first or not self._at_once)):
                    continue
                if first and first != _ALARM:
                    self._leave(number)
                first = number
                if self._at_once:
                    patience = GRACE
                else:
                    self._answer(signal.Signals(number).name)

    def _answer(self, reason: str) -> None:
        """Say once that a signal was heard; whoever comes second waits until it was said."""
        with self._lock:
            if not self._answered:
                self._answered = True
                with suppress(Exception):  # the terminal may be what went away
                    self._heard(reason)

    def _leave(self, number: int) -> None:
        """End the process here, with the terminal as it was."""
        for undo in reversed([*_undo] if self._at_once else []):
            with suppress(Exception):
                undo()
        with suppress(OSError):
            if os.isatty(2):
                os.write(2, _SHOW_CURSOR)
        os._exit(1 if number == _ALARM else 128 + number)


@contextmanager
def after_saving() -> Iterator[StopReason]:
    """For a training that Python code began: Ctrl-C is a reason to stop from the first call of the function on.

    Whoever handled it before handles it at the end, when all is saved, and at once what comes earlier or again.
    """
    before = signal.getsignal(signal.SIGINT)
    if current_thread() is not main_thread() or not callable(before):
        yield lambda: None
        return
    asked, received = False, ""

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal received
        if received or not asked:
            before(number, frame)
        else:
            received = signal.Signals(number).name

    def reason() -> str | None:
        nonlocal asked
        asked = True
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
