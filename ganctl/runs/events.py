"""Turn the lines of events.jsonl into raised verdicts, entries for people, training time and held-out scores."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ganctl.runs.json_lines import number, numbers

SEVERITIES = ("error", "warning", "note", "good")
_UNLISTED = {"save", "evaluate"}  # there are too many of them, and the charts show the latter
_UNDONE_BY_RESUME = ("verdict", "evaluate")  # where it goes on from an earlier step

_MAX_STEP = 2**53  # larger ones are no steps but damage


@dataclass(frozen=True)
class RaisedVerdict:
    """An occurrence of a verdict in a run.

    Attributes:
        severity: one of `SEVERITIES`.
        raised_step: at which it was raised.
        cleared_step: at which it was cleared; None as long as it stands.
    """

    code: str
    severity: str
    message: str
    remedy: str
    raised_step: int
    cleared_step: int | None = None

    @property
    def stands(self) -> bool:
        """Whether it has not been cleared."""
        return self.cleared_step is None


@dataclass(frozen=True)
class LogEntry:
    """Something that happened, for people.

    Attributes:
        time: ``2026-01-31 18:05``; empty where it cannot be read.
        step: None where the event names none.
        kind: the event's name, or a verdict's severity, which decides the sign beside it.
        text: a sentence without its full stop.
        command: what was typed, where something was.
    """

    time: str
    step: int | None
    kind: str
    text: str
    command: str = ""


@dataclass(frozen=True)
class EventLog:
    """The events of a run.

    Attributes:
        verdicts: those that stand first, and among them the most severe first.
        entries: oldest first.
        training_seconds: over all sessions.
        held_out_scores: score → what held-out real pictures get.
    """

    verdicts: tuple[RaisedVerdict, ...]
    entries: tuple[LogEntry, ...]
    training_seconds: float
    held_out_scores: Mapping[str, float]


def read(lines: Iterable[Mapping[str, Any]]) -> EventLog:
    """Read a run's events, oldest first. What an event lacks is left out; a verdict without a step is passed over."""
    events = list(lines)
    results = _results(events)
    return EventLog(
        verdicts=tuple(_verdicts(event for event in results if event["event"] == "verdict")),
        entries=tuple(_entry(event) for event in events if event["event"] not in _UNLISTED),
        training_seconds=_training_seconds(events),
        held_out_scores=_held_out_scores(event for event in results if event["event"] == "evaluate"),
    )


def _results(events: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Verdicts and evaluations that no resume from an earlier step has undone; of equal ones the latest."""
    results: list[Mapping[str, Any]] = []
    for event in events:
        step = _step(event)
        if event["event"] == "resume" and step is not None:
            results = [result for result in results if (_step(result) or 0) <= step]
        elif event["event"] in _UNDONE_BY_RESUME:
            results = [result for result in results if _identity(result) != _identity(event)] + [event]
    return results


def _identity(event: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(event.get(key)) for key in ("event", "code", "state", "step"))


def _verdicts(events: Iterable[Mapping[str, Any]]) -> list[RaisedVerdict]:
    verdicts: list[RaisedVerdict] = []
    for event in events:
        code, step = _text(event, "code"), _step(event)
        if step is None:
            continue
        standing = [index for index, verdict in enumerate(verdicts) if verdict.code == code and verdict.stands]
        if event.get("state") == "cleared":
            for index in standing:
                verdicts[index] = replace(verdicts[index], cleared_step=step)
        elif not standing:
            severity = _text(event, "severity")
            severity = severity if severity in SEVERITIES else "note"
            verdicts.append(RaisedVerdict(code, severity, _text(event, "message"), _text(event, "remedy"), step))
    return sorted(verdicts, key=lambda verdict: (not verdict.stands, SEVERITIES.index(verdict.severity)))


def _entry(event: Mapping[str, Any]) -> LogEntry:
    kind, step = event["event"], _step(event)
    at_step = "" if step is None else f" at step {step:,}"
    text = _text(event, "message") or kind.capitalize()
    match kind:
        case "start":
            text = "Started"
        case "resume":
            text = f"Resumed{at_step}"
        case "return":
            text = f"Went back{at_step}, and what came later was set aside"
        case "stop":
            reason = _text(event, "reason")
            text = f"Finished{at_step}" if reason == "finished" else f"Stopped{at_step} by {reason}"
        case "best":
            value = number(event.get("value"))
            text = "The best so far" + ("" if value is None else f": {_text(event, 'score')} {value:.4g}")
        case "verdict":
            kind = _text(event, "severity")
            if event.get("state") == "cleared":
                text, kind = f"{_text(event, 'code')} cleared", "cleared"
        case "broken pictures":
            files = event.get("files")
            text = f"{len(files) if isinstance(files, list) else 'Some'} broken pictures were left out"
    return LogEntry(_local_time(event), step, kind, text, _text(event, "command"))


def _training_seconds(events: Iterable[Mapping[str, Any]]) -> float:
    """From each start or resume to the last event before the next."""
    total, began, last = 0.0, None, None
    for event in events:
        time = _time(event)
        if time is None:
            continue
        if event["event"] in ("start", "resume"):
            total += _seconds_between(began, last)
            began = time
        last = time
    return total + _seconds_between(began, last)


def _seconds_between(began: datetime | None, ended: datetime | None) -> float:
    return max(0.0, ended.timestamp() - began.timestamp()) if began and ended else 0.0


def _held_out_scores(events: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    latest: dict[str, float] = {}
    for event in events:
        if isinstance(scores := event.get("held_out"), dict):
            latest |= numbers(scores)
    return latest


def _text(event: Mapping[str, Any], key: str) -> str:
    value = event.get(key)
    return value if isinstance(value, str) else ""


def _step(event: Mapping[str, Any]) -> int | None:
    value = number(event.get("step"))
    return None if value is None or abs(value) > _MAX_STEP else int(value)


def _time(event: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(_text(event, "time"))
    except ValueError:
        return None


def _local_time(event: Mapping[str, Any]) -> str:
    time = _time(event)
    return "" if time is None else f"{time:%Y-%m-%d %H:%M}"
