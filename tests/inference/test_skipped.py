"""Broken, missing and unwritable images are skipped with a reason, and never stop the others."""

import os
import re
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ganctl.inference import translate as translation
from ganctl.inference.paths import plan_jobs
from tests.commands import Outcome, failed
from tests.inference.image_files import BROKEN, files_in, save_flat, translate
from tests.translators import negative

pytestmark = pytest.mark.usefixtures("model")


def test_a_broken_picture_never_stops_the_rest(broken_folder: Path) -> None:
    outcome = translate(broken_folder)
    assert outcome.code == 1
    assert outcome.out == ["zoo-zebra/a.png", "zoo-zebra/z.png", "zoo-zebra/inner.png/b.png"]
    kinds = ", ".join(
        f"{why} ({count})"
        for why, count in sorted(Counter(BROKEN.values()).items(), key=lambda item: (-item[1], item[0]))
    )
    assert outcome.err == [f"translated 3 of 12, 9 skipped: {kinds}; --verbose names each"]
    assert files_in("zoo-zebra") == sorted(outcome.out)


@pytest.mark.parametrize("name", BROKEN)
def test_the_reason_for_each_broken_picture_is_a_sentence(broken_folder: Path, name: str) -> None:
    message = failed(translate(broken_folder / name), 4)
    assert message.startswith(f"Error: Nothing could be translated: zoo/{name} ({BROKEN[name]}")
    assert files_in(".") == [*files_in("m"), *files_in("zoo")]


def test_a_path_that_no_file_can_have_is_skipped_too() -> None:
    save_flat("a.png")
    Path("loop").symlink_to("loop")
    outcome = translate("x" * 300, "loop/b.png", "a.png")
    assert (outcome.code, outcome.out) == (1, ["a-zebra.png"])
    assert "(File name too long), loop/b.png (Too many levels of symbolic links)" in outcome.err[0]


def test_a_name_that_is_too_long_with_its_domain_is_skipped() -> None:
    save_flat("photos/a.png"), save_flat(f"photos/{'x' * 249}.png")
    outcome = translate("photos/a.png", f"photos/{'x' * 249}.png")
    assert (outcome.code, outcome.out) == (1, ["a-zebra.png"])
    assert "File name too long" in outcome.err[0]


def test_a_folder_that_may_not_be_read_is_skipped_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    save_flat("photos/a.png"), save_flat("photos/closed/b.png")
    scandir = os.scandir

    def refuse(path: str | int) -> object:
        if not isinstance(path, int) and Path(path).name == "closed":  # what removes a folder names it by a number
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    outcome = translate("photos")
    assert (outcome.code, outcome.out) == (1, ["photos-zebra/a.png"])
    assert outcome.err == ["translated 1 of 2, 1 skipped: photos/closed (Permission denied)"]


def test_what_is_missing_or_empty_is_skipped_too() -> None:
    Path("empty").mkdir()
    save_flat("a.png")
    outcome = translate("nothing.png", "empty", "/dev/null", "a.png")
    assert (outcome.code, outcome.out) == (1, ["a-zebra.png"])
    assert outcome.err == [
        "translated 1 of 4, 3 skipped: nothing.png (there is no such file), empty (it holds no pictures), "
        "/dev/null (it is a device or a pipe)"
    ]
    assert translate("a.png", "nothing.png").code == 1, "what was there already is no success of this call"
    assert failed(translate("empty"), 4) == "Error: Nothing could be translated: empty (it holds no pictures)."


def test_a_limit_of_megapixels_can_be_set() -> None:
    Image.new("L", (40, 30)).save("a.jpg")
    message = failed(translate("a.jpg", "--max-megapixels", "0.001"), 4)
    assert "a.jpg (it has more than 0.001 megapixels, which --max-megapixels would allow)" in message
    assert translate("a.jpg", "--max-megapixels", "0.001", "--size", "4").code == 0, "a JPEG is decoded at a fraction"
    assert "--max-megapixels" in failed(translate("a.jpg", "--max-megapixels", "0"), 2)


def test_a_picture_that_memory_cannot_hold_is_skipped_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.png", "b.png", "c.png"):
        save_flat(f"some/{name}")
    translate_uint8, calls = translation.translate_uint8, []

    def full(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return translate_uint8(*arguments)

    monkeypatch.setattr(translation, "translate_uint8", full)
    outcome = translate("some", "-o", "out")
    assert (outcome.code, outcome.out) == (1, ["out/a.png", "out/c.png"])
    assert outcome.err == ["translated 2 of 3, 1 skipped: some/b.png (it takes more memory than there is)"]


def test_an_interrupt_leaves_no_half_file(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        save_flat(f"photos/{name}.png")
    replace_file, calls = Path.replace, count()

    def replace(self: Path, target: Path) -> Path:
        if next(calls) == 1:
            raise KeyboardInterrupt
        return replace_file(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    outcome = translate("photos")
    assert outcome == Outcome(130, ["photos-zebra/a.png"], [])
    assert files_in("photos-zebra") == ["photos-zebra/a.png"]


def test_a_full_disk_stops_the_rest_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    save_flat("photos/a.png"), save_flat("photos/b.png")

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    message = failed(translate("photos"), 1)
    assert re.match(r"Error: No space left on device: photos-zebra/a\.png, which takes \d+ bytes\. ", message)
    assert message.endswith("Make room there, for example with ganctl cache --clear, or name another place with -o.")
    assert files_in("photos-zebra") == []


def test_results_can_be_counted_from_python(broken_folder: Path) -> None:
    results = list(translation.translate(negative(), plan_jobs([str(broken_folder)], "zebra", None, force=False)))
    assert [type(result).__name__ for result in results].count("Translated") == 3
    summary = translation.summarize(results)
    assert (summary.total, summary.translated, summary.existing, len(summary.skipped)) == (12, 3, 0, 9)
