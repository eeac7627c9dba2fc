"""The classes of pictures, from a CSV file."""

import os
import shutil
from pathlib import Path

import pytest

from ganctl.data.resolve import resolve_source
from ganctl.errors import DataError, UsageError
from tests.data.class_folders import classed, decoded, labelled, labels, names
from tests.data.folders import grey_values, greys

FIX = "A table of labels is UTF-8 text with the header file,label and a line for each picture."


@pytest.fixture
def pictures(folder: Path) -> Path:
    """A folder of four pictures: 000.png to 003.png."""
    return greys(folder, 4)


def table(path: Path, *lines: str, header: str = "file,label") -> Path:
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def test_a_table_names_the_class_of_each_picture(pictures: Path, tmp_path: Path) -> None:
    lines = ("003.png,cat", "000.png,dog", "001.png,cat", "002.png,ape")
    source = labelled(pictures, table(tmp_path / "labels.csv", *lines))
    assert source.classes == ("ape", "cat", "dog")
    assert names(source) == {"000.png": "dog", "001.png": "cat", "002.png": "ape", "003.png": "cat"}
    assert source.warnings == ()
    dataset = decoded(pictures, tmp_path / "labels.csv")
    assert dict(zip(grey_values(dataset.train), labels(dataset)[0], strict=True)) == {0: 2, 1: 1, 2: 0, 3: 1}


def test_files_are_named_from_the_data_or_from_the_table(pictures: Path, tmp_path: Path) -> None:
    lines = ("pictures/000.png,a", "001.png,b", f"{pictures / '002.png'},c", "./pictures/../pictures/003.png,d")
    assert list(names(labelled(pictures, table(tmp_path / "t.csv", *lines))).values()) == ["a", "b", "c", "d"]


def test_data_and_table_may_be_named_through_links(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(pictures)
    lines = ("pictures/000.png,a", "link/001.png,b", "002.png,a", "003.png,b")
    path = table(tmp_path / "t.csv", *lines)
    assert list(names(labelled(tmp_path / "link", path)).values()) == ["a", "b"] * 2
    assert decoded(tmp_path / "link", path).fingerprint == decoded(pictures, path).fingerprint


def test_class_folders_say_nothing_where_there_is_a_table(folder: Path, tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", "a/0.png,x", "a/1.png,y", "b/0.png,y", "b/1.png,x")
    assert list(names(labelled(classed(folder, "a", "b", count=2), path)).values()) == ["x", "y", "y", "x"]


def test_spreadsheets_are_understood(pictures: Path, tmp_path: Path) -> None:
    lines = ["\ufeffNumber,File , Label", '1,"000.png","a, or ""b"""', ",,", "", "2,001.png, c ", "3,002.png,c"]
    (tmp_path / "t.csv").write_bytes("\r\n".join([*lines, "4,003.png,c"]).encode())
    source = labelled(pictures, tmp_path / "t.csv")
    assert source.classes == ('a, or "b"', "c")
    assert source.warnings == ()


def test_pictures_without_a_line_are_left_out_with_a_warning(folder: Path, tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", *(f"{i:03d}.png,{'ab'[i % 2]}" for i in range(3)))
    source = labelled(greys(folder, 9), path)
    assert len(source.train) == 3
    left_out = "6 pictures are left out, as t.csv has no line for them: 003.png, 004.png, 005.png and 3 more."
    assert source.warnings == (left_out,)


def test_a_limit_takes_the_classes_of_a_table_in_turn(folder: Path, tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", *(f"{i:03d}.png,{'a' if i < 16 else 'b'}" for i in range(19)))
    assert sorted(labels(decoded(greys(folder, 19), path, limit=6))[0]) == [0, 0, 0, 1, 1, 1]


def test_lines_without_a_picture_are_warned_of(pictures: Path, tmp_path: Path) -> None:
    lines = [f"{i:03d}.png,{'ab'[i % 2]}" for i in range(4)]
    one = labelled(pictures, table(tmp_path / "t.csv", *lines, "x\x1b[31m.png,a"))
    assert one.warnings == (f"1 line of t.csv names no picture in {pictures}: x\\x1b[31m.png.",)
    two = labelled(pictures, table(tmp_path / "t.csv", *lines, "\0,a", "x.png,c"))
    assert two.warnings == (f"2 lines of t.csv name no picture in {pictures}: \\x00 and x.png.",)
    assert two.classes == ("a", "b"), "no picture is a c"


@pytest.mark.parametrize(
    ("content", "message", "remedy"),
    [
        (b"", "{} has no header file,label in line 1.", FIX),
        (b"000.png,cat\n001.png,dog\n", "{} has no header file,label in line 1.", FIX),
        (b"file,class\n000.png,cat\n", "{} has no header file,label in line 1.", FIX),
        (b"file,label\n000.png,cat\n001.png\n", "{} is malformed: line 3 has 1 field, and the header 2.", FIX),
        (b"file,label\na,b.png,cat\n", "{} is malformed: line 2 has 3 fields, and the header 2.", FIX),
        (b"file,label\n\n000.png,\n", "{} is malformed: line 3 has no label.", FIX),
        (b"file,label\n ,cat\n", "{} is malformed: line 2 has no file.", FIX),
        (b'file,label\n000.png,"cat\n001.png,dog', "{} is malformed: line 3: unexpected end of data.", FIX),
        (b"file,label\n000.png,cat\nb\xe9.png,dog\n", "{} is no UTF-8 text in line 3.", FIX),
        (b"\xff\xfef\0i\0l\0e\0", "{} is no UTF-8 text in line 1.", FIX),
        (
            b"file,label\n000.png,cat\n./000.png,dog\n",
            "{} has a second label in line 3: ./000.png is cat as well as dog.",
            "Remove one.",
        ),
        (b"file,label\n000.png,cat\n001.png,cat\n", "{} knows one class only: cat.", ""),
    ],
)
def test_a_malformed_table_is_refused_with_its_line(
    pictures: Path, tmp_path: Path, content: bytes, message: str, remedy: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        labelled(pictures, path)
    assert (caught.value.message, caught.value.remedy) == (message.format(path), remedy)


def test_a_field_beyond_any_reason_is_refused(pictures: Path, tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", f"000.png,{'x' * 200_000}")
    with pytest.raises(DataError, match="line 2: field larger than field limit"):
        labelled(pictures, path)


def test_a_table_that_is_not_there_or_of_other_pictures_is_refused(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nosuch\.csv cannot be read: No such file or directory\. Bring it back, or"):
        labelled(pictures, tmp_path / "nosuch.csv")
    with pytest.raises(DataError, match="is no file of less than 1 GB"):
        labelled(pictures, tmp_path)
    for lines, example in ((), ""), (("x.png,a", "y.png,b"), ", such as x.png"):
        with pytest.raises(
            DataError, match=rf"t\.csv names no picture in {pictures}{example}\. A file is named relative"
        ):
            labelled(pictures, table(tmp_path / "t.csv", *lines))


def test_a_table_needs_a_picture_to_train_on(folder: Path, tmp_path: Path) -> None:
    classed(folder, "train", "test", count=2)
    with pytest.raises(DataError, match=f"^All of the labelled pictures in {folder} are held out"):
        labelled(folder, table(tmp_path / "t.csv", "test/0.png,a", "test/1.png,b"))


def test_sets_with_labels_of_their_own_take_no_table(tmp_path: Path) -> None:
    for name in ("digits", "mnist"):
        with pytest.raises(UsageError, match=f"^{name} has labels of its own. Leave out --labels"):
            resolve_source(name, labelled=True, table=tmp_path / "t.csv")


def test_the_fingerprint_follows_the_labels_and_not_the_wording_of_the_table(pictures: Path, tmp_path: Path) -> None:
    lines = ["000.png,a", "001.png,b", "002.png,a", "003.png,b"]
    fingerprint = decoded(pictures, table(tmp_path / "t.csv", *lines)).fingerprint
    assert decoded(pictures, table(tmp_path / "t.csv", *reversed(lines))).fingerprint == fingerprint
    moved = Path(shutil.copytree(pictures, tmp_path / "moved"))
    os.utime(moved / "000.png", (1, 1))
    assert decoded(moved, tmp_path / "t.csv").fingerprint == fingerprint
    for old, new in (("003.png,b", "003.png,a"), (",b", ",c")):
        changed = [line.replace(old, new) for line in lines]
        assert decoded(pictures, table(tmp_path / "t.csv", *changed)).fingerprint != fingerprint
