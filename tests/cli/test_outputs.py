"""What a command writes: nothing that exists is lost, unless that was asked for or is the command's own."""

import os
import shlex
import stat
from pathlib import Path

import pytest
from PIL import Image

from ganctl.files import STAGING, atomic_file
from ganctl.inference import model as inference
from ganctl.runs.run import Run
from tests.commands import Outcome, failed, ganctl
from tests.translators import write_model

pytestmark = pytest.mark.usefixtures("short_walk")


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
    message = failed(ganctl(*command), 2)
    remedy = shlex.join(["ganctl", *map(str, command), "--force"])
    assert message == f"Error: {mine} exists already. To replace it: {remedy}"
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
    for arguments in [(), ("-o", run.path / name)]:
        (run.path / name).write_bytes(b"old")
        assert ganctl(*command, "photos", *arguments).out == [f"runs/photos/{name}"]
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
        message = failed(ganctl("sample", "photos", "-n", 3, "-o", "x.png", "--force"), 1)
    assert message.startswith("Error: No space left on device: x.png, which takes ")
    assert Path("x.png").read_bytes() == before
    assert {path.name for path in Path().iterdir()} == {"runs", "x.png"}


def test_a_device_or_a_pipe_is_written_into_and_stays_one(run: Run) -> None:
    assert ganctl("report", "photos", "-o", "/dev/null") == Outcome(0, ["/dev/null"], [])
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    message = failed(ganctl("report", "photos", "-o", "/dev/full"), 1)
    assert message.startswith("Error: No space left on device: /dev/full, which takes ")
    os.mkfifo("pipe.png")
    reader = os.open("pipe.png", os.O_RDONLY | os.O_NONBLOCK)
    assert ganctl("sample", "photos", "-n", 1, "-o", "pipe.png").code == 0
    assert os.read(reader, 4) == b"\x89PNG"
    os.close(reader)
    assert stat.S_ISFIFO(Path("pipe.png").stat().st_mode)


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


def test_more_pictures_than_fit_into_a_grid_or_into_memory_are_refused_before_any_is_generated(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference.Model, "generate_from", None)
    for count in (200_000, 10**14):
        message = failed(ganctl("sample", "photos", "-n", count, "-o", "big.png"), 2)
        assert message.startswith(f"Error: A grid of {count:,} pictures would have ")
        assert message.endswith(" Write single files into a folder: -o big/")
        assert f"Error: {10**14:,} pictures cannot be measured. Ask for 2 to " in failed(
            ganctl("evaluate", "photos", "-n", 10**14), 2
        )
    assert not list(Path().glob("big*"))


IS_FILE = "file is a file. Name another place with -o."


NO_FILM = "v has no ending to name a film format. Use .gif, .mp4, .mov, .mkv or .webm."


@pytest.mark.parametrize(
    ("command", "message"),
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
def test_a_path_that_cannot_be_written_to_is_refused_in_plain_words(
    run: Run, command: tuple[object, ...], message: str
) -> None:
    write_model(Path("model.safetensors"))
    Image.new("RGB", (8, 8)).save("a.png")
    Path("file").write_bytes(b"dear to me")
    assert failed(ganctl(*command), 2) == f"Error: {message}"
    assert Path("file").read_bytes() == b"dear to me"


@pytest.mark.parametrize("command", ["sample", "make-gif", "report", "translate"])
def test_an_empty_path_is_not_taken_for_the_default(command: str) -> None:
    arguments = (command, "photos", *(["a.png"] if command == "translate" else []), "-o", "")
    assert failed(ganctl(*arguments), 2) == "Error: -o names no place. Name a file or a folder: -o PATH"
