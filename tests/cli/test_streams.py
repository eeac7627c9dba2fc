"""Streams that are closed, full or slow to show something: the work goes on, and a pipe hears how far it is."""

import errno
import io
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import pytest
from PIL import Image
from torch import Tensor

from ganctl import cli, tasks
from ganctl.cli import progress as cli_progress
from ganctl.images import grids
from ganctl.runs.run import Run
from tests.commands import failed, ganctl
from tests.translators import write_model

pytestmark = pytest.mark.usefixtures("short_walk")


def test_where_stdout_is_closed_pictures_are_translated_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    write_model(Path("model.safetensors"))
    for name in "ab":
        Image.new("RGB", (8, 8)).save(f"{name}.png")
    monkeypatch.setattr(sys, "argv", ["ganctl", "translate", "model.safetensors", "a.png", "b.png"])
    with redirect_stdout(None), pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 0
    assert len(list(Path().glob("[ab]-*.png"))) == 2


def test_single_pictures_stream_however_many_are_asked_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    save = grids.save_image

    def third_is_refused(path: Path, image: Tensor) -> None:
        if path.stem.endswith("2"):
            raise OSError(28, "No space left on device", str(path))
        save(path, image)

    monkeypatch.setattr(grids, "save_image", third_is_refused)
    assert ganctl("sample", "photos", "-n", 10**14, "-o", "big/").code == 1
    assert sorted(path.name for path in Path("big").iterdir()) == ["00000000000000.png", "00000000000001.png"]
    assert "big/00000000000000.png exists already" in failed(ganctl("sample", "photos", "-n", 10**14, "-o", "big/"), 2)


def ganctl_into(number: int, *arguments: object) -> tuple[int, str]:
    """The exit code of a command whose stdout refuses everything with an error, and what it says."""
    command_line, err = ["ganctl", *map(str, arguments)], io.StringIO()
    reader, writer = os.pipe() if number == errno.EPIPE else (os.open("/dev/null", 0), os.open("/dev/full", os.O_RDWR))
    os.close(reader)
    with (
        os.fdopen(writer, "w") as out,
        patch.object(sys, "argv", command_line),
        redirect_stderr(err),
        redirect_stdout(out),
        pytest.raises(SystemExit) as left,
    ):
        cli.main()
    return int(str(left.value.code)), err.getvalue()


@pytest.mark.parametrize("number", [errno.EPIPE, errno.ENOSPC])
def test_a_stdout_that_goes_away_or_is_full_ends_no_work(run: Run, number: int) -> None:
    code = int(number == errno.ENOSPC)
    message = "Error: Standard output could not be written: No space left on device.\nAll files were written"
    exit_code, words = ganctl_into(number, "sample", "photos", "-n", 9, "-o", "s/")
    assert (exit_code, message in words) == (code, bool(code))
    assert len(list(Path("s").glob("*.png"))) == 9
    write_model(Path("model.safetensors"))
    for name in "abcd":
        Image.new("RGB", (8, 8)).save(f"{name}.png")
    names = [f"{name}.png" for name in "abcd"]
    exit_code, words = ganctl_into(number, "translate", "model.safetensors", *names, "-o", "t")
    assert (exit_code, message in words) == (code, bool(code))
    assert "translated 4 of 4" in words
    assert len(list(Path("t").glob("*.png"))) == 4


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("sample", "photos", "-n", 9, "-o", "x.png"), "Generating: 9 of 9 pictures."),
        (("sample", "photos", "-n", 9, "-o", "s/"), "Generating: 9 of 9 pictures."),
        (("evaluate", "photos", "-n", 9), "Generating and measuring: 9 of 9 pictures."),
        (("make-gif", "photos", "-o", "x.gif"), "Filming x.gif: 3 pictures"),
        (("make-gif", "photos", "--walk", "-o", "x.gif"), "Filming x.gif: 2 pictures"),
    ],
    ids=["grid", "singles", "evaluate", "film", "walk"],
)
def test_work_that_takes_long_says_on_a_pipe_how_far_it_is(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[object, ...], message: str
) -> None:
    lines: list[str] = []

    @contextmanager
    def shown(task: tasks.Task) -> Iterator[None]:
        yield
        lines.append(f"{task.what}: {cli_progress.done_so_far(task, time.monotonic())}.")

    monkeypatch.setattr(cli_progress, "waiting", shown)
    assert ganctl(*command).code == 0
    assert any(line.startswith(message) for line in lines), lines
