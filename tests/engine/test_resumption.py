"""The way back into a run: nothing is lost to files and checkpoints that are missing or cannot be read."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from ganctl.errors import CheckpointError, UsageError
from ganctl.inference import loading
from ganctl.runs.checkpoint import MODEL, STATE
from ganctl.runs.run import Run
from tests.commands import failed, ganctl
from tests.trainings import STEPS, assert_equal, content, go_on


def missing(run: Run) -> None:
    run.checkpoints.rename("elsewhere")


def dangling(run: Run) -> None:
    missing(run)
    run.checkpoints.symlink_to("/mnt/unplugged/checkpoints")


def empty(run: Run) -> None:
    missing(run)
    run.checkpoints.mkdir()


def others(run: Run) -> None:
    empty(run)
    (run.checkpoints / "lost+found").mkdir()
    (run.checkpoints / "notes.txt").touch()


def a_file(run: Run) -> None:
    missing(run)
    run.checkpoints.touch()


@pytest.mark.parametrize(
    "command",
    [("resume",), ("sample",), ("info",), ("evaluate", "-n", 2), ("make-gif", "--walk")],
    ids=lambda command: str(command[0]),
)
@pytest.mark.parametrize("damage", [missing, dangling, empty, others, a_file], ids=lambda damage: str(damage.__name__))
def test_checkpoints_that_are_gone_are_not_taken_for_none_that_ever_were(
    run: Run, command: tuple[object, ...], damage: Callable[[Run], None]
) -> None:
    damage(run)
    before = content(run)
    said = failed(ganctl(command[0], "photos", *command[1:]), 3)
    assert "runs/photos/checkpoints" in said
    assert said.endswith("Bring it back, then: ganctl resume runs/photos")
    assert content(run) == before
    assert ganctl("runs").out[1].split() == ["photos", "unreadable"]


@pytest.mark.parametrize("name", ["events", "log"])
def test_events_or_a_log_that_cannot_be_read_are_not_taken_for_empty_ones(run: Run, name: str) -> None:
    missing(run)
    file = {"events": run.events, "log": run.log}[name]
    file.unlink()
    file.symlink_to("/mnt/unplugged/file")
    if name == "log":
        run.events.unlink()  # with which nobody would ask the log
    before = content(run)
    for command in ("resume", "sample", "info", "report"):
        said = failed(ganctl(command, "photos"), 3)
        assert said == f"Error: {file} cannot be read: No such file or directory."
    assert ganctl("runs").out[1].split() == ["photos", "unreadable"]
    assert content(run) == before


def test_events_that_are_a_folder_are_refused_before_anything_is_changed(run: Run) -> None:
    run.events.unlink()
    run.events.mkdir()
    before = content(run)
    assert "events.jsonl cannot be read: Is a directory." in failed(ganctl("resume", "photos", "--more", 1), 3)
    assert content(run) == before


@pytest.mark.parametrize(("cut", "lost"), [(slice(0), 5), (slice(1, None), 1), (slice(None), 0)])
def test_lines_of_the_log_that_are_lost_are_reported(run: Run, cut: slice, lost: int) -> None:
    run.log.write_bytes(b"".join(run.log.read_bytes().splitlines(keepends=True)[cut]))
    told = [line for line in go_on(run, stop_at=0) if "lost" in line]
    words = "1 line is" if lost == 1 else f"{lost} lines are"
    assert told == ([f"Of runs/photos/log.jsonl {words} lost; it goes on without."] if lost else [])


def test_where_nothing_can_be_used_the_way_to_begin_again_is_the_way_it_was_begun(photos: Path) -> None:
    begun = (
        "train",
        "dcgan",
        "--data",
        photos,
        "--size",
        16,
        "--epochs",
        1,
        "--set",
        "width=8",
        "--set",
        "latent_dim=8",
    )
    assert ganctl(*begun, "--run", "it").code == 0
    for folder in Path("runs/it/checkpoints").iterdir():
        (folder / MODEL).write_bytes(b"")
    again = f"Start anew: ganctl {' '.join(map(str, begun))}"
    for command in ("sample", "resume"):
        assert failed(ganctl(command, "it"), 3).endswith(again)
    assert ganctl(*again.split()[3:]).code == 0


def test_a_run_without_its_record_is_not_taken_for_nothing(run: Run) -> None:
    (run.path / "run.json").unlink()
    said = failed(ganctl("resume", "photos"), 3)
    assert said.startswith(
        "Error: runs/photos holds checkpoints but no run.json. Bring that back; until then there is "
    )
    assert ganctl(*said.partition("there is ganctl ")[2].split()).code == 0


def test_from_python_too_a_model_that_samples_from_noise_says_that_it_translates_nothing(run: Run) -> None:
    with pytest.raises(UsageError, match="generates pictures from noise"):
        loading.load(str(run.path)).translate(torch.zeros(1, 3, 8, 8))


def test_a_report_needs_no_checkpoints(run: Run) -> None:
    missing(run)
    assert ganctl("report", "photos").code == 0


def test_checkpoints_that_come_back_are_gone_on_from(run: Run, uninterrupted: Run) -> None:
    dangling(run)
    with pytest.raises(CheckpointError, match="is a link to nothing"):
        go_on(run)
    run.checkpoints.unlink()
    run.checkpoints.symlink_to(Path("elsewhere").absolute())
    go_on(run)
    assert_equal(run, uninterrupted)
    assert run.checkpoints.is_symlink()


def test_what_the_disk_does_not_give_now_is_not_set_aside(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before, opened = content(run), Path.open

    def refused(path: Path, *arguments: object, **named: object) -> object:
        if path == run.checkpoint(2 * STEPS) / STATE:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return opened(path, *arguments, **named)  # type: ignore[call-overload]

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refused)
        said = failed(ganctl("resume", "photos"), 3)
    assert "step-00000010 cannot be read: Input/output error" in said
    assert said.endswith("Once it can be: ganctl resume runs/photos")
    assert content(run) == before


def test_checkpoints_that_may_not_be_read_are_not_taken_for_none(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> Iterator[Path]:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(CheckpointError, match="photos/checkpoints cannot be read: Permission denied"):
        run.checkpoint_steps()


@pytest.mark.parametrize("name", ["log.jsonl", "best.json"])
def test_what_leads_nowhere_is_not_taken_for_empty(run: Run, name: str) -> None:
    (run.path / name).unlink(missing_ok=True)
    (run.path / name).symlink_to("/mnt/unplugged/log")
    before = content(run)
    assert f"{name}" in failed(ganctl("resume", "photos"), 3)
    assert content(run) == before


def test_a_log_shows_that_there_were_checkpoints_where_there_are_no_events(run: Run) -> None:
    missing(run)
    run.events.unlink()
    with pytest.raises(CheckpointError, match="was saved, but"):
        run.checkpoint_steps()
    run.cut_log(STEPS)
    assert run.checkpoint_steps() == [], "killed in its first epoch, it had none"
