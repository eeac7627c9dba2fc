"""Report how far a long task has come to whatever shows it, such as a bar on a terminal."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal


@dataclass
class Task:
    """A piece of work.

    Attributes:
        what: the work, as the beginning of a line.
        unit: of what is counted.
        total: how many there are; None where nobody knows.
        done: how many are done.
    """

    what: str
    unit: Literal["pictures", "bytes"]
    total: int | None = None
    done: int = 0


Display = Callable[[Task], AbstractContextManager[None]]
"""Shows a task for as long as the context is open. It must not raise anything."""

_display: ContextVar[Display] = ContextVar("_display", default=lambda task: nullcontext())
_task: ContextVar[Task | None] = ContextVar("_task", default=None)


@contextmanager
def shown_by(display: Display) -> Iterator[None]:
    """Show every task that is begun inside of the block."""
    token = _display.set(display)
    try:
        yield
    finally:
        _display.reset(token)


@contextmanager
def task(what: str, unit: Literal["pictures", "bytes"], total: int | None = None) -> Iterator[None]:
    """Begin a task, to which `advance` and `reach` add until the block ends."""
    current = Task(what, unit, total)
    token = _task.set(current)
    try:
        with _display.get()(current):
            yield
    finally:
        _task.reset(token)


def advance(count: int) -> None:
    """Add to what is done of the current task."""
    if current := _task.get():
        current.done += count


def reach(done: int) -> None:
    """Set what is done of the current task."""
    if current := _task.get():
        current.done = done
