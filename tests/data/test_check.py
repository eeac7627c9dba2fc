"""ganctl check: which folders of a set it finds, and what is wrong with them."""

import shutil
import time
from pathlib import Path

import pytest

from ganctl.data.check.check import examine, quick
from ganctl.errors import DataError
from tests.commands import failed, ganctl
from tests.conftest import REAL_DATA
from tests.data.checked_sets import fill, findings, only, save
from tests.data.folders import close


def test_a_healthy_set_is_listed_folder_by_folder_and_nothing_is_found(root: Path) -> None:
    outcome = ganctl("check", root, "--size", 12)
    assert outcome.code == 0
    assert outcome.out == [
        "FOLDER  PICTURES  SMALLEST  MEDIAN  LARGEST  MODES",
        "trainA  60        16×12     16×12   16×12    RGB 60",
        "trainB  55        16×12     16×12   16×12    RGB 55",
        "testA   4         16×12     16×12   16×12    RGB 4",
        "testB   3         16×12     16×12   16×12    RGB 3",
    ]
    assert outcome.err == ["Nothing to remark."]


def test_sizes_are_ordered_by_the_shorter_edge(tmp_path: Path) -> None:
    for number, size in enumerate([(40, 10), (20, 20), (9, 60), (30, 40), (50, 50)]):
        save(tmp_path / f"{number}.png", number, size)
    contents = examine(tmp_path).contents[0]
    assert contents.sizes == ((9, 60), (20, 20), (50, 50))
    assert contents.modes == {"RGB": 5}


@pytest.mark.parametrize("folder", ["trainA", "trainB"])
def test_a_missing_domain_makes_training_impossible(root: Path, folder: str) -> None:
    shutil.rmtree(root / folder)
    finding = only(findings(root))
    assert finding == only(quick(root))
    assert finding.severity == "problem"
    assert finding.message == f"{folder} is missing."
    assert str(root / folder) in finding.remedy
    outcome = ganctl("check", root, "--size", 12)
    assert outcome.code == 4
    assert any(line.split() == [folder, "missing"] for line in outcome.out)
    assert f"problem: {folder} is missing." in outcome.out[-1]
    assert outcome.err == [f"Error: {root} cannot be trained on: {folder} is missing.", finding.remedy]


@pytest.mark.parametrize("name", ["trainb", "TrainB", "train_B", "train-b"])
def test_a_domain_of_another_spelling_is_to_be_renamed(root: Path, name: str) -> None:
    (root / "trainB").rename(root / name)
    assert only(findings(root)) == ("problem", "trainB is missing.", f"Rename {name} to trainB.")


def test_an_empty_domain_makes_training_impossible(root: Path) -> None:
    shutil.rmtree(root / "trainB")
    (root / "trainB").mkdir()
    finding = only(findings(root))
    assert finding == only(quick(root))
    assert finding[:2] == ("problem", "trainB holds no pictures.")


def test_of_a_set_without_test_folders_some_pictures_are_held_out(root: Path) -> None:
    for folder in ("testA", "testB"):
        shutil.rmtree(root / folder)
    finding = only(findings(root))
    assert finding == only(quick(root))
    assert finding[:2] == ("note", "There is no testA or testB.")


def test_one_test_folder_without_the_other_is_a_warning(root: Path) -> None:
    shutil.rmtree(root / "testB")
    assert only(findings(root))[:2] == ("warning", "testB is missing.")


@pytest.mark.parametrize("kind", ["a file", "a link to nowhere"])
def test_what_is_no_folder_is_called_what_it_is(root: Path, kind: str) -> None:
    shutil.rmtree(root / "trainA")
    (root / "trainA").touch() if kind == "a file" else (root / "trainA").symlink_to("gone")
    assert only(findings(root))[:2] == ("problem", f"trainA is {kind}.")


def test_so_few_pictures_that_they_are_learnt_by_heart_are_a_warning(root: Path) -> None:
    for path in sorted((root / "trainA").iterdir())[1:]:
        path.unlink()
    finding = only(findings(root))
    assert finding == only(quick(root))
    assert finding[:2] == ("warning", "trainA holds only 1 picture.")


def test_unused_files_are_listed(root: Path) -> None:
    for name in ("valA", "valB", ".git"):
        (root / name).mkdir()
    (root / "readme.txt").touch()
    (root / "trainA" / "notes.txt").touch()
    (root / "trainA" / ".hidden.png").touch()
    outcome = ganctl("check", root, "--size", 12)
    assert "not used: readme.txt, valA, valB" in outcome.out
    assert outcome.out[-1].startswith("note: trainA holds 1 file that training passes by, such as notes.txt.")
    assert outcome.code == 0


def test_two_folders_of_any_name_can_be_the_domains(tmp_path: Path) -> None:
    root = fill(tmp_path / "set", "horse", "zebra", "cow")
    outcome = ganctl("check", root, "--domains", "horse, zebra", "--size", 12)
    assert [line.split()[0] for line in outcome.out[1:]] == ["horse", "zebra", "not"]
    assert outcome.code == 0
    assert only(findings(root, domains=("horse", "zbra")))[:2] == ("problem", "zbra is missing.")
    assert only(quick(root, ("horse", "zbra"), ()))[:2] == ("problem", "zbra is missing.")
    assert quick(root, ("horse", "zebra"), ()) == []


def test_domains_may_also_be_what_train_a_and_train_b_are_called(root: Path) -> None:
    assert findings(root, domains=("horse", "zebra")) == []


def test_any_other_folder_is_one_of_pictures_at_any_depth(tmp_path: Path) -> None:
    root = fill(tmp_path / "faces", "young", "old/very")
    outcome = ganctl("check", root)
    classes = "note: faces has 2 classes by its folders: old (55), young (60)."
    assert outcome.out[1:] == [
        "faces   115       16×12     16×12   16×12    RGB 115",
        f"{classes} They are the labels of a family that learns from classes.",
    ]
    assert outcome.code == 0


def test_an_empty_folder_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert only(findings(tmp_path / "empty"))[:2] == ("problem", "empty holds no pictures.")


def test_what_would_be_held_out_is_a_note(tmp_path: Path) -> None:
    root = fill(tmp_path / "set", "train", "val", counts=(60, 3))
    message = "Held out by name, not to be learnt from: 3 pictures in val."
    assert only(findings(root))[:2] == ("note", message)


def test_a_folder_that_may_not_be_read_is_a_problem(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close("trainA", monkeypatch)
    assert only(quick(root))[:2] == ("problem", "trainA cannot be read: Permission denied.")


@pytest.mark.parametrize("name", ["", "nosuch", "~nobody/x"])
def test_data_that_do_not_exist_are_refused_and_the_known_sets_are_named(name: str) -> None:
    message = failed(ganctl("check", name), 4)
    assert message.startswith(f"Error: There is no data {name!r}.")
    assert "horse2zebra" in message


def test_a_file_and_a_set_without_files_are_refused(tmp_path: Path) -> None:
    assert "is a file" in failed(ganctl("check", save(tmp_path / "x.png", 0)), 4)
    assert "mnist is not made of picture files" in failed(ganctl("check", "mnist"), 4)
    with pytest.raises(DataError, match="There is no data"):
        quick(tmp_path / "nosuch")


@pytest.mark.parametrize("domains", ["horse", "horse,", ",", "a,b,c", "a,a", ""])
def test_domains_have_to_be_two(root: Path, domains: str) -> None:
    assert "does not name two domains" in failed(ganctl("check", root, "--domains", domains), 2)


@pytest.mark.parametrize("size", [0, -1])
def test_a_size_has_to_be_positive(root: Path, size: int) -> None:
    assert "--size" in failed(ganctl("check", root, "--size", size), 2)


def test_a_known_set_is_taken_from_the_users_folder(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root.rename(tmp_path / "horse2zebra")
    monkeypatch.setenv("GANCTL_DATA", str(tmp_path))
    assert ganctl("check", "horse2zebra", "--size", 12).err == ["Nothing to remark."]


@pytest.mark.skipif(REAL_DATA is None, reason="GANCTL_DATA names no place with the real sets")
def test_of_the_real_horse2zebra_everything_is_found_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANCTL_DATA", str(REAL_DATA))
    outcome = ganctl("check", "horse2zebra")
    assert outcome.code == 0
    assert outcome.out[1:5] == [
        "trainA  1067      256×256   256×256  256×256  RGB 1067",
        "trainB  1334      256×256   256×256  256×256  RGB 1327, L 7",
        "testA   120       256×256   256×256  256×256  RGB 120",
        "testB   140       256×256   256×256  256×256  RGB 140",
    ]
    assert [line.split(", such")[0].split(". Leave")[0] for line in outcome.out[5:]] == [
        "warning: trainA has 8 copies among its 1,067 pictures",
        "warning: trainB has 16 copies among its 1,334 pictures",
        "warning: testA shares 1 picture with trainA",
        "note: trainB has 7 grey pictures (mode L) among its 1,334",
    ]
    began = time.perf_counter()
    assert quick(Path(str(REAL_DATA)) / "horse2zebra") == []
    assert time.perf_counter() - began < 1
