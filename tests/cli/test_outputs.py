"""What a command writes: nothing that exists is lost, unless that was asked for or is the command's own."""

import errno
import io
import os
import shlex
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest
from PIL import Image
from torch import Tensor

from ganctl import cli, progress
from ganctl.cli import progress as cli_progress
from ganctl.files import STAGING, atomic_file
from ganctl.images import grids
from ganctl.inference import model as inference
from ganctl.runs.run import Run
from tests.commands import Outcome, failed, ganctl
from tests.translators import write_model


@pytest.fixture(autouse=True)
def short_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two frames are enough."""
    short = partial(inference.LatentWalk, num_keys=1, frames_per_key=2)
    monkeypatch.setattr(inference, "LatentWalk", short)


COMMANDS = {
    "sample": ("sample", "photos", "-n", 2, "-o", "mine.png"),
    "make-gif": ("make-gif", "photos", "-o", "mine.gif"),
    "walk": ("make-gif", "photos", "--walk", "-o", "mine.gif"),
    "report": ("report", "photos", "-o", "mine.html"),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_what_exists_is_overwritten_only_where_that_is_asked_for(run: Run, command: tuple[object, ...]) -> None:
    mine = Path(str(command[-1]))
    mine.write_bytes(b"dear to me")
    said = failed(ganctl(*command), 2)
    remedy = shlex.join(["ganctl", *map(str, command), "--force"])
    assert said == f"Error: {mine} exists already. To replace it: {remedy}"
    assert mine.read_bytes() == b"dear to me"
    assert ganctl(*shlex.split(remedy)[1:]) == Outcome(0, [str(mine)], [])
    assert mine.read_bytes() != b"dear to me"


def test_single_pictures_are_all_written_or_none(run: Run) -> None:
    Path("out").mkdir()
    Path("out/2.png").write_bytes(b"dear to me")
    assert "out/2.png exists already" in failed(ganctl("sample", "photos", "-n", 4, "-o", "out"), 2)
    assert [path.name for path in Path("out").iterdir()] == ["2.png"]
    assert ganctl("sample", "photos", "-n", 4, "-o", "out", "--force").code == 0
    assert ganctl("sample", "photos", "-n", 4, "-o", "other/").out[2] == "other/2.png"
    assert Path("out/2.png").read_bytes() == Path("other/2.png").read_bytes()


def test_a_command_can_be_typed_twice_and_a_taken_default_name_gets_a_number(run: Run) -> None:
    names = [ganctl("sample", "photos", "-n", 2).out for _ in range(3)]
    assert names == [["photos-seed0.png"], ["photos-seed0-2.png"], ["photos-seed0-3.png"]]
    assert len({Path(name).read_bytes() for (name,) in names}) == 1
    Path("photos-seed0.png").write_bytes(b"old")
    assert ganctl("sample", "photos", "-n", 2, "--force").out == ["photos-seed0.png"]
    assert Path("photos-seed0.png").read_bytes() == Path("photos-seed0-2.png").read_bytes()
    Path("model-walk.gif").write_bytes(b"dear to me")
    model = run.checkpoint(10) / "model.safetensors"
    assert ganctl("make-gif", model, "--walk").out == ["model-walk-2.gif"]


@pytest.mark.parametrize(
    ("command", "name"),
    [(("make-gif",), "training.gif"), (("make-gif", "--walk"), "walk.gif"), (("report",), "report.html")],
)
def test_what_a_command_alone_owns_is_replaced(run: Run, command: tuple[str, ...], name: str) -> None:
    for told in [(), ("-o", run.path / name)]:
        (run.path / name).write_bytes(b"old")
        assert ganctl(*command, "photos", *told).out == [f"runs/photos/{name}"]
        assert (run.path / name).read_bytes() != b"old"
    assert {path.name for path in run.path.iterdir() if path.suffix == Path(name).suffix} == {name}


def test_a_full_disk_leaves_the_file_that_was_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ganctl("sample", "photos", "-n", 2, "-o", "x.png").code == 0
    before, written = Path("x.png").read_bytes(), Path.write_bytes

    def full(path: Path, content: bytes) -> None:
        written(path, content[:100])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        said = failed(ganctl("sample", "photos", "-n", 3, "-o", "x.png", "--force"), 1)
    assert said.startswith("Error: No space left on device: x.png, which takes ")
    assert Path("x.png").read_bytes() == before
    assert {path.name for path in Path().iterdir()} == {"runs", "x.png"}


def test_a_device_or_a_pipe_is_written_into_and_stays_one(run: Run) -> None:
    assert ganctl("report", "photos", "-o", "/dev/null") == Outcome(0, ["/dev/null"], [])
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    said = failed(ganctl("report", "photos", "-o", "/dev/full"), 1)
    assert said.startswith("Error: No space left on device: /dev/full, which takes ")
    os.mkfifo("pipe.png")
    reader = os.open("pipe.png", os.O_RDONLY | os.O_NONBLOCK)
    assert ganctl("sample", "photos", "-n", 1, "-o", "pipe.png").code == 0
    assert os.read(reader, 4) == b"\x89PNG"
    os.close(reader)
    assert stat.S_ISFIFO(Path("pipe.png").stat().st_mode)


def test_where_stdout_is_closed_pictures_are_translated_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    write_model(Path("model.safetensors"))
    for name in "ab":
        Image.new("RGB", (8, 8)).save(f"{name}.png")
    monkeypatch.setattr(sys, "argv", ["ganctl", "translate", "model.safetensors", "a.png", "b.png"])
    with redirect_stdout(None), pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 0
    assert len(list(Path().glob("[ab]-*.png"))) == 2


def test_what_a_killed_translation_left_half_written_is_removed_by_the_next() -> None:
    write_model(Path("model.safetensors"))
    Image.new("RGB", (8, 8)).save("a.png")
    Path(f"{STAGING}killed").mkdir()
    assert ganctl("translate", "model.safetensors", "a.png").code == 0
    assert not list(Path().glob(f"{STAGING}*"))


def test_a_link_is_written_through(run: Run) -> None:
    Path("far").mkdir()
    Path("page.html").symlink_to("far/page.html")
    assert ganctl("report", "photos", "-o", "page.html").code == 0
    assert Path("page.html").is_symlink()
    assert "exists already" in failed(ganctl("report", "photos", "-o", "page.html"), 2)


def test_a_name_of_255_bytes_fits(run: Run) -> None:
    for command, name in (("sample", "n" * 251 + ".png"), ("make-gif", "n" * 251 + ".gif"), ("report", "n" * 255)):
        assert ganctl(command, "photos", "-o", name).out == [name]


def test_a_training_leaves_alone_what_another_process_is_writing_into_its_run(run: Run) -> None:
    with atomic_file(run.training_gif) as staged:
        staged.write_bytes(b"half a film")
        assert ganctl("resume", "photos", "--more", 1).code == 0
    assert run.training_gif.read_bytes() == b"half a film"


def test_more_pictures_than_fit_into_a_grid_or_into_memory_are_refused_before_any_is_drawn(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference.Model, "generate_from", None)
    for count in (200_000, 10**14):
        said = failed(ganctl("sample", "photos", "-n", count, "-o", "big.png"), 2)
        assert said.startswith(f"Error: A grid of {count:,} pictures would have ")
        assert said.endswith(" Write single files into a folder: -o big/")
        assert f"Error: {10**14:,} pictures cannot be measured. Ask for 2 to " in failed(
            ganctl("evaluate", "photos", "-n", 10**14), 2
        )
    assert not list(Path().glob("big*"))


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
    told, err = ["ganctl", *map(str, arguments)], io.StringIO()
    reader, writer = os.pipe() if number == errno.EPIPE else (os.open("/dev/null", 0), os.open("/dev/full", os.O_RDWR))
    os.close(reader)
    with (
        os.fdopen(writer, "w") as out,
        patch.object(sys, "argv", told),
        redirect_stderr(err),
        redirect_stdout(out),
        pytest.raises(SystemExit) as left,
    ):
        cli.main()
    return int(str(left.value.code)), err.getvalue()


@pytest.mark.parametrize("number", [errno.EPIPE, errno.ENOSPC])
def test_a_stdout_that_goes_away_or_is_full_ends_no_work(run: Run, number: int) -> None:
    code = int(number == errno.ENOSPC)
    said = "Error: Standard output could not be written: No space left on device.\nAll that it was to name is made"
    found, words = ganctl_into(number, "sample", "photos", "-n", 9, "-o", "s/")
    assert (found, said in words) == (code, bool(code))
    assert len(list(Path("s").glob("*.png"))) == 9
    write_model(Path("model.safetensors"))
    for name in "abcd":
        Image.new("RGB", (8, 8)).save(f"{name}.png")
    names = [f"{name}.png" for name in "abcd"]
    found, words = ganctl_into(number, "translate", "model.safetensors", *names, "-o", "t")
    assert (found, said in words) == (code, bool(code))
    assert "translated 4 of 4" in words
    assert len(list(Path("t").glob("*.png"))) == 4


IS_FILE = "file is a file. Name another place with -o."
NO_FILM = "v has no ending to name a film format. Use .gif, .mp4, .mov, .mkv or .webm."


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("sample", "photos", "-n", 2, "-o", "file"), IS_FILE),
        (("sample", "photos", "-n", 2, "-o", "file/"), IS_FILE),
        (("sample", "photos", "-n", 2, "-o", "file/new/x.png"), IS_FILE),
        (("sample", "photos", "-n", 2, "-o", "/dev/null"), "/dev/null is no folder. Name another place with -o."),
        (("report", "photos", "-o", "file/x.html"), IS_FILE),
        (("make-gif", "photos", "-o", "file/x.gif"), IS_FILE),
        (("make-gif", "photos", "-o", "runs"), "runs is a folder. Name a file: -o runs/film.gif"),
        (("make-gif", "photos", "-o", "v"), NO_FILM),
        (("translate", "model.safetensors", "a.png", "-o", "file/x.png"), IS_FILE),
        (("translate", "model.safetensors", "a.png", "-o", "file/"), IS_FILE),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_a_place_that_cannot_be_written_to_is_refused_in_plain_words(
    run: Run, command: tuple[object, ...], said: str
) -> None:
    write_model(Path("model.safetensors"))
    Image.new("RGB", (8, 8)).save("a.png")
    Path("file").write_bytes(b"dear to me")
    assert failed(ganctl(*command), 2) == f"Error: {said}"
    assert Path("file").read_bytes() == b"dear to me"


@pytest.mark.parametrize("command", ["sample", "make-gif", "report", "translate"])
def test_an_empty_place_is_not_taken_for_the_usual_one(command: str) -> None:
    told = (command, "photos", *(["a.png"] if command == "translate" else []), "-o", "")
    assert failed(ganctl(*told), 2) == "Error: -o names no place. Name a file or a folder: -o PATH"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("sample", "photos", "-n", 9, "-o", "x.png"), "Drawing: 9 of 9 pictures."),
        (("sample", "photos", "-n", 9, "-o", "s/"), "Drawing: 9 of 9 pictures."),
        (("evaluate", "photos", "-n", 9), "Generating and measuring: 9 of 9 pictures."),
        (("make-gif", "photos", "-o", "x.gif"), "Filming x.gif: 3 pictures"),
        (("make-gif", "photos", "--walk", "-o", "x.gif"), "Filming x.gif: 2 pictures"),
    ],
    ids=["grid", "singles", "evaluate", "film", "walk"],
)
def test_work_that_takes_long_says_on_a_pipe_how_far_it_is(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[object, ...], said: str
) -> None:
    told: list[str] = []

    @contextmanager
    def shown(task: progress.Task) -> Iterator[None]:
        yield
        told.append(f"{task.what}: {cli_progress.done_so_far(task, time.monotonic())}.")

    monkeypatch.setattr(cli_progress, "waiting", shown)
    assert ganctl(*command).code == 0
    assert any(line.startswith(said) for line in told), told
