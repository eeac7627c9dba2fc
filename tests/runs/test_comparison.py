"""A comparison of runs: what differs, how far they are, how good they are, and which is the better one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ganctl.runs.run import Run, create
from ganctl.settings import Settings
from tests.commands import Outcome, failed, ganctl
from tests.handmade_runs import RECORD


def write_run(name: str, *log: dict[str, Any], data: dict[str, Any] | None = None, **settings: Any) -> Run:
    """A run of 40 pictures in batches of 8, and 4 epochs, with these lines in its log."""
    run_settings = Settings.from_json({"family": "dcgan", "batch_size": 8, "epochs": 4, **settings}).to_json()
    versions = {"ganctl": "0.1.0", "torch": "2.6.0"}
    record = {**RECORD, "settings": run_settings, "data": {**RECORD["data"], **(data or {})}, "versions": versions}
    record["steps_per_epoch"] = settings.get("limit", 40) // 8
    run = create(Path("runs", name), record)
    run.append_log([json.dumps(line) for line in log])
    return run


def line(epoch: int, **values: float) -> dict[str, float]:
    return {"step": 5 * epoch, "epoch": epoch, **values}


def table(outcome: Outcome) -> dict[str, list[str]]:
    """A printed table by its rows' names; the cells are where the heads are."""
    assert outcome.code == 0
    heads = outcome.out[0]
    starts = [0, *(i for i in range(1, len(heads)) if heads[i - 1] == " " and heads[i] != " ")]
    ends = [*starts[1:], None]
    cells = [[row[start:end].strip() for start, end in zip(starts, ends, strict=True)] for row in outcome.out]
    return {name: values for name, *values in cells}


@pytest.fixture
def two() -> Iterator[tuple[Run, Run]]:
    a = write_run(
        "a",
        line(1, **{"loss/generator": 0.5, "metric/D(x)": 0.25, "score/fid-digits-cnn": 9.0}),
        line(2, **{"loss/generator": 0.75, "metric/D(x)": 0.5, "score/fid-digits-cnn": 4.0, "sample/diversity": 0.9}),
        line(3, **{"loss/generator": 1.25, "score/fid-digits-cnn": 6.0}),
        options={"lr_generator": 0.002, "loss": "bce", "r1": 0.3},
        limit=30,
    )
    b = write_run(
        "b",
        line(1, **{"loss/generator": 2.0, "score/fid-digits-cnn": 7.0}),
        line(2, **{"loss/generator": 2.5, "score/fid-digits-cnn": 5.0}),
        options={"lr_generator": 0.001, "loss": "bce", "simultaneous": True},
    )
    b.checkpoint(20).mkdir()
    a.checkpoint(5).mkdir()
    yield a, b


def test_two_runs_are_compared_by_what_differs_and_the_better_scores_are_marked(two: tuple[Run, Run]) -> None:
    outcome = ganctl("compare", "a", "runs/b")
    assert outcome.err == []
    assert table(outcome) == {
        "RUN": ["a", "b"],
        "state": ["stopped", "finished"],
        "epochs done": ["1.667 of 4", "4 of 4"],
        "SETTINGS THAT DIFFER": ["", ""],
        "limit": ["30", "none"],
        "lr_generator": ["0.002", "0.001"],
        "r1": ["0.3", "—"],
        "simultaneous": ["—", "true"],
        "QUALITY": ["", ""],
        "fid-digits-cnn, best": ["4 (better)", "5"],
        "at epoch": ["2", "2"],
        "fid-digits-cnn, last": ["6", "5 (better)"],
        "LAST LOSSES AND METRICS": ["", ""],
        "generator": ["1.25", "2.5"],
        "D(x)": ["0.5", "—"],
        "SAMPLE STATISTICS": ["", ""],
        "diversity": ["0.9", "—"],
    }


def test_the_json_document_says_the_same(two: tuple[Run, Run]) -> None:
    outcome = ganctl("compare", "a", "b", "--json")
    assert (outcome.code, outcome.err) == (0, [])
    document = json.loads("\n".join(outcome.out))
    assert document["comparable"]
    assert document["runs"][0] == {
        "run": "runs/a",
        "state": "stopped",
        "epochs_done": 5 / 3,
        "epochs": 4,
        "settings": {"limit": 30, "lr_generator": 0.002, "r1": 0.3},
        "latest": {"loss/generator": 1.25, "metric/D(x)": 0.5, "sample/diversity": 0.9},
        "scores": {
            "fid-digits-cnn": {
                "best": {"value": 4.0, "step": 10, "epoch": 2, "leads": True},
                "last": {"value": 6.0, "step": 15, "epoch": 3, "leads": False},
            }
        },
        "verdicts": [],
    }
    assert document["runs"][1]["settings"] == {"limit": None, "lr_generator": 0.001, "simultaneous": True}


def test_of_eight_runs_the_best_are_marked_and_one_without_the_score_is_not_among_them() -> None:
    values = [5.0, 3.0, 8.0, 3.0, 9.0, 4.0, 7.0]
    for number, value in enumerate(values):
        write_run(str(number), line(1, **{"score/kid-inception": value, "score/ssim-plain": value / 10}))
    write_run("7")
    rows = table(ganctl("compare", *range(8)))
    assert rows["kid-inception, best"] == ["5", "3 (best)", "8", "3 (best)", "9", "4", "7", "—"]
    assert rows["ssim-plain, last"] == ["0.5", "0.3", "0.8", "0.3", "0.9 (best)", "0.4", "0.7", "—"]
    assert rows["none"] == [""] * 8
    assert max(map(len, ganctl("compare", *range(8)).out)) < 120


def test_equal_scores_have_no_better_one() -> None:
    write_run("a", line(1, **{"score/fid-x": 2.0}))
    write_run("b", line(1, **{"score/fid-x": 2.0}))
    assert table(ganctl("compare", "a", "b"))["fid-x, best"] == ["2", "2"]


def test_scores_against_other_pictures_are_printed_and_not_marked() -> None:
    write_run("a", line(1, **{"score/fid-x": 2.0}))
    write_run("b", line(1, **{"score/fid-x": 3.0}), data={"fingerprint": "f" * 64})
    outcome = ganctl("compare", "a", "b")
    assert outcome.err == [
        "Warning: They differ in data, size or channels: their scores measure different things, and none is marked."
    ]
    assert table(outcome)["data fingerprint"] == ["0", "f" * 12]
    assert table(outcome)["fid-x, best"] == ["2", "3"]


def test_other_versions_and_threads_are_listed() -> None:
    a, b = write_run("a"), write_run("b")
    b.write_record({**b.record(), "versions": {"ganctl": "0.2.0", "torch": "2.6.0"}, "threads": 2})
    rows = table(ganctl("compare", "a", "b"))
    assert (rows["ganctl"], rows["threads"]) == (["0.1.0", "0.2.0"], ["1", "2"])
    assert "torch" not in rows
    assert a.record()["versions"]["torch"] == "2.6.0"


def verdict(run: Run, code: str, step: int, state: str = "raised") -> None:
    run.log_event("verdict", code=code, severity="warning", state=state, step=step, epoch=step // 5, message=f"{code}!")


def test_the_verdicts_that_stand_are_listed_and_neither_cleared_nor_undone_ones() -> None:
    a, b = write_run("a"), write_run("b")
    verdict(a, "CLEARED", 5)
    verdict(a, "D-WINS", 10)
    verdict(a, "CLEARED", 10, "cleared")
    verdict(a, "D-WINS", 15, "cleared")
    verdict(a, "UNDONE", 15)
    a.log_event("resume", step=12)
    a.log_event("verdict", code="NO-STEP", state="raised")
    verdict(b, "COLLAPSE", 20)
    rows = table(ganctl("compare", "a", "b"))
    assert rows["D-WINS (warning)"] == ["since epoch 2", "—"]
    assert rows["COLLAPSE (warning)"] == ["—", "since epoch 4"]
    assert not {name for name in rows if name.startswith(("CLEARED", "UNDONE", "NO-STEP"))}
    document = json.loads("\n".join(ganctl("compare", "a", "b", "--json").out))
    assert document["runs"][0]["verdicts"] == [
        {"code": "D-WINS", "severity": "warning", "message": "D-WINS!", "step": 10, "epoch": 2}
    ]


@pytest.mark.parametrize(
    "damage",
    [
        b'{"step": 10, "epoch": 2, "loss/generator": "much", "score/fid-x": NaN, "score/kid-x": [1]}',
        b'{"step": 10, "epoch": 2, "metric/D(x)": true, "metric/r1": 1e999}',
        b'{"step": 10, "epoch": 2, "loss/generator": ' + b"9" * 400 + b"}",
        b'{"step": 10, "epoch": "two", "score/fid-x": 1.0}',
        b'{"step": 10, "score/fid-x": 1.0}',
        b'{"event": "verdict", "step": "x"}',
        b'{"event": "resume"}',
        b'{"step": 10, "epo',
        b"\xff\xfe\x00",
        b"[" * 10**5,
        b"null",
    ],
)
def test_damaged_lines_are_passed_over(two: tuple[Run, Run], damage: bytes) -> None:
    whole = ganctl("compare", "a", "b")
    for file in (two[1].log, two[1].events):
        with file.open("ab") as opened:
            opened.write(damage)
    assert ganctl("compare", "a", "b") == whole


def test_one_run_has_nothing_to_be_compared_with_be_it_named_once_or_twice(two: tuple[Run, Run]) -> None:
    for runs in (["a"], ["a", "runs/a"], ["a", Path("runs/a").absolute()]):
        message = failed(ganctl("compare", *runs), 2)
        assert (
            message == "Error: There is nothing to compare runs/a with. Name two runs or more; ganctl runs lists them."
        )
    assert ganctl("compare", "a", "b", "runs/a") == ganctl("compare", "a", "b")


def test_what_is_no_run_and_what_cannot_be_read_are_refused(two: tuple[Run, Run]) -> None:
    assert "x is no run" in failed(ganctl("compare", "a", "x"), 3)
    (two[1].path / "run.json").write_text("{")
    assert "run.json is damaged" in failed(ganctl("compare", "a", "b"), 3)
    assert failed(ganctl("compare"), 2)


def test_runs_of_one_name_are_distinguished_by_their_paths(two: tuple[Run, Run]) -> None:
    two[1].path.rename(Path("a"))
    assert table(ganctl("compare", "./a", "runs/a"))["RUN"] == ["a", "runs/a"]
