"""A run has one writer: a second one is refused, and a killed one leaves nothing behind."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from ganctl.errors import GanctlError
from ganctl.files import STAGING, atomic_file
from ganctl.runs.run import create
from tests.commands import failed, ganctl
from tests.handmade_runs import RECORD

HOLDER = """
import sys, time
from pathlib import Path
from ganctl.runs.run import Run
with Run(Path(sys.argv[1])).writing():
    print("held", flush=True)
    time.sleep(600)
"""


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


def test_a_second_writer_is_refused_by_the_name_of_the_first() -> None:
    run = create(Path("runs/x"), RECORD)
    with another_writer(run.path) as holder:
        assert run.is_being_written()
        with pytest.raises(GanctlError, match=rf"runs/x is being written by process {holder.pid} \(-c runs/x\)"):
            run.writing().__enter__()
        message = failed(ganctl("resume", "x"), 1)
        assert f"process {holder.pid} " in message
        assert message.endswith("Stop it first, or wait.")


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


def test_a_process_that_reads_the_run_does_not_turn_its_writer_away() -> None:
    run = create(Path("runs/x"), RECORD)
    reader = FileLock(run.path / ".lock", thread_local=False)
    reader.acquire()
    threading.Timer(0.1, reader.release).start()
    with run.writing():
        assert not reader.is_locked


def test_a_run_that_may_not_be_locked_does_not_count_as_in_training(monkeypatch: pytest.MonkeyPatch) -> None:
    run = create(Path("runs/x"), RECORD)
    with run.writing():
        pass
    (run.path / ".lock").touch()

    def refused(*_: object, **__: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(FileLock, "acquire", refused)
    assert not run.is_being_written()


def test_a_writer_removes_what_a_killed_one_left() -> None:
    run = create(Path("runs/x"), RECORD)
    for folder in (run.path, run.checkpoints, run.progress):
        (folder / f"{STAGING}x").mkdir()
        (folder / f"{STAGING}x" / "new.json").write_text("half")
    with run.writing():
        assert not list(run.path.rglob(".tmp-*"))


def test_a_writer_leaves_alone_what_other_processes_are_writing_into_the_run() -> None:
    run = create(Path("runs/x"), RECORD)
    with atomic_file(run.report) as page, atomic_file(run.preview(3)) as preview:
        page.write_text("half")
        preview.write_text("half")
        with run.writing():
            assert page.exists()
            assert preview.exists()
    assert run.report.exists()
    assert run.preview(3).exists()
