"""Reasons to stop: signals and the clock. The step in hand is finished and saved; a second signal leaves at once."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = tuple(s for s in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", None)) if s is not None)
TIME_IS_UP = "--max-minutes"
EQUILIBRIUM = "--stop-at equilibrium"

Reason = Callable[[], str | None]


@contextmanager
def reasons_to_stop(max_minutes: float | None = None) -> Iterator[Reason]:
    """A function that says why to stop, as a signal's name or `TIME_IS_UP`; None means go on.

    Args:
        max_minutes: the time from here, in minutes; None is no limit.
    """
    received: list[int] = []
    end = None if max_minutes is None else time.monotonic() + 60 * max_minutes

    def note(number: int, frame: FrameType | None) -> None:
        if received:
            os._exit(128 + number)
        received.append(number)

    def reason() -> str | None:
        if received:
            return signal.Signals(received[0]).name
        return TIME_IS_UP if end is not None and time.monotonic() >= end else None

    # Under nohup a hang-up is ignored, and stays so.
    heard = [s for s in SIGNALS if s == signal.SIGINT or signal.getsignal(s) is not signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in heard}
    try:
        yield reason
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_code(reason: str | None) -> int:
    """0 for an end that was asked for, 128 + number for a signal."""
    return 0 if reason in (None, TIME_IS_UP, EQUILIBRIUM) else 128 + signal.Signals[reason]
