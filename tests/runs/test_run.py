"""A run directory is wholly there or not there, and says which commands begin it and go on with it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ganctl.errors import UsageError
from ganctl.files import umask
from ganctl.runs import run as runs
from ganctl.runs.names import create_free
from ganctl.runs.run import Run, create
from tests.commands import train
from tests.handmade_runs import RECORD
from tests.trainings import go_on

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
    folder = Path("kills", str(n))
    folder.mkdir(parents=True)
    child = os.fork()
    if child == 0:
        os.chdir(folder)
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


def run_python(script: str, *arguments: object, input_text: str = "") -> str:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, input=input_text, capture_output=True, text=True, check=True, timeout=60).stdout


def test_a_kill_at_any_moment_of_the_creation_leaves_no_run_or_one_that_resumes(photos: Path) -> None:
    assert train(photos, "--run", "whole", "--epochs", 1).code == 0
    kills = int(run_python(KILLED, input_text=json.dumps(Run(Path("runs/whole")).record())))
    assert kills > 10
    created = [Run(Path(f"kills/{n}/runs/photos")) for n in range(1, kills + 1)]
    created = [run for run in created if run.path.exists()]
    assert 1 < len(created) < kills
    for run in created:
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


def test_the_record_is_replaced_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    run = create(Path("runs/x"), RECORD)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            run.write_record({**RECORD, "threads": 2})
    assert run.record() == RECORD
    run.write_record({**RECORD, "threads": 2})
    assert run.record()["threads"] == 2
    assert not list(run.path.glob(".tmp-*"))


def test_previews_and_checkpoints_are_listed_by_their_numbers() -> None:
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
