"""Verdicts: when they are raised, when not, and what they say."""

import json
import re
from collections.abc import Iterable
from typing import Any

import pytest
import typer

from ganctl import cli, gans
from ganctl.cli import families
from ganctl.data.info import DataInfo
from ganctl.engine.setup import configure
from ganctl.errors import UsageError
from ganctl.evaluation.evaluate import score_verdicts
from ganctl.evaluation.verdict_tracker import (
    MIN_RELATIVE_GAIN,
    MIN_STEPS,
    PATIENCE_EPOCHS,
    PATIENCE_MEASUREMENTS,
    VerdictTracker,
)
from ganctl.evaluation.verdicts import RULES, VERDICTS, Rule, find, verdicts_of
from ganctl.gans import FAMILIES, dataset
from ganctl.metrics.score import Score
from ganctl.option import learning_rates_of
from ganctl.settings import changed, parse_assignments
from tests.commands import failed, ganctl

EPOCH_STEPS = MIN_STEPS // PATIENCE_EPOCHS  # steps of an epoch that is just long enough


def tracked(
    lines: Iterable[dict[str, float]], steps: int = EPOCH_STEPS, memory: dict[str, Any] | None = None
) -> list[str]:
    """What a tracker raises and clears, as ``+CODE@epoch`` and ``-CODE@epoch``."""
    memory = {} if memory is None else memory
    codes = []
    for line in lines:
        memory = json.loads(json.dumps(memory))  # a restart between any two
        changes = VerdictTracker(memory, steps).update(line)
        codes += [f"{'+' if raised else '-'}{verdict.code}@{line['epoch']:.0f}" for verdict, raised in changes]
    return codes


def epochs(series: dict[str, list[float]], steps: int = EPOCH_STEPS) -> list[dict[str, float]]:
    """Lines of the ends of epochs 1, 2 …, with a value of each series."""
    rows = zip(*series.values(), strict=True)
    return [{"step": steps * n, "epoch": n, **dict(zip(series, row, strict=True))} for n, row in enumerate(rows, 1)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.code}-{rule.metric}")
def test_every_rule_raises_after_some_epochs_and_clears_after_as_many(rule: Rule) -> None:
    if rule.metric in ("swing", "fooled"):
        return  # made of others: see below
    bad, good = rule.raises + rule.sign * 0.01, rule.clears - rule.sign * 0.01
    changes = tracked(epochs({rule.metric: [bad] * 4 + [good] * 4}))
    assert [change for change in changes if rule.code in change] == [
        f"+{rule.code}@{PATIENCE_EPOCHS}",
        f"-{rule.code}@{4 + PATIENCE_EPOCHS}",
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.code}-{rule.metric}")
def test_what_hovers_between_the_thresholds_neither_raises_nor_clears(rule: Rule) -> None:
    assert rule.sign * (rule.raises - rule.clears) > 0, "it must take less to keep a verdict than to raise it"
    between = (rule.raises + rule.clears) / 2
    assert not rule.is_met(between, raised=False)
    assert rule.is_met(between, raised=True)


def test_one_bad_epoch_between_good_ones_raises_nothing() -> None:
    assert tracked(epochs({"sample/diversity": [1, 0.1, 1, 0.1, 1, 0.1, 1]})) == []


def test_epochs_of_a_few_steps_need_more_of_them() -> None:
    changes = tracked(epochs({"sample/diversity": [0.1] * 60}, 5), 5)
    assert changes == [f"+COLLAPSE@{MIN_STEPS // 5}"]


def test_an_epoch_without_the_metric_leaves_a_verdict_as_it_is() -> None:
    lines = epochs({"sample/diversity": [0.1] * 6})
    for line in lines[2:5]:
        del line["sample/diversity"]
    assert tracked(lines) == ["+COLLAPSE@2"]


def test_accuracy_is_judged_by_the_whole_epoch_and_not_by_its_last_line() -> None:
    lines = [
        {
            "step": step,
            "epoch": -(-step // EPOCH_STEPS),
            "metric/accuracy": 0.8 if step % EPOCH_STEPS else 1.0,
        }
        for step in range(5, 1000, 5)
    ]
    assert tracked(lines) == []


def test_a_discriminator_that_prefers_generated_pictures_is_noticed() -> None:
    for name in ("metric/D(G(z))", "metric/D(G(x))"):
        assert tracked(epochs({"metric/D(x)": [0.7] * 3, name: [0.9] * 3, "metric/accuracy": [0.5] * 3})) == [
            "+G-WINS@2"
        ]
        assert tracked(epochs({"metric/D(x)": [0.7] * 3, name: [0.6] * 3, "metric/accuracy": [0.7] * 3})) == []


def test_swings_within_epochs_are_noticed() -> None:
    lines = [
        {"step": step, "epoch": -(-step // EPOCH_STEPS), "metric/accuracy": 0.95 if step % 20 else 0.5}
        for step in range(10, 301, 10)
    ]
    assert tracked(lines) == ["+OSCILLATING@2"]


def test_equilibrium_without_scores_takes_long() -> None:
    assert tracked(epochs({"metric/accuracy": [0.52] * 9})) == [f"+EQUILIBRIUM@{PATIENCE_MEASUREMENTS}"]


def test_equilibrium_waits_until_the_score_stops_getting_better() -> None:
    falling = [2.0 * 0.9**n for n in range(8)]
    flat = [falling[-1] * (1 - MIN_RELATIVE_GAIN / 2)] * 10
    changes = tracked(epochs({"metric/accuracy": [0.52] * 18, "score/fid-x": falling + flat}))
    assert changes == [f"+EQUILIBRIUM@{8 + PATIENCE_MEASUREMENTS + PATIENCE_EPOCHS - 1}"]


def test_equilibrium_waits_for_measurements_and_not_for_epochs() -> None:
    lines = epochs({"metric/accuracy": [0.52] * 30})
    for line in lines[8::9]:
        line["score/fid-x"] = 5.0 / line["epoch"]
    assert tracked(lines[8:]) == [], "three measurements, each better than the one before"


def test_similarities_that_stay_are_no_gain_either() -> None:
    changes = tracked(epochs({"metric/accuracy": [0.52] * 12, "score/psnr-x": [20.0] * 12}))
    assert changes == [f"+EQUILIBRIUM@{1 + PATIENCE_MEASUREMENTS + PATIENCE_EPOCHS - 1}"]


def test_a_collapsed_training_is_in_no_equilibrium() -> None:
    assert tracked(epochs({"metric/accuracy": [0.5] * 20, "sample/diversity": [0.1] * 20})) == ["+COLLAPSE@2"]


@pytest.mark.parametrize("name", ["score/accuracy", "score/accuracy-digits-cnn", "sample/accuracy", "loss/accuracy"])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_only_the_discriminators_own_accuracy_is_judged_as_that(name: str, value: float) -> None:
    assert tracked(epochs({name: [value] * 9})) == []
    assert verdicts_of({name: value}) == []
    assert score_verdicts([Score(name.partition("/")[2], value, None, "share of the right classes")]) == []


def test_without_a_discriminator_no_metric_is_taken_for_its_accuracy() -> None:
    memory: dict[str, Any] = {}
    series: dict[str, list[float]] = {
        "metric/accuracy": [1.0] * 9,
        "metric/D(x)": [0.1] * 9,
        "metric/D(G(z))": [0.9] * 9,
    }
    for line in epochs(series):
        assert VerdictTracker(memory, EPOCH_STEPS, has_discriminator=False).update(line) == []
    assert tracked(epochs(series))[0] == "+D-WINS@2"


def test_a_healthy_training_gets_no_verdict() -> None:
    healthy = {
        "metric/accuracy": 0.7,
        "sample/diversity": 0.95,
        "sample/contrast": 1.0,
        "sample/repeats": 0.01,
        "sample/novelty": 1.0,
        "sample/checkerboard": 1.1,
    }
    assert tracked(epochs({name: [value] * 30 for name, value in healthy.items()})) == []


def test_a_finished_model_is_judged_at_once() -> None:
    assert [
        verdict.code for verdict in verdicts_of({"sample/repeats": 0.1, "sample/diversity": 0.2, "sample/novelty": 0.0})
    ] == [
        "COLLAPSE",
        "MEMORISING",
    ]
    assert verdicts_of({"sample/repeats": 0.0, "sample/diversity": 1.0, "sample/rarest": 0.9}) == []


@pytest.mark.parametrize("code", VERDICTS)
def test_every_verdict_has_words_and_a_remedy_to_type(code: str) -> None:
    outcome = ganctl("explain", code.lower())
    verdict = find(code)
    assert outcome.code == 0
    remedies = (
        [f"{family}: {verdict.of(family).remedy}" for family in FAMILIES] if verdict.remedies else [verdict.remedy]
    )
    assert outcome.out == [f"{code}, {verdict.severity}: {verdict.title}.", verdict.meaning, *remedies]
    assert verdict.meaning.endswith(".")
    for remedy in (verdict.remedy, *verdict.remedies.values()):
        assert remedy.endswith(".")
        assert verdict.severity == "good" or re.search(r"--|ganctl", remedy)
    assert verdict.severity == "error" or code == "EQUILIBRIUM" or any(rule.code == code for rule in RULES)


def test_explain_without_a_code_lists_them_and_a_wrong_one_too() -> None:
    assert [line.split()[0] for line in ganctl("explain").out] == list(VERDICTS)
    assert "D-WINS, G-WINS" in failed(ganctl("explain", "nosuch"), 2)
    with pytest.raises(UsageError):
        find("")


COMMAND = re.compile(r"ganctl [a-z-]+(?: (?:RUN|STEP|PICTURE|--[a-z-]+|[a-z0-9_]+=[a-z0-9]+(?:\.\d+)?|\d+)(?![a-z]))*")
FLAGS = re.compile(r"(?:--[a-z-]+(?: [a-z0-9_]+=[a-z0-9]+(?:\.\d+)?| (?:compact|small|diffaug|equilibrium)| RUN)? ?)+")
NEEDS_VALUE = ("--lr", "--lr-generator", "--lr-discriminator", "--batch-size", "--epochs", "--seed")


def parsed(verb: str, arguments: list[str]) -> dict[str, Any]:
    """What was typed of a command, by parameter; an error of Click's where it cannot be parsed."""
    command: Any = typer.main.get_command(cli.app.app).commands[verb]  # type: ignore[attr-defined]
    if verb == "train":
        command, arguments = families.train_command(arguments[0]), arguments[1:]
    context = command.make_context(verb, arguments)
    sources = {name: context.get_parameter_source(name).name for name in context.params}
    return {name: value for name, value in context.params.items() if sources[name] == "COMMANDLINE"}


def tried(family: str, preset: str, flags: str) -> None:
    """Begin a training of a family, as far as its nets, with flags on top of a preset."""
    words = [f"{word} 3" if word in NEEDS_VALUE else word for word in flags.split()]
    told = parsed("train", [family, "--preset", preset, *" ".join(words).split()])
    rate = told.pop("lr", None)
    given: dict[str, Any] = {
        key: told[key] for key in ("augment", "balance", "batch_size", "epochs", "seed", "stop_at") if key in told
    }
    given |= {} if rate is None else dict.fromkeys(learning_rates_of(gans.find(family).options), rate)
    sets = parse_assignments(told.get("assignments") or [])
    settings = configure(family, preset=told["preset"], flags=given, assignments=sets)
    if sets:  # the rest asks for no other nets
        known = gans.find(family)
        dataset._require_buildable(known, known.options(**settings.options), DataInfo((3, 64, 64), ("a", "b")))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("code", VERDICTS)
def test_every_remedy_can_be_typed_for_every_family_and_preset(code: str, family: str) -> None:
    verdict, known = find(code).of(family), gans.find(family)
    text = f"{verdict.remedy} {verdict.meaning}"
    commands, flags = COMMAND.findall(text), FLAGS.findall(COMMAND.sub("", text))
    assert commands or flags or verdict.severity == "good"
    for typed in commands:
        _, verb, *arguments = typed.replace("STEP", "100").split()
        told = parsed(verb, arguments)
        for preset in known.presets if verb == "resume" else ():
            sets = parse_assignments(told.get("assignments") or [])
            changed(configure(family, preset=preset), known.options, sets)
        assert verb not in ("sample", "translate") or verb in known.verbs
    for some in flags:
        for preset in known.presets:
            tried(family, preset, some)


def test_a_remedy_that_a_family_does_not_know_would_be_noticed() -> None:
    for family, preset, flags in (("cyclegan", "small", "--set r1=1"), ("dcgan", "paper", "--set r1=1")):
        with pytest.raises(UsageError):
            tried(family, preset, flags)
    assert COMMAND.findall("as ganctl info RUN lists: ganctl resume RUN --from STEP --set seed=1. Or") == [
        "ganctl info RUN",
        "ganctl resume RUN --from STEP --set seed=1",
    ]
    assert FLAGS.findall("or with --preset compact --set r1=1, or --lr.") == ["--preset compact --set r1=1", "--lr"]
