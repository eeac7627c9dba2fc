"""What is stored for the next time: listed, checked, cleared, and never beyond the disk."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Thread

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from ganctl.data.cache import entries, store
from ganctl.data.cache.dataset import Dataset, open_dataset
from ganctl.data.resolve import resolve_source
from ganctl.data.sources import cyclegan_sets, mnist
from ganctl.errors import GanctlError, StorageError
from ganctl.files import write_atomically
from tests.commands import Outcome, failed, ganctl, train

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that no other test knows."""
    monkeypatch.setenv("GANCTL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Thirty colour pictures."""
    return pictures(tmp_path / "pictures")


def pictures(path: Path) -> Path:
    path.mkdir()
    rng = np.random.default_rng(0)
    for i in range(30):
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), np.uint8)).save(path / f"{i:02d}.png")
    return path


def opened(folder: Path, size: int = 32, *, thorough: bool = False) -> Dataset:
    return open_dataset(resolve_source(str(folder)), size, None, thorough=thorough)


def decoded(cache: Path) -> Path:
    (found,) = [path for path in (cache / "decoded").iterdir() if path.is_dir()]
    return found


# Computed once


def test_what_many_ask_for_at_once_is_made_once(tmp_path: Path) -> None:
    path, together, made = tmp_path / "new" / "thing", Barrier(4), []

    def make() -> str:
        made.append(path)
        write_atomically(path, b"made")
        return "made"

    def ask() -> None:
        together.wait(10)
        assert store.compute_once(path, lambda: path.read_text() if path.exists() else None, make) == "made"

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


# Damage


@pytest.mark.parametrize("place", [0, 12_345, 50_000, -1])
def test_a_set_whose_bytes_were_changed_is_decoded_anew(folder: Path, cache: Path, place: int) -> None:
    before = opened(folder)
    whole, said = np.array(before.train), before.fingerprint
    levels = np.memmap(decoded(cache) / "train", np.uint8, "r+")
    levels[place] ^= 1
    levels.flush()
    after = opened(folder)
    assert np.array_equal(after.train, whole)
    assert after.fingerprint == said


def test_a_change_that_left_no_trace_is_found_where_all_is_compared(folder: Path, cache: Path) -> None:
    whole = np.array(opened(folder, 128).train)
    path = decoded(cache) / "train"
    content, then = bytearray(path.read_bytes()), path.stat().st_mtime_ns
    gap = next(at for at in range(len(content)) if not _is_sampled(at, len(content)))
    content[gap] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(then, then))
    assert not np.array_equal(opened(folder, 128).train, whole), "a look at samples is not to read all of it"
    assert np.array_equal(opened(folder, 128, thorough=True).train, whole)


def _is_sampled(at: int, length: int) -> bool:
    starts = np.linspace(0, length - 4096, 64).astype(int)
    return bool(((starts <= at) & (at < starts + 4096)).any())


def test_resume_compares_all_of_it_and_a_start_samples(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def spied(*arguments: object, thorough: bool = False, **named: object) -> Dataset:
        asked.append(thorough)
        return open_dataset(*arguments, thorough=thorough, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("ganctl.gans.dataset.open_dataset", spied)
    assert train(folder, "--run", "a", "--epochs", 1).code == 0
    assert ganctl("resume", "a", "--more", 1).code == 0
    assert asked == [False, True]


@pytest.mark.parametrize("damage", [lambda meta: meta.pop("fingerprint"), lambda meta: meta.pop("shapes")])
def test_notes_that_lack_something_are_written_anew(
    folder: Path, cache: Path, damage: Callable[[dict[str, object]], object]
) -> None:
    said = opened(folder).fingerprint
    path = decoded(cache) / "meta.json"
    meta = json.loads(path.read_text())
    damage(meta)
    for content in (json.dumps(meta), "[]", "null", "[" * 100_000, '{"shapes": {"train": "abc"}}'):
        path.write_text(content)
        assert opened(folder).fingerprint == said


def test_a_copy_of_the_cache_is_as_good(
    folder: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = opened(folder).fingerprint
    shutil.copytree(cache, tmp_path / "copy", copy_function=shutil.copyfile)
    monkeypatch.setenv("GANCTL_CACHE", str(tmp_path / "copy"))
    monkeypatch.setattr("ganctl.data.cache.dataset.decode", lambda *_: pytest.fail("it was decoded"))
    assert opened(folder).fingerprint == said


# Room


def test_what_the_disk_has_no_room_for_is_known_before_it_is_decoded(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 1_000_000))
    monkeypatch.setattr("ganctl.data.cache.dataset.decode", lambda *_: pytest.fail("it was decoded"))
    said = failed(train(folder, "--size", 128), 1)
    assert said == (
        f"Error: There is no room for the decoded pictures of pictures: that takes 1.97 MB, and {cache} has 1 MB left. "
        "Make room with ganctl cache --clear, or set GANCTL_CACHE to a folder on another disk."
    )
    assert not Path("runs").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_while_it_is_decoded_is_a_sentence_with_the_need_and_the_ways_out(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("ganctl.data.cache.decode._write", full)
    said = failed(train(folder), 1)
    assert f"that takes 30.7 kB, and the disk says: {os.strerror(number)}: {cache / 'decoded'}" in said
    assert said.endswith("ganctl cache --clear, or set GANCTL_CACHE to a folder on another disk.")
    assert not [path for path in (cache / "decoded").iterdir() if path.is_dir()]


@pytest.mark.parametrize("command", [("train", "cyclegan", "--data", "horse2zebra"), ("train", "dcgan")])
def test_a_cache_that_cannot_be_written_to_is_told_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GANCTL_CACHE", str(tmp_path / "file" / "cache"))
    said = failed(ganctl(*command), 1)
    assert str(tmp_path / "file") in said
    assert said.endswith("Set GANCTL_CACHE to a folder that can be written to.")


def test_what_is_here_already_needs_no_cache_to_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    for side in ("trainA", "trainB"):
        (tmp_path / "data" / "horse2zebra" / side).mkdir(parents=True)
    monkeypatch.setenv("GANCTL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("GANCTL_CACHE", str(tmp_path / "file" / "cache"))
    assert cyclegan_sets.fetch("horse2zebra") == tmp_path / "data" / "horse2zebra"


def test_a_failure_of_another_place_is_not_taken_for_the_caches() -> None:
    with pytest.raises(OSError, match="elsewhere") as caught, store.room_for("it"):
        raise OSError(errno.ENOSPC, "No space left on device", "/elsewhere")
    assert not isinstance(caught.value, StorageError)


# What is there


def everything(cache: Path) -> dict[str, Path]:
    """An entry of each kind."""
    places = {
        "decoded": cache / "decoded" / "a-28-0123" / "train",
        "features": cache / "features" / "a.safetensors",
        "set": cache / "downloads" / "horse2zebra" / "trainA" / "0.jpg",
        "idx": cache / "downloads" / "MNIST" / "raw" / "a.gz",
        "part": cache / "downloads" / "maps.zip.part",
        "own": cache / "downloads" / "cityscapes" / "trainA" / "0.jpg",
    }
    for path in places.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(1000))
    return places


def test_the_cache_is_listed_with_sizes_paths_and_the_total(cache: Path) -> None:
    everything(cache)
    rows = [line.split(maxsplit=3) for line in ganctl("cache").out]
    assert rows[0] == ["KIND", "SIZE", "PATH"]
    assert ["decoded", "1", "kB", str(cache / "decoded" / "a-28-0123")] in rows
    assert rows[-1] == ["total", "6", "kB", str(cache)]
    assert len(rows) == 8


def test_an_empty_cache_has_a_total_of_nothing(cache: Path) -> None:
    assert [line.split() for line in ganctl("cache").out][-1] == ["total", "0", "bytes", str(cache)]
    assert ganctl("cache", "--clear") == Outcome(0, [], [f"Removed 0 entries of {cache}: 0 bytes."])
    assert not cache.exists()


def test_a_cleared_cache_holds_only_what_could_not_be_downloaded_again(cache: Path) -> None:
    places = everything(cache)
    (cache / "decoded" / "nothing-came-of-it.lock").touch()
    told = ganctl("cache", "--clear")
    assert told.code == 0
    assert str(cache / "features" / "a.safetensors") in told.out
    assert told.err == [
        f"Removed 5 entries of {cache}: 5 kB.",
        f"Left {cache / 'downloads' / 'cityscapes'}: it cannot be downloaded again.",
    ]
    assert [path for path in cache.rglob("*") if path.is_file()] == [places["own"]]


def test_what_this_process_maps_is_left_until_it_lets_go(folder: Path, cache: Path) -> None:
    dataset = opened(folder)
    part = dataset.train[3:]
    del dataset
    assert "a running process uses it" in " ".join(ganctl("cache", "--clear").err)
    assert int(part[0].max()) > 0
    assert decoded(cache).exists()
    del part
    assert ganctl("cache", "--clear").out
    assert not [path for path in (cache / "decoded").iterdir() if path.is_dir()]


HOLDING = """
import sys
from ganctl.data.sources import cyclegan_sets
from ganctl.data.cache.dataset import open_dataset
from ganctl.data.resolve import resolve_source
dataset = open_dataset(resolve_source(sys.argv[1]), 32, None)
cyclegan_sets.fetch("horse2zebra")
print("ready", flush=True)
sys.stdin.read()
"""


def test_what_another_process_uses_is_left(folder: Path, cache: Path) -> None:
    for side in ("trainA", "trainB"):
        (cache / "downloads" / "horse2zebra" / side).mkdir(parents=True)
    command = [sys.executable, "-c", HOLDING, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdin
        assert process.stdout.readline() == "ready\n"
        assert len(entries.clear().left) == 2
        assert ganctl("cache", "--clear").out == []
        process.stdin.close()
    assert len(entries.clear().removed) == 2


def test_what_is_being_made_is_left(cache: Path) -> None:
    places = everything(cache)
    locks = [
        places["idx"].with_name("a.gz.lock"),
        cache / "downloads" / "maps.zip.lock",
        cache / "features" / "a.safetensors.lock",
    ]
    held = [FileLock(lock) for lock in locks]
    for lock in held:
        lock.acquire()
    left = {entry.path.name for entry, _ in entries.clear().left}
    assert left == {"MNIST", "maps.zip.part", "a.safetensors", "cityscapes"}
    for lock in held:
        lock.release()
    assert len(entries.clear().removed) == 3


def test_sets_of_old_formats_and_of_folders_that_are_gone_are_dropped_when_another_is_decoded(
    folder: Path, cache: Path, tmp_path: Path
) -> None:
    gone = pictures(tmp_path / "gone")
    opened(gone), opened(folder)
    kept, doomed = (next((cache / "decoded").glob(f"{name}-32-*[0-9a-f]")) for name in ("pictures", "gone"))
    old = cache / "decoded" / "old-28-0"
    for name, meta in (("old-28-0", {"format": 1, "folder": None}), ("older-28-0", {"shapes": {}})):
        (cache / "decoded" / name).mkdir()
        (cache / "decoded" / name / "meta.json").write_text(json.dumps(meta))
    shutil.rmtree(gone)
    opened(pictures(tmp_path / "third"))
    assert kept.exists()
    assert not doomed.exists() and not old.exists() and not (cache / "decoded" / "older-28-0").exists()


def test_a_disk_without_room_for_a_name_is_emptied_all_the_same(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    places = everything(cache)
    monkeypatch.setattr(entries, "remove_folder", full)
    assert len(entries.clear().removed) == 5
    assert not places["decoded"].parent.exists()


def test_what_is_downloaded_again_is_known_by_name() -> None:
    assert {*mnist.FOLDERS, *cyclegan_sets.DOWNLOADABLE} >= {"MNIST", "FashionMNIST", "horse2zebra"}
    assert "cityscapes" not in cyclegan_sets.DOWNLOADABLE


@pytest.mark.parametrize("place", ["file", "link", "file/below", "cache"])
@pytest.mark.parametrize("flags", [(), ("--clear",)])
def test_a_cache_that_is_no_folder_is_told_and_not_taken_for_an_empty_one(
    place: str, flags: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("file").touch()
    Path("link").symlink_to("nowhere")
    Path("cache").mkdir()
    Path("cache/features").touch()
    monkeypatch.setenv("GANCTL_CACHE", place)
    named = "cache/features" if place == "cache" else place
    assert failed(ganctl("cache", *flags), 1) == (
        f"Error: {named} is no folder. Set GANCTL_CACHE to a folder that can be read."
    )


def test_a_limit_on_files_is_not_taken_for_a_full_disk(cache: Path) -> None:
    with pytest.raises(GanctlError) as caught, store.room_for("the set"):
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(cache / "decoded"))
    assert str(caught.value).startswith(f"The set cannot be stored: {os.strerror(errno.EFBIG)}: {cache / 'decoded'}.")
    assert "room" not in str(caught.value)


def test_one_entry_is_one(cache: Path) -> None:
    (cache / "features").mkdir(parents=True)
    (cache / "features/x").write_bytes(b"1")
    assert ganctl("cache", "--clear").err == [f"Removed 1 entry of {cache}: 1 byte."]
