"""A comparison of runs as a table for people: a column for each run, and a row for each thing that is compared."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ganctl.runs import metric_names
from ganctl.runs.comparison import ComparedRun, Comparison, names

Row = tuple[str, ...]

_NONE = "—"  # what a run does not have


def rows(comparison: Comparison) -> list[Row]:
    """The table: settings that differ, then quality, metrics, sample statistics and verdicts where there are any."""
    sides = comparison.runs
    taken = Counter(side.path.name for side in sides)
    heads = (side.path.name if taken[side.path.name] == 1 else str(side.path) for side in sides)
    return [
        ("RUN", *heads),
        ("state", *(side.state for side in sides)),
        ("epochs done", *(f"{side.epochs_done:.4g} of {side.epochs}" for side in sides)),
        *_of_settings(comparison),
        *_of_quality(comparison),
        *_of_latest(sides),
        *_of_verdicts(sides),
    ]


def _of_settings(comparison: Comparison) -> Iterator[Row]:
    yield _section("SETTINGS THAT DIFFER", comparison.runs)
    for name in comparison.differing:
        yield (name, *(_shown(side.settings[name]) if name in side.settings else _NONE for side in comparison.runs))
    if not comparison.differing:
        yield ("none", *("" for _ in comparison.runs))


def _of_quality(comparison: Comparison) -> Iterator[Row]:
    """Each score's best value, its epoch and its last value; the better one of two, or the best, is named so."""
    found = [side.quality for side in comparison.runs]
    scores = names(found)
    if scores:
        yield _section("QUALITY", comparison.runs)
    for score in scores:
        word = "better" if sum(score in quality for quality in found) == 2 else "best"
        for moment in ("best", "last"):
            leaders = comparison.leaders(score, moment)
            marks = [f" ({word})" if place in leaders else "" for place in range(len(found))]
            shown = zip(found, marks, strict=True)
            values = (f"{q[score][moment].value:.4g}{mark}" if score in q else _NONE for q, mark in shown)
            yield (f"{score}, {moment}", *values)
            if moment == "best":
                yield ("  at epoch", *(str(q[score][moment].epoch) if score in q else _NONE for q in found))


def _of_latest(sides: Sequence[ComparedRun]) -> Iterator[Row]:
    found = names(side.latest for side in sides)
    losses_and_metrics = (metric_names.LOSS, metric_names.METRIC)
    sections = {"LAST LOSSES AND METRICS": losses_and_metrics, "SAMPLE STATISTICS": (metric_names.SAMPLE,)}
    for title, kinds in sections.items():
        chosen = [name for name in found if name.startswith(kinds)]
        if chosen:
            yield _section(title, sides)
        for name in chosen:
            latest = (f"{side.latest[name]:.4g}" if name in side.latest else _NONE for side in sides)
            yield (name.partition("/")[2], *latest)


def _of_verdicts(sides: Sequence[ComparedRun]) -> Iterator[Row]:
    standing = [{verdict.code: verdict for verdict in side.verdicts} for side in sides]
    if codes := names(standing):
        yield _section("VERDICTS", sides)
    for code in codes:
        severity = next(verdicts[code].severity for verdicts in standing if code in verdicts)
        columns = zip(sides, standing, strict=True)
        epochs = (f"since epoch {run.epoch_of(raised[code])}" if code in raised else _NONE for run, raised in columns)
        yield (f"{code} ({severity})", *epochs)


def _section(title: str, sides: Sequence[ComparedRun]) -> Row:
    return (title, *("" for _ in sides))


def _shown(value: Any) -> str:
    """A setting as ``--set`` would take it."""
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)
