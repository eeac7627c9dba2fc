"""What a person sees: the only module that knows Rich. Results go to stdout, everything else to stderr."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

if TYPE_CHECKING:
    from ganctl.engine import Event, Stepped
    from ganctl.training import Forecast, Training

_LONG = 24 * 3600  # seconds; a training longer than this is announced
_REFRESH = 0.25  # seconds between two looks at the readings
_WARM_UP = 5  # steps that say nothing about speed

stdout = Console(highlight=False, soft_wrap=True)
stderr = Console(stderr=True, highlight=False, soft_wrap=True)


def result(text: object) -> None:
    """A result: one line on stdout, as it is."""
    sys.stdout.write(f"{text}\n")


def say(text: str) -> None:
    """A plain line on stderr."""
    stderr.print(text, markup=False)


def warn(text: str) -> None:
    """A warning on stderr."""
    stderr.print("[yellow]Warning:[/]", end=" ")
    stderr.print(text, markup=False)


def fail(message: str, remedy: str = "") -> None:
    """A failure on stderr: its sentence, and what to do next."""
    stderr.print("[bold red]Error:[/]", end=" ")
    stderr.print(message, markup=False)
    if remedy:
        stderr.print(remedy, markup=False, style="cyan")


def table(rows: Sequence[tuple[str, object]]) -> None:
    """Names and values on stdout."""
    grid = Table.grid(padding=(0, 2))
    for name, value in rows:
        grid.add_row(name, str(value))
    stdout.print(grid, markup=False)


def listing(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table with headings on stdout."""
    sheet = Table(*columns, box=None, padding=(0, 2, 0, 0), header_style="bold")
    for row in rows:
        sheet.add_row(*map(str, row))
    stdout.print(sheet, markup=False)


def duration(seconds: float) -> str:
    """Seconds as a person would say them: 45 s, 12 min, 3 h 05 min, 4.2 days."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes / 1440:.1f} days"


def size(count: float) -> str:
    """Bytes as a person would say them."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


def readings(line: Mapping[str, float]) -> str:
    """Losses and readings in a row."""
    return "  ".join(f"{name} {value:.3f}" for name, value in line.items() if name not in ("step", "epoch"))


def forecast(cost: "Forecast") -> None:
    """What a dry run found."""
    epoch = cost.step_seconds * cost.steps
    weights = ", ".join(f"{name} {count:,}" for name, count in cost.parameters.items())
    table(
        [
            ("parameters", weights),
            ("speed", f"{cost.batch_size / cost.step_seconds:,.0f} pictures/s"),
            ("an epoch", f"{duration(epoch)} ({cost.steps} steps)"),
            (f"{cost.epochs} epochs", duration(epoch * cost.epochs)),
            ("peak memory", size(cost.peak_bytes)),
            ("a checkpoint", size(cost.checkpoint_bytes)),
        ]
    )


class Display(AbstractContextManager["Display"]):
    """The training as it goes: live bars on a terminal, one plain line an epoch elsewhere."""

    def __init__(self, training: "Training") -> None:
        self.steps, self.batch = training.feed.steps_per_epoch, training.feed.batch_size
        self.total, self.epochs = training.plan.total, training.settings.epochs
        self.first, self.step = training.state.step, training.state.step
        self.began = self.looked = time.monotonic()
        self.measured = (self.began, self.step)
        self.announced = False
        self.line: Mapping[str, float] = {}
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[text]}", markup=False),
            console=stderr,
            disable=not stderr.is_terminal,
            auto_refresh=False,
        )
        self.epoch_bar = self.progress.add_task("epoch", total=self.epochs, completed=self.step // self.steps, text="")
        self.step_bar = self.progress.add_task("step", total=self.steps, completed=self.step % self.steps, text="")

    def __enter__(self) -> "Display":
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def show(self, event: "Event") -> None:
        """Render one event of the engine's."""
        from ganctl import engine

        match event:
            case engine.Stepped():
                self._stepped(event)
            case engine.Reported():
                self.line = event.line
            case engine.Drawn() if event.epoch and not stderr.is_terminal:
                say(f"epoch {event.epoch}/{self.epochs}  {readings(self.line)}  {self._pace()}")
            case engine.Warned():
                warn(event.message)
            case _:
                pass

    def _stepped(self, event: "Stepped") -> None:
        now, step = time.monotonic(), event.step
        self.step = step
        if step - self.first == _WARM_UP:
            self.measured = (now, step)
        if not self.announced and step - self.first >= 2 * _WARM_UP:
            self.announced = True
            if (left := self._left()) > _LONG:
                warn(f"At this pace the training will take {duration(left)}.")
        if now - self.looked < _REFRESH or not stderr.is_terminal:
            return
        self.looked = now
        self.line = event.readings()
        self.progress.update(self.epoch_bar, completed=step // self.steps, text=self._pace())
        self.progress.update(self.step_bar, completed=step % self.steps, text=readings(self.line))
        self.progress.refresh()

    def _seconds_a_step(self) -> float:
        since, step = self.measured
        return (time.monotonic() - since) / max(1, self.step - step)

    def _left(self) -> float:
        return (self.total - self.step) * self._seconds_a_step()

    def _pace(self) -> str:
        return f"{self.batch / max(1e-9, self._seconds_a_step()):,.0f} pictures/s  {duration(self._left())} left"


@contextmanager
def counting(total: int, what: str) -> Iterator[Progress]:
    """A bar for work whose pieces the caller advances; nothing where stderr is no terminal."""
    with Progress(
        TextColumn(what), BarColumn(), MofNCompleteColumn(), console=stderr, disable=not stderr.is_terminal
    ) as bar:
        bar.add_task(what, total=total)
        yield bar


def shown(path: Path) -> str:
    """A path as short as it can be typed from here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
