"""What a person sees: the only module that knows Rich. Results go to stdout, everything else to stderr.

Whatever is shown may come out of a file, so it all passes `ganctl.text.printable` on its way to the terminal.
"""

import errno
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.file_proxy import FileProxy
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column
from rich.text import Text

from ganctl.engine.events import Event, Logged, Stepped, VerdictChanged, Warned
from ganctl.errors import StorageError
from ganctl.runs.metric_names import LOSS, METRIC, SCORE, of_kind
from ganctl.text import finite, printable
from ganctl.units import duration, rate, size

if TYPE_CHECKING:
    from ganctl.data.check.check import Report
    from ganctl.engine.forecast import Forecast
    from ganctl.engine.training import Training
    from ganctl.evaluation.evaluate import Evaluation
    from ganctl.evaluation.verdicts import Verdict
    from ganctl.inference.translate import Result
    from ganctl.progress import Task

_LISTED = 8  # names of files that are not used
_LONG = 24 * 3600  # seconds; a training longer than this is warned of
_WORTH_SAYING = 60  # seconds
_REFRESH = 0.25  # seconds between two looks at the metrics
_WARM_UP = 5  # steps that say nothing about speed
_UNSEEN, _QUIET = 3.0, 60.0  # seconds of other work before it is shown, and between two lines on a pipe
_GONE = {errno.EPIPE, errno.EIO}  # what a pipe and a terminal say once nobody reads them
_PATIENCE = 10.0  # seconds of training after which fewer steps have to do


class _Stream(Console):
    """Stdout or stderr, of which a reader that has gone away is an error like any other, and not the end."""

    def on_broken_pipe(self) -> None:
        """Raise what Rich would leave the process for, after it had redirected stdout."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


stdout: Console = _Stream(highlight=False, markup=False, emoji=False, soft_wrap=True)
stderr: Console = _Stream(highlight=False, markup=False, emoji=False, soft_wrap=True, stderr=True)


def silence(stream: Console) -> None:
    """Let what is still written to a stream vanish, and what waits in its buffer: nobody is there to read it."""
    with suppress(OSError, ValueError):  # it is no file, or is closed
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.file.fileno())
        os.close(nowhere)


def result(text: object) -> None:
    """A result: one line on stdout.

    Raises:
        OSError: it cannot be written.
    """
    line = printable(str(text))
    if isinstance(sys.stdout, FileProxy):  # of a bar: Rich's own way to stdout passes by what keeps the bar whole
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    else:
        _out(line)


def _out(text: str) -> None:
    try:
        stdout.out(text, highlight=False)
    except OSError as error:
        raise error if error.errno in _GONE else unwritable(error) from None


@contextmanager
def results_of_work() -> Iterator[Callable[[object], None]]:
    """Gives what shows the path of each thing that was made as a result, and lets the work go on if it cannot.

    Raises:
        OSError: in the end, where stdout refused a path other than by having no reader any more.
    """
    refused: list[OSError] = []

    def show(path: object) -> None:
        try:
            result(path)
        except OSError as error:
            silence(stdout)
            if error.errno not in _GONE:
                refused.append(error)

    yield show
    for error in refused[:1]:
        raise StorageError(unwritable(error).message, "All that it was to name is made, and there.", error.errno)


def unwritable(error: OSError) -> StorageError:
    """What to raise of a stdout that does not take what is written to it; nothing more is."""
    silence(stdout)
    if isinstance(error, StorageError):
        return error
    said = f"Standard output could not be written: {error.strerror or error}."
    return StorageError(said, "Send it to another place.", error.errno)


def stdout_refuses() -> bool:
    """Whether stdout still holds something that it cannot get rid of."""
    try:
        stdout.file.flush()
    except OSError:
        return True
    return False


def document(value: object) -> None:
    """A result for machines: one JSON document on stdout, in ASCII and without infinities."""
    _out(json.dumps(finite(value), indent=2))


@contextmanager
def going_on_without(stream: Console) -> Iterator[None]:
    """Where a stream cannot be written, go on in silence: what was done is worth more than what is said of it."""
    try:
        yield
    except OSError:
        silence(stream)


def say(text: str) -> None:
    """A plain line on stderr, if anyone is there to read it."""
    with going_on_without(stderr):
        stderr.print(printable(text))


def trace(error: BaseException) -> None:
    """The traceback of an error on stderr, with the errors behind it."""
    for line in "".join(traceback.format_exception(error)).splitlines():
        say(line)


def warn(text: str) -> None:
    """A warning on stderr, likewise."""
    with going_on_without(stderr):
        stderr.print(_warning(text))


def fail(message: str, remedy: str = "") -> None:
    """A failure on stderr, likewise: its sentence, and what to do next."""
    with going_on_without(stderr):
        stderr.print(Text.assemble(("Error:", "bold red"), " ", printable(message)))
        if remedy:
            stderr.print(Text(printable(remedy), "cyan"))


def heard(reason: str) -> None:
    """What a signal comes to in a training."""
    say(f"{reason}: the step in hand is finished and saved. A second signal leaves at once.")


def _warning(text: str) -> Text:
    return Text.assemble(("Warning:", "yellow"), " ", printable(text))


def evaluated(found: "Evaluation") -> None:
    """What was measured of a model: where and with what, the scores, and what they come to."""
    rows: list[tuple[str, ...]] = [
        ("model", str(found.model)),
        ("training", f"{found.step:,} steps, {found.epoch:.4g} epochs on {found.data}"),
        ("pictures", f"{found.pictures:,} generated, {found.held_out:,} held out"),
    ]
    if found.extractor:
        rows.append(("extractor", f"{found.extractor}, which sees {found.extractor_input}"))
    table(rows)
    result("")
    beside = [("SCORE", "MODEL", "HELD OUT", "WHAT IT SAYS")]
    for each in found.scores:
        held_out = "" if each.held_out is None else f"{each.held_out:.4g}"
        beside.append((each.name, f"{each.value:.4g}", held_out, each.meaning))
    table(beside)
    if found.missing:
        warn(found.missing)
    for verdict in found.verdicts:
        warn(verdict.sentence)


def _judgement(verdict: "Verdict", raised: bool) -> Text:
    """A verdict on a training: what it is, and what to do."""
    if not raised:
        return Text(f"No longer: {verdict.title} ({verdict.code}).")
    return Text(verdict.sentence) if verdict.severity == "good" else _warning(verdict.sentence)


def table(rows: Sequence[Sequence[object]]) -> None:
    """Rows on stdout, their columns aligned; a terminal wraps what is too long, a pipe gets whole lines."""
    texts = [[printable(str(cell)) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*texts, strict=True)]
    for row in texts:
        cells = [set_cell_size(cell, width) for cell, width in zip(row, widths, strict=True)]
        result("  ".join(cells).rstrip())


def row(values: Mapping[str, float]) -> str:
    """Names and values in a row."""
    return "  ".join(f"{name} {value:.3f}" for name, value in values.items())


def forecast(cost: "Forecast") -> None:
    """What a dry run found."""
    say(cost.summary)
    for warning in cost.warnings:
        warn(warning)
    epoch = cost.step_seconds * cost.steps
    weights = ", ".join(f"{name} {count:,}" for name, count in cost.parameters.items())
    memory = [] if cost.peak_bytes is None else [("peak memory", size(cost.peak_bytes))]
    table(
        [
            ("parameters", weights),
            ("speed", rate(cost.batch_size / cost.step_seconds)),
            ("an epoch", f"{duration(epoch)} ({cost.steps} steps)"),
            (f"{cost.epochs} epochs", duration(epoch * cost.epochs)),
            *memory,
            ("a checkpoint", size(cost.checkpoint_bytes)),
        ]
    )
    if (seconds := epoch * cost.epochs) > _LONG:
        warn(f"At this pace the training will take {duration(seconds)}. {cost.lighter_hint}")


def checked(report: "Report") -> None:
    """What a look at a set found: its folders in a table, then the findings."""
    from ganctl.data.check.findings import shown

    rows: list[tuple[str, ...]] = [("FOLDER", "PICTURES", "SMALLEST", "MEDIAN", "LARGEST", "MODES")]
    for folder, contents in zip(report.layout.folders, report.contents, strict=True):
        sides = [f"{width}×{height}" for width, height in contents.sides] or ["", "", ""]
        modes = ", ".join(f"{mode} {count}" for mode, count in contents.modes.items())
        rows.append((shown(folder.name), str(len(folder.pictures)) if folder.exists else "missing", *sides, modes))
    table(rows)
    if unused := [shown(name) for name in report.layout.unused]:
        more = f" and {len(unused) - _LISTED} more" if len(unused) > _LISTED else ""
        result(f"not used: {', '.join(unused[:_LISTED])}{more}")
    for finding in report.findings:
        result(f"{finding.severity}: {finding.message} {finding.remedy}")
    if not report.findings:
        say("Nothing to remark.")


class Display(AbstractContextManager["Display"]):
    """The training as it goes: live bars on a terminal, one plain line an epoch elsewhere."""

    def __init__(self, training: "Training") -> None:
        self.steps, self.batch = training.batches.steps_per_epoch, training.batches.batch_size
        self.total, self.epochs = training.plan.total_steps, training.settings.epochs
        self.first = self.step = training.state.step
        self.looked = time.monotonic()
        self.measured = (self.looked, self.step)
        self.announced = False
        self.lighter = training.lighter_hint
        self.line: Mapping[str, float] = {}
        self.measured_last: dict[str, float] = {}
        self.state = training.state
        self.live = _sees_bars()
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24, table_column=Column(no_wrap=True)),
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[text]}", markup=False, table_column=Column()),  # in a narrow terminal it wraps
            console=stderr,
            disable=not self.live,
            auto_refresh=False,
        )
        self.epoch_bar = self.progress.add_task("epoch", total=self.epochs, text="")
        self.step_bar = self.progress.add_task("step", total=self.steps, text="")

    def __enter__(self) -> "Display":
        with suppress(OSError):  # the first event will say so
            self.progress.start()
            self._refresh()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with going_on_without(stderr):
            self._refresh()
        with going_on_without(stderr):
            self.progress.stop()

    def show(self, event: Event) -> None:
        """Render one event of a training.

        Raises:
            OSError: the terminal or the reader is gone. What comes later is written to nowhere.
        """
        try:
            self._render(event)
        except OSError:
            silence(stderr)
            raise

    def _render(self, event: Event) -> None:
        match event:
            case Stepped():
                self._stepped(event)
            case Logged():
                self.line = event.line
                self.measured_last |= of_kind(event.line, SCORE)
                if not self.live and event.line["step"] % self.steps == 0:
                    place = f"epoch {event.line['epoch']}/{self.epochs}"
                    parts = [place, self._metrics(), self._quality(of_kind(event.line, SCORE)), self._pace()]
                    stderr.print("  ".join(filter(None, parts)))
            case VerdictChanged():
                stderr.print(_judgement(event.verdict, event.raised))
            case Warned():
                stderr.print(_warning(event.message))
            case _:
                pass

    def _stepped(self, event: Stepped) -> None:
        now, self.step = time.monotonic(), event.step
        made = self.step - self.first
        if made in (1, _WARM_UP):  # the first step comes after the first progress sheet
            self.measured = (now, self.step)
        elif not self.announced and (made >= 2 * _WARM_UP or now - self.measured[0] >= _PATIENCE):
            self.announced = True
            self._announce(self._left())
        if self.live and now - self.looked >= _REFRESH:
            self.looked, self.line = now, event.means()
            self._refresh()

    def _metrics(self) -> str:
        return row(of_kind(self.line, LOSS, METRIC))

    def _quality(self, found: Mapping[str, float]) -> str:
        """The score that the best checkpoint is chosen by, and the best so far."""
        best = self.state.best
        if best is None or best["score"] not in found:
            return ""
        return f"{best['score']} {found[best['score']]:.4g} (best {best['value']:.4g})"

    def _announce(self, seconds: float) -> None:
        """How long this device will need: on a terminal only what its bars do not say as well."""
        if seconds > _LONG:
            stderr.print(_warning(f"At this pace the training will take {duration(seconds)}. {self.lighter}"))
        elif not self.live and seconds > _WORTH_SAYING:
            stderr.print(f"At this pace the training will take {duration(seconds)}.")

    def _refresh(self) -> None:
        epoch, into = divmod(self.step, self.steps)
        if into == 0 and self.step > self.first:
            into = self.steps  # an epoch's end shows a full bar
        parts = [self._pace() if self.step > self.first else "", self._quality(self.measured_last)]
        text = "  ".join(filter(None, parts))
        self.progress.update(self.epoch_bar, completed=epoch, text=text)
        self.progress.update(self.step_bar, completed=into, text=self._metrics())
        self.progress.refresh()

    def _seconds_a_step(self) -> float:
        since, step = self.measured
        return (time.monotonic() - since) / max(1, self.step - step)

    def _left(self) -> float:
        return (self.total - self.step) * self._seconds_a_step()

    def _pace(self) -> str:
        return f"{rate(self.batch / max(1e-9, self._seconds_a_step()))}  {duration(self._left())} left"


@contextmanager
def waiting(task: "Task") -> Iterator[None]:
    """Show how far a task is as soon as it takes more than a few seconds, whatever it does meanwhile."""
    over = Flag()
    thread = Thread(target=_wait, args=(task, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _wait(task: "Task", over: Flag) -> None:
    """In a thread of its own: a bar on a terminal, elsewhere a line after some seconds and one every minute."""
    began, what = time.monotonic(), printable(task.what)
    if over.wait(_UNSEEN):
        return
    with going_on_without(stderr):
        if not _sees_bars():
            stderr.print(f"{what}: {_so_far(task, began)}.")
            while not over.wait(_QUIET):
                stderr.print(f"{what}: {_so_far(task, began)}.")
            return
        bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[text]}", markup=False),
            console=stderr,
            auto_refresh=False,
            transient=True,
            redirect_stdout=stdout.file.isatty(),  # what goes to another place than the bar shall get there
        )
        with bar:
            shown = bar.add_task(what, total=task.total, text="")
            while not over.wait(_REFRESH):
                bar.update(shown, completed=task.done, text=_so_far(task, began), refresh=True)


def _so_far(task: "Task", began: float) -> str:
    """What is done of a task, of how much, and how long the rest will take."""
    amount, unit = (size, "") if task.unit == "bytes" else ("{:,}".format, f" {task.unit}")
    if task.total is None:
        return f"{amount(task.done)}{unit}"
    if not task.done:
        return f"none of {amount(task.total)}{unit} yet"
    counted = f"{amount(task.done)} of {amount(task.total)}{unit}"
    if task.done >= task.total:  # what is still to do with them all takes nobody knows how long
        return counted
    left = (time.monotonic() - began) * (task.total - task.done) / task.done
    return f"{counted}, {duration(left)} left"


class Translations(AbstractContextManager["Translations"]):
    """Pictures as they are translated: each one's path as a result, and a bar on a terminal where they are several.

    Args:
        total: how many there are.
        write: shows a path; see `results_of_work`.
    """

    def __init__(self, total: int, write: Callable[[object], None] = result) -> None:
        self.write = write
        self.live = total > 1 and _sees_bars()
        self.total, self.done = total, 0
        self.slow, self.seconds = 0, 0.0  # pictures that took time, and how much
        self.progress = Progress(
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[text]}", markup=False),
            console=stderr,
            disable=not self.live,
            auto_refresh=False,
            redirect_stdout=stdout.file.isatty(),  # what goes to another place than the bar shall get there
        )
        self.bar = self.progress.add_task("", total=total, text="")

    def __enter__(self) -> "Translations":
        with going_on_without(stderr):
            self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with going_on_without(stderr):
            self.progress.stop()

    def show(self, ended: "Result") -> None:
        """Render what became of one picture."""
        from ganctl.inference import translate

        self.done += 1
        if isinstance(ended, translate.Translated):
            self.slow, self.seconds = self.slow + 1, self.seconds + ended.seconds
            self.write(ended.path)
        left = (self.total - self.done) * self.seconds / max(1, self.slow)
        with going_on_without(stderr):
            self.progress.update(self.bar, completed=self.done, text=f"{duration(left)} left")
            self.progress.refresh()


def _sees_bars() -> bool:
    return stderr.is_interactive and stderr.file.isatty()  # Rich takes FORCE_COLOR for a terminal


def shown(path: Path) -> str:
    """A path as short as it can be typed from here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
