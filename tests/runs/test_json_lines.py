"""The log and the events of a run survive a kill and a full disk."""

import json
from pathlib import Path
from typing import Any

import pytest

from ganctl.runs.json_lines import number, numbers
from ganctl.runs.run import Run, create
from tests.handmade_runs import RECORD


def write_log(run: Run, *lines: str) -> None:
    run.log.write_text("".join(lines))


def test_the_log_is_cut_back_to_a_step_byte_for_byte() -> None:
    run = create(Path("runs/x"), RECORD)
    run.cut_log(3)
    assert not run.log.exists()
    lines = [json.dumps({"step": step, "epoch": 1, "loss/generator": 0.1 * step}) for step in (3, 6, 9)]
    run.append_log(lines[:1])
    run.append_log(lines[1:])
    whole = run.log.read_bytes()
    run.cut_log(9)
    assert run.log.read_bytes() == whole
    run.cut_log(8)
    assert [line["step"] for line in run.read_log()] == [3, 6]
    assert whole.startswith(run.log.read_bytes())
    run.cut_log(0)
    assert run.log.read_bytes() == b""


@pytest.mark.parametrize(
    "torn", ['{"step": 6, "gener', "{", '{"step": "6"}', "[6]", "null", "\x00\x00\x00", '{"epoch": 2}', "[" * 10**5]
)
def test_a_torn_line_is_dropped(torn: str) -> None:
    run = create(Path("runs/x"), RECORD)
    write_log(run, '{"step": 3}\n', torn)
    assert [line["step"] for line in run.read_log()] == [3]
    run.cut_log(10)
    run.append_log(['{"step": 6}'])
    assert run.log.read_text() == '{"step": 3}\n{"step": 6}\n'


def test_lines_that_the_disk_refuses_leave_the_log_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    run = create(Path("runs/x"), RECORD)
    write_log(run, '{"step": 3}\n')
    run.log.rename(run.path / "aside")
    run.log.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        run.append_log(['{"step": 6}'])
    run.log_event("harmless")
    run.log.unlink()
    (run.path / "aside").rename(run.log)
    assert [line["step"] for line in run.read_log()] == [3]


def test_a_full_disk_loses_an_event_and_nothing_else() -> None:
    run = create(Path("runs/x"), RECORD)
    run.log_event("start", step=0)
    assert json.loads(run.events.read_text())["event"] == "start"
    run.events.unlink()
    run.events.symlink_to("/dev/full")
    run.log_event("save", step=1)


def test_half_an_event_does_not_swallow_the_next_one() -> None:
    run = create(Path("runs/x"), RECORD)
    run.log_event("start", step=0)
    run.events.write_bytes(run.events.read_bytes() + b'{"time": "2026-01-31T10:0')
    run.log_event("resume", step=0)
    run.log_event("save", step=5)
    assert [event["event"] for event in run.read_events()] == ["start", "resume", "save"]


@pytest.mark.parametrize("value", [True, None, "1", [1], float("nan"), float("inf"), 10**400])
def test_what_is_no_finite_number_is_none(value: Any) -> None:
    assert number(value) is None
    assert numbers({"step": 1, "a": value, "b": -0.5}) == {"step": 1, "b": -0.5}
