"""Looking for what is wrong with pictures: every finding, its sentence, and what it costs."""

import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganctl.data.check import check
from ganctl.data.check.check import examine, quick
from ganctl.data.check.findings import Finding
from ganctl.errors import DataError
from ganctl.images.probing import Probe, probe
from tests.commands import failed, ganctl
from tests.conftest import REAL_DATA

SIDES = ("trainA", "trainB", "testA", "testB")
COUNTS = (60, 55, 4, 3)


def save(path: Path, number: int, size: tuple[int, int] = (16, 12), mode: str = "RGB") -> Path:
    """A picture that differs from those of other numbers."""
    levels = np.random.default_rng(number).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(levels).convert(mode).save(path)
    return path


def fill(root: Path, *names: str, counts: tuple[int, ...] = COUNTS) -> Path:
    """Folders of pictures, all of them different."""
    number = 0
    for name, count in zip(names, counts, strict=False):
        (root / name).mkdir(parents=True)
        for i in range(count):
            number += 1
            save(root / name / f"{i:02d}.png", number)
    return root


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set that nothing is wrong with, for copying."""
    return fill(tmp_path_factory.mktemp("sets") / "healthy", *SIDES)


@pytest.fixture
def pair(healthy: Path, tmp_path: Path) -> Path:
    """A set of two domains that a test may spoil."""
    return shutil.copytree(healthy, tmp_path / "pair")


def findings(root: Path, size: int = 12, domains: tuple[str, str] | None = None) -> list[Finding]:
    return list(examine(root, domains, size).findings)


def only(found: list[Finding]) -> Finding:
    """The one finding, which is made of a sentence and a remedy."""
    assert len(found) == 1, found
    assert found[0].message.endswith(".")
    assert found[0].remedy
    return found[0]


# What lies there


def test_a_healthy_set_is_told_folder_by_folder_and_nothing_is_found(pair: Path) -> None:
    outcome = ganctl("check", pair, "--size", 12)
    assert outcome.code == 0
    assert outcome.out == [
        "FOLDER  PICTURES  SMALLEST  MEDIAN  LARGEST  MODES",
        "trainA  60        16×12     16×12   16×12    RGB 60",
        "trainB  55        16×12     16×12   16×12    RGB 55",
        "testA   4         16×12     16×12   16×12    RGB 4",
        "testB   3         16×12     16×12   16×12    RGB 3",
    ]
    assert outcome.err == ["Nothing to remark."]


def test_sizes_are_told_by_the_shorter_side(tmp_path: Path) -> None:
    for number, size in enumerate([(40, 10), (20, 20), (9, 60), (30, 40), (50, 50)]):
        save(tmp_path / f"{number}.png", number, size)
    contents = examine(tmp_path).contents[0]
    assert contents.sides == ((9, 60), (20, 20), (50, 50))
    assert contents.modes == {"RGB": 5}


@pytest.mark.parametrize("side", ["trainA", "trainB"])
def test_a_missing_side_makes_training_impossible(pair: Path, side: str) -> None:
    shutil.rmtree(pair / side)
    found = only(findings(pair))
    assert found == only(quick(pair))
    assert found.severity == "problem"
    assert found.message == f"{side} is missing."
    assert str(pair / side) in found.remedy
    outcome = ganctl("check", pair, "--size", 12)
    assert outcome.code == 4
    assert any(line.split() == [side, "missing"] for line in outcome.out)
    assert f"problem: {side} is missing." in outcome.out[-1]
    assert outcome.err == [f"Error: {pair} cannot be trained on: {side} is missing.", found.remedy]


@pytest.mark.parametrize("name", ["trainb", "TrainB", "train_B", "train-b"])
def test_a_side_of_another_spelling_is_to_be_renamed(pair: Path, name: str) -> None:
    (pair / "trainB").rename(pair / name)
    assert only(findings(pair)) == ("problem", "trainB is missing.", f"Rename {name} to trainB.")


def test_an_empty_side_makes_training_impossible(pair: Path) -> None:
    shutil.rmtree(pair / "trainB")
    (pair / "trainB").mkdir()
    found = only(findings(pair))
    assert found == only(quick(pair))
    assert found[:2] == ("problem", "trainB holds no pictures.")


def test_a_set_without_test_folders_is_told_that_some_are_held_out(pair: Path) -> None:
    for side in ("testA", "testB"):
        shutil.rmtree(pair / side)
    found = only(findings(pair))
    assert found == only(quick(pair))
    assert found[:2] == ("note", "There is no testA or testB.")


def test_one_test_folder_without_the_other_is_a_warning(pair: Path) -> None:
    shutil.rmtree(pair / "testB")
    assert only(findings(pair))[:2] == ("warning", "testB is missing.")


@pytest.mark.parametrize("kind", ["a file", "a link to nowhere"])
def test_what_is_no_folder_is_told_so(pair: Path, kind: str) -> None:
    shutil.rmtree(pair / "trainA")
    (pair / "trainA").touch() if kind == "a file" else (pair / "trainA").symlink_to("gone")
    assert only(findings(pair))[:2] == ("problem", f"trainA is {kind}.")


def test_so_few_pictures_that_they_are_learnt_by_heart_are_a_warning(pair: Path) -> None:
    for path in sorted((pair / "trainA").iterdir())[1:]:
        path.unlink()
    found = only(findings(pair))
    assert found == only(quick(pair))
    assert found[:2] == ("warning", "trainA holds only 1 picture.")


def test_what_is_not_used_is_told(pair: Path) -> None:
    for name in ("valA", "valB", ".git"):
        (pair / name).mkdir()
    (pair / "readme.txt").touch()
    (pair / "trainA" / "notes.txt").touch()
    (pair / "trainA" / ".hidden.png").touch()
    outcome = ganctl("check", pair, "--size", 12)
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


def test_domains_may_also_be_what_train_a_and_train_b_are_called(pair: Path) -> None:
    assert findings(pair, domains=("horse", "zebra")) == []


def test_any_other_folder_is_one_of_pictures_at_any_depth(tmp_path: Path) -> None:
    root = fill(tmp_path / "faces", "young", "old/very")
    outcome = ganctl("check", root)
    assert outcome.out[1:] == ["faces   115       16×12     16×12   16×12    RGB 115"]
    assert outcome.code == 0


def test_an_empty_folder_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert only(findings(tmp_path / "empty"))[:2] == ("problem", "empty holds no pictures.")


# What the pictures are


def test_broken_pictures_are_named_with_their_reasons(pair: Path) -> None:
    whole = save(pair / "trainA" / "whole.jpg", 1000, (64, 64)).read_bytes()
    (pair / "trainA" / "whole.jpg").rename(pair / "trainA" / "0cut.jpg")
    (pair / "trainA" / "0cut.jpg").write_bytes(whole[: len(whole) // 2])
    (pair / "trainA" / "0empty.png").touch()
    (pair / "trainA" / "0gone.png").symlink_to("nowhere.png")
    (pair / "trainA" / "0page.gif").write_text("<html>")
    found = only(findings(pair))
    assert found.severity == "warning"
    assert found.message.startswith("trainA holds 4 pictures that cannot be read: 0cut.jpg (image file is truncated")
    assert found.message.endswith(
        "0empty.png (it is no picture), 0gone.png (it is a link to nothing), 0page.gif (it is no picture)."
    )


def test_a_side_of_broken_pictures_only_makes_training_impossible(pair: Path) -> None:
    for path in (pair / "trainB").iterdir():
        path.write_bytes(b"?")
    problems = examine(pair, size=12).problems
    assert only(problems).message.startswith(
        "trainB holds no picture that can be read: it is no picture (55); --verbose"
    )


def test_copies_within_a_side_are_counted(pair: Path) -> None:
    shutil.copy(pair / "trainA" / "00.png", pair / "trainA" / "x.png")
    shutil.copy(pair / "trainA" / "00.png", pair / "trainA" / "y.png")
    (pair / "trainA" / "z.png").hardlink_to(pair / "trainA" / "01.png")
    found = only(findings(pair))
    assert found[:2] == ("warning", "trainA has 3 copies among its 63 pictures, such as x.png of 00.png.")


def test_a_picture_of_both_domains_is_a_warning(pair: Path) -> None:
    shutil.copy(pair / "trainA" / "05.png", pair / "trainB" / "x.png")
    found = only(findings(pair))
    assert found[:2] == ("warning", "trainB shares 1 picture with trainA, such as x.png.")
    assert "both domains" in found.remedy
    assert quick(pair) == []  # another name: only a look at every file tells


@pytest.mark.parametrize(("first", "second"), [("trainA", "testA"), ("trainB", "testB"), ("trainA", "trainB")])
def test_the_same_file_in_two_folders_is_noticed_at_once(pair: Path, first: str, second: str) -> None:
    for name in ("00.png", "01.png"):
        shutil.copy(pair / first / name, pair / second / name)
    found = only(quick(pair))
    assert found == only(findings(pair))
    assert found[:2] == ("warning", f"{second} shares 2 pictures with {first}, such as 00.png.")
    assert ("new pictures" in found.remedy) == (second != "trainB")


def test_the_same_folder_twice_is_noticed_at_once(pair: Path) -> None:
    shutil.rmtree(pair / "trainB")
    (pair / "trainB").symlink_to("trainA")
    assert only(quick(pair)).message.startswith("trainB shares 60 pictures with trainA")


def test_files_of_the_same_name_and_length_are_not_the_same_for_that(pair: Path) -> None:
    for side in ("trainA", "trainB"):
        save(pair / side / "x.bmp", len(side) + ord(side[-1]))
    assert quick(pair) == []


def test_a_quick_look_says_when_it_has_not_compared_all(pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(pair / "trainB")
    shutil.copytree(pair / "trainA", pair / "trainB")
    monkeypatch.setattr(check, "_MAX_COMPARED", 10)
    assert only(quick(pair)).message == "trainB shares at least 10 pictures with trainA, such as 00.png."


def test_pictures_that_would_be_enlarged_are_a_warning(pair: Path) -> None:
    save(pair / "trainA" / "x.png", 1000, (100, 9))
    found = findings(pair)
    assert found[0][:2] == (
        "warning",
        "trainA has 1 picture smaller than 12 pixels among its 61, such as x.png (100×9).",
    )
    assert "--size 9" in found[0].remedy
    assert "61 pictures smaller than 256 pixels" in examine(pair).findings[0].message


def test_a_picture_on_its_side_is_told_as_it_is_shown(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "x.jpg", exif=exif)
    assert probe(tmp_path / "x.jpg") == Probe(20, 40, "RGB")


@pytest.mark.parametrize("form", ["tif", "jpg", "png", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_sides_are_those_of_the_picture_as_it_is_shown(tmp_path: Path, form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (40, 20)).save(tmp_path / f"x.{form}", exif=exif)
    assert probe(tmp_path / f"x.{form}")[:2] == ((40, 20) if orientation < 5 else (20, 40))


def test_very_long_pictures_are_told(pair: Path) -> None:
    save(pair / "trainA" / "x.png", 1000, (40, 13))
    assert only(findings(pair))[:2] == (
        "note",
        "trainA has 1 picture more than 3 times as long as wide among its 61, such as x.png (40×13).",
    )


def test_pictures_of_other_modes_are_told(pair: Path) -> None:
    save(pair / "trainB" / "x.png", 1000, mode="L")
    save(pair / "trainB" / "y.png", 1001, mode="L")
    save(pair / "trainB" / "z.jpg", 1002, mode="CMYK")
    assert [finding[:2] for finding in findings(pair)] == [
        ("note", "trainB has 2 grey pictures (mode L) among its 58."),
        ("note", "trainB has 1 picture (mode CMYK) among its 58."),
    ]


def test_the_worst_is_said_first(pair: Path) -> None:
    save(pair / "trainA" / "x.png", 1000, (9, 9), mode="L")
    shutil.rmtree(pair / "trainB")
    assert [finding.severity for finding in findings(pair)] == ["problem", "warning", "note"]


# What may be called like a picture


def test_nothing_that_can_lie_in_a_folder_stops_the_look(pair: Path) -> None:
    side = pair / "trainA"
    (side / "folder.png").mkdir()
    save(side / "folder.png" / "inside.png", 1000)
    os.mkfifo(side / "pipe.png")
    (side / "loop").symlink_to(side)
    odd = Path(os.fsdecode(os.fsencode(side) + b"/\xff\n.png"))
    odd.write_bytes(b"?")
    outcome = ganctl("check", pair, "--size", 12)
    assert outcome.code == 0
    assert outcome.out[1].split()[:2] == ["trainA", "62"]
    assert any(r"\xff\n.png (it is no picture)" in line for line in outcome.out)
    assert any("pipe.png (it is a device or a pipe)" in line for line in outcome.out)
    assert quick(pair) == [], "what it cannot read, a training tells by itself"


def test_what_training_does_without_is_told_and_a_flag_names_all_of_it(pair: Path) -> None:
    (pair / "trainA" / "@eaDir").mkdir()
    for i in range(6):
        (pair / "trainA" / f"{i}.arw").touch()
    outcome = ganctl("check", pair, "--size", 12, "--verbose")
    raw = "it is camera raw: export it as JPEG or TIFF"
    assert outcome.code == 0
    assert outcome.out[5].startswith(f"warning: trainA holds 6 pictures that cannot be read: {raw} (6); --verbose")
    assert outcome.out[6].startswith("note: @eaDir in trainA is left out: thumbnails")
    named = [f"skipped: {pair}/trainA/{i}.arw: {raw}" for i in range(6)]
    assert outcome.out[7:] == [*named, f"skipped: {pair}/trainA/@eaDir: it is left out"]


def test_a_closed_folder_inside_of_another_is_a_warning(pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (pair / "trainA" / "closed").mkdir()
    listed = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert only(findings(pair))[:2] == (
        "warning",
        "trainA holds 1 entry that cannot be read: closed (Permission denied).",
    )


def test_what_would_be_held_out_is_told(tmp_path: Path) -> None:
    root = fill(tmp_path / "set", "train", "val", counts=(60, 3))
    said = "Held out by name, not to be learnt from: 3 pictures in val."
    assert only(findings(root))[:2] == ("note", said)


def test_a_jpeg_of_any_size_is_looked_at_and_anything_else_up_to_a_limit(pair: Path) -> None:
    save(pair / "trainA" / "x.jpg", 1000, (100, 100))
    save(pair / "trainA" / "y.png", 1001, (100, 100))
    outcome = ganctl("check", pair, "--size", 12, "--max-megapixels", "0.001")
    why = "it has more than 0.001 megapixels, which --max-megapixels would allow"
    assert f"trainA holds 1 picture that cannot be read: y.png ({why})." in outcome.out[5]


def test_a_folder_that_may_not_be_read_is_told_so(pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("trainA"):
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert only(quick(pair))[:2] == ("problem", "trainA cannot be read: Permission denied.")


@pytest.mark.parametrize("name", ["", "nosuch", "~nobody/x"])
def test_what_is_not_there_is_refused_and_the_known_sets_are_named(name: str) -> None:
    said = failed(ganctl("check", name), 4)
    assert said.startswith(f"Error: There is no data {name!r}.")
    assert "horse2zebra" in said


def test_a_file_and_a_set_without_files_are_refused(tmp_path: Path) -> None:
    assert "is a file" in failed(ganctl("check", save(tmp_path / "x.png", 0)), 4)
    assert "mnist is not made of picture files" in failed(ganctl("check", "mnist"), 4)
    with pytest.raises(DataError, match="There is no data"):
        quick(tmp_path / "nosuch")


@pytest.mark.parametrize("domains", ["horse", "horse,", ",", "a,b,c", "a,a", ""])
def test_domains_have_to_be_two(pair: Path, domains: str) -> None:
    assert "does not name two domains" in failed(ganctl("check", pair, "--domains", domains), 2)


@pytest.mark.parametrize("size", [0, -1])
def test_a_size_has_to_be_positive(pair: Path, size: int) -> None:
    assert "--size" in failed(ganctl("check", pair, "--size", size), 2)


def test_a_known_set_is_taken_from_the_users_folder(
    pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.rename(tmp_path / "horse2zebra")
    monkeypatch.setenv("GANCTL_DATA", str(tmp_path))
    assert ganctl("check", "horse2zebra", "--size", 12).err == ["Nothing to remark."]


# The real thing


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
        "warning: trainA has 8 copies among its 1067 pictures",
        "warning: trainB has 16 copies among its 1334 pictures",
        "warning: testA shares 1 picture with trainA",
        "note: trainB has 7 grey pictures (mode L) among its 1334",
    ]
    began = time.perf_counter()
    assert quick(Path(str(REAL_DATA)) / "horse2zebra") == []
    assert time.perf_counter() - began < 1
