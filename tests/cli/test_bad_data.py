"""Data that cannot be used exits 4; odd data is warned of and trained on."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from ganctl.runs.run import Run
from tests.commands import failed, ganctl, nothing_left, train


def folder_of(kind: str) -> Path:
    """A place that holds no usable pictures."""
    path = Path("data")
    match kind:
        case "missing":
            pass
        case "empty":
            path.mkdir()
        case "no pictures":
            path.mkdir()
            (path / "notes.txt").write_text("nothing to see")
        case "a file":
            Image.new("RGB", (8, 8)).save("data.png")
            return Path("data.png")
        case "broken":
            path.mkdir()
            (path / "a.png").write_bytes(b"no picture")
            (path / "b.jpg").write_bytes(b"")
    return path


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("missing", "There is no data 'data'. Name a folder of pictures, or one of: mnist, fashion-mnist, digits."),
        ("empty", "data holds no pictures."),
        ("no pictures", "data holds no pictures."),
        ("a file", "data.png is a file. Name the folder that holds the pictures."),
        ("broken", "can be read; a.png: "),
    ],
)
def test_data_that_cannot_be_used_exits_4(kind: str, why: str) -> None:
    assert why in failed(train(folder_of(kind)), 4)
    assert nothing_left()


def test_data_of_no_name_is_not_taken_for_no_data_named() -> None:
    assert "There is no data ''." in failed(ganctl("train", "dcgan", "--data", "", "--epochs", 1), 4)
    assert not Path("runs").exists()


def test_broken_pictures_are_left_out_counted_and_named(photos: Path) -> None:
    some = Path(shutil.copytree(photos, "some"))
    (some / "00.png").write_bytes(b"no picture")
    (some / "01.png").write_bytes((photos / "01.png").read_bytes()[:100])
    outcome = train(some)
    assert outcome.code == 0
    why = "image file is truncated (1), it is no picture (1)"
    assert f"Warning: 2 pictures are left out: {why}; events.jsonl names them." in outcome.err
    events = [json.loads(line) for line in Run(Path(outcome.out[0])).events.read_text().splitlines()]
    (named,) = [event["files"] for event in events if event["event"] == "broken pictures"]
    assert sorted(file.split(":")[0] for file in named) == ["00.png", "01.png"]


def test_test_pictures_are_held_out_and_what_is_not_read_is_told_where_one_trains(photos: Path) -> None:
    for part in ("train", "val"):
        shutil.copytree(photos, f"some/{part}")
    Path("some/train/x.nef").touch()
    outcome = train(Path("some"), "--epochs", 1, "--max-megapixels", 1)
    assert outcome.code == 0
    assert "Warning: Held out by name, not to be learnt from: 42 pictures in val." in outcome.err
    why = "it is camera raw: export it as JPEG or TIFF (1); events.jsonl names them."
    assert f"Warning: 1 picture is left out: {why}" in outcome.err
    record = json.loads(Run(Path(outcome.out[0])).path.joinpath("run.json").read_text())
    assert (record["data"]["train"], record["data"]["held_out"]) == (42, 42)
    assert record["settings"]["max_megapixels"] == 1


@pytest.mark.parametrize(
    ("arguments", "warning"),
    [
        (["--batch-size", 1000, "--epochs", 1], "The batch of 1000 is more than the data, so it is 40."),
        (["--size", 48, "--epochs", 1], "42 of the pictures are smaller than 48 pixels and were enlarged."),
        (["--limit", 1, "--epochs", 1], "There is one picture only: all that can be learned is to repeat it."),
    ],
)
def test_odd_data_is_warned_of_and_trained_on(photos: Path, arguments: list[object], warning: str) -> None:
    outcome = train(photos, *arguments)
    assert outcome.code == 0
    assert f"Warning: {warning}" in outcome.err


def test_one_epoch_one_step_and_one_small_picture_are_told_as_one(photos: Path) -> None:
    shutil.copytree(photos, "mixed")
    with Image.open("mixed/00.png") as picture:
        picture.resize((15, 15)).save("mixed/00.png")
    outcome = train(Path("mixed"), "--epochs", 1, "--batch-size", 40)
    assert "Warning: 1 of the pictures is smaller than 16 pixels and was enlarged." in outcome.err
    assert any("40 pictures of 16×16 colour, 1 epoch of 1 step, cpu" in line for line in outcome.err)


def test_a_folder_with_a_single_picture_trains(photos: Path) -> None:
    Path("one").mkdir()
    shutil.copy(photos / "00.png", "one")
    assert train(Path("one"), "--epochs", 1).code == 0
