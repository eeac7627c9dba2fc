"""The monitor: quality, the best checkpoint, going back to it, verdicts, and that it changes no training."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from ganctl import tensorfile
from ganctl.data.cache.dataset import Dataset
from ganctl.engine import monitor, session
from ganctl.engine.monitor import PICTURES_PER_EVALUATION, Quality, evaluation_interval
from ganctl.engine.resumption import ResumeRequest
from ganctl.errors import CheckpointError
from ganctl.evaluation import samples
from ganctl.gans import dataset
from ganctl.gans.dcgan import FAMILY
from ganctl.runs.checkpoint import MODEL
from ganctl.runs.run import Run
from tests.commands import failed, ganctl
from tests.trainings import EPOCHS, STEPS, TOTAL, assert_equal, begin, go_on, tiny

WATCHED = {"evaluate_every": 1, "extractor": "digits-cnn", "balance": True, "stop_at": "equilibrium"}


@pytest.fixture(autouse=True)
def few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "DEFAULT_COUNT", 40)


def watched(photos: Path, path: str, stop_at: int = 10**9, **flags: Any) -> Run:
    return begin(tiny(photos, **WATCHED | flags), Path(path), stop_at)


def test_the_log_has_scores_and_sample_statistics_at_an_epochs_end_only(photos: Path) -> None:
    lines = list(watched(photos, "a/run").read_log())
    ends = [line for line in lines if line["step"] % STEPS == 0]
    assert len(ends) == EPOCHS
    for line in lines:
        every = (
            "score/fid-digits-cnn",
            "score/kid-digits-cnn",
            "sample/diversity",
            "sample/contrast",
            "sample/repeats",
        )
        measured = {*every, "sample/checkerboard"} & set(line)
        assert len(measured) == (6 if line in ends else 0)


def test_stops_change_nothing_with_evaluation_best_keeping_verdicts_and_balance_on(photos: Path) -> None:
    whole = watched(photos, "whole/run")
    stopped = watched(photos, "stopped/run", stop_at=3)
    for step in (5, 7, 13):
        go_on(stopped, stop_at=step)
    go_on(stopped)
    assert_equal(whole, stopped)
    assert whole.best_checkpoint() == stopped.best_checkpoint()
    notes = tensorfile.read_header(whole.checkpoint(TOTAL) / "state.safetensors")["monitor"]
    assert set(notes) == {"best", "lr_factors", "balanced_at_step", "verdicts"}


def test_the_monitor_does_not_change_the_training(photos: Path) -> None:
    seen, unseen = watched(photos, "a/run", balance=False), begin(tiny(photos), Path("b/run"))
    a, b = (tensorfile.read(run.checkpoint(TOTAL) / MODEL) for run in (seen, unseen))
    assert all(a.tensors[name].equal(b.tensors[name]) for name in b.tensors)


def test_the_best_is_kept_beside_the_last(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    qualities = iter([3.0, 1.0, 2.0, 4.0])
    monkeypatch.setattr(monitor, "_quality_measure", lambda *_: lambda net: Quality({"fid-x": next(qualities)}, {}))
    run = watched(photos, "a/run", keep=2, checkpoint_every="4e")
    assert run.best_checkpoint() == {"step": 2 * STEPS, "epoch": 2, "score": "fid-x", "value": 1.0}
    assert run.checkpoint_steps() == [4 * STEPS, 2 * STEPS], "a best is saved when it is found"
    qualities = iter([1.0, 3.0, 2.0, 4.0])
    assert watched(photos, "b/run", keep=2).checkpoint_steps() == [4 * STEPS, 3 * STEPS, STEPS]


def test_a_best_checkpoint_can_be_used_and_others_named(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    qualities = iter([3.0, 1.0, 2.0, 4.0])
    monkeypatch.setattr(monitor, "_quality_measure", lambda *_: lambda net: Quality({"fid-x": next(qualities)}, {}))
    run = watched(photos, "a/run")
    outcome = ganctl("sample", run.path, "--checkpoint", "best", "-n", 4, "-o", "best.png")
    assert outcome.code == 0, outcome.err
    assert ganctl("sample", run.path, "--checkpoint", 2 * STEPS, "-n", 4, "-o", "same.png").code == 0
    assert ganctl("sample", run.path, "-n", 4, "-o", "last.png").code == 0
    best, same, last = (Path(name).read_bytes() for name in ("best.png", "same.png", "last.png"))
    assert best == same != last
    assert "It has: 20, 15" in failed(ganctl("sample", run.path, "--checkpoint", 3), 2)
    assert "no run" in failed(ganctl("sample", run.checkpoint(STEPS), "--checkpoint", "best"), 2)


def test_without_a_measurement_there_is_no_best(photos: Path) -> None:
    run = begin(tiny(photos), Path("a/run"))
    assert "not measured" in failed(ganctl("sample", run.path, "--checkpoint", "best"), 2)
    assert "not measured" in failed(ganctl("resume", run.path, "--from", "best"), 2)


def test_going_back_sets_aside_what_came_later_and_leads_to_the_same_end(photos: Path) -> None:
    whole = begin(tiny(photos), Path("whole/run"))
    run = begin(tiny(photos), Path("a/run"))
    later = [line for line in run.read_log() if line["step"] > 2 * STEPS]
    said = go_on(run, stop_at=2 * STEPS + 1, from_checkpoint=str(2 * STEPS))
    assert any("abandoned/1" in sentence for sentence in said)
    assert any("does the same again" in sentence for sentence in said)
    aside = Run(run.path / "abandoned" / "1")
    assert list(aside.read_log()) == later
    assert aside.checkpoint_steps() == [step for step in whole.checkpoint_steps() if step > 2 * STEPS]
    assert [epoch for epoch, _ in aside.previews()] == [3, 4]
    assert run.checkpoint_steps()[0] == 2 * STEPS + 1
    go_on(run)
    assert_equal(run, whole)


def test_going_back_with_another_seed_is_another_training(photos: Path) -> None:
    run = begin(tiny(photos), Path("a/run"))
    said = go_on(run, from_checkpoint=str(STEPS), changes={"seed": "1", "lr_generator": "0.001"})
    assert not any("does the same again" in sentence for sentence in said)
    again = begin(tiny(photos), Path("b/run"))
    a, b = (tensorfile.read(each.checkpoint(TOTAL) / MODEL) for each in (run, again))
    assert not all(a.tensors[name].equal(b.tensors[name]) for name in b.tensors)
    record = run.record()
    assert record["settings"]["seed"] == 1
    assert record["extensions"][-1] == {
        "from_step": STEPS,
        "epochs": EPOCHS,
        "changes": {"seed": "1", "lr_generator": "0.001"},
    }


def test_going_back_to_a_damaged_checkpoint_moves_nothing(photos: Path) -> None:
    run = begin(tiny(photos), Path("a/run"))
    (run.checkpoint(STEPS) / MODEL).write_bytes(b"")
    before = run.checkpoint_steps()
    with pytest.raises(CheckpointError), session.resume(run, ResumeRequest(from_checkpoint=str(STEPS))):
        pass
    assert run.checkpoint_steps() == before
    assert not (run.path / "abandoned").exists()


def test_a_kill_while_going_back_can_be_completed(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, whole = begin(tiny(photos), Path("a/run")), begin(tiny(photos), Path("whole/run"))
    rename = Path.rename

    def killed(self: Path, target: Path) -> Path:
        if "abandoned" in str(target) and self.name.endswith(f"{3 * STEPS:08d}"):
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "rename", killed)
        go_on(run, from_checkpoint=str(2 * STEPS))
    go_on(run, from_checkpoint=str(2 * STEPS))
    assert {path.name for path in (run.path / "abandoned").iterdir()} == {"1", "2"}
    assert_equal(run, whole)


def test_a_verdict_is_logged_once_and_survives_a_stop(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganctl.evaluation.verdict_tracker.MIN_STEPS", 1)
    monkeypatch.setattr("ganctl.evaluation.sample_stats.diversity", lambda pictures: 1.0 if len(pictures) < 64 else 0.1)
    run = begin(tiny(photos), Path("a/run"), stop_at=12)
    go_on(run)
    told = [json.loads(line) for line in run.events.read_text().splitlines()]
    verdicts = [event for event in told if event["event"] == "verdict" and event["code"] == "COLLAPSE"]
    assert [(event["state"], event["step"]) for event in verdicts] == [("raised", 2 * STEPS)]
    assert verdicts[0]["severity"] == "warning"
    assert "--" in verdicts[0]["remedy"]


def test_equilibrium_can_be_the_end(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganctl.evaluation.verdict_tracker.MIN_STEPS", 1)
    monkeypatch.setattr("ganctl.evaluation.verdict_tracker.PATIENCE_MEASUREMENTS", 2)
    monkeypatch.setattr("ganctl.evaluation.verdict_tracker.EQUILIBRIUM_MARGIN", 1.0)
    monkeypatch.setattr("ganctl.evaluation.verdict_tracker._RULES", {})
    run = begin(tiny(photos, stop_at="equilibrium"), Path("a/run"))
    assert run.checkpoint_steps()[0] == 2 * STEPS
    (stop,) = [event for event in map(json.loads, run.events.read_text().splitlines()) if event["event"] == "stop"]
    assert stop["reason"] == "--stop-at equilibrium"
    go_on(run)
    assert run.checkpoint_steps()[0] == TOTAL, "who goes on nevertheless gets what was asked for"


def test_digits_are_measured_by_default_where_that_costs_little(photos: Path) -> None:
    asked, enough = tiny(photos, evaluate_every=3), tiny(photos, epochs=2)
    data, _ = dataset.open_data(enough, FAMILY, FAMILY.options(**enough.options))
    assert isinstance(data, Dataset)
    named = dataclasses.replace(data, spec="digits")
    assert evaluation_interval(enough, named, PICTURES_PER_EVALUATION) == 1
    assert evaluation_interval(enough, named, PICTURES_PER_EVALUATION // 2) == 2
    assert evaluation_interval(enough, named, PICTURES_PER_EVALUATION // 3) == 0, "the training is over before that"
    assert evaluation_interval(enough, data, PICTURES_PER_EVALUATION) == 0, "no extractor that ships fits a folder"
    assert evaluation_interval(asked, data, 40) == 3
    assert evaluation_interval(tiny(photos, evaluate_every=0), named, PICTURES_PER_EVALUATION) == 0


def test_a_measurement_that_fails_stops_no_training(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(net: object) -> None:
        raise RuntimeError("no memory is left")

    monkeypatch.setattr(monitor, "_quality_measure", lambda *_: fails)
    run = watched(photos, "a/run")
    assert run.checkpoint_steps()[0] == TOTAL
    assert run.events.read_text().count("could not be measured, training goes on: no memory is left") == EPOCHS


def test_balance_can_be_switched_on_and_off_in_a_run(photos: Path) -> None:
    run = begin(tiny(photos), Path("a/run"), stop_at=7)
    go_on(run, stop_at=12, changes={"balance": "true"})
    state = tensorfile.read_header(run.checkpoint(12) / "state.safetensors")
    assert set(state["monitor"]["lr_factors"]) == {"generator", "discriminator"}
    go_on(run, changes={"balance": "false"})
    assert "lr_factors" not in tensorfile.read_header(run.checkpoint(TOTAL) / "state.safetensors")["monitor"]


def test_a_best_checkpoint_that_was_set_aside_is_forgotten(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    qualities = iter([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    monkeypatch.setattr(monitor, "_quality_measure", lambda *_: lambda net: Quality({"fid-x": next(qualities)}, {}))
    run = watched(photos, "a/run")
    (run.checkpoint(STEPS)).rename("elsewhere")
    go_on(run, from_checkpoint=str(2 * STEPS))
    assert run.best_checkpoint() == {"step": 3 * STEPS, "epoch": 3, "score": "fid-x", "value": 5.0}


def test_the_last_epoch_is_measured_too_where_measuring_was_asked_for(photos: Path) -> None:
    lines = watched(photos, "a/run", evaluate_every=3).read_log()
    assert [line["epoch"] for line in lines if "score/fid-digits-cnn" in line] == [3, 4]
