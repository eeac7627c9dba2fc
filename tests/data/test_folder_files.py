"""Folders of pictures: which of their files are used, held out or refused."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from ganctl.data.cache.dataset import open_dataset
from ganctl.data.resolve import resolve_source
from ganctl.errors import DataError
from tests.data.folders import close, grey_values, greys, opened, save


def test_pictures_at_any_depth_and_linked_ones_are_found(folder: Path, tmp_path: Path) -> None:
    (folder / "a" / "b" / "c").mkdir(parents=True)
    save(folder / "a" / "b" / "c" / "deep.png", (10, 10, 10))
    (folder / "linked.png").symlink_to(save(tmp_path / "elsewhere.png", (20, 20, 20)))
    assert grey_values(opened(folder).train) == [10, 20]


def test_the_fingerprint_of_a_folder_is_what_it_was_in_the_first_release(folder: Path) -> None:
    assert opened(greys(folder, 25)).fingerprint == "43873a3a80cbf2ad15622fc5ebda6762b59773429cdb6dbe23c3b21be6b42a93"


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
    assert grey_values(opened(folder).train) == [0, 1]


def test_what_only_looks_like_a_picture_is_skipped(folder: Path) -> None:
    greys(folder, 2)
    (folder / "folder.png").mkdir()
    os.mkfifo(folder / "pipe.png")
    (folder / "notes.txt").write_text("no picture")
    dataset = opened(folder)
    assert (grey_values(dataset.train), dataset.broken) == ([0, 1], ["pipe.png: it is a device or a pipe"])


def test_linked_folders_are_read_each_once(folder: Path, tmp_path: Path) -> None:
    for number, name in enumerate(("cats", "dogs")):
        (tmp_path / name).mkdir()
        save(tmp_path / name / "0.png", (number, number, number))
        (folder / name).symlink_to(tmp_path / name)
    (tmp_path / "cats" / "others").symlink_to(tmp_path / "dogs")
    (tmp_path / "dogs" / "all").symlink_to(tmp_path)
    assert grey_values(opened(folder).train) == [0, 1]


def test_skipped_files_are_named_with_their_reasons(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    greys(folder, 2)
    (folder / "a.cr3").touch()
    (folder / "gone.png").symlink_to("nothing")
    for name in ("@eaDir", "closed"):
        (folder / name).mkdir()
        save(folder / name / "0.png")
    close("closed", monkeypatch)
    source = resolve_source(str(folder))
    raw = "a.cr3: it is camera raw: export it as JPEG or TIFF"
    skipped = [raw, "closed: Permission denied", "gone.png: it is a link to nothing"]
    assert list(source.skipped) == skipped
    for _ in range(2):  # decoded, and from the cache
        dataset = open_dataset(source, 8, None)
        assert (grey_values(dataset.train), dataset.broken) == ([0, 1], skipped)
    assert source.warnings == (
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
    assert (grey_values(dataset.train), dataset.broken) == ([0, 1], [])


def test_a_folder_inside_a_hidden_one_is_read_all_the_same(folder: Path) -> None:
    (folder / ".data").mkdir()
    dataset = opened(greys(folder / ".data", 2))
    assert (dataset.name, len(dataset.train)) == ("data", 2)


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
    assert [path.suffix for path in (own_cache / "decoded").iterdir()] in ([], [".lock"])


def test_one_picture_in_twenty_is_held_out_and_never_trained_on(folder: Path) -> None:
    dataset = opened(greys(folder, 59))
    train, test = grey_values(dataset.train), grey_values(dataset.test)
    assert (len(train), len(test)) == (57, 2)
    assert sorted(train + test) == list(range(59))
    assert train == sorted(train)


def test_what_is_held_out_depends_on_nothing_but_the_set(folder: Path, tmp_path: Path) -> None:
    dataset = opened(greys(folder, 40))
    copied = opened(Path(shutil.copytree(folder, tmp_path / "other", copy_function=shutil.copyfile)), size=4)
    assert grey_values(dataset.test) == grey_values(copied.test)
    assert not np.array_equal(grey_values(dataset.test), range(2)), "it is a random part, not the first"


def test_nineteen_pictures_are_too_few_to_hold_one_out(folder: Path) -> None:
    dataset = opened(greys(folder, 19))
    assert (len(dataset.train), len(dataset.test)) == (19, 0)


@pytest.mark.parametrize(
    ("train", "held_out"),
    [
        (["trainA", "trainB"], ["testA", "testB"]),
        (["train"], ["val", "test"]),
        (["train/cat", "train/dog"], ["Validation/cat"]),
        (["images/train2017"], ["images/val2017"]),
        (["bottle/train/good", "cable/train/good"], ["bottle/test/good", "cable/test/bad"]),
        (["train", "more"], ["test"]),
    ],
)
def test_folders_to_test_with_are_held_out_and_a_warning_says_so(
    folder: Path, train: list[str], held_out: list[str]
) -> None:
    for value, name in enumerate([*train, *held_out]):
        (folder / name).mkdir(parents=True)
        for i in range(3):
            save(folder / name / f"{i}.png", (value, value, value))
    source = resolve_source(str(folder))
    dataset = open_dataset(source, 8, None)
    assert set(grey_values(dataset.train)) == set(range(len(train)))
    assert sorted(grey_values(dataset.test)) == [len(train) + i // 3 for i in range(3 * len(held_out))]
    (warning,) = source.warnings
    assert warning.startswith(f"Held out by name, not to be learnt from: {len(dataset.test)} pictures in ")
    assert all(limited in warning for name in held_out for limited in [name.split("/")[-1]] if "/" not in name)


@pytest.mark.parametrize("names", [["test", "val"], ["train", "contest"], ["training", "train"], ["cat/train", "test"]])
def test_a_name_alone_holds_nothing_out(folder: Path, names: list[str]) -> None:
    for name in names:
        (folder / name).mkdir(parents=True)
        save(folder / name / "0.png")
    source = resolve_source(str(folder))
    assert (source.warnings, len(opened(folder).train)) == ((), 2)


def test_a_limit_takes_the_first_pictures_of_each_split(folder: Path) -> None:
    all_pictures, limited = opened(greys(folder, 60)), opened(folder, limit=2)
    assert grey_values(limited.train) == grey_values(all_pictures.train)[:2]
    assert grey_values(limited.test) == grey_values(all_pictures.test)[:2]
