"""Runs side by side: what they were told differently, how far they are, and how good each is and was."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ganctl.errors import UsageError
from ganctl.runs import events, metric_names, status
from ganctl.runs.run import Run
from ganctl.settings import Settings, Value

_REFERENCE = ("data", "data fingerprint", "size", "channels")  # two scores mean the same where these are equal
_LATEST = (metric_names.LOSS, metric_names.METRIC, metric_names.SAMPLE)
_DIGITS = 12  # of a fingerprint are enough to see that two differ


class Measured(NamedTuple):
    """A score, and when it was measured."""

    value: float
    step: int
    epoch: int


@dataclass(frozen=True)
class Raised:
    """A verdict that was raised and not taken back."""

    code: str
    severity: str
    message: str
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
        settings: its settings and its family's options, data, versions and threads, by name.
        latest: the last of every loss, reading and sample statistic.
        quality: score → ``best`` and ``last`` → its value then.
        verdicts: those that are raised now, oldest first.
    """

    path: Path
    state: str
    epochs_done: float
    epochs: int
    settings: Mapping[str, Value]
    latest: Mapping[str, float]
    quality: Mapping[str, Mapping[str, Measured]]
    verdicts: tuple[Raised, ...]


@dataclass(frozen=True)
class Comparison:
    """Runs side by side, in the order in which they were named."""

    runs: tuple[ComparedRun, ...]

    @property
    def differing(self) -> list[str]:
        """The settings that are not the same in all of them."""
        return [name for name in names(side.settings for side in self.runs) if self._differs(name)]

    @property
    def comparable(self) -> bool:
        """Whether the scores were measured against the same pictures."""
        return not any(self._differs(name) for name in _REFERENCE)

    def leaders(self, score: str, moment: str) -> set[int]:
        """The places of the runs whose ``best`` or ``last`` value of a score is ahead of another's."""
        having = [(place, side.quality[score]) for place, side in enumerate(self.runs) if score in side.quality]
        values = {place: found[moment].value for place, found in having}
        if not self.comparable or len(set(values.values())) < 2:
            return set()
        return {
            place
            for place, value in values.items()
            if not any(metric_names.is_better(score, other, value) for other in values.values())
        }

    def _differs(self, name: str) -> bool:
        first = self.runs[0].settings
        return any(
            (name in side.settings, side.settings.get(name)) != (name in first, first.get(name)) for side in self.runs
        )


def compare(runs: Sequence[Run]) -> Comparison:
    """Look at runs side by side; one that is named twice is looked at once.

    Raises:
        UsageError: there are not two of them.
        CheckpointError: one cannot be used.
    """
    places = [run.path.resolve() for run in runs]
    different = [run for number, run in enumerate(runs) if places[number] not in places[:number]]
    if len(different) < 2:
        alone = different[0].path
        raise UsageError(f"There is nothing to compare {alone} with.", "Name two runs or more; ganctl runs lists them.")
    return Comparison(tuple(map(_side, different)))


def document(comparison: Comparison) -> dict[str, Any]:
    """The comparison for machines, as JSON can hold it."""
    return {
        "comparable": comparison.comparable,
        "runs": [
            {
                "run": str(side.path),
                "state": side.state,
                "epochs_done": side.epochs_done,
                "epochs": side.epochs,
                "settings": {name: side.settings[name] for name in comparison.differing if name in side.settings},
                "latest": dict(side.latest),
                "scores": {
                    score: {
                        moment: measured._asdict() | {"leads": place in comparison.leaders(score, moment)}
                        for moment, measured in found.items()
                    }
                    for score, found in side.quality.items()
                },
                "verdicts": [asdict(verdict) for verdict in side.verdicts],
            }
            for place, side in enumerate(comparison.runs)
        ],
    }


def _side(run: Run) -> ComparedRun:
    record = run.record()
    latest: dict[str, float] = {}
    quality: dict[str, dict[str, Measured]] = {}
    for line in run.read_log():
        found, epoch = metric_names.numbers(line), line.get("epoch")
        latest |= {name: value for name, value in found.items() if name.startswith(_LATEST)}
        if not isinstance(epoch, int):
            continue
        for name, value in metric_names.of_kind(found, metric_names.SCORE).items():
            last = Measured(value, line["step"], epoch)
            best = quality[name]["best"] if name in quality else last
            quality[name] = {"best": last if metric_names.is_better(name, value, best.value) else best, "last": last}
    return ComparedRun(
        path=run.path,
        state=status.state(run, record),
        epochs_done=status.epochs_done(run, record),
        epochs=record["settings"]["epochs"],
        settings=_told(record),
        latest=latest,
        quality=quality,
        verdicts=tuple(_raised(run, status.steps_per_epoch(record))),
    )


def _told(record: Mapping[str, Any]) -> dict[str, Value]:
    """All that a run was told, in one table. The data's path is left out: its name and content say more."""
    settings = Settings.from_json(record["settings"]).to_json()
    options, data = settings.pop("options"), record["data"]
    return {
        **settings,
        **options,
        "device": record["device"],
        "data": data["name"],
        "data fingerprint": data["fingerprint"][:_DIGITS],
        "threads": record["threads"],
        **record["versions"],
    }


def _raised(run: Run, steps: int) -> list[Raised]:
    """The verdicts that stand, in the order in which they were raised."""
    standing = [(verdict, verdict.raised) for verdict in events.read(run.read_events()).verdicts if verdict.stands]
    found = [Raised(v.code, v.severity, v.message, step, -(-step // steps)) for v, step in standing if step is not None]
    return sorted(found, key=lambda verdict: verdict.step)


def names(tables: Iterable[Iterable[str]]) -> list[str]:
    """The keys of several tables, each once, in the order of their first appearance."""
    return list(dict.fromkeys(name for table in tables for name in table))
