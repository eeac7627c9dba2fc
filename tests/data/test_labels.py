"""The classes of pictures, from the folders that they lie in."""

import os
from pathlib import Path

import numpy as np
import pytest

from ganctl.data.cache.dataset import open_dataset
from ganctl.data.resolve import resolve_source
from ganctl.errors import DataError
from tests.commands import ganctl
from tests.data.class_folders import classed, decoded, labelled, labels, names
from tests.data.folders import grey_values, opened, save


def test_the_first_level_of_folders_gives_the_class_at_any_depth(folder: Path) -> None:
    source = labelled(classed(folder, "dog", "cat/young", "cat/old"))
    assert source.classes == ("cat", "dog")
    assert names(source) == {"cat/old/0.png": "cat", "cat/young/0.png": "cat", "dog/0.png": "dog"}


def test_classes_are_sorted_as_torchvision_sorts_them(folder: Path) -> None:
    assert labelled(classed(folder, "b", "a", "C", "é", "10", "9")).classes == ("10", "9", "C", "a", "b", "é")


@pytest.mark.parametrize("test", ["test", "val", "valid", "Test"])
def test_folders_to_train_on_and_to_test_with_are_above_the_classes(folder: Path, test: str) -> None:
    dataset = decoded(classed(folder, "train/cat", "train/dog", f"{test}/dog", count=2))
    assert dataset.classes == ("cat", "dog")
    train, held_out = labels(dataset)
    assert (sorted(train), held_out) == ([0, 0, 1, 1], [1, 1])


def test_a_lone_folder_to_train_on_is_above_the_classes_too(folder: Path) -> None:
    assert labelled(classed(folder, "train/cat", "train/dog")).classes == ("cat", "dog")


def test_a_class_may_be_called_train_or_have_held_out_pictures_within_it(folder: Path) -> None:
    dataset = decoded(classed(folder, "bus", "train", "car/train", "car/test"))
    assert dataset.classes == ("bus", "car", "train")
    train, test = labels(dataset)
    assert (sorted(train), test) == ([0, 1, 2], [1])


def test_labels_come_with_the_pictures_that_can_be_read(folder: Path) -> None:
    classed(folder, "a", "b", "c", count=3)
    (folder / "a" / "1.png").write_text("this is no picture")
    (folder / "b" / "0.png").write_bytes(b"")
    dataset = decoded(folder)
    assert len(dataset.broken) == 2
    assert sorted(labels(dataset)[0]) == [0, 0, 1, 1, 2, 2, 2]
    assert dataset.train[:, 0, 0, 0].tolist() == labels(dataset)[0]
    assert dataset.train_columns["labels"].dtype == np.int64


def test_without_a_need_for_labels_class_folders_are_only_folders(folder: Path) -> None:
    classed(folder, "a", "b", count=20)
    plain, with_labels = opened(folder, channels=3), decoded(folder)
    for images, ordered in (plain.train, with_labels.train), (plain.test, with_labels.test):
        assert sorted(image.tobytes() for image in ordered) == sorted(image.tobytes() for image in images)
    assert grey_values(plain.train) == sorted(grey_values(plain.train)), "in the order of the paths, as ever"
    assert plain.fingerprint == "d32cb033018a12ac27fc59281843720dd4e72d3fe3919bc2640bee7ed42ec845"
    assert (plain.train_columns, plain.test_columns, plain.info.classes) == ({}, {}, ())
    assert len(with_labels.test_columns["labels"]) == 2
    assert with_labels.info.classes == ("a", "b")
    assert plain.fingerprint != with_labels.fingerprint


def test_the_fingerprint_notices_another_label_and_another_name_of_a_class(folder: Path) -> None:
    fingerprints = [decoded(classed(folder, "a", "b", count=2)).fingerprint]
    (folder / "b").rename(folder / "c")
    fingerprints.append(decoded(folder).fingerprint)
    (folder / "c" / "0.png").rename(folder / "a" / "2.png")
    fingerprints.append(decoded(folder).fingerprint)
    assert len(set(fingerprints)) == 3
    assert decoded(folder).fingerprint == fingerprints[-1], "the second time it is read from the cache"
    assert sorted(labels(decoded(folder))[0]) == [0, 0, 0, 1]


def test_hundreds_of_classes_are_told_apart(folder: Path) -> None:
    dataset = decoded(classed(folder, *(f"{i:03d}" for i in range(300))))
    assert len(dataset.classes) == 300
    train, test = labels(dataset)
    assert sorted(train + test) == list(range(300))


def test_hidden_folders_and_thumbnails_are_no_classes(folder: Path) -> None:
    source = labelled(classed(folder, "a", "b", ".c", "@eaDir"))
    assert source.classes == ("a", "b")
    assert not any("class" in warning for warning in source.warnings)


def test_an_empty_folder_is_no_class_and_is_warned_of(folder: Path) -> None:
    classed(folder, "a", "b")
    (folder / "c").mkdir()
    source = labelled(folder)
    assert source.classes == ("a", "b")
    assert source.warnings == ("c holds no pictures, so it is no class.",)
    (folder / "d").mkdir()
    assert labelled(folder).warnings == ("c and d hold no pictures, so they are no classes.",)


def test_names_of_any_bytes_are_names_of_classes(folder: Path, tmp_path: Path) -> None:
    hostile = os.fsdecode(b"caf\xe9\x1b[31m")
    dataset = decoded(classed(folder, hostile, "b"))
    assert dataset.classes == ("b", "caf\\xe9\x1b[31m")
    (folder / hostile / "0.png").rename(folder / "lost.png")
    with pytest.raises(DataError, match=r"lost\.png is in no class folder"):
        labelled(folder)
    assert "\x1b" not in "".join(ganctl("check", classed(tmp_path / "set", hostile, "b")).out)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (["0.png", "1.png"], "there are no class folders in it"),
        (["a/0.png", "a/1.png", "a/b/2.png"], "all its pictures are in one class folder, a"),
        (["a/0.png", "b/0.png", "x.png"], "x.png is in no class folder"),
        (["a/0.png", "x.png", "y.png", "z.png", "zz.png"], "x.png, y.png, z.png and 1 more are in no class folder"),
        (["train/0.png", "test/1.png"], "there are no class folders in it"),
        (["train/a/0.png", "train/b/0.png", "test/0.png"], "test/0.png is in no class folder"),
        (["train/a/0.png", "test/a/0.png"], "all its pictures are in one class folder, a"),
    ],
)
def test_a_folder_without_labels_says_why_and_what_to_do(folder: Path, files: list[str], why: str) -> None:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        save(folder / name)
    assert resolve_source(str(folder)).classes == ()
    with pytest.raises(DataError) as caught:
        labelled(folder)
    assert caught.value.message == f"{folder} has no labels: {why}."
    assert (
        caught.value.remedy
        == "Make a folder for each class, name a table with --labels FILE.csv, or take --data mnist."
    )


@pytest.mark.parametrize(("limit", "counts"), [(3, [1, 1, 1]), (8, [3, 3, 2]), (13, [6, 5, 2]), (None, [15, 5, 2])])
def test_a_limit_takes_as_many_of_each_class_as_there_are(folder: Path, limit: int | None, counts: list[int]) -> None:
    for split in "train", "test":
        for name, count in ("a", 15), ("b", 5), ("c", 2):
            classed(folder / split, name, count=count)
    dataset = decoded(folder, limit=limit)
    for split_labels in labels(dataset):
        assert sorted((split_labels.count(label) for label in range(3)), reverse=True) == counts
    assert dataset.classes == ("a", "b", "c")


def test_the_pictures_of_a_class_keep_their_order(folder: Path) -> None:
    source = labelled(classed(folder, "a", "b", count=9))
    for label in range(2):
        of_class = [path for path in source.train if source.labels_by_path[path] == label]
        assert of_class == sorted(of_class)


@pytest.mark.parametrize("step", [2, 3, 4, 6])
def test_evenly_spaced_pictures_are_of_every_class(folder: Path, step: int) -> None:
    train, _ = labels(decoded(classed(folder, "a", "b", count=60)))
    assert 0.25 < np.mean(train[::step]) < 0.75


def test_the_built_in_digits_have_their_labels_whoever_asks(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganctl.data.sources.digits.COUNTS", {"train": 200, "test": 20})
    for source in (resolve_source("digits"), resolve_source("digits", labelled=True)):
        dataset = open_dataset(source, 28, None)
        assert dataset.classes == tuple("0123456789")
        assert {*dataset.train_columns["labels"].tolist()} == {*range(10)}
        assert (len(dataset.train_columns["labels"]), len(dataset.test_columns["labels"])) == dataset.counts


def test_a_table_that_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    root, pipe = classed(tmp_path / "root", "a", "b"), tmp_path / "labels.csv"
    os.mkfifo(pipe)
    with pytest.raises(DataError, match="is no file"):
        labelled(root, pipe)
