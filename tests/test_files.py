"""Writing files: wholly on the disk or not there, through links, into devices, beside other writers."""

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from ganctl import files
from ganctl.files import (
    STAGING,
    append_lines,
    atomic_file,
    atomic_folder,
    free_path,
    make_folder,
    remove_folder,
    remove_strays,
    write_atomically,
)

LONG = "n" * 251 + ".png"  # 255 bytes, as long as a name can be

HALF_WRITTEN = """
import os, sys, time
from pathlib import Path
from ganctl.files import atomic_file
with atomic_file(Path(sys.argv[1])) as staged:
    staged.write_bytes(b"half")
    print(staged, flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_writing(path: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that has half a file written, and what it is writing to."""
    command = [sys.executable, "-c", HALF_WRITTEN, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        try:
            assert writer.stdout is not None
            yield writer, Path(writer.stdout.readline().rstrip("\n"))
        finally:
            writer.kill()


def a_file(path: Path) -> None:
    write_atomically(path, b"new")


def a_folder(path: Path) -> None:
    with atomic_folder(path) as staged:
        (staged / "inner.txt").write_bytes(b"new")


WAYS = pytest.mark.parametrize("write", [a_file, a_folder], ids=["file", "folder"])


@WAYS
def test_what_is_written_is_there_with_the_folders_above_it_and_nothing_else(write: Callable[[Path], None]) -> None:
    write(Path("a/b/c"))
    assert {path.name for path in Path().rglob("*")} - {"inner.txt"} == {"a", "b", "c"}
    kind = 0o777 if write is a_folder else 0o666
    assert stat.S_IMODE(Path("a/b/c").stat().st_mode) == kind & ~files.umask()


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()], ids=["refusal", "interrupt"])
@pytest.mark.parametrize("call", ["os.fsync", "tempfile.mkdtemp", "os.rename"])
@WAYS
def test_what_fails_leaves_everything_as_it_was(
    write: Callable[[Path], None], error: BaseException, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if write is a_file:
        Path("x").write_bytes(b"old")
    before = set(Path().iterdir())

    def fail(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch, pytest.raises(type(error)):
        for name in (call, "os.replace") if call == "os.rename" else (call,):
            patch.setattr(name, fail)
        write(Path("x"))
    assert set(Path().iterdir()) == before
    assert write is a_folder or Path("x").read_bytes() == b"old"


def test_a_folder_whose_name_was_not_brought_to_the_disk_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(folder: Path) -> None:
        if Path("x").exists():
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(files, "fsync_folder", fail)
    with pytest.raises(OSError, match=r"Input/output error: 'x'"):
        a_folder(Path("x"))
    assert [str(path) for path in Path().rglob("*")] == ["x", "x/inner.txt"]


def test_a_link_stays_a_link_and_what_it_points_to_is_written() -> None:
    Path("far").mkdir()
    Path("far/old.txt").write_bytes(b"old")
    for link, target in (("to-old", "far/old.txt"), ("to-nothing", "far/not-yet.txt"), ("to-link", "to-old")):
        Path(link).symlink_to(target)
        write_atomically(Path(link), link.encode())
        assert Path(link).is_symlink()
        assert Path(target).read_bytes() == link.encode()
    assert not Path("far/old.txt").is_symlink()


def test_what_is_no_regular_file_is_written_into() -> None:
    os.mkfifo("pipe.png")
    reader = os.open("pipe.png", os.O_RDONLY | os.O_NONBLOCK)
    for name in ("pipe.png", "link.png"):
        Path("link.png").unlink(missing_ok=True)
        Path("link.png").symlink_to("pipe.png")
        write_atomically(Path(name), b"a picture")
        assert os.read(reader, 100) == b"a picture"
    os.close(reader)
    assert stat.S_ISFIFO(Path("pipe.png").stat().st_mode)
    write_atomically(Path("/dev/null"), b"all of it")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    with pytest.raises(OSError, match=r"No space left on device: '/dev/full'"):
        write_atomically(Path("/dev/full"), b"all of it")


def test_a_name_may_be_as_long_as_the_disk_allows() -> None:
    a_file(Path(LONG))
    a_folder(Path("f" * 255))
    a_file(Path("a." + "b" * 253))
    assert sorted(path.name for path in Path().iterdir()) == ["a." + "b" * 253, "f" * 255, LONG]


def test_permissions_of_what_is_replaced_are_kept() -> None:
    for mode in (0o600, 0o444):
        Path("x").unlink(missing_ok=True)
        Path("x").touch()
        Path("x").chmod(mode)
        a_file(Path("x"))
        assert stat.S_IMODE(Path("x").stat().st_mode) == mode


def test_a_writer_that_chooses_by_the_ending_is_given_the_same() -> None:
    with atomic_file(Path("film.webm")) as staged:
        assert staged.suffix == ".webm"
        staged.touch()


def test_another_living_process_is_let_write_and_a_dead_ones_stray_is_removed() -> None:
    with another_writing("x.txt") as (writer, staged):
        assert staged.exists()
        remove_strays(Path())
        a_folder(Path("y"))
        assert staged.read_bytes() == b"half"
        assert not Path("x.txt").exists()
        writer.communicate("go on")
        assert Path("x.txt").read_bytes() == b"half"
    with another_writing("z.txt") as (writer, staged):
        writer.kill()
        writer.wait()
        assert staged.exists()
        remove_strays(Path())
        assert {path.name for path in Path().iterdir()} == {"x.txt", "y"}


def test_a_new_folder_sweeps_up_beside_it_but_what_is_not_ours_stays() -> None:
    Path(f"{STAGING}dead").mkdir()
    Path(".tmp-of-another-program").mkdir()
    a_folder(Path("x"))
    assert {path.name for path in Path().iterdir()} == {"x", ".tmp-of-another-program"}


def test_a_staging_folder_that_is_taken_for_a_stray_in_its_first_moment_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    locks: list[Path] = []

    def swept_first(path: Path) -> FileLock:
        if not locks:
            path.parent.rmdir()
        locks.append(path)
        return FileLock(path)

    monkeypatch.setattr("ganctl.files.FileLock", swept_first)
    a_file(Path("x"))
    assert Path("x").read_bytes() == b"new"


def test_a_folder_is_removed_in_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    a_folder(Path("x"))

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("shutil.rmtree", killed)
        remove_folder(Path("x"))
    assert not Path("x").exists()
    remove_strays(Path())
    assert not list(Path().iterdir())
    with pytest.raises(FileNotFoundError, match=r"'x'"):
        remove_folder(Path("x"))


def test_folders_that_are_missing_are_made_and_brought_to_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(files, "fsync_folder", synced.append)
    make_folder(Path("a/b/c"))
    make_folder(Path("a/b/c"))
    assert Path("a/b/c").is_dir()
    assert synced == [Path(), Path("a"), Path("a/b")]


def test_a_line_after_half_a_line_is_a_line_of_its_own() -> None:
    path = Path("lines")
    append_lines(path, ["one", "two"])
    path.write_bytes(path.read_bytes() + b'{"half')
    append_lines(path, ["three"])
    append_lines(path, ["four"])
    assert path.read_bytes() == b'one\ntwo\n{"half\nthree\nfour\n'


def test_a_free_path_counts_up() -> None:
    assert free_path(Path("a/x.tar.png")) == Path("a/x.tar.png")
    Path("x.png").symlink_to("nowhere")
    Path("x-2.png").touch()
    assert free_path(Path("x.png")) == Path("x-3.png")


def test_a_folder_that_its_owner_makes_anew_while_strays_are_removed_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its owner had made it and not locked it yet; the lock makes the folder again."""
    folder = tmp_path / f"{files.STAGING}new"
    folder.mkdir()

    class Released(FileLock):
        def release(self, force: bool = False) -> None:
            super().release(force)
            folder.mkdir(exist_ok=True)
            (folder / "run.json").touch()

    monkeypatch.setattr(files, "FileLock", Released)
    files.remove_strays(tmp_path)
    assert (folder / "run.json").exists()
