"""Whatever is typed wrongly ends in a sentence and the exit code of its kind, and leaves nothing behind."""

import errno
import json
import math
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ganctl import files, tensorfile
from ganctl.runs import checkpoint
from ganctl.runs.run import Run
from tests.commands import failed, ganctl, train


def nothing_left() -> bool:
    """Whether no run, and no part of one, is here."""
    return not Path("runs").exists() or not list(Path("runs").iterdir())


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("--preset nosuch", "Its presets are: compact"),
        ("--device nosuch", "There is no device 'nosuch'."),
        ("--device cuda:", "There is no device 'cuda:'."),
        ("--device cuda:99", "This machine has no cuda:99."),
        ("--nosuch 3", "No such option: --nosuch"),
        ("--loss nosuch", "Choose among: bce, lsgan, hinge."),
        ("--augment nosuch", "Choose among: none, diffaug."),
        ("--set nosuch=3", "It knows: allow_changed_data, arch, augment"),
        ("--set width", "Write --set key=value."),
        ("--set width=", "width =  is not a whole number."),
        ("--set width=x", "width = x is not a whole number."),
        ("--set width=1.5", "width = 1.5 is not a whole number."),
        ("--set width=none", "width needs a value."),
        ("--set width=0", "It must be at least 1."),
        ("--set width=1000000000000000000", "too large for any memory"),
        ("--set width=99999999999999999999999", "too large for any memory"),
        ("--set r1=nan", "r1 = nan is not a finite number."),
        ("--set r1=-1", "It must be at least 0."),
        ("--set beta1=1", "beta1 = 1 is out of range"),
        ("--epochs 0", "It must be at least 1."),
        ("--epochs -3", "It must be at least 1."),
        ("--epochs x", "--epochs"),
        ("--epochs 1.5", "--epochs"),
        ("--batch-size 0", "It must be at least 1."),
        ("--size 0", "It must be at least 4."),
        ("--size 17", "cannot generate images of 17 pixels"),
        ("--size 100000", "It must be at most 1024."),
        ("--preset paper --size 28", "not 28"),
        ("--preset paper --size 16 --set r1=1", "R1 needs each picture's own gradient. Leave it out: --set r1=0"),
        ("--set arch=paper", "R1 needs each picture's own gradient."),
        ("--loss lsgan --set lsgan_a=1", "lsgan_a and lsgan_b must differ"),
        ("--loss lsgan --set lsgan_a=1 --set lsgan_b=0", "--set lsgan_c=0."),
        ("--channels 2", "Choose among: 1, 3."),
        ("--seed -1", "It must be at least 0."),
        ("--limit 0", "It must be at least 1."),
        ("--keep 1", "It must be at least 2."),
        ("--lr 0", "It must be more than 0."),
        ("--lr nan", "is not a finite number."),
        ("--lr inf", "is not a finite number."),
        ("--lr x", "--lr"),
        ("--lr-generator -1", "It must be more than 0."),
        ("--lr 1e-3 --lr-generator 1e-3", "Give --lr, or one for each side."),
        ("--lr 1e-3 --lr-discriminator 1e-3", "Give --lr, or one for each side."),
        ("--max-minutes 0", "It must be more than 0."),
        ("--max-minutes nan", "It must be more than 0."),
        ("--max-minutes inf", "It must be more than 0."),
        ("--checkpoint-every never", "Write 10m, 90s, 1h, or 2e for epochs."),
        ("--checkpoint-every 0m", "Write 10m, 90s, 1h, or 2e for epochs."),
        ("--run .", "A run cannot be called '.'."),
        ("--run ..", "A run cannot be called '..'."),
        ("--run .hidden", "A run cannot be called '.hidden'."),
        ("more than one family", "ganctl train dcgan --help"),
    ],
)
def test_what_does_not_exist_or_is_out_of_bounds_exits_2(photos: Path, arguments: str, why: str) -> None:
    assert why in failed(train(photos, *arguments.split()), 2)
    assert nothing_left()


@pytest.mark.parametrize("name", ["", "  "])
def test_a_run_needs_a_name(photos: Path, name: str) -> None:
    assert "cannot be called" in failed(train(photos, "--run", name), 2)


def test_an_unknown_family_exits_2_and_names_the_known() -> None:
    said = failed(ganctl("train", "nosuch", "--data", "digits"), 2)
    assert said == "Error: There is no family 'nosuch'. The families are: dcgan, cyclegan."


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["train"], "Missing argument 'FAMILY'"),
        (["sample"], "Missing argument 'MODEL'"),
        (["sample", "x", "-n", "0"], "--number"),
        (["sample", "x", "-n", "many"], "--number"),
        (["sample", "x", "--seed", "-1"], "--seed"),
        (["make-gif", "x", "--fps", "0"], "--fps"),
        (["make-gif", "x", "--fps", "nan"], "--fps"),
        (["make-gif", "x", "--fps", "1e-9"], "--fps"),
        (["make-gif", "x", "--seed", "x"], "--seed"),
        (["resume", "x", "--more", "x"], "--more"),
    ],
)
def test_every_command_exits_2_where_it_is_misused(arguments: list[str], why: str) -> None:
    assert why in failed(ganctl(*arguments), 2)


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


def test_broken_pictures_are_left_out_counted_and_named(photos: Path) -> None:
    some = Path(shutil.copytree(photos, "some"))
    (some / "00.png").write_bytes(b"no picture")
    (some / "01.png").write_bytes((photos / "01.png").read_bytes()[:100])
    told = train(some)
    assert told.code == 0
    why = "image file is truncated (1), it is no picture (1)"
    assert f"Warning: 2 pictures are left out: {why}; events.jsonl names them." in told.err
    events = [json.loads(line) for line in Run(Path(told.out[0])).events.read_text().splitlines()]
    (named,) = [event["files"] for event in events if event["event"] == "broken pictures"]
    assert sorted(file.split(":")[0] for file in named) == ["00.png", "01.png"]


def test_test_pictures_are_held_out_and_what_is_not_read_is_told_where_one_trains(photos: Path) -> None:
    for part in ("train", "val"):
        shutil.copytree(photos, f"some/{part}")
    Path("some/train/x.nef").touch()
    told = train(Path("some"), "--epochs", 1, "--max-megapixels", 1)
    assert told.code == 0
    assert "Warning: Held out by name, not to be learnt from: 42 pictures in val." in told.err
    why = "it is camera raw: export it as JPEG or TIFF (1); events.jsonl names them."
    assert f"Warning: 1 picture is left out: {why}" in told.err
    record = json.loads(Run(Path(told.out[0])).path.joinpath("run.json").read_text())
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
    told = train(photos, *arguments)
    assert told.code == 0
    assert f"Warning: {warning}" in told.err


def test_one_epoch_one_step_and_one_small_picture_are_told_as_one(photos: Path) -> None:
    shutil.copytree(photos, "mixed")
    with Image.open("mixed/00.png") as picture:
        picture.resize((15, 15)).save("mixed/00.png")
    told = train(Path("mixed"), "--epochs", 1, "--batch-size", 40)
    assert "Warning: 1 of the pictures is smaller than 16 pixels and was enlarged." in told.err
    assert any("40 pictures of 16×16 colour, 1 epoch of 1 step, cpu" in line for line in told.err)


def test_a_folder_with_a_single_picture_trains(photos: Path) -> None:
    Path("one").mkdir()
    shutil.copy(photos / "00.png", "one")
    assert train(Path("one"), "--epochs", 1).code == 0


@pytest.fixture
def run(photos: Path) -> Run:
    """A finished run."""
    assert train(photos, "--run", "photos", "--epochs", 1).code == 0
    return Run(Path("runs/photos"))


def damaged(record: dict[str, Any]) -> dict[str, object]:
    """What a training never wrote into ``run.json``, by what is wrong with it."""
    settings, data = record["settings"], record["data"]
    return {
        "a list": [record],
        "empty": {},
        "another format": {**record, "format": 2},
        "no settings": {key: value for key, value in record.items() if key != "settings"},
        "settings no object": {**record, "settings": [1]},
        "no family": {**record, "settings": {key: value for key, value in settings.items() if key != "family"}},
        "unknown family": {**record, "settings": {**settings, "family": "nosuch"}},
        "unknown setting": {**record, "settings": {**settings, "nosuch": 1}},
        "unknown option": {**record, "settings": {**settings, "options": {**settings["options"], "nosuch": 1}}},
        "wrong option": {**record, "settings": {**settings, "options": {**settings["options"], "latent_dim": "x"}}},
        "no options": {**record, "settings": {**settings, "options": 3}},
        "epochs a text": {**record, "settings": {**settings, "epochs": "many"}},
        "no epochs at all": {**record, "settings": {**settings, "epochs": 0}},
        "batch a list": {**record, "settings": {**settings, "batch_size": []}},
        "no data": {**record, "data": {}},
        "data of nothing": {**record, "data": {**data, "train": 0}},
        "no threads": {**record, "threads": 0},
        "threads a text": {**record, "threads": "two"},
    }


def test_a_damaged_run_json_exits_3(run: Run) -> None:
    record = run.record()
    for how, wrong in damaged(record).items():
        (run.path / "run.json").write_text(json.dumps(wrong))
        assert "runs/photos/run.json" in failed(ganctl("resume", "photos"), 3), how
        assert ganctl("runs").code == 0, how
    for text in (b"", b"{", b"\xff\xfe\xfd", b"[" * 100_000, json.dumps(record).encode()[:-1]):
        (run.path / "run.json").write_bytes(text)
        assert "runs/photos/run.json" in failed(ganctl("resume", "photos"), 3)
        assert "runs/photos/run.json" in failed(ganctl("info", "photos"), 3)
        assert ganctl("runs").out[1].split() == ["photos", "unreadable"]


def test_what_is_no_run_exits_3(run: Run) -> None:
    for model in (run.checkpoint(5), run.checkpoint(5) / "model.safetensors"):
        assert "is no run: it holds no run.json." in failed(ganctl("resume", model), 3)
        assert "is no run: it holds no run.json." in failed(ganctl("make-gif", model), 3)


def test_a_run_whose_checkpoints_are_all_unusable_exits_3(run: Run) -> None:
    for step in run.checkpoint_steps():
        (run.checkpoint(step) / "manifest.json").unlink()
    assert "has no usable checkpoint" in failed(ganctl("sample", "photos"), 3)
    assert "has no usable checkpoint" in failed(ganctl("resume", "photos"), 3)


def test_a_place_that_cannot_be_written_is_refused(photos: Path, run: Run) -> None:
    Path("file").write_text("in the way")
    before = set(Path().rglob("*"))
    for place in ("file/run", "/proc/nosuch/run"):
        failed(train(photos, "--run", place), 1)
    for place, code in (("file/out.png", 2), ("/proc/nosuch/out.png", 1), ("/proc/nosuch/", 1)):
        failed(ganctl("sample", "photos", "-o", place), code)
        failed(ganctl("make-gif", "photos", "-o", Path(place).with_suffix(".gif")), code)
    assert set(Path().rglob("*")) == before


def refuse(number: int) -> Any:
    """A function that fails as a disk does."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refused


@pytest.mark.parametrize("command", ["sample", "make-gif", "report"])
def test_a_full_disk_names_the_file_what_it_takes_and_the_way_out(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    name = {"sample": "a.png", "make-gif": "a.gif", "report": "a.html"}[command]
    monkeypatch.setattr(files, "_fsync_file", refuse(errno.ENOSPC))
    said = failed(ganctl(command, "photos", "-o", name), 1)
    assert re.match(rf"Error: No space left on device: {re.escape(name)}, which takes [\d.]+ [kM]B\. Make room ", said)
    assert said.endswith("Make room there, for example with ganctl cache --clear, or name another place with -o.")
    assert not Path(name).exists()


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EACCES])
def test_a_disk_that_refuses_a_new_run_exits_1(photos: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    train(photos, "--dry-run")  # so that the pictures are decoded already
    monkeypatch.setattr(tempfile, "mkdtemp", refuse(number))
    said = failed(train(photos), 1)
    assert said.startswith(f"Error: {os.strerror(number)}: runs/{photos.name}. ")
    assert said.endswith("ame another place with --run.")
    assert ("ganctl cache --clear" in said) == (number == errno.ENOSPC)
    assert nothing_left()


@pytest.mark.parametrize(
    ("number", "first"), [(errno.ENOSPC, "Make room for it"), (errno.EFBIG, "Raise its limit (ulimit -f)")]
)
def test_a_disk_that_is_full_at_the_end_exits_1_and_the_run_goes_on_later(
    photos: Path, monkeypatch: pytest.MonkeyPatch, number: int, first: str
) -> None:
    with monkeypatch.context() as full:
        full.setattr(checkpoint, "save", refuse(number))
        told = train(photos, "--run", "photos")
    assert "Warning: The checkpoint of step 5 could not be saved" in told.err[2]
    assert failed(told, 1) == (
        f"Error: runs/photos could not be saved: {os.strerror(number)}. {first}, then: ganctl resume runs/photos"
    )
    assert ganctl("resume", "photos").code == 0
    assert Run(Path("runs/photos")).checkpoint_steps()[0] == 10


def test_a_training_that_diverges_exits_5_and_saves_nothing_of_it(photos: Path) -> None:
    said = failed(train(photos, "--lr", "1e30", "--run", "wild"), 5)
    assert "diverged at step 1" in said
    assert "smaller --lr" in said
    assert Run(Path("runs/wild")).checkpoint_steps() == []


def test_what_was_saved_before_a_divergence_stays(photos: Path, run: Run) -> None:
    record = run.record()
    options = {**record["settings"]["options"], "lr_generator": 1e30, "lr_discriminator": 1e30}
    run.rewrite({**record, "settings": {**record["settings"], "options": options}})
    assert "diverged at step 6" in failed(ganctl("resume", "photos", "--more", 2), 5)
    assert run.checkpoint_steps() == [5]
    for file in run.path.rglob("*.safetensors"):
        assert all(tensor.isfinite().all() for tensor in tensorfile.read(file).tensors.values())
    assert all(math.isfinite(value) for line in run.read_log() for value in line.values())
    assert ganctl("sample", "photos", "-n", 1).code == 0


def test_data_of_no_name_is_not_taken_for_no_data_named() -> None:
    assert "There is no data ''." in failed(ganctl("train", "dcgan", "--data", "", "--epochs", 1), 4)
    assert not Path("runs").exists()
