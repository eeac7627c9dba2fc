"""Compare runs: the settings that differ, how far each run is, and how good it is and was."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ganctl.errors import UsageError
from ganctl.runs import events, metric_names, status
from ganctl.runs.events import RaisedVerdict
from ganctl.runs.json_lines import numbers
from ganctl.runs.run import Run
from ganctl.settings import Settings, Value

_SAME_PICTURES = ("data", "data fingerprint", "size", "channels")  # scores are comparable where these are equal
_LATEST_KINDS = (metric_names.LOSS, metric_names.METRIC, metric_names.SAMPLE)
_FINGERPRINT_DIGITS = 12  # are enough to see that two differ


class MeasuredScore(NamedTuple):
    """A score, and when it was measured."""

    value: float
    step: int
    epoch: int


@dataclass(frozen=True)
class ComparedRun:
    """One of the runs that are compared.

    Attributes:
        path: of the run.
        state: ``training``, ``finished`` or ``stopped``.
        epochs_done: behind its newest checkpoint.
        epochs: that it is to have.
        steps_per_epoch: full batches in its data.
        settings: its settings and its family's options, data, versions and threads, by name.
        latest: the last value of every loss, metric and sample statistic.
        scores: score → ``best`` and ``last`` → its value then.
        verdicts: those that stand, in the order in which they were raised.
    """

    path: Path
    state: str
    epochs_done: float
    epochs: int
    steps_per_epoch: int
    settings: Mapping[str, Value]
    latest: Mapping[str, float]
    scores: Mapping[str, Mapping[str, MeasuredScore]]
    verdicts: tuple[RaisedVerdict, ...]

    def epoch_of(self, verdict: RaisedVerdict) -> int:
        """The epoch in which a verdict was raised."""
        return -(-verdict.raised_step // self.steps_per_epoch)


@dataclass(frozen=True)
class Comparison:
    """Several runs, in the order in which they were named."""

    runs: tuple[ComparedRun, ...]

    @property
    def differing_settings(self) -> list[str]:
        """The names of the settings that are not the same in all runs."""
        return [name for name in all_names(run.settings for run in self.runs) if self._differs(name)]

    @property
    def comparable(self) -> bool:
        """Whether the scores were measured against the same pictures."""
        return not any(self._differs(name) for name in _SAME_PICTURES)

    def leaders(self, score: str, moment: str) -> set[int]:
        """The indices of the runs with the best ``best`` or ``last`` value of a score; empty where all are equal."""
        measured = {index: run.scores[score] for index, run in enumerate(self.runs) if score in run.scores}
        values = {index: moments[moment].value for index, moments in measured.items()}
        if not self.comparable or len(set(values.values())) < 2:
            return set()
        return {
            index
            for index, value in values.items()
            if not any(metric_names.is_better(score, rival, value) for rival in values.values())
        }

    def _differs(self, name: str) -> bool:
        first = self.runs[0].settings
        return any(
            (name in run.settings, run.settings.get(name)) != (name in first, first.get(name)) for run in self.runs
        )


def compare(runs: Sequence[Run]) -> Comparison:
    """Read runs to compare them; one that is named twice counts once.

    Raises:
        UsageError: there are fewer than two.
        CheckpointError: one cannot be used.
    """
    paths = [run.path.resolve() for run in runs]
    different = [run for index, run in enumerate(runs) if paths[index] not in paths[:index]]
    if len(different) < 2:
        alone = different[0].path
        raise UsageError(f"There is nothing to compare {alone} with.", "Name two runs or more; ganctl runs lists them.")
    return Comparison(tuple(map(_read, different)))


def to_json(comparison: Comparison) -> dict[str, Any]:
    """The comparison as a JSON object, for other programs."""
    differing = comparison.differing_settings
    return {
        "comparable": comparison.comparable,
        "runs": [
            {
                "run": str(run.path),
                "state": run.state,
                "epochs_done": run.epochs_done,
                "epochs": run.epochs,
                "settings": {name: run.settings[name] for name in differing if name in run.settings},
                "latest": dict(run.latest),
                "scores": {
                    score: {
                        moment: measured._asdict() | {"leads": index in comparison.leaders(score, moment)}
                        for moment, measured in moments.items()
                    }
                    for score, moments in run.scores.items()
                },
                "verdicts": [
                    {
                        "code": verdict.code,
                        "severity": verdict.severity,
                        "message": verdict.message,
                        "step": verdict.raised_step,
                        "epoch": run.epoch_of(verdict),
                    }
                    for verdict in run.verdicts
                ],
            }
            for index, run in enumerate(comparison.runs)
        ],
    }


def all_names(tables: Iterable[Iterable[str]]) -> list[str]:
    """The keys of several tables, each once, in the order of their first appearance."""
    return list(dict.fromkeys(name for table in tables for name in table))


def _read(run: Run) -> ComparedRun:
    record = run.record()
    latest: dict[str, float] = {}
    quality: dict[str, dict[str, MeasuredScore]] = {}
    for line in run.read_log():
        values, epoch = numbers(line), line.get("epoch")
        latest |= {name: value for name, value in values.items() if name.startswith(_LATEST_KINDS)}
        if not isinstance(epoch, int):
            continue
        for name, value in metric_names.of_kind(values, metric_names.SCORE).items():
            last = MeasuredScore(value, line["step"], epoch)
            best = quality[name]["best"] if name in quality else last
            quality[name] = {"best": last if metric_names.is_better(name, value, best.value) else best, "last": last}
    standing = [verdict for verdict in events.read(run.read_events()).verdicts if verdict.stands]
    return ComparedRun(
        path=run.path,
        state=status.state(run, record),
        epochs_done=status.epochs_done(run, record),
        epochs=record["settings"]["epochs"],
        steps_per_epoch=record["steps_per_epoch"],
        settings=_settings(record),
        latest=latest,
        scores=quality,
        verdicts=tuple(sorted(standing, key=lambda verdict: verdict.raised_step)),
    )


def _settings(record: Mapping[str, Any]) -> dict[str, Value]:
    """All settings of a run in one table. The data's path is left out: its name and fingerprint say more."""
    settings = Settings.from_json(record["settings"]).to_json()
    options, data = settings.pop("options"), record["data"]
    return {
        **settings,
        **options,
        "device": record["device"],
        "data": data["name"],
        "data fingerprint": data["fingerprint"][:_FINGERPRINT_DIGITS],
        "threads": record["threads"],
        **record["versions"],
    }
