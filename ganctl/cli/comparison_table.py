"""Lays a comparison of runs out as a table: a column for each run, and a row for each thing that is compared."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ganctl.runs import metric_names
from ganctl.runs.comparison import ComparedRun, Comparison, all_names

Row = tuple[str, ...]

_NONE = "—"  # stands for what a run does not have


def rows(comparison: Comparison) -> list[Row]:
    """The table: settings that differ, then quality, metrics, sample statistics and verdicts where there are any."""
    runs = comparison.runs
    counts = Counter(run.path.name for run in runs)
    titles = (run.path.name if counts[run.path.name] == 1 else str(run.path) for run in runs)
    return [
        ("RUN", *titles),
        ("state", *(run.state for run in runs)),
        ("epochs done", *(f"{run.epochs_done:.4g} of {run.epochs}" for run in runs)),
        *_settings(comparison),
        *_quality(comparison),
        *_latest(runs),
        *_verdicts(runs),
    ]


def _settings(comparison: Comparison) -> Iterator[Row]:
    yield _section("SETTINGS THAT DIFFER", comparison.runs)
    for name in comparison.differing_settings:
        yield (name, *(_as_text(run.settings[name]) if name in run.settings else _NONE for run in comparison.runs))
    if not comparison.differing_settings:
        yield ("none", *("" for _ in comparison.runs))


def _quality(comparison: Comparison) -> Iterator[Row]:
    """Each score's best value, its epoch and its last value; the better one of two, or the best, is named so."""
    qualities = [run.scores for run in comparison.runs]
    scores = all_names(qualities)
    if scores:
        yield _section("QUALITY", comparison.runs)
    for score in scores:
        mark = " (better)" if sum(score in quality for quality in qualities) == 2 else " (best)"
        for moment in ("best", "last"):
            leaders = comparison.leaders(score, moment)
            values = (f"{q[score][moment].value:.4g}" if score in q else _NONE for q in qualities)
            yield (f"{score}, {moment}", *(f"{value}{mark * (i in leaders)}" for i, value in enumerate(values)))
            if moment == "best":
                yield ("  at epoch", *(str(q[score][moment].epoch) if score in q else _NONE for q in qualities))


def _latest(runs: Sequence[ComparedRun]) -> Iterator[Row]:
    keys = all_names(run.latest for run in runs)
    losses_and_metrics = (metric_names.LOSS, metric_names.METRIC)
    sections = {"LAST LOSSES AND METRICS": losses_and_metrics, "SAMPLE STATISTICS": (metric_names.SAMPLE,)}
    for title, kinds in sections.items():
        keys_of_section = [key for key in keys if key.startswith(kinds)]
        if keys_of_section:
            yield _section(title, runs)
        for key in keys_of_section:
            values = (f"{run.latest[key]:.4g}" if key in run.latest else _NONE for run in runs)
            yield (key.partition("/")[2], *values)


def _verdicts(runs: Sequence[ComparedRun]) -> Iterator[Row]:
    verdicts_of_runs = [{verdict.code: verdict for verdict in run.verdicts} for run in runs]
    if codes := all_names(verdicts_of_runs):
        yield _section("VERDICTS", runs)
    for code in codes:
        severity = next(verdicts[code].severity for verdicts in verdicts_of_runs if code in verdicts)
        columns = zip(runs, verdicts_of_runs, strict=True)
        epochs = (f"since epoch {run.epoch_of(raised[code])}" if code in raised else _NONE for run, raised in columns)
        yield (f"{code} ({severity})", *epochs)


def _section(title: str, runs: Sequence[ComparedRun]) -> Row:
    return (title, *("" for _ in runs))


def _as_text(value: Any) -> str:
    """A setting as ``--set`` would take it."""
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)
