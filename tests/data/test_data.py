"""Pictures to learn from: what is read, how it is cached, and which batch comes when."""

import gzip
import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from ganctl.data.batches import SingleBatches
from ganctl.data.cache.dataset import Dataset, open_dataset
from ganctl.data.resolve import resolve_source
from ganctl.data.sources import mnist
from ganctl.data.sources.folder import FolderSource
from ganctl.errors import DataError
from ganctl.images import reading
from ganctl.images.grids import to_uint8
from tests.conftest import REAL_DATA

CPU = torch.device("cpu")
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for pictures."""
    path = tmp_path / "pictures"
    path.mkdir()
    return path


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that no other test knows; where the decoded sets are in it."""
    monkeypatch.setenv("GANCTL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "decoded"


def opened(folder: Path, size: int = 8, channels: int | None = None, limit: int | None = None) -> Dataset:
    return open_dataset(resolve_source(str(folder), limit), size, channels)


def plain(mode: str, colour: float | tuple[int, ...]) -> Image.Image:
    return Image.new(mode, (8, 8), colour)


def save(path: Path, colour: tuple[int, ...] = RED, size: tuple[int, int] = (8, 8)) -> Path:
    Image.new("RGB", size, colour).save(path)
    return path


def greys(folder: Path, count: int) -> Path:
    """Pictures that can be told apart: number i has the level i."""
    for i in range(count):
        save(folder / f"{i:03d}.png", (i, i, i))
    return folder


def levels(images: NDArray[np.uint8]) -> list[int]:
    return [int(level) for level in images[:, 0, 0, 0]]


# What is read


@pytest.mark.parametrize("ending", ["png", "jpg", "jpeg", "bmp", "gif", "webp", "tif", "ppm", "tga", "PNG", "Jpg"])
def test_pictures_of_any_common_format_are_read(folder: Path, ending: str) -> None:
    save(folder / f"a.{ending}", (200, 100, 40))
    assert np.abs(opened(folder, channels=3).train[0].astype(int) - (200, 100, 40)).max() <= 4


def test_pictures_of_any_mode_are_read_as_a_person_sees_them(folder: Path) -> None:
    see_through = plain("P", 7)
    see_through.putpalette([9] * 768)
    see_through.info["transparency"] = 7
    sixteen_bit = [Image.fromarray(np.full((8, 8), value, np.uint16)) for value in (100 * 257, 200)]
    real = [Image.fromarray(np.full((8, 8), value, np.float32)) for value in (0.4, 102.0, np.nan)]
    cases: list[tuple[Image.Image, str, tuple[int, ...]]] = [
        (plain("L", 200), "png", (200, 200, 200)),
        (plain("LA", (9, 0)), "png", WHITE),
        (plain("LA", (9, 255)), "png", (9, 9, 9)),
        (plain("RGBA", (0, 0, 0, 51)), "png", (204, 204, 204)),
        (plain("RGBA", (*BLUE, 255)), "webp", BLUE),
        (plain("RGB", BLUE).quantize(4), "png", BLUE),
        (see_through, "png", WHITE),
        (see_through, "gif", WHITE),
        (plain("1", 1), "png", WHITE),
        (plain("CMYK", (0, 255, 255, 0)), "jpg", RED),
        (plain("YCbCr", (76, 85, 255)), "jpg", (254, 0, 0)),
        (sixteen_bit[0], "png", (100, 100, 100)),
        (sixteen_bit[1], "tif", (1, 1, 1)),
        (plain("I", 100 * 257), "tif", (100, 100, 100)),
        (plain("I", 100), "tif", (100, 100, 100)),
        (real[0], "tif", (102, 102, 102)),
        (real[1], "tif", (102, 102, 102)),
        (real[2], "tif", (0, 0, 0)),
    ]
    for i, (picture, ending, _) in enumerate(cases):
        picture.save(folder / f"{i:02d}.{ending}")
    dataset = opened(folder, channels=3)
    assert dataset.broken == []
    seen = dataset.train[:, 4, 4].astype(int)
    assert np.abs(seen - [colour for *_, colour in cases]).max(axis=1).tolist() == pytest.approx(
        [0] * len(cases), abs=2
    )


def test_a_turned_photograph_is_set_upright(folder: Path) -> None:
    lying = Image.new("RGB", (16, 8), RED)
    lying.paste(BLUE, (8, 0, 16, 8))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter: what is left goes to the top
    lying.save(folder / "a.jpg", exif=exif, quality=95)
    upright = opened(folder).train[0].astype(int)
    assert np.abs(upright[0] - RED).max() < 30
    assert np.abs(upright[-1] - BLUE).max() < 30


def test_of_an_animation_the_first_frame_is_taken(folder: Path) -> None:
    plain("RGB", RED).save(folder / "a.gif", save_all=True, append_images=[plain("RGB", BLUE)])
    assert opened(folder).train[0, 0, 0].tolist() == list(RED)


def test_a_wide_picture_is_cropped_to_its_middle(folder: Path) -> None:
    wide = Image.new("RGB", (24, 8), RED)
    wide.paste(GREEN, (8, 0, 16, 8))
    wide.save(folder / "a.png")
    assert (opened(folder).train[0] == GREEN).all()


def test_pictures_at_any_depth_and_linked_ones_are_found(folder: Path, tmp_path: Path) -> None:
    (folder / "a" / "b" / "c").mkdir(parents=True)
    save(folder / "a" / "b" / "c" / "deep.png", (10, 10, 10))
    (folder / "linked.png").symlink_to(save(tmp_path / "elsewhere.png", (20, 20, 20)))
    assert levels(opened(folder).train) == [10, 20]


def test_a_folder_may_be_named_through_a_link(folder: Path, tmp_path: Path) -> None:
    greys(folder, 3)
    (tmp_path / "link").symlink_to(folder)
    dataset = opened(tmp_path / "link")
    assert len(dataset.train) == 3
    assert (dataset.name, dataset.spec) == ("pictures", str(folder.resolve()))


def test_a_loop_of_links_is_no_trap(folder: Path) -> None:
    greys(folder, 2)
    (folder / "again").symlink_to(folder)
    (folder / "self.png").symlink_to(folder / "self.png")
    (folder / "nowhere.png").symlink_to(folder / "nothing")
    assert levels(opened(folder).train) == [0, 1]


def test_what_only_looks_like_a_picture_is_passed_by(folder: Path) -> None:
    greys(folder, 2)
    (folder / "folder.png").mkdir()
    os.mkfifo(folder / "pipe.png")
    (folder / "notes.txt").write_text("no picture")
    dataset = opened(folder)
    assert (levels(dataset.train), dataset.broken) == ([0, 1], ["pipe.png: it is a device or a pipe"])


def test_linked_folders_are_read_each_once(folder: Path, tmp_path: Path) -> None:
    for number, name in enumerate(("cats", "dogs")):
        (tmp_path / name).mkdir()
        save(tmp_path / name / "0.png", (number, number, number))
        (folder / name).symlink_to(tmp_path / name)
    (tmp_path / "cats" / "others").symlink_to(tmp_path / "dogs")
    (tmp_path / "dogs" / "all").symlink_to(tmp_path)
    assert levels(opened(folder).train) == [0, 1]


def test_what_is_passed_by_is_told_with_its_reason(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    greys(folder, 2)
    (folder / "a.cr3").touch()
    (folder / "gone.png").symlink_to("nothing")
    for name in ("@eaDir", "closed"):
        (folder / name).mkdir()
        save(folder / name / "0.png")
    scandir = os.scandir

    def refuse(path: str | int) -> object:
        if not isinstance(path, int) and Path(path).name == "closed":  # a folder that is removed goes by its number
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = resolve_source(str(folder))
    raw = "a.cr3: it is camera raw: export it as JPEG or TIFF"
    told = [raw, "closed: Permission denied", "gone.png: it is a link to nothing"]
    assert list(found.skipped) == told
    for _ in range(2):  # decoded, and from the cache
        dataset = open_dataset(found, 8, None)
        assert (levels(dataset.train), dataset.broken) == ([0, 1], told)
    assert found.warnings == (
        "@eaDir in pictures is left out: thumbnails that a server or a desktop keeps, or what was thrown away.",
    )


def test_a_folder_of_nothing_but_what_is_not_read_says_what_it_is(folder: Path) -> None:
    (folder / "a.dng").touch()
    with pytest.raises(DataError, match=r"holds no picture that can be read: a\.dng \(it is camera raw: "):
        resolve_source(str(folder))


def test_hidden_files_are_left_alone(folder: Path) -> None:
    greys(folder, 2)
    (folder / "._000.png").write_bytes(b"\0\5\26\7 what macOS keeps beside a picture")
    (folder / ".thumbnails").mkdir()
    save(folder / ".thumbnails" / "000.png")
    dataset = opened(folder)
    assert (levels(dataset.train), dataset.broken) == ([0, 1], [])


def test_a_folder_inside_a_hidden_one_is_read_all_the_same(folder: Path) -> None:
    (folder / ".data").mkdir()
    dataset = opened(greys(folder / ".data", 2))
    assert (dataset.name, len(dataset.train)) == ("data", 2)


def test_broken_pictures_are_named_with_the_reason_and_the_rest_is_used(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "empty.png").touch()
    (folder / "text.jpg").write_text("this is no picture")
    (folder / "postscript.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n")
    Image.effect_noise((30, 30), 90).save(folder / "whole.jpg")
    (folder / "sub" / "cut.jpg").write_bytes((folder / "whole.jpg").read_bytes()[:-200])
    save(folder / "bomb.png", size=(50, 50))
    save(folder / "large.png", size=(40, 40))
    dataset = open_dataset(resolve_source(str(folder), max_megapixels=0.002), 8, None)
    assert len(dataset.train) == 2
    reasons = dict(line.split(": ", 1) for line in dataset.broken)
    assert set(reasons) == {"empty.png", "text.jpg", "postscript.png", "sub/cut.jpg", "bomb.png"}
    assert reasons["empty.png"] == reasons["text.jpg"] == reasons["postscript.png"] == "it is no picture"
    assert "truncated" in reasons["sub/cut.jpg"]
    assert reasons["bomb.png"] == "it has more than 0.002 megapixels, which --max-megapixels would allow"


@pytest.mark.parametrize("trouble", [IndexError("list index out of range"), MemoryError(), SyntaxError("no header")])
def test_no_trouble_of_a_reader_stops_a_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    greys(folder, 2)
    convert = reading.to_rgb

    def fails_once(picture: Image.Image) -> Image.Image:
        if picture.getpixel((0, 0)) == (0, 0, 0):
            raise trouble
        return convert(picture)

    monkeypatch.setattr(reading, "to_rgb", fails_once)
    dataset = opened(folder)
    assert levels(dataset.train) == [1]
    assert dataset.broken == [f"000.png: {str(trouble) or 'MemoryError'}"]


def test_pictures_smaller_than_the_size_are_enlarged_and_counted(folder: Path) -> None:
    for name, size in {"exact": (8, 8), "large": (9, 30), "low": (40, 7), "dot": (1, 1)}.items():
        save(folder / f"{name}.png", size=size)
    dataset = opened(folder)
    assert dataset.train.shape == (4, 8, 8, 3)
    assert dataset.enlarged == 2


def test_a_very_narrow_picture_is_read(folder: Path) -> None:
    save(folder / "a.png", size=(2, 3000))
    assert (opened(folder).train[0] == RED).all()


def test_a_set_is_grey_if_all_its_pictures_are(folder: Path) -> None:
    greys(folder, 25)
    dataset = opened(folder)
    assert dataset.shape == (1, 8, 8)
    assert (dataset.train.shape[1:], dataset.test.shape[1:]) == ((8, 8, 1), (8, 8, 1))
    assert sorted(levels(dataset.train) + levels(dataset.test)) == list(range(25))


def test_a_set_is_colour_if_one_of_its_pictures_is(folder: Path) -> None:
    greys(folder, 40)
    save(folder / "zzz.png", RED)
    assert opened(folder).shape == (3, 8, 8)


def test_channels_can_be_told(folder: Path) -> None:
    save(folder / "a.png", (255, 0, 0))
    assert opened(folder, channels=1).train.tolist() == np.full((1, 8, 8, 1), 76).tolist()
    save(folder / "a.png", (50, 50, 50))
    assert opened(folder, channels=3).train.tolist() == np.full((1, 8, 8, 3), 50).tolist()


def test_names_that_are_no_utf8_survive(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9")
    odd.mkdir()
    save(odd / os.fsdecode(b"gr\xfc\xdf.png"))
    (odd / os.fsdecode(b"b\xf6se.png")).touch()
    for _ in range(2):  # decoded, and from the cache
        dataset = opened(odd)
        assert len(dataset.train) == 1
        assert dataset.broken == [r"b\xf6se.png: it is no picture"]
        assert dataset.spec == str(odd)


def test_a_name_as_long_as_names_can_be_is_no_trouble(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 250)
    long.mkdir()
    assert len(opened(greys(long, 1)).train) == 1


# What cannot be used


@pytest.mark.parametrize("name", ["no-such-data", "no/such/folder", "~no-such-user-of-ganctl/photos", ""])
def test_unknown_data_is_refused_and_the_known_sets_are_named(name: str) -> None:
    with pytest.raises(DataError, match=r"There is no data .* one of: mnist, fashion-mnist, digits\.$"):
        resolve_source(name)


def test_a_file_where_a_folder_is_due_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match=r"a\.png is a file\. Name the folder"):
        resolve_source(str(save(folder / "a.png")))


def test_an_empty_folder_is_refused(folder: Path) -> None:
    (folder / "notes.txt").write_text("no picture")
    with pytest.raises(DataError, match=r"holds no pictures\. Name a folder"):
        resolve_source(str(folder))


def test_a_folder_of_broken_pictures_only_is_refused_and_leaves_nothing_in_the_cache(
    folder: Path, own_cache: Path
) -> None:
    (folder / "a.png").write_text("this is no picture")
    (folder / "b.png").touch()
    with pytest.raises(DataError, match=r"None of the pictures in .* can be read; a\.png: it is no picture\.$"):
        opened(folder)
    assert [path.suffix for path in own_cache.iterdir()] in ([], [".lock"])


# What is held out


def test_one_picture_in_twenty_is_held_out_and_never_trained_on(folder: Path) -> None:
    dataset = opened(greys(folder, 59))
    train, test = levels(dataset.train), levels(dataset.test)
    assert (len(train), len(test)) == (57, 2)
    assert sorted(train + test) == list(range(59))
    assert train == sorted(train)


def test_what_is_held_out_depends_on_nothing_but_the_set(folder: Path, tmp_path: Path) -> None:
    dataset = opened(greys(folder, 40))
    copied = opened(Path(shutil.copytree(folder, tmp_path / "other", copy_function=shutil.copyfile)), size=4)
    assert levels(dataset.test) == levels(copied.test)
    assert not np.array_equal(levels(dataset.test), range(2)), "it is a random part, not the first"


def test_nineteen_pictures_are_too_few_to_hold_one_out(folder: Path) -> None:
    dataset = opened(greys(folder, 19))
    assert (len(dataset.train), len(dataset.test)) == (19, 0)


@pytest.mark.parametrize(
    ("learnt", "held_out"),
    [
        (["trainA", "trainB"], ["testA", "testB"]),
        (["train"], ["val", "test"]),
        (["train/cat", "train/dog"], ["Validation/cat"]),
        (["images/train2017"], ["images/val2017"]),
        (["bottle/train/good", "cable/train/good"], ["bottle/test/good", "cable/test/bad"]),
        (["train", "more"], ["test"]),
    ],
)
def test_folders_to_test_with_are_held_out_and_that_is_said(
    folder: Path, learnt: list[str], held_out: list[str]
) -> None:
    for level, name in enumerate([*learnt, *held_out]):
        (folder / name).mkdir(parents=True)
        for i in range(3):
            save(folder / name / f"{i}.png", (level, level, level))
    found = resolve_source(str(folder))
    dataset = open_dataset(found, 8, None)
    assert set(levels(dataset.train)) == set(range(len(learnt)))
    assert sorted(levels(dataset.test)) == [len(learnt) + i // 3 for i in range(3 * len(held_out))]
    (said,) = found.warnings
    assert said.startswith(f"Held out by name, not to be learnt from: {len(dataset.test)} pictures in ")
    assert all(part in said for name in held_out for part in [name.split("/")[-1]] if "/" not in name)


@pytest.mark.parametrize("names", [["test", "val"], ["train", "contest"], ["training", "train"], ["cat/train", "test"]])
def test_a_name_alone_holds_nothing_out(folder: Path, names: list[str]) -> None:
    for name in names:
        (folder / name).mkdir(parents=True)
        save(folder / name / "0.png")
    found = resolve_source(str(folder))
    assert (found.warnings, len(opened(folder).train)) == ((), 2)


def test_a_limit_takes_the_first_pictures_of_each_part(folder: Path) -> None:
    whole, part = opened(greys(folder, 60)), opened(folder, limit=2)
    assert levels(part.train) == levels(whole.train)[:2]
    assert levels(part.test) == levels(whole.test)[:2]


# The cache


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
    found = []
    for place, colour in ("a", (10, 10, 10)), ("b", (20, 20, 20)):
        (tmp_path / place / "train").mkdir(parents=True)
        path = save(tmp_path / place / "train" / "0.bmp", colour)
        os.utime(path, (1, 1))  # as tar does: whole seconds, long ago
        found += levels(opened(path.parent).train)
    assert found == [10, 20]


def test_two_that_decode_at_once_decode_once(folder: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    greys(folder, 25)
    reads, together, read = [], Barrier(2), reading.read_square

    def counted(path: Path, size: int, most: float) -> tuple[NDArray[np.uint8], int]:
        reads.append(path)
        return read(path, size, most)

    def both(_: int) -> Dataset:
        together.wait(10)
        return opened(folder)

    monkeypatch.setattr(reading, "read_square", counted)
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(both, range(2))
    assert one.fingerprint == other.fingerprint
    assert np.array_equal(one.train, other.train)
    assert len(reads) == 25


def test_a_killed_decode_leaves_nothing_that_is_taken_for_whole(folder: Path, own_cache: Path) -> None:
    greys(folder, 80)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(folder)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert any(path.name.startswith(".tmp-") for path in own_cache.iterdir())
    dataset = opened(folder)
    assert sorted(levels(dataset.train) + levels(dataset.test)) == list(range(80))
    assert not any(path.name.startswith(".tmp-") for path in own_cache.iterdir())


KILLED = """
import os, signal, sys
from ganctl.images import reading
from ganctl.data.cache.dataset import open_dataset
from ganctl.data.resolve import resolve_source

def read(path, size, most, read=reading.read_square):
    if path.name == "070.png":
        os.kill(os.getpid(), signal.SIGKILL)
    return read(path, size, most)

reading.read_square = read
open_dataset(resolve_source(sys.argv[1]), 8, None)
"""


def test_a_stopped_decode_leaves_nothing(folder: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(path: Path, size: int, most: float) -> tuple[NDArray[np.uint8], bool]:
        raise KeyboardInterrupt

    monkeypatch.setattr(reading, "read_square", stop)
    with pytest.raises(KeyboardInterrupt):
        opened(greys(folder, 3))
    assert not [path for path in own_cache.iterdir() if path.is_dir()]


@pytest.mark.parametrize("damage", [lambda p: os.truncate(p, 100), lambda p: p.unlink()], ids=["cut", "lost"])
def test_a_damaged_cache_is_made_anew(folder: Path, own_cache: Path, damage: Callable[[Path], None]) -> None:
    whole = np.array(opened(greys(folder, 3)).train)
    damage(next(own_cache.glob("*/train")))
    assert np.array_equal(opened(folder).train, whole)


def test_a_full_disk_is_an_operating_system_error_and_leaves_no_rubbish(folder: Path, own_cache: Path) -> None:
    greys(folder, 100)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            opened(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not [path for path in own_cache.iterdir() if path.is_dir()]
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
    for part in (dataset.train, dataset.test):
        assert isinstance(part, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            part[0] = 0


# MNIST's files


def packed(array: NDArray[np.uint8]) -> bytes:
    """An array as a gzipped IDX file."""
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes())


@pytest.fixture
def little_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> Path:
    """Where GANCTL_DATA keeps an MNIST of 30 + 10 pictures; ganctl takes their checksums for the true ones."""
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    sums = []
    for name, shape in zip(mnist._FILES, [(30, 28, 28), (30,), (10, 28, 28), (10,)], strict=True):
        content = packed(rng.integers(0, 10, shape, np.uint8))
        (raw / name).write_bytes(content)
        sums.append(hashlib.md5(content).hexdigest())
    monkeypatch.setitem(mnist._SETS, "mnist", mnist._KnownSet("MNIST", ("http://127.0.0.1:9/",), tuple(sums)))
    monkeypatch.setenv("GANCTL_DATA", str(tmp_path / "data"))
    return raw


def test_mnist_is_read_from_where_the_user_keeps_it(little_mnist: Path) -> None:
    dataset = open_dataset(resolve_source("mnist"), 28, None)
    content = gzip.decompress((little_mnist / "train-images-idx3-ubyte.gz").read_bytes())[16:]
    assert dataset.train.tobytes() == content
    assert (dataset.name, dataset.spec, dataset.shape) == ("mnist", "mnist", (1, 28, 28))
    assert (dataset.train_labels.shape, dataset.test_labels.shape) == ((30,), (10,))
    assert dataset.train_labels.max() < 10


def test_mnist_can_be_had_in_another_size_and_in_colour(little_mnist: Path) -> None:
    dataset = open_dataset(resolve_source("mnist"), 32, 3)
    assert dataset.train.shape == (30, 32, 32, 3)
    means = [np.asarray(d.train).mean() for d in (dataset, open_dataset(resolve_source("mnist"), 28, None))]
    assert means[0] == pytest.approx(means[1], rel=0.02)


def test_damaged_mnist_is_refused_by_name(little_mnist: Path) -> None:
    with (little_mnist / "t10k-labels-idx1-ubyte.gz").open("ab") as file:
        file.write(b"?")
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz is damaged"):
        resolve_source("mnist")


def test_mnist_that_is_nowhere_is_refused_with_the_place_to_put_it(
    little_mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (little_mnist / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"could not be downloaded: 127\.0\.0\.1:9: no connection\. Put it into .*raw"):
        resolve_source("mnist")


def test_a_folder_called_mnist_is_meant_by_its_path(little_mnist: Path) -> None:
    Path("mnist").mkdir()
    assert opened(greys(Path("mnist"), 2)).name == "mnist" and isinstance(resolve_source("./mnist"), FolderSource)
    assert isinstance(resolve_source("mnist"), mnist.IdxFiles)


@pytest.mark.skipif(REAL_DATA is None, reason="GANCTL_DATA names no place with the real MNIST")
def test_the_real_mnist_is_all_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANCTL_DATA", str(REAL_DATA))
    dataset = open_dataset(resolve_source("mnist"), 28, None)
    assert (dataset.train.shape, dataset.test.shape) == ((60_000, 28, 28, 1), (10_000, 28, 28, 1))
    assert dataset.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert dataset.train.mean() / 255 == pytest.approx(0.1307, abs=1e-4)


# Batches


def counted(count: int, test: int = 3) -> Dataset:
    """A set in which picture i has the level i, and held-out picture i the level 255 − i."""
    train = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 4, 6, 3))
    held_out = np.broadcast_to(255 - np.arange(test, dtype=np.uint8)[:, None, None, None], (test, 4, 6, 3))
    unlabelled = np.empty(0, np.uint8)
    return Dataset("counted", "counted", train, held_out, unlabelled, unlabelled, "", [], 0)


def seen(batches: SingleBatches, step: int) -> list[int]:
    return ((batches.batch(step, CPU)["images"][:, 0, 0, 0] + 1) * 127.5).round().int().tolist()


def epoch(batches: SingleBatches, number: int) -> list[int]:
    steps = range(number * batches.steps_per_epoch, (number + 1) * batches.steps_per_epoch)
    return [i for step in steps for i in seen(batches, step)]


@pytest.mark.parametrize("order", [range(12), range(11, -1, -1), [5, 0, 11, 5, 3]])
def test_a_batch_depends_on_its_number_alone(order: Sequence[int]) -> None:
    batches = SingleBatches(counted(23), 5, seed=1)
    for step in order:
        assert torch.equal(
            batches.batch(step, CPU)["images"], SingleBatches(counted(23), 5, seed=1).batch(step, CPU)["images"]
        )


def test_an_epoch_is_full_batches_of_different_pictures() -> None:
    batches = SingleBatches(counted(23), 5, seed=1)
    assert batches.steps_per_epoch == 4
    for number in range(5):
        assert len(set(epoch(batches, number))) == 20


def test_every_picture_has_its_turn_in_some_epoch() -> None:
    batches = SingleBatches(counted(23), 5, seed=1)
    assert {i for number in range(20) for i in epoch(batches, number)} == set(range(23))


def test_the_order_differs_between_epochs_and_between_seeds() -> None:
    orders = [epoch(SingleBatches(counted(20), 5, seed), number) for seed in (1, 2) for number in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4
    assert all(sorted(order) == list(range(20)) for order in orders)


def test_a_batch_is_never_larger_than_the_data() -> None:
    batches = SingleBatches(counted(3), 64, seed=0)
    assert (batches.batch_size, batches.steps_per_epoch) == (3, 1)
    assert sorted(seen(batches, 7)) == [0, 1, 2]


def test_a_limit_leaves_the_first_pictures() -> None:
    batches = SingleBatches(counted(20), 2, seed=0, limit=5)
    assert (batches.count, batches.steps_per_epoch) == (5, 2)
    assert {i for number in range(10) for i in epoch(batches, number)} == set(range(5))
    assert SingleBatches(counted(20), 2, seed=0, limit=1000).count == 20


def test_levels_become_values_from_minus_one_to_one_channels_last() -> None:
    images = SingleBatches(counted(256), 256, seed=0).batch(0, CPU)["images"]
    assert images.shape == (256, 3, 4, 6)
    assert images.dtype == torch.float32
    assert (images.min().item(), images.max().item()) == (-1, 1)
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert np.array_equal(np.sort(to_uint8(images)[:, 0, 0, 0]), np.arange(256))


def test_the_progress_sheet_is_fed_with_held_out_pictures() -> None:
    held_out = to_uint8(SingleBatches(counted(20, test=70), 4, seed=0).held_out(CPU)["images"])
    assert levels(held_out) == [255 - i for i in range(64)]


def test_the_progress_sheet_is_fed_with_training_pictures_where_none_are_held_out() -> None:
    batches = SingleBatches(counted(5, test=0), 4, seed=0)
    assert levels(to_uint8(batches.held_out(CPU)["images"])) == [0, 1, 2, 3, 4]


def test_a_batch_is_the_callers_to_change(folder: Path) -> None:
    batches = SingleBatches(opened(greys(folder, 25)), 4, seed=0)
    before = batches.batch(0, CPU)["images"].clone()
    batches.batch(0, CPU)["images"].zero_()
    batches.held_out(CPU)["images"].zero_()
    assert torch.equal(batches.batch(0, CPU)["images"], before)
