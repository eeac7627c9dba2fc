"""What the events of a run come to: the verdicts that were raised, and the time that was spent in training."""

from typing import Any

from ganctl.runs import events
from tests.handmade_runs import ALIKE, WINS, at


def raised(step: int, **fields: Any) -> dict[str, Any]:
    return at(0, "verdict", state="raised", step=step, **fields)


def test_a_verdict_that_a_resume_goes_back_behind_was_never_raised() -> None:
    again = [raised(100, **WINS), raised(300, **ALIKE), at(1, "resume", step=200)]
    assert [verdict.code for verdict in events.read(again).verdicts] == ["D-WINS"]


def test_a_verdict_logged_twice_is_one_and_one_that_comes_back_is_two() -> None:
    twice = [raised(100, **WINS), raised(100, **WINS)]
    assert len(events.read(twice).verdicts) == 1
    cleared = at(0, "verdict", state="cleared", step=200, **WINS)
    verdicts = events.read([*twice, cleared, raised(300, **WINS)]).verdicts
    assert [(verdict.raised_step, verdict.cleared_step, verdict.stands) for verdict in verdicts] == [
        (300, None, True),
        (100, 200, False),
    ]


def test_the_time_between_a_stop_and_a_resume_is_not_training() -> None:
    killed = [at(0, "start", step=0), at(7, "save", step=5), at(100, "resume", step=5), at(103, "stop", step=9)]
    assert events.read(killed).training_seconds == 10 * 60


def test_a_verdict_without_a_step_is_passed_over() -> None:
    assert events.read([at(0, "verdict", state="raised", **WINS)]).verdicts == ()
    cleared = at(0, "verdict", state="cleared", **WINS)
    assert [verdict.stands for verdict in events.read([raised(100, **WINS), cleared]).verdicts] == [True]
