"""What can go wrong with a training, and how it is told: a table of verdicts, and a watch with hysteresis.

A verdict is raised where a metric has been on the wrong side of its threshold for `PATIENCE` epochs in a row and for
`STEPS` steps at least, and taken back where it has been on the right side of a milder one for as long: so a bad minute
raises nothing, and what hovers about a threshold does not come and go.

The thresholds were set between what healthy trainings and spoilt ones read; ``tests/test_verdicts_campaign.py`` is
that experiment.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from ganctl.errors import UsageError
from ganctl.runs.json_lines import numbers
from ganctl.runs.metric_names import (
    ACCURACY,
    LUMINANCE,
    OUTPUT_REAL,
    OUTPUTS_FAKE,
    SCORE,
    is_clearly_better,
    of_kind,
)

PATIENCE = 2  # epochs in a row
STEPS = 200  # steps in a row; an epoch of a small folder is over in a few


@dataclass(frozen=True)
class Verdict:
    """Something that a run can be told of itself.

    Attributes:
        code: what it is called.
        severity: whether something must be done about it.
        title: it in a few words.
        meaning: how it shows, and why it happens.
        remedy: what to do, in words that hold for every family.
        remedies: family → what to do instead, where it has more to offer.
    """

    code: str
    severity: Literal["warning", "good", "error"]
    title: str
    meaning: str
    remedy: str
    remedies: Mapping[str, str] = field(default_factory=dict)

    def of(self, family: str) -> "Verdict":
        """The verdict with the remedy for a family."""
        return replace(self, remedy=self.remedies.get(family, self.remedy))

    @property
    def sentence(self) -> str:
        """One line for a person: what, and what to do."""
        return f"{self.title} ({self.code}). {self.remedy}"


_BALANCE = "Let --balance lower the learning rate that is too high: ganctl resume RUN --set balance=true."
_SMOOTH = "--preset compact --set r1=1, which keeps the discriminator smooth"
_LONGER = "Train longer: ganctl resume RUN --more 20."


class Rule(NamedTuple):
    """When a verdict is raised and when it is taken back.

    Attributes:
        code: the verdict's.
        metric: the name of what it is read from.
        sign: 1 where too much is wrong, -1 where too little is.
        raises: the threshold to raise it at.
        clears: the milder one to take it back at.
    """

    code: str
    metric: str
    sign: int
    raises: float
    clears: float

    def is_met(self, value: float, raised: bool) -> bool:
        """Whether the verdict holds at a value, when it is raised already or not."""
        return self.sign * (value - (self.clears if raised else self.raises)) > 0


VERDICTS: Mapping[str, Verdict] = {
    verdict.code: verdict
    for verdict in (
        Verdict(
            "D-WINS",
            "warning",
            "The discriminator wins",
            "It tells nearly every generated picture from a real one, epoch after epoch, so the generator gets little "
            "to learn from. Its learning rate is too high beside the generator's, or nothing keeps it smooth.",
            f"{_BALANCE} Or begin anew with a smaller --lr-discriminator.",
            {"dcgan": f"{_BALANCE} Or begin anew with a smaller --lr-discriminator, or with {_SMOOTH}."},
        ),
        Verdict(
            "G-WINS",
            "warning",
            "The generator wins",
            "The discriminator is wrong more often than a coin, or takes generated pictures for the more real ones: "
            "the generator exploits its mistakes faster than it can mend them. What it then draws need not look like "
            "anything.",
            f"{_BALANCE} Or begin anew with a larger --lr-discriminator or a smaller --lr-generator.",
        ),
        Verdict(
            "COLLAPSE",
            "warning",
            "The generator draws nearly the same picture again and again",
            "The fixed pictures differ much less from each other than real ones do, or repeat each other (mode "
            "collapse). The generator has found a picture that passes and no reason to draw others.",
            "Go back to a checkpoint of before, as ganctl info RUN lists them: "
            "ganctl resume RUN --from STEP --set seed=1. "
            "Or begin anew with a smaller --lr-generator or a larger --batch-size.",
        ),
        Verdict(
            "DROPPED",
            "warning",
            "A part of the data is not drawn",
            "Real pictures of some kind have no drawn ones near them: a class is missing or rare, or the samples cover "
            "much less of the data than held-out pictures do.",
            f"{_LONGER} Or begin anew with a larger --batch-size.",
            {"dcgan": f"{_LONGER} Or begin anew with a larger --batch-size, or with {_SMOOTH}."},
        ),
        Verdict(
            "MEMORISING",
            "warning",
            "The pictures are copies of training pictures",
            "They lie much nearer to their nearest training picture than held-out pictures do. Small sets are learnt "
            "by heart.",
            "Begin anew with more pictures, with --augment diffaug, or with fewer --epochs.",
        ),
        Verdict(
            "OSCILLATING",
            "warning",
            "The two sides chase each other",
            "Within single epochs the discriminator goes from telling nearly all to telling hardly any and back. "
            "Neither side settles.",
            "Begin anew with a smaller --lr, a larger --batch-size, or with --set beta1=0.",
        ),
        Verdict(
            "INVERTED",
            "warning",
            "The translations are negatives of their pictures",
            "Light has become dark (luminance correlation below 0). The cycle loss does not mind, as both "
            "generators invert. It begins in the first steps and hardly ever ends by itself.",
            "If that stays, begin anew with another --seed.",
            {"cyclegan": "If that stays, begin anew with another --seed, or with --set lambda_identity=1."},
        ),
        Verdict(
            "CHECKERBOARD",
            "warning",
            "The pictures carry a checkerboard",
            "Their spectrum stands out at the frequencies of upsampling by two, far more than that of real pictures: "
            "the marks of transposed convolutions.",
            _LONGER,
            {"cyclegan": f"{_LONGER} Or begin anew with --preset small --set upsample=resize."},
        ),
        Verdict(
            "PALE",
            "warning",
            "The pictures have much less contrast than real ones",
            "Their values spread much less than those of real pictures: the generator's outputs stay near the middle.",
            f"{_LONGER} If it stays, begin anew with a larger --lr-generator.",
        ),
        Verdict(
            "EQUILIBRIUM",
            "good",
            "The discriminator can no longer tell",
            "It guesses, and what is measured has stopped getting better: the end that Goodfellow's game has. "
            "--stop-at equilibrium ends a training here.",
            "Nothing needs to be done: use it.",
            {
                "dcgan": "Nothing needs to be done: draw from it with ganctl sample RUN.",
                "cyclegan": "Nothing needs to be done: redraw with it by ganctl translate RUN PICTURE.",
            },
        ),
        Verdict(
            "DIVERGED",
            "error",
            "A number stopped being finite",
            "A loss or a weight became infinite or no number at all, mostly after steps that were too large. Nothing "
            "was saved after it.",
            "Begin anew from a good checkpoint, --init-from RUN/checkpoints/step-…, with a smaller --lr.",
        ),
    )
}

RULES = (
    Rule("D-WINS", ACCURACY, 1, 0.97, 0.93),
    Rule("G-WINS", ACCURACY, -1, 0.46, 0.49),
    Rule("G-WINS", "fooled", 1, 0.1, 0.0),
    Rule("COLLAPSE", "sample/diversity", -1, 0.5, 0.6),
    Rule("COLLAPSE", "sample/repeats", 1, 0.08, 0.05),
    Rule("DROPPED", "sample/rarest", -1, 0.2, 0.3),
    Rule("DROPPED", "relative coverage", -1, 0.3, 0.4),
    Rule("MEMORISING", "sample/novelty", -1, 0.5, 0.6),
    Rule("OSCILLATING", "swing", 1, 0.4, 0.3),
    Rule("INVERTED", LUMINANCE, -1, -0.2, 0.0),
    Rule("CHECKERBOARD", "sample/checkerboard", 1, 3.0, 2.0),
    Rule("PALE", "sample/contrast", -1, 0.6, 0.7),
)
_RULES = {rule.code: [other for other in RULES if other.code == rule.code] for rule in RULES}
EVEN = 0.12  # how far an accuracy may be from guessing
STALE = 5  # measurements without a better score, or even epochs where nothing is measured, until nothing more comes
GAIN = 0.02  # the share by which a score must be better to count


class VerdictChange(NamedTuple):
    """A verdict that was raised, or taken back."""

    verdict: Verdict
    raised: bool


class VerdictTracker:
    """The hysteresis, with a memory of plain JSON that survives a restart.

    Args:
        memory: changed in place: what the epoch's lines said so far, the codes that are raised, and since when the
            others have been on their way.
        steps_per_epoch: tells where an epoch ends.
    """

    def __init__(self, memory: dict[str, Any], steps_per_epoch: int) -> None:
        self._raised: list[str] = memory.setdefault("raised", [])
        self._pending: dict[str, int] = memory.setdefault("pending", {})
        self._epoch: dict[str, list[float]] = memory.setdefault("epoch", {})
        self._gain: list[float] = memory.setdefault("gain", [])
        self._steps_per_epoch = steps_per_epoch

    def look(self, line: Mapping[str, float]) -> Iterator[VerdictChange]:
        """What a line of the log raises and takes back; only those of an epoch's end do."""
        for name in (ACCURACY, LUMINANCE, OUTPUT_REAL, *OUTPUTS_FAKE):
            if name in line:
                self._epoch.setdefault(name, []).append(line[name])
        if line["step"] % self._steps_per_epoch:
            return
        found = dict(line) | {name: sum(values) / len(values) for name, values in self._epoch.items()}
        if len(told := self._epoch.get(ACCURACY, [])) > 3:
            found["swing"] = max(told) - min(told)
        for name in OUTPUTS_FAKE:
            if name in found and OUTPUT_REAL in found:
                found["fooled"] = found[name] - found[OUTPUT_REAL]
        self._epoch.clear()
        holding = {code: self._holds(code, found) for code in _RULES}
        holding["EQUILIBRIUM"] = self._is_even(found) and not any(holding.values())
        for code, holds in holding.items():
            yield from self._settle(code, holds, int(line["epoch"]))

    def _holds(self, code: str, found: Mapping[str, float]) -> bool:
        """Whether a verdict's metrics are on the wrong side; where none was taken, whatever was before stays."""
        raised = code in self._raised
        read = [rule for rule in _RULES[code] if rule.metric in found]
        return any(rule.is_met(found[rule.metric], raised) for rule in read) if read else raised

    def _is_even(self, found: Mapping[str, float]) -> bool:
        """Whether the discriminator guesses, and what is measured, if anything is, has stopped getting better."""
        for name, value in list(of_kind(numbers(found), SCORE).items())[:1]:
            if not self._gain or is_clearly_better(name, value, self._gain[0], GAIN):
                self._gain[:] = [value, 0]
            else:
                self._gain[1] += 1
        stale = not self._gain or self._gain[1] >= STALE
        return stale and abs(found.get(ACCURACY, 1.0) - 0.5) <= EVEN

    def _settle(self, code: str, holds: bool, epoch: int) -> Iterator[VerdictChange]:
        """Raise or take back a verdict that has been on the other side for long enough."""
        if holds == (code in self._raised):
            self._pending.pop(code, None)
            return
        lasted = epoch - self._pending.setdefault(code, epoch - 1)
        patience = STALE if code == "EQUILIBRIUM" and holds and not self._gain else PATIENCE
        if lasted >= patience and lasted * self._steps_per_epoch >= STEPS:
            del self._pending[code]
            (self._raised.append if holds else self._raised.remove)(code)
            yield VerdictChange(VERDICTS[code], holds)


def verdicts_of(found: Mapping[str, float]) -> list[Verdict]:
    """What metrics come to at once: those of a finished model, which has no yesterday."""
    met = [rule.code for rule in RULES if rule.metric in found and rule.is_met(found[rule.metric], raised=False)]
    return [VERDICTS[code] for code in dict.fromkeys(met)]


def find(code: str) -> Verdict:
    """The verdict of a code, however it is written.

    Raises:
        UsageError: there is none; the codes are listed.
    """
    if code.upper() not in VERDICTS:
        raise UsageError(f"There is no verdict {code!r}.", f"The codes are: {', '.join(VERDICTS)}.")
    return VERDICTS[code.upper()]
