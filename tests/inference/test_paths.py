"""Which outputs a translate command chooses: names, folders, formats, clashes and what is never overwritten."""

from pathlib import Path

import pytest
from PIL import Image

from ganctl.inference import loading
from tests.commands import Outcome, failed, ganctl
from tests.inference.image_files import files_in, flat_level, save_flat, translate
from tests.translators import negative

pytestmark = pytest.mark.usefixtures("model")


def test_the_output_is_in_this_folder_and_named_after_its_domain() -> None:
    save_flat("far/away/img.png")
    assert translate("far/away/img.png") == Outcome(0, ["img-zebra.png"], ["translated 1 of 1"])
    assert flat_level("img-zebra.png") == 155


@pytest.mark.parametrize("output", ["new/x.png", "x.webp", "x.tif", "x.bmp", "x.JPG"])
def test_one_picture_goes_to_the_file_that_is_named(output: str) -> None:
    save_flat("img.png")
    assert translate("img.png", "-o", output).out == [output]
    assert abs(flat_level(output) - 155) <= 1


@pytest.mark.parametrize("output", ["out", "out/", "out.v2/", "there.png"])
def test_one_picture_goes_into_a_folder_that_exists_or_is_written_as_one(output: str) -> None:
    Path("there.png").mkdir()
    save_flat("img.png")
    assert translate("img.png", "-o", output).out == [str(Path(output, "img.png"))]


def test_several_pictures_go_into_a_folder_or_into_this_one() -> None:
    save_flat("a/one.png"), save_flat("b/two.jpg")
    assert translate("a/one.png", "b/two.jpg").out == ["one-zebra.png", "two-zebra.jpg"]
    assert translate("a/one.png", "b/two.jpg", "-o", "out").out == ["out/one.png", "out/two.jpg"]
    assert files_in("out") == ["out/one.png", "out/two.jpg"]


def test_a_folder_becomes_a_folder_with_the_same_paths_in_it() -> None:
    save_flat("photos/a.png"), save_flat("photos/deep/er/b.PNG"), save_flat("photos/x.png/c.webp")
    paths = ["a.png", "deep/er/b.PNG", "x.png/c.webp"]
    assert translate("photos").out == [f"photos-zebra/{path}" for path in paths]
    assert translate("photos/", "-o", "out").out == [f"out/{path}" for path in paths]
    assert files_in("out") == [f"out/{path}" for path in paths]


def test_the_working_directory_is_called_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = Path("m").absolute(), save_flat("photos/a.png")
    monkeypatch.chdir("photos")
    assert ganctl("translate", model, ".").out == ["photos-zebra/a.png"]
    again = ganctl("translate", model, ".")
    assert again == Outcome(0, [], ["translated 0 of 1, 1 was there already"])


def test_a_pattern_that_the_shell_left_alone_is_expanded() -> None:
    for name in ("b.png", "a.png", "c.jpg", "[x].png"):
        save_flat(name)
    assert translate("?.png", "-o", "out").out == ["out/a.png", "out/b.png"]
    assert translate("[x].png").out == ["[x]-zebra.png"], "a name that exists is no pattern"
    assert failed(translate("*.gif"), 4) == "Error: Nothing could be translated: *.gif (there is no such file)."


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "png", "webp", "tif", "tiff"])
def test_the_ending_is_kept_where_the_format_holds_a_translation(suffix: str) -> None:
    save_flat(f"a.{suffix}")
    assert translate(f"a.{suffix}").out == [f"a-zebra.{suffix}"]


@pytest.mark.parametrize("name", ["a.gif", "a.bmp", "a.ppm"])
def test_any_other_ending_becomes_png(name: str) -> None:
    assert translate(save_flat(name)).out == ["a-zebra.png"]


def test_transparency_under_the_name_of_a_jpeg_becomes_png() -> None:
    save_flat("photos/a.jpg", alpha=True, format="PNG")
    assert translate("photos").out == ["photos-zebra/a.png"]
    with Image.open("photos-zebra/a.png") as file:
        assert file.mode == "RGBA"


def test_a_file_that_is_named_and_cannot_hold_transparency_is_refused() -> None:
    save_flat("a.png", alpha=True)
    message = failed(translate("a.png", "-o", "x.jpg"), 2)
    assert message == "Error: x.jpg cannot hold the transparency of a.png. Use .png or .webp."
    assert not Path("x.jpg").exists()


@pytest.mark.parametrize("output", ["x.xyz", "x.txt"])
def test_an_ending_that_names_no_format_is_refused(output: str) -> None:
    save_flat("a.png")
    assert "names no picture format" in failed(translate("a.png", "-o", output), 2)


@pytest.mark.parametrize("output", ["x.png", "taken"])
def test_a_file_cannot_hold_several_pictures(output: str) -> None:
    save_flat("a.png"), save_flat("b.png")
    Path("taken").touch()
    assert "Name one with -o" in failed(translate("a.png", "b.png", "-o", output), 2)
    assert "Name one with -o" in failed(translate("m", "-o", output), 2)


def test_two_pictures_never_become_one_file() -> None:
    (
        save_flat("photos/a.bmp", 10),
        save_flat("photos/a.gif", 20),
        save_flat("photos/a.png", 30),
        save_flat("b/a.png", 40),
    )
    outcome = translate("photos", "b", "-o", "out")
    assert outcome.out == ["out/a.png", "out/a-2.png", "out/a-3.png", "out/a-4.png"]
    assert [flat_level(path) for path in outcome.out] == [245, 235, 225, 215]
    assert translate("photos", "b", "-o", "out").err == ["translated 0 of 4, 4 were there already"]
    assert translate("photos/a.png", "b/a.png").out == ["a-zebra.png", "a-zebra-2.png"]


def test_a_picture_that_is_named_twice_is_translated_once() -> None:
    save_flat("photos/a.png"), save_flat("photos/b.png")
    assert translate("photos/b.png", "photos", "photos/../photos/a.png", "-o", "out").out == ["out/b.png", "out/a.png"]


def test_an_existing_output_is_left_alone_and_counted_unless_forced() -> None:
    save_flat("photos/a.png"), save_flat("photos/b.png"), save_flat("out/a.png", 7)
    outcome = translate("photos", "-o", "out")
    assert outcome == Outcome(0, ["out/b.png"], ["translated 1 of 2, 1 was there already"])
    assert flat_level("out/a.png") == 7
    assert translate("photos", "-o", "out", "--force").out == ["out/a.png", "out/b.png"]
    assert flat_level("out/a.png") == 155


def test_a_picture_is_never_overwritten_by_its_own_translation_unless_forced() -> None:
    save_flat("photos/a.png")
    Path("link").symlink_to("photos")
    for output in ("photos/a.png", "photos", "link/", "link/a.png"):
        assert "with --force" in failed(translate("photos/a.png", "-o", output), 2)
    for output in ("photos", "link"):
        assert "with --force" in failed(translate("photos", "-o", output), 2)
    assert flat_level("photos/a.png") == 100
    assert translate("photos", "-o", "photos", "--force").out == ["photos/a.png"]
    assert flat_level("photos/a.png") == 155


def test_force_overwrites_no_picture_that_is_still_to_be_read() -> None:
    save_flat("photos/a.gif", 10), save_flat("photos/b/a.png", 20)
    outcome = translate("photos/a.gif", "photos/b/a.png", "-o", "photos/b", "--force")
    assert outcome.out == ["photos/b/a-2.png", "photos/b/a.png"]
    assert [flat_level(path) for path in outcome.out] == [245, 235]


def test_another_picture_is_never_taken_for_a_translation() -> None:
    save_flat("q/a.bmp"), save_flat("q/a.png")
    assert "q/a.png is the picture itself" in failed(translate("q/a.bmp", "q/a.png", "-o", "q/"), 2)
    assert translate("q/a.bmp", "q/a.png", "-o", "q/", "--force").out == ["q/a-2.png", "q/a.png"]


def test_stdout_is_no_place_for_pictures() -> None:
    assert "not written to stdout" in failed(translate(save_flat("a.png"), "-o", "-"), 2)


def test_an_empty_name_is_refused_and_not_taken_for_this_folder() -> None:
    save_flat("a.png")
    assert "The name of a picture is empty" in failed(translate(""), 2)


def test_results_inside_of_the_folder_are_not_translated_again() -> None:
    save_flat("photos/a.png"), save_flat("photos/b/c.png")
    for _ in range(2):
        assert translate("photos", "-o", "photos/out", "--force").out == ["photos/out/a.png", "photos/out/b/c.png"]
    assert len(files_in("photos")) == 4


def test_a_domain_leads_to_no_other_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    model = negative()
    monkeypatch.setattr(loading, "load", lambda *_: model)
    model.header["domains"][1] = "../../zebra"
    save_flat("a.png")
    assert translate("a.png").out == ["a-..-..-zebra.png"]
