"""The entries of the cache: listed, and removed unless a process uses them."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from ganctl.data.cache import entries
from ganctl.data.sources import cyclegan_sets, mnist
from tests.commands import Outcome, failed, ganctl
from tests.data.folders import decoded, noise, opened

pytestmark = pytest.mark.usefixtures("own_cache")


def everything(own_cache: Path) -> dict[str, Path]:
    """An entry of each kind."""
    entries_by_name = {
        "decoded": own_cache / "decoded" / "a-28-0123" / "train",
        "features": own_cache / "features" / "a.safetensors",
        "set": own_cache / "downloads" / "horse2zebra" / "trainA" / "0.jpg",
        "idx": own_cache / "downloads" / "MNIST" / "raw" / "a.gz",
        "part": own_cache / "downloads" / "maps.zip.part",
        "own": own_cache / "downloads" / "cityscapes" / "trainA" / "0.jpg",
    }
    for path in entries_by_name.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(1000))
    return entries_by_name


def test_the_cache_is_listed_with_sizes_paths_and_the_total(own_cache: Path) -> None:
    everything(own_cache)
    rows = [line.split(maxsplit=3) for line in ganctl("cache").out]
    assert rows[0] == ["KIND", "SIZE", "PATH"]
    assert ["decoded", "1", "kB", str(own_cache / "decoded" / "a-28-0123")] in rows
    assert rows[-1] == ["total", "6", "kB", str(own_cache)]
    assert len(rows) == 8


def test_an_empty_cache_has_a_total_of_nothing(own_cache: Path) -> None:
    assert [line.split() for line in ganctl("cache").out][-1] == ["total", "0", "bytes", str(own_cache)]
    assert ganctl("cache", "--clear") == Outcome(0, [], [f"Removed 0 entries of {own_cache}: 0 bytes."])
    assert not own_cache.exists()


def test_a_cleared_cache_holds_only_what_could_not_be_downloaded_again(own_cache: Path) -> None:
    entries_by_name = everything(own_cache)
    (own_cache / "decoded" / "nothing-came-of-it.lock").touch()
    outcome = ganctl("cache", "--clear")
    assert outcome.code == 0
    assert str(own_cache / "features" / "a.safetensors") in outcome.out
    assert outcome.err == [
        f"Removed 5 entries of {own_cache}: 5 kB.",
        f"Left {own_cache / 'downloads' / 'cityscapes'}: it cannot be downloaded again.",
    ]
    assert [path for path in own_cache.rglob("*") if path.is_file()] == [entries_by_name["own"]]


def test_what_this_process_maps_is_left_until_it_lets_go(colours: Path, own_cache: Path) -> None:
    dataset = opened(colours, 32)
    images = dataset.train[3:]
    del dataset
    assert "a running process uses it" in " ".join(ganctl("cache", "--clear").err)
    assert int(images[0].max()) > 0
    assert decoded(own_cache).exists()
    del images
    assert ganctl("cache", "--clear").out
    assert not [path for path in (own_cache / "decoded").iterdir() if path.is_dir()]


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


def test_what_another_process_uses_is_left(colours: Path, own_cache: Path) -> None:
    for name in ("trainA", "trainB"):
        (own_cache / "downloads" / "horse2zebra" / name).mkdir(parents=True)
    command = [sys.executable, "-c", HOLDING, str(colours)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdin
        assert process.stdout.readline() == "ready\n"
        assert len(entries.clear().left) == 2
        assert ganctl("cache", "--clear").out == []
        process.stdin.close()
    assert len(entries.clear().removed) == 2


def test_what_is_being_made_is_left(own_cache: Path) -> None:
    entries_by_name = everything(own_cache)
    locks = [
        entries_by_name["idx"].with_name("a.gz.lock"),
        own_cache / "downloads" / "maps.zip.lock",
        own_cache / "features" / "a.safetensors.lock",
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
    colours: Path, own_cache: Path, tmp_path: Path
) -> None:
    gone = noise(tmp_path / "gone", 30, size=40)
    opened(gone, 32), opened(colours, 32)
    current, doomed = (next((own_cache / "decoded").glob(f"{name}-32-*[0-9a-f]")) for name in ("pictures", "gone"))
    old = own_cache / "decoded" / "old-28-0"
    for name, meta in (("old-28-0", {"format": 2, "folder": None}), ("older-28-0", {"shapes": {}})):
        (own_cache / "decoded" / name).mkdir()
        (own_cache / "decoded" / name / "meta.json").write_text(json.dumps(meta))
    shutil.rmtree(gone)
    opened(noise(tmp_path / "third", 30, size=40), 32)
    assert current.exists()
    assert not doomed.exists() and not old.exists() and not (own_cache / "decoded" / "older-28-0").exists()


def test_a_disk_without_room_for_a_name_is_emptied_anyway(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    entries_by_name = everything(own_cache)
    monkeypatch.setattr(entries, "remove_folder", full)
    assert len(entries.clear().removed) == 5
    assert not entries_by_name["decoded"].parent.exists()


def test_what_is_downloaded_again_is_known_by_name() -> None:
    assert {*mnist.FOLDERS, *cyclegan_sets.DOWNLOADABLE} >= {"MNIST", "FashionMNIST", "horse2zebra"}
    assert "cityscapes" not in cyclegan_sets.DOWNLOADABLE


@pytest.mark.parametrize("path", ["file", "link", "file/below", "cache"])
@pytest.mark.parametrize("flags", [(), ("--clear",)])
def test_a_cache_that_is_no_folder_is_an_error_and_not_taken_for_an_empty_one(
    path: str, flags: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("file").touch()
    Path("link").symlink_to("nowhere")
    Path("cache").mkdir()
    Path("cache/features").touch()
    monkeypatch.setenv("GANCTL_CACHE", path)
    named = "cache/features" if path == "cache" else path
    assert failed(ganctl("cache", *flags), 1) == (
        f"Error: {named} is no folder. Set GANCTL_CACHE to a folder that can be read."
    )


def test_one_entry_is_one(own_cache: Path) -> None:
    (own_cache / "features").mkdir(parents=True)
    (own_cache / "features/x").write_bytes(b"1")
    assert ganctl("cache", "--clear").err == [f"Removed 1 entry of {own_cache}: 1 byte."]
