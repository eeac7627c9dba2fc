"""A failure to write names the path that was asked for, and no staging folder."""

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ganctl.files import STAGING, atomic_file, atomic_folder, reason, write_atomically


def write_file(path: Path) -> None:
    write_atomically(path, b"new")


def write_folder(path: Path) -> None:
    with atomic_folder(path) as staged:
        (staged / "inner.txt").write_bytes(b"new")


def parent_is_a_file() -> None:
    write_file(Path("file/x.png"))


def folder_in_the_way() -> None:
    write_file(Path("folder"))


def folder_exists() -> None:
    write_folder(Path("folder"))


def link_loop() -> None:
    write_file(Path("loop"))


def full_disk() -> None:
    with atomic_folder(Path("a/b")) as staged:
        (staged / "c").symlink_to("/dev/full")
        (staged / "c").write_bytes(b"much")


def missing_parent() -> None:
    with atomic_folder(Path("a/b")) as staged:
        (staged / "c/d").write_bytes(b"much")


def nested_write() -> None:
    with atomic_folder(Path("a/b")) as staged:
        (staged / "c").mkdir()
        write_file(staged / "c")


def refusal() -> None:
    with atomic_file(Path("x.png")):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (parent_is_a_file, "(File exists|Not a directory): file"),
        (folder_in_the_way, "Is a directory: folder"),
        (folder_exists, "File exists: folder"),
        (link_loop, "Too many levels of symbolic links: loop"),
        (full_disk, "No space left on device: a/b"),
        (missing_parent, "No such file or directory: a/b/c/d"),
        (nested_write, "Is a directory: a/b/c"),
        (refusal, "Input/output error: x.png"),
    ],
)
def test_a_failure_names_the_path_that_was_asked_for(write: Callable[[], None], words: str) -> None:
    Path("file").touch()
    Path("folder").mkdir()
    Path("loop").symlink_to("loop")
    with pytest.raises(OSError) as failed:
        write()
    assert re.fullmatch(words + ".*", reason(failed.value))
    assert STAGING not in reason(failed.value)


def test_a_failure_to_read_something_else_meanwhile_keeps_its_own_name() -> None:
    with pytest.raises(FileNotFoundError, match=r"'source\.png'"), atomic_folder(Path("x")):
        Path("source.png").read_bytes()
