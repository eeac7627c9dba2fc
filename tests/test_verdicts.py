"""Verdicts: when they are raised, when not, and what they say."""

import json
import re
from collections.abc import Iterable
from typing import Any

import pytest

from ganctl.errors import UsageError
from ganctl.verdicts import GAIN, PATIENCE, RULES, STALE, STEPS, VERDICTS, Rule, Watcher, find, instantly
from tests.commands import failed, ganctl

LONG = STEPS // PATIENCE  # steps of an epoch that is just long enough


def told(lines: Iterable[dict[str, float]], steps: int = LONG, memory: dict[str, Any] | None = None) -> list[str]:
    """What a watcher says of epochs, of one line each: ``+CODE@epoch`` and ``-CODE@epoch``."""
    memory = {} if memory is None else memory
    said = []
    for line in lines:
        memory = json.loads(json.dumps(memory))  # a restart between any two
        changes = Watcher(memory, steps).look(line)
        said += [f"{'+' if raised else '-'}{verdict.code}@{line['epoch']:.0f}" for verdict, raised in changes]
    return said


def epochs(series: dict[str, list[float]], steps: int = LONG) -> list[dict[str, float]]:
    """Lines of the ends of epochs 1, 2 …, with a value of each series."""
    rows = zip(*series.values(), strict=True)
    return [{"step": steps * n, "epoch": n, **dict(zip(series, row, strict=True))} for n, row in enumerate(rows, 1)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.code}-{rule.reading}")
def test_every_rule_raises_after_some_epochs_and_clears_after_as_many(rule: Rule) -> None:
    if rule.reading in ("swing", "fooled"):
        return  # made of others: see below
    bad, good = rule.raises + rule.sign * 0.01, rule.clears - rule.sign * 0.01
    said = told(epochs({rule.reading: [bad] * 4 + [good] * 4}))
    assert [word for word in said if rule.code in word] == [f"+{rule.code}@{PATIENCE}", f"-{rule.code}@{4 + PATIENCE}"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.code}-{rule.reading}")
def test_what_hovers_between_the_thresholds_neither_raises_nor_clears(rule: Rule) -> None:
    assert rule.sign * (rule.raises - rule.clears) > 0, "it must take less to keep a verdict than to raise it"
    between = (rule.raises + rule.clears) / 2
    assert not rule.is_met(between, raised=False)
    assert rule.is_met(between, raised=True)


def test_one_bad_epoch_between_good_ones_raises_nothing() -> None:
    assert told(epochs({"diversity": [1, 0.1, 1, 0.1, 1, 0.1, 1]})) == []


def test_epochs_of_a_few_steps_need_more_of_them() -> None:
    said = told(epochs({"diversity": [0.1] * 60}, 5), 5)
    assert said == [f"+COLLAPSE@{STEPS // 5}"]


def test_an_epoch_without_the_reading_leaves_a_verdict_as_it_is() -> None:
    lines = epochs({"diversity": [0.1] * 6})
    for line in lines[2:5]:
        del line["diversity"]
    assert told(lines) == ["+COLLAPSE@2"]


def test_accuracy_is_judged_by_the_whole_epoch_and_not_by_its_last_line() -> None:
    lines = [
        {"step": step, "epoch": -(-step // LONG), "accuracy": 0.8 if step % LONG else 1.0} for step in range(5, 1000, 5)
    ]
    assert told(lines) == []


def test_a_discriminator_that_prefers_generated_pictures_is_told() -> None:
    for name in ("D(G(z))", "D(G(x))"):
        assert told(epochs({"D(x)": [0.7] * 3, name: [0.9] * 3, "accuracy": [0.5] * 3})) == ["+G-WINS@2"]
        assert told(epochs({"D(x)": [0.7] * 3, name: [0.6] * 3, "accuracy": [0.7] * 3})) == []


def test_swings_within_epochs_are_told() -> None:
    lines = [
        {"step": step, "epoch": -(-step // LONG), "accuracy": 0.95 if step % 20 else 0.5} for step in range(10, 301, 10)
    ]
    assert told(lines) == ["+OSCILLATING@2"]


def test_equilibrium_without_figures_takes_long() -> None:
    assert told(epochs({"accuracy": [0.52] * 9})) == [f"+EQUILIBRIUM@{STALE}"]


def test_equilibrium_waits_until_the_figure_stops_getting_better() -> None:
    falling = [2.0 * 0.9**n for n in range(8)]
    flat = [falling[-1] * (1 - GAIN / 2)] * 10
    said = told(epochs({"accuracy": [0.52] * 18, "fid-x": falling + flat}))
    assert said == [f"+EQUILIBRIUM@{8 + STALE + PATIENCE - 1}"]


def test_equilibrium_waits_for_measurements_and_not_for_epochs() -> None:
    lines = epochs({"accuracy": [0.52] * 30})
    for line in lines[8::9]:
        line["fid-x"] = 5.0 / line["epoch"]
    assert told(lines[8:]) == [], "three measurements, each better than the one before"


def test_likenesses_that_stay_are_no_gain_either() -> None:
    said = told(epochs({"accuracy": [0.52] * 12, "psnr-x": [20.0] * 12}))
    assert said == [f"+EQUILIBRIUM@{1 + STALE + PATIENCE - 1}"]


def test_a_collapsed_training_is_in_no_equilibrium() -> None:
    assert told(epochs({"accuracy": [0.5] * 20, "diversity": [0.1] * 20})) == ["+COLLAPSE@2"]


def test_a_healthy_training_is_told_nothing() -> None:
    healthy = {
        "accuracy": 0.7,
        "diversity": 0.95,
        "contrast": 1.0,
        "repeats": 0.01,
        "novelty": 1.0,
        "checkerboard": 1.1,
    }
    assert told(epochs({name: [value] * 30 for name, value in healthy.items()})) == []


def test_a_finished_model_is_judged_at_once() -> None:
    assert [verdict.code for verdict in instantly({"repeats": 0.1, "diversity": 0.2, "novelty": 0.0})] == [
        "COLLAPSE",
        "MEMORISING",
    ]
    assert instantly({"repeats": 0.0, "diversity": 1.0, "rarest": 0.9}) == []


@pytest.mark.parametrize("code", VERDICTS)
def test_every_verdict_has_words_and_a_remedy_to_type(code: str) -> None:
    outcome = ganctl("explain", code.lower())
    verdict = find(code)
    assert outcome.code == 0
    assert outcome.out == [f"{code}, {verdict.severity}: {verdict.title}.", verdict.meaning, verdict.remedy]
    assert verdict.meaning.endswith(".")
    assert verdict.remedy.endswith(".")
    assert verdict.severity == "good" or re.search(r"--|ganctl", verdict.remedy)
    assert verdict.severity == "error" or code == "EQUILIBRIUM" or any(rule.code == code for rule in RULES)


def test_explain_without_a_code_lists_them_and_a_wrong_one_too() -> None:
    assert [line.split()[0] for line in ganctl("explain").out] == list(VERDICTS)
    assert "D-WINS, G-WINS" in failed(ganctl("explain", "nosuch"), 2)
    with pytest.raises(UsageError):
        find("")
