"""The store: what is computed once, and a disk that has no room for it."""

import errno
import os
import shutil
from collections import namedtuple
from pathlib import Path
from threading import Barrier, Thread

import pytest

from ganctl.data.cache import store
from ganctl.data.sources import cyclegan_sets
from ganctl.errors import GanctlError, StorageError
from ganctl.files import write_atomically
from tests.commands import failed, ganctl, train

Usage = namedtuple("Usage", "total used free")


pytestmark = pytest.mark.usefixtures("own_cache")


def test_what_many_threads_need_at_once_is_made_once(tmp_path: Path) -> None:
    path, barrier, made = tmp_path / "new" / "thing", Barrier(4), []

    def make() -> str:
        made.append(path)
        write_atomically(path, b"made")
        return "made"

    def ask() -> None:
        barrier.wait(10)
        assert store.compute_once(path, lambda: path.read_text() if path.exists() else None, make) == "made"

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_what_the_disk_has_no_room_for_is_known_before_it_is_decoded(
    colours: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 1_000_000))
    monkeypatch.setattr("ganctl.data.cache.dataset.decode", lambda *_: pytest.fail("it was decoded"))
    message = failed(train(colours, "--size", 128), 1)
    assert message == (
        "Error: There is no room for the decoded pictures of pictures: that takes 1.97 MB, "
        f"and {own_cache} has 1 MB left. "
        "Make room with ganctl cache --clear, or set GANCTL_CACHE to a folder on another disk."
    )
    assert not Path("runs").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_while_it_is_decoded_is_a_sentence_with_the_need_and_the_remedies(
    colours: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("ganctl.data.cache.decode._write", full)
    message = failed(train(colours), 1)
    assert f"that takes 30.7 kB, and the disk says: {os.strerror(number)}: {own_cache / 'decoded'}" in message
    assert message.endswith("ganctl cache --clear, or set GANCTL_CACHE to a folder on another disk.")
    assert not [path for path in (own_cache / "decoded").iterdir() if path.is_dir()]


@pytest.mark.parametrize("command", [("train", "cyclegan", "--data", "horse2zebra"), ("train", "dcgan")])
def test_a_cache_that_cannot_be_written_to_is_an_error_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GANCTL_CACHE", str(tmp_path / "file" / "cache"))
    message = failed(ganctl(*command), 1)
    assert str(tmp_path / "file") in message
    assert message.endswith("Set GANCTL_CACHE to a folder that can be written to.")


def test_what_is_here_already_needs_no_cache_to_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    for name in ("trainA", "trainB"):
        (tmp_path / "data" / "horse2zebra" / name).mkdir(parents=True)
    monkeypatch.setenv("GANCTL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("GANCTL_CACHE", str(tmp_path / "file" / "cache"))
    assert cyclegan_sets.fetch("horse2zebra") == tmp_path / "data" / "horse2zebra"


def test_a_failure_of_another_place_is_not_taken_for_the_caches() -> None:
    with pytest.raises(OSError, match="elsewhere") as caught, store.room_for("it"):
        raise OSError(errno.ENOSPC, "No space left on device", "/elsewhere")
    assert not isinstance(caught.value, StorageError)


def test_a_limit_on_files_is_not_taken_for_a_full_disk(own_cache: Path) -> None:
    with pytest.raises(GanctlError) as caught, store.room_for("the set"):
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(own_cache / "decoded"))
    assert str(caught.value).startswith(
        f"The set cannot be stored: {os.strerror(errno.EFBIG)}: {own_cache / 'decoded'}."
    )
    assert "room" not in str(caught.value)
