"""A disk that is full or refuses is named, with the way out, and nothing is left half-written."""

import errno
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest

from ganctl import files
from ganctl.runs import checkpoint
from ganctl.runs.run import Run
from tests.commands import failed, ganctl, nothing_left, train


def test_a_path_that_cannot_be_written_is_refused(photos: Path, run: Run) -> None:
    Path("file").write_text("in the way")
    before = set(Path().rglob("*"))
    for path in ("file/run", "/proc/nosuch/run"):
        failed(train(photos, "--run", path), 1)
    for path, code in (("file/out.png", 2), ("/proc/nosuch/out.png", 1), ("/proc/nosuch/", 1)):
        failed(ganctl("sample", "photos", "-o", path), code)
        failed(ganctl("make-gif", "photos", "-o", Path(path).with_suffix(".gif")), code)
    assert set(Path().rglob("*")) == before


def refuse(number: int) -> Any:
    """A function that fails as a disk does."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refused


@pytest.mark.parametrize("command", ["sample", "make-gif", "report"])
def test_a_full_disk_names_the_file_what_it_takes_and_the_way_out(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    name = {"sample": "a.png", "make-gif": "a.gif", "report": "a.html"}[command]
    monkeypatch.setattr(files, "_fsync_file", refuse(errno.ENOSPC))
    message = failed(ganctl(command, "photos", "-o", name), 1)
    assert re.match(
        rf"Error: No space left on device: {re.escape(name)}, which takes [\d.]+ [kM]B\. Make room ", message
    )
    assert message.endswith("Make room there, for example with ganctl cache --clear, or name another place with -o.")
    assert not Path(name).exists()


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EACCES])
def test_a_disk_that_refuses_a_new_run_exits_1(photos: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    train(photos, "--dry-run")  # so that the pictures are decoded already
    monkeypatch.setattr(tempfile, "mkdtemp", refuse(number))
    message = failed(train(photos), 1)
    assert message.startswith(f"Error: {os.strerror(number)}: runs/{photos.name}. ")
    assert message.endswith("ame another place with --run.")
    assert ("ganctl cache --clear" in message) == (number == errno.ENOSPC)
    assert nothing_left()


@pytest.mark.parametrize(
    ("number", "first"), [(errno.ENOSPC, "Make room for it"), (errno.EFBIG, "Raise its limit (ulimit -f)")]
)
def test_a_disk_that_is_full_at_the_end_exits_1_and_the_run_goes_on_later(
    photos: Path, monkeypatch: pytest.MonkeyPatch, number: int, first: str
) -> None:
    with monkeypatch.context() as full:
        full.setattr(checkpoint, "save", refuse(number))
        outcome = train(photos, "--run", "photos")
    assert "Warning: The checkpoint of step 5 could not be saved" in outcome.err[2]
    assert failed(outcome, 1) == (
        f"Error: runs/photos could not be saved: {os.strerror(number)}. {first}, then: ganctl resume runs/photos"
    )
    assert ganctl("resume", "photos").code == 0
    assert Run(Path("runs/photos")).checkpoint_steps()[0] == 10
