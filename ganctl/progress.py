"""How far a long piece of work on the data has come, for whoever shows it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal


@dataclass
class Task:
    """A piece of work.

    Attributes:
        what: is done, as the beginning of a line.
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
    """Show every task that is begun in here."""
    token = _display.set(display)
    try:
        yield
    finally:
        _display.reset(token)


@contextmanager
def task(what: str, unit: Literal["pictures", "bytes"], total: int | None = None) -> Iterator[None]:
    """Begin a task; `advance` and `reach` speak of it until it is over."""
    begun = Task(what, unit, total)
    token = _task.set(begun)
    try:
        with _display.get()(begun):
            yield
    finally:
        _task.reset(token)


def advance(count: int) -> None:
    """So much more of the task in hand is done."""
    if begun := _task.get():
        begun.done += count


def reach(done: int) -> None:
    """So much of the task in hand is done by now."""
    if begun := _task.get():
        begun.done = done
