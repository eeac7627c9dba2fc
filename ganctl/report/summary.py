"""Summarise what a run directory says in words and numbers. Its images are read by `ganctl.report.images`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ganctl import gans
from ganctl.report.charts import Chart, charts
from ganctl.runs import events, metric_names, status
from ganctl.runs.events import EventLog
from ganctl.runs.json_lines import numbers
from ganctl.runs.metric_names import LOSS, BestScore, of_kind, roles_of
from ganctl.runs.run import Run

_BROWSER_MAX = 2.0**53  # up to which JavaScript counts exactly


@dataclass(frozen=True)
class RunSummary:
    """A run as its files describe it now.

    Attributes:
        record: its ``run.json``.
        state: ``training``, ``finished`` or ``stopped``.
        epochs_done: by its log or its newest checkpoint, whichever is ahead.
        events: its events.
        charts: of its log; none before the first line.
        best: the best value of its first score, where one was measured.
    """

    run: Run
    record: Mapping[str, Any]
    state: str
    epochs_done: float
    events: EventLog
    charts: tuple[Chart, ...]
    best: BestScore | None

    def epoch_of(self, step: int) -> float:
        """The epochs behind a step."""
        return step / int(self.record["steps_per_epoch"])


def read(run: Run) -> RunSummary:
    """Read a run, which may be in training.

    Raises:
        CheckpointError: it has no usable ``run.json``, or a file cannot be read.
    """
    record = run.record()
    steps_per_epoch, rows = record["steps_per_epoch"], log_rows(run.read_log())
    event_log = events.read(run.read_events())
    best = metric_names.best(rows)
    players = {player for row in rows for player in of_kind(row, LOSS)}
    discriminator = roles_of(players, _roles(record)).get("discriminator")
    epochs_logged = rows[-1]["step"] / steps_per_epoch if rows else 0
    return RunSummary(
        run=run,
        record=record,
        state=status.state(run, record),
        epochs_done=max(status.epochs_done(run, record), epochs_logged),
        events=event_log,
        charts=tuple(charts(rows, steps_per_epoch, _plottable(event_log.held_out_scores), best, discriminator)),
        best=best,
    )


def _roles(record: Mapping[str, Any]) -> Mapping[str, str]:
    """The roles of the players of a run's family; the usual ones where this version does not know the family."""
    family = record["settings"]["family"]
    return gans.options_of(family).roles if family in gans.FAMILIES else metric_names.ROLES


def log_rows(lines: Iterable[Mapping[str, Any]]) -> list[dict[str, float]]:
    """The numbers in a log that a browser can plot, a row for each step, in order."""
    rows: dict[float, dict[str, float]] = {}
    for line in lines:
        row = _plottable(line)
        if row.get("step", -1) >= 0:
            rows.setdefault(row["step"], {}).update(row)
    return [rows[step] for step in sorted(rows)]


def _plottable(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in numbers(values).items() if abs(value) < _BROWSER_MAX}
