"""The run directory: there or not there, one writer, and a log that a kill cannot spoil."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from ganctl.errors import CheckpointError, GanctlError, UsageError
from ganctl.files import STAGING, atomic_file, umask
from ganctl.runs import run as runs
from ganctl.runs.names import create_free, find, find_run, free_name, known, locate
from ganctl.runs.run import Run, create
from tests.commands import failed, ganctl, train
from tests.trainings import go_on

RECORD: dict[str, Any] = {
    "format": 1,
    "settings": {"family": "dcgan", "options": {}},
    "data": {"name": "photos", "fingerprint": "0", "train": 40, "held_out": 2},
    "versions": {},
    "device": "cpu",
    "threads": 1,
    "steps_per_epoch": 1,
    "extensions": [],
    "command": "ganctl train dcgan",
}

# Does what a training does to a run's folder, and leaves at the n-th thing it asks of the disk, as kill -9 would.
# Without torch a hundred of these take no time.
KILLED = """
import json, os, sys
from pathlib import Path
from ganctl.runs.names import create_free
from ganctl.runs.run import Run
record = json.loads(sys.stdin.read())
touches = {"open", "os.mkdir", "os.rename", "os.chmod", "os.remove", "os.rmdir", "os.truncate", "fcntl.flock"}
left = 0
def count(event, arguments):
    global left
    if event in touches:
        left -= 1
        if left == 0:
            os._exit(9)
n = code = 0
while code != 0 or n == 0:
    n += 1
    place = Path("kills", str(n))
    place.mkdir(parents=True)
    child = os.fork()
    if child == 0:
        os.chdir(place)
        left = n
        sys.addaudithook(count)
        run = create_free("photos", record)
        with run.writing():
            run.log_event("start", step=0)
            run.append_log(['{"step": 1, "epoch": 1}'])
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 9), code
print(n)
"""

HOLDER = """
import sys, time
from pathlib import Path
from ganctl.runs.run import Run
with Run(Path(sys.argv[1])).writing():
    print("held", flush=True)
    time.sleep(600)
"""


def python(script: str, *arguments: object, told: str = "") -> str:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, input=told, capture_output=True, text=True, check=True, timeout=60).stdout


@contextmanager
def another_writer(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that writes a run, until the end of the block."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            yield holder
        finally:
            holder.kill()


def test_a_kill_at_any_moment_of_the_creation_leaves_no_run_or_one_that_resumes(photos: Path) -> None:
    assert train(photos, "--run", "whole", "--epochs", 1).code == 0
    moments = int(python(KILLED, told=json.dumps(Run(Path("runs/whole")).record())))
    assert moments > 10
    born = [Run(Path(f"kills/{n}/runs/photos")) for n in range(1, moments + 1)]
    born = [run for run in born if run.path.exists()]
    assert 1 < len(born) < moments
    for run in born:
        go_on(run, stop_at=1)
        assert run.checkpoint_steps() == [1]
        assert not list(run.path.glob(".tmp-*"))


@pytest.mark.parametrize("step", ["tempfile.mkdtemp", "os.fsync", "pathlib.Path.mkdir", "pathlib.Path.rename"])
@pytest.mark.parametrize("error", [OSError("no"), KeyboardInterrupt()], ids=["refusal", "interrupt"])
def test_a_creation_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException) -> None:
    Path("runs").mkdir()

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(step, fail)
    with pytest.raises(type(error)):
        create(Path("runs/x"), RECORD)
    assert list(Path("runs").iterdir()) == []


def test_a_new_run_has_its_record_and_its_folders() -> None:
    run = create(Path("a/b/run"), RECORD)
    assert run.record() == RECORD
    assert sorted(path.name for path in run.path.iterdir()) == ["checkpoints", "progress", "run.json"]
    assert list(Path("a/b").iterdir()) == [run.path]
    assert run.path.stat().st_mode & 0o777 == 0o777 & ~umask()


def test_of_two_that_create_the_same_run_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    quicker = [True]

    def rename(staged: Path, target: Path) -> Path:
        if quicker and quicker.pop():
            create(target, RECORD)
        return staged.replace(target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(UsageError, match="ganctl resume runs/x"):
        create(Path("runs/x"), RECORD)
    assert list(Path("runs").iterdir()) == [Path("runs/x")]
    quicker.append(True)
    assert create_free("y", RECORD).path == Path("runs/y-2")


def test_a_path_that_is_not_unicode_is_recorded() -> None:
    record = {**RECORD, "command": "ganctl train dcgan --data caf\udce9"}
    run = create(Path("runs/x"), record)
    run.log_event("start", command=record["command"])
    assert run.record() == record
    assert run.events.read_bytes()


def test_a_second_writer_is_refused_and_told_who_writes() -> None:
    run = create(Path("runs/x"), RECORD)
    with another_writer(run.path) as holder:
        assert run.is_being_written()
        with pytest.raises(GanctlError, match=rf"runs/x is being written by process {holder.pid} \(-c runs/x\)"):
            run.writing().__enter__()
        said = failed(ganctl("resume", "x"), 1)
        assert f"process {holder.pid} " in said
        assert said.endswith("Stop it first, or wait.")


def test_a_writer_that_is_killed_leaves_the_run_free() -> None:
    run = create(Path("runs/x"), RECORD)
    with another_writer(run.path) as holder:
        holder.kill()
        holder.wait()
        assert (run.path / ".owner").exists()
        assert not run.is_being_written()
        with run.writing():
            assert run.is_being_written()
    assert not run.is_being_written()
    assert not (run.path / ".owner").exists()


def test_a_look_at_the_run_does_not_turn_its_writer_away() -> None:
    run = create(Path("runs/x"), RECORD)
    look = FileLock(run.path / ".lock", thread_local=False)
    look.acquire()
    threading.Timer(0.1, look.release).start()
    with run.writing():
        assert not look.is_locked


def test_a_run_that_may_not_be_locked_is_not_said_to_be_in_training(monkeypatch: pytest.MonkeyPatch) -> None:
    run = create(Path("runs/x"), RECORD)
    with run.writing():
        pass
    (run.path / ".lock").touch()

    def refused(*_: object, **__: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(FileLock, "acquire", refused)
    assert not run.is_being_written()


def test_a_writer_sweeps_up_what_a_killed_one_left() -> None:
    run = create(Path("runs/x"), RECORD)
    for folder in (run.path, run.checkpoints, run.progress):
        (folder / f"{STAGING}x").mkdir()
        (folder / f"{STAGING}x" / "new.json").write_text("half")
    with run.writing():
        assert not list(run.path.rglob(".tmp-*"))


def test_a_writer_leaves_alone_what_other_processes_are_writing_into_the_run() -> None:
    run = create(Path("runs/x"), RECORD)
    with atomic_file(run.report) as page, atomic_file(run.preview(3)) as sheet:
        page.write_text("half")
        sheet.write_text("half")
        with run.writing():
            assert page.exists()
            assert sheet.exists()
    assert run.report.exists()
    assert run.preview(3).exists()


def log_of(run: Run, *lines: str) -> None:
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
    log_of(run, '{"step": 3}\n', torn)
    assert [line["step"] for line in run.read_log()] == [3]
    run.cut_log(10)
    run.append_log(['{"step": 6}'])
    assert run.log.read_text() == '{"step": 3}\n{"step": 6}\n'


def test_lines_that_the_disk_refuses_leave_the_log_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    run = create(Path("runs/x"), RECORD)
    log_of(run, '{"step": 3}\n')
    run.log.rename(run.path / "kept")
    run.log.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        run.append_log(['{"step": 6}'])
    run.log_event("harmless")
    run.log.unlink()
    (run.path / "kept").rename(run.log)
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


def test_what_is_set_aside_is_brought_to_the_disk_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    run = create(Path("runs/x"), RECORD)
    synced: list[Path] = []
    for step in (5, 10):
        run.checkpoint(step).mkdir()
        run.preview(step // 5).touch()
    monkeypatch.setattr(runs, "fsync_folder", synced.append)
    aside = run.abandon(5, 1)
    assert aside == run.path / "abandoned/1"
    assert synced == [aside / "checkpoints", run.checkpoints, aside / "progress", run.progress]


def test_the_record_is_replaced_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    run = create(Path("runs/x"), RECORD)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            run.rewrite({**RECORD, "threads": 2})
    assert run.record() == RECORD
    run.rewrite({**RECORD, "threads": 2})
    assert run.record()["threads"] == 2
    assert not list(run.path.glob(".tmp-*"))


def test_a_name_lies_under_runs_and_a_slash_makes_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert locate("x") == Path("runs/x")
    assert locate("./x") == Path("x")
    assert locate("a/b") == Path("a/b")
    assert locate("~/x") == Path("/home/ada/x")
    for name in ("", " ", ".", "..", ".x"):
        with pytest.raises(UsageError):
            locate(name)


def test_free_names_count_up() -> None:
    assert free_name("digits") == Path("runs/digits")
    for path in ("runs/digits", "runs/digits-2", "runs/digits-4"):
        Path(path).mkdir(parents=True)
    assert free_name("digits") == Path("runs/digits-3")
    assert free_name(".hidden") == Path("runs/hidden")
    assert free_name("...") == Path("runs/run")


def test_runs_are_known_by_name_and_unfinished_creations_are_not() -> None:
    assert known() == []
    create(Path("runs/b"), RECORD)
    create(Path("runs/a"), RECORD)
    Path("runs/.tmp-abc").mkdir()
    Path("runs/.tmp-abc/run.json").write_text("{}")
    Path("runs/empty").mkdir()
    assert known() == [Run(Path("runs/a")), Run(Path("runs/b"))]


def test_a_model_is_looked_for_as_a_path_first_and_as_a_name_then() -> None:
    run = create(Path("runs/x"), RECORD)
    assert find("x") == find("runs/x") == run.path
    create(Path("x"), RECORD)
    assert find("x") == Path("x")
    assert find_run("x") == Run(Path("x"))
    Path("weights.safetensors").touch()
    assert find("weights.safetensors") == Path("weights.safetensors")
    with pytest.raises(CheckpointError, match="is no run: it holds no"):
        find_run("weights.safetensors")
    Path("x.txt").touch()
    for wrong in ("x.txt", "y", "runs", "", "x/y", "runs/x/run.json"):
        with pytest.raises(CheckpointError, match="is no run, checkpoint or"):
            find(wrong)


def test_sheets_and_checkpoints_are_found_by_their_numbers() -> None:
    run = create(Path("runs/x"), RECORD)
    for epoch in (0, 2, 10, 12345):
        run.preview(epoch).touch()
    (run.progress / "epoch-x.png").touch()
    assert run.previews() == [(epoch, run.preview(epoch)) for epoch in (0, 2, 10, 12345)]
    for step in (5, 123456789, 40):
        run.checkpoint(step).mkdir()
    (run.checkpoints / "unusable-1-step-00000099").mkdir()
    (run.checkpoints / "step-x").mkdir()
    assert run.checkpoint_steps() == [123456789, 40, 5]


def test_the_command_to_go_on_can_be_typed_as_it_is() -> None:
    assert Run(Path("runs/my photos")).resume_command == "ganctl resume 'runs/my photos'"


@pytest.mark.parametrize(
    ("argv", "command"),
    [
        (["/usr/bin/ganctl", "info", "my run"], "ganctl info 'my run'"),
        (["/lib/ganctl/__main__.py", "runs"], "ganctl runs"),
        (["train.py", "x"], "train.py x"),
    ],
)
def test_the_recorded_command_can_be_typed_again(
    monkeypatch: pytest.MonkeyPatch, argv: list[str], command: str
) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    assert runs.command_line() == command
