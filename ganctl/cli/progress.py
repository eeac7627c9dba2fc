"""Shows work in progress on stderr: live bars on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from threading import Event as Flag
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column
from rich.text import Text

from ganctl.cli import console
from ganctl.engine.events import Event, Logged, Stepped, VerdictChanged, Warned
from ganctl.runs.metric_names import LOSS, METRIC, SCORE, of_kind
from ganctl.text import printable
from ganctl.units import duration, rate, size

if TYPE_CHECKING:
    from ganctl.engine.training import Training
    from ganctl.inference.translate import Result
    from ganctl.tasks import Task

REFRESH_SECONDS = 0.25  # between two redraws of a bar
HIDDEN_SECONDS = 3.0  # of a task before it is shown
LINE_SECONDS = 60.0  # between two lines about a task on a pipe
_BAR_WIDTH = 24  # characters
_WARM_UP_STEPS = 5  # which say nothing about the speed
_WARM_UP_SECONDS = 10.0  # after which fewer steps are enough to tell it
_ANNOUNCED_SECONDS = 60.0  # of training; a shorter one is not announced on a pipe


class TrainingProgress(AbstractContextManager["TrainingProgress"]):
    """A training as it goes: bars of the epochs and of the epoch's steps, or one plain line per epoch on a pipe."""

    def __init__(self, training: "Training") -> None:
        self.steps_per_epoch, self.batch_size = training.batches.steps_per_epoch, training.batches.batch_size
        self.total_steps, self.epochs = training.plan.total_steps, training.settings.epochs
        self.first_step = self.step = training.state.step
        self.refreshed = time.monotonic()
        self.speed_since = (self.refreshed, self.step)
        self.announced = False
        self.lighter_hint = training.lighter_hint
        self.line: Mapping[str, float] = {}
        self.scores: dict[str, float] = {}
        self.state = training.state
        self.live = console.sees_bars()
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=_BAR_WIDTH, table_column=Column(no_wrap=True)),
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[text]}", markup=False, table_column=Column()),  # in a narrow terminal it wraps
            console=console.stderr,
            disable=not self.live,
            auto_refresh=False,
        )
        self.epoch_bar = self.progress.add_task("epoch", total=self.epochs, text="")
        self.step_bar = self.progress.add_task("step", total=self.steps_per_epoch, text="")

    def __enter__(self) -> "TrainingProgress":
        with suppress(OSError):  # the first event will raise it again
            self.progress.start()
            self._refresh()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with console.going_on_without(console.stderr):
            self._refresh()
        with console.going_on_without(console.stderr):
            self.progress.stop()

    def show(self, event: Event) -> None:
        """Show one event of the training.

        Raises:
            OSError: the terminal or the reader is gone. What is written later is discarded.
        """
        try:
            self._show(event)
        except OSError:
            console.silence(console.stderr)
            raise

    def _show(self, event: Event) -> None:
        match event:
            case Stepped():
                self._count(event)
            case Logged():
                self.line = event.line
                scores = of_kind(event.line, SCORE)
                self.scores |= scores
                if not self.live and event.line["step"] % self.steps_per_epoch == 0:
                    epoch = f"epoch {event.line['epoch']}/{self.epochs}"
                    parts = [epoch, self._losses_and_metrics(), self._best_score(scores), self._speed_and_rest()]
                    console.stderr.print("  ".join(filter(None, parts)))
            case VerdictChanged(verdict=verdict, raised=True):
                text = Text(verdict.sentence) if verdict.severity == "good" else console.warning_text(verdict.sentence)
                console.stderr.print(text)
            case VerdictChanged(verdict=verdict):
                console.stderr.print(Text(f"No longer: {verdict.title} ({verdict.code})."))
            case Warned():
                console.stderr.print(console.warning_text(event.message))
            case _:
                pass

    def _count(self, event: Stepped) -> None:
        now, self.step = time.monotonic(), event.step
        steps = self.step - self.first_step
        if steps in (1, _WARM_UP_STEPS):  # the first step comes after the first preview
            self.speed_since = (now, self.step)
        elif not self.announced and (steps >= 2 * _WARM_UP_STEPS or now - self.speed_since[0] >= _WARM_UP_SECONDS):
            self.announced = True
            self._announce(self._seconds_left())
        if self.live and now - self.refreshed >= REFRESH_SECONDS:
            self.refreshed, self.line = now, event.compute_means()
            self._refresh()

    def _losses_and_metrics(self) -> str:
        return "  ".join(f"{name} {value:.3f}" for name, value in of_kind(self.line, LOSS, METRIC).items())

    def _best_score(self, scores: Mapping[str, float]) -> str:
        """The score that chooses the best checkpoint, and the best value so far."""
        best = self.state.best
        if best is None or best["score"] not in scores:
            return ""
        return f"{best['score']} {scores[best['score']]:.4g} (best {best['value']:.4g})"

    def _announce(self, seconds: float) -> None:
        """Say how long this device will need: on a terminal only what its bars do not say as well."""
        sentence = f"At this pace the training will take {duration(seconds)}."
        if seconds > console.LONG_SECONDS:
            console.stderr.print(console.warning_text(f"{sentence} {self.lighter_hint}"))
        elif not self.live and seconds > _ANNOUNCED_SECONDS:
            console.stderr.print(sentence)

    def _refresh(self) -> None:
        epoch, step = divmod(self.step, self.steps_per_epoch)
        if step == 0 and self.step > self.first_step:
            step = self.steps_per_epoch  # an epoch's end shows a full bar
        parts = [self._speed_and_rest() if self.step > self.first_step else "", self._best_score(self.scores)]
        self.progress.update(self.epoch_bar, completed=epoch, text="  ".join(filter(None, parts)))
        self.progress.update(self.step_bar, completed=step, text=self._losses_and_metrics())
        self.progress.refresh()

    def _seconds_per_step(self) -> float:
        since, step = self.speed_since
        return (time.monotonic() - since) / max(1, self.step - step)

    def _seconds_left(self) -> float:
        return (self.total_steps - self.step) * self._seconds_per_step()

    def _speed_and_rest(self) -> str:
        return f"{rate(self.batch_size / max(1e-9, self._seconds_per_step()))}  {duration(self._seconds_left())} left"


class TranslationProgress(AbstractContextManager["TranslationProgress"]):
    """Pictures as they are translated: each one's path as a result, and a bar on a terminal where they are several.

    Args:
        total: number of pictures.
        write: prints a path; see `console.results_of_work`.
    """

    def __init__(self, total: int, write: Callable[[object], None] = console.result) -> None:
        self.write = write
        self.live = total > 1 and console.sees_bars()
        self.total, self.done = total, 0
        self.translated, self.seconds = 0, 0.0  # without what was skipped, which takes no time
        self.progress = Progress(
            BarColumn(bar_width=_BAR_WIDTH),
            MofNCompleteColumn(),
            TextColumn("{task.fields[text]}", markup=False),
            console=console.stderr,
            disable=not self.live,
            auto_refresh=False,
            redirect_stdout=console.stdout.file.isatty(),  # a path that goes elsewhere must not pass the bar
        )
        self.bar = self.progress.add_task("", total=total, text="")

    def __enter__(self) -> "TranslationProgress":
        with console.going_on_without(console.stderr):
            self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with console.going_on_without(console.stderr):
            self.progress.stop()

    def show(self, result: "Result") -> None:
        """Show what became of one picture."""
        from ganctl.inference import translate

        self.done += 1
        if isinstance(result, translate.Translated):
            self.translated, self.seconds = self.translated + 1, self.seconds + result.seconds
            self.write(result.path)
        seconds_left = (self.total - self.done) * self.seconds / max(1, self.translated)
        with console.going_on_without(console.stderr):
            self.progress.update(self.bar, completed=self.done, text=f"{duration(seconds_left)} left")
            self.progress.refresh()


@contextmanager
def waiting(task: "Task") -> Iterator[None]:
    """Show how far a task is as soon as it takes more than a few seconds, whatever it does meanwhile."""
    over = Flag()
    thread = Thread(target=_show_until, args=(over, task), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _show_until(over: Flag, task: "Task") -> None:
    """In a thread of its own: a bar on a terminal, elsewhere a line after some seconds and one every minute."""
    began, description = time.monotonic(), printable(task.what)
    if over.wait(HIDDEN_SECONDS):
        return
    with console.going_on_without(console.stderr):
        if not console.sees_bars():
            console.stderr.print(f"{description}: {done_so_far(task, began)}.")
            while not over.wait(LINE_SECONDS):
                console.stderr.print(f"{description}: {done_so_far(task, began)}.")
            return
        progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=_BAR_WIDTH),
            TextColumn("{task.fields[text]}", markup=False),
            console=console.stderr,
            auto_refresh=False,
            transient=True,
            redirect_stdout=console.stdout.file.isatty(),  # likewise
        )
        with progress:
            bar = progress.add_task(description, total=task.total, text="")
            while not over.wait(REFRESH_SECONDS):
                progress.update(bar, completed=task.done, text=done_so_far(task, began), refresh=True)


def done_so_far(task: "Task", began: float) -> str:
    """How much of a task is done, of how much, and how long the rest will take.

    Args:
        task: in progress.
        began: the monotonic clock at its start.
    """
    amount, unit = (size, "") if task.unit == "bytes" else ("{:,}".format, f" {task.unit}")
    if task.total is None:
        return f"{amount(task.done)}{unit}"
    if not task.done:
        return f"none of {amount(task.total)}{unit} yet"
    counted = f"{amount(task.done)} of {amount(task.total)}{unit}"
    if task.done >= task.total:  # what is still to do with them all takes nobody knows how long
        return counted
    seconds_left = (time.monotonic() - began) * (task.total - task.done) / task.done
    return f"{counted}, {duration(seconds_left)} left"
