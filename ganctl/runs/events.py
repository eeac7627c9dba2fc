"""What `events.jsonl` tells: verdicts from their raising to their clearing, moments, and the time that was spent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ganctl.runs.numbers import number

SEVERITIES = ("error", "warning", "note", "good")
_UNTOLD = {"save", "evaluate"}  # too many, and the curves show the latter
_RESULTS = ("verdict", "evaluate")  # what a resume from an earlier step undoes


@dataclass(frozen=True)
class Verdict:
    """A judgement of the run, from when it was raised to when it was cleared; steps, or None where unsaid.

    Attributes:
        severity: one of `SEVERITIES`.
    """

    code: str
    severity: str
    message: str
    remedy: str
    raised: int | None
    cleared: int | None = None
    stands: bool = True


@dataclass(frozen=True)
class LogEntry:
    """Something that happened.

    Attributes:
        time: as written, ``2026-01-31 18:05``; empty where it cannot be read.
        kind: the event's name, or a verdict's severity, which decides the sign beside it.
        text: for people.
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
        seconds: spent in training, over all its sessions.
        held_out: score → what held-out real pictures get.
    """

    verdicts: tuple[Verdict, ...]
    moments: tuple[LogEntry, ...]
    seconds: float
    held_out: Mapping[str, float]


def read(events: Iterable[Mapping[str, Any]]) -> EventLog:
    """The diary in a run's events, oldest first; what an event should say and does not is left out."""
    told = list(events)
    return EventLog(
        verdicts=tuple(_verdicts(_in_force(told))),
        moments=tuple(_moment(event) for event in told if event["event"] not in _UNTOLD),
        seconds=_seconds(told),
        held_out=_held_out(_in_force(told)),
    )


def _in_force(events: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The results that no resume has undone by going on from an earlier step; of one told twice, the later."""
    found: list[Mapping[str, Any]] = []
    for event in events:
        step = _step(event)
        if event["event"] == "resume" and step is not None:
            found = [kept for kept in found if (_step(kept) or 0) <= step]
        elif event["event"] in _RESULTS:
            found = [kept for kept in found if _same(kept) != _same(event)] + [event]
    return found


def _same(event: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(str(event.get(key)) for key in ("event", "code", "state", "step"))


def _verdicts(events: Iterable[Mapping[str, Any]]) -> list[Verdict]:
    """The verdicts, those that stand first, and among them warnings first."""
    found: list[Verdict] = []
    for event in events:
        if event["event"] != "verdict":
            continue
        code, step = _text(event, "code"), _step(event)
        open_ones = [place for place, verdict in enumerate(found) if verdict.code == code and verdict.stands]
        if event.get("state") == "cleared":
            for place in open_ones:
                found[place] = replace(found[place], cleared=step, stands=False)
        elif not open_ones:
            severity = _text(event, "severity")
            severity = severity if severity in SEVERITIES else "note"
            found.append(Verdict(code, severity, _text(event, "message"), _text(event, "remedy"), step))
    return sorted(found, key=lambda verdict: (not verdict.stands, SEVERITIES.index(verdict.severity)))


def _moment(event: Mapping[str, Any]) -> LogEntry:
    kind, step = event["event"], _step(event)
    place = "" if step is None else f" at step {step:,}"
    text = _text(event, "message") or kind.capitalize()
    match kind:
        case "start":
            text = "Started"
        case "resume":
            text = f"Resumed{place}"
        case "return":
            text = f"Went back{place}, and what came later was set aside"
        case "stop":
            reason = _text(event, "reason")
            text = f"Finished{place}" if reason == "finished" else f"Stopped{place} by {reason}"
        case "best":
            value = number(event.get("value"))
            text = "The best so far" + ("" if value is None else f": {_text(event, 'score')} {value:.4g}")
        case "verdict":
            kind = _text(event, "severity")
            cleared = event.get("state") == "cleared"
            text, kind = (f"{_text(event, 'code')} cleared", "cleared") if cleared else (text, kind)
        case "broken pictures":
            files = event.get("files")
            text = f"{len(files) if isinstance(files, list) else 'Some'} broken pictures were left out"
    return LogEntry(_when(event), step, kind, text, _text(event, "command"))


def _seconds(events: Iterable[Mapping[str, Any]]) -> float:
    """From each start or resume to the last that was heard before the next."""
    total, began, last = 0.0, None, None
    for event in events:
        time = _time(event)
        if time is None:
            continue
        if event["event"] in ("start", "resume"):
            total += _between(began, last)
            began = time
        last = time
    return total + _between(began, last)


def _between(began: datetime | None, ended: datetime | None) -> float:
    return max(0.0, ended.timestamp() - began.timestamp()) if began and ended else 0.0


def _held_out(events: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for event in events:
        if event["event"] == "evaluate" and isinstance(scores := event.get("held_out"), dict):
            found |= {name: value for name, told in scores.items() if (value := number(told)) is not None}
    return found


def _text(event: Mapping[str, Any], key: str) -> str:
    value = event.get(key)
    return value if isinstance(value, str) else ""


def _step(event: Mapping[str, Any]) -> int | None:
    value = number(event.get("step"))
    return None if value is None else int(value)


def _time(event: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(_text(event, "time"))
    except ValueError:
        return None


def _when(event: Mapping[str, Any]) -> str:
    time = _time(event)
    return "" if time is None else f"{time:%Y-%m-%d %H:%M}"
