"""The way back into a run: nothing is lost to what is missing, moved, refused or asked for twice at once."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from ganctl import tensorfile
from ganctl.engine import session
from ganctl.engine.resumption import ResumeRequest
from ganctl.errors import CheckpointError, DataError, UsageError
from ganctl.inference import model
from ganctl.runs.checkpoint import MODEL, STATE
from ganctl.runs.run import Run
from tests.commands import failed, ganctl
from tests.trainings import EPOCHS, STEPS, assert_equal, begin, go_on, tiny, tiny_pair


@pytest.fixture(scope="module")
def trained(photos: Path, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> tuple[Run, Run]:
    """A run that was stopped after two epochs, and the same that never was."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANCTL_CACHE", str(cache))
        return begin(tiny(photos), folder / "stopped", stop_at=2 * STEPS), begin(tiny(photos), folder / "whole")


@pytest.fixture
def run(trained: tuple[Run, Run]) -> Run:
    """A copy of the stopped one, as runs/photos of this test's own folder."""
    shutil.copytree(trained[0].path, "runs/photos", symlinks=True)
    return Run(Path("runs/photos"))


@pytest.fixture
def whole(trained: tuple[Run, Run]) -> Run:
    """The one that never was stopped."""
    return trained[1]


def content(run: Run) -> dict[Path, bytes | None]:
    """All that is in a run, but for the lock."""
    files = (path for path in run.path.rglob("*") if path.name != ".lock")
    return {path: path.read_bytes() if path.is_file() else None for path in files}


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
def test_a_diary_or_a_log_that_cannot_be_read_is_not_taken_for_an_empty_one(run: Run, name: str) -> None:
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
def test_lines_of_the_log_that_are_lost_are_told(run: Run, cut: slice, lost: int) -> None:
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


def test_from_python_too_a_model_that_draws_from_noise_says_that_it_redraws_nothing(run: Run) -> None:
    with pytest.raises(UsageError, match="generates pictures from noise"):
        model.load(str(run.path)).translate(torch.zeros(1, 3, 8, 8))


def test_a_report_needs_no_checkpoints(run: Run) -> None:
    missing(run)
    assert ganctl("report", "photos").code == 0


def test_checkpoints_that_come_back_are_gone_on_from(run: Run, whole: Run) -> None:
    dangling(run)
    with pytest.raises(CheckpointError, match="is a link to nothing"):
        go_on(run)
    run.checkpoints.unlink()
    run.checkpoints.symlink_to(Path("elsewhere").absolute())
    go_on(run)
    assert_equal(run, whole)
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


def test_checkpoints_that_may_not_be_looked_at_are_not_taken_for_none(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_a_log_tells_of_checkpoints_where_there_are_no_events(run: Run) -> None:
    missing(run)
    run.events.unlink()
    with pytest.raises(CheckpointError, match="was saved, but"):
        run.checkpoint_steps()
    run.cut_log(STEPS)
    assert run.checkpoint_steps() == [], "killed in its first epoch, it had none"


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("--from", STEPS, "--epochs", 0), 2, "more than 0"),
        (("--from", 2 * STEPS, "--epochs", 1), 2, "has already done 2 epochs"),
        (("--from", STEPS, "--set", "seed=x"), 2, "whole number"),
        (("--from", STEPS, "--data", "nowhere"), 4, "no data 'nowhere'"),
        (("--from", STEPS, "--device", "quantum"), 2, "no device 'quantum'"),
        (("--from", STEPS + 1), 2, "no checkpoint '6'"),
        (("--from", STEPS, "--set", "allow_changed_data=false", "--data", "others"), 4, "is not what"),
    ],
)
def test_what_is_refused_sets_nothing_aside(
    run: Run, arguments: tuple[object, ...], code: int, why: str, pair: Path
) -> None:
    Path("others").symlink_to(pair)
    before = content(run)
    assert why in failed(ganctl("resume", "photos", *arguments), code)
    assert content(run) == before


def test_a_damaged_checkpoint_is_set_aside_only_when_nothing_is_refused_any_more(run: Run) -> None:
    (run.checkpoint(2 * STEPS) / STATE).write_bytes(b"")
    before = content(run)
    with pytest.raises(UsageError, match="no device"), session.resume(run, ResumeRequest(device="quantum")):
        pass
    with pytest.raises(DataError), session.resume(run, ResumeRequest(data="nowhere")):
        pass
    assert content(run) == before


def test_of_two_resumes_that_extend_one_after_the_other_neither_is_lost(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = Run.writing

    @contextmanager
    def when_the_other_is_through(self: Run) -> Iterator[None]:
        record = self.record()
        settings = {**record["settings"], "epochs": EPOCHS + 3}
        self.rewrite({**record, "settings": settings, "extensions": [{"from_step": 2 * STEPS, "epochs": EPOCHS + 3}]})
        with writing(self):
            yield

    monkeypatch.setattr(Run, "writing", when_the_other_is_through)
    go_on(run, stop_at=2 * STEPS + 1, more=1)
    record = run.record()
    assert record["settings"]["epochs"] == EPOCHS + 4
    assert [extension["epochs"] for extension in record["extensions"]] == [EPOCHS + 3, EPOCHS + 4]


def test_data_that_was_moved_and_renamed_is_learnt_from_to_the_same_bits(photos: Path, run: Run, whole: Run) -> None:
    record = run.record()
    run.rewrite({**record, "settings": {**record["settings"], "data": "/nowhere/any more"}})
    said = failed(ganctl("resume", "photos"), 4)
    assert said.endswith("If it is elsewhere now: ganctl resume runs/photos --data DIR")
    shutil.copytree(photos, "moved here")
    assert ganctl("resume", "photos", "--data", "moved here").code == 0
    assert_equal(run, whole)
    assert run.record()["settings"]["data"] == str(Path("moved here").absolute())
    assert run.record()["extensions"][-1]["changes"] == {"data": "moved here"}
    assert go_on(run, more=1) == ()


def test_other_data_is_refused_with_a_command_that_accepts_it(photos: Path, run: Run) -> None:
    shutil.copytree(photos, "other ones")
    shutil.copy(photos / "00.png", "other ones/01.png")
    said = failed(ganctl("resume", "photos", "--data", "other ones"), 4)
    accept = "--data 'other ones' --set allow_changed_data=true"
    assert said.endswith(f"Bring that back, or accept this: ganctl resume runs/photos {accept}")
    go_on(run, stop_at=11, data="other ones", changes={"allow_changed_data": "true"})


def test_domains_keep_their_names_where_the_data_has_another(pair: Path) -> None:
    run = begin(tiny_pair(pair), Path("a/run"), stop_at=1)
    record = run.record()
    run.rewrite({**record, "data": {**record["data"], "domains": ["cat", "dog"]}})
    go_on(run, stop_at=2, data=str(pair))
    assert tensorfile.read_header(run.checkpoint(2) / MODEL)["domains"] == ["cat", "dog"]


def test_the_device_is_chosen_anew_where_nobody_chose_it(run: Run) -> None:
    record = run.record()
    assert (record["settings"]["device"], record["device"]) == ("auto", "cpu")
    run.rewrite({**record, "device": "cuda (Some Card)"})
    (said,) = go_on(run, stop_at=11)
    assert said == "It was on cuda (Some Card) and is on cpu from here: its bits differ from those of a run that stays."
    assert run.record()["device"] == "cpu"
    assert go_on(run, stop_at=12) == ()


def test_a_device_that_is_not_here_is_refused_with_the_option_that_helps(run: Run) -> None:
    record = run.record()
    run.rewrite({**record, "settings": {**record["settings"], "device": "cuda:77"}, "device": "cpu"})
    said = failed(ganctl("resume", "photos"), 2)
    assert said.endswith("To go on here: ganctl resume runs/photos --device auto")
    go_on(run, stop_at=11, device="cpu")
    assert run.record()["settings"]["device"] == "cpu"
    assert run.record()["extensions"][-1]["changes"] == {"device": "cpu"}
