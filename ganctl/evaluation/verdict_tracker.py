"""Raise and clear verdicts while a training runs, with hysteresis.

A verdict is raised where a metric has been beyond its threshold for `PATIENCE_EPOCHS` epochs in a row and for
`MIN_STEPS` steps at least, and cleared where it has been within a milder one for as long: so one bad epoch raises
nothing, and a value that hovers about a threshold does not raise and clear by turns.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ganctl.evaluation.verdicts import RULES, VERDICTS, Rule, Verdict
from ganctl.runs.json_lines import numbers
from ganctl.runs.metric_names import (
    ACCURACY,
    DISCRIMINATOR_METRICS,
    LUMINANCE,
    OUTPUT_REAL,
    OUTPUTS_FAKE,
    SCORE,
    is_clearly_better,
    of_kind,
)

PATIENCE_EPOCHS = 2
MIN_STEPS = 200  # as an epoch of a small folder is over in a few
EQUILIBRIUM_MARGIN = 0.12  # how far from 0.5 an accuracy may be and still count as guessing
PATIENCE_MEASUREMENTS = 5  # without a better score, or even epochs where nothing is measured, until training is over
MIN_RELATIVE_GAIN = 0.02  # of a score, to count as better
MIN_SWING_LINES = 4  # of an epoch, from which on its accuracies can be said to swing
_RULES: Mapping[str, list[Rule]] = {
    code: [rule for rule in RULES if rule.code == code] for code in dict.fromkeys(rule.code for rule in RULES)
}


class VerdictTracker:
    """The verdicts of one training. Its memory is plain JSON, so that it survives a restart.

    Args:
        memory: changed in place: the metrics of the epoch's lines so far, the codes that are raised, since which epoch
            others have been about to change, and the best score with the number of measurements since.
        steps_per_epoch: tells at which lines an epoch ends.
        has_discriminator: whether a player is one; without, its accuracy and its outputs are something else.
    """

    def __init__(self, memory: dict[str, Any], steps_per_epoch: int, has_discriminator: bool = True) -> None:
        self._raised: list[str] = memory.setdefault("raised", [])
        self._pending: dict[str, int] = memory.setdefault("pending", {})
        self._epoch: dict[str, list[float]] = memory.setdefault("epoch", {})
        self._best: dict[str, float] = memory.setdefault("best", {})
        self._steps_per_epoch, self._has_discriminator = steps_per_epoch, has_discriminator

    def update(self, line: Mapping[str, float]) -> list[tuple[Verdict, bool]]:
        """Take in a line of the log; the verdicts that it raises (True) and clears (False).

        Only the last line of an epoch changes any: players are judged by the mean over all lines of the epoch.
        """
        if not self._has_discriminator:
            line = {name: value for name, value in line.items() if name not in DISCRIMINATOR_METRICS}
        for name in (LUMINANCE, *DISCRIMINATOR_METRICS):
            if name in line:
                self._epoch.setdefault(name, []).append(line[name])
        if line["step"] % self._steps_per_epoch:
            return []
        metrics = self._of_epoch(line)
        self._epoch.clear()
        holding = {code: self._holds(code, metrics) for code in _RULES}
        holding["EQUILIBRIUM"] = self._is_equilibrium(metrics) and not any(holding.values())
        return [change for code, holds in holding.items() for change in self._change(code, holds, int(line["epoch"]))]

    def _of_epoch(self, line: Mapping[str, float]) -> dict[str, float]:
        """The metrics of the epoch that a line ends, with those that are derived from all its lines."""
        metrics = dict(line) | {name: sum(values) / len(values) for name, values in self._epoch.items()}
        if len(accuracies := self._epoch.get(ACCURACY, [])) >= MIN_SWING_LINES:
            metrics["swing"] = max(accuracies) - min(accuracies)
        for name in OUTPUTS_FAKE:
            if name in metrics and OUTPUT_REAL in metrics:
                metrics["fooled"] = metrics[name] - metrics[OUTPUT_REAL]
        return metrics

    def _holds(self, code: str, metrics: Mapping[str, float]) -> bool:
        """Whether any metric of a verdict is beyond its threshold; as before where none was measured."""
        raised = code in self._raised
        rules = [rule for rule in _RULES[code] if rule.metric in metrics]
        return any(rule.is_met(metrics[rule.metric], raised) for rule in rules) if rules else raised

    def _is_equilibrium(self, metrics: Mapping[str, float]) -> bool:
        """Whether the discriminator guesses, and the first score, if any is measured, has stopped getting better."""
        for name, value in list(of_kind(numbers(metrics), SCORE).items())[:1]:
            if not self._best or is_clearly_better(name, value, self._best["score"], MIN_RELATIVE_GAIN):
                self._best |= {"score": value, "measurements_since": 0}
            else:
                self._best["measurements_since"] += 1
        no_gain = not self._best or self._best["measurements_since"] >= PATIENCE_MEASUREMENTS
        return no_gain and abs(metrics.get(ACCURACY, 1.0) - 0.5) <= EQUILIBRIUM_MARGIN

    def _change(self, code: str, holds: bool, epoch: int) -> Iterator[tuple[Verdict, bool]]:
        """Raise or clear a verdict if that has been due for long enough."""
        if holds == (code in self._raised):
            self._pending.pop(code, None)
            return
        epochs = epoch - self._pending.setdefault(code, epoch - 1)
        unmeasured = code == "EQUILIBRIUM" and holds and not self._best
        patience = PATIENCE_MEASUREMENTS if unmeasured else PATIENCE_EPOCHS
        if epochs >= patience and epochs * self._steps_per_epoch >= MIN_STEPS:
            del self._pending[code]
            (self._raised.append if holds else self._raised.remove)(code)
            yield VERDICTS[code], holds
