"""What happens in a training, and who is told of it. Whatever a subscriber raises is warned of and ends nothing."""

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
    """One step was made. `metrics` computes the means since the last report, on demand: it costs a wait."""

    step: int
    means: Callable[[], Mapping[str, float]]


@dataclass(frozen=True)
class Logged:
    """A line of the log: step, epoch, every player's loss and the metrics, as means since the last line."""

    line: Mapping[str, float]


@dataclass(frozen=True)
class Previewed:
    """The preview of an epoch was drawn."""

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
    """The loop is over and saved. `reason` is None where the target was reached."""

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
    """A verdict was raised, or taken back."""

    step: int
    epoch: int
    verdict: Verdict
    raised: bool


Event = Started | Stepped | Logged | Previewed | Saved | Warned | Evaluated | VerdictChanged | Ended


class Subscriber(NamedTuple):
    """Who is called with every event.

    Attributes:
        show: what is called.
        failure: the beginning of the sentence that is said where that raises something.
        remedy: the sentence that follows it.
    """

    show: Callable[[Event], None]
    failure: str = "The display failed"
    remedy: str = ""


class Emitter:
    """Calls every subscriber with every event. What they raise is warned of, each kind once, and goes no further."""

    def __init__(self, *subscribers: Subscriber) -> None:
        self._subscribers = subscribers
        self._warned: set[str] = set()

    def __call__(self, event: Event) -> None:
        """Call every subscriber."""
        for subscriber in self._subscribers:
            with self.surviving(subscriber.failure, subscriber.remedy):
                subscriber.show(event)

    @contextmanager
    def surviving(self, failure: str, remedy: str = "") -> Iterator[None]:
        """Warn of whatever is raised in here, and go on: no display, log or measurement is worth a training.

        Args:
            failure: what then is the case, as the beginning of a sentence; the same one is said once.
            remedy: a sentence to end with.

        Raises:
            DivergedError: which is the training's own failure.
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
    """Why something failed, in a line; with the kind of an error that says little without it."""
    said = (reason(error) if isinstance(error, OSError) else str(error)).strip().partition("\n")[0].rstrip(".")
    if isinstance(error, MemoryError):
        return said or "the memory is full"
    if said and isinstance(error, OSError | RuntimeError | ValueError | GanctlError):
        return said
    return f"{type(error).__name__}: {said}".removesuffix(": ")
