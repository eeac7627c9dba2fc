"""The verdicts: what can go wrong with a training, the thresholds that show it, and the remedy for each family.

The thresholds lie between the values of healthy trainings and those of spoilt ones:
``tests/evaluation/test_verdicts_campaign.py`` is that experiment. `verdict_tracker` says how long a threshold must be
passed during a training.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from ganctl import gans
from ganctl.errors import UsageError
from ganctl.option import learning_rates_of, options_of
from ganctl.runs.metric_names import ACCURACY, LUMINANCE, RELATIVE_COVERAGE, ROLES


@dataclass(frozen=True)
class Verdict:
    """A judgement of a training or a model.

    Attributes:
        code: its name.
        severity: whether something must be done about it.
        title: the judgement in a few words.
        meaning: the symptom and its cause.
        remedy: what to do. ``--lr-generator`` and ``--lr-discriminator`` in it stand for the flags of the learning
            rates of the players with these roles, whatever a family calls them.
        remedies: family → what to do instead, where that family offers more.
        generic_remedy: what to do instead in a family that lacks an option or a role that `remedy` speaks of; empty
            where every family has them.
    """

    code: str
    severity: Literal["warning", "good", "error"]
    title: str
    meaning: str
    remedy: str
    remedies: Mapping[str, str] = field(default_factory=dict)
    generic_remedy: str = ""

    def of(self, family: str) -> "Verdict":
        """The verdict with the remedy for a family, which need not be one that is registered here."""
        if family in self.remedies:
            return replace(self, remedy=self.remedies[family])
        flags = _flags_of(family)
        if self.generic_remedy and not set(_FLAG.findall(self.remedy)) <= set(flags):
            anew = self.generic_remedy
            balances = _BALANCE in self.remedy and "--balance" in flags
            return replace(self, remedy=f"{_BALANCE} Or {anew[0].lower()}{anew[1:]}" if balances else anew)
        return replace(self, remedy=_FLAG.sub(lambda match: flags.get(match[0], match[0]), self.remedy))

    @property
    def sentence(self) -> str:
        """The title, the code and the remedy in one line."""
        return f"{self.title} ({self.code}). {self.remedy}"


_FLAG = re.compile(r"--(?:lr[a-z-]*|balance|augment)|(?<=--set )beta1")
"""What a remedy may speak of that not every family has."""


def _flags_of(family: str) -> dict[str, str]:
    """Of what `_FLAG` finds, all that a family has, with its own flag for it; nothing for an unknown family."""
    if family not in gans.FAMILIES:
        return {}
    declared = gans.options_of(family)
    rates = learning_rates_of(declared.options).values()
    own = options_of(declared.options)
    is_there = {"beta1": "beta1" in own, "--augment": "augment" in own, "--lr": bool(rates)}
    is_there["--balance"] = set(declared.roles) >= set(ROLES)
    flags = {name: name for name, present in is_there.items() if present}
    for role, player in declared.roles.items():
        flags |= {f"--lr-{role}": rate.flag for rate in rates if rate.learning_rate_of == (player,)}
    return flags


_BALANCE = "Let --balance lower the learning rate that is too high: ganctl resume RUN --set balance=true."
_SMOOTH = "--preset compact --set r1=1, which keeps the discriminator smooth"
_GO_BACK = (
    "Go back to a checkpoint of before, as ganctl info RUN lists them: ganctl resume RUN --from STEP --set seed=1."
)
_LONGER = "Train longer: ganctl resume RUN --more 20."


class Rule(NamedTuple):
    """The thresholds of one metric at which a verdict is raised and cleared.

    Attributes:
        code: the verdict's.
        metric: the log's name of the value, or ``fooled`` and ``swing``, which the tracker derives from an epoch.
        sign: 1 where a value above the threshold is bad, -1 where one below it is.
        raises: the threshold to raise the verdict at.
        clears: the milder threshold to clear it at.
    """

    code: str
    metric: str
    sign: int
    raises: float
    clears: float

    def is_met(self, value: float, raised: bool) -> bool:
        """Whether a value is beyond the threshold: the milder one if the verdict is raised already."""
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
            "Begin anew with smaller steps of the discriminator, or with a penalty that keeps it smooth.",
        ),
        Verdict(
            "G-WINS",
            "warning",
            "The generator wins",
            "The discriminator is wrong more often than a coin, or takes generated pictures for the more real ones: "
            "the generator exploits its mistakes faster than it can mend them. Its pictures then need not look like "
            "anything.",
            f"{_BALANCE} Or begin anew with a larger --lr-discriminator or a smaller --lr-generator.",
            generic_remedy="Begin anew with larger steps of the discriminator or smaller ones of the generator.",
        ),
        Verdict(
            "COLLAPSE",
            "warning",
            "The generator makes nearly the same picture again and again",
            "The fixed pictures differ much less from each other than real ones do, or repeat each other (mode "
            "collapse). The generator has found a picture that passes and no reason to make others.",
            f"{_GO_BACK} Or begin anew with a smaller --lr-generator or a larger --batch-size.",
            generic_remedy=f"{_GO_BACK} Or begin anew with smaller steps of the generator or a larger --batch-size.",
        ),
        Verdict(
            "DROPPED",
            "warning",
            "A part of the data is not generated",
            "Real pictures of some kind have no generated ones near them: a class is missing or rare, or the samples "
            "cover much less of the data than held-out pictures do.",
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
            generic_remedy="Begin anew with more pictures or with fewer --epochs.",
        ),
        Verdict(
            "OSCILLATING",
            "warning",
            "The discriminator and the generator chase each other",
            "Within single epochs the discriminator goes from telling nearly all to telling hardly any and back. "
            "Neither of them settles.",
            "Begin anew with a smaller --lr, a larger --batch-size, or with --set beta1=0.",
            generic_remedy="Begin anew with smaller steps of both players or with a larger --batch-size.",
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
            generic_remedy=f"{_LONGER} If it stays, begin anew with larger steps of the generator.",
        ),
        Verdict(
            "EQUILIBRIUM",
            "good",
            "The discriminator can no longer tell",
            "It guesses, and what is measured has stopped getting better: the end that Goodfellow's game has. "
            "--stop-at equilibrium ends a training here.",
            "Nothing needs to be done: use it.",
            {
                "dcgan": "Nothing needs to be done: generate pictures with ganctl sample RUN.",
                "cyclegan": "Nothing needs to be done: translate with ganctl translate RUN PICTURE.",
            },
        ),
        Verdict(
            "DIVERGED",
            "error",
            "A number stopped being finite",
            "A loss or a weight became infinite or no number at all, mostly after steps that were too large. Nothing "
            "was saved after it.",
            "Begin anew with a smaller --lr, and with --init-from RUN if that saved a checkpoint.",
            generic_remedy="Begin anew with smaller steps, and with --init-from RUN if that saved a checkpoint.",
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
    Rule("DROPPED", RELATIVE_COVERAGE, -1, 0.3, 0.4),
    Rule("MEMORISING", "sample/novelty", -1, 0.5, 0.6),
    Rule("OSCILLATING", "swing", 1, 0.4, 0.3),
    Rule("INVERTED", LUMINANCE, -1, -0.2, 0.0),
    Rule("CHECKERBOARD", "sample/checkerboard", 1, 3.0, 2.0),
    Rule("PALE", "sample/contrast", -1, 0.6, 0.7),
)


def verdicts_of(metrics: Mapping[str, float]) -> list[Verdict]:
    """The verdicts on a finished model's metrics: every threshold that they pass, without any history."""
    codes = [rule.code for rule in RULES if rule.metric in metrics and rule.is_met(metrics[rule.metric], raised=False)]
    return [VERDICTS[code] for code in dict.fromkeys(codes)]


def find(code: str) -> Verdict:
    """The verdict of a code, in upper or lower case.

    Raises:
        UsageError: there is no such verdict; the codes are listed.
    """
    if code.upper() not in VERDICTS:
        raise UsageError(f"There is no verdict {code!r}.", f"The codes are: {', '.join(VERDICTS)}.")
    return VERDICTS[code.upper()]
