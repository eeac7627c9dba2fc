"""Decoding into the cache: once, anew after changes, wholly or not at all."""

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from numpy.typing import NDArray

from ganctl.data.cache.dataset import Dataset
from ganctl.images import reading
from tests.data.folders import grey_values, greys, opened, save


def test_what_was_decoded_once_is_not_decoded_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = opened(greys(folder, 25))
    (folder / "broken.png").touch()
    with_broken = opened(folder)
    monkeypatch.delattr(reading, "read_square")
    again = opened(folder)
    assert (again.fingerprint, again.broken) == (with_broken.fingerprint, ["broken.png: it is no picture"])
    (folder / "broken.png").unlink()
    assert np.array_equal(opened(folder).train, first.train)


@pytest.mark.parametrize("change", ["time", "size"])
def test_a_changed_file_is_decoded_anew(folder: Path, change: str) -> None:
    greys(folder, 3)
    path = save(folder / "001.bmp")
    before = opened(folder)
    old = path.stat()
    if change == "time":
        save(path, (2, 2, 2))
        assert path.stat().st_size == old.st_size
    else:
        save(path, (2, 2, 2), size=(9, 9))
        os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))
    after = opened(folder)
    assert before.fingerprint != after.fingerprint
    assert not np.array_equal(before.train[1], after.train[1])


def test_the_same_pictures_elsewhere_and_later_have_the_same_fingerprint(folder: Path, tmp_path: Path) -> None:
    greys(folder, 25)
    moved = Path(shutil.copytree(folder, tmp_path / "moved", copy_function=shutil.copyfile))
    for path in moved.iterdir():
        os.utime(path, (1, 1))
    assert opened(folder).fingerprint == opened(moved).fingerprint
    assert opened(folder).fingerprint != opened(folder, size=4).fingerprint


def test_two_folders_are_never_taken_for_each_other(tmp_path: Path) -> None:
    values = []
    for name, colour in ("a", (10, 10, 10)), ("b", (20, 20, 20)):
        (tmp_path / name / "train").mkdir(parents=True)
        path = save(tmp_path / name / "train" / "0.bmp", colour)
        os.utime(path, (1, 1))  # as tar does: whole seconds, long ago
        values += grey_values(opened(path.parent).train)
    assert values == [10, 20]


def test_two_that_decode_at_once_decode_once(folder: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    greys(folder, 25)
    reads, together, read = [], Barrier(2), reading.read_square

    def counted(path: Path, size: int, max_megapixels: float) -> tuple[NDArray[np.uint8], int]:
        reads.append(path)
        return read(path, size, max_megapixels)

    def both(_: int) -> Dataset:
        together.wait(10)
        return opened(folder)

    monkeypatch.setattr(reading, "read_square", counted)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(both, range(2))
    assert first.fingerprint == second.fingerprint
    assert np.array_equal(first.train, second.train)
    assert len(reads) == 25


def test_a_killed_decode_leaves_nothing_that_is_taken_for_whole(folder: Path, own_cache: Path) -> None:
    greys(folder, 80)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(folder)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert any(path.name.startswith(".tmp-") for path in (own_cache / "decoded").iterdir())
    dataset = opened(folder)
    assert sorted(grey_values(dataset.train) + grey_values(dataset.test)) == list(range(80))
    assert not any(path.name.startswith(".tmp-") for path in (own_cache / "decoded").iterdir())


KILLED = """
import os, signal, sys
from ganctl.images import reading
from ganctl.data.cache.dataset import open_dataset
from ganctl.data.resolve import resolve_source

def read(path, size, max_megapixels, read=reading.read_square):
    if path.name == "070.png":
        os.kill(os.getpid(), signal.SIGKILL)
    return read(path, size, max_megapixels)

reading.read_square = read
open_dataset(resolve_source(sys.argv[1]), 8, None)
"""


def test_a_stopped_decode_leaves_nothing(folder: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(path: Path, size: int, max_megapixels: float) -> tuple[NDArray[np.uint8], bool]:
        raise KeyboardInterrupt

    monkeypatch.setattr(reading, "read_square", stop)
    with pytest.raises(KeyboardInterrupt):
        opened(greys(folder, 3))
    assert not [path for path in (own_cache / "decoded").iterdir() if path.is_dir()]


@pytest.mark.parametrize("damage", [lambda p: os.truncate(p, 100), lambda p: p.unlink()], ids=["cut", "lost"])
def test_a_damaged_cache_is_made_anew(folder: Path, own_cache: Path, damage: Callable[[Path], None]) -> None:
    before = np.array(opened(greys(folder, 3)).train)
    damage(next((own_cache / "decoded").glob("*/train")))
    assert np.array_equal(opened(folder).train, before)


def test_a_full_disk_is_an_operating_system_error_and_leaves_nothing(folder: Path, own_cache: Path) -> None:
    greys(folder, 100)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            opened(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not [path for path in (own_cache / "decoded").iterdir() if path.is_dir()]
    assert len(opened(folder).train) == 95


def test_a_cache_that_cannot_be_made_is_an_operating_system_error(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GANCTL_CACHE", str(tmp_path / "file"))
    with pytest.raises(OSError, match="file"):
        opened(greys(folder, 1))


def test_the_pictures_are_mapped_and_cannot_be_changed(folder: Path) -> None:
    dataset = opened(greys(folder, 25))
    for images in (dataset.train, dataset.test):
        assert isinstance(images, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            images[0] = 0
