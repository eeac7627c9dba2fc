"""What is nearly right is understood, or refused with the command that is right."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ganctl import tensorfile
from ganctl.cli import app
from ganctl.data import resolve
from ganctl.data.sources import cyclegan_sets
from ganctl.errors import DataError
from ganctl.runs import checkpoint, names
from ganctl.tensorfile import TensorFile
from tests.commands import failed, ganctl
from tests.handmade_runs import STEPS, rich, written
from tests.test_text import foreign


@pytest.mark.parametrize("command", ["sample", "translate", "info", "resume", "evaluate", "report", "make-gif"])
@pytest.mark.parametrize(
    ("model", "family"), [("horse2zebra", "cyclegan"), ("plain2striped", "cyclegan"), ("mnist", "dcgan")]
)
def test_a_run_that_a_set_would_have_is_told_how_to_begin(command: str, model: str, family: str) -> None:
    pictures = ["img.jpg"] if command == "translate" else []
    begin = f"to begin this one: ganctl train {family} --data {model}"
    assert failed(ganctl(command, model, *pictures), 3).endswith(f"There are no runs here yet; {begin}")
    written(Path("runs/other"))
    assert failed(ganctl(command, model, *pictures), 3).endswith(f"The runs here are: other; {begin}")


def test_a_folder_without_runs_names_a_family_that_does_what_was_asked_for() -> None:
    assert failed(ganctl("translate", "nosuch", "img.jpg"), 3).endswith(
        "There are no runs here yet: ganctl train cyclegan"
    )
    assert failed(ganctl("sample", "nosuch"), 3).endswith("There are no runs here yet: ganctl train dcgan")


def test_the_sets_that_runs_are_called_after_are_those_that_are_known() -> None:
    assert sorted(names.SINGLE_SETS) == sorted(resolve.SINGLE_SETS)
    assert sorted(names.TWO_DOMAIN_SETS) == sorted(resolve.TWO_DOMAIN_SETS)


def test_a_set_that_was_unpacked_into_a_folder_of_its_own_name_is_found(
    pair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(pair, "horse2zebra/horse2zebra")
    Path("horse2zebra/__MACOSX").mkdir()
    Path("horse2zebra/readme.txt").write_text("pictures")
    zoo = resolve.resolve_domains("horse2zebra")
    assert zoo.names == ("horse", "zebra")
    assert [len(side.train) for side in zoo.sources] == [9, 14]  # type: ignore[attr-defined]
    assert ganctl("check", "horse2zebra").code == 0
    monkeypatch.setenv("GANCTL_DATA", str(Path.cwd()))
    assert cyclegan_sets.find("horse2zebra") == Path.cwd() / "horse2zebra/horse2zebra"
    Path("zoo/zoo").mkdir(parents=True)
    for inner, name in (("trainA", "cats"), ("trainB", "dogs")):
        shutil.copytree(pair / inner, Path("zoo/zoo", name))
    assert resolve.resolve_domains("zoo", "cats,dogs").names == ("cats", "dogs")
    Path("zoo/other").mkdir()
    with pytest.raises(DataError):
        resolve.resolve_domains("zoo", "cats,dogs")


@pytest.mark.parametrize("command", [("train", "cyclegan", "--data"), ("check",)])
def test_domains_that_are_paths_are_told_as_names(pair: Path, command: tuple[str, ...]) -> None:
    shutil.copytree(pair, "my zoo/train")
    message = failed(ganctl(*command, "my zoo", "--domains", "train/trainA,train/trainB"), 2)
    flags = shlex.split(message.split(" Write ")[1])
    assert flags == ["--data", "my zoo/train", "--domains", "trainA,trainB"]
    assert resolve.resolve_domains(flags[1], flags[3]).names == ("trainA", "trainB")
    assert "side by side" in failed(ganctl(*command, "my zoo", "--domains", "train/trainA,test/testB"), 2)


@pytest.mark.parametrize(
    "address", ["https://example.org/a/horse.jpg?w=9&h=9", "HTTP://example.org/x.png", "s3://b/x.png"]
)
def test_an_address_is_no_picture_and_is_shown_as_it_was_typed(address: str) -> None:
    from tests.translators import write_model

    message = failed(ganctl("translate", write_model(Path("m.safetensors")), "a.png", address), 2)
    assert message == (
        f"Error: {address} is an address, and pictures are read from files. Fetch it: curl -LO {shlex.quote(address)}"
    )
    assert f"{address} is an address" in failed(ganctl("train", "dcgan", "--data", address), 4)


def test_a_training_state_is_no_model_and_the_model_beside_it_is_named() -> None:
    folder = written(Path("runs/one")).checkpoint(100)
    model, state = foreign(folder / checkpoint.MODEL), folder / checkpoint.STATE
    for path in (state, Path("renamed.safetensors")):
        tensorfile.write(path, TensorFile({"x": torch.zeros(1)}, {"kind": checkpoint.TRAINING_STATE, "step": 1}))
    for command in (("info",), ("sample",), ("translate",), ("train", "dcgan", "--init-from")):
        rest = ["a.png"] if command == ("translate",) else []
        beside = model.resolve() if "train" in command else model
        message = failed(ganctl(*command, state, *rest), 3)
        assert message.endswith(f" and no model to use. Name the model beside it: {beside}")
        assert failed(ganctl(*command, "renamed.safetensors", *rest), 3).endswith("no model to use. ganctl runs")


@pytest.mark.parametrize("arguments", [["runs"], ["sample", "x"], ["train", "dcgan", "--data", "digits"]])
def test_a_working_folder_that_was_deleted_is_told(arguments: list[str]) -> None:
    gone = Path("gone").absolute()
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    assert failed(ganctl(*arguments), 1) == "Error: The folder that this was started in is gone. cd"


def test_a_process_in_a_folder_that_was_deleted_gets_a_sentence_too() -> None:
    Path("gone").mkdir()
    script = (
        "import os, sys; os.rmdir(os.getcwd()); os.execv(sys.executable, [sys.executable, *'-m ganctl runs'.split()])"
    )
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd="gone",
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == ["Error: The folder that this was started in is gone.", "cd"]


def test_a_film_of_a_finished_run_without_pictures_names_what_makes_some() -> None:
    run = rich(Path("runs/one"), epochs=50)
    shutil.rmtree(run.progress)
    assert failed(ganctl("make-gif", "one"), 1) == (
        "Error: runs/one has no progress pictures yet. ganctl resume runs/one --more 1"
    )
    run.checkpoint(50 * STEPS).rename(run.checkpoint(40 * STEPS))  # as if it had been stopped
    assert failed(ganctl("make-gif", "one"), 1).endswith("progress pictures yet. ganctl resume runs/one")


@pytest.mark.parametrize("value", ["1", "yes"])
def test_ganctl_debug_shows_what_is_behind_a_sentence(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    path = Path("x.safetensors")
    path.write_bytes(b"no header at all")
    plain = failed(ganctl("info", path), 3)
    monkeypatch.setenv("GANCTL_DEBUG", value)
    outcome = ganctl("info", path)
    assert failed(outcome, 3) == plain
    printed = "\n".join(outcome.err)
    assert "Traceback (most recent call last):" in printed
    assert "ValueError: its header is cut" in printed
    assert "in read_header" in printed
    for off in ("", "0"):
        monkeypatch.setenv("GANCTL_DEBUG", off)
        assert ganctl("info", path).err == [plain]


def test_ganctl_debug_shows_misuse_and_refusals_of_the_system_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANCTL_DEBUG", "1")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    assert "Traceback (most recent call last):" in ganctl("--nosuch").err
    monkeypatch.setattr(app, "app", refuse)
    outcome = ganctl("runs")
    assert failed(outcome, 1) == "Error: No space left on device."
    assert "Traceback (most recent call last):" in outcome.err
