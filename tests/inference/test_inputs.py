"""Which image files a translate command finds in folders, and which it skips or leaves out."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ganctl.data.cache.dataset import open_dataset
from ganctl.data.check import check, findings
from ganctl.data.resolve import resolve_source
from ganctl.images import formats, scanning
from ganctl.inference import translate as translation
from ganctl.inference.paths import Skipped, plan_jobs
from tests.commands import Outcome, failed, ganctl, train
from tests.inference.image_files import BROKEN, files_in, save_flat, translate
from tests.translators import negative, write_model

pytestmark = pytest.mark.usefixtures("model")


def test_only_pictures_are_taken_and_nothing_hidden() -> None:
    save_flat("photos/a.png"), save_flat("photos/.hidden.png"), save_flat("photos/.folder/b.png")
    Path("photos/notes.txt").write_text("no picture")
    assert translate("photos") == Outcome(0, ["photos-zebra/a.png"], ["translated 1 of 1"])


def test_linked_folders_are_read_each_once_and_no_link_leads_in_circles() -> None:
    save_flat("photos/a.png"), save_flat("photos/b/c.png"), save_flat("other/d.png")
    for link, target in (("again", "photos"), ("up", "."), ("twin", "photos/b"), ("x.png", "other"), ("y", "other")):
        Path("photos", link).symlink_to(Path(target).absolute())
    Path("other/back").symlink_to(Path("photos").absolute())
    assert translate("photos").out == [f"photos-zebra/{name}" for name in ("a.png", "b/c.png", "x.png/d.png")]


def test_a_linked_picture_is_a_picture() -> None:
    save_flat("elsewhere/a.png")
    Path("photos").mkdir()
    Path("photos/b.png").symlink_to(Path("elsewhere/a.png").absolute())
    assert translate("photos").out == ["photos-zebra/b.png"]
    assert not Path("photos-zebra/b.png").is_symlink()


def test_a_name_need_not_be_unicode(tmp_path: Path) -> None:
    folder, broken = os.fsdecode(b"gr\xfc\xdfe"), os.fsdecode(b"bro\xffken.png")
    save_flat(Path(folder, os.fsdecode(b"\xe4.png")))
    Path(folder, broken).write_text("no picture")
    outcome = translate(folder)
    assert outcome.code == 1
    assert outcome.out == [r"gr\xfc\xdfe-zebra/\xe4.png"]
    assert outcome.err == [r"translated 1 of 2, 1 skipped: gr\xfc\xdfe/bro\xffken.png (it is no picture)"]
    model = write_model(Path("real.safetensors"))
    command = [sys.executable, "-m", "ganctl", "translate", str(model), folder, "-o", "out"]
    done = subprocess.run(command, capture_output=True, timeout=60)
    assert done.returncode == 1
    assert done.stdout == b"out/\\xe4.png\n"
    assert b"Traceback" not in done.stderr
    assert files_in("out") == [os.fsdecode(b"out/\xe4.png")]


@pytest.mark.parametrize("name", ["@eaDir", ".thumbnails", "__MACOSX"])
def test_thumbnails_of_servers_are_left_out_and_reported(name: str) -> None:
    save_flat("photos/a.png"), save_flat(f"photos/{name}/a.jpg/thumb.jpg")
    outcome = translate("photos")
    assert outcome == Outcome(
        0, ["photos-zebra/a.png"], [f"translated 1 of 1; left out: photos/{name} (thumbnails and the like)"]
    )
    assert translate(f"photos/{name}", "-o", "out").out == ["out/a.jpg/thumb.jpg"], "by its name it is asked for"


HEIC_HEADER = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def test_pictures_of_formats_that_are_not_read_are_reported_and_are_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "READERS", tuple(reader for reader in formats.READERS if reader != "HEIF"))
    save_flat("photos/a.png")
    Path("photos/b.heic").write_bytes(HEIC_HEADER)
    Path("photos/c.jpg").write_bytes(HEIC_HEADER)  # as it comes out of many a phone
    save_flat("photos/d.NEF", format="TIFF")  # as which Pillow reads the thumbnail in one
    outcome = translate("photos")
    heic, raw = "it is HEIC, which pip install 'ganctl[heic]' reads", "it is camera raw: export it as JPEG or TIFF"
    assert (outcome.code, outcome.out) == (1, ["photos-zebra/a.png"])
    before, _, after = outcome.err[0].partition(": ")
    assert before == "translated 1 of 4, 3 skipped"
    assert {f"photos/b.heic ({heic})", f"photos/c.jpg ({heic})", f"photos/d.NEF ({raw})"} == set(
        re.split(r", (?=photos)", after)
    )
    assert failed(translate("photos/d.NEF"), 4) == f"Error: Nothing could be translated: photos/d.NEF ({raw})."
    assert failed(translate("photos/b.heic"), 4) == f"Error: Nothing could be translated: photos/b.heic ({heic})."


@pytest.mark.parametrize("name", ["a.HEIC", "a.NEF", "a.svg", "a.avifs"])
def test_what_a_file_holds_decides_and_not_its_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    suffix = Path(name).suffix.lower()
    monkeypatch.setattr(scanning, "READABLE_SUFFIXES", formats.READABLE_SUFFIXES - {suffix})
    monkeypatch.setattr(
        formats, "_SUFFIX_REASONS", {suffix: formats.RAW_REASON if suffix == ".nef" else formats.HEIC_REASON}
    )
    save_flat(f"photos/{name}", format="JPEG")
    summary = ["translated 1 of 1"]
    assert translate(f"photos/{name}", "-o", "named/") == Outcome(0, ["named/a.png"], summary)
    assert translate("photos", "-o", "found/") == Outcome(0, ["found/a.png"], summary)
    assert files_in("named", "found") == ["found/a.png", "named/a.png"]
    Path(f"photos/{name}").write_text("I am no picture.")
    [(_, reason)] = scanning.scan_folder(Path("photos")).unreadable
    assert f"photos/{name} ({reason})" in failed(translate(f"photos/{name}", "--force"), 4)
    assert reason == (formats.RAW_REASON if suffix == ".nef" else "it is no picture")


def test_a_picture_without_an_ending_is_translated_when_named_and_reported_in_a_folder() -> None:
    save_flat("photos/a.png"), save_flat("photos/noext", format="BMP"), save_flat("photos/b.part", format="JPEG")
    Path("photos/notes.txt").write_text("BMs are no pictures")
    os.mkfifo("photos/pipe")
    why = "a picture whose name has no picture's ending"
    message = f"translated 1 of 1; left out: photos/b.part ({why}), photos/noext ({why})"
    assert translate("photos") == Outcome(0, ["photos-zebra/a.png"], [message])
    assert translate("photos/noext").out == ["noext-zebra.png"]
    assert resolve_source("photos").warnings == (f"b.part and 1 more are left out: {why}.",)
    assert (
        f"note: photos holds 2 files that training passes by, such as notes.txt. {findings._LEAVE_OTHER_FILES}"
        in "\n".join(ganctl("check", "photos").out)
    )
    Path("photos/a.png").unlink()
    assert "photos (it holds no file with a picture's ending)" in failed(translate("photos"), 4)
    assert "photos holds no file with a picture's ending." in failed(train(Path("photos")), 4)


def test_training_checking_and_translating_give_the_same_reasons_for_broken_files(broken_folder: Path) -> None:
    """Translating, training and checking; and translating what is named."""
    (broken_folder / "disguised.heic").write_text("I am no picture.")
    reasons = {str(path.relative_to(broken_folder)): why for path, why in check.examine(broken_folder).skipped}
    results = translation.translate(negative(), plan_jobs([str(broken_folder)], "zebra", None, force=False))
    skipped = [result for result in results if isinstance(result, Skipped)]
    assert {str(result.source.relative_to(broken_folder)): result.reason for result in skipped} == reasons
    broken = open_dataset(resolve_source(str(broken_folder)), 8, None).broken
    assert dict(line.split(": ", 1) for line in broken) == reasons
    assert reasons.keys() == {*BROKEN, "disguised.heic"}
    for name, reason in reasons.items():
        assert f"({reason})" in failed(translate(broken_folder / name), 4)


def test_of_many_skipped_pictures_the_reasons_are_counted_and_verbose_names_all() -> None:
    save_flat("photos/a.png")
    for i in range(7):
        Path(f"photos/{i}.cr2").touch()
    Path("photos/x.jpg").touch()
    outcome = translate("photos")
    kinds = "it is camera raw: export it as JPEG or TIFF (7), it is no picture (1); --verbose names each"
    assert (outcome.code, outcome.err) == (1, [f"translated 1 of 9, 8 skipped: {kinds}"])
    *named, last = translate("photos", "--verbose").err
    assert last == f"translated 0 of 9, 1 was there already, 8 skipped: {kinds}"
    assert [line.split(": ")[1] for line in named] == ["photos/x.jpg", *(f"photos/{i}.cr2" for i in range(7))]
