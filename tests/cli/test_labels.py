"""``train`` and ``resume`` of a family that learns from labels: where they come from, and what is refused."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ganctl import gans, tensorfile
from ganctl.cli import families
from ganctl.data.info import Needs
from ganctl.engine.session import train as train_from_python
from ganctl.runs.checkpoint import MODEL
from ganctl.runs.run import Run
from tests.cli.write_help import help_text
from tests.commands import Outcome, failed, ganctl, nothing_left, train
from tests.data.class_folders import classed
from tests.data.folders import greys
from tests.labelled_gan import FAMILY
from tests.trainings import assert_equal

REMEDY = "Make a folder for each class, name a table with --labels FILE.csv, or take --data mnist."


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The family ``labelled``, and one that needs captions too, during a test."""
    monkeypatch.setattr(gans, "FAMILIES", dict(gans.FAMILIES))
    gans.register(FAMILY)
    gans.register(replace(FAMILY, name="captioned", needs=Needs(columns=("labels", "captions"))))
    yield
    families.train_command.cache_clear()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of twelve pictures: 000.png to 011.png."""
    (tmp_path / "pictures").mkdir()
    return greys(tmp_path / "pictures", 12)


def table(path: Path, names: str, count: int = 12) -> Path:
    """A table that gives the pictures these names in turn."""
    lines = (f"{i:03d}.png,{names[i % len(names)]}\n" for i in range(count))
    path.write_text("file,label\n" + "".join(lines))
    return path


def trained(data: object, *arguments: object) -> Outcome:
    return ganctl("train", "labelled", "--data", data, "--size", 8, "--device", "cpu", *arguments)


def test_the_flag_is_shown_where_labels_are_learned_from_only() -> None:
    assert "--labels" in help_text("train", "labelled")
    for words in (("train",), ("train", "dcgan"), ("train", "cyclegan")):
        assert "--labels" not in help_text(*words)


@pytest.mark.parametrize("family", ["dcgan", "cyclegan"])
def test_a_family_without_labels_refuses_a_table(family: str, pictures: Path) -> None:
    outcome = ganctl("train", family, "--data", pictures, "--labels", "labels.csv")
    assert failed(outcome, 2) == f"Error: {family} learns from no labels. Leave out --labels."
    assert nothing_left()


def test_data_without_labels_is_refused_before_anything_is_decoded(
    pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganctl.data.cache.dataset.decode", lambda *_: pytest.fail("it was decoded"))
    assert (
        failed(trained(pictures), 4) == f"Error: {pictures} has no labels: there are no class folders in it. {REMEDY}"
    )
    captioned = ganctl("train", "captioned", "--data", classed(pictures / "sub", "a", "b"))
    assert failed(captioned, 4) == f"Error: {pictures / 'sub'} has no captions, and captioned needs them."
    assert "labels.csv cannot be read: No such file" in failed(trained(pictures, "--labels", "labels.csv"), 4)
    assert nothing_left()


def test_class_folders_are_learned_from_and_named_in_the_record_and_the_model(tmp_path: Path) -> None:
    hostile = "b\x1b[31m"
    outcome = trained(classed(tmp_path / "set", "a", hostile, count=12), "--run", "r", "--set", "slack=2")
    assert outcome.code == 0, outcome
    run = Run(Path("runs/r"))
    assert run.record()["data"]["classes"] == 2
    (step,) = run.checkpoint_steps()
    assert tensorfile.read_header(run.checkpoint(step) / MODEL)["classes"] == ["a", hostile]
    (line,) = [line for line in ganctl("info", "r").out if line.startswith("classes")]
    assert line.split(maxsplit=1)[1] == "2: a, b\\x1b[31m"


def test_of_many_classes_info_names_the_first(tmp_path: Path) -> None:
    names = ["x" * 60, *(f"{i:02d}" for i in range(30))]
    assert trained(classed(tmp_path / "set", *names), "--run", "r").code == 0
    (line,) = [line for line in ganctl("info", "r").out if line.startswith("classes")]
    assert line.split(maxsplit=1)[1] == f"31: {', '.join(f'{i:02d}' for i in range(10))} and 21 more"


def test_a_family_without_labels_sees_no_classes_in_folders(tmp_path: Path) -> None:
    assert train(classed(tmp_path / "set", "a", "b", count=12), "--run", "r").code == 0
    assert "classes" not in Run(Path("runs/r")).record()["data"]
    assert not [line for line in ganctl("info", "r").out if line.startswith("classes")]


def test_a_table_is_used_again_by_resume_bit_for_bit(pictures: Path, tmp_path: Path) -> None:
    labels = table(tmp_path / "labels.csv", "abc")
    for run, epochs in ("whole", 4), ("half", 2):
        assert trained(pictures, "--labels", labels, "--run", run, "--epochs", epochs).code == 0
    assert Run(Path("runs/half")).record()["settings"]["labels"] == str(labels)
    assert ganctl("resume", "half", "--epochs", 4).code == 0
    assert_equal(Run(Path("runs/whole")), Run(Path("runs/half")), 12)


def test_resume_notices_a_table_that_was_changed_or_is_gone(pictures: Path, tmp_path: Path) -> None:
    labels = table(tmp_path / "labels.csv", "abc")
    assert trained(pictures, "--labels", labels, "--run", "r").code == 0
    for names in ("abd", "acb"):
        table(labels, names)
        message = failed(ganctl("resume", "r", "--more", 1), 4)
        assert f"The data {pictures} with the labels in {labels} is no longer what runs/r began with." in message
    assert ganctl("resume", "r", "--more", 1, "--set", "allow_changed_data=true").code == 0
    table(labels, "abcd")
    message = failed(ganctl("resume", "r", "--more", 1, "--set", "allow_changed_data=true"), 4)
    assert "has 4 classes now, and runs/r began with 3: its nets are built for these." in message
    labels.unlink()
    message = failed(ganctl("resume", "r", "--more", 1), 4)
    assert message.endswith(
        "labels.csv cannot be read: No such file or directory. "
        "If it is elsewhere now: ganctl resume runs/r --labels FILE.csv"
    )
    table(labels, "abc")
    assert ganctl("resume", "r", "--more", 1).code == 0


def test_a_table_that_was_moved_is_named_on_resume(pictures: Path, tmp_path: Path) -> None:
    assert trained(pictures, "--labels", table(tmp_path / "old.csv", "abc"), "--run", "r").code == 0
    (tmp_path / "old.csv").rename(tmp_path / "new.csv")
    assert ganctl("resume", "r", "--more", 1, "--labels", tmp_path / "new.csv").code == 0
    assert Run(Path("runs/r")).record()["settings"]["labels"] == str(tmp_path / "new.csv")
    assert ganctl("resume", "r", "--more", 1).code == 0
    message = failed(ganctl("resume", "r", "--more", 1, "--labels", table(tmp_path / "other.csv", "acb")), 4)
    assert f"ganctl resume runs/r --labels {tmp_path / 'other.csv'} --set allow_changed_data=true" in message


def test_a_run_without_a_table_refuses_one_on_resume(run: Run, tmp_path: Path) -> None:
    message = failed(ganctl("resume", run.path, "--more", 1, "--labels", table(tmp_path / "t.csv", "ab")), 2)
    assert "runs/photos learns from no table of labels. Leave out --labels." in message


def test_a_table_that_lies_in_the_data_moves_with_it(pictures: Path, tmp_path: Path) -> None:
    assert trained(pictures, "--labels", table(pictures / "labels.csv", "abc"), "--run", "r").code == 0
    shutil.move(pictures, tmp_path / "moved")
    assert ganctl("resume", "r", "--more", 1, "--data", tmp_path / "moved").code == 0
    assert Run(Path("runs/r")).record()["settings"]["labels"] == str(tmp_path / "moved" / "labels.csv")
    assert ganctl("resume", "r", "--more", 1).code == 0


@pytest.mark.parametrize("family", ["labelled", "acgan"])
def test_init_from_compares_the_classes(family: str, tmp_path: Path) -> None:
    def started(names: str, run: str, *arguments: object) -> Outcome:
        flags = ("--size", 8, "--device", "cpu", "--epochs", 1, "--batch-size", 4, "--evaluate-every", 0, "--run", run)
        narrow = ("--width", 4) if family == "acgan" else ()
        return ganctl("train", family, "--data", classed(tmp_path / run, *names, count=4), *flags, *narrow, *arguments)

    assert started("abc", "first").code == 0
    model = Run(Path("runs/first")).checkpoint(3) / MODEL
    for run, names in ("fewer", "ab"), ("more", "abcd"):
        message = failed(started(names, run, "--init-from", model), 2)
        counts = f"knows 3 classes, and the data has {len(names)}: its nets do not fit."
        assert message == (f"Error: {model.resolve()} {counts} Take data of as many classes, or leave out --init-from.")
        assert not Path("runs", run).exists()
    assert not [line for line in started("abc", "same", "--init-from", model).err if line.startswith("Warning")]
    (line,) = [line for line in started("axy", "other", "--init-from", model).err if line.startswith("Warning: Class")]
    sentence = (
        f"Class 1 is x here and was b in {model.resolve()}: what was learned of one class is where another begins."
    )
    assert line == f"Warning: {sentence}"


def test_the_users_folder_may_be_written_as_a_tilde(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    table(pictures / "labels.csv", "abc")
    assert trained("~/pictures", "--labels", "~/pictures/labels.csv", "--run", "r").code == 0
    assert Run(Path("runs/r")).record()["settings"]["labels"] == str(pictures / "labels.csv")
    shutil.move(pictures, tmp_path / "moved")
    assert ganctl("resume", "r", "--more", 1, "--data", "~/moved").code == 0
    assert Run(Path("runs/r")).record()["settings"]["labels"] == str(tmp_path / "moved" / "labels.csv")
    labels = "~/moved/labels.csv"
    path = train_from_python("labelled", data="~/moved", labels=labels, run="p", size=8, device="cpu")
    assert Run(path).record()["settings"]["labels"] == str(tmp_path / "moved" / "labels.csv")


def test_what_a_table_lacks_and_what_a_limit_leaves_out_is_warned_of(pictures: Path, tmp_path: Path) -> None:
    labels = table(tmp_path / "labels.csv", "ab", count=10)
    text = " ".join(trained(pictures, "--labels", labels, "--run", "r").err)
    assert "2 pictures are left out, as labels.csv has no line for them: 010.png and 011.png." in text
    text = " ".join(trained(classed(tmp_path / "set", "a", "b", "c", count=8), "--run", "s", "--limit", 2).err)
    assert re.search("[abc] is a class without a picture to learn from among the first 2", text)
    assert "one class only" in failed(trained(tmp_path / "set", "--run", "t", "--limit", 1), 4)
    text = " ".join(trained(tmp_path / "set", "--run", "t", "--limit", 3).err)
    assert "without a picture" not in text, "a limit takes the classes in turn"


def test_the_labels_of_a_table_reach_the_training_from_python(pictures: Path, tmp_path: Path) -> None:
    labels = table(tmp_path / "labels.csv", "ab")
    path = train_from_python("labelled", data=str(pictures), labels=str(labels), size=8, device="cpu")
    assert Run(path).record()["data"]["classes"] == 2
