"""ganctl check: what is wrong with the pictures of a set."""

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from ganctl.data.check import check
from ganctl.data.check.check import examine, quick
from ganctl.images.probing import Probe, probe
from tests.commands import ganctl
from tests.data.checked_sets import findings, only, save
from tests.data.folders import close


def test_broken_pictures_are_named_with_their_reasons(root: Path) -> None:
    content = save(root / "trainA" / "whole.jpg", 1000, (64, 64)).read_bytes()
    (root / "trainA" / "whole.jpg").rename(root / "trainA" / "0cut.jpg")
    (root / "trainA" / "0cut.jpg").write_bytes(content[: len(content) // 2])
    (root / "trainA" / "0empty.png").touch()
    (root / "trainA" / "0gone.png").symlink_to("nowhere.png")
    (root / "trainA" / "0page.gif").write_text("<html>")
    finding = only(findings(root))
    assert finding.severity == "warning"
    assert finding.message.startswith("trainA holds 4 pictures that cannot be read: 0cut.jpg (image file is truncated")
    assert finding.message.endswith(
        "0empty.png (it is no picture), 0gone.png (it is a link to nothing), 0page.gif (it is no picture)."
    )


def test_a_domain_of_broken_pictures_only_makes_training_impossible(root: Path) -> None:
    for path in (root / "trainB").iterdir():
        path.write_bytes(b"?")
    problems = examine(root, size=12).problems
    assert only(problems).message.startswith(
        "trainB holds no picture that can be read: it is no picture (55); --verbose"
    )


def test_copies_within_a_domain_are_counted(root: Path) -> None:
    shutil.copy(root / "trainA" / "00.png", root / "trainA" / "x.png")
    shutil.copy(root / "trainA" / "00.png", root / "trainA" / "y.png")
    (root / "trainA" / "z.png").hardlink_to(root / "trainA" / "01.png")
    finding = only(findings(root))
    assert finding[:2] == ("warning", "trainA has 3 copies among its 63 pictures, such as x.png of 00.png.")


def test_a_picture_of_both_domains_is_a_warning(root: Path) -> None:
    shutil.copy(root / "trainA" / "05.png", root / "trainB" / "x.png")
    finding = only(findings(root))
    assert finding[:2] == ("warning", "trainB shares 1 picture with trainA, such as x.png.")
    assert "both domains" in finding.remedy
    assert quick(root) == []  # another name: only a look at every file tells


@pytest.mark.parametrize(("first", "second"), [("trainA", "testA"), ("trainB", "testB"), ("trainA", "trainB")])
def test_the_same_file_in_two_folders_is_noticed_at_once(root: Path, first: str, second: str) -> None:
    for name in ("00.png", "01.png"):
        shutil.copy(root / first / name, root / second / name)
    finding = only(quick(root))
    assert finding == only(findings(root))
    assert finding[:2] == ("warning", f"{second} shares 2 pictures with {first}, such as 00.png.")
    assert ("new pictures" in finding.remedy) == (second != "trainB")


def test_the_same_folder_twice_is_noticed_at_once(root: Path) -> None:
    shutil.rmtree(root / "trainB")
    (root / "trainB").symlink_to("trainA")
    assert only(quick(root)).message.startswith("trainB shares 60 pictures with trainA")


def test_files_of_the_same_name_and_length_are_not_the_same_for_that(root: Path) -> None:
    for folder in ("trainA", "trainB"):
        save(root / folder / "x.bmp", len(folder) + ord(folder[-1]))
    assert quick(root) == []


def test_a_quick_check_says_when_it_has_not_compared_all(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(root / "trainB")
    shutil.copytree(root / "trainA", root / "trainB")
    monkeypatch.setattr(check, "_MAX_COMPARED", 10)
    assert only(quick(root)).message == "trainB shares at least 10 pictures with trainA, such as 00.png."


def test_pictures_that_would_be_enlarged_are_a_warning(root: Path) -> None:
    save(root / "trainA" / "x.png", 1000, (100, 9))
    finding = findings(root)
    assert finding[0][:2] == (
        "warning",
        "trainA has 1 picture smaller than 12 pixels among its 61, such as x.png (100×9).",
    )
    assert "--size 9" in finding[0].remedy
    assert "61 pictures smaller than 256 pixels" in examine(root).findings[0].message


def test_a_rotated_picture_is_described_as_it_is_shown(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "x.jpg", exif=exif)
    assert probe(tmp_path / "x.jpg") == Probe(20, 40, "RGB")


@pytest.mark.parametrize("form", ["tif", "jpg", "png", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_width_and_height_are_those_of_the_picture_as_it_is_shown(tmp_path: Path, form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (40, 20)).save(tmp_path / f"x.{form}", exif=exif)
    assert probe(tmp_path / f"x.{form}")[:2] == ((40, 20) if orientation < 5 else (20, 40))


def test_very_long_pictures_are_a_note(root: Path) -> None:
    save(root / "trainA" / "x.png", 1000, (40, 13))
    assert only(findings(root))[:2] == (
        "note",
        "trainA has 1 picture more than 3 times as long as wide among its 61, such as x.png (40×13).",
    )


def test_pictures_of_other_modes_are_a_note(root: Path) -> None:
    save(root / "trainB" / "x.png", 1000, mode="L")
    save(root / "trainB" / "y.png", 1001, mode="L")
    save(root / "trainB" / "z.jpg", 1002, mode="CMYK")
    assert [finding[:2] for finding in findings(root)] == [
        ("note", "trainB has 2 grey pictures (mode L) among its 58."),
        ("note", "trainB has 1 picture (mode CMYK) among its 58."),
    ]


def test_the_worst_finding_comes_first(root: Path) -> None:
    save(root / "trainA" / "x.png", 1000, (9, 9), mode="L")
    shutil.rmtree(root / "trainB")
    assert [finding.severity for finding in findings(root)] == ["problem", "warning", "note"]


def test_nothing_that_can_be_in_a_folder_stops_the_check(root: Path) -> None:
    folder = root / "trainA"
    (folder / "folder.png").mkdir()
    save(folder / "folder.png" / "inside.png", 1000)
    os.mkfifo(folder / "pipe.png")
    (folder / "loop").symlink_to(folder)
    odd = Path(os.fsdecode(os.fsencode(folder) + b"/\xff\n.png"))
    odd.write_bytes(b"?")
    outcome = ganctl("check", root, "--size", 12)
    assert outcome.code == 0
    assert outcome.out[1].split()[:2] == ["trainA", "62"]
    assert any(r"\xff\n.png (it is no picture)" in line for line in outcome.out)
    assert any("pipe.png (it is a device or a pipe)" in line for line in outcome.out)
    assert quick(root) == [], "what it cannot read, a training tells by itself"


def test_what_training_skips_is_counted_and_a_flag_names_all_of_it(root: Path) -> None:
    (root / "trainA" / "@eaDir").mkdir()
    for i in range(6):
        (root / "trainA" / f"{i}.arw").touch()
    outcome = ganctl("check", root, "--size", 12, "--verbose")
    raw = "it is camera raw: export it as JPEG or TIFF"
    assert outcome.code == 0
    assert outcome.out[5].startswith(f"warning: trainA holds 6 pictures that cannot be read: {raw} (6); --verbose")
    assert outcome.out[6].startswith("note: @eaDir in trainA is left out: thumbnails")
    skipped = [f"skipped: {root}/trainA/{i}.arw: {raw}" for i in range(6)]
    assert outcome.out[7:] == [*skipped, f"skipped: {root}/trainA/@eaDir: it is left out"]


def test_a_closed_folder_inside_of_another_is_a_warning(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "trainA" / "closed").mkdir()
    close("closed", monkeypatch)
    assert only(findings(root))[:2] == (
        "warning",
        "trainA holds 1 entry that cannot be read: closed (Permission denied).",
    )


def test_a_jpeg_of_any_size_is_decoded_and_anything_else_up_to_a_limit(root: Path) -> None:
    save(root / "trainA" / "x.jpg", 1000, (100, 100))
    save(root / "trainA" / "y.png", 1001, (100, 100))
    outcome = ganctl("check", root, "--size", 12, "--max-megapixels", "0.001")
    reason = "it has more than 0.001 megapixels, which --max-megapixels would allow"
    assert f"trainA holds 1 picture that cannot be read: y.png ({reason})." in outcome.out[5]
