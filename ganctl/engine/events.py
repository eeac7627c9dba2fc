"""The events of a training and their subscribers. Whatever a subscriber raises is warned of and ends nothing."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ganctl.errors import DivergedError, GanctlError
from ganctl.evaluation.verdicts import Verdict
from ganctl.files import reason


@dataclass(frozen=True)
class Started:
    """The training begins, or goes on, after a step."""

    step: int


@dataclass(frozen=True)
class Stepped:
    """One step was made. `means` computes the means since the last line of the log; it waits for the device."""

    step: int
    compute_means: Callable[[], Mapping[str, float]]


@dataclass(frozen=True)
class Logged:
    """A line of the log: step, epoch, every player's loss and the metrics, as means since the last line."""

    line: Mapping[str, float]


@dataclass(frozen=True)
class Previewed:
    """The preview of an epoch was written."""

    epoch: int
    path: Path


@dataclass(frozen=True)
class Saved:
    """A checkpoint was saved."""

    step: int
    path: Path
    seconds: float


@dataclass(frozen=True)
class Warned:
    """Something went wrong that training survives."""

    message: str


@dataclass(frozen=True)
class Ended:
    """The loop is over and saved. `reason` is None where the total was reached."""

    step: int
    reason: str | None


@dataclass(frozen=True)
class Evaluated:
    """The quality was measured: scores by name, and those of held-out pictures where they are known."""

    step: int
    epoch: int
    scores: Mapping[str, float]
    held_out: Mapping[str, float]
    seconds: float


@dataclass(frozen=True)
class VerdictChanged:
    """A verdict was raised, or cleared."""

    step: int
    epoch: int
    verdict: Verdict
    raised: bool


Event = Started | Stepped | Logged | Previewed | Saved | Warned | Evaluated | VerdictChanged | Ended


class Subscriber(NamedTuple):
    """A function that is called with every event.

    Attributes:
        handle: the function.
        failure: the beginning of the warning if it raises.
        remedy: the sentence that ends the warning.
    """

    handle: Callable[[Event], None]
    failure: str = "The display failed"
    remedy: str = ""


class Emitter:
    """Calls every subscriber with every event. What they raise becomes a warning, once for each kind of failure."""

    def __init__(self, *subscribers: Subscriber) -> None:
        self._subscribers = subscribers
        self._warned: set[str] = set()

    def __call__(self, event: Event) -> None:
        """Call every subscriber."""
        for subscriber in self._subscribers:
            with self.warn_and_continue(subscriber.failure, subscriber.remedy):
                subscriber.handle(event)

    @contextmanager
    def warn_and_continue(self, failure: str, remedy: str = "") -> Iterator[None]:
        """Turn whatever the block raises into a warning: no display, log or measurement is worth a training.

        Args:
            failure: the beginning of the warning; the same one is emitted once.
            remedy: the sentence that ends it.

        Raises:
            DivergedError: the training's own failure.
        """
        try:
            yield
        except DivergedError:
            raise
        except (Exception, SystemExit) as error:  # Rich leaves the process where its reader has gone away
            if failure not in self._warned:
                self._warned.add(failure)
                self(Warned(f"{failure}, training goes on: {_cause(error)}{remedy and f'. {remedy}'}"))


def _cause(error: BaseException) -> str:
    """Why something failed, in a line; with the kind of the error where its message says little without it."""
    message = (reason(error) if isinstance(error, OSError) else str(error)).strip().partition("\n")[0].rstrip(".")
    if isinstance(error, MemoryError):
        return message or "the memory is full"
    if message and isinstance(error, OSError | RuntimeError | ValueError | GanctlError):
        return message
    return f"{type(error).__name__}: {message}".removesuffix(": ")
