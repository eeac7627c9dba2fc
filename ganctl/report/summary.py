"""All that a run directory says in words and numbers, in one place. No torch here: pictures are the album's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ganctl.report import charts as curves
from ganctl.report.charts import Chart
from ganctl.runs import events as diary
from ganctl.runs import metric_names, status
from ganctl.runs.events import EventLog
from ganctl.runs.numbers import number
from ganctl.runs.run import Run


@dataclass(frozen=True)
class RunSummary:
    """A run as its files tell it now.

    Attributes:
        record: its ``run.json``.
        state: ``training``, ``finished`` or ``stopped``.
        epochs: done so far, as the log or a checkpoint knows.
        steps_per_epoch: full batches of the data.
        events: its events.
        charts: its curves; none before the first line of the log.
        best: ``(step, score, value)`` by the first Fréchet distance, where one was measured.
    """

    run: Run
    record: Mapping[str, Any]
    state: str
    epochs: float
    steps_per_epoch: int
    events: EventLog
    charts: tuple[Chart, ...]
    best: tuple[int, str, float] | None


def read(run: Run) -> RunSummary:
    """Read a run, which may be trained meanwhile.

    Raises:
        CheckpointError: it has no usable ``run.json``, or a file cannot be read.
    """
    record = run.record()
    steps, rows = status.steps_per_epoch(record), log(run.read_log())
    events = diary.read(run.read_events())
    best = metric_names.best(rows)
    done = max(status.epochs_done(run, record), rows[-1]["step"] / steps if rows else 0)
    return RunSummary(
        run=run,
        record=record,
        state=status.state(run, record),
        epochs=done,
        steps_per_epoch=steps,
        events=events,
        charts=tuple(curves.charts(rows, steps, events.held_out, best)),
        best=best,
    )


def log(lines: Iterable[Mapping[str, Any]]) -> list[dict[str, float]]:
    """The numbers in a log, a row for each step, in order; what is no finite number is left out."""
    rows: dict[float, dict[str, float]] = {}
    for line in lines:
        row = {str(name): value for name, told in line.items() if (value := number(told)) is not None}
        if row.get("step", -1) >= 0:
            rows.setdefault(row["step"], {}).update(row)
    return [rows[step] for step in sorted(rows)]
