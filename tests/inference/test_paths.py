"""Which pictures a command finds, what their translations are called, and what happens to the broken ones."""

import os
import re
import struct
import subprocess
import sys
import zlib
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganctl.data.cache.dataset import open_dataset
from ganctl.data.check import check, findings
from ganctl.data.resolve import resolve_source
from ganctl.images import formats, scanning
from ganctl.images.scanning import scan
from ganctl.inference import model as inference
from ganctl.inference import translate as translation
from ganctl.inference.paths import Skipped, plan_jobs
from tests.commands import Outcome, failed, ganctl, train
from tests.translators import negative, write_model


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch) -> str:
    """A model that makes negatives, called m."""
    Path("m").mkdir()
    Path("m/model.safetensors").touch()
    monkeypatch.setattr(inference, "load", lambda *_: negative())
    return "m"


def picture(path: str | Path, level: int = 100, alpha: bool = False, **how: Any) -> Path:
    """An even picture."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGBA" if alpha else "RGB", (9, 7), (level, level, level, 99)[: 3 + alpha]).save(path, **how)
    return Path(path)


def level(path: str | Path) -> int:
    """What an even picture is filled with."""
    with Image.open(path) as file:
        return int(np.asarray(file.convert("L"))[3, 3])


def found(*folders: str) -> list[str]:
    """The files in folders, hidden ones too."""
    return sorted(str(path) for folder in folders for path in Path(folder).rglob("*") if path.is_file())


def translate(*arguments: object) -> Outcome:
    return ganctl("translate", "m", *arguments)


def test_a_picture_becomes_one_here_named_after_its_domain() -> None:
    picture("far/away/img.png")
    assert translate("far/away/img.png") == Outcome(0, ["img-zebra.png"], ["translated 1 of 1"])
    assert level("img-zebra.png") == 155


@pytest.mark.parametrize("output", ["new/x.png", "x.webp", "x.tif", "x.bmp", "x.JPG"])
def test_one_picture_goes_to_the_file_that_is_named(output: str) -> None:
    picture("img.png")
    assert translate("img.png", "-o", output).out == [output]
    assert abs(level(output) - 155) <= 1


@pytest.mark.parametrize("output", ["out", "out/", "out.v2/", "there.png"])
def test_one_picture_goes_into_what_is_or_ends_like_a_folder(output: str) -> None:
    Path("there.png").mkdir()
    picture("img.png")
    assert translate("img.png", "-o", output).out == [str(Path(output, "img.png"))]


def test_several_pictures_go_into_a_folder_or_are_named_here() -> None:
    picture("a/one.png"), picture("b/two.jpg")
    assert translate("a/one.png", "b/two.jpg").out == ["one-zebra.png", "two-zebra.jpg"]
    assert translate("a/one.png", "b/two.jpg", "-o", "out").out == ["out/one.png", "out/two.jpg"]
    assert found("out") == ["out/one.png", "out/two.jpg"]


def test_a_folder_becomes_a_folder_with_the_same_paths_in_it() -> None:
    picture("photos/a.png"), picture("photos/deep/er/b.PNG"), picture("photos/x.png/c.webp")
    paths = ["a.png", "deep/er/b.PNG", "x.png/c.webp"]
    assert translate("photos").out == [f"photos-zebra/{path}" for path in paths]
    assert translate("photos/", "-o", "out").out == [f"out/{path}" for path in paths]
    assert found("out") == [f"out/{path}" for path in paths]


def test_the_folder_one_is_in_is_called_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = Path("m").absolute(), picture("photos/a.png")
    monkeypatch.chdir("photos")
    assert ganctl("translate", model, ".").out == ["photos-zebra/a.png"]
    again = ganctl("translate", model, ".")
    assert again == Outcome(0, [], ["translated 0 of 1, 1 was there already"])


def test_only_pictures_are_taken_and_nothing_hidden() -> None:
    picture("photos/a.png"), picture("photos/.hidden.png"), picture("photos/.folder/b.png")
    Path("photos/notes.txt").write_text("no picture")
    assert translate("photos") == Outcome(0, ["photos-zebra/a.png"], ["translated 1 of 1"])


def test_linked_folders_are_read_each_once_and_no_link_leads_in_circles() -> None:
    picture("photos/a.png"), picture("photos/b/c.png"), picture("other/d.png")
    for link, target in (("again", "photos"), ("up", "."), ("twin", "photos/b"), ("x.png", "other"), ("y", "other")):
        Path("photos", link).symlink_to(Path(target).absolute())
    Path("other/back").symlink_to(Path("photos").absolute())
    assert translate("photos").out == [f"photos-zebra/{name}" for name in ("a.png", "b/c.png", "x.png/d.png")]


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def test_pictures_of_formats_that_are_not_read_are_told_and_are_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "READERS", tuple(form for form in formats.READERS if form != "HEIF"))
    picture("photos/a.png")
    Path("photos/b.heic").write_bytes(HEIC)
    Path("photos/c.jpg").write_bytes(HEIC)  # as it comes out of many a phone
    picture("photos/d.NEF", format="TIFF")  # as which Pillow reads the thumbnail in one
    told = translate("photos")
    heic, raw = "it is HEIC, which pip install 'ganctl[heic]' reads", "it is camera raw: export it as JPEG or TIFF"
    assert (told.code, told.out) == (1, ["photos-zebra/a.png"])
    before, _, after = told.err[0].partition(": ")
    assert before == "translated 1 of 4, 3 skipped"
    assert {f"photos/b.heic ({heic})", f"photos/c.jpg ({heic})", f"photos/d.NEF ({raw})"} == set(
        re.split(r", (?=photos)", after)
    )
    assert failed(translate("photos/d.NEF"), 4) == f"Error: Nothing could be translated: photos/d.NEF ({raw})."
    assert failed(translate("photos/b.heic"), 4) == f"Error: Nothing could be translated: photos/b.heic ({heic})."


@pytest.mark.parametrize("name", ["a.HEIC", "a.NEF", "a.svg", "a.avifs"])
def test_what_a_file_holds_decides_and_not_its_name_be_it_named_or_found(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending = Path(name).suffix.lower()
    monkeypatch.setattr(scanning, "FORMATS", formats.FORMATS - {ending})
    monkeypatch.setattr(formats, "_REASONS", {ending: formats._RAW if ending == ".nef" else formats.HEIC})
    picture(f"photos/{name}", format="JPEG")
    told = ["translated 1 of 1"]
    assert translate(f"photos/{name}", "-o", "named/") == Outcome(0, ["named/a.png"], told)
    assert translate("photos", "-o", "found/") == Outcome(0, ["found/a.png"], told)
    assert found("named", "found") == ["found/a.png", "named/a.png"]
    Path(f"photos/{name}").write_text("I am no picture.")
    [(_, reason)] = scan(Path("photos")).unreadable
    assert f"photos/{name} ({reason})" in failed(translate(f"photos/{name}", "--force"), 4)
    assert reason == (formats._RAW if ending == ".nef" else "it is no picture")


def test_a_picture_without_an_ending_is_translated_when_named_and_told_in_a_folder() -> None:
    picture("photos/a.png"), picture("photos/noext", format="BMP"), picture("photos/b.part", format="JPEG")
    Path("photos/notes.txt").write_text("BMs are no pictures")
    os.mkfifo("photos/pipe")
    why = "a picture whose name has no picture's ending"
    said = f"translated 1 of 1; left out: photos/b.part ({why}), photos/noext ({why})"
    assert translate("photos") == Outcome(0, ["photos-zebra/a.png"], [said])
    assert translate("photos/noext").out == ["noext-zebra.png"]
    assert resolve_source("photos").warnings == (f"b.part and 1 more are left out: {why}.",)
    assert (
        f"note: photos holds 2 files that training passes by, such as notes.txt. {findings._LEAVE_OTHER_FILES}"
        in "\n".join(ganctl("check", "photos").out)
    )
    Path("photos/a.png").unlink()
    assert "photos (it holds no file with a picture's ending)" in failed(translate("photos"), 4)
    assert "photos holds no file with a picture's ending." in failed(train(Path("photos")), 4)


def test_whoever_reads_a_folder_gives_the_same_reason_for_what_is_no_picture(zoo: Path) -> None:
    """Translating, training and checking; and translating what is named."""
    (zoo / "disguised.heic").write_text("I am no picture.")
    reasons = {str(path.relative_to(zoo)): why for path, why in check.examine(zoo).skipped}
    results = translation.translate(negative(), plan_jobs([str(zoo)], "zebra", None, force=False))
    skipped = [result for result in results if isinstance(result, Skipped)]
    assert {str(one.source.relative_to(zoo)): one.reason for one in skipped} == reasons
    broken = open_dataset(resolve_source(str(zoo)), 8, None).broken
    assert dict(line.split(": ", 1) for line in broken) == reasons
    assert reasons.keys() == {*BROKEN, "disguised.heic"}
    for name, reason in reasons.items():
        assert f"({reason})" in failed(translate(zoo / name), 4)


def test_of_many_skipped_pictures_the_kinds_are_counted_and_a_flag_names_all() -> None:
    picture("photos/a.png")
    for i in range(7):
        Path(f"photos/{i}.cr2").touch()
    Path("photos/x.jpg").touch()
    told = translate("photos")
    kinds = "it is camera raw: export it as JPEG or TIFF (7), it is no picture (1); --verbose names each"
    assert (told.code, told.err) == (1, [f"translated 1 of 9, 8 skipped: {kinds}"])
    *named, last = translate("photos", "--verbose").err
    assert last == f"translated 0 of 9, 1 was there already, 8 skipped: {kinds}"
    assert [line.split(": ")[1] for line in named] == ["photos/x.jpg", *(f"photos/{i}.cr2" for i in range(7))]


@pytest.mark.parametrize("name", ["@eaDir", ".thumbnails", "__MACOSX"])
def test_thumbnails_of_servers_are_left_out_and_told(name: str) -> None:
    picture("photos/a.png"), picture(f"photos/{name}/a.jpg/thumb.jpg")
    told = translate("photos")
    assert told == Outcome(
        0, ["photos-zebra/a.png"], [f"translated 1 of 1; left out: photos/{name} (thumbnails and the like)"]
    )
    assert translate(f"photos/{name}", "-o", "out").out == ["out/a.jpg/thumb.jpg"], "by its name it is asked for"


def test_how_many_pixels_are_read_can_be_said() -> None:
    Image.new("L", (40, 30)).save("a.jpg")
    said = failed(translate("a.jpg", "--max-megapixels", "0.001"), 4)
    assert "a.jpg (it has more than 0.001 megapixels, which --max-megapixels would allow)" in said
    assert translate("a.jpg", "--max-megapixels", "0.001", "--size", "4").code == 0, "a JPEG is decoded at a fraction"
    assert "--max-megapixels" in failed(translate("a.jpg", "--max-megapixels", "0"), 2)


def test_a_pattern_that_the_shell_left_alone_is_expanded() -> None:
    for name in ("b.png", "a.png", "c.jpg", "[x].png"):
        picture(name)
    assert translate("?.png", "-o", "out").out == ["out/a.png", "out/b.png"]
    assert translate("[x].png").out == ["[x]-zebra.png"], "a name that exists is no pattern"
    assert failed(translate("*.gif"), 4) == "Error: Nothing could be translated: *.gif (there is no such file)."


@pytest.mark.parametrize("ending", ["jpg", "jpeg", "png", "webp", "tif", "tiff"])
def test_the_ending_is_kept_where_the_format_holds_a_translation(ending: str) -> None:
    picture(f"a.{ending}")
    assert translate(f"a.{ending}").out == [f"a-zebra.{ending}"]


@pytest.mark.parametrize("name", ["a.gif", "a.bmp", "a.ppm"])
def test_any_other_ending_becomes_png(name: str) -> None:
    assert translate(picture(name)).out == ["a-zebra.png"]


def test_transparency_under_the_name_of_a_jpeg_becomes_png() -> None:
    picture("photos/a.jpg", alpha=True, format="PNG")
    assert translate("photos").out == ["photos-zebra/a.png"]
    with Image.open("photos-zebra/a.png") as file:
        assert file.mode == "RGBA"


def test_a_file_that_is_named_and_cannot_hold_transparency_is_refused() -> None:
    picture("a.png", alpha=True)
    said = failed(translate("a.png", "-o", "x.jpg"), 2)
    assert said == "Error: x.jpg cannot hold the transparency of a.png. Use .png or .webp."
    assert not Path("x.jpg").exists()


@pytest.mark.parametrize("output", ["x.xyz", "x.txt"])
def test_an_ending_that_names_no_format_is_refused(output: str) -> None:
    picture("a.png")
    assert "names no picture format" in failed(translate("a.png", "-o", output), 2)


@pytest.mark.parametrize("output", ["x.png", "taken"])
def test_a_file_cannot_hold_several_pictures(output: str) -> None:
    picture("a.png"), picture("b.png")
    Path("taken").touch()
    assert "Name one with -o" in failed(translate("a.png", "b.png", "-o", output), 2)
    assert "Name one with -o" in failed(translate("m", "-o", output), 2)


def test_two_pictures_never_become_one_file() -> None:
    picture("photos/a.bmp", 10), picture("photos/a.gif", 20), picture("photos/a.png", 30), picture("b/a.png", 40)
    told = translate("photos", "b", "-o", "out")
    assert told.out == ["out/a.png", "out/a-2.png", "out/a-3.png", "out/a-4.png"]
    assert [level(path) for path in told.out] == [245, 235, 225, 215]
    assert translate("photos", "b", "-o", "out").err == ["translated 0 of 4, 4 were there already"]
    assert translate("photos/a.png", "b/a.png").out == ["a-zebra.png", "a-zebra-2.png"]


def test_a_picture_that_is_named_twice_is_translated_once() -> None:
    picture("photos/a.png"), picture("photos/b.png")
    assert translate("photos/b.png", "photos", "photos/../photos/a.png", "-o", "out").out == ["out/b.png", "out/a.png"]


def test_what_is_there_is_left_alone_and_counted_until_it_is_forced() -> None:
    picture("photos/a.png"), picture("photos/b.png"), picture("out/a.png", 7)
    told = translate("photos", "-o", "out")
    assert told == Outcome(0, ["out/b.png"], ["translated 1 of 2, 1 was there already"])
    assert level("out/a.png") == 7
    assert translate("photos", "-o", "out", "--force").out == ["out/a.png", "out/b.png"]
    assert level("out/a.png") == 155


def test_a_picture_is_never_overwritten_by_its_own_translation_unless_forced() -> None:
    picture("photos/a.png")
    Path("link").symlink_to("photos")
    for output in ("photos/a.png", "photos", "link/", "link/a.png"):
        assert "with --force" in failed(translate("photos/a.png", "-o", output), 2)
    for output in ("photos", "link"):
        assert "with --force" in failed(translate("photos", "-o", output), 2)
    assert level("photos/a.png") == 100
    assert translate("photos", "-o", "photos", "--force").out == ["photos/a.png"]
    assert level("photos/a.png") == 155


def test_force_overwrites_no_picture_that_is_still_to_be_read() -> None:
    picture("photos/a.gif", 10), picture("photos/b/a.png", 20)
    told = translate("photos/a.gif", "photos/b/a.png", "-o", "photos/b", "--force")
    assert told.out == ["photos/b/a-2.png", "photos/b/a.png"]
    assert [level(path) for path in told.out] == [245, 235]


def test_another_picture_is_never_taken_for_a_translation() -> None:
    picture("q/a.bmp"), picture("q/a.png")
    assert "q/a.png is the picture itself" in failed(translate("q/a.bmp", "q/a.png", "-o", "q/"), 2)
    assert translate("q/a.bmp", "q/a.png", "-o", "q/", "--force").out == ["q/a-2.png", "q/a.png"]


def test_stdout_is_no_place_for_pictures() -> None:
    assert "not written to stdout" in failed(translate(picture("a.png"), "-o", "-"), 2)


def test_an_empty_name_is_refused_and_not_taken_for_this_folder() -> None:
    picture("a.png")
    assert "The name of a picture is empty" in failed(translate(""), 2)


def test_a_picture_that_memory_cannot_hold_is_skipped_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.png", "b.png", "c.png"):
        picture(f"some/{name}")
    redrawn, calls = translation.translate_uint8, []

    def full(*told: Any) -> Any:
        calls.append(told)
        if len(calls) == 2:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return redrawn(*told)

    monkeypatch.setattr(translation, "translate_uint8", full)
    outcome = translate("some", "-o", "out")
    assert (outcome.code, outcome.out) == (1, ["out/a.png", "out/c.png"])
    assert outcome.err == ["translated 2 of 3, 1 skipped: some/b.png (it takes more memory than there is)"]


def test_results_inside_of_the_folder_are_not_translated_again() -> None:
    picture("photos/a.png"), picture("photos/b/c.png")
    for _ in range(2):
        assert translate("photos", "-o", "photos/out", "--force").out == ["photos/out/a.png", "photos/out/b/c.png"]
    assert len(found("photos")) == 4


def test_a_domain_leads_to_no_other_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    model = negative()
    monkeypatch.setattr(inference, "load", lambda *_: model)
    model.header["domains"][1] = "../../zebra"
    picture("a.png")
    assert translate("a.png").out == ["a-..-..-zebra.png"]


BROKEN = {
    "empty.jpg": "it is no picture",
    "fifo.png": "it is a device or a pipe",
    "gone.png": "it is a link to nothing",
    "huge.png": "it has more than 128 megapixels, which --max-megapixels would allow",
    "huger.png": "it has more than 128 megapixels, which --max-megapixels would allow",
    "loop.png": "Too many levels of symbolic links",
    "text.jpg": "it is no picture",
    "truncated.jpg": "image file is truncated",
    "truncated.png": "image file is truncated",
}


def bomb(width: int, height: int) -> bytes:
    """The head of a PNG that would fill the memory."""
    size = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(1000))
    chunks = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (size, data, b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.fixture
def zoo() -> Path:
    """A folder of three pictures and all that can be wrong with one."""
    folder = Path("zoo")
    for name in ("a.png", "inner.png/b.png", "z.png"):
        picture(folder / name)
    (folder / "empty.jpg").touch()
    os.mkfifo(folder / "fifo.png")
    (folder / "gone.png").symlink_to("nowhere")
    (folder / "huge.png").write_bytes(bomb(13_000, 10_000))
    (folder / "huger.png").write_bytes(bomb(20_000, 10_000))
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "text.jpg").write_text("I am no picture.")
    noise = Image.effect_noise((64, 64), 50)
    for name in ("truncated.jpg", "truncated.png"):
        noise.save(folder / name)
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])
    return folder


def test_a_broken_picture_never_stops_the_rest(zoo: Path) -> None:
    told = translate(zoo)
    assert told.code == 1
    assert told.out == ["zoo-zebra/a.png", "zoo-zebra/z.png", "zoo-zebra/inner.png/b.png"]
    kinds = ", ".join(
        f"{why} ({count})"
        for why, count in sorted(Counter(BROKEN.values()).items(), key=lambda item: (-item[1], item[0]))
    )
    assert told.err == [f"translated 3 of 12, 9 skipped: {kinds}; --verbose names each"]
    assert found("zoo-zebra") == sorted(told.out)


@pytest.mark.parametrize("name", BROKEN)
def test_each_broken_picture_is_told_in_a_sentence(zoo: Path, name: str) -> None:
    said = failed(translate(zoo / name), 4)
    assert said.startswith(f"Error: Nothing could be translated: zoo/{name} ({BROKEN[name]}")
    assert found(".") == [*found("m"), *found("zoo")]


def test_a_name_that_cannot_be_one_is_skipped_too() -> None:
    picture("a.png")
    Path("loop").symlink_to("loop")
    told = translate("x" * 300, "loop/b.png", "a.png")
    assert (told.code, told.out) == (1, ["a-zebra.png"])
    assert "(File name too long), loop/b.png (Too many levels of symbolic links)" in told.err[0]


def test_a_folder_that_may_not_be_read_is_told_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    picture("photos/a.png"), picture("photos/closed/b.png")
    scandir = os.scandir

    def refuse(path: str | int) -> object:
        if not isinstance(path, int) and Path(path).name == "closed":  # what removes a folder names it by a number
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    told = translate("photos")
    assert (told.code, told.out) == (1, ["photos-zebra/a.png"])
    assert told.err == ["translated 1 of 2, 1 skipped: photos/closed (Permission denied)"]


def test_what_is_missing_or_empty_is_skipped_too() -> None:
    Path("empty").mkdir()
    picture("a.png")
    told = translate("nothing.png", "empty", "/dev/null", "a.png")
    assert (told.code, told.out) == (1, ["a-zebra.png"])
    assert told.err == [
        "translated 1 of 4, 3 skipped: nothing.png (there is no such file), empty (it holds no pictures), "
        "/dev/null (it is a device or a pipe)"
    ]
    assert translate("a.png", "nothing.png").code == 1, "what was there already is no success of this call"
    assert failed(translate("empty"), 4) == "Error: Nothing could be translated: empty (it holds no pictures)."


def test_a_linked_picture_is_a_picture() -> None:
    picture("elsewhere/a.png")
    Path("photos").mkdir()
    Path("photos/b.png").symlink_to(Path("elsewhere/a.png").absolute())
    assert translate("photos").out == ["photos-zebra/b.png"]
    assert not Path("photos-zebra/b.png").is_symlink()


def test_a_name_need_not_be_unicode(tmp_path: Path) -> None:
    folder, broken = os.fsdecode(b"gr\xfc\xdfe"), os.fsdecode(b"bro\xffken.png")
    picture(Path(folder, os.fsdecode(b"\xe4.png")))
    Path(folder, broken).write_text("no picture")
    told = translate(folder)
    assert told.code == 1
    assert told.out == [r"gr\xfc\xdfe-zebra/\xe4.png"]
    assert told.err == [r"translated 1 of 2, 1 skipped: gr\xfc\xdfe/bro\xffken.png (it is no picture)"]
    model = write_model(Path("real.safetensors"))
    command = [sys.executable, "-m", "ganctl", "translate", str(model), folder, "-o", "out"]
    done = subprocess.run(command, capture_output=True, timeout=60)
    assert done.returncode == 1
    assert done.stdout == b"out/\\xe4.png\n"
    assert b"Traceback" not in done.stderr
    assert found("out") == [os.fsdecode(b"out/\xe4.png")]


def test_an_interrupt_leaves_no_half_file(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        picture(f"photos/{name}.png")
    replaced, calls = Path.replace, count()

    def replace(self: Path, target: Path) -> Path:
        if next(calls) == 1:
            raise KeyboardInterrupt
        return replaced(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    told = translate("photos")
    assert told == Outcome(130, ["photos-zebra/a.png"], [])
    assert found("photos-zebra") == ["photos-zebra/a.png"]


def test_a_full_disk_stops_the_rest_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    picture("photos/a.png"), picture("photos/b.png")

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    said = failed(translate("photos"), 1)
    assert re.match(r"Error: No space left on device: photos-zebra/a\.png, which takes \d+ bytes\. ", said)
    assert said.endswith("Make room there, for example with ganctl cache --clear, or name another place with -o.")
    assert found("photos-zebra") == []


def test_a_name_that_is_too_long_with_its_domain_is_skipped() -> None:
    picture("photos/a.png"), picture(f"photos/{'x' * 249}.png")
    told = translate("photos/a.png", f"photos/{'x' * 249}.png")
    assert (told.code, told.out) == (1, ["a-zebra.png"])
    assert "File name too long" in told.err[0]


def test_results_can_be_counted_from_python(zoo: Path) -> None:
    results = list(translation.translate(negative(), plan_jobs([str(zoo)], "zebra", None, force=False)))
    assert [type(result).__name__ for result in results].count("Translated") == 3
    tally = translation.summarize(results)
    assert (tally.total, tally.translated, tally.existing, len(tally.skipped)) == (12, 3, 0, 9)
